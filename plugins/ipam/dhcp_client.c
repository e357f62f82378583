// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_client.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/fs.h"
#include "plugins/ipam/dhcp6_client.h"
#include "plugins/ipam/dhcp_alike.h"
#include "plugins/ipam/dhcp_exchange.h"
#include "plugins/ipam/dhcp_lease.h"
#include "plugins/ipam/dhcp_socket.h"
#include "plugins/ipam/dhcp_store.h"

/* The reference's rhythm: a few quick repetitions, then twice as long each time. */
#define FAST_TRIES     4
#define FAST_MS	       2000
#define SLOW_MS	       4000
/* An interface just set up refuses or loses what is sent until the kernel has told its other end (up to a second). */
#define HASTY_TRIES    4
#define HASTY_MS       100
#define NOT_UP_MS      200
#define NAK_PAUSE_MS   1000
/* Between two tries of renewing: RFC 2131 wants half of what is left, and at least a minute if the lease has one. */
#define RENEW_STEP_MIN 4000
#define RENEW_STEP_MAX 60000
#define DRAIN_MS       1000
#define DRAIN_STEP_MS  5
#define COME_BACK_MS   1000
#define ID_MAX	       254

static void lose(struct dhcp_client *c, const char *why);
static bool come_back(struct dhcp_client *c, struct err *e) MUST_CHECK;
static void try_renew(struct dhcp_client *c);

static int64_t jitter(int64_t ms)
{
	return client_random_below(2 * ms + 1) - ms;
}

/* ---- acquiring ------------------------------------------------------------------------------------------------ */

static int64_t pause_ms(struct dhcp_client *c)
{
	int64_t ms = FAST_MS;

	if (c->hasty)
		return (int64_t)HASTY_MS << (HASTY_TRIES - c->hasty--);
	if (c->tries >= FAST_TRIES) {
		unsigned twice = c->tries - FAST_TRIES;

		ms = twice < 16 ? (int64_t)SLOW_MS << twice : c->host->resend_max_ms;
		ms = client_earlier(ms, c->host->resend_max_ms);
	}
	c->tries++;
	ms += jitter(CLIENT_JITTER_MS);
	return ms > NOT_UP_MS ? ms : NOT_UP_MS;
}

/* Send what the state wants said, and come back later. */
static void transmit(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	int64_t wait, now = loop_now();

	if (exchange_send(c, c->state, &e)) {
		wait = pause_ms(c);
	} else {
		if (e.num != ENETDOWN)
			client_say(c, "%s: %s", dhcp_message_name(exchange_message(c->state)), e.text);
		wait = e.num == ENETDOWN ? NOT_UP_MS : pause_ms(c);
	}
	loop_timer_at(c->host->loop, &c->timer, client_earlier(now + wait, c->give_up > now ? c->give_up : now));
}

static void select_again(struct dhcp_client *c, int64_t ms)
{
	c->state = DHCP_SELECTING;
	if (!c->settled)
		memset(&c->wanted, 0, sizeof(c->wanted));
	loop_timer_in(c->host->loop, &c->timer, ms);
}

static bool discover(struct dhcp_client *c, int netns, int64_t give_up_ms, struct err *e)
{
	exchange_begin(c);
	c->hasty = c->place.raised ? HASTY_TRIES : 0;
	c->give_up = c->began + give_up_ms;
	if (!exchange_fits(c, e) || !exchange_raw(c, netns, e))
		return false;
	c->state = DHCP_SELECTING;
	transmit(c);
	return true;
}

