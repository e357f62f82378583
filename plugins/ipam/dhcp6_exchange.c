// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp6_exchange.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "kernel/addr.h"
#include "kernel/netns.h"
#include "kernel/sysctl.h"
#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/dhcp_alike.h"
#include "plugins/ipam/dhcp_exchange.h"
#include "plugins/ipam/dhcp_socket.h"

/* RFC 8415, section 7.6: first pause and longest one (0: none), and what is said. */
static const struct manner {
	enum dhcp6_message message;
	bool to_server;
	int64_t first_ms, max_ms;
} manners[] = {
	[DHCP_SELECTING]  = { DHCP6_SOLICIT, false, 1000, 0 },
	[DHCP_REQUESTING] = { DHCP6_REQUEST, true, 1000, 30000 },
	[DHCP_RENEWING]   = { DHCP6_RENEW, true, 10000, 600000 },
	[DHCP_REBINDING]  = { DHCP6_REBIND, false, 10000, 600000 },
	[DHCP_RELEASING]  = { DHCP6_RELEASED, true, 1000, 0 },
};

/* ---- the interface --------------------------------------------------------------------------------------------- */

bool exchange6_switch_on(const struct dhcp_client *c, int netns, struct err *e)
{
	char name[96], now[16];
	struct netns_visit v;
	bool ok;

	snprintf(name, sizeof(name), "net/ipv6/conf/%s/disable_ipv6", c->ask.ifname);
	if (!netns_enter(netns, &v, e))
		return false;
	ok = sysctl_get(name, now, sizeof(now), e) && (str_eq(now, "0") || sysctl_set(name, "0", e));
	netns_leave(&v);
	return ok || wrap(e, "IPv6 on %s", c->ask.ifname);
}

/* The link-local address that can be used. e->num EAGAIN: there is none yet. */
static bool find_local(const struct dhcp_client *c, int netns, struct ip *ret, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct addr *all = NULL;
	bool found = false, twice = false;
	struct arena a;
	size_t n = 0;

	if (!netns_nl_open(netns, NETLINK_ROUTE, &nl, e))
		return false;
	arena_init(&a, NULL, 0);
	if (!addr_list(&nl, &a, AF_INET6, (int)c->place.index, &all, &n, e)) {
		arena_done(&a);
		return false;
	}
	for (size_t i = 0; i < n && !found; i++) {
		if (!ip_is_link_local(&all[i].cidr.ip))
			continue;
		twice |= (all[i].flags & IFA_F_DADFAILED) != 0;
		found = !(all[i].flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
		if (found)
			*ret = all[i].cidr.ip;
	}
	arena_done(&a);
	if (found)
		return true;
	if (twice)
		return fail(e, 0, "the link-local address of %s is somebody else's", c->ask.ifname);
	(void)fail(e, 0, "%s has no IPv6 link-local address that can be used", c->ask.ifname);
	e->num = EAGAIN;
	return false;
}

bool exchange6_open(struct dhcp_client *c, int netns, struct err *e)
{
	autoclose int fd = -1;
	struct ip local;

	return find_local(c, netns, &local, e) && dhcp6_udp_open(netns, c->place.index, &local, &fd, e) &&
	       exchange_listen(c, &fd, e);
}

/* ---- saying ---------------------------------------------------------------------------------------------------- */

static void put_wishes(const struct dhcp_client *c, struct buf *b)
{
	/* DNS is asked for by the numbers of IPv4; the last one always. */
	static const struct {
		uint8_t as, code;
	} rows[] = { { DHCP_OPT_DNS, DHCP6_OPT_DNS },
		     { DHCP_OPT_SEARCH, DHCP6_OPT_SEARCH },
		     { 0, DHCP6_OPT_SOLICIT_MAX } };
	uint8_t list[2 * ARRAY_LEN(rows)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].as && (!c->ask.n_wanted || !memchr(c->ask.wanted, rows[i].as, c->ask.n_wanted)))
			continue;
		list[n++] = 0;
		list[n++] = rows[i].code;
	}
	dhcp6_packet_put(b, DHCP6_OPT_WANTED, list, n);
}

bool exchange6_send(struct dhcp_client *c, enum dhcp_state as, struct err *e)
{
	const struct manner *m = &manners[as];
	int64_t elapsed = c->tries ? (loop_now() - c->began) / 10 : 0;
	char first[1024];
	struct arena a;
	struct buf b;
	bool ok;

	arena_init(&a, first, sizeof(first));
	buf_init(&b, &a, 512);
	dhcp6_packet_begin(&b, m->message, c->xid);
	dhcp6_packet_put(&b, DHCP6_OPT_CLIENT, c->six.duid, sizeof(c->six.duid));
	if (m->to_server)
		dhcp6_packet_put(&b, DHCP6_OPT_SERVER, c->six.server, c->six.server_len);
	dhcp6_packet_put_u16(&b, DHCP6_OPT_ELAPSED, elapsed < UINT16_MAX ? (uint16_t)elapsed : UINT16_MAX);
	if (as != DHCP_RELEASING)
		put_wishes(c, &b);
	dhcp6_packet_put_ia(&b, c->six.iaid, &c->wanted);
	ok = dhcp6_udp_send(c->io.fd, c->place.index, buf_bytes(&b), e);
	arena_done(&a);
	if (ok && as != DHCP_SELECTING)
		c->asked = loop_now();
	return ok;
}

static int64_t spread(int64_t ms)
{
	int64_t tenth = ms / 10;

	return client_random_below(2 * tenth + 1) - tenth;
}

/* Section 15 of RFC 8415. The first pause after SOLICIT is not shortened, so that all servers have time. */
int64_t exchange6_pause(struct dhcp_client *c)
{
	const struct manner *m = &manners[c->state];
	int64_t max = c->state == DHCP_SELECTING ? c->six.solicit_max_ms : m->max_ms, ms = c->six.pause;

	if (ms)
		ms = 2 * ms + spread(ms);
	else if (c->state == DHCP_SELECTING)
		ms = m->first_ms + 1 + client_random_below(m->first_ms / 10);
	else
		ms = m->first_ms + spread(m->first_ms);
	if (max && ms > max)
		ms = max + spread(max);
	c->six.pause = ms;
	c->tries++;
	return ms;
}

void exchange6_begin(struct dhcp_client *c, enum dhcp_state state)
{
	exchange_begin(c);
	c->xid &= 0xffffff;
	c->six.pause = 0;
	c->state = state;
}

enum dhcp6_message exchange6_message(enum dhcp_state as)
{
	return manners[as].message;
}

bool exchange6_to_server(enum dhcp_state as)
{
	return manners[as].to_server;
}
