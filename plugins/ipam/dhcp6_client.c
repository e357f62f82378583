// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp6_client.h"

#include <errno.h>
#include <sys/socket.h>

#include "kernel/addr.h"
#include "kernel/netns.h"
#include "lib/fs.h"
#include "lib/sha512.h"
#include "plugins/ipam/dhcp6_exchange.h"
#include "plugins/ipam/dhcp_alike.h"
#include "plugins/ipam/dhcp_exchange.h"
#include "plugins/ipam/dhcp_socket.h"
#include "plugins/ipam/dhcp_store.h"

#define LOCAL_STEP_MS  100
#define REQUEST_TRIES  10
#define AGAIN_MS       1000
#define FATE_MAX       96
#define RELEASE_TRIES  2
#define SOLICIT_MAX_MS 3600000
/* What a server may make of that (option 82), in seconds. */
#define SOLICIT_MAX_LOW	 60
#define SOLICIT_MAX_HIGH 86400
#define DUID_UUID	 4

static bool same_bytes(struct bytes a, const uint8_t *b, size_t len)
{
	return a.len == len && memcmp(a.data, b, len) == 0;
}

/* ---- who we are ------------------------------------------------------------------------------------------------ */

static struct bytes identifier(const struct dhcp_client *c)
{
	for (size_t i = 0; i < c->ask.n_send; i++)
		if (c->ask.send[i].code == DHCP_OPT_CLIENT_ID)
			return c->ask.send[i].value;
	return c->id;
}

/* DUID-UUID of the client's identifier (a UUID of version 8), IAID of the attachment: both the same whenever made. */
static void make_identity(struct dhcp_client *c)
{
	uint8_t digest[64], *uuid = c->six.duid + 2;
	struct bytes id = identifier(c);
	struct sha512 hash;

	sha512_init(&hash);
	sha512_put(&hash, id.data, id.len);
	sha512_end(&hash, digest);
	c->six.duid[0] = 0;
	c->six.duid[1] = DUID_UUID;
	memcpy(uuid, digest, 16);
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	sha512_init(&hash);
	sha512_put(&hash, c->id.data, c->id.len);
	sha512_end(&hash, digest);
	memcpy(&c->six.iaid, digest + 16, sizeof(c->six.iaid));
}

/* Acquiring: send, and come back. */
static void transmit(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	int64_t now = loop_now(), limit = c->state == DHCP_REQUESTING ? c->back_to_start : CLIENT_NEVER;

	if (!exchange6_send(c, c->state, &e))
		client_say(c, "%s: %s", dhcp6_message_name(exchange6_message(c->state)), e.text);
	limit = client_earlier(limit, c->give_up > now ? c->give_up : now);
	loop_timer_at(c->host->loop, &c->timer, client_earlier(now + exchange6_pause(c), limit));
}

/* ---- acquiring ------------------------------------------------------------------------------------------------- */

static void solicit(struct dhcp_client *c)
{
	exchange6_begin(c, DHCP_SELECTING);
	c->six.offered = false;
	if (!c->settled)
		c->wanted = c->had;
	transmit(c);
}

static void request(struct dhcp_client *c)
{
	exchange6_begin(c, DHCP_REQUESTING);
	c->six.status = DHCP6_SUCCESS;
	c->back_to_start = c->began + c->host->timeout_ms;
	transmit(c);
}

/* The first look for a link-local address and all that follow. False: the failure is for good. */
static bool approach(struct dhcp_client *c, int netns, struct err *e)
{
	if (exchange6_open(c, netns, e)) {
		solicit(c);
		return true;
	}
	if (e->num != EAGAIN || loop_now() >= c->give_up)
		return false;
	*e = ERR_INIT;
	loop_timer_in(c->host->loop, &c->timer, LOCAL_STEP_MS);
	return true;
}

static bool discover(struct dhcp_client *c, int netns, int64_t give_up_ms, struct err *e)
{
	c->state = DHCP_SELECTING;
	c->six.status = DHCP6_SUCCESS;
	c->six.offered = false;
	c->give_up = loop_now() + give_up_ms;
	exchange_close(c);
	return exchange6_switch_on(c, netns, e) && approach(c, netns, e);
}