/* Without the address, and down until the next attempt, unless the interface is the other half's, too. */
static void stay_lost(struct dhcp_client *c)
{
	struct dhcp_lease l;
	struct err e = ERR_INIT;
	struct arena a;
	autoclose int netns = -1;
	bool gone;

	exchange_close(c);
	c->raised = false;
	c->state = DHCP_LOST;
	if (!dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, &e)) {
		if (gone) {
			client_vanished(c, &e);
			return;
		}
		client_say(c, "%s", e.text);
	} else {
		arena_init(&a, NULL, 0);
		if (!dhcp_client_lease(c, &a, &l, &e) ||
		    !dhcp_place_stop(netns, &c->place, &l, c->host->is_shared(c), &e))
			client_say(c, "%s", e.text);
		arena_done(&a);
	}
	loop_timer_in(c->host->loop, &c->timer, c->host->resend_max_ms + client_random_below(CLIENT_JITTER_MS));
}

static void lose(struct dhcp_client *c, const char *why)
{
	client_say(c, "%s: %s", why,
		   c->host->is_shared(c) ? "the address is taken off the interface" : "the interface goes down");
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
		c->had = c->wanted;
		if (discover(c, netns, client_earlier(2 * c->host->timeout_ms, c->host->give_up_ms), &e))
			return;
	}
	client_say(c, "%s", e.text);
	stay_lost(c);
}

static void no_more_tries(struct dhcp_client *c)
{
	struct err e = ERR_INIT;

	if (c->settled) {
		stay_lost(c);
		return;
	}
	/* The first words are the reference's. */
	if (c->state == DHCP_REQUESTING)
		(void)fail(&e, 0, "no more tries: the server that offered an address does not acknowledge it");
	else if (*c->refused)
		(void)fail(&e, 0, "no more tries: no DHCP server has offered an address of use (%s)", c->refused);
	else
		(void)fail(&e, 0, "no more tries: no DHCP server has offered an address");
	client_finish(c, &e);
}

static void due_acquiring(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	int64_t now = loop_now();
	bool gone;

	if (!client_reopen(c, &netns, &gone, &e) && gone) {
		client_vanished(c, &e);
		return;
	}
	if (c->state == DHCP_REBOOTING && now >= c->back_to_start) {
		lose(c, "the lease has ended while nobody could renew it");
		return;
	}
	if (now >= c->give_up) {
		no_more_tries(c);
		return;
	}
	if (c->state == DHCP_REQUESTING && now >= c->back_to_start)
		select_again(c, 0);
	else
		transmit(c);
}

/* Another server may have a better one, so nothing is answered. */
static bool is_bad_offer(struct dhcp_client *c, const struct dhcp_packet *p)
{
	struct err e = ERR_INIT;
	struct arena a;
	bool ok;

	arena_init(&a, NULL, 0);
	ok = dhcp_lease_judge(&a, p, &e);
	arena_done(&a);
	if (ok)
		return false;
	snprintf(c->refused, sizeof(c->refused), "%.150s", e.text);
	client_complain(c, "an offer is passed over: %s", e.text);
	return true;
}

static void offered(struct dhcp_client *c, const struct dhcp_packet *p)
{
	struct ip server;

	if (c->state != DHCP_SELECTING || !dhcp_packet_ip(p, DHCP_OPT_SERVER, &server) || is_bad_offer(c, p))
		return;
	if (c->settled && !ip_eq(&p->yours, &c->wanted)) {
		char text[IP_TEXT_MAX];

		client_complain(c, "the offer of %s is not taken: the container has another address",
				ip_text(&p->yours, text));
		return;
	}
	c->wanted = p->yours;
	c->offerer = server;
	c->state = DHCP_REQUESTING;
	c->tries = 0;
	c->back_to_start = loop_now() + c->host->timeout_ms;
	transmit(c);
}

/* ---- having --------------------------------------------------------------------------------------------------- */

static void due_bound(struct dhcp_client *c)
{
	if (loop_now() >= c->renew_at)
		try_renew(c);
	else
		client_look_after(c);
}

