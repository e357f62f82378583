// SPDX-License-Identifier: Apache-2.0
#include "plugins/forwarding.h"

#include "kernel/sysctl.h"
#include "lib/str.h"

typedef bool knob_use(const char *name, const char *value, struct err *e);

static bool each(const struct result *r, int at, knob_use *use, struct err *e)
{
	static const char *const names[] = { "net/ipv6/conf/all/forwarding", "net/ipv4/ip_forward" };
	bool want[2] = { false, false };

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].has_interface && r->ips[i].interface == at)
			want[ip_is4(&r->ips[i].address.ip)] = true;
	for (size_t v4 = 0; v4 < ARRAY_LEN(names); v4++)
		if (want[v4] && !use(names[v4], "1", e))
			return wrap(e, "forwarding");
	return true;
}

static bool is(const char *name, const char *value, struct err *e)
{
	char now[16];

	if (!sysctl_get(name, now, sizeof(now), e))
		return false;
	return str_eq(now, value) || fail(e, 0, "sysctl %s is %s", name, now);
}

bool forwarding_ensure(const struct result *r, int at, struct err *e)
{
	return each(r, at, sysctl_want, e);
}

bool forwarding_check(const struct result *r, int at, struct err *e)
{
	return each(r, at, is, e);
}