static void take_off(struct dhcp_client *c, int netns)
{
	struct err e = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct cidr address = cidr_host(&c->wanted);

	if (!netns_nl_open(netns, NETLINK_ROUTE, &nl, &e) ||
	    (!addr_del(&nl, (int)c->place.index, &address, &e) && e.num != EADDRNOTAVAIL))
		client_say(c, "%s", e.text);
}

static void stay_lost(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	exchange_close(c);
	c->raised = false;
	c->state = DHCP_LOST;
	if (dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, &e)) {
		take_off(c, netns);
	} else if (gone) {
		client_vanished(c, &e);
		return;
	} else {
		client_say(c, "%s", e.text);
	}
	loop_timer_in(c->host->loop, &c->timer, c->host->resend_max_ms + client_random_below(CLIENT_JITTER_MS));
}

static void lose(struct dhcp_client *c, const char *why)
{
	client_say(c, "%s: the address is taken off the interface", why);
	c->end_at = client_earlier(c->end_at, loop_now());
	c->state = DHCP_LOST;
	client_remember(c);
	stay_lost(c);
}

static void regain(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	if (!client_reopen(c, &netns, &gone, &e)) {
		if (gone) {
			client_vanished(c, &e);
			return;
		}
	} else {
		c->raised = true;
		if (discover(c, netns, client_earlier(2 * c->host->timeout_ms, c->host->give_up_ms), &e))
			return;
	}
	client_say(c, "%s", e.text);
	stay_lost(c);
}

/* The server of the lease is the one to be asked. */
static bool server_of_reply(struct dhcp_client *c, struct err *e)
{
	struct bytes raw = { (const char *)c->ack, c->ack_len };
	struct dhcp6_packet p;

	if (!dhcp6_packet_read(raw, &p, e))
		return false;
	if (!p.server.len)
		return fail(e, 0, "the DHCPv6 server of the lease is not known");
	memcpy(c->six.server, p.server.data, p.server.len);
	c->six.server_len = p.server.len;
	return true;
}

/*
 * The lease was not made anew, but the one that we have runs on: it is renewed as before, after a pause, which grows
 * when that happens again.
 */
static void carry_on(struct dhcp_client *c, const char *why)
{
	struct err e = ERR_INIT;
	int64_t now = loop_now();

	client_say(c, "%s: the lease that there is goes on", why);
	exchange_close(c);
	if (!server_of_reply(c, &e))
		client_say(c, "%s", e.text);
	exchange6_begin(c, now >= c->rebind_at ? DHCP_REBINDING : DHCP_RENEWING);
	c->six.pause = c->six.carried;
	c->six.next = now + exchange6_pause(c);
	c->six.carried = c->six.pause;
	loop_timer_at(c->host->loop, &c->timer, client_earlier(c->six.next, client_phase_end(c)));
}

/* A server that does not lend what it has offered, or what was had before. */
static void denied(struct dhcp_client *c, const char *why)
{
	if (!c->settled) {
		client_say(c, "%s", why);
		exchange6_begin(c, DHCP_SELECTING);
		c->six.offered = false;
		c->wanted = c->had;
		loop_timer_in(c->host->loop, &c->timer, AGAIN_MS);
	} else if (c->raised) {
		stay_lost(c);
	} else if (c->state == DHCP_REQUESTING && loop_now() < c->end_at) {
		carry_on(c, why);
	} else {
		lose(c, why);
	}
}

/* What became of a REQUEST that brought no lease. */
static const char *fate(const struct dhcp_client *c, char dst[static FATE_MAX])
{
	if (c->six.status != DHCP6_SUCCESS)
		snprintf(dst, FATE_MAX, "the DHCPv6 server answers a REQUEST with %s",
			 dhcp6_status_text(c->six.status));
	else
		snprintf(dst, FATE_MAX, "the DHCPv6 server %s",
			 c->complained ? "answers a REQUEST with nothing of use" : "does not answer a REQUEST");
	return dst;
}