static void bound(struct dhcp_client *c, const struct dhcp_packet *p, const struct dhcp_lease *l)
{
	char address[CIDR_TEXT_MAX], server[IP_TEXT_MAX];
	bool first = !c->settled;

	memcpy(c->ack, p->raw, p->len);
	c->ack_len = p->len;
	c->bound_at = c->asked;
	c->offerer = l->server;
	client_count_times(c, l);
	exchange_close(c);
	client_say(c, "%s %s from %s for %u s",
		   c->state == DHCP_RENEWING || c->state == DHCP_REBINDING ? "renewed" : "leased",
		   cidr_text(&l->address, address), ip_text(&l->server, server), l->lease_s);
	c->state = DHCP_BOUND;
	c->settled = true;
	if (c->raised && ip_eq(&l->address.ip, &c->had))
		client_put_back(c, l);
	c->raised = false;
	client_remember(c);
	/* A server that thought for longer than T1 does not make us ask it again at once. */
	client_rest(c, loop_now() + DHCP_RENEW_S_MIN * 500);
	if (first)
		c->host->settled(c, NULL);
}

/* A lease that is of no use is given back before the failure is told. */
static void refuse(struct dhcp_client *c, const struct err *why)
{
	struct err ignored = ERR_INIT;

	if (c->state != DHCP_REQUESTING || c->settled) {
		client_complain(c, "an acknowledgement is passed over: %s", why->text);
		return;
	}
	if (!exchange_send(c, DHCP_RELEASING, &ignored))
		client_say(c, "%s", ignored.text);
	client_finish(c, why);
}

/* Nothing of @c may be touched after this. */
static void acknowledged(struct dhcp_client *c, const struct dhcp_packet *p)
{
	struct err e = ERR_INIT;
	struct dhcp_lease l;
	struct arena a;

	if (c->state == DHCP_SELECTING || !ip_eq(&p->yours, &c->wanted) || p->len > sizeof(c->ack))
		return;
	arena_init(&a, NULL, 0);
	if (dhcp_lease_read(&a, p, &l, &e))
		bound(c, p, &l);
	else
		refuse(c, &e);
	arena_done(&a);
}

static void refused(struct dhcp_client *c, const struct dhcp_packet *p)
{
	struct ip server;

	if (c->state == DHCP_SELECTING || !dhcp_packet_ip(p, DHCP_OPT_SERVER, &server))
		return;
	/* Only who was asked may say no; to the others any server of this network may. */
	if ((c->state == DHCP_REQUESTING || c->state == DHCP_RENEWING) && !ip_eq(&server, &c->offerer))
		return;
	if (c->state != DHCP_REQUESTING)
		lose(c, "the server has taken the address back (DHCPNAK)");
	else if (c->settled)
		stay_lost(c);
	else
		select_again(c, NAK_PAUSE_MS);
}

static void try_later(struct dhcp_client *c)
{
	int64_t begin = c->state == DHCP_RENEWING ? c->renew_at : c->rebind_at, end = client_phase_end(c),
		now = loop_now();
	int64_t step = (end - begin) / 8, wait = (end - now) / 2;

	if (step > RENEW_STEP_MAX)
		step = RENEW_STEP_MAX;
	if (step < RENEW_STEP_MIN)
		step = RENEW_STEP_MIN;
	if (wait < step)
		wait = step;
	exchange_close(c);
	loop_timer_at(c->host->loop, &c->timer, client_earlier(now + wait, end));
}

/* Without the address on the interface the server cannot reach us by it: ask as if we had just come up. */
static bool ask_renewal(struct dhcp_client *c, int netns, struct err *e)
{
	enum dhcp_state as = c->state;

	if (!exchange_raw(c, netns, e))
		return false;
	if (c->state == DHCP_RENEWING && !exchange_udp(c, netns, e)) {
		if (e->num != EADDRNOTAVAIL)
			return false;
		*e = ERR_INIT;
		as = DHCP_REBOOTING;
	}
	return exchange_send(c, as, e);
}

