// SPDX-License-Identifier: Apache-2.0
/*
 * dhcp: addresses that a DHCP server lends. The plugin judges the configuration and asks the daemon, which keeps the
 * lease alive; plugins/ipam/dhcp.h has the whole picture.
 *
 * What can be done without a daemon is done without: a DEL finds nothing to release when nobody is there (a daemon
 * that comes back notices by itself that a namespace is gone), and so does GC.
 */
#include <errno.h>

#include "plugins/plugin.h"

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/dhcp_ask.h"
#include "plugins/ipam/dhcp_conf.h"

/*
 * A daemon gives up on servers after 208 seconds unless it was told otherwise; what only concerns the daemon itself is
 * answered at once, a release after what it has in hand.
 */
#define ALLOCATE_MS (5 * 60 * 1000)
#define RELEASE_MS (60 * 1000)
#define CHECK_MS (30 * 1000)
#define PROBE_MS (5 * 1000)

static bool advise(struct err *e)
{
	if (dhcp_daemon_is_absent(e))
		err_details(e, "start it: systemctl start cni-dhcp.socket, or: dhcp daemon");
	return false;
}

/* An address of each version that is wanted? */
static bool versions_there(const struct dhcp_conf *conf, const struct result *r, struct err *e)
{
	unsigned have = 0;

	for (size_t i = 0; i < r->n_ips; i++)
		have |= ip_is4(&r->ips[i].address.ip) ? DHCP_VERSION_4 : DHCP_VERSION_6;
	if (!have)
		return fail(e, 0, "the DHCP daemon has answered without an address");
	return have == conf->versions ||
	       fail(e, 0, "the DHCP daemon has answered with addresses of other versions than ipam.version wants");
}

/*
 * The reference's daemon would lend an IPv4 address whatever the version: one that knows versions is called by a name
 * that it does not have.
 */
static bool allocate(const struct request *r, const struct dhcp_conf *conf, struct result *ret, struct err *e)
{
	bool plain = conf->versions == DHCP_VERSION_4;
	enum dhcp_call_kind kind = plain ? DHCP_ALLOCATE : DHCP_ALLOCATE_VERSIONS;

	if (dhcp_daemon_ask(r, conf->socket, kind, fs_now_ms() + ALLOCATE_MS, ret, e))
		return true;
	if (plain || e->num != ENOSYS)
		return advise(e);
	*e = ERR_INIT;
	(void)fail(e, 0, "ipam.version: the DHCP daemon at %s leases IPv4 addresses only", conf->socket);
	err_details(e, "it is the reference's, or an older one: run the dhcp daemon that belongs to this plugin");
	return false;
}

static bool dhcp_add(const struct request *r, struct result *ret, struct err *e)
{
	struct dhcp_conf conf;
	struct result result = { .version = NULL };

	if (!dhcp_conf_read(r->arena, r->net.ipam, r->args, &conf, e))
		return false;
	if (!allocate(r, &conf, &result, e) || !versions_there(&conf, &result, e))
		return false;
	*ret = result;
	return true;
}

static bool address_known(const struct result *r, const struct result_ip *ip)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (ip_eq(&r->ips[i].address.ip, &ip->address.ip) && r->ips[i].address.len == ip->address.len)
			return true;
	return false;
}

/* The reference's daemon knows no other way to ask than ALLOCATE, which acquires what is not there. */
static bool lease_ask(const struct request *r, const struct dhcp_conf *conf, struct result *ret, struct err *e)
{
	int64_t deadline = fs_now_ms() + CHECK_MS;
	struct err first = ERR_INIT;

	if (dhcp_daemon_ask(r, conf->socket, DHCP_CHECK, deadline, ret, &first))
		return versions_there(conf, ret, e);
	if (first.num == ENOSYS && conf->versions == DHCP_VERSION_4)
		return dhcp_daemon_ask(r, conf->socket, DHCP_ALLOCATE, deadline, ret, e);
	*e = first;
	return false;
}

/* The lease is alive and is what ADD has given out. */
static bool dhcp_check(const struct request *r, struct err *e)
{
	struct result prev = { .version = NULL }, now = { .version = NULL };
	char text[CIDR_TEXT_MAX];
	struct dhcp_conf conf;
	bool there = false;

	if (!dhcp_conf_read(r->arena, r->net.ipam, r->args, &conf, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!lease_ask(r, &conf, &now, e))
		return advise(e);
	for (size_t i = 0; there && i < now.n_ips; i++)
		if (!address_known(&prev, &now.ips[i]))
			return fail(e, 0, "dhcp: the lease is of %s, which interface %s was not given",
				    cidr_text(&now.ips[i].address, text), r->ifname);
	return true;
}

/* A call that has nothing to do when no daemon is there, or one that does not know it. */
static bool tell(const struct request *r, enum dhcp_call_kind kind, struct err *e)
{
	struct err failure = ERR_INIT;
	const char *socket;

	if (!dhcp_conf_socket(r->arena, r->net.ipam, &socket, e))
		return false;
	if (dhcp_daemon_ask(r, socket, kind, fs_now_ms() + RELEASE_MS, NULL, &failure) ||
	    dhcp_daemon_is_absent(&failure) || failure.num == ENOSYS)
		return true;
	*e = failure;
	return false;
}

static bool dhcp_del(const struct request *r, struct err *e)
{
	return tell(r, DHCP_RELEASE, e);
}

static bool dhcp_gc(const struct request *r, struct err *e)
{
	return !r->net.has_valid || tell(r, DHCP_GC, e);
}

static bool dhcp_status(const struct request *r, struct err *e)
{
	struct dhcp_conf conf;

	if (!dhcp_conf_read(r->arena, r->net.ipam, r->args, &conf, e))
		return false;
	if (dhcp_daemon_probe(conf.socket, fs_now_ms() + PROBE_MS, e))
		return true;
	e->code = CNI_NOT_AVAILABLE;
	return advise(e);
}

const struct plugin dhcp_plugin = {
	.name = "dhcp",
	.about = "lease addresses of a DHCP server, kept alive by `dhcp daemon`",
	.versions = versions_all,
	.add = dhcp_add,
	.check = dhcp_check,
	.del = dhcp_del,
	.gc = dhcp_gc,
	.status = dhcp_status,
	.program = { "daemon", dhcp_daemon_main },
};