static void no_more_tries(struct dhcp_client *c, const struct err *why)
{
	struct err e = ERR_INIT;
	char text[FATE_MAX];

	if (c->settled) {
		denied(c, loop_now() < c->end_at ? fate(c, text) : "the lease has ended");
		return;
	}
	if (why)
		e = *why;
	else if (c->state == DHCP_REQUESTING)
		(void)fail(&e, 0, "no more tries: %s", fate(c, text));
	else if (c->six.status != DHCP6_SUCCESS)
		(void)fail(&e, 0, "no more tries: the DHCPv6 server says %s", dhcp6_status_text(c->six.status));
	else if (*c->refused)
		(void)fail(&e, 0, "no more tries: no DHCPv6 server has offered an address of use (%s)", c->refused);
	else
		(void)fail(&e, 0, "no more tries: no DHCPv6 server has offered an address");
	client_finish(c, &e);
}

static void due_acquiring(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	int64_t now = loop_now();
	char text[FATE_MAX];
	bool gone;

	if (!client_reopen(c, &netns, &gone, &e) && gone) {
		client_vanished(c, &e);
		return;
	}
	if (c->state == DHCP_SELECTING && c->io.fd < 0) {
		if (netns < 0 || !approach(c, netns, &e))
			no_more_tries(c, &e);
	} else if (c->state == DHCP_SELECTING && c->six.offered) {
		c->wanted = c->six.offer;
		request(c);
	} else if (now >= c->give_up) {
		no_more_tries(c, NULL);
	} else if (c->state == DHCP_REQUESTING && (now >= c->back_to_start || c->tries >= REQUEST_TRIES)) {
		denied(c, fate(c, text));
	} else {
		transmit(c);
	}
}

static void take_solicit_max(struct dhcp_client *c, const struct dhcp6_packet *p)
{
	const uint8_t *v;
	struct bytes b;
	int64_t s;

	if (!dhcp6_packet_option(p, DHCP6_OPT_SOLICIT_MAX, &b) || b.len != 4)
		return;
	v = (const uint8_t *)b.data;
	s = (int64_t)v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3];
	if (s >= SOLICIT_MAX_LOW && s <= SOLICIT_MAX_HIGH)
		c->six.solicit_max_ms = s * 1000;
}

static bool offer_is_good(struct dhcp_client *c, const struct dhcp6_packet *p, struct dhcp_lease *ret)
{
	struct dhcp6_ia ia = { .status = p->status };
	struct err e = ERR_INIT;
	struct arena a;
	bool ok;

	if (p->status == DHCP6_SUCCESS)
		(void)dhcp6_packet_ia(p, c->six.iaid, &c->wanted, &ia);
	if (ia.status != DHCP6_SUCCESS) {
		c->six.status = ia.status;
		return false;
	}
	arena_init(&a, NULL, 0);
	ok = dhcp6_lease_read(&a, p, c->six.iaid, &c->wanted, ret, &e);
	arena_done(&a);
	if (ok)
		return true;
	snprintf(c->refused, sizeof(c->refused), "%.150s", e.text);
	client_complain(c, "an ADVERTISE is passed over: %s", e.text);
	return false;
}

/* After the first pause, or when a server says that it is the best, there is nothing to wait for. */
static void advertised(struct dhcp_client *c, const struct dhcp6_packet *p)
{
	struct dhcp_lease l;

	if (c->state != DHCP_SELECTING)
		return;
	take_solicit_max(c, p);
	if (!offer_is_good(c, p, &l) || (c->six.offered && p->preference <= c->six.preference))
		return;
	if (c->settled && !ip_eq(&l.address.ip, &c->wanted)) {
		char text[IP_TEXT_MAX];

		client_complain(c, "the offer of %s is not taken: the container has another address",
				ip_text(&l.address.ip, text));
		return;
	}
	c->six.offered = true;
	c->six.offer = l.address.ip;
	c->six.preference = p->preference;
	memcpy(c->six.server, p->server.data, p->server.len);
	c->six.server_len = p->server.len;
	if (p->preference == UINT8_MAX || c->tries > 1)
		loop_timer_in(c->host->loop, &c->timer, 0);
}

