// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The daemon's end of a connection (plugins/ipam/dhcp.h has the contract). What comes is collected until it is a whole
 * message; a header and its arguments become a call in the queue; the daemon takes calls out, and a taken one waits in
 * a slot for its answer, with what must be remembered to write it. Memory follows the bytes: what is in flight has an
 * arena each, and a connection that is idle holds its type definitions and nothing else.
 *
 * Whoever may open the socket is root and still is not trusted with our memory: a message is bounded by gob.h, calls
 * and unread answers of a connection are bounded here.
 */
#include "plugins/ipam/dhcp.h"

#include "cni/config.h"
#include "cni/error.h"
#include "lib/str.h"
#include "plugins/ipam/dhcp_conf.h"
#include "plugins/ipam/dhcp_wire.h"

#define CALLS_MAX 64			/* taken and waiting ones of a connection */
#define UNREAD_MAX ((size_t)1 << 20)	/* bytes of answers that nobody fetches */

/* A call that has come. It lives in its own arena. */
struct queued {
	struct queued *next;
	struct arena arena;
	const struct gob_value *header, *args;
};

/* A call that the daemon works on. */
struct slot {
	bool taken;
	uint64_t serial, seq;
	enum dhcp_call_kind kind;
	struct wire_wish wish;
};

/* Bytes that come and go; empty ones hold no memory. */
struct pipe {
	struct arena arena;
	struct buf buf;
	size_t at;
};

struct dhcp_rpc {
	struct arena arena; /* of the connection, this struct included */
	struct gob_reader reader;
	struct gob_writer writer;
	bool greeted;
	struct pipe in, out;
	struct queued *coming; /* not whole yet */
	struct queued *first, *last;
	unsigned n_queued, n_slots;
	struct slot slots[CALLS_MAX];
	uint64_t serial;
};

static void pipe_put(struct pipe *p, struct bytes b)
{
	if (!p->buf.arena) {
		arena_init(&p->arena, NULL, 0);
		buf_init(&p->buf, &p->arena, b.len + 256);
	}
	buf_put(&p->buf, b.data, b.len);
}

static struct bytes pipe_rest(const struct pipe *p)
{
	return (struct bytes){ p->at < p->buf.len ? p->buf.data + p->at : "", p->buf.len - p->at };
}

static void pipe_done(struct pipe *p)
{
	if (p->buf.arena)
		arena_done(&p->arena);
	*p = (struct pipe){ .at = 0 };
}

static void pipe_skip(struct pipe *p, size_t n)
{
	p->at += n;
	if (p->at >= p->buf.len)
		pipe_done(p);
}

static void queued_free(struct queued *q)
{
	struct arena own;

	if (!q)
		return;
	own = q->arena;
	arena_done(&own);
}

static struct queued *queued_new(void)
{
	struct arena own;
	struct queued *q;

	arena_init(&own, NULL, 0);
	q = arena_new(&own, struct queued);
	q->arena = own;
	return q;
}

struct dhcp_rpc *dhcp_rpc_new(void)
{
	struct arena own;
	struct dhcp_rpc *c;

	arena_init(&own, NULL, 0);
	c = arena_new(&own, struct dhcp_rpc);
	c->arena = own;
	gob_reader_init(&c->reader, &c->arena);
	c->writer.types = &wire_types;
	return c;
}

void dhcp_rpc_free(struct dhcp_rpc *c)
{
	struct arena own;

	if (!c)
		return;
	while (c->first) {
		struct queued *next = c->first->next;

		queued_free(c->first);
		c->first = next;
	}
	queued_free(c->coming);
	pipe_done(&c->in);
	pipe_done(&c->out);
	own = c->arena;
	arena_done(&own);
}

/* ---- bytes in ---- */

static bool greet(struct dhcp_rpc *c, struct bytes *in, struct err *e)
{
	static const char refusal[] = "HTTP/1.0 405 must CONNECT to /_goRPC_\n\n";
	size_t end = wire_head_end(*in);

	if (!end)
		return in->len <= WIRE_HEAD_MAX || fail(e, 0, "an HTTP head of more than %d bytes", WIRE_HEAD_MAX);
	if (end > WIRE_HEAD_MAX || end < strlen("CONNECT /_goRPC_ ") ||
	    memcmp(in->data, "CONNECT /_goRPC_ ", strlen("CONNECT /_goRPC_ ")) != 0) {
		pipe_put(&c->out, (struct bytes){ refusal, strlen(refusal) });
		return fail(e, 0, "this is no call of a DHCP plugin");
	}
	in->data += end;
	in->len -= end;
	pipe_put(&c->out, (struct bytes){ WIRE_WELCOME, strlen(WIRE_WELCOME) });
	c->greeted = true;
	return true;
}

