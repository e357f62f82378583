// SPDX-License-Identifier: Apache-2.0
#include "plugins/object.h"

#include "lib/jsonw.h"
#include "lib/str.h"

static void add(struct object *o, const char *key, struct bytes raw)
{
	o->v = arena_grow(o->arena, o->v, o->n, &o->cap, sizeof(*o->v));
	o->v[o->n++] = (struct object_member){ key, raw };
}

/* White space between tokens goes; numbers and strings stay as they were written. */
static struct bytes compact(struct arena *a, const struct json *j)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, j->raw.len);
	jsonw_init(&w, &b, false);
	jsonw_json(&w, j);
	return buf_bytes(&b);
}

void object_init(struct object *o, struct arena *a, const struct json *from)
{
	const struct json **members;
	size_t n = 0;

	*o = (struct object){ .arena = a };
	members = json_is(from, JSON_OBJECT) ? json_sorted(a, from, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		add(o, members[i]->key, compact(a, members[i]));
}

bool object_has(const struct object *o, const char *key)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_fold_eq(o->v[i].key, key))
			return true;
	return false;
}

void object_drop(struct object *o, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->n; i++)
		if (!str_fold_eq(o->v[i].key, key))
			o->v[kept++] = o->v[i];
	o->n = kept;
}

void object_set(struct object *o, const char *key, struct bytes raw)
{
	object_drop(o, key);
	add(o, key, raw);
}

void object_set_json(struct object *o, const char *key, const struct json *value)
{
	object_set(o, key, compact(o->arena, value));
}

void object_set_text(struct object *o, const char *key, const char *raw)
{
	object_set(o, key, (struct bytes){ raw, strlen(raw) });
}

void object_set_word(struct object *o, const char *key, const char *word)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, o->arena, strlen(word) + 2);
	jsonw_init(&w, &b, false);
	jsonw_str(&w, word);
	object_set(o, key, buf_bytes(&b));
}

static int by_key(const void *a, const void *b)
{
	const struct object_member *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct bytes object_text(struct object *o)
{
	struct jsonw w;
	struct buf b;

	if (o->n)
		qsort(o->v, o->n, sizeof(*o->v), by_key);
	buf_init(&b, o->arena, 512);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	for (size_t i = 0; i < o->n; i++) {
		jsonw_key(&w, o->v[i].key);
		jsonw_raw(&w, o->v[i].raw);
	}
	jsonw_object_end(&w);
	return (struct bytes){ buf_str(&b), b.len };
}
