// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_exchange.h"

#include <sys/epoll.h>

#include "lib/fs.h"
#include "plugins/ipam/dhcp_socket.h"

static const struct ip any = { .b = { [10] = 0xff, [11] = 0xff } };
static const struct ip everybody = { .b = { [10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

void exchange_begin(struct dhcp_client *c)
{
	fs_random(&c->xid, sizeof(c->xid));
	c->began = loop_now();
	c->tries = 0;
	c->complained = false;
}

void exchange_close(struct dhcp_client *c)
{
	fd_close(&c->udp);
	if (c->io.fd < 0)
		return;
	loop_remove(c->host->loop, &c->io);
	fd_close(&c->io.fd);
}

bool exchange_listen(struct dhcp_client *c, int *fd, struct err *e)
{
	exchange_close(c);
	c->io.fd = *fd;
	if (!loop_add(c->host->loop, &c->io, EPOLLIN, e)) {
		c->io.fd = -1;
		return false;
	}
	fd_take(fd);
	return true;
}

bool exchange_raw(struct dhcp_client *c, int netns, struct err *e)
{
	autoclose int fd = -1;

	return dhcp_raw_open(netns, c->place.index, c->xid, &fd, e) && exchange_listen(c, &fd, e);
}

bool exchange_udp(struct dhcp_client *c, int netns, struct err *e)
{
	fd_close(&c->udp);
	return dhcp_udp_open(netns, c->ask.ifname, &c->wanted, &c->udp, e);
}

static const struct dhcp_option *provided(const struct dhcp_client *c, uint8_t code)
{
	for (size_t i = 0; i < c->ask.n_send; i++)
		if (c->ask.send[i].code == code)
			return &c->ask.send[i];
	return NULL;
}

/* Options whose value follows from the exchange; those of the caller have no say. */
static bool is_ours(uint8_t code)
{
	return code == DHCP_OPT_PAD || code == DHCP_OPT_ADDRESS || code == DHCP_OPT_MESSAGE ||
	       code == DHCP_OPT_SERVER || code == DHCP_OPT_WANTED || code == DHCP_OPT_CLIENT_ID || code == DHCP_OPT_END;
}

static uint16_t room(const struct dhcp_client *c)
{
	uint32_t mtu = c->place.mtu;

	return mtu && mtu < DHCP_MESSAGE_MAX + DHCP_HEADERS ? (uint16_t)(mtu - DHCP_HEADERS) : DHCP_MESSAGE_MAX;
}

static void put_wishes(const struct dhcp_client *c, struct buf *b, enum dhcp_message message)
{
	const struct dhcp_option *address = provided(c, DHCP_OPT_ADDRESS);
	uint16_t size = room(c) + DHCP_HEADERS;
	uint8_t max[2] = { (uint8_t)(size >> 8), (uint8_t)size };

	if (message == DHCP_DISCOVER && address && ip_is_unset(&c->wanted))
		dhcp_packet_put(b, DHCP_OPT_ADDRESS, address->value.data, address->value.len);
	if (c->ask.n_wanted)
		dhcp_packet_put(b, DHCP_OPT_WANTED, c->ask.wanted, c->ask.n_wanted);
	if (!provided(c, DHCP_OPT_SIZE_MAX))
		dhcp_packet_put(b, DHCP_OPT_SIZE_MAX, max, sizeof(max));
	for (size_t i = 0; i < c->ask.n_send; i++) {
		const struct dhcp_option *o = &c->ask.send[i];

		if (!is_ours(o->code))
			dhcp_packet_put(b, o->code, o->value.data, o->value.len);
	}
}

/* RFC 2131 table 5: where the address stands, and whether a server is named. */
static const struct form {
	enum dhcp_message message;
	bool in_ciaddr, in_option, server;
} forms[] = {
	[DHCP_SELECTING]  = { DHCP_DISCOVER, false, true, false },
	[DHCP_REQUESTING] = { DHCP_REQUEST, false, true, true },
	[DHCP_REBOOTING]  = { DHCP_REQUEST, false, true, false },
	[DHCP_RENEWING]   = { DHCP_REQUEST, true, false, false },
	[DHCP_REBINDING]  = { DHCP_REQUEST, true, false, false },
	[DHCP_RELEASING]  = { DHCP_RELEASED, true, false, true },
};

static void build(const struct dhcp_client *c, enum dhcp_state as, struct buf *b)
{
	const struct form *f = &forms[as];
	int64_t secs = (loop_now() - c->began) / 1000;
	struct dhcp_head h = {
		.message = f->message, .xid = c->xid, .secs = secs < UINT16_MAX ? (uint16_t)secs : UINT16_MAX,
		.broadcast = c->host->broadcast && !f->in_ciaddr, .client = f->in_ciaddr ? c->wanted : any,
		.chaddr = c->place.mac,
	};
	const struct dhcp_option *id = provided(c, DHCP_OPT_CLIENT_ID);
	struct bytes value = id ? id->value : c->id;

	dhcp_packet_begin(b, &h);
	dhcp_packet_put(b, DHCP_OPT_CLIENT_ID, value.data, value.len);
	if (f->in_option && !ip_is_unset(&c->wanted))
		dhcp_packet_put_ip(b, DHCP_OPT_ADDRESS, &c->wanted);
	if (f->server)
		dhcp_packet_put_ip(b, DHCP_OPT_SERVER, &c->offerer);
	if (f->message != DHCP_RELEASED)
		put_wishes(c, b, f->message);
	dhcp_packet_end(b);
}

bool exchange_send(struct dhcp_client *c, enum dhcp_state as, struct err *e)
{
	_Alignas(16) char first[2048];
	const struct ip *from = forms[as].in_ciaddr ? &c->wanted : &any;
	bool to_one = as == DHCP_RELEASING && !mac_is_unset(&c->server_mac);
	struct arena a;
	struct buf b;
	bool ok;

	arena_init(&a, first, sizeof(first));
	buf_init(&b, &a, 512);
	build(c, as, &b);
	if (c->udp >= 0)
		ok = dhcp_udp_send(c->udp, &c->offerer, buf_bytes(&b), e);
	else
		ok = dhcp_raw_send(c->io.fd, c->place.index, from, as == DHCP_RELEASING ? &c->offerer : &everybody,
				   to_one ? &c->server_mac : NULL, buf_bytes(&b), e);
	arena_done(&a);
	if (ok && forms[as].message == DHCP_REQUEST)
		c->asked = loop_now();
	return ok;
}

bool exchange_fits(const struct dhcp_client *c, struct err *e)
{
	struct arena a;
	struct buf b;
	size_t len;

	arena_init(&a, NULL, 0);
	buf_init(&b, &a, 512);
	build(c, DHCP_REQUESTING, &b);
	len = b.len;
	arena_done(&a);
	return len <= room(c) ||
	       fail(e, 0, "the options to send make a message of %zu bytes, more than %u", len, room(c));
}

enum dhcp_message exchange_message(enum dhcp_state as)
{
	return forms[as].message;
}
