// SPDX-License-Identifier: Apache-2.0
/* What clients of both families do alike. */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_ALIKE_H
#define CRIMP_PLUGINS_IPAM_DHCP_ALIKE_H

#include "plugins/ipam/dhcp_client.h"

#define CLIENT_NEVER	     INT64_MAX
/* Added by chance to what many clients would do in one moment. */
#define CLIENT_JITTER_MS     1000
/* Leases found at the start that are due are not renewed all in one moment. */
#define CLIENT_RESUME_SPREAD 2000
/* Messages taken from a socket in one go. */
#define CLIENT_RECEIVE_MAX   64

void client_say(const struct dhcp_client *c, const char *fmt, ...) PRINTF(2, 3);
/* Once in an exchange: servers may repeat themselves as fast as they like. */
void client_complain(struct dhcp_client *c, const char *fmt, ...) PRINTF(2, 3);
int64_t client_random_below(int64_t n);
/* dhcp_place_reopen(), the interface is set up. */
bool client_reopen(struct dhcp_client *c, int *ret_netns, bool *ret_gone, struct err *e) MUST_CHECK;
/* The end, which the host is told of; the caller returns at once: @c is freed. */
void client_finish(struct dhcp_client *c, const struct err *e);
/* The same, because there is no container any more. */
void client_vanished(struct dhcp_client *c, const struct err *e);
/* Into the store; a failure is said and no more. */
void client_remember(const struct dhcp_client *c);
void client_count_times(struct dhcp_client *c, const struct dhcp_lease *l);
/*
 * BOUND until T1, at least until @earliest. Who has nothing to say for days, or ever, looks now and then whether there
 * is a container any more.
 */
void client_rest(struct dhcp_client *c, int64_t earliest);
/* That look, and rest again; the caller returns at once: @c may be freed. */
void client_look_after(struct dhcp_client *c);
int64_t client_earlier(int64_t a, int64_t b);
/* RENEWING and REBINDING: when the present manner of asking ends. */
int64_t client_phase_end(const struct dhcp_client *c);
/* Address and routes of a lease that was regained, on the interface; a failure is said and no more. */
void client_put_back(struct dhcp_client *c, const struct dhcp_lease *l);

#endif
