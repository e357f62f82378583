// SPDX-License-Identifier: Apache-2.0
#include "plugins/dbus.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define MESSAGE_MAX (16 * 1024 * 1024) /* a list of all sources of a zone is far below; the bus allows 128 MiB */
#define HEADER 16		       /* up to and with the length of the array of fields */

enum { METHOD_CALL = 1, METHOD_RETURN = 2, METHOD_ERROR = 3 };
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE
};

// ---- writing ----

static void pad(struct buf *b, size_t to)
{
	while (b->len % to)
		buf_putc(b, '\0');
}

static void put_u32(struct buf *b, uint32_t v)
{
	pad(b, sizeof(v));
	buf_put(b, &v, sizeof(v));
}

static void put_string(struct buf *b, const char *s)
{
	put_u32(b, (uint32_t)strlen(s));
	buf_put(b, s, strlen(s) + 1);
}

/* A type: its length in one byte, the text, NUL. */
static void put_signature(struct buf *b, const char *s)
{
	buf_putc(b, (char)strlen(s));
	buf_put(b, s, strlen(s) + 1);
}

static void put_field(struct buf *b, uint8_t code, const char *type, const char *value)
{
	pad(b, 8);
	buf_putc(b, (char)code);
	put_signature(b, type);
	(str_eq(type, "g") ? put_signature : put_string)(b, value);
}

