// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "plugins/ipam/dhcp_wire.h"

#include <cmocka.h>

#include "lib/str.h"

#define CONF "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"dhcp\",\"ipam\":{\"type\":\"dhcp\"%s}%s}"

/* A connection and the plugin's end of it. */
struct world {
	struct arena arena;
	struct dhcp_rpc *c;
	struct gob_writer writer;
	struct gob_reader reader;
	struct buf got; /* what has come back */
	size_t at;
	uint64_t seq;
	struct err e;
};

static void feed(struct world *w, struct bytes in)
{
	if (!dhcp_rpc_feed(w->c, in, &w->e))
		fail_msg("%s", w->e.text);
}

static void fetch(struct world *w)
{
	struct bytes out;

	while ((out = dhcp_rpc_pending(w->c)).len) {
		size_t n = out.len > 100 ? 100 : out.len;

		buf_put(&w->got, out.data, n);
		dhcp_rpc_sent(w->c, n);
	}
}

static int world_new(void **state)
{
	static struct world w;

	w = (struct world){ .writer = { .types = &wire_types } };
	arena_init(&w.arena, NULL, 0);
	gob_reader_init(&w.reader, &w.arena);
	buf_init(&w.got, &w.arena, 0);
	w.c = dhcp_rpc_new();
	feed(&w, (struct bytes){ WIRE_HELLO, strlen(WIRE_HELLO) });
	fetch(&w);
	assert_string_equal(buf_str(&w.got), WIRE_WELCOME);
	w.at = w.got.len;
	*state = &w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;

	dhcp_rpc_free(w->c);
	arena_done(&w->arena);
	return 0;
}

static struct bytes call_bytes(struct world *w, const char *method, const char *netns, const char *args,
			       const char *conf)
{
	struct gob_value *header = gob_struct(&w->arena), *body = gob_struct(&w->arena);
	struct buf out;

	gob_put_str(&w->arena, header, "ServiceMethod", method);
	gob_put_number(&w->arena, header, "Seq", (int64_t)w->seq++);
	gob_put_str(&w->arena, body, "ContainerID", "pod");
	gob_put_str(&w->arena, body, "Netns", netns);
	gob_put_str(&w->arena, body, "IfName", "eth0");
	gob_put_str(&w->arena, body, "Args", args);
	gob_put_str(&w->arena, body, "StdinData", conf);
	buf_init(&out, &w->arena, 0);
	gob_write(&w->writer, &out, WIRE_REQUEST, header);
	gob_write(&w->writer, &out, WIRE_ARGS, body);
	return buf_bytes(&out);
}

static const char *conf_text(struct world *w, const char *ipam, const char *more)
{
	return arena_printf(&w->arena, CONF, ipam, more);
}

/* The next answer: its number and failure, and its body. */
static const struct gob_value *answer(struct world *w, uint64_t *ret_seq, const char **ret_why)
{
	const struct gob_value *header = NULL, *body = NULL;
	struct bytes in;

	fetch(w);
	in = (struct bytes){ w->got.data + w->at, w->got.len - w->at };
	assert_true(gob_read(&w->reader, &w->arena, &in, &header, &w->e));
	assert_non_null(header);
	assert_true(gob_read(&w->reader, &w->arena, &in, &body, &w->e));
	assert_non_null(body);
	w->at = w->got.len - in.len;
	*ret_seq = (uint64_t)gob_number(header, "Seq");
	*ret_why = gob_str(header, "Error");
	return body;
}

static const struct dhcp_lease *lease(void)
{
	static struct ip routers[2], dns[1];
	static struct dhcp_route routes[2];
	static const char *search[] = { "a.example", "b.example", NULL };
	static struct dhcp_lease l;
	struct err e;

	l = (struct dhcp_lease){ .routers = routers,
				 .n_routers = 1,
				 .routes = routes,
				 .n_routes = 2,
				 .dns = dns,
				 .n_dns = 1,
				 .domain = "example.org",
				 .search = search };
	assert_true(cidr_parse("10.9.0.7/20", &l.address, &e));
	assert_true(ip_parse("10.9.0.1", &routers[0], &e));
	assert_true(ip_parse("10.9.0.53", &dns[0], &e));
	assert_true(cidr_parse("0.0.0.0/0", &routes[0].dst, &e));
	routes[0].gw = routers[0];
	assert_true(cidr_parse("192.168.0.0/16", &routes[1].dst, &e));
	return &l;
}