/* ---- having ---------------------------------------------------------------------------------------------------- */

static void bound(struct dhcp_client *c, struct bytes raw, const struct dhcp6_packet *p, const struct dhcp_lease *l)
{
	bool first = !c->settled, again = c->state == DHCP_RENEWING || c->state == DHCP_REBINDING;
	char text[CIDR_TEXT_MAX];

	memcpy(c->ack, raw.data, raw.len);
	c->ack_len = raw.len;
	memcpy(c->six.server, p->server.data, p->server.len);
	c->six.server_len = p->server.len;
	c->wanted = l->address.ip;
	c->bound_at = c->asked;
	c->six.carried = 0;
	client_count_times(c, l);
	exchange_close(c);
	client_say(c, "%s %s for %u s", again ? "renewed" : "leased", cidr_text(&l->address, text), l->lease_s);
	c->state = DHCP_BOUND;
	c->settled = true;
	if (c->raised)
		client_put_back(c, l);
	c->raised = false;
	client_remember(c);
	/* Whatever the server thinks of times, it is not asked without a pause. */
	client_rest(c, loop_now() + AGAIN_MS);
	if (first)
		c->host->settled(c, NULL);
}

/* A lease that is of no use is given back before the failure is told. */
static void refuse(struct dhcp_client *c, const struct err *why)
{
	struct err ignored = ERR_INIT;

	if (c->state != DHCP_REQUESTING || c->settled) {
		client_complain(c, "a REPLY is passed over: %s", why->text);
		return;
	}
	if (!exchange6_send(c, DHCP_RELEASING, &ignored))
		client_say(c, "%s", ignored.text);
	client_finish(c, why);
}

static void lent(struct dhcp_client *c, struct bytes raw, const struct dhcp6_packet *p)
{
	struct err e = ERR_INIT;
	struct dhcp_lease l;
	struct arena a;

	arena_init(&a, NULL, 0);
	if (!dhcp6_lease_read(&a, p, c->six.iaid, &c->wanted, &l, &e))
		refuse(c, &e);
	else if (c->settled && !ip_eq(&l.address.ip, &c->wanted))
		client_complain(c, "a REPLY is passed over: it has another address");
	else
		bound(c, raw, p, &l);
	arena_done(&a);
}

/* The server that does not know the lease any more may make it anew. */
static void ask_anew(struct dhcp_client *c, const struct dhcp6_packet *p)
{
	memcpy(c->six.server, p->server.data, p->server.len);
	c->six.server_len = p->server.len;
	c->give_up = client_earlier(c->end_at, loop_now() + c->host->give_up_ms);
	request(c);
}

static bool is_refusal(uint16_t status)
{
	return status == DHCP6_NO_ADDRESS || status == DHCP6_NOT_ON_LINK || status == DHCP6_NO_BINDING;
}

/*
 * A server that did not lend the address says that it would not, when all servers are asked: the one that did may be
 * about to answer. A valid lifetime of 0 is another matter, that is how any server takes an address of its link back.
 */
static bool is_strangers_no(struct dhcp_client *c, const struct dhcp6_packet *p, uint16_t status)
{
	return c->state == DHCP_REBINDING && is_refusal(status) && status != DHCP6_NO_BINDING &&
	       !same_bytes(p->server, c->six.server, c->six.server_len);
}

