// SPDX-License-Identifier: Apache-2.0
#include "cni/version.h"

#include <errno.h>
#include <limits.h>

#include "lib/str.h"

/* Ascending, so that every "all versions from here" is a tail of this one list. */
const char *const versions_all[] = { "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0", NULL };
const char *const versions_from_030[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0", NULL };
const char *const versions_from_031[] = { "0.3.1", "0.4.0", "1.0.0", "1.1.0", NULL };
const char *const versions_from_040[] = { "0.4.0", "1.0.0", "1.1.0", NULL };

/* One part with an optional sign (the reference's parser takes it). Returns what follows, NULL if this is no number. */
static const char *part_parse(const char *s, int *ret)
{
	const char *digits = s + (*s == '-' || *s == '+');
	long v;
	char *end;

	if (*digits < '0' || *digits > '9')
		return NULL;
	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || v > INT_MAX || v < INT_MIN)
		return NULL;
	*ret = (int)v;
	return end;
}

bool version_parse(const char *s, int ret[3], struct err *e)
{
	const char *at = *s ? s : "0.1.0";
	int v[3] = { 0 };

	for (int i = 0;; i++) {
		at = i < 3 ? part_parse(at, &v[i]) : NULL;
		if (at && !*at)
			break;
		if (!at || *at++ != '.')
			return fail(e, 0, "failed to parse version \"%s\": want up to three numbers and dots", s);
	}
	memcpy(ret, v, sizeof(v));
	return true;
}

int version_cmp(const char *a, const char *b)
{
	struct err e;
	int va[3], vb[3];
	bool fine_a = version_parse(a, va, &e), fine_b = version_parse(b, vb, &e);

	if (!fine_a || !fine_b)
		return fine_a - fine_b;
	for (int i = 0; i < 3; i++)
		if (va[i] != vb[i])
			return va[i] < vb[i] ? -1 : 1;
	return 0;
}

bool version_at_least(const char *v, const char *min)
{
	return version_cmp(v, min) >= 0;
}

bool version_in(const char *v, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(v, *list))
			return true;
	return false;
}

bool version_known(const char *v)
{
	return version_in(v, versions_all);
}

int version_family(const char *v)
{
	if (!*v)
		return 0;
	if (!version_known(v))
		return -1;
	return version_in(v, versions_from_030) + (v[0] == '1');
}