static void test_allocate(void **state)
{
	struct world *w = *state;
	struct bytes in = call_bytes(w, "DHCP.Allocate", "/ns", "A=b;NAME=x=y",
				     conf_text(w,
					       ",\"priority\":7,\"provide\":[{\"option\":\"12\",\"fromArg\":\"NAME\"}],"
					       "\"request\":[{\"option\":\"6\"},{\"option\":\"domain-search\"}]",
					       ""));
	struct result r = { 0 };
	struct dhcp_call call;
	const char *why;
	struct ip any;
	uint64_t seq;

	assert_true(ip_parse("0.0.0.0", &any, &w->e));
	for (size_t i = 0; i < in.len; i++) {
		assert_false(dhcp_rpc_next(w->c, &w->arena, &call));
		feed(w, (struct bytes){ in.data + i, 1 });
	}
	assert_true(dhcp_rpc_next(w->c, &w->arena, &call));
	assert_int_equal(call.kind, DHCP_ALLOCATE);
	assert_string_equal(call.ask.container_id, "pod");
	assert_string_equal(call.ask.network, "net");
	assert_string_equal(call.ask.ifname, "eth0");
	assert_string_equal(call.ask.netns, "/ns");
	assert_int_equal(call.ask.priority, 7);
	assert_int_equal(call.ask.n_send, 1);
	assert_int_equal(call.ask.send[0].code, 12);
	assert_memory_equal(call.ask.send[0].value.data, "x=y", 3);
	assert_int_equal(call.ask.n_wanted, 4);
	assert_memory_equal(call.ask.wanted, ((uint8_t[]){ 6, 119, 3, 1 }), 4);
	assert_false(dhcp_rpc_next(w->c, &w->arena, &call));

	dhcp_rpc_answer(w->c, call.serial, lease(), 1, NULL);
	assert_true(wire_result_read(&w->arena, answer(w, &seq, &why), &r, &w->e));
	assert_string_equal(why, "");
	assert_int_equal(seq, 0);
	assert_int_equal(r.n_ips, 1);
	assert_int_equal(r.ips[0].address.len, 20);
	assert_true(ip_eq(&r.ips[0].gateway, &lease()->routers[0]));
	assert_int_equal(r.n_routes, 2);
	assert_int_equal(r.routes[0].priority, 7);
	assert_false(r.routes[0].has_scope);
	assert_int_equal(r.routes[1].scope, 253);
	assert_int_equal(r.routes[1].dst.len, 16);
	assert_true(ip_eq(&r.routes[1].gw, &any));
	assert_string_equal(r.dns.nameservers[0], "10.9.0.53");
	assert_null(r.dns.nameservers[1]);
	assert_string_equal(r.dns.search[1], "b.example");
	/* 15 was not asked for */
	assert_null(r.dns.domain);
}

static void test_no_dns_unless_asked_for(void **state)
{
	struct world *w = *state;
	struct result r = { 0 };
	struct dhcp_call call;
	const char *why;
	uint64_t seq;

	feed(w, call_bytes(w, "DHCP.Check", "/ns", "", conf_text(w, "", "")));
	assert_true(dhcp_rpc_next(w->c, &w->arena, &call));
	assert_int_equal(call.kind, DHCP_CHECK);
	dhcp_rpc_answer(w->c, call.serial, lease(), 1, NULL);
	assert_true(wire_result_read(&w->arena, answer(w, &seq, &why), &r, &w->e));
	assert_int_equal(r.n_ips, 1);
	assert_true(dns_is_empty(&r.dns));
}

