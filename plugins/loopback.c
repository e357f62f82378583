// SPDX-License-Identifier: Apache-2.0
/* loopback: "lo" of the container goes up at ADD and down at DEL. CNI_IFNAME is not looked at. */
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "plugins/plugin.h"

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "lib/fs.h"

#define IFNAME "lo"

/* A socket in the container. */
static bool container_open(const struct request *r, struct nl *nl, struct err *e)
{
	autoclose int fd = -1;

	return netns_open(r->netns, &fd, e) && netns_nl_open(fd, NETLINK_ROUTE, nl, e);
}

static void result_put(const struct request *r, struct result *res, const struct addr *first)
{
	struct result_ip *ip = result_add_ip(r->arena, res);

	ip->address = first->cidr;
	ip->has_interface = true;
}

/* The first address of each family; one that is no loopback address is not ours to report, and somebody's mistake. */
static bool addresses_put(const struct request *r, struct nl *nl, int index, struct result *res, struct err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char text[IP_TEXT_MAX];
	struct addr *list;
	size_t n;

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		if (!addr_list(nl, r->arena, families[f], index, &list, &n, e))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!ip_is_loopback(&list[i].cidr.ip))
				return fail(e, 0, "loopback interface found with non-loopback address \"%s\"",
					    ip_text(&list[i].cidr.ip, text));
		if (n)
			result_put(r, res, &list[0]);
	}
	return true;
}

static bool loopback_add(const struct request *r, struct result *ret, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct result result = { 0 }, prev;
	struct result_interface *lo;
	struct link link;
	bool has_prev;

	if (!request_prev(r, &prev, &has_prev, e) || !container_open(r, &nl, e))
		return false;
	if (!link_get(&nl, IFNAME, &link, e) || !link_set_up(&nl, link.index, true, e))
		return false;
	lo = result_add_interface(r->arena, &result);
	lo->name = IFNAME;
	lo->mac = "00:00:00:00:00:00";
	lo->sandbox = r->netns;
	if (!addresses_put(r, &nl, link.index, &result, e))
		return false;
	*ret = has_prev ? prev : result;
	return true;
}

static bool loopback_check(const struct request *r, struct err *e)
{
	autonl nl = NL_CLOSED;
	struct link link;

	if (!container_open(r, &nl, e) || !link_get(&nl, IFNAME, &link, e))
		return false;
	return link.flags & IFF_UP || fail(e, 0, "loopback interface is down");
}

static bool loopback_del(const struct request *r, struct err *e)
{
	struct err why = ERR_INIT;
	autonl nl = NL_CLOSED;
	struct link link;

	if (!*r->netns)
		return true;
	if (!container_open(r, &nl, &why)) {
		if (netns_is_gone(why.num))
			return true;
		*e = why;
		return false;
	}
	return link_get(&nl, IFNAME, &link, e) && link_set_up(&nl, link.index, false, e);
}

/* Nothing outlives the namespace, and nothing is needed for the next one. */
static bool loopback_nothing(const struct request *r UNUSED, struct err *e UNUSED)
{
	return true;
}

const struct plugin loopback_plugin = {
	.name = "loopback",
	.about = "set the loopback interface up",
	.versions = versions_all,
	.add = loopback_add,
	.check = loopback_check,
	.del = loopback_del,
	.gc = loopback_nothing,
	.status = loopback_nothing,
};
