// SPDX-License-Identifier: Apache-2.0
#include "cni/args.h"

#include "cni/error.h"
#include "lib/buf.h"
#include "lib/str.h"

/* "1", "0", "true", "false" with case folded: what a boolean of CNI_ARGS may be. */
static bool bool_parse(const char *s, bool *ret)
{
	bool yes = str_eq(s, "1") || str_fold_eq(s, "true");

	if (!yes && !str_eq(s, "0") && !str_fold_eq(s, "false"))
		return false;
	*ret = yes;
	return true;
}

static struct arg *arg_find(struct arg *args, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(args[i].key, key))
			return &args[i];
	return NULL;
}

bool args_read(struct arena *a, const char *text, struct arg *known, size_t n, struct err *e)
{
	struct arg *read = arena_array(a, n, sizeof(*read));
	struct buf unknown;
	bool ignore = false;
	size_t pairs = 0;
	char **pair;

	for (size_t i = 0; i < n; i++)
		read[i].key = known[i].key;
	buf_init(&unknown, a, 0);
	pair = str_split(a, text, ';', &pairs);
	for (size_t i = 0; *text && i < pairs; i++) {
		size_t parts;
		char **kv = str_split(a, pair[i], '=', &parts);
		struct arg *arg;

		if (parts != 2)
			return fail_code(e, CNI_INVALID_ENVIRONMENT, "ARGS: invalid pair \"%s\"", pair[i]);
		arg = arg_find(read, n, kv[0]);
		if (arg)
			arg->value = kv[1];
		else if (!str_eq(kv[0], "IgnoreUnknown"))
			buf_printf(&unknown, "%s\"%s\"", unknown.len ? " " : "", pair[i]);
		else if (!bool_parse(kv[1], &ignore))
			return fail_code(e, CNI_INVALID_ENVIRONMENT,
					 "ARGS: error parsing value of pair \"%s\": want a boolean", pair[i]);
	}
	if (unknown.len && !ignore)
		return fail_code(e, CNI_INVALID_ENVIRONMENT, "ARGS: unknown args [%s]", buf_str(&unknown));
	for (size_t i = 0; i < n; i++)
		known[i].value = read[i].value;
	return true;
}