/* Several calls in one piece, answered in another order. */
static void test_any_order(void **state)
{
	struct world *w = *state;
	struct dhcp_call first, second, third;
	struct err no = ERR_INIT;
	const char *why;
	struct buf all;
	uint64_t seq;

	buf_init(&all, &w->arena, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct bytes b = call_bytes(w, i ? "DHCP.Release" : "DHCP.Allocate", "/ns", "", conf_text(w, "", ""));

		buf_put(&all, b.data, b.len);
	}
	feed(w, buf_bytes(&all));
	assert_true(dhcp_rpc_next(w->c, &w->arena, &first));
	assert_true(dhcp_rpc_next(w->c, &w->arena, &second));
	assert_int_equal(second.kind, DHCP_RELEASE);
	feed(w, call_bytes(w, "DHCP.GC", "", "",
			   conf_text(w, "",
				     ",\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"eth1\"}]")));
	assert_true(dhcp_rpc_next(w->c, &w->arena, &third));
	assert_int_equal(third.kind, DHCP_GC);
	assert_string_equal(third.ask.network, "net");
	assert_int_equal(third.n_valid, 1);
	assert_string_equal(third.valid[0].container_id, "a");
	assert_string_equal(third.valid[0].ifname, "eth1");

	dhcp_rpc_answer(w->c, second.serial, NULL, 0, NULL);
	assert_int_equal(answer(w, &seq, &why)->n, 0);
	assert_int_equal(seq, 1);
	(void)(fail)(&no, 0, "no more tries");
	dhcp_rpc_answer(w->c, first.serial, NULL, 0, &no);
	answer(w, &seq, &why);
	assert_int_equal(seq, 0);
	assert_string_equal(why, "no more tries");
	/* an answer is given once */
	dhcp_rpc_answer(w->c, first.serial, NULL, 0, NULL);
	assert_int_equal(dhcp_rpc_pending(w->c).len, 0);
}

static const struct {
	const char *method, *netns, *ipam, *more, *why;
} refused[] = {
	{ "DHCP.Nothing", "/ns", "", "", "rpc: can't find method DHCP.Nothing" },
	{ "Other.Allocate", "/ns", "", "", "rpc: can't find service Other.Allocate" },
	{ "", "/ns", "", "", "rpc: can't find service " },
	{ "DHCP.Allocate", "ns", "", "", "not the absolute path" },
	{ "DHCP.Allocate", "", "", "", "not the absolute path" },
	{ "DHCP.Check", "/ns", ",\"priority\":-1", "", "priority" },
	{ "DHCP.Allocate", "/ns", ",\"provide\":[{\"option\":\"256\"}]", "", "Can not parse option \"256\"" },
	{ "DHCP.Allocate", "/ns", "", ",\"name\":\"a/b\"", "invalid characters found in network name" },
	{ "DHCP.Release", "/ns", "", ",\"ipam\":1", "error parsing netconf" },
	{ "DHCP.Release", "/ns", "", ",", "error parsing netconf" },
	{ "DHCP.GC", "", "", "", "without the list" },
};

static void test_refuses(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct dhcp_call call;
		const char *why;
		uint64_t seq;

		feed(w, call_bytes(w, refused[i].method, refused[i].netns, "",
				   conf_text(w, refused[i].ipam, refused[i].more)));
		if (dhcp_rpc_next(w->c, &w->arena, &call))
			fail_msg("row %zu was taken", i);
		answer(w, &seq, &why);
		assert_int_equal(seq, i);
		if (!strstr(why, refused[i].why))
			fail_msg("row %zu: %s", i, why);
	}
}

static void test_strangers(void **state)
{
	static const char *const heads[] = { "GET / HTTP/1.1\r\n\r\n", "\n\n", "CONNECT /other HTTP/1.0\n\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct dhcp_rpc *c = dhcp_rpc_new();
		struct err e = ERR_INIT;

		assert_false(dhcp_rpc_feed(c, (struct bytes){ heads[i], strlen(heads[i]) }, &e));
		assert_true(str_starts(dhcp_rpc_pending(c).data, "HTTP/1.0 405 "));
		dhcp_rpc_free(c);
	}
	dhcp_rpc_free(NULL);
}

static void test_bounds(void **state)
{
	struct world *w = *state;
	struct dhcp_call call;
	unsigned n = 0;

	while (dhcp_rpc_feed(w->c, call_bytes(w, "DHCP.Allocate", "/ns", "", conf_text(w, "", "")), &w->e)) {
		assert_true(dhcp_rpc_next(w->c, &w->arena, &call));
		assert_true(++n < 1000);
	}
	assert_int_equal(n, 64);
	assert_non_null(strstr(w->e.text, "more than 64 calls"));
}

static void test_endless_head(void **state)
{
	struct dhcp_rpc *c = dhcp_rpc_new();
	struct err e = ERR_INIT;
	unsigned n = 0;

	(void)state;
	while (dhcp_rpc_feed(c, (struct bytes){ "CONNECT /_goRPC_ ", 17 }, &e))
		assert_true(++n < 1000);
	assert_true(n > 200);
	dhcp_rpc_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_allocate, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_no_dns_unless_asked_for, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_any_order, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_refuses, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_bounds, world_new, world_end),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_endless_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
