// SPDX-License-Identifier: Apache-2.0
#include "lib/str.h"
#include "plugins/firewall.h"
#include "plugins/firewall_table.h"

#define CHAIN_NAME_MAX 28 /* XT_EXTENSION_MAXNAMELEN less NUL */
#define ZONE_NAME_MAX 64

const char *const ingress_policy_names[3] = { "open", "same-bridge", "isolated" };
static const char *const backend_names[] = { "", "nftables", "iptables", "firewalld" };

struct conf {
	const char *backend, *admin_chain, *zone, *policy;
};

static const struct field conf_fields[] = {
	FIELD_AS("backend", struct conf, backend, read_str),
	FIELD_AS("iptablesAdminChainName", struct conf, admin_chain, read_str),
	FIELD_AS("firewalldZone", struct conf, zone, read_str),
	FIELD_AS("ingressPolicy", struct conf, policy, read_str),
	{ 0 }
};

/* The index of @s, or @n. */
static size_t among(const char *const *names, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], s ? s : ""))
			return i;
	return n;
}

static bool read_backend(struct firewall *f, const char *s, struct err *e)
{
	size_t i = among(backend_names, ARRAY_LEN(backend_names), s);

	if (i == ARRAY_LEN(backend_names))
		return fail(e, 0, "backend: unknown firewall backend \"%s\" (nftables, iptables or firewalld)", s);
	f->backend = (enum firewall_backend)i;
	return true;
}

static bool read_policy(struct firewall *f, const char *s, struct err *e)
{
	size_t i = str_empty(s) ? 0 : among(ingress_policy_names, ARRAY_LEN(ingress_policy_names), s);

	if (i == ARRAY_LEN(ingress_policy_names))
		return fail(e, 0, "unknown ingress policy: \"%s\" (ingressPolicy is open, same-bridge or isolated)", s);
	f->policy = (enum ingress_policy)i;
	return true;
}

/* What iptables would take for something else than a chain of the administrator. */
static bool read_admin_chain(struct firewall *f, const char *s, struct err *e)
{
	static const char *const taken[] = { "INPUT",
					     "FORWARD",
					     "OUTPUT",
					     "PREROUTING",
					     "POSTROUTING",
					     "ACCEPT",
					     "DROP",
					     "REJECT",
					     "QUEUE",
					     "RETURN",
					     "LOG",
					     "CNI-FORWARD",
					     "CNI-ISOLATION-STAGE-1",
					     "CNI-ISOLATION-STAGE-2" };

	if (str_empty(s))
		return true;
	if (among(taken, ARRAY_LEN(taken), s) < ARRAY_LEN(taken))
		return fail(e, 0, "iptablesAdminChainName: \"%s\" is the name of something else", s);
	if (strlen(s) > CHAIN_NAME_MAX || strchr("-!", *s))
		return fail(e, 0,
			    "iptablesAdminChainName: \"%.64s\": want 1 to %d characters, not beginning with - or !", s,
			    CHAIN_NAME_MAX);
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == '"' || *p == '\\' || *p == 0x7f)
			return fail(e, 0,
				    "iptablesAdminChainName: \"%.*s\" is followed by a character that chains cannot "
				    "have (\\x%02x)",
				    (int)(p - s), s, (unsigned char)*p);
	f->admin_chain = s;
	return true;
}

static bool read_zone(struct firewall *f, const char *s, struct err *e)
{
	if (str_empty(s))
		return true;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ')
			return fail(e, 0,
				    "firewalldZone: \"%.*s\" is followed by a character that zones cannot have "
				    "(\\x%02x)",
				    (int)(p - s), s, (unsigned char)*p);
	if (strlen(s) > ZONE_NAME_MAX)
		return fail(e, 0, "firewalldZone: \"%.64s...\": want at most %d characters", s, ZONE_NAME_MAX);
	f->zone = s;
	return true;
}

static const struct judge {
	size_t offset;
	bool (*read)(struct firewall *f, const char *s, struct err *e);
} judges[] = {
	{ offsetof(struct conf, backend), read_backend },
	{ offsetof(struct conf, policy), read_policy },
	{ offsetof(struct conf, admin_chain), read_admin_chain },
	{ offsetof(struct conf, zone), read_zone },
};

static bool read_all(const struct request *r, struct firewall *f, bool strict, struct err *e)
{
	struct conf c = { 0 };
	struct err why = ERR_INIT;

	if (!json_fields(r->arena, r->conf, conf_fields, &c, &why) && strict) {
		*e = why;
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(judges); i++) {
		if (judges[i].read(f, *(const char *const *)((const char *)&c + judges[i].offset), &why) || !strict)
			continue;
		*e = why;
		return false;
	}
	return true;
}

bool firewall_read(const struct request *r, bool strict, struct firewall *ret, struct err *e)
{
	struct firewall f = { .arena = r->arena,
			      .at = { r->net.name, r->container_id, r->ifname },
			      .admin_chain = FW_ADMIN_DEFAULT,
			      .zone = "trusted" };

	f.owner = attachment_comment(r->arena, &f.at);
	if (!read_all(r, &f, strict, e)) {
		e->code = CNI_INVALID_CONFIG;
		return false;
	}
	*ret = f;
	return true;
}

static void take_ip(struct firewall *f, const struct ip *ip, size_t room)
{
	int which = !ip_is4(ip);

	for (size_t i = 0; i < f->n_ips[which]; i++)
		if (ip_eq(&f->ips[which][i], ip))
			return;
	if (!f->ips[which])
		f->ips[which] = arena_array(f->arena, room, sizeof(*f->ips[which]));
	f->ips[which][f->n_ips[which]++] = *ip;
}

bool firewall_take(struct firewall *f, const struct result *prev, bool strict, struct err *e)
{
	struct err why = ERR_INIT;

	for (size_t i = 0; i < prev->n_ips; i++)
		take_ip(f, &prev->ips[i].address.ip, prev->n_ips);
	if (prev->n_interfaces && !str_empty(prev->interfaces[0].name) && ifname_valid(prev->interfaces[0].name, &why))
		f->bridge = prev->interfaces[0].name;
	if (f->policy == INGRESS_OPEN || f->bridge || !strict)
		return true;
	if (!prev->n_interfaces)
		return fail_code(e, CNI_INVALID_CONFIG,
				 "interface needs to be set for ingress policy \"%s\", make sure to chain \"firewall\" "
				 "plugin with \"bridge\"",
				 ingress_policy_names[f->policy]);
	if (str_empty(prev->interfaces[0].name))
		return fail_code(e, CNI_INVALID_CONFIG, "got empty bridge name");
	return fail_code(e, CNI_INVALID_CONFIG, "bridge \"%s\" of prevResult: %s", prev->interfaces[0].name, why.text);
}