static void replied(struct dhcp_client *c, struct bytes raw, const struct dhcp6_packet *p)
{
	bool renewing = c->state == DHCP_RENEWING || c->state == DHCP_REBINDING;
	struct dhcp6_ia ia = { .status = p->status };
	char why[128];

	if ((c->state != DHCP_REQUESTING && !renewing) || raw.len > sizeof(c->ack))
		return;
	if (exchange6_to_server(c->state) && !same_bytes(p->server, c->six.server, c->six.server_len))
		return;
	if (p->status == DHCP6_SUCCESS && !dhcp6_packet_ia(p, c->six.iaid, &c->wanted, &ia))
		return;
	snprintf(why, sizeof(why), "the DHCPv6 server says %s", dhcp6_status_text(ia.status));
	c->six.status = ia.status;
	if (is_strangers_no(c, p, ia.status))
		client_complain(c, "%s, but the lease is another's", why);
	else if (renewing && ia.status == DHCP6_NO_BINDING)
		ask_anew(c, p);
	else if (is_refusal(ia.status))
		denied(c, why);
	else if (ia.status != DHCP6_SUCCESS)
		client_complain(c, "%s", why);
	else if (c->settled && ia.has_address && ip_eq(&ia.address, &c->wanted) && !ia.valid_s)
		denied(c, "the DHCPv6 server has taken the address back");
	else if (ia.has_address || c->state == DHCP_REQUESTING)
		lent(c, raw, p);
}

/* One try: for a while somebody listens, then the descriptor is given back until the next. */
static void try_renew(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	int64_t now = loop_now(), until = CLIENT_NEVER;
	bool gone;

	if (!client_reopen(c, &netns, &gone, &e)) {
		if (gone) {
			client_vanished(c, &e);
			return;
		}
		client_say(c, "%s", e.text);
	} else if (!exchange6_open(c, netns, &e) || !exchange6_send(c, c->state, &e)) {
		client_say(c, "%s: %s", dhcp6_message_name(exchange6_message(c->state)), e.text);
		exchange_close(c);
	} else {
		until = now + c->host->timeout_ms;
	}
	c->six.next = now + exchange6_pause(c);
	loop_timer_at(c->host->loop, &c->timer,
		      client_earlier(client_earlier(until, c->six.next), client_phase_end(c)));
}

static void due_renewing(struct dhcp_client *c)
{
	int64_t now = loop_now();

	if (now >= c->end_at) {
		lose(c, "the lease has ended");
	} else if (now < c->renew_at) {
		client_look_after(c);
	} else if (c->state == DHCP_BOUND || (c->state == DHCP_RENEWING && now >= c->rebind_at)) {
		exchange6_begin(c, now >= c->rebind_at ? DHCP_REBINDING : DHCP_RENEWING);
		try_renew(c);
	} else if (now < c->six.next) {
		if (c->io.fd >= 0)
			client_say(c, "no answer from the DHCPv6 server");
		exchange_close(c);
		loop_timer_at(c->host->loop, &c->timer, client_earlier(c->six.next, client_phase_end(c)));
	} else {
		try_renew(c);
	}
}

/* ---- giving back ----------------------------------------------------------------------------------------------- */

static void due_releasing(struct dhcp_client *c)
{
	struct err e = ERR_INIT;

	if (c->tries >= RELEASE_TRIES || !exchange6_send(c, DHCP_RELEASING, &e)) {
		client_say(c, "forgotten, not released: %s", *e.text ? e.text : "no answer from the DHCPv6 server");
		client_finish(c, NULL);
		return;
	}
	loop_timer_in(c->host->loop, &c->timer, exchange6_pause(c));
}

static bool prepare_release(struct dhcp_client *c, struct err *e)
{
	autoclose int netns = -1;
	bool gone;

	return c->io.fd >= 0 || (client_reopen(c, &netns, &gone, e) && exchange6_open(c, netns, e));
}

