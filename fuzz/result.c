// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a result. What can be read can be written in its own version, and:
 * - reading that and writing it again gives the same bytes (writing has said all that reading had understood);
 * - every other version either refuses with a reason or gives text that holds the same claim;
 * - between the versions of one family nothing but the version changes.
 */
#include "fuzz/claim.h"
#include "cni/result.h"
#include "cni/version.h"

static struct arena a;

static bool read_text(struct bytes text, struct result *ret, struct err *e)
{
	const struct json *j;

	return json_parse(&a, text, &j, e) && result_read(&a, j, VERSION_NEWEST, false, ret, e);
}

static bool write_text(const struct result *r, const char *version, bool pretty, struct bytes *ret, struct err *e)
{
	struct buf out;

	buf_init(&out, &a, 0);
	if (!result_write(&out, r, version, pretty, e))
		return false;
	*ret = buf_bytes(&out);
	return true;
}

static bool same(struct bytes x, struct bytes y)
{
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static void holds(struct bytes text, const char *version, bool pretty)
{
	struct result back;
	struct bytes again;
	struct err e;

	claim(read_text(text, &back, &e), "what was written can be read");
	claim(strcmp(back.version, version) == 0, "it says the version that was asked for");
	claim(write_text(&back, version, pretty, &again, &e), "and written again");
	claim(same(text, again), "with the same bytes");
}

static void try_version(const struct result *r, const char *version)
{
	bool own_family = version_family(r->version) == version_family(version);
	struct bytes text, relabelled;
	struct err e = ERR_INIT;
	struct result back;

	for (int pretty = 0; pretty < 2; pretty++) {
		if (!write_text(r, version, pretty, &text, &e)) {
			claim(*e.text, "a refusal has a text");
			claim(!own_family, "the own family is never refused");
			return;
		}
		holds(text, version, pretty);
	}
	if (!own_family)
		return;
	claim(read_text(text, &back, &e) && write_text(&back, r->version, true, &relabelled, &e), "relabelling works");
	claim(write_text(r, r->version, true, &text, &e) && same(text, relabelled), "relabelling loses nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct result r;

	arena_init(&a, NULL, 0);
	if (!read_text((struct bytes){ (const char *)data, size }, &r, &e))
		claim(*e.text, "a failure has a text");
	else
		for (const char *const *v = versions_all; *v; v++)
			try_version(&r, *v);
	arena_done(&a);
	return 0;
}
