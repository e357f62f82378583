// SPDX-License-Identifier: Apache-2.0
/*
 * Masquerading of what a container sends beyond its own subnet, for bridge and ptp. Traffic to the subnet of the
 * address and to multicast keeps its source.
 *
 * nftables: the container is an element; subnet and rules are made once. iptables (only when the configuration says
 * so): the reference's chains and rules, written by one iptables-restore run. Teardown removes both, and every form
 * that the reference's plugins left behind (nf_tables and iptables-nft by netlink; legacy tables by iptables only where
 * the kernel says there are some).
 */
#ifndef CRIMP_PLUGINS_MASQ_H
#define CRIMP_PLUGINS_MASQ_H

#include "cni/result.h"
#include "plugins/attachment.h"

enum masq_backend { MASQ_AUTO, MASQ_NFTABLES, MASQ_IPTABLES };

/* "" or NULL is auto. Unknown: code 7, `unknown ipmasq backend "x"`. */
bool masq_backend_parse(const char *s, enum masq_backend *ret, struct err *e) MUST_CHECK;
/* Addresses of interfaces[@at] of @r, which may tell of other plugins' interfaces, too. */
struct cidr *masq_addresses(struct arena *a, const struct result *r, int at, size_t *ret_n);
/*
 * @addrs with prefix length; in the calling thread's namespace. Repeating it for the same attachment is harmless.
 * @ret_new: nothing of it was there before, so that who fails afterwards may tear it down. A failure leaves nothing.
 */
bool masq_setup(struct arena *a, enum masq_backend backend, const struct attachment *at, const struct cidr *addrs,
		size_t n, bool *ret_new, struct err *e) MUST_CHECK;
/*
 * Nothing there is success. @addrs may be empty when nobody knows them any more: what carries
 * the attachment is found by a listing then.
 */
bool masq_teardown(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n,
		   struct err *e) MUST_CHECK;
/* Of ours only what @addrs are the keys of, and of this attachment: without a listing, for DEL of who may have none. */
bool masq_teardown_keyed(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n,
			 struct err *e) MUST_CHECK;
/*
 * Everything masq_setup() made is there (either backend, also the reference's form). The failure names what is missing.
 */
bool masq_check(struct arena *a, const struct attachment *at, const struct cidr *addrs, size_t n,
		struct err *e) MUST_CHECK;
/* Remove what belongs to attachments of @network that are not among @valid. */
bool masq_gc(struct arena *a, const char *network, const struct attachment *valid, size_t n, struct err *e) MUST_CHECK;
/* Could masq_setup() work on this node? Code 50 with the reason when not. Changes nothing. */
bool masq_status(struct arena *a, enum masq_backend backend, struct err *e) MUST_CHECK;

#endif
