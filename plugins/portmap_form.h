// SPDX-License-Identifier: Apache-2.0
/*
 * The forms in which published ports lie in the kernel: ours, the reference's in iptables, the reference's in
 * nftables. portmap.c chooses among them.
 */
#ifndef CRIMP_PLUGINS_PORTMAP_FORM_H
#define CRIMP_PLUGINS_PORTMAP_FORM_H

#include "plugins/iptables.h"
#include "plugins/portmap_conf.h"

/* What was taken away and may still live in the connection table. */
struct flush { int family; uint8_t protocol; uint16_t port; struct ip dst; };
struct flushes { struct buf list; };		/* struct flush */

/* Ours (portmap_nft.c). Deletions go into @b. */
bool portmap_nft_setup(struct nl *nl, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_nft_teardown(struct nft_batch *b, const struct portmap *p, struct flushes *gone, struct err *e) MUST_CHECK;
bool portmap_nft_check(struct nl *nl, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_nft_gc(struct nft_batch *b, struct arena *a, const struct attachments *valid, struct flushes *gone,
		struct err *e) MUST_CHECK;
/* Can the conditions of @p be compiled? */
bool portmap_nft_understands(const struct portmap *p, struct err *e) MUST_CHECK;
/* Could portmap_nft_setup() work on this kernel? */
bool portmap_nft_usable(struct nl *nl, struct arena *a, struct err *e) MUST_CHECK;

/* The reference's chains in iptables (portmap_iptables.c). */
bool portmap_iptables_setup(struct nl *nl, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_iptables_teardown(struct iptables *t, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_iptables_check(struct nl *nl, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_iptables_gc(struct iptables *t, const struct attachments *valid, struct err *e) MUST_CHECK;

/* The reference's rules in tables `ip cni_hostport` and `ip6 cni_hostport` (portmap_rules.c). */
bool portmap_rules_teardown(struct nft_batch *b, const struct portmap *p, struct err *e) MUST_CHECK;
bool portmap_rules_check(struct nl *nl, const struct portmap *p, struct err *e) MUST_CHECK;

#endif
