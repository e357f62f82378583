// SPDX-License-Identifier: Apache-2.0
/* Messages as the specification of D-Bus has them, whole and broken, and a bus that answers in its own ways. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fs.h"
#include "plugins/dbus.h"

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, NULL, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

static uint32_t answered = 7; /* the call that is answered */

/* An answer, as a bus of either byte order writes it. */
struct message { uint8_t bytes[512]; size_t n; bool big; };

static void put(struct message *m, const void *data, size_t n)
{
	memcpy(m->bytes + m->n, data, n);
	m->n += n;
}

static void put_number(struct message *m, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
	uint8_t swapped[4] = { b[3], b[2], b[1], b[0] };

	while (m->n % 4)
		put(m, "", 1);
	put(m, m->big ? swapped : b, 4);
}

static void put_text(struct message *m, const char *s)
{
	put_number(m, (uint32_t)strlen(s));
	put(m, s, strlen(s) + 1);
}

static struct message answer(bool big, uint8_t type, const char *signature, const struct message *body)
{
	struct message m = { .big = big };
	uint8_t head[4] = { big ? 'B' : 'l', type, 0, 1 }, one = (uint8_t)strlen(signature);
	size_t fields;

	put(&m, head, 4);
	put_number(&m, (uint32_t)body->n);
	put_number(&m, 99);
	put_number(&m, 0);
	put(&m, "\x05\x01u\0", 4);
	put_number(&m, answered);
	put(&m, "\x08\x01g\0", 4);
	put(&m, &one, 1);
	put(&m, signature, one + 1U);
	while (m.n % 8)
		put(&m, "", 1);
	put(&m, "\x07\x01s\0", 4);
	put_text(&m, ":1.2");
	if (type == 3) {
		while (m.n % 8)
			put(&m, "", 1);
		put(&m, "\x04\x01s\0", 4);
		put_text(&m, "org.example.Error");
	}
	fields = m.n - 16;
	m.bytes[big ? 15 : 12] = (uint8_t)fields;
	while (m.n % 8)
		put(&m, "", 1);
	put(&m, body->bytes, body->n);
	return m;
}

static struct dbus_answer read_whole(const struct message *m)
{
	struct dbus_answer a;
	struct err e = ERR_INIT;
	uint32_t serial;

	if (!dbus_read_answer(&arena, (struct bytes){ (const char *)m->bytes, m->n }, &a, &serial, &e))
		fail_msg("%s", e.text);
	assert_int_equal(serial, 7);
	return a;
}

static void answers_are_read(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		struct message body = { .big = big }, m;
		struct dbus_answer a;

		m = answer(big, 2, "", &body);
		a = read_whole(&m);
		assert_true(!a.text && !a.truth && !a.n && !a.error);
		put_number(&body, 1);
		m = answer(big, 2, "b", &body);
		assert_true(read_whole(&m).truth);
		body = (struct message){ .big = big };
		put_text(&body, "trusted");
		m = answer(big, 2, "s", &body);
		assert_string_equal(read_whole(&m).text, "trusted");
		m = answer(big, 3, "s", &body);
		a = read_whole(&m);
		assert_string_equal(a.error, "org.example.Error");
		assert_string_equal(a.text, "trusted");
		body = (struct message){ .big = big };
		put_number(&body, 8 + 4 + 4 + 9);
		put_text(&body, "a");
		put_text(&body, "10.0.0.1");
		body.bytes[big ? 3 : 0] = (uint8_t)(body.n - 4);
		m = answer(big, 2, "as", &body);
		a = read_whole(&m);
		assert_int_equal(a.n, 2);
		assert_string_equal(a.list[1], "10.0.0.1");
	}
}

/* Cut anywhere, or with any byte changed: a failure or some answer, never more than was sent. */
static void broken_answers_do_no_harm(void **state)
{
	struct message body = { 0 }, m;
	struct dbus_answer a;
	struct err e;
	uint32_t serial;

	(void)state;
	put_number(&body, 6);
	put_text(&body, "a");
	m = answer(false, 2, "as", &body);
	for (size_t n = 0; n < m.n; n++) {
		char *exact = malloc(n + 1);

		memcpy(exact, m.bytes, n);
		assert_false(dbus_read_answer(&arena, (struct bytes){ exact, n }, &a, &serial, &e));
		free(exact);
	}
	for (size_t i = 0; i < m.n; i++) {
		char *exact = malloc(m.n);
		bool any UNUSED;

		memcpy(exact, m.bytes, m.n);
		exact[i] = (char)0xff;
		any = dbus_read_answer(&arena, (struct bytes){ exact, m.n }, &a, &serial, &e);
		free(exact);
	}
}

