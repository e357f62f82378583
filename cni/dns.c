// SPDX-License-Identifier: Apache-2.0
/* The "dns" object, the same in configurations and in results of all versions (cni/result.h declares it). */
#include "cni/result.h"
#include "lib/field.h"

/* A list of strings as a NULL-terminated array. */
static bool read_strings(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const char **strings;
	size_t n = 0;

	if (!json_is(v, JSON_ARRAY))
		return fail(e, 0, "want an array, have %s", json_type_name(v));
	strings = arena_array(a, (size_t)v->count + 1, sizeof(*strings));
	json_each(m, v) {
		if (!read_str(a, m, &strings[n], f, e))
			return wrap(e, "[%zu]", n);
		n++;
	}
	*(const char ***)dst = strings;
	return true;
}

static const struct field dns_fields[] = {
	FIELD(struct dns, nameservers, read_strings),
	FIELD(struct dns, domain, read_str),
	FIELD(struct dns, search, read_strings),
	FIELD(struct dns, options, read_strings),
	{ 0 }
};

bool read_dns(struct arena *a, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	if (!json_is(v, JSON_OBJECT))
		return fail(e, 0, "want an object, have %s", json_type_name(v));
	return json_fields(a, v, dns_fields, dst, e);
}

static bool strings_empty(const char *const *strings)
{
	return !strings || !*strings;
}

bool dns_is_empty(const struct dns *d)
{
	return strings_empty(d->nameservers) && strings_empty(d->search) && strings_empty(d->options) &&
	       (!d->domain || !*d->domain);
}
