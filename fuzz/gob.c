// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a stream of gob: a connection may bring them. A failure leaves the output alone; values are within the
 * limits and inside their memory; the same bytes in two pieces give the same values; and as a whole connection to the
 * daemon they give calls that are complete, whose answers can be fetched.
 */
#include "fuzz/claim.h"
#include "plugins/ipam/dhcp.h"
#include "plugins/ipam/gob.h"

static size_t walk(const struct gob_value *v, unsigned depth)
{
	size_t n = 1, members = 0;

	claim(depth <= GOB_DEPTH_MAX, "depth");
	claim(v->kind != GOB_KIND_TEXT || v->text.data[v->text.len] == '\0', "texts end");
	gob_each(m, v)
	{
		n += walk(m, depth + 1);
		members++;
	}
	claim(members == v->n, "members are counted");
	return n;
}

/* The number of values, and whether the stream broke. */
static size_t read_all(struct bytes in, size_t cut, bool *ret_broken)
{
	static const struct gob_value untouched;
	struct gob_reader *r;
	struct arena a;
	size_t n = 0;

	arena_init(&a, NULL, 0);
	r = arena_new(&a, struct gob_reader);
	gob_reader_init(r, &a);
	*ret_broken = false;
	for (size_t end = cut; !*ret_broken; end = in.len) {
		size_t hidden = in.len > end ? in.len - end : 0;
		struct bytes now = { in.data, in.len - hidden };
		const struct gob_value *v = &untouched;
		struct err e = ERR_INIT;

		*ret_broken = !gob_read(r, &a, &now, &v, &e);
		claim(*ret_broken == (v == &untouched), "output is set on success, and only then");
		claim(!*ret_broken || *e.text, "a failure has a text");
		if (*ret_broken)
			break;
		if (v) {
			claim(walk(v, 1) <= GOB_VALUES_MAX, "number of values");
			n++;
		}
		in = (struct bytes){ now.data, now.len + hidden };
		if (!v && !hidden)
			break;
	}
	arena_done(&a);
	return n;
}

static void connection(struct bytes in)
{
	static const struct dhcp_lease lease = { .domain = "example.org" };
	struct dhcp_rpc *c = dhcp_rpc_new();
	struct err e = ERR_INIT;
	struct dhcp_call call;
	struct arena a;
	bool ok;

	arena_init(&a, NULL, 0);
	ok = dhcp_rpc_feed(c, (struct bytes){ "CONNECT /_goRPC_ HTTP/1.0\n\n", 27 }, &e);
	claim(ok, "a greeting");
	ok = dhcp_rpc_feed(c, in, &e);
	claim(ok || *e.text, "a failure has a text");
	while (dhcp_rpc_next(c, &a, &call)) {
		claim(*call.ask.network && call.serial, "calls are complete");
		claim(call.kind == DHCP_GC || (*call.ask.container_id && *call.ask.ifname), "an attachment");
		dhcp_rpc_answer(c, call.serial, &lease, 1, call.ask.priority & 1 ? &e : NULL);
	}
	while (dhcp_rpc_pending(c).len)
		dhcp_rpc_sent(c, dhcp_rpc_pending(c).len > 7 ? 7 : dhcp_rpc_pending(c).len);
	dhcp_rpc_free(c);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { (const char *)data, size };
	bool broken, broken_twice;
	size_t n = read_all(in, size, &broken);

	claim(read_all(in, size / 2, &broken_twice) == n && broken == broken_twice, "pieces give the same");
	connection(in);
	return 0;
}
