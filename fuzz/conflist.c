// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a network configuration. What is read has a name and plugins; what the cache would keep of it reads
 * back as the same network; and the request of every plugin is JSON with the keys of the runtime set once and every
 * other value untouched.
 */
#include <strings.h>

#include "fuzz/claim.h"
#include "cni/conflist.h"
#include "cni/inject.h"
#include "lib/str.h"

static bool same(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static bool is_ours(const struct json *m)
{
	static const char *const keys[] = { "name", "cniVersion", "prevResult", "runtimeConfig", "capabilities" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_key_folds(m, keys[i]))
			return true;
	return strncasecmp(m->key, "cni.dev/", 8) == 0;
}

/* All members that are not the runtime's, in order, key and value as they were. */
static void rest_is_kept(const struct json *before, const struct json *after)
{
	const struct json *at = after->first;

	json_each(m, before) {
		if (is_ours(m))
			continue;
		while (at && is_ours(at))
			at = at->next;
		claim(at && m->key_len == at->key_len && memcmp(m->key, at->key, m->key_len) == 0,
		      "keys stay in order");
		claim(same(m->raw, at->raw), "values keep their bytes");
		at = at->next;
	}
	while (at && is_ours(at))
		at = at->next;
	claim(!at, "nothing is added");
}

static void request_is_right(struct arena *a, const struct conflist *l, const struct json *plugin)
{
	static const char prev[] = "{\"cniVersion\":\"1.0.0\"}", caps[] = "{\"portMappings\":[],\"mac\":\"x\"}";
	const struct json *args, *request;
	struct err e = ERR_INIT;

	claim(json_parse(a, (struct bytes){ caps, sizeof(caps) - 1 }, &args, &e), "the arguments are JSON");

	struct inject_keys keys = {
		.name = l->name,
		.version = l->version,
		.cap_args = args,
		.prev = { prev, sizeof(prev) - 1 },
	};
	struct bytes text = inject(a, plugin, &keys);

	claim(json_parse(a, text, &request, &e), "a request is JSON");
	claim(json_str_is(json_fold(request, "name"), l->name), "it has the network's name");
	claim(json_str_is(json_fold(request, "cniVersion"), l->version), "it has the network's version");
	claim(same(json_fold(request, "prevResult")->raw, keys.prev), "it has the previous result");
	rest_is_kept(plugin, request);
}

static void reads_back(struct arena *a, const struct conflist *l)
{
	struct err e = ERR_INIT;
	struct conflist again;

	claim(conflist_parse(a, l->bytes, CONFLIST_LIST, &again, &e), "what is cached is a list");
	claim(str_eq(again.name, l->name) && str_eq(again.version, l->version), "of the same name and version");
	claim(again.n == l->n, "with as many plugins");
	for (size_t i = 0; i < l->n; i++)
		claim(same(again.plugins[i].json->raw, l->plugins[i].json->raw), "configured with the same bytes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct conflist l;
	struct arena a;

	arena_init(&a, NULL, 0);
	if (!conflist_parse(&a, (struct bytes){ (const char *)data, size }, CONFLIST_EITHER, &l, &e)) {
		claim(*e.text && e.code > 0, "a failure has a text and a code");
	} else {
		claim(l.n > 0 && l.name && l.version, "a network has a name, a version and plugins");
		for (size_t i = 0; i < l.n; i++) {
			claim(*l.plugins[i].type, "plugins have a type");
			request_is_right(&a, &l, l.plugins[i].json);
		}
		reads_back(&a, &l);
	}
	arena_done(&a);
	return 0;
}
