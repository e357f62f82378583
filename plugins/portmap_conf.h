// SPDX-License-Identifier: Apache-2.0
/* What portmap is asked to do: its configuration, checked, and the container's addresses from prevResult. */
#ifndef CRIMP_PLUGINS_PORTMAP_CONF_H
#define CRIMP_PLUGINS_PORTMAP_CONF_H

#include "cni/plugin.h"
#include "plugins/attachment.h"

enum portmap_backend { PORTMAP_AUTO, PORTMAP_NFTABLES, PORTMAP_IPTABLES };

struct mapping {
	int32_t host_port, container_port;
	const char *protocol;	/* "tcp", "udp", "sctp", "dccp" */
	uint8_t number;		/* IPPROTO_* */
	const char *host_ip_text;
	struct ip host_ip;	/* unset: any address of family @family */
	int family;		/* AF_INET, AF_INET6, or AF_UNSPEC for both */
};

struct portmap {
	struct arena *arena;
	struct attachment at;
	struct list mappings;		/* struct mapping */
	enum portmap_backend backend;
	bool snat, masq_all;
	uint32_t mark_bit;
	const char *set_mark_chain;	/* NULL: ours */
	struct list conditions[2];	/* const char *: words, IPv4 and IPv6 */
	struct cidr addr[2];		/* of the container, IPv4 and IPv6 */
	bool has_addr[2];
};

/* @need_valid: refuse what ADD must refuse; otherwise (DEL) read what can be read. Failures are code 7. */
bool portmap_read(const struct request *r, bool need_valid, struct portmap *ret, struct err *e) MUST_CHECK;
/*
 * The container's address of each family: the first that belongs to the interface CNI_IFNAME in a sandbox, or to no
 * interface.
 */
void portmap_addresses(struct portmap *p, const struct result *prev);
/* Does @m apply to @family? */
bool mapping_fits(const struct mapping *m, int family);
/* "host port 8080/tcp" or "host port 192.0.2.1:8080/tcp" */
const char *mapping_text(struct arena *a, const struct mapping *m);
#define mappings_each(m, p) \
	for (const struct mapping *m = (p)->mappings.items, *m##_end = m + (p)->mappings.n; m < m##_end; m++)

#endif