void dbus_write_call(struct buf *out, uint32_t serial, const struct dbus_call *c)
{
	char types[16] = "";
	struct buf body;
	uint32_t fields;

	buf_init(&body, out->arena, 256);
	for (size_t i = 0; i < c->n && i < sizeof(types) - 1; i++) {
		put_string(&body, c->args[i]);
		types[i] = 's';
	}
	buf_putc(out, __BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B');
	buf_put(out, (const char[]){ METHOD_CALL, 0, 1 }, 3);
	put_u32(out, (uint32_t)body.len);
	put_u32(out, serial);
	put_u32(out, 0);
	put_field(out, FIELD_PATH, "o", c->path);
	put_field(out, FIELD_INTERFACE, "s", c->interface);
	put_field(out, FIELD_MEMBER, "s", c->member);
	put_field(out, FIELD_DESTINATION, "s", c->destination);
	if (c->n)
		put_field(out, FIELD_SIGNATURE, "g", types);
	fields = (uint32_t)(out->len - HEADER);
	memcpy(out->data + HEADER - sizeof(fields), &fields, sizeof(fields));
	pad(out, 8);
	buf_put(out, body.data, body.len);
}

// ---- reading ----

/* Values one after the other; what does not fit sets @bad, and is empty. */
struct reader {
	const char *data;
	size_t at, end;
	bool big, bad;
	struct arena *arena;
};

static void align(struct reader *r, size_t to)
{
	r->at += (to - r->at % to) % to;
	r->bad |= r->at > r->end;
}

static uint32_t get_u32(struct reader *r)
{
	uint32_t v;

	align(r, sizeof(v));
	if (r->bad || r->end - r->at < sizeof(v)) {
		r->bad = true;
		return 0;
	}
	memcpy(&v, r->data + r->at, sizeof(v));
	r->at += sizeof(v);
	return r->big ? be32toh(v) : le32toh(v);
}

static uint8_t get_u8(struct reader *r)
{
	if (r->bad || r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return (uint8_t)r->data[r->at++];
}

static const char *get_text(struct reader *r, size_t len)
{
	const char *text;

	if (r->bad || r->end - r->at <= len || r->data[r->at + len] != '\0') {
		r->bad = true;
		return "";
	}
	text = arena_strndup(r->arena, r->data + r->at, len);
	r->at += len + 1;
	return text;
}

static const char *get_string(struct reader *r)
{
	return get_text(r, get_u32(r));
}

static const char *get_signature(struct reader *r)
{
	return get_text(r, get_u8(r));
}

/* An array's members begin where their own alignment says, and its length does not count that. */
static void get_list(struct reader *r, struct dbus_answer *ret)
{
	uint32_t len = get_u32(r);
	size_t end = r->at + len, cap = 0;

	if (r->bad || len > r->end - r->at) {
		r->bad = true;
		return;
	}
	while (!r->bad && r->at < end) {
		ret->list = arena_grow(r->arena, ret->list, ret->n, &cap, sizeof(*ret->list));
		ret->list[ret->n++] = get_string(r);
	}
}

struct fields {
	const char *error, *signature;
	uint32_t reply;
};

/* The fields of a header have types s, o, g and u. */
static void get_field(struct reader *r, struct fields *ret)
{
	const char *type, *text = "";
	uint32_t number = 0;
	uint8_t code;

	align(r, 8);
	code = get_u8(r);
	type = get_signature(r);
	if (str_eq(type, "u"))
		number = get_u32(r);
	else if (str_eq(type, "g"))
		text = get_signature(r);
	else if (str_eq(type, "s") || str_eq(type, "o"))
		text = get_string(r);
	else
		r->bad = true;
	switch (code) {
	case FIELD_ERROR: ret->error = text; break;
	case FIELD_SIGNATURE: ret->signature = text; break;
	case FIELD_REPLY: ret->reply = number; break;
	default: break;
	}
}

static void get_body(struct reader *r, struct dbus_answer *ret)
{
	if (ret->signature[0] == 's')
		ret->text = get_string(r);
	else if (ret->signature[0] == 'b')
		ret->truth = get_u32(r) != 0;
	else if (str_starts(ret->signature, "as"))
		get_list(r, ret);
}

bool dbus_read_answer(struct arena *a, struct bytes text, struct dbus_answer *ret, uint32_t *ret_serial, struct err *e)
{
	struct reader r = { .data = text.data, .end = text.len, .arena = a };
	struct dbus_answer answer = { 0 };
	struct fields f = { .signature = "" };
	uint8_t type;
	size_t end;

	r.big = get_u8(&r) == 'B';
	type = get_u8(&r);
	r.at = HEADER - sizeof(uint32_t);
	end = HEADER + (size_t)get_u32(&r);
	r.bad |= end > text.len;
	while (!r.bad && r.at < end)
		get_field(&r, &f);
	align(&r, 8);
	answer.signature = f.signature;
	if (!r.bad)
		get_body(&r, &answer);
	if (r.bad)
		return fail(e, EBADMSG, "broken D-Bus message");
	if (type == METHOD_ERROR)
		answer.error = f.error ? f.error : "";
	*ret = answer;
	*ret_serial = type == METHOD_RETURN || type == METHOD_ERROR ? f.reply : 0;
	return true;
}

// ---- the socket ----

static bool wait_for(struct dbus *d, short events, struct err *e)
{
	for (;;) {
		struct pollfd p = { .fd = d->fd, .events = events };
		int64_t left = d->deadline_ms - fs_now_ms();
		int n = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (n > 0)
			return true;
		if (n == 0)
			return fail(e, ETIMEDOUT, "D-Bus did not answer");
		if (errno != EINTR)
			return fail(e, errno, "wait for D-Bus");
	}
}

/* Reset is what it is called when a bus goes that has not read all we said. */
static bool hung_up(struct err *e)
{
	return fail(e, ECONNRESET, "D-Bus has hung up");
}

static bool put_all(struct dbus *d, struct bytes text, struct err *e)
{
	for (size_t at = 0; at < text.len;) {
		ssize_t n = send(d->fd, text.data + at, text.len - at, MSG_NOSIGNAL);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN) {
			if (!wait_for(d, POLLOUT, e))
				return false;
		} else if (errno == EPIPE)
			return hung_up(e);
		else if (errno != EINTR)
			return fail(e, errno, "write to D-Bus");
	}
	return true;
}

static bool get_all(struct dbus *d, char *dst, size_t len, struct err *e)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = recv(d->fd, dst + at, len - at, 0);

		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || errno == ECONNRESET)
			return hung_up(e);
		else if (errno == EAGAIN) {
			if (!wait_for(d, POLLIN, e))
				return false;
		} else if (errno != EINTR)
			return fail(e, errno, "read from D-Bus");
	}
	return true;
}

/* Byte by byte: what follows the line is the business of others, and it is one line. */
static bool get_line(struct dbus *d, char *dst, size_t size, struct err *e)
{
	for (size_t n = 0; n < size - 1; n++) {
		if (!get_all(d, dst + n, 1, e))
			return false;
		if (dst[n] != '\n')
			continue;
		dst[n && dst[n - 1] == '\r' ? n - 1 : n] = '\0';
		return true;
	}
	return fail(e, EBADMSG, "D-Bus authentication does not end");
}

/* The name is our user ID in decimal, and that in hexadecimal. */
static bool authenticate(struct dbus *d, struct err *e)
{
	char uid[16], hex[2 * sizeof(uid) + 1], line[512];
	char hello[sizeof(hex) + 20] = "";
	size_t n;

	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	str_hex(hex, uid, strlen(uid));
	/* A byte of nothing comes first. */
	n = 1 + (size_t)snprintf(hello + 1, sizeof(hello) - 1, "AUTH EXTERNAL %s\r\n", hex);
	if (!put_all(d, (struct bytes){ hello, n }, e) || !get_line(d, line, sizeof(line), e))
		return false;
	if (!str_starts(line, "OK"))
		return fail(e, EACCES, "D-Bus does not let us in: %s", line);
	return put_all(d, (struct bytes){ "BEGIN\r\n", 7 }, e);
}