static bool enqueue(struct dhcp_rpc *c, struct err *e)
{
	struct queued *q = c->coming;

	if (c->n_queued + c->n_slots == CALLS_MAX)
		return fail(e, 0, "more than %d calls at once", CALLS_MAX);
	*(c->last ? &c->last->next : &c->first) = q;
	c->last = q;
	c->n_queued++;
	c->coming = NULL;
	return true;
}

/* Take whole messages off the front of @in. */
static bool take(struct dhcp_rpc *c, struct bytes *in, struct err *e)
{
	const struct gob_value *v = NULL;

	while (in->len) {
		if (!c->coming)
			c->coming = queued_new();
		if (!gob_read(&c->reader, &c->coming->arena, in, &v, e))
			return false;
		if (!v)
			return true;
		if (!c->coming->header) {
			c->coming->header = v;
			continue;
		}
		c->coming->args = v;
		if (!enqueue(c, e))
			return false;
	}
	return true;
}

bool dhcp_rpc_feed(struct dhcp_rpc *c, struct bytes in, struct err *e)
{
	struct bytes rest;
	struct pipe whole;

	if (pipe_rest(&c->out).len > UNREAD_MAX)
		return fail(e, 0, "more than %zu bytes of answers are not fetched", UNREAD_MAX);
	pipe_put(&c->in, in);
	whole = c->in;
	rest = pipe_rest(&whole);
	if ((!c->greeted && !greet(c, &rest, e)) || (c->greeted && !take(c, &rest, e)))
		return false;
	/* Moved together only when something went, so that a long message is not copied with every piece of it. */
	if (rest.len == whole.buf.len)
		return true;
	c->in = (struct pipe){ .at = 0 };
	if (rest.len)
		pipe_put(&c->in, rest);
	pipe_done(&whole);
	return true;
}

/* ---- answers out ---- */

static void answer_put(struct dhcp_rpc *c, const char *method, uint64_t seq, const char *why, int32_t type,
		       const struct gob_value *body, struct arena *a)
{
	struct gob_value *header = gob_struct(a);
	struct buf out;

	gob_put_str(a, header, "ServiceMethod", method);
	gob_put_number(a, header, "Seq", (int64_t)seq);
	gob_put_str(a, header, "Error", why);
	buf_init(&out, a, 1024);
	gob_write(&c->writer, &out, WIRE_RESPONSE, header);
	gob_write(&c->writer, &out, type, body);
	pipe_put(&c->out, buf_bytes(&out));
}

static void refuse(struct dhcp_rpc *c, const char *method, uint64_t seq, const char *why)
{
	struct arena a;

	arena_init(&a, NULL, 0);
	answer_put(c, method, seq, *why ? why : "failed", WIRE_NOTHING, gob_struct(&a), &a);
	arena_done(&a);
}

void dhcp_rpc_answer(struct dhcp_rpc *c, uint64_t serial, const struct dhcp_lease *leases, size_t n,
		     const struct err *e)
{
	struct slot *s = NULL;
	struct arena a;

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (c->slots[i].taken && c->slots[i].serial == serial)
			s = &c->slots[i];
	if (!s)
		return;
	s->taken = false;
	c->n_slots--;
	if (e) {
		refuse(c, wire_methods[s->kind], s->seq, e->text);
		return;
	}
	arena_init(&a, NULL, 0);
	if (s->kind == DHCP_ALLOCATE || s->kind == DHCP_ALLOCATE_VERSIONS || s->kind == DHCP_CHECK)
		answer_put(c, wire_methods[s->kind], s->seq, "", WIRE_RESULT, wire_result(&a, leases, n, &s->wish), &a);
	else
		answer_put(c, wire_methods[s->kind], s->seq, "", WIRE_NOTHING, gob_struct(&a), &a);
	arena_done(&a);
}

struct bytes dhcp_rpc_pending(const struct dhcp_rpc *c)
{
	return pipe_rest(&c->out);
}

void dhcp_rpc_sent(struct dhcp_rpc *c, size_t n)
{
	pipe_skip(&c->out, n);
}

/* ---- calls out ---- */

