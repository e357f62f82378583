// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/resolv_conf.h"

#include "lib/fs.h"
#include "lib/str.h"

#define FILE_MAX (1 << 20)

struct words {
	const char **items;
	size_t n, cap;
};

/* Grows the list by one; it stays NULL-terminated. */
static void words_put(struct arena *a, struct words *w, const char *s)
{
	if (w->n + 1 >= w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 8;
		const char **more = arena_array(a, cap, sizeof(*more));

		if (w->n)
			memcpy(more, w->items, w->n * sizeof(*more));
		w->items = more;
		w->cap = cap;
	}
	w->items[w->n++] = s;
}

/* The next word of a line, NULL at its end. The line is cut into words in place. */
static char *word(char **line)
{
	char *start = *line + strspn(*line, " \t\r\v\f");
	char *end = start + strcspn(start, " \t\r\v\f");

	if (start == end)
		return NULL;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

struct settings {
	struct words nameservers, search, options;
	const char *domain;
};

static void line_read(struct arena *a, char *line, struct settings *s)
{
	char *key = word(&line), *value = key ? word(&line) : NULL;
	struct words *list;

	if (!value || key[0] == '#' || key[0] == ';')
		return;
	if (str_eq(key, "nameserver"))
		words_put(a, &s->nameservers, value);
	if (str_eq(key, "domain"))
		s->domain = value;
	list = str_eq(key, "search") ? &s->search : str_eq(key, "options") ? &s->options : NULL;
	for (; list && value; value = word(&line))
		words_put(a, list, value);
}

bool resolv_conf_read(struct arena *a, const char *path, struct dns *ret, struct err *e)
{
	struct settings s = { .domain = NULL };
	struct bytes text;
	char **lines;
	size_t n;

	if (!fs_read(a, path, FILE_MAX, &text, e))
		return wrap(e, "resolvConf");
	lines = str_split(a, text.data, '\n', &n);
	for (size_t i = 0; i < n; i++)
		line_read(a, lines[i], &s);
	*ret = (struct dns){
		.nameservers = s.nameservers.items,
		.domain = s.domain,
		.search = s.search.items,
		.options = s.options.items,
	};
	return true;
}
