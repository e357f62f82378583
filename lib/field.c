// SPDX-License-Identifier: Apache-2.0
#include "lib/field.h"
#include "lib/ip.h"

static bool want(const char *what, const struct json *v, struct err *e)
{
	return fail(e, 0, "want %s, have %s", what, json_type_name(v));
}

/*
 * "[12]": or "[12][": the path inside a list goes on, and joins its key without ": ". An
 * IPv6 address in brackets does not look so.
 */
static bool starts_with_index(const char *text)
{
	size_t digits;

	if (text[0] != '[')
		return false;
	digits = strspn(text + 1, "0123456789");
	return digits && text[1 + digits] == ']' && (text[2 + digits] == '[' || text[2 + digits] == ':');
}

/* Put @step, a key or an index, in front of the path that @e begins with. */
static bool wrap_path(struct err *e, const char *step)
{
	struct err inner;

	if (!starts_with_index(e->text))
		return wrap(e, "%s", step);
	inner = *e;
	fail(e, 0, "%s%s", step, inner.text);
	e->num = inner.num;
	e->code = inner.code;
	memcpy(e->details, inner.details, sizeof(e->details));
	return false;
}

static bool rows_read(struct arena *a, const struct json *m, const struct field *rows, void *dst, struct err *e)
{
	/* Every row of the name: a value and its read_present are two. */
	for (const struct field *f = rows; f->name; f++) {
		if (!json_key_folds(m, f->name))
			continue;
		if (!f->read(a, m, (char *)dst + f->offset, f, e))
			return wrap_path(e, f->name);
	}
	return true;
}

static bool has_value(const struct json *o, const char *name)
{
	json_each(m, o)
		if (m->type != JSON_NULL && json_key_folds(m, name))
			return true;
	return false;
}

bool json_fields(struct arena *a, const struct json *o, const struct field *rows, void *dst, struct err *e)
{
	if (!json_absent(o) && o->type != JSON_OBJECT)
		return want("an object", o, e);
	json_each(m, o)
		if (m->type != JSON_NULL && !rows_read(a, m, rows, dst, e))
			return false;
	for (const struct field *f = rows; f->name; f++)
		if (f->required && !has_value(o, f->name))
			return fail(e, 0, "%s: missing key", f->name);
	return true;
}

bool read_str(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	if (!json_is(v, JSON_STRING))
		return want("a string", v, e);
	if (memchr(v->str, '\0', v->str_len))
		return fail(e, 0, "want a string without NUL characters");
	*(const char **)dst = v->str;
	return true;
}

bool read_bool(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	if (!json_is(v, JSON_BOOL))
		return want("a boolean", v, e);
	*(bool *)dst = v->truth;
	return true;
}

bool read_u32(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	uint64_t n;

	if (!json_uint(v, UINT32_MAX, &n, e))
		return false;
	*(uint32_t *)dst = (uint32_t)n;
	return true;
}

bool read_i32(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	int64_t n;

	if (!json_int(v, INT32_MIN, INT32_MAX, &n, e))
		return false;
	*(int32_t *)dst = (int32_t)n;
	return true;
}

bool read_u64(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED, struct err *e)
{
	return json_uint(v, UINT64_MAX, dst, e);
}

bool read_json(struct arena *a UNUSED, const struct json *v, void *dst, const struct field *f UNUSED,
	       struct err *e UNUSED)
{
	*(const struct json **)dst = v;
	return true;
}

bool read_object(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	/* Null comes here only as an element of a list. */
	if (!json_is(v, JSON_OBJECT))
		return want("an object", v, e);
	return json_fields(a, v, f->arg, dst, e);
}

bool read_ip(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const char *text;

	return read_str(a, v, &text, f, e) && ip_parse(text, dst, e);
}

bool read_cidr(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const char *text;

	return read_str(a, v, &text, f, e) && cidr_parse(text, dst, e);
}

bool read_mac(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const char *text;

	return read_str(a, v, &text, f, e) && mac_parse(text, dst, e);
}

bool read_present(struct arena *a UNUSED, const struct json *v UNUSED, void *dst, const struct field *f UNUSED,
		  struct err *e UNUSED)
{
	*(bool *)dst = true;
	return true;
}

/* A null element is given to the reader of the items, which refuses it: leaving it out would move the others. */
bool read_list(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	const struct field_list *l = f->arg;
	struct list list = { 0 };
	char index[24];

	if (!json_is(v, JSON_ARRAY))
		return want("an array", v, e);
	list.items = arena_array(a, v->count, l->size);
	json_each(m, v) {
		if (!l->item.read(a, m, (char *)list.items + list.n * l->size, &l->item, e)) {
			snprintf(index, sizeof(index), "[%zu]", list.n);
			return wrap_path(e, index);
		}
		list.n++;
	}
	*(struct list *)dst = list;
	return true;
}