static bool valid_read(struct arena *a, const struct netconf *net, struct dhcp_call *to, struct err *e)
{
	struct dhcp_attachment *valid = arena_array(a, net->n_valid, sizeof(*valid));

	if (!net->has_valid)
		return fail(e, 0, "a cleanup without the list of what is to stay");
	for (size_t i = 0; i < net->n_valid; i++)
		valid[i] = (struct dhcp_attachment){ net->valid[i].container_id, net->valid[i].ifname };
	to->valid = valid;
	to->n_valid = net->n_valid;
	return true;
}

static bool attachment_read(struct arena *a, const struct gob_value *args, const struct netconf *net,
			    struct dhcp_call *to, struct err *e)
{
	struct dhcp_ask *ask = &to->ask;
	struct dhcp_conf conf;

	ask->container_id = arena_strdup(a, gob_str(args, "ContainerID"));
	ask->ifname = arena_strdup(a, gob_str(args, "IfName"));
	ask->netns = arena_strdup(a, gob_str(args, "Netns"));
	if (!container_id_valid(ask->container_id, e) || !ifname_valid(ask->ifname, e))
		return false;
	if (to->kind == DHCP_RELEASE)
		return true;
	if (*ask->netns != '/')
		return fail(e, 0, "\"%s\" is not the absolute path of a network namespace", ask->netns);
	if (!dhcp_conf_read(a, net->ipam, arena_strdup(a, gob_str(args, "Args")), &conf, e))
		return false;
	ask->send = conf.send;
	ask->n_send = conf.n_send;
	ask->wanted = conf.wanted;
	ask->n_wanted = conf.n_wanted;
	ask->priority = conf.priority;
	ask->versions = conf.versions;
	return true;
}

/* What the caller wants, all of it in @a. */
static bool understand(const struct queued *q, struct arena *a, struct dhcp_call *ret, struct err *e)
{
	struct bytes text = gob_bytes(q->args, "StdinData");
	const struct json *conf;
	struct netconf net;

	text.data = arena_strndup(a, text.data, text.len);
	if (!json_parse(a, text, &conf, e) || !netconf_read(a, conf, &net, e))
		return wrap(e, "error parsing netconf");
	ret->ask = (struct dhcp_ask){ .container_id = "", .network = net.name, .ifname = "", .netns = "" };
	if (!network_name_valid(net.name, e))
		return wrap(e, "error parsing netconf");
	return ret->kind == DHCP_GC ? valid_read(a, &net, ret, e) : attachment_read(a, q->args, &net, ret, e);
}

static bool method_find(struct dhcp_rpc *c, const char *method, uint64_t seq, enum dhcp_call_kind *ret)
{
	char why[256];

	for (size_t i = 0; i < WIRE_METHODS; i++)
		if (str_eq(wire_methods[i], method)) {
			*ret = (enum dhcp_call_kind)i;
			return true;
		}
	snprintf(why, sizeof(why), WIRE_UNKNOWN "%s %s", str_starts(method, "DHCP.") ? "method" : "service", method);
	refuse(c, method, seq, why);
	return false;
}

static bool has(const struct dhcp_ask *ask, uint8_t code)
{
	return ask->n_wanted && memchr(ask->wanted, code, ask->n_wanted);
}

static uint64_t remember(struct dhcp_rpc *c, uint64_t seq, const struct dhcp_call *call)
{
	struct slot *s = c->slots;

	while (s->taken)
		s++;
	*s = (struct slot){
		.taken = true,
		.serial = ++c->serial,
		.seq = seq,
		.kind = call->kind,
		.wish = { has(&call->ask, 6), has(&call->ask, 15), has(&call->ask, 119), call->ask.priority },
	};
	c->n_slots++;
	return s->serial;
}

/* Is it a call that the daemon must see? Otherwise it is answered. */
static bool deliver(struct dhcp_rpc *c, const struct queued *q, struct arena *a, struct dhcp_call *ret)
{
	const char *method = gob_str(q->header, "ServiceMethod");
	uint64_t seq = (uint64_t)gob_number(q->header, "Seq");
	struct dhcp_call call = { .serial = 0 };
	struct err e = ERR_INIT;

	if (!method_find(c, method, seq, &call.kind))
		return false;
	if (!understand(q, a, &call, &e)) {
		refuse(c, method, seq, e.text);
		return false;
	}
	call.serial = remember(c, seq, &call);
	*ret = call;
	return true;
}

bool dhcp_rpc_next(struct dhcp_rpc *c, struct arena *a, struct dhcp_call *ret)
{
	bool found = false;

	while (!found && c->first) {
		struct queued *q = c->first;

		c->first = q->next;
		if (!c->first)
			c->last = NULL;
		c->n_queued--;
		found = deliver(c, q, a, ret);
		queued_free(q);
	}
	return found;
}