/* One address of the list: "unix:path=..." or "unix:abstract=...", with %XX for what means something there. */
static bool parse_address(struct arena *a, const char *text, struct sockaddr_un *ret, socklen_t *ret_len)
{
	char **keys, *value;
	size_t n = 0, at;

	if (!str_starts(text, "unix:"))
		return false;
	for (keys = str_split(a, text + 5, ',', NULL); *keys; keys++)
		if (str_starts(*keys, "path=") || str_starts(*keys, "abstract="))
			break;
	if (!*keys)
		return false;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	at = n = **keys == 'a';
	for (value = strchr(*keys, '=') + 1; *value && n < sizeof(ret->sun_path) - 1; value++) {
		unsigned byte = (unsigned char)*value;

		if (*value == '%') {
			if (!isxdigit((unsigned char)value[1]) || !isxdigit((unsigned char)value[2]))
				return false;
			sscanf(value + 1, "%2x", &byte);
			value += 2;
		}
		ret->sun_path[n++] = (char)byte;
	}
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !at);
	return n > at && !*value;
}

static bool connect_to(struct dbus *d, const char *text, struct err *e)
{
	struct sockaddr_un sun;
	socklen_t len;

	if (!parse_address(d->arena, text, &sun, &len))
		return fail(e, EAFNOSUPPORT, "D-Bus address \"%s\"", text);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return fail(e, errno, "socket for D-Bus");
	while (connect(d->fd, (struct sockaddr *)&sun, len) < 0) {
		if (errno == EAGAIN && fs_now_ms() < d->deadline_ms) { /* many want to get in */
			poll(NULL, 0, 1);
			continue;
		}
		fail(e, errno, "D-Bus at \"%s\"", text);
		dbus_close(d);
		return false;
	}
	return true;
}

static bool connect_any(struct dbus *d, struct err *e)
{
	const char *list = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	char **all = str_split_nonempty(d->arena, str_empty(list) ? SYSTEM_BUS : list, ';', NULL);

	fail(e, ENOENT, "DBUS_SYSTEM_BUS_ADDRESS \"%s\"", list ? list : "");
	for (; *all; all++)
		if (connect_to(d, *all, e))
			return true;
	return false;
}

static bool greet(struct dbus *d, struct err *e)
{
	static const struct dbus_call hello = {
		"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", NULL, 0
	};
	struct dbus_answer answer;

	if (!authenticate(d, e) || !dbus_call(d, &hello, &answer, e))
		return false;
	return !answer.error || fail(e, EACCES, "D-Bus does not greet: %s", answer.error);
}

bool dbus_open(struct dbus *d, struct arena *a, int64_t deadline_ms, struct err *e)
{
	struct dbus fresh = { .fd = -1, .deadline_ms = deadline_ms, .arena = a };
	struct err why = ERR_INIT;

	if (!connect_any(&fresh, &why) || !greet(&fresh, &why)) {
		dbus_close(&fresh);
		*e = why;
		return false;
	}
	*d = fresh;
	return true;
}

void dbus_close(struct dbus *d)
{
	fd_close(&d->fd);
}

// ---- calling ----

/* The next message, whole. */
static bool receive(struct dbus *d, struct bytes *ret, struct err *e)
{
	struct reader r = { .end = HEADER, .arena = d->arena };
	char head[HEADER], *whole;
	uint64_t body, fields, len;

	if (!get_all(d, head, sizeof(head), e))
		return false;
	r.data = head;
	r.big = head[0] == 'B';
	r.at = 4;
	body = get_u32(&r);
	r.at = HEADER - sizeof(uint32_t);
	fields = get_u32(&r);
	len = (HEADER + fields + 7) / 8 * 8 + body;
	if (len > MESSAGE_MAX)
		return fail(e, EMSGSIZE, "D-Bus message of %llu bytes", (unsigned long long)len);
	whole = arena_raw(d->arena, len);
	memcpy(whole, head, HEADER);
	if (!get_all(d, whole + HEADER, len - HEADER, e))
		return false;
	*ret = (struct bytes){ whole, len };
	return true;
}

bool dbus_call(struct dbus *d, const struct dbus_call *c, struct dbus_answer *ret, struct err *e)
{
	struct dbus_answer answer;
	uint32_t serial;
	struct bytes text;
	struct buf out;

	buf_init(&out, d->arena, 512);
	dbus_write_call(&out, ++d->serial, c);
	if (!put_all(d, buf_bytes(&out), e))
		return wrap(e, "%s", c->member);
	do {
		if (!receive(d, &text, e) || !dbus_read_answer(d->arena, text, &answer, &serial, e))
			return wrap(e, "%s", c->member);
	} while (serial != d->serial);
	*ret = answer;
	return true;
}
