// SPDX-License-Identifier: Apache-2.0
/*
 * MAC spoofing filter of bridge ports (nf_tables bridge family): frames from a container must carry its
 * MAC. Same verbs and promises as masq.h.
 */
#ifndef CRIMP_PLUGINS_SPOOF_H
#define CRIMP_PLUGINS_SPOOF_H

#include "lib/err.h"
#include "lib/ip.h"
#include "plugins/attachment.h"

bool spoof_setup(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		 struct err *e) MUST_CHECK;
/*
 * @host_ifname and @mac may be NULL when nobody knows them: found by the comment then. Who knows both takes away what
 * that one spoof_setup() made, and nothing of another. Also removes the reference's chains.
 */
bool spoof_teardown(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		    struct err *e) MUST_CHECK;
/* That without a listing, for DEL of who may have none: both keys, or nothing is done. */
bool spoof_teardown_keyed(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
			  struct err *e) MUST_CHECK;
bool spoof_check(struct arena *a, const struct attachment *at, const char *host_ifname, const struct mac *mac,
		 struct err *e) MUST_CHECK;
bool spoof_gc(struct arena *a, const char *network, const struct attachment *valid, size_t n, struct err *e) MUST_CHECK;

#endif
