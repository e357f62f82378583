// SPDX-License-Identifier: Apache-2.0
/* What the firewall plugin is told (firewall_conf.c), and firewalld as its friend (firewall_zone.c). */
#ifndef CRIMP_PLUGINS_FIREWALL_H
#define CRIMP_PLUGINS_FIREWALL_H

#include "cni/plugin.h"
#include "plugins/attachment.h"
#include "plugins/dbus.h"

enum firewall_backend { FIREWALL_AUTO, FIREWALL_NFTABLES, FIREWALL_IPTABLES, FIREWALL_FIREWALLD };
enum ingress_policy { INGRESS_OPEN, INGRESS_SAME_BRIDGE, INGRESS_ISOLATED };
extern const char *const ingress_policy_names[3];

struct firewall {
	struct arena *arena;
	struct attachment at;
	const char *owner;		/* attachment_comment() of it */
	enum firewall_backend backend;
	enum ingress_policy policy;
	const char *admin_chain, *zone;
	const char *bridge;		/* whose pods the policy is about; NULL: nobody has said */
	struct ip *ips[2];		/* IPv4, IPv6; each once */
	size_t n_ips[2];
};

/* Code 7. Unless @strict (ADD, CHECK), a value that is none counts as absent. */
bool firewall_read(const struct request *r, bool strict, struct firewall *ret, struct err *e) MUST_CHECK;
/* Addresses and bridge of prevResult. @strict: a policy without a bridge is a failure. */
bool firewall_take(struct firewall *f, const struct result *prev, bool strict, struct err *e) MUST_CHECK;

/* Is firewalld on the bus? */
bool firewall_zone_open(struct dbus *d, struct arena *a, struct err *e) MUST_CHECK;
/*
 * Our addresses become sources of the zone. A failure takes back those that were not there before; @ret_new: which ones
 * were not.
 */
bool firewall_zone_add(struct dbus *d, const struct firewall *f, const bool **ret_new, struct err *e) MUST_CHECK;
bool firewall_zone_check(struct dbus *d, const struct firewall *f, struct err *e) MUST_CHECK;
/* Of all our addresses those with a true in @which; NULL: all. What firewalld does not know is gone already. */
void firewall_zone_del(struct dbus *d, const struct firewall *f, const bool *which);
/* The sources of the zone, ours left out. */
bool firewall_zone_others(struct dbus *d, const struct firewall *f, struct ip **ret, size_t *ret_n,
		struct err *e) MUST_CHECK;

#endif
