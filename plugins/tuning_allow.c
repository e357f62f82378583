// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning.h"

#include <errno.h>

#include "lib/fs.h"
#include "lib/re2.h"
#include "lib/str.h"

#define LIST "/etc/cni/tuning/allowlist.conf"
#define LIST_MAX (1 << 20)

/* Lines without the blanks around them, without empty ones. @ret NULL: there is no list. */
static bool list_read(struct arena *a, char ***ret, struct err *e)
{
	struct err why = ERR_INIT;
	struct bytes text;
	size_t n, kept = 0;
	char **lines;

	*ret = NULL;
	if (!fs_read(a, LIST, LIST_MAX, &text, &why)) {
		if (why.num == ENOENT || why.num == ENOTDIR)
			return true;
		*e = why;
		return false;
	}
	lines = str_split(a, text.data, '\n', &n);
	for (size_t i = 0; i < n; i++) {
		char *line = lines[i] + strspn(lines[i], " \t\r\v\f");
		size_t len = strlen(line);

		while (len && strchr(" \t\r\v\f", line[len - 1]))
			line[--len] = '\0';
		if (len)
			lines[kept++] = line;
	}
	lines[kept] = NULL;
	*ret = lines;
	return true;
}

/* What cannot be understood allows nothing; it is the reason to give when nothing else allows the key. */
static bool is_allowed(struct arena *a, char **list, const char *key, struct err *e)
{
	struct err first = ERR_INIT;
	struct buf all;

	buf_init(&all, a, 128);
	for (char **line = list; *line; line++) {
		struct err why = ERR_INIT;
		bool matches = false;

		if (!re2_match(a, *line, key, &matches, &why) && !*first.text)
			first = why;
		if (matches)
			return true;
		buf_printf(&all, "%s%s", all.len ? " " : "", *line);
	}
	fail_code(e, CNI_INVALID_CONFIG, "Sysctl %s is not allowed. Only the following sysctls are allowed: [%s]", key,
		  buf_str(&all));
	return *first.text ? err_details(e, "in %s, %s", LIST, first.text) : false;
}

bool tuning_allowed(const struct request *r, const struct tuning *t, struct err *e)
{
	char **list;

	if (!t->n_knobs)
		return true;
	if (!list_read(r->arena, &list, e))
		return false;
	for (size_t i = 0; list && i < t->n_knobs; i++)
		if (!is_allowed(r->arena, list, t->knobs[i].key, e))
			return false;
	return true;
}
