// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_ask.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/dhcp_wire.h"

struct line {
	int fd;
	struct arena *arena;
	int64_t deadline_ms;
	struct buf in;
	size_t at; /* how much of @in is used up */
};

/* How long the next system call may wait. */
static bool limit(const struct line *l, int option, struct err *e)
{
	int64_t left = l->deadline_ms - fs_now_ms();
	struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };

	if (left <= 0)
		return fail(e, ETIMEDOUT, "the DHCP daemon does not answer");
	if (setsockopt(l->fd, SOL_SOCKET, option, &tv, sizeof(tv)) < 0)
		return fail(e, errno, "limit the time of a socket");
	return true;
}

static bool io_failed(const char *what, struct err *e)
{
	return fail(e, errno == EAGAIN ? ETIMEDOUT : errno, "%s", what);
}

static bool dial(struct line *l, const char *path, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(e, errno, "open a socket");
	memcpy(to.sun_path, path, strnlen(path, sizeof(to.sun_path) - 1));
	if (!limit(l, SO_SNDTIMEO, e))
		return false;
	while (connect(l->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		if (errno != EINTR)
			return io_failed(path, e);
	return true;
}

static bool say(struct line *l, struct bytes b, struct err *e)
{
	while (b.len) {
		ssize_t n;

		if (!limit(l, SO_SNDTIMEO, e))
			return false;
		n = send(l->fd, b.data, b.len, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return io_failed("send to the DHCP daemon", e);
		if (n > 0)
			b = (struct bytes){ b.data + n, b.len - (size_t)n };
	}
	return true;
}

/* More bytes behind what there is. */
static bool hear(struct line *l, struct err *e)
{
	ssize_t n;

	do {
		if (!limit(l, SO_RCVTIMEO, e))
			return false;
		n = recv(l->fd, buf_room(&l->in, 4096), 4096, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return io_failed("the DHCP daemon's answer", e);
	if (!n)
		return fail(e, ECONNRESET, "the DHCP daemon has hung up");
	buf_grew(&l->in, (size_t)n);
	return true;
}

static struct bytes heard(const struct line *l)
{
	return (struct bytes){ l->in.data + l->at, l->in.len - l->at };
}

static bool greet(struct line *l, struct err *e)
{
	static const char status[] = "HTTP/1.0 200 Connected to Go RPC";
	size_t end;

	if (!say(l, (struct bytes){ WIRE_HELLO, strlen(WIRE_HELLO) }, e))
		return false;
	while (!(end = wire_head_end(heard(l)))) {
		if (l->in.len > WIRE_HEAD_MAX)
			return fail(e, EPROTO, "who listens is no DHCP daemon");
		if (!hear(l, e))
			return false;
	}
	if (end < strlen(status) || memcmp(l->in.data, status, strlen(status)) != 0)
		return fail(e, EPROTO, "who listens is no DHCP daemon");
	l->at = end;
	return true;
}

static bool open_line(struct line *l, const char *socket, struct err *e)
{
	buf_init(&l->in, l->arena, 4096);
	return (dial(l, socket, e) && greet(l, e)) || wrap(e, "error dialing DHCP daemon");
}

/* The daemon has another working directory. */
static const char *absolute(const struct request *r)
{
	char *here;

	if (!*r->netns || *r->netns == '/')
		return r->netns;
	here = getcwd(arena_raw(r->arena, 4096), 4096);
	return here ? fs_join(r->arena, here, r->netns) : r->netns;
}

static void call_put(const struct request *r, enum dhcp_call_kind kind, struct buf *out)
{
	struct gob_writer w = { .types = &wire_types };
	struct gob_value *header = gob_struct(r->arena), *args = gob_struct(r->arena);

	gob_put_str(r->arena, header, "ServiceMethod", wire_methods[kind]);
	gob_put_str(r->arena, args, "ContainerID", r->container_id);
	gob_put_str(r->arena, args, "Netns", absolute(r));
	gob_put_str(r->arena, args, "IfName", r->ifname);
	gob_put_str(r->arena, args, "Args", r->args);
	gob_put_str(r->arena, args, "Path", r->path);
	gob_put_bytes(r->arena, args, "StdinData", r->stdin_bytes);
	gob_write(&w, out, WIRE_REQUEST, header);
	gob_write(&w, out, WIRE_ARGS, args);
}

static bool value_hear(struct line *l, struct gob_reader *r, const struct gob_value **ret, struct err *e)
{
	for (;;) {
		struct bytes in = heard(l);
		const struct gob_value *v = NULL;

		if (!gob_read(r, l->arena, &in, &v, e))
			return false;
		l->at = l->in.len - in.len;
		if (v) {
			*ret = v;
			return true;
		}
		if (!hear(l, e))
			return false;
	}
}

static bool answer_hear(struct line *l, struct result *ret, struct err *e)
{
	const struct gob_value *header = NULL, *body = NULL;
	struct gob_reader *reader = arena_new(l->arena, struct gob_reader);
	const char *why;

	gob_reader_init(reader, l->arena);
	if (!value_hear(l, reader, &header, e))
		return false;
	why = gob_str(header, "Error");
	if (*why) {
		fail(e, 0, "%s", why);
		if (str_starts(why, WIRE_UNKNOWN))
			e->num = ENOSYS;
		return false;
	}
	if (!ret)
		return true;
	return value_hear(l, reader, &body, e) && wire_result_read(l->arena, body, ret, e);
}

static void line_close(struct line *l)
{
	fd_close(&l->fd);
}

bool dhcp_daemon_probe(const char *socket, int64_t deadline_ms, struct err *e)
{
	char room[8192];
	struct arena a;
	CLEANUP(line_close) struct line l = { .fd = -1, .arena = &a, .deadline_ms = deadline_ms };
	bool ok;

	arena_init(&a, room, sizeof(room));
	ok = open_line(&l, socket, e);
	arena_done(&a);
	return ok;
}

bool dhcp_daemon_ask(const struct request *r, const char *socket, enum dhcp_call_kind kind, int64_t deadline_ms,
		     struct result *ret, struct err *e)
{
	CLEANUP(line_close) struct line l = { .fd = -1, .arena = r->arena, .deadline_ms = deadline_ms };
	struct buf out;

	if (!open_line(&l, socket, e))
		return false;
	buf_init(&out, r->arena, r->stdin_bytes.len + 1024);
	call_put(r, kind, &out);
	if (!say(&l, buf_bytes(&out), e) || !answer_hear(&l, ret, e))
		return wrap(e, "error calling %s", wire_methods[kind]);
	return true;
}

bool dhcp_daemon_is_absent(const struct err *e)
{
	switch (e->num) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	/* something else lies there */
	case ENOTSOCK:
	case EPROTOTYPE: return true;
	default: return false;
	}
}
