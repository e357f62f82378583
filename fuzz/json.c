// SPDX-License-Identifier: Apache-2.0
// fuzz-libs: -ljansson
/*
 * DOC: Theory of operation
 *
 * Three claims about any bytes:
 * - The reader and libjansson agree whether it is JSON, and on every value.
 * - A value written anew, compact or pretty, and read again is equal to the first;
 *   written once more it has the same bytes.
 * - Every value's raw bytes parse by themselves to an equal value, and a failure names a place.
 *
 * Where the two readers may differ, by what they promise:
 * - libjansson has no room for a number beyond a double or a 64 bit integer
 *   (json_error_numeric_overflow), nor for a NUL in a key (json_error_null_byte_in_key): we take both.
 *   The fuzzer takes libjansson's word for the rest of such a text.
 * - We stop at JSON_DEPTH_MAX levels, libjansson at 2048.
 * - A NUL byte is nowhere in JSON, but libjansson overlooks one that ends a number: such a text must be refused by us.
 * - libjansson keeps the last of duplicate keys only: values are compared by look-up, and members are not counted.
 * - libjansson compares and keeps numbers converted: those that fit an integer are
 *   compared, fractions only for their type.
 */
/* Both name their types alike. In this file JSON_X is libjansson's, whose macros need it, and OUR_X is ours. */
#define json_equal jansson_equal
#include <jansson.h>
#undef json_equal
#define JSON_NULL OUR_NULL
#define JSON_BOOL OUR_BOOL
#define JSON_NUMBER OUR_NUMBER
#define JSON_STRING OUR_STRING
#define JSON_ARRAY OUR_ARRAY
#define JSON_OBJECT OUR_OBJECT
#include "fuzz/claim.h"
#include "lib/jsonw.h"
#undef JSON_NULL
#undef JSON_BOOL
#undef JSON_NUMBER
#undef JSON_STRING
#undef JSON_ARRAY
#undef JSON_OBJECT

static void values_agree(const struct json *j, json_t *other)
{
	struct err e = ERR_INIT;
	json_t *found;
	int64_t n;
	size_t i = 0;

	switch (j->type) {
	case OUR_NULL: claim(json_is_null(other), "null"); break;
	case OUR_BOOL: claim(json_is_boolean(other) && json_is_true(other) == j->truth, "boolean"); break;
	case OUR_NUMBER:
		if (json_int(j, INT64_MIN, INT64_MAX, &n, &e))
			claim(json_is_integer(other) && json_integer_value(other) == n, "integer");
		else
			claim(json_is_real(other), "number");
		break;
	case OUR_STRING:
		claim(json_is_string(other) && json_string_length(other) == j->str_len, "string");
		claim(memcmp(json_string_value(other), j->str, j->str_len + 1) == 0, "text of string");
		break;
	case OUR_ARRAY:
		claim(json_is_array(other) && json_array_size(other) == j->count, "array");
		json_each(m, j)
			values_agree(m, json_array_get(other, i++));
		break;
	case OUR_OBJECT:
		claim(json_is_object(other), "object");
		json_each(m, j) {
			found = json_object_get(other, m->key);
			claim(found != NULL, "key");
			if (json_get(j, m->key) == m)
				values_agree(m, found);
		}
		break;
	}
}

static void readers_agree(struct bytes text, const struct json *j, const struct err *e)
{
	enum json_error_code code;
	json_error_t why;
	json_t *other;

	if (memchr(text.data, '\0', text.len)) {
		claim(!j, "NUL byte");
		return;
	}
	other = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	code = other ? json_error_unknown : json_error_code(&why);
	if (other && !j)
		claim(strstr(e->text, "nested deeper") != NULL, e->text);
	if (!other && j)
		claim(code == json_error_numeric_overflow || code == json_error_null_byte_in_key, why.text);
	if (other && j)
		values_agree(j, other);
	json_decref(other);
}

static struct bytes written(struct arena *a, const struct json *j, bool pretty)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, a, 0);
	jsonw_init(&w, &b, pretty);
	jsonw_json(&w, j);
	return buf_bytes(&b);
}

static void survives_writing(struct arena *a, const struct json *j, bool pretty)
{
	struct bytes text = written(a, j, pretty), again;
	const struct json *k;
	struct err e = ERR_INIT;

	claim(json_parse(a, text, &k, &e), e.text);
	claim(json_equal(j, k) && json_equal(k, j), "equal after writing");
	again = written(a, k, pretty);
	claim(again.len == text.len && memcmp(again.data, text.data, text.len) == 0, "same bytes when written twice");
}

/* Each value alone: on every level the same bytes are read once more, so large texts are left to their members. */
static void raw_is_the_value(struct arena *a, const struct json *j)
{
	const struct json *k;
	struct err e = ERR_INIT;

	if (j->raw.len <= 256) {
		claim(json_parse(a, j->raw, &k, &e), e.text);
		claim(json_equal(j, k) && k->raw.len == j->raw.len && k->count == j->count, "raw bytes are the value");
	}
	json_each(m, j)
		raw_is_the_value(a, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { (const char *)data, size };
	const struct json *j = NULL;
	struct err e = ERR_INIT;
	struct arena a;
	bool good;

	arena_init(&a, NULL, 0);
	good = json_parse(&a, text, &j, &e);
	claim(good == (j != NULL), "output if and only if accepted");
	claim(good || strncmp(e.text, "line ", 5) == 0, "a failure names a place");
	readers_agree(text, j, &e);
	if (good) {
		survives_writing(&a, j, false);
		survives_writing(&a, j, true);
		raw_is_the_value(&a, j);
	}
	arena_done(&a);
	return 0;
}