static void a_call_is_written(void **state)
{
	static const char *const args[] = { "trusted", "10.0.0.1/32" };
	static const struct dbus_call c = { "org.example", "/org/example", "org.example.zone", "addSource", args, 2 };
	static const char expected[] = "l\1\0\1\x1c\0\0\0\5\0\0\0\x7b\0\0\0"
				       "\1\1o\0\x0c\0\0\0/org/example\0\0\0\0"
				       "\2\1s\0\x10\0\0\0org.example.zone\0\0\0\0\0\0\0\0"
				       "\3\1s\0\x09\0\0\0addSource\0\0\0\0\0\0\0"
				       "\6\1s\0\x0b\0\0\0org.example\0\0\0\0\0"
				       "\x08\1g\0\2ss\0"
				       "\7\0\0\0trusted\0\x0b\0\0\0"
				       "10.0.0.1/32";
	struct buf out;

	(void)state;
	buf_init(&out, &arena, 64);
	dbus_write_call(&out, 5, &c);
	assert_int_equal(out.data[12], out.len - 16 - 28);
	assert_int_equal(out.len % 4, 0);
	out.data[12] = 0x7b;
	assert_int_equal(out.len, sizeof(expected));
	assert_memory_equal(out.data, expected, sizeof(expected));
}

// ---- a bus ----

static char address[128], path[100];

static int listening(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "/tmp/crimp-dbus-test-%d", (int)getpid());
	snprintf(address, sizeof(address), "unix:path=/nowhere;unix:guid=1,path=/tmp/crimp%%2ddbus-test-%d",
		 (int)getpid());
	memcpy(sun.sun_path, path, strlen(path));
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 4), 0);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	return fd;
}

/* Until @words have come: in how many pieces is the client's affair. */
static void read_until(int fd, const char *words)
{
	char text[4096];
	size_t n = 0;

	while (!memmem(text, n, words, strlen(words))) {
		ssize_t got = read(fd, text + n, sizeof(text) - n);

		if (got <= 0)
			_exit(1);
		n += (size_t)got;
	}
}

static void say(int fd, const void *data, size_t n)
{
	if (write(fd, data, n) != (ssize_t)n)
		_exit(1);
}

enum bus { GOOD_BUS, REFUSING_BUS, SILENT_BUS, CLOSING_BUS, DEAF_BUS };

/* Answers the greeting (call 1) late: a signal and an answer to nobody come first, and the answer in two pieces. */
static void be_bus(int listener, enum bus how)
{
	struct message body = { 0 }, other, m;
	int fd = accept(listener, NULL, NULL);

	if (how == DEAF_BUS)
		_exit(read(fd, &(char){ 0 }, 1) != 1);
	read_until(fd, "\r\n");
	usleep(20000);
	if (how == REFUSING_BUS)
		say(fd, "REJECTED EXTERNAL\r\n", 19);
	else if (how != CLOSING_BUS)
		say(fd, "OK 0123\r\n", 9);
	if (how != GOOD_BUS) {
		if (how == SILENT_BUS)
			pause();
		_exit(0);
	}
	read_until(fd, "Hello");
	put_text(&body, ":1.5");
	other = answer(false, 4, "s", &body);
	say(fd, other.bytes, other.n);
	other = answer(false, 2, "s", &body);
	say(fd, other.bytes, other.n);
	answered = 1;
	m = answer(true, 2, "", &(struct message){ .big = true });
	say(fd, m.bytes, 10);
	usleep(20000);
	say(fd, m.bytes + 10, m.n - 10);
	usleep(20000);
	_exit(0);
}

static void open_bus(enum bus how, bool works, const char *says)
{
	struct dbus d = DBUS_CLOSED;
	struct err e = ERR_INIT;
	int listener = listening(), status;
	pid_t bus = fork();

	if (bus == 0)
		be_bus(listener, how);
	if (dbus_open(&d, &arena, fs_now_ms() + (how == SILENT_BUS ? 200 : 5000), &e) != works)
		fail_msg("%s", e.text);
	if (says && !strstr(e.text, says))
		fail_msg("%s", e.text);
	dbus_close(&d);
	kill(bus, SIGTERM);
	waitpid(bus, &status, 0);
	close(listener);
	unlink(path);
}

static void buses(void **state)
{
	static const char *const broken[] = { "unix:path=/nowhere%", "unix:path=/nowhere%5", "unix:path=/nowhere%5x" };
	struct dbus d = DBUS_CLOSED;
	struct err e;

	(void)state;
	open_bus(GOOD_BUS, true, NULL);
	open_bus(REFUSING_BUS, false, "REJECTED");
	open_bus(SILENT_BUS, false, "did not answer");
	open_bus(CLOSING_BUS, false, "hung up");
	open_bus(DEAF_BUS, false, "hung up");
	assert_false(dbus_open(&d, &arena, fs_now_ms() + 100, &e));
	assert_int_equal(e.num, ENOENT);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "tcp:host=localhost", 1);
	assert_false(dbus_open(&d, &arena, fs_now_ms() + 100, &e));
	assert_non_null(strstr(e.text, "tcp:host"));
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		setenv("DBUS_SYSTEM_BUS_ADDRESS", broken[i], 1);
		assert_false(dbus_open(&d, &arena, fs_now_ms() + 100, &e));
		assert_int_equal(e.num, EAFNOSUPPORT);
	}
	setenv("DBUS_SYSTEM_BUS_ADDRESS", ";;", 1);
	assert_false(dbus_open(&d, &arena, fs_now_ms() + 100, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_answers_do_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_call_is_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(buses, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
