// SPDX-License-Identifier: Apache-2.0
/* firewalld: a container's address is a source of a zone, at run time only, as the reference has it. */
#include <errno.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/firewall.h"

#define NAME "org.fedoraproject.FirewallD1"
#define ANSWER_MS 30000

static bool call(struct dbus *d, const char *member, const char *const *args, size_t n, struct dbus_answer *ret,
		 struct err *e)
{
	const struct dbus_call c = {
		NAME, "/org/fedoraproject/FirewallD1", NAME ".zone", member, args, n,
	};

	return dbus_call(d, &c, ret, e);
}

/* What firewalld says itself; everything else says the bus, or Python. */
static const char *said(const struct dbus_answer *a)
{
	return a->text ? a->text : a->error;
}

bool firewall_zone_open(struct dbus *d, struct arena *a, struct err *e)
{
	static const char *const name = NAME;
	static const struct dbus_call asks = {
		"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", &name, 1
	};
	struct dbus fresh = DBUS_CLOSED;
	struct dbus_answer answer;

	if (!dbus_open(&fresh, a, fs_now_ms() + ANSWER_MS, e))
		return false;
	if (!dbus_call(&fresh, &asks, &answer, e)) {
		dbus_close(&fresh);
		return false;
	}
	if (answer.error || !answer.truth) {
		dbus_close(&fresh);
		return fail(e, ESRCH, "firewalld is not on the system bus");
	}
	*d = fresh;
	return true;
}

static const char *source(const struct firewall *f, const struct ip *ip)
{
	struct cidr host = cidr_host(ip);
	char text[CIDR_TEXT_MAX];

	return arena_strdup(f->arena, cidr_text(&host, text));
}

/* @ret_new: it was not there before. */
static bool add_one(struct dbus *d, const struct firewall *f, const struct ip *ip, bool *ret_new, struct err *e)
{
	const char *const args[] = { f->zone, source(f, ip) };
	struct dbus_answer answer;

	if (!call(d, "addSource", args, ARRAY_LEN(args), &answer, e))
		return wrap(e, "firewalld");
	*ret_new = !answer.error;
	if (answer.error && !strstr(said(&answer), "ZONE_ALREADY_SET"))
		return fail(e, 0, "firewalld: add source %s to zone %s: %s", args[1], args[0], said(&answer));
	return true;
}

static void del_one(struct dbus *d, const struct firewall *f, const struct ip *ip)
{
	const char *const args[] = { f->zone, source(f, ip) };
	struct dbus_answer answer;
	struct err ignored;
	bool done UNUSED = call(d, "removeSource", args, ARRAY_LEN(args), &answer, &ignored);
}

/* The address of number @i, over both families; NULL behind the last. */
static const struct ip *address(const struct firewall *f, size_t i)
{
	if (i < f->n_ips[0])
		return &f->ips[0][i];
	i -= f->n_ips[0];
	return i < f->n_ips[1] ? &f->ips[1][i] : NULL;
}

void firewall_zone_del(struct dbus *d, const struct firewall *f, const bool *which)
{
	const struct ip *ip;

	for (size_t i = 0; (ip = address(f, i)); i++)
		if (!which || which[i])
			del_one(d, f, ip);
}

bool firewall_zone_add(struct dbus *d, const struct firewall *f, const bool **ret_new, struct err *e)
{
	bool *fresh = arena_array(f->arena, f->n_ips[0] + f->n_ips[1], sizeof(*fresh));
	const struct ip *ip;

	for (size_t i = 0; (ip = address(f, i)); i++) {
		if (add_one(d, f, ip, &fresh[i], e))
			continue;
		firewall_zone_del(d, f, fresh);
		return false;
	}
	*ret_new = fresh;
	return true;
}

bool firewall_zone_check(struct dbus *d, const struct firewall *f, struct err *e)
{
	const struct ip *ip;

	for (size_t i = 0; (ip = address(f, i)); i++) {
		const char *const args[] = { f->zone, source(f, ip) };
		struct dbus_answer answer;

		if (!call(d, "querySource", args, ARRAY_LEN(args), &answer, e))
			return wrap(e, "firewalld");
		if (answer.error)
			return fail(e, 0, "firewalld: ask for source %s of zone %s: %s", args[1], args[0],
				    said(&answer));
		if (!answer.truth)
			return fail(e, 0, "firewalld: zone %s does not have source %s", args[0], args[1]);
	}
	return true;
}

static bool is_ours(const struct firewall *f, const struct ip *ip)
{
	const struct ip *own;

	for (size_t i = 0; (own = address(f, i)); i++)
		if (ip_eq(own, ip))
			return true;
	return false;
}

bool firewall_zone_others(struct dbus *d, const struct firewall *f, struct ip **ret, size_t *ret_n, struct err *e)
{
	const char *const args[] = { f->zone };
	struct dbus_answer answer;
	struct ip *all;
	size_t n = 0;

	if (!call(d, "getSources", args, ARRAY_LEN(args), &answer, e))
		return wrap(e, "firewalld");
	all = arena_array(f->arena, answer.n, sizeof(*all));
	for (size_t i = 0; i < answer.n; i++) {
		struct err ignored;
		struct cidr c;

		if (cidr_parse(answer.list[i], &c, &ignored) && !is_ours(f, &c.ip))
			all[n++] = c.ip;
	}
	*ret = all;
	*ret_n = n;
	return true;
}