static void try_renew(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	int64_t now = loop_now();
	bool gone;

	if (now >= c->end_at) {
		lose(c, "the lease has ended");
		return;
	}
	c->state = now >= c->rebind_at ? DHCP_REBINDING : DHCP_RENEWING;
	exchange_begin(c);
	if (!client_reopen(c, &netns, &gone, &e)) {
		if (gone) {
			client_vanished(c, &e);
			return;
		}
		client_say(c, "%s", e.text);
		try_later(c);
		return;
	}
	if (!ask_renewal(c, netns, &e)) {
		client_say(c, "%s: %s", c->state == DHCP_RENEWING ? "renew" : "rebind", e.text);
		try_later(c);
		return;
	}
	loop_timer_at(c->host->loop, &c->timer, client_earlier(now + c->host->timeout_ms, client_phase_end(c)));
}

/* A try is over, or the next one is due; at the end of a phase both. */
static void due_renewing(struct dhcp_client *c)
{
	if (c->io.fd >= 0 && loop_now() < client_phase_end(c)) {
		client_say(c, "no answer from the server");
		try_later(c);
		return;
	}
	exchange_close(c);
	try_renew(c);
}

/* ---- giving back ---------------------------------------------------------------------------------------------- */

static void due_releasing(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	if (c->udp >= 0 && !dhcp_socket_drained(c->udp)) {
		if (loop_now() < c->give_up) {
			loop_timer_in(c->host->loop, &c->timer, DRAIN_STEP_MS);
			return;
		}
		/* Nobody answers for the server's address: to the MAC that it had. */
		if (!client_reopen(c, &netns, &gone, &e) || !exchange_raw(c, netns, &e) ||
		    !exchange_send(c, DHCP_RELEASING, &e))
			client_say(c, "release: %s", e.text);
	}
	client_say(c, "released");
	client_finish(c, NULL);
}

static bool send_release(struct dhcp_client *c, struct err *e)
{
	autoclose int netns = -1;
	bool gone;

	/* In the middle of an acquisition there is a socket, and no address yet. */
	if (c->state == DHCP_REQUESTING)
		return exchange_send(c, DHCP_RELEASING, e);
	if (!client_reopen(c, &netns, &gone, e))
		return false;
	exchange_begin(c);
	if (exchange_udp(c, netns, e) && exchange_send(c, DHCP_RELEASING, e))
		return true;
	fd_close(&c->udp);
	*e = ERR_INIT;
	return exchange_raw(c, netns, e) && exchange_send(c, DHCP_RELEASING, e);
}

void dhcp_client_release(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	bool something = dhcp_client_has_lease(c) || (c->state == DHCP_REQUESTING && c->asked);

	if (dhcp_client_is6(c)) {
		dhcp6_client_release(c);
		return;
	}
	loop_timer_off(&c->timer);
	if (!dhcp_store_drop(c, &e))
		client_say(c, "%s", e.text);
	if (something && !send_release(c, &e)) {
		client_say(c, "forgotten, not released: %s", e.text);
		something = false;
	}
	c->state = DHCP_RELEASING;
	if (!something) {
		client_finish(c, NULL);
		return;
	}
	c->give_up = loop_now() + DRAIN_MS;
	due_releasing(c);
}

/* ---- events --------------------------------------------------------------------------------------------------- */

static void due(struct loop_timer *t)
{
	struct dhcp_client *c = (struct dhcp_client *)(void *)((char *)t - offsetof(struct dhcp_client, timer));
	struct err e = ERR_INIT;

	if (c->unseen && c->state != DHCP_RELEASING) {
		if (!come_back(c, &e))
			client_vanished(c, &e);
		return;
	}
	switch (c->state) {
	case DHCP_SELECTING:
	case DHCP_REQUESTING:
	case DHCP_REBOOTING: due_acquiring(c); break;
	case DHCP_BOUND: due_bound(c); break;
	case DHCP_RENEWING:
	case DHCP_REBINDING: due_renewing(c); break;
	case DHCP_LOST: regain(c); break;
	case DHCP_RELEASING: due_releasing(c); break;
	}
}

