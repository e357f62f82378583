// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration of dhcp: read by the plugin to find and to spare the daemon, and by the daemon to know what to ask.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_CONF_H
#define CRIMP_PLUGINS_IPAM_DHCP_CONF_H

#include "lib/json.h"
#include "plugins/ipam/dhcp.h"

struct dhcp_conf {
	const char *socket;
	struct dhcp_option *send;	/* each code once, in the order of the configuration */
	size_t n_send;
	uint8_t *wanted;		/* each code once */
	size_t n_wanted;
	uint32_t priority;		/* 0: none */
	unsigned versions;		/* DHCP_VERSION_* */
};

/* Everything, checked. @args: CNI_ARGS. Codes 6 and 7. */
bool dhcp_conf_read(struct arena *a, const struct json *ipam, const char *args, struct dhcp_conf *ret,
		    struct err *e) MUST_CHECK;
/* Only where the daemon listens: DEL and GC must work whatever became of the rest. */
bool dhcp_conf_socket(struct arena *a, const struct json *ipam, const char **ret, struct err *e) MUST_CHECK;

#endif
