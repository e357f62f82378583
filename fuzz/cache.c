// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a file of the result cache: what is read is written in the one form that the format has, and reads
 * back as the same.
 */
#include "fuzz/claim.h"
#include "cni/cache.h"
#include "lib/str.h"

static bool same(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0);
}

static void reads_back(struct arena *a, const struct cache_entry *entry)
{
	struct bytes text = cache_text(a, entry);
	struct err e = ERR_INIT;
	struct cache_entry again;

	claim(cache_parse(a, text, &again, &e), "what was written can be read");
	claim(str_eq(again.key.network, entry->key.network) && str_eq(again.key.ifname, entry->key.ifname) &&
		      str_eq(again.key.container_id, entry->key.container_id) && str_eq(again.netns, entry->netns),
	      "of the same attachment");
	claim(same(again.config, entry->config), "with the same configuration");
	claim(again.n_args == entry->n_args, "and as many arguments");
	claim(!entry->result || !entry->result->count || json_equal(again.result, entry->result),
	      "and the same result");
	claim(same(cache_text(a, &again), text), "and there is one form");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { (const char *)data, size };
	struct err e = ERR_INIT;
	struct cache_entry entry;
	struct arena a;

	arena_init(&a, NULL, 0);
	if (cache_parse(&a, text, &entry, &e))
		reads_back(&a, &entry);
	else
		claim(*e.text, "a failure has a text");
	arena_done(&a);
	return 0;
}