/* False: @c has no use for more of this socket, or is no more. */
static bool message_came(struct dhcp_client *c, struct bytes raw, const struct mac *from)
{
	struct err ignored = ERR_INIT;
	struct dhcp_packet p;

	if (c->state == DHCP_RELEASING || !dhcp_packet_read(raw, &p, &ignored))
		return true;
	if (p.xid != c->xid || !mac_eq(&p.chaddr, &c->place.mac))
		return true;
	if (p.message == DHCP_ACK || c->state == DHCP_SELECTING)
		c->server_mac = *from;
	if (p.message == DHCP_OFFER) {
		offered(c, &p);
		return true;
	}
	if (p.message == DHCP_ACK)
		acknowledged(c, &p);
	else if (p.message == DHCP_NAK)
		refused(c, &p);
	return false;
}

/* After an ACK or NAK the rest waits for the next event: it may be for a socket that is closed. */
static void ready(struct loop_io *io, uint32_t events)
{
	struct dhcp_client *c = (struct dhcp_client *)(void *)((char *)io - offsetof(struct dhcp_client, io));
	uint8_t frame[DHCP_FRAME_MAX];
	struct bytes raw;
	struct mac from;

	(void)events;
	for (unsigned i = 0; i < CLIENT_RECEIVE_MAX && dhcp_raw_receive(io->fd, frame, &raw, &from); i++)
		if (raw.len && !message_came(c, raw, &from))
			return;
}

/* ---- from outside --------------------------------------------------------------------------------------------- */

static struct dhcp_ask copy_ask(struct arena *a, const struct dhcp_ask *ask)
{
	struct dhcp_option *send = arena_array(a, ask->n_send, sizeof(*send));

	for (size_t i = 0; i < ask->n_send; i++) {
		struct bytes v = ask->send[i].value;

		send[i] = (struct dhcp_option){ ask->send[i].code, { arena_strndup(a, v.data, v.len), v.len } };
	}
	return (struct dhcp_ask){
		.container_id = arena_strdup(a, ask->container_id),
		.network = arena_strdup(a, ask->network),
		.ifname = arena_strdup(a, ask->ifname),
		.netns = arena_strdup(a, ask->netns),
		.send = send,
		.n_send = ask->n_send,
		.wanted = (const uint8_t *)arena_strndup(a, (const char *)ask->wanted, ask->n_wanted),
		.n_wanted = ask->n_wanted,
		.priority = ask->priority,
		.versions = ask->versions,
	};
}

struct dhcp_client *dhcp_client_new(const struct dhcp_host *h, const struct dhcp_ask *ask)
{
	struct dhcp_client *c = calloc(1, sizeof(*c));
	struct buf id;

	/* As the arena does when there is no memory. */
	if (!c)
		abort();
	arena_init(&c->arena, c->memory, sizeof(c->memory));
	c->host = h;
	c->ask = copy_ask(&c->arena, ask);
	c->netns = arena_printf(&c->arena, "%s%s", h->prefix, ask->netns);
	buf_init(&id, &c->arena, 256);
	buf_putc(&id, '\0');
	buf_printf(&id, "%s/%s/%s", ask->container_id, ask->network, ask->ifname);
	c->id = buf_bytes(&id);
	if (c->id.len > ID_MAX + 1)
		c->id.len = ID_MAX + 1;
	c->timer.due = due;
	c->io = (struct loop_io){ -1, ready };
	c->udp = -1;
	c->bound_at = c->renew_at = c->rebind_at = c->end_at = CLIENT_NEVER;
	if (dhcp_client_is6(c))
		dhcp6_client_init(c);
	return c;
}

void dhcp_client_free(struct dhcp_client *c)
{
	exchange_close(c);
	loop_timer_off(&c->timer);
	arena_done(&c->arena);
	free(c);
}

