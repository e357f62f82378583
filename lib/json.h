// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A strict RFC 8259 reader that builds a tree in an arena, and keeps for every value the exact bytes it was written
 * with. The protocol passes configurations from runtime to plugin to delegate; a number like 1e21 or 1.50 must arrive
 * as it was written, so whoever rewrites a document copies @raw of what it does not change, and no number is ever
 * converted unless a plugin asks for its value.
 *
 * Accepted: UTF-8 text, one value, white space around it. Refused with line and column: anything else (comments,
 * trailing commas, text after the value, unpaired surrogates, invalid UTF-8, control characters in strings), depth over
 * JSON_DEPTH_MAX, more than JSON_VALUES_MAX values (a value of one byte costs a node of 80 here, so the length of a
 * text says little about the memory it takes). Duplicate keys are kept, in order; the last one wins in look-ups, as in
 * the decoder that gave existing configurations their meaning. That decoder also folds the case of keys: json_fold()
 * does it (ASCII case, and U+017F/U+212A as s/k), json_get() does not.
 *
 * A tree is immutable once parsed and lives as long as its arena and the text it was read from.
 */
#ifndef CRIMP_LIB_JSON_H
#define CRIMP_LIB_JSON_H

#include "lib/buf.h"
#include "lib/err.h"

/* Everybody who walks a tree does so by recursion, in threads of runtimes whose stacks may be small. */
#define JSON_DEPTH_MAX 128
#define JSON_VALUES_MAX 1000000

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool truth;		/* JSON_BOOL */
	uint32_t count;		/* members of an array or object, duplicates counted */
	const char *key;	/* decoded key when this is a member of an object, else NULL; NUL-terminated */
	size_t key_len;
	struct bytes raw;	/* the value exactly as written, without white space around it */
	/* JSON_STRING: decoded, NUL-terminated (may hold NUL bytes inside: compare with str_len) */
	const char *str;
	size_t str_len;
	struct json *first;	/* first member */
	struct json *next;	/* next sibling */
};

/*
 * Parse all of @text. The failure says "line L, column C: what was wrong" (code 6 is set
 * by callers). @text must outlive the tree.
 */
bool json_parse(struct arena *a, struct bytes text, const struct json **ret, struct err *e) MUST_CHECK;

/*
 * Member by exact key / by folded key, the last one in document order; NULL if absent or if @o is NULL or not an
 * object. JSON null is a member.
 */
const struct json *json_get(const struct json *o, const char *key);
const struct json *json_fold(const struct json *o, const char *key);
/* Does a member's key fold to @name? */
bool json_key_folds(const struct json *member, const char *name);

#define json_each(m, container) for (const struct json *m = (container) ? (container)->first : NULL; m; m = m->next)

/* NULL-safe. */
static inline bool json_is(const struct json *j, enum json_type t) { return j && j->type == t; }
static inline bool json_absent(const struct json *j) { return !j || j->type == JSON_NULL; }
/* "an object", "a number", ... for sentences. */
const char *json_type_name(const struct json *j);
/* True if it is a string with exactly this text. */
bool json_str_is(const struct json *j, const char *s);
/*
 * A JSON number that is an integer in [min, max] as written (1e3 and 1.0 are not; -0 is 0).
 * Otherwise false, "want an integer ...".
 */
bool json_int(const struct json *j, int64_t min, int64_t max, int64_t *ret, struct err *e) MUST_CHECK;
bool json_uint(const struct json *j, uint64_t max, uint64_t *ret, struct err *e) MUST_CHECK;
/* The members of @o that look-ups find (of repeated keys the last), sorted by key; in @a. */
const struct json **json_sorted(struct arena *a, const struct json *o, size_t *ret_n);
/* Semantic equality: object order and duplicates' losers do not matter, numbers compare as written. */
bool json_equal(const struct json *a, const struct json *b);

#endif
