// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_alike.h"

#include <stdarg.h>

#include "lib/fs.h"
#include "plugins/ipam/dhcp_exchange.h"
#include "plugins/ipam/dhcp_store.h"

/* A lease with longer to rest than this is looked after meanwhile. */
#define LOOK_AFTER_MS (24LL * 3600 * 1000)

void client_say(const struct dhcp_client *c, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->host->log(c, text);
}

void client_complain(struct dhcp_client *c, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 128];
	va_list ap;

	if (c->complained)
		return;
	c->complained = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->host->log(c, text);
}

int64_t client_random_below(int64_t n)
{
	uint64_t r;

	fs_random(&r, sizeof(r));
	return (int64_t)(r % (uint64_t)n);
}

bool client_reopen(struct dhcp_client *c, int *ret_netns, bool *ret_gone, struct err *e)
{
	return dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, true, ret_netns, ret_gone, e);
}

/* The caller returns at once: @c is freed. */
void client_finish(struct dhcp_client *c, const struct err *e)
{
	struct err ignored;

	exchange_close(c);
	loop_timer_off(&c->timer);
	if (c->state != DHCP_RELEASING && !dhcp_store_drop(c, &ignored))
		client_say(c, "%s", ignored.text);
	if (!c->settled && c->state != DHCP_RELEASING)
		c->host->settled(c, e);
	else
		c->host->gone(c);
}

void client_vanished(struct dhcp_client *c, const struct err *e)
{
	client_say(c, "the container is gone%s: %s", c->settled ? ", its lease is forgotten" : "", e->text);
	client_finish(c, e);
}

void client_remember(const struct dhcp_client *c)
{
	struct err e = ERR_INIT;

	if (!dhcp_store_put(c, &e))
		client_say(c, "a restart will forget this lease: %s", e.text);
}

static int64_t moment(int64_t from, uint32_t s)
{
	return s == UINT32_MAX ? CLIENT_NEVER : from + (int64_t)s * 1000;
}

void client_count_times(struct dhcp_client *c, const struct dhcp_lease *l)
{
	c->renew_at = moment(c->bound_at, l->renew_s);
	c->rebind_at = moment(c->bound_at, l->rebind_s);
	c->end_at = moment(c->bound_at, l->lease_s);
}

void client_rest(struct dhcp_client *c, int64_t earliest)
{
	int64_t now = loop_now(), at = c->renew_at > earliest ? c->renew_at : earliest;

	if (at - now > LOOK_AFTER_MS)
		at = now + c->host->resend_max_ms + client_random_below(CLIENT_JITTER_MS);
	loop_timer_at(c->host->loop, &c->timer, at);
}

void client_look_after(struct dhcp_client *c)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	if (!dhcp_place_reopen(c->netns, c->ask.ifname, &c->place, false, &netns, &gone, &e) && gone)
		client_vanished(c, &e);
	else
		client_rest(c, 0);
}

int64_t client_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t client_phase_end(const struct dhcp_client *c)
{
	return c->state == DHCP_RENEWING ? c->rebind_at : c->end_at;
}

void client_put_back(struct dhcp_client *c, const struct dhcp_lease *l)
{
	struct err e = ERR_INIT;
	autoclose int netns = -1;
	bool gone;

	if (!client_reopen(c, &netns, &gone, &e) || !dhcp_place_restore(netns, &c->place, l, c->ask.priority, &e))
		client_say(c, "%s", e.text);
}