bool dhcp_client_start(struct dhcp_client *c, const struct dhcp_client *old, struct err *e)
{
	autoclose int netns = -1;

	if (dhcp_client_is6(c))
		return dhcp6_client_start(c, old, e);
	if (!dhcp_place_open(c->netns, c->ask.ifname, &c->place, &netns, e))
		return false;
	if (old && old->ack_len) {
		c->wanted = c->had = old->wanted;
		c->raised = (old->raised || old->state == DHCP_LOST) && dhcp_place_same(&c->place, &old->place);
	}
	return discover(c, netns, c->host->give_up_ms, e);
}

/* INIT-REBOOT: the lease ran out, but the interface still has the address. */
static bool reboot(struct dhcp_client *c, int netns, struct err *e)
{
	exchange_begin(c);
	c->give_up = c->back_to_start = c->began + c->host->timeout_ms;
	if (!exchange_raw(c, netns, e))
		return false;
	c->state = DHCP_REBOOTING;
	transmit(c);
	return true;
}

static void come_back_later(struct dhcp_client *c, const struct err *e)
{
	client_complain(c, "the lease is kept, and looked at again soon: %s", e->text);
	loop_timer_in(c->host->loop, &c->timer, COME_BACK_MS + client_random_below(CLIENT_JITTER_MS));
}

/* The first look at the place of a lease from the store. False: it is gone. */
static bool come_back(struct dhcp_client *c, struct err *e)
{
	int64_t now = loop_now(), soon = now + client_random_below(CLIENT_RESUME_SPREAD);
	struct err why = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	if (!dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, &why)) {
		if (gone) {
			*e = why;
			return false;
		}
		come_back_later(c, &why);
		return true;
	}
	if (c->state == DHCP_BOUND && now >= c->end_at && !reboot(c, netns, &why)) {
		come_back_later(c, &why);
		return true;
	}
	c->unseen = false;
	if (c->state == DHCP_LOST)
		loop_timer_at(c->host->loop, &c->timer, soon);
	else if (c->state == DHCP_BOUND)
		client_rest(c, soon);
	return true;
}

bool dhcp_client_resume(struct dhcp_client *c, bool lost, struct err *e)
{
	struct dhcp_lease l = { 0 };
	struct arena a;
	bool ok;

	if (dhcp_client_is6(c))
		return dhcp6_client_resume(c, lost, e);
	arena_init(&a, NULL, 0);
	ok = dhcp_client_lease(c, &a, &l, e);
	arena_done(&a);
	if (!ok)
		return false;
	c->settled = c->unseen = true;
	c->wanted = l.address.ip;
	c->offerer = l.server;
	client_count_times(c, &l);
	c->state = lost ? DHCP_LOST : DHCP_BOUND;
	if (lost)
		c->end_at = client_earlier(c->end_at, loop_now());
	return come_back(c, e);
}

bool dhcp_client_is6(const struct dhcp_client *c)
{
	return c->ask.versions == DHCP_VERSION_6;
}

bool dhcp_client_has_lease(const struct dhcp_client *c)
{
	bool holds = c->state == DHCP_BOUND || c->state == DHCP_RENEWING || c->state == DHCP_REBINDING ||
		     (c->state == DHCP_REQUESTING && c->settled);

	return holds && loop_now() < c->end_at;
}

bool dhcp_client_lease(const struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e)
{
	struct bytes raw = { (const char *)c->ack, c->ack_len };
	struct dhcp_packet p;

	if (dhcp_client_is6(c))
		return dhcp6_client_lease(c, a, ret, e);
	return dhcp_packet_read(raw, &p, e) && dhcp_lease_read(a, &p, ret, e);
}

bool dhcp_client_alive(struct dhcp_client *c, struct arena *a, struct dhcp_lease *ret, struct err *e)
{
	autoclose int netns = -1;
	bool gone;

	if (!dhcp_client_has_lease(c))
		return fail(e, 0, "the lease has ended and was not regained");
	return dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, e) &&
	       dhcp_client_lease(c, a, ret, e);
}
