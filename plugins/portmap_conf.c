// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap_conf.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "lib/str.h"
#include "plugins/portmap_conditions.h"

#define MARK_BIT_DEFAULT 13

#ifndef IPPROTO_DCCP
#define IPPROTO_DCCP 33
#endif

/* As in the text. */
struct conf {
	const char *backend, *set_mark_chain;
	bool snat, masq_all, has_mark_bit;
	int32_t mark_bit;
	struct list conditions[2];
};

static const struct field_list words = { sizeof(const char *), { .read = read_str } };

static const struct field conf_fields[] = {
	FIELD_AS("backend", struct conf, backend, read_str),
	FIELD_AS("snat", struct conf, snat, read_bool),
	FIELD_AS("conditionsV4", struct conf, conditions[0], read_list, &words),
	FIELD_AS("conditionsV6", struct conf, conditions[1], read_list, &words),
	FIELD_AS("masqAll", struct conf, masq_all, read_bool),
	FIELD_AS("markMasqBit", struct conf, mark_bit, read_i32),
	FIELD_AS("markMasqBit", struct conf, has_mark_bit, read_present),
	FIELD_AS("externalSetMarkChain", struct conf, set_mark_chain, read_str),
	{ 0 }
};

static const struct field mapping_fields[] = {
	FIELD_AS("hostPort", struct mapping, host_port, read_i32),
	FIELD_AS("containerPort", struct mapping, container_port, read_i32),
	FIELD_AS("protocol", struct mapping, protocol, read_str),
	FIELD_AS("hostIP", struct mapping, host_ip_text, read_str),
	{ 0 }
};

static const struct field_list mapping_list = { sizeof(struct mapping),
						{ .read = read_object, .arg = mapping_fields } };

static const struct field runtime_fields[] = {
	FIELD_AS("portMappings", struct portmap, mappings, read_list, &mapping_list),
	{ 0 }
};

static bool protocol_find(struct mapping *m)
{
	static const struct { const char *name; uint8_t number; } protocols[] = {
		{ "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP }, { "dccp", IPPROTO_DCCP },
	};

	if (str_empty(m->protocol))
		m->protocol = "tcp";
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (!str_fold_eq(m->protocol, protocols[i].name))
			continue;
		m->protocol = protocols[i].name;
		m->number = protocols[i].number;
		return true;
	}
	return false;
}

static bool host_ip_read(struct mapping *m, struct err *e)
{
	static const struct ip any4 = { { [10] = 0xff, 0xff } };

	m->host_ip = (struct ip){ 0 };
	m->family = AF_UNSPEC;
	if (str_empty(m->host_ip_text))
		return true;
	if (!ip_parse(m->host_ip_text, &m->host_ip, e))
		return wrap(e, "hostIP");
	m->family = ip_family(&m->host_ip);
	if (ip_eq(&m->host_ip, &any4))
		m->host_ip = (struct ip){ 0 };
	return true;
}

static bool mapping_check(struct mapping *m, struct err *e)
{
	if (m->container_port <= 0 || m->container_port > UINT16_MAX)
		return fail(e, 0, "Invalid container port number: %d", (int)m->container_port);
	if (m->host_port <= 0 || m->host_port > UINT16_MAX)
		return fail(e, 0, "Invalid host port number: %d", (int)m->host_port);
	if (!protocol_find(m))
		return fail(e, 0, "unknown protocol \"%s\" of host port %d (tcp, udp, sctp or dccp)", m->protocol,
			    (int)m->host_port);
	return host_ip_read(m, e);
}

/* Those that cannot be used are dropped when nobody wants to hear of it. */
static bool mappings_check(struct portmap *p, bool need_valid, struct err *e)
{
	struct mapping *m = p->mappings.items;
	size_t kept = 0;

	for (size_t i = 0; i < p->mappings.n; i++) {
		struct err why = ERR_INIT;

		if (mapping_check(&m[i], &why)) {
			m[kept++] = m[i];
		} else if (need_valid) {
			*e = why;
			return false;
		}
	}
	p->mappings.n = kept;
	return true;
}

static bool backend_parse(const char *s, enum portmap_backend *ret, struct err *e)
{
	*ret = PORTMAP_AUTO;
	if (str_empty(s))
		return true;
	if (!str_eq(s, "iptables") && !str_eq(s, "nftables"))
		return fail(e, 0, "unrecognized backend \"%s\"", s);
	*ret = str_eq(s, "iptables") ? PORTMAP_IPTABLES : PORTMAP_NFTABLES;
	return true;
}

