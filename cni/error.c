// SPDX-License-Identifier: Apache-2.0
#include "cni/error.h"

#include <limits.h>

#include "lib/jsonw.h"

static const struct {
	int code;
	const char *name;
} names[] = {
	{ CNI_INCOMPATIBLE_VERSION, "incompatible CNI version" },
	{ CNI_UNSUPPORTED_FIELD, "unsupported field in network configuration" },
	{ CNI_UNKNOWN_CONTAINER, "container unknown or does not exist" },
	{ CNI_INVALID_ENVIRONMENT, "invalid environment variables" },
	{ CNI_IO_FAILURE, "I/O failure" },
	{ CNI_DECODING_FAILURE, "decoding failure" },
	{ CNI_INVALID_CONFIG, "invalid network configuration" },
	{ CNI_INVALID_NETNS, "invalid network namespace" },
	{ CNI_TRY_AGAIN_LATER, "try again later" },
	{ CNI_NOT_AVAILABLE, "plugin not available" },
	{ CNI_LIMITED_CONNECTIVITY, "plugin not available, attached containers have limited connectivity" },
	{ CNI_INTERNAL, "internal error" },
};

const char *error_code_name(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return code >= 100 ? "plugin error" : "unknown error";
}

int error_code(const struct err *e)
{
	return e->code ? e->code : CNI_INTERNAL;
}

void error_write(struct buf *out, const struct err *e, const char *version)
{
	struct jsonw w;

	jsonw_init(&w, out, true);
	jsonw_object(&w);
	if (version)
		jsonw_kstr(&w, "cniVersion", version);
	jsonw_kint(&w, "code", error_code(e));
	jsonw_kstr(&w, "msg", e->text);
	jsonw_kstr_if(&w, "details", e->details);
	jsonw_object_end(&w);
}

/* The text of member @key, "" when it is absent or null. */
static bool text_get(const struct json *j, const char *key, const char **ret, struct err *e)
{
	const struct json *m = json_fold(j, key);

	if (!json_absent(m) && m->type != JSON_STRING)
		return fail(e, 0, "%s: want a string, have %s", key, json_type_name(m));
	*ret = json_absent(m) ? "" : m->str;
	return true;
}

bool error_parse(const struct json *j, struct err *ret, struct err *e)
{
	const struct json *number = json_fold(j, "code");
	const char *msg, *details;
	uint64_t code = 0;

	if (!json_is(j, JSON_OBJECT))
		return fail(e, 0, "want an error object, have %s", json_type_name(j));
	if (!json_absent(number) && !json_uint(number, INT_MAX, &code, e))
		return wrap(e, "code");
	if (!text_get(j, "msg", &msg, e) || !text_get(j, "details", &details, e))
		return false;
	fail_code(ret, (int)code, "%s", msg);
	err_details(ret, "%s", details);
	return true;
}