void dhcp6_client_release(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	bool something = dhcp_client_has_lease(c) || (c->state == DHCP_REQUESTING && c->asked);

	loop_timer_off(&c->timer);
	if (!dhcp_store_drop(c, &e))
		client_say(c, "%s", e.text);
	if (something && !prepare_release(c, &e)) {
		client_say(c, "forgotten, not released: %s", e.text);
		something = false;
	}
	exchange6_begin(c, DHCP_RELEASING);
	if (something)
		due_releasing(c);
	else
		client_finish(c, NULL);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void due(struct loop_timer *t)
{
	struct dhcp_client *c = (struct dhcp_client *)(void *)((char *)t - offsetof(struct dhcp_client, timer));

	switch (c->state) {
	case DHCP_SELECTING:
	case DHCP_REBOOTING:
	case DHCP_REQUESTING: due_acquiring(c); break;
	case DHCP_BOUND:
	case DHCP_RENEWING:
	case DHCP_REBINDING: due_renewing(c); break;
	case DHCP_LOST: regain(c); break;
	case DHCP_RELEASING: due_releasing(c); break;
	}
}

/* False: @c has no use for more of this socket, or is no more. */
static bool message_came(struct dhcp_client *c, struct bytes raw)
{
	struct err ignored = ERR_INIT;
	struct dhcp6_packet p;

	if (!dhcp6_packet_read(raw, &p, &ignored) || p.xid != c->xid || !p.server.len ||
	    !same_bytes(p.client, c->six.duid, sizeof(c->six.duid)))
		return true;
	if (p.message == DHCP6_ADVERTISE) {
		advertised(c, &p);
		return true;
	}
	if (p.message != DHCP6_REPLY)
		return true;
	if (c->state != DHCP_RELEASING) {
		replied(c, raw, &p);
	} else if (same_bytes(p.server, c->six.server, c->six.server_len)) {
		client_say(c, "released");
		client_finish(c, NULL);
	}
	return false;
}

static void ready(struct loop_io *io, uint32_t events)
{
	struct dhcp_client *c = (struct dhcp_client *)(void *)((char *)io - offsetof(struct dhcp_client, io));
	uint8_t message[DHCP_FRAME_MAX];
	struct bytes raw;

	(void)events;
	for (unsigned i = 0; i < CLIENT_RECEIVE_MAX && dhcp6_udp_receive(io->fd, message, &raw); i++)
		if (raw.len && !message_came(c, raw))
			return;
}

/* ---- from outside ---------------------------------------------------------------------------------------------- */

void dhcp6_client_init(struct dhcp_client *c)
{
	make_identity(c);
	c->six.solicit_max_ms = SOLICIT_MAX_MS;
	c->timer.due = due;
	c->io.ready = ready;
}

bool dhcp6_client_start(struct dhcp_client *c, const struct dhcp_client *old, struct err *e)
{
	autoclose int netns = -1;

	if (!dhcp_place_open(c->netns, c->ask.ifname, &c->place, &netns, e))
		return false;
	if (old && old->ack_len)
		c->wanted = c->had = old->wanted;
	return discover(c, netns, c->host->give_up_ms, e);
}

bool dhcp6_client_lease(const struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e)
{
	struct bytes raw = { (const char *)c->ack, c->ack_len };
	struct dhcp6_packet p;

	return dhcp6_packet_read(raw, &p, e) && dhcp6_lease_read(a, &p, c->six.iaid, &c->wanted, ret, e);
}

bool dhcp6_client_resume(struct dhcp_client *c, bool lost, struct err *e)
{
	int64_t now = loop_now(), soon = now + client_random_below(CLIENT_RESUME_SPREAD);
	struct dhcp_lease l = { 0 };
	struct err why = ERR_INIT;
	autoclose int netns = -1;
	struct arena a;
	bool ok, gone;

	arena_init(&a, NULL, 0);
	ok = dhcp6_client_lease(c, &a, &l, e);
	arena_done(&a);
	if (!ok || !server_of_reply(c, e))
		return false;
	/* What may pass (no descriptors, no memory) is tried again when there is something to do. */
	if (!dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, &why) && gone) {
		*e = why;
		return false;
	}
	c->settled = true;
	c->wanted = l.address.ip;
	client_count_times(c, &l);
	/* One that ran out while nobody could renew it is asked for at once, and taken off if nobody lends it. */
	c->state = lost || now >= c->end_at ? DHCP_LOST : DHCP_BOUND;
	c->end_at = lost ? client_earlier(c->end_at, now) : c->end_at;
	if (c->state == DHCP_LOST && !lost)
		client_say(c, "the lease has ended while nobody could renew it");
	if (c->state == DHCP_LOST)
		loop_timer_at(c->host->loop, &c->timer, soon);
	else
		client_rest(c, soon);
	return true;
}
