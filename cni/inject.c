// SPDX-License-Identifier: Apache-2.0
#include <strings.h>

#include "cni/inject.h"
#include "cni/version.h"
#include "lib/jsonw.h"
#include "lib/str.h"

/* Keys of the runtime. A value of length 0 leaves what the configuration says. */
enum { KEY_VERSION, KEY_NAME, KEY_PREV, KEY_RUNTIME, KEY_VALID, KEY_ATTACHMENTS, KEYS };

struct ours {
	const char *key;
	struct bytes value;
	bool done;
};

static struct bytes quoted(struct arena *a, const char *s)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, strlen(s) + 8);
	jsonw_init(&w, &b, false);
	jsonw_str(&w, s);
	return buf_bytes(&b);
}

bool plugin_has_capability(const struct json *plugin, const char *name)
{
	size_t len = strlen(name);
	bool has = false;

	/* Repeated objects merge. */
	json_each(m, plugin)
		if (json_key_folds(m, "capabilities"))
			json_each(cap, m)
				if (cap->key_len == len && memcmp(cap->key, name, len) == 0)
					has = cap->truth;
	return has;
}

/* {capability: argument} of those declared and given; empty if there are none. */
static struct bytes runtime_config(struct arena *a, const struct json *plugin, const struct json *args)
{
	struct jsonw w;
	struct buf b;
	size_t n = 0;

	buf_init(&b, a, 256);
	jsonw_init(&w, &b, false);
	jsonw_object(&w);
	json_each(arg, args) {
		/* Of a repeated key the last counts. */
		if (json_get(args, arg->key) != arg || !plugin_has_capability(plugin, arg->key))
			continue;
		jsonw_key(&w, arg->key);
		jsonw_raw(&w, arg->raw);
		n++;
	}
	jsonw_object_end(&w);
	return n ? buf_bytes(&b) : (struct bytes){ NULL, 0 };
}

static void member_put(struct buf *b, struct bytes key, struct bytes value)
{
	if (b->len > 1)
		buf_putc(b, ',');
	buf_put(b, key.data, key.len);
	buf_putc(b, ':');
	buf_put(b, value.data, value.len);
}

static void ours_put(struct buf *b, struct ours *o)
{
	if (o->done)
		return;
	o->done = true;
	member_put(b, quoted(b->arena, o->key), o->value);
}

/*
 * The key of @m as written: between what came before it (@from) and its value there
 * are only blanks and punctuation besides.
 */
static struct bytes key_raw(const char *from, const struct json *m)
{
	const char *first = memchr(from, '"', (size_t)(m->raw.data - from));
	const char *last = m->raw.data;

	while (*--last != '"')
		;
	return (struct bytes){ first, (size_t)(last + 1 - first) };
}

static struct ours *ours_find(struct ours *ours, const struct json *m)
{
	for (size_t i = 0; i < KEYS; i++)
		if (json_key_folds(m, ours[i].key))
			return &ours[i];
	return NULL;
}

static bool is_reserved(const struct json *m)
{
	return strncasecmp(m->key, "cni.dev/", 8) == 0;
}

struct bytes inject(struct arena *a, const struct json *plugin, const struct inject_keys *k)
{
	struct ours ours[KEYS] = {
		[KEY_VERSION] = { "cniVersion", quoted(a, k->version), false },
		[KEY_NAME] = { "name", quoted(a, k->name), false },
		[KEY_PREV] = { "prevResult", k->prev, false },
		[KEY_RUNTIME] = { "runtimeConfig", runtime_config(a, plugin, k->cap_args), false },
		[KEY_VALID] = { "cni.dev/valid-attachments", k->valid, false },
		[KEY_ATTACHMENTS] = { "cni.dev/attachments", k->valid, false },
	};
	bool strip = !k->keep_capabilities && version_at_least(k->version, "1.0.0");
	const char *from = plugin->raw.data;
	struct buf b;

	buf_init(&b, a, plugin->raw.len + k->prev.len + k->valid.len + 256);
	buf_putc(&b, '{');
	json_each(m, plugin) {
		struct ours *o = ours_find(ours, m);
		struct bytes key = key_raw(from, m);

		from = m->raw.data + m->raw.len;
		if (o && o->value.len)
			ours_put(&b, o);
		else if (!is_reserved(m) && !(strip && json_key_folds(m, "capabilities")))
			member_put(&b, key, m->raw);
	}
	for (size_t i = 0; i < KEYS; i++)
		if (ours[i].value.len)
			ours_put(&b, &ours[i]);
	buf_putc(&b, '}');
	return (struct bytes){ buf_str(&b), b.len };
}