/* Options that only @backend understands, as "[a b]"; "" if there are none. */
static const char *only_for(struct arena *a, const struct conf *c, enum portmap_backend backend)
{
	static const char *const names[2] = { "conditionsV4", "conditionsV6" };
	struct buf b;

	buf_init(&b, a, 64);
	for (int i = 0; i < 2; i++)
		if (c->conditions[i].n && conditions_are_iptables(&c->conditions[i]) == (backend == PORTMAP_IPTABLES))
			buf_printf(&b, "%s%s", b.len ? " " : "[", names[i]);
	if (backend == PORTMAP_IPTABLES && !str_empty(c->set_mark_chain))
		buf_printf(&b, "%sexternalSetMarkChain", b.len ? " " : "[");
	if (backend == PORTMAP_IPTABLES && c->has_mark_bit)
		buf_printf(&b, "%smarkMasqBit", b.len ? " " : "[");
	if (b.len)
		buf_putc(&b, ']');
	return buf_str(&b);
}

static bool backend_choose(struct portmap *p, const struct conf *c, struct err *e)
{
	static const char *const names[] = { [PORTMAP_NFTABLES] = "nftables", [PORTMAP_IPTABLES] = "iptables" };
	enum portmap_backend other;
	const char *foreign;

	if (!backend_parse(c->backend, &p->backend, e))
		return false;
	if (p->backend == PORTMAP_AUTO) {
		if (c->has_mark_bit || !str_empty(c->set_mark_chain))
			p->backend = PORTMAP_IPTABLES;
		return true;
	}
	other = p->backend == PORTMAP_IPTABLES ? PORTMAP_NFTABLES : PORTMAP_IPTABLES;
	foreign = only_for(p->arena, c, other);
	return !*foreign || fail(e, 0, "%s backend was requested but configuration contains %s-specific options %s",
				 names[p->backend], names[other], foreign);
}

static bool conf_check(struct portmap *p, const struct conf *c, struct err *e)
{
	if (c->has_mark_bit && !str_empty(c->set_mark_chain))
		return fail(e, 0, "Cannot specify externalSetMarkChain and markMasqBit");
	if (c->mark_bit < 0 || c->mark_bit > 31)
		return fail(e, 0, "MasqMarkBit must be between 0 and 31");
	return backend_choose(p, c, e);
}

static bool read_all(const struct request *r, bool need_valid, struct portmap *p, struct err *e)
{
	struct conf c = { .snat = true, .mark_bit = MARK_BIT_DEFAULT };
	struct err why = ERR_INIT;

	if ((!json_fields(r->arena, r->conf, conf_fields, &c, &why) || !conf_check(p, &c, &why)) && need_valid) {
		*e = why;
		return false;
	}
	p->snat = c.snat;
	p->masq_all = c.masq_all;
	p->mark_bit = (uint32_t)c.mark_bit & 31;
	p->set_mark_chain = str_empty(c.set_mark_chain) ? NULL : c.set_mark_chain;
	p->conditions[0] = c.conditions[0];
	p->conditions[1] = c.conditions[1];
	if (!json_fields(r->arena, r->net.runtime, runtime_fields, p, &why) && need_valid) {
		*e = why;
		return wrap(e, "runtimeConfig");
	}
	return mappings_check(p, need_valid, e);
}

bool portmap_read(const struct request *r, bool need_valid, struct portmap *ret, struct err *e)
{
	struct portmap p = { .arena = r->arena, .at = { r->net.name, r->container_id, r->ifname } };

	if (!read_all(r, need_valid, &p, e)) {
		e->code = CNI_INVALID_CONFIG;
		return wrap(e, "failed to parse config");
	}
	*ret = p;
	return true;
}

void portmap_addresses(struct portmap *p, const struct result *prev)
{
	for (size_t i = 0; i < prev->n_ips; i++) {
		const struct result_ip *ip = &prev->ips[i];
		int which = !ip_is4(&ip->address.ip);
		const struct result_interface *f = NULL;

		if (ip->has_interface && ip->interface >= 0 && (size_t)ip->interface < prev->n_interfaces)
			f = &prev->interfaces[ip->interface];
		if (p->has_addr[which] || (f && (!str_eq(f->name, p->at.ifname) || str_empty(f->sandbox))))
			continue;
		p->addr[which] = ip->address;
		p->has_addr[which] = true;
	}
}

bool mapping_fits(const struct mapping *m, int family)
{
	return m->family == AF_UNSPEC || m->family == family;
}

const char *mapping_text(struct arena *a, const struct mapping *m)
{
	char ip[IP_TEXT_MAX];

	if (ip_is_unset(&m->host_ip))
		return arena_printf(a, "host port %d/%s", (int)m->host_port, m->protocol);
	return arena_printf(a, ip_is4(&m->host_ip) ? "host port %s:%d/%s" : "host port [%s]:%d/%s",
			    ip_text(&m->host_ip, ip), (int)m->host_port, m->protocol);
}
