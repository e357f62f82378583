// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_flags.h"

#include "lib/str.h"

#define YEAR_MS (366LL * 24 * 3600 * 1000)

static const struct unit {
	const char *name;
	double ms;
} units[] = {
	{ "ns", 1e-6 }, { "us", 1e-3 }, { "\xc2\xb5s", 1e-3 }, { "\xce\xbcs", 1e-3 },
	{ "ms", 1 }, { "s", 1e3 }, { "m", 6e4 }, { "h", 3.6e6 },
};

/* Digits, perhaps with a fraction; NULL if there are none. */
static const char *read_number(const char *s, double *ret)
{
	double v = 0, place = 1;
	bool digits = false;

	for (; *s >= '0' && *s <= '9'; s++, digits = true)
		v = v * 10 + (*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, digits = true)
			v += (*s - '0') * (place /= 10);
	*ret = v;
	return digits ? s : NULL;
}

/* The longest name that fits: "ms" is not "m". */
static const struct unit *read_unit(const char **s)
{
	const struct unit *best = NULL;

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (str_starts(*s, units[i].name) && (!best || strlen(units[i].name) > strlen(best->name)))
			best = &units[i];
	if (best)
		*s += strlen(best->name);
	return best;
}

bool duration_parse(const char *text, int64_t *ret_ms, struct err *e)
{
	const char *at = text;
	double total = 0;

	do {
		const struct unit *u;
		double n;

		at = read_number(at, &n);
		u = at ? read_unit(&at) : NULL;
		if (!u)
			return fail(e, 0, "\"%s\" is no duration (such as 500ms, 10s, 1m30s)", text);
		total += n * u->ms;
	} while (*at);
	if (total < 1 || total > (double)YEAR_MS)
		return fail(e, 0, "\"%s\" is not between 1ms and a year", text);
	*ret_ms = (int64_t)total;
	return true;
}

static bool bool_parse(const char *text, bool *ret, struct err *e)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (str_eq(text, yes[i]) || str_eq(text, no[i])) {
			*ret = str_eq(text, yes[i]);
			return true;
		}
	}
	return fail(e, 0, "\"%s\" is neither true nor false", text);
}

static bool set(const struct flag *f, const char *text, struct err *e)
{
	bool ok = true;

	switch (f->kind) {
	case FLAG_TEXT: *(const char **)f->value = text; break;
	case FLAG_BOOL: ok = bool_parse(text, f->value, e); break;
	case FLAG_DURATION: ok = duration_parse(text, f->value, e); break;
	}
	return ok || wrap(e, "-%s", f->name);
}

static const struct flag *find(const struct flag *flags, const char *name, size_t len)
{
	for (; flags->name; flags++)
		if (strlen(flags->name) == len && memcmp(flags->name, name, len) == 0)
			return flags;
	return NULL;
}

bool flags_read(int argc, char **argv, const struct flag *flags, bool *ret_help, struct err *e)
{
	*ret_help = false;
	for (int i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		const char *name = argv[i] + (argv[i][1] == '-' ? 2 : 1);
		size_t len = strcspn(name, "=");
		const struct flag *f = find(flags, name, len);
		const char *value = name[len] ? name + len + 1 : NULL;

		if (!*name)
			break;
		if (!f && (str_eq(name, "h") || str_eq(name, "help"))) {
			*ret_help = true;
			return true;
		}
		if (!f)
			return fail(e, 0, "flag provided but not defined: -%.*s", (int)len, name);
		if (!value && f->kind == FLAG_BOOL)
			value = "true";
		if (!value && ++i == argc)
			return fail(e, 0, "flag needs an argument: -%s", f->name);
		if (!set(f, value ? value : argv[i], e))
			return false;
	}
	return true;
}
