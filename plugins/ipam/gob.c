// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/gob.h"

#include "lib/str.h"

/* ---- types that every stream knows ---- */

enum {
	WIRE_TYPE = 16,
	ARRAY_TYPE,
	COMMON_TYPE,
	SLICE_TYPE,
	STRUCT_TYPE,
	FIELD_TYPE,
	FIELD_TYPES,
	MAP_TYPE,
	CODER_TYPE
};

static const struct gob_member wire_members[] = {
	{ "ArrayT", ARRAY_TYPE }, { "SliceT", SLICE_TYPE }, { "StructT", STRUCT_TYPE }, { "MapT", MAP_TYPE },
	{ "GobEncoderT", CODER_TYPE }, { "BinaryMarshalerT", CODER_TYPE }, { "TextMarshalerT", CODER_TYPE },
};
static const struct gob_member array_members[] = { { "CommonType", COMMON_TYPE },
						   { "Elem", GOB_INT },
						   { "Len", GOB_INT } };
static const struct gob_member common_members[] = { { "Name", GOB_STRING }, { "Id", GOB_INT } };
static const struct gob_member slice_members[] = { { "CommonType", COMMON_TYPE }, { "Elem", GOB_INT } };
static const struct gob_member struct_members[] = { { "CommonType", COMMON_TYPE }, { "Field", FIELD_TYPES } };
static const struct gob_member field_members[] = { { "Name", GOB_STRING }, { "Id", GOB_INT } };
static const struct gob_member map_members[] = { { "CommonType", COMMON_TYPE },
						 { "Key", GOB_INT },
						 { "Elem", GOB_INT } };
static const struct gob_member coder_members[] = { { "CommonType", COMMON_TYPE } };

#define STRUCT(number, rows) { .id = (number), .kind = GOB_KIND_STRUCT, .members = (rows), .n = ARRAY_LEN(rows) }
static const struct gob_type builtin[] = {
	{ .id = GOB_BOOL, .kind = GOB_KIND_NUMBER },
	{ .id = GOB_INT, .kind = GOB_KIND_NUMBER },
	{ .id = GOB_UINT, .kind = GOB_KIND_NUMBER },
	{ .id = GOB_FLOAT, .kind = GOB_KIND_NUMBER },
	{ .id = GOB_BYTES, .kind = GOB_KIND_TEXT },
	{ .id = GOB_STRING, .kind = GOB_KIND_TEXT },
	STRUCT(WIRE_TYPE, wire_members),
	STRUCT(ARRAY_TYPE, array_members),
	STRUCT(COMMON_TYPE, common_members),
	STRUCT(SLICE_TYPE, slice_members),
	STRUCT(STRUCT_TYPE, struct_members),
	STRUCT(FIELD_TYPE, field_members),
	{ .id = FIELD_TYPES, .kind = GOB_KIND_LIST, .elem = FIELD_TYPE },
	STRUCT(MAP_TYPE, map_members),
	STRUCT(CODER_TYPE, coder_members),
};

static const struct gob_type *type_find(const struct gob_type *own, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (own[i].id == id)
			return &own[i];
	for (size_t i = 0; i < ARRAY_LEN(builtin); i++)
		if (builtin[i].id == id)
			return &builtin[i];
	return NULL;
}

/* ---- trees ---- */

static struct gob_value *value_new(struct arena *a, enum gob_kind kind)
{
	struct gob_value *v = arena_new(a, struct gob_value);

	v->kind = kind;
	return v;
}

struct gob_value *gob_struct(struct arena *a)
{
	return value_new(a, GOB_KIND_STRUCT);
}

struct gob_value *gob_list(struct arena *a)
{
	return value_new(a, GOB_KIND_LIST);
}

void gob_put(struct gob_value *parent, const char *name, struct gob_value *child)
{
	child->name = name;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

void gob_put_number(struct arena *a, struct gob_value *parent, const char *name, int64_t v)
{
	struct gob_value *child = value_new(a, GOB_KIND_NUMBER);

	child->number = v;
	gob_put(parent, name, child);
}

void gob_put_bytes(struct arena *a, struct gob_value *parent, const char *name, struct bytes v)
{
	struct gob_value *child = value_new(a, GOB_KIND_TEXT);

	child->text = v;
	gob_put(parent, name, child);
}

void gob_put_str(struct arena *a, struct gob_value *parent, const char *name, const char *v)
{
	gob_put_bytes(a, parent, name, (struct bytes){ v, strlen(v) });
}

const struct gob_value *gob_get(const struct gob_value *parent, const char *name)
{
	gob_each(m, parent) if (m->name && str_eq(m->name, name)) return m;
	return NULL;
}

struct bytes gob_bytes(const struct gob_value *parent, const char *name)
{
	const struct gob_value *v = gob_get(parent, name);

	return v && v->kind == GOB_KIND_TEXT ? v->text : (struct bytes){ "", 0 };
}

const char *gob_str(const struct gob_value *parent, const char *name)
{
	return gob_bytes(parent, name).data;
}

int64_t gob_number(const struct gob_value *parent, const char *name)
{
	const struct gob_value *v = gob_get(parent, name);

	return v && v->kind == GOB_KIND_NUMBER ? v->number : 0;
}

/* ---- reading ---- */

struct reading {
	const struct gob_reader *r;
	struct arena *arena;
	const uint8_t *p, *end;
	size_t values;
};

/* Up to 127 one byte, else the negated number of bytes and then these, most significant first. */
static bool take_uint(struct reading *in, uint64_t *ret, struct err *e)
{
	uint64_t v = 0;
	unsigned n;

	if (in->p == in->end)
		return fail(e, 0, "gob: a message ends in the middle of a value");
	if (*in->p < 0x80) {
		*ret = *in->p++;
		return true;
	}
	n = 256u - *in->p++;
	if (n > 8 || n > (size_t)(in->end - in->p))
		return fail(e, 0, "gob: a number of %u bytes does not fit", n);
	while (n--)
		v = v << 8 | *in->p++;
	*ret = v;
	return true;
}

/* The lowest bit says that the others are to be inverted. */
static int64_t to_signed(uint64_t v)
{
	return (int64_t)(v & 1 ? ~(v >> 1) : v >> 1);
}

static bool take_int(struct reading *in, int64_t *ret, struct err *e)
{
	uint64_t v;

	if (!take_uint(in, &v, e))
		return false;
	*ret = to_signed(v);
	return true;
}

/* A count of things that take a byte each at least. */
static bool take_count(struct reading *in, size_t *ret, struct err *e)
{
	uint64_t n;

	if (!take_uint(in, &n, e))
		return false;
	if (n > (size_t)(in->end - in->p))
		return fail(e, 0, "gob: a message announces more than it holds");
	*ret = (size_t)n;
	return true;
}

static bool take_value(struct reading *in, int64_t id, unsigned depth, struct gob_value **ret, struct err *e);

static bool take_number(struct reading *in, int64_t id, struct gob_value *v, struct err *e)
{
	uint64_t bits;

	if (!take_uint(in, &bits, e))
		return false;
	v->number = id == GOB_INT ? to_signed(bits) : (int64_t)bits;
	return true;
}

static bool take_text(struct reading *in, struct gob_value *v, struct err *e)
{
	size_t n;

	if (!take_count(in, &n, e))
		return false;
	v->text = (struct bytes){ arena_strndup(in->arena, (const char *)in->p, n), n };
	in->p += n;
	return true;
}

static bool take_struct(struct reading *in, const struct gob_type *t, unsigned depth, struct gob_value *v,
			struct err *e)
{
	struct gob_value *child = NULL;
	size_t next = 0; /* position behind the last member taken */
	uint64_t step;

	for (;;) {
		if (!take_uint(in, &step, e))
			return false;
		if (!step)
			return true;
		if (step > t->n - next)
			return fail(e, 0, "gob: a struct has a member more than its definition");
		next += step;
		if (!take_value(in, t->members[next - 1].id, depth, &child, e))
			return false;
		gob_put(v, t->members[next - 1].name, child);
	}
}

static bool take_list(struct reading *in, const struct gob_type *t, unsigned depth, struct gob_value *v, struct err *e)
{
	struct gob_value *child = NULL;
	size_t n;

	if (!take_count(in, &n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (t->kind == GOB_KIND_MAP) {
			if (!take_value(in, t->key, depth, &child, e))
				return false;
			gob_put(v, NULL, child);
		}
		if (!take_value(in, t->elem, depth, &child, e))
			return false;
		gob_put(v, NULL, child);
	}
	return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): to GOB_DEPTH_MAX */
static bool take_value(struct reading *in, int64_t id, unsigned depth, struct gob_value **ret, struct err *e)
{
	const struct gob_type *t = type_find(in->r->types, in->r->n, id);
	struct gob_value *v;
	bool ok = false;

	if (!t)
		return fail(e, 0, "gob: type %lld is not known", (long long)id);
	if (!depth)
		return fail(e, 0, "gob: nested deeper than %d", GOB_DEPTH_MAX);
	if (in->values++ == GOB_VALUES_MAX)
		return fail(e, 0, "gob: a message of more than %d values", GOB_VALUES_MAX);
	v = value_new(in->arena, t->kind);
	switch (t->kind) {
	case GOB_KIND_NUMBER: ok = take_number(in, id, v, e); break;
	case GOB_KIND_TEXT: ok = take_text(in, v, e); break;
	case GOB_KIND_STRUCT: ok = take_struct(in, t, depth - 1, v, e); break;
	case GOB_KIND_LIST:
	case GOB_KIND_MAP: ok = take_list(in, t, depth - 1, v, e); break;
	}
	if (ok)
		*ret = v;
	return ok;
}

/* ---- definitions that arrive ---- */

static bool members_define(struct gob_reader *r, const struct gob_value *fields, struct gob_type *ret, struct err *e)
{
	struct gob_member *rows;
	size_t n = 0;

	if (!fields)
		return true;
	if (fields->n > GOB_MEMBERS_MAX)
		return fail(e, 0, "gob: a struct of more than %d members", GOB_MEMBERS_MAX);
	rows = arena_array(r->arena, fields->n, sizeof(*rows));
	gob_each(f, fields) rows[n++] = (struct gob_member){
		arena_strdup(r->arena, gob_str(f, "Name")),
		(int32_t)gob_number(f, "Id"),
	};
	ret->members = rows;
	ret->n = n;
	return true;
}

static const struct {
	const char *name;
	enum gob_kind kind;
} shapes[] = {
	{ "ArrayT", GOB_KIND_LIST },
	{ "SliceT", GOB_KIND_LIST },
	{ "StructT", GOB_KIND_STRUCT },
	{ "MapT", GOB_KIND_MAP },
	/* what encodes itself arrives as bytes */
	{ "GobEncoderT", GOB_KIND_TEXT },
	{ "BinaryMarshalerT", GOB_KIND_TEXT },
	{ "TextMarshalerT", GOB_KIND_TEXT },
};

static bool type_define(struct gob_reader *r, int64_t id, const struct gob_value *wire, struct err *e)
{
	struct gob_type t = { .id = (int32_t)id };

	if (id < GOB_FIRST_OWN || type_find(r->types, r->n, id))
		return fail(e, 0, "gob: type %lld cannot be defined, or not again", (long long)id);
	if (r->n == GOB_TYPES_MAX)
		return fail(e, 0, "gob: more than %d types", GOB_TYPES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		const struct gob_value *shape = gob_get(wire, shapes[i].name);

		if (!shape)
			continue;
		t.kind = shapes[i].kind;
		t.elem = (int32_t)gob_number(shape, "Elem");
		t.key = (int32_t)gob_number(shape, "Key");
		if (!members_define(r, gob_get(shape, "Field"), &t, e))
			return false;
		r->types[r->n++] = t;
		return true;
	}
	return fail(e, 0, "gob: type %lld is defined as nothing", (long long)id);
}

void gob_reader_init(struct gob_reader *r, struct arena *stream)
{
	*r = (struct gob_reader){ .arena = stream };
}

/* A definition sets no @ret. Only values that are no structs have a 0 in front. */
static bool message_read(struct gob_reader *r, struct reading *in, const struct gob_value **ret, struct err *e)
{
	const struct gob_type *t;
	struct gob_value *v = NULL;
	uint64_t zero = 0;
	int64_t id;

	if (!take_int(in, &id, e))
		return false;
	if (id > INT32_MAX || id < -INT32_MAX)
		return fail(e, 0, "gob: type %lld is not known", (long long)id);
	t = type_find(r->types, r->n, id);
	if (id > 0 && t && t->kind != GOB_KIND_STRUCT && (!take_uint(in, &zero, e) || zero))
		return zero ? fail(e, 0, "gob: a value that begins in its middle") : false;
	if (!take_value(in, id < 0 ? WIRE_TYPE : id, GOB_DEPTH_MAX, &v, e))
		return false;
	if (in->p != in->end)
		return fail(e, 0, "gob: bytes behind a value");
	if (id < 0)
		return type_define(r, -id, v, e);
	*ret = v;
	return true;
}

/* How long the message at the front of @in is, with its length. 0: that cannot be said yet. */
static bool message_length(struct bytes in, size_t *ret_head, size_t *ret, struct err *e)
{
	struct reading head = { .p = (const uint8_t *)in.data, .end = (const uint8_t *)in.data + in.len };
	uint64_t n;

	*ret = 0;
	if (!in.len || (*head.p >= 0x80 && 256u - *head.p <= 8 && in.len < 257u - *head.p))
		return true;
	if (!take_uint(&head, &n, e))
		return false;
	if (!n || n > GOB_MESSAGE_MAX)
		return fail(e, 0, "gob: a message of %llu bytes", (unsigned long long)n);
	*ret_head = (size_t)(head.p - (const uint8_t *)in.data);
	*ret = *ret_head + (size_t)n;
	return true;
}

bool gob_read(struct gob_reader *r, struct arena *a, struct bytes *in, const struct gob_value **ret, struct err *e)
{
	const struct gob_value *v = NULL;
	size_t head = 0, all;

	while (!v) {
		struct reading one = { .r = r, .arena = a };

		if (!message_length(*in, &head, &all, e))
			return false;
		if (!all || all > in->len)
			break;
		one.p = (const uint8_t *)in->data + head;
		one.end = (const uint8_t *)in->data + all;
		if (!message_read(r, &one, &v, e))
			return false;
		in->data += all;
		in->len -= all;
	}
	*ret = v;
	return true;
}

/* ---- writing ---- */

static void put_uint(struct buf *out, uint64_t v)
{
	unsigned n = 8;

	if (v < 0x80) {
		buf_putc(out, (char)v);
		return;
	}
	while (!(v >> (8 * (n - 1))))
		n--;
	buf_putc(out, (char)(256 - n));
	while (n--)
		buf_putc(out, (char)(v >> (8 * n)));
}

static void put_int(struct buf *out, int64_t v)
{
	put_uint(out, v < 0 ? ~(uint64_t)v << 1 | 1 : (uint64_t)v << 1);
}

static bool is_zero(const struct gob_value *v)
{
	switch (v->kind) {
	case GOB_KIND_NUMBER: return !v->number;
	case GOB_KIND_TEXT: return !v->text.len;
	case GOB_KIND_LIST:
	case GOB_KIND_MAP: return !v->n;
	case GOB_KIND_STRUCT:
	default: return false;
	}
}

static void put_value(const struct gob_writer *w, struct buf *out, int32_t id, const struct gob_value *v);

static void put_struct(const struct gob_writer *w, struct buf *out, const struct gob_type *t, const struct gob_value *v)
{
	size_t next = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct gob_value *m = gob_get(v, t->members[i].name);

		if (!m || is_zero(m))
			continue;
		put_uint(out, i + 1 - next);
		put_value(w, out, t->members[i].id, m);
		next = i + 1;
	}
	put_uint(out, 0);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the table of types */
static void put_value(const struct gob_writer *w, struct buf *out, int32_t id, const struct gob_value *v)
{
	const struct gob_type *t = type_find(w->types->rows, w->types->n, id);

	switch (t->kind) {
	case GOB_KIND_NUMBER:
		if (id == GOB_INT)
			put_int(out, v->number);
		else
			put_uint(out, (uint64_t)v->number);
		break;
	case GOB_KIND_TEXT:
		put_uint(out, v->text.len);
		buf_put(out, v->text.data, v->text.len);
		break;
	case GOB_KIND_STRUCT: put_struct(w, out, t, v); break;
	case GOB_KIND_LIST:
	case GOB_KIND_MAP:
	default:
		put_uint(out, v->n);
		gob_each(m, v) put_value(w, out, t->elem, m);
		break;
	}
}

static void put_message(const struct gob_writer *w, struct buf *out, int32_t first, int32_t id,
			const struct gob_value *v)
{
	struct buf body;

	buf_init(&body, out->arena, 256);
	put_int(&body, first);
	put_value(w, &body, id, v);
	put_uint(out, body.len);
	buf_put(out, body.data, body.len);
}

static struct gob_value *definition(struct arena *a, const struct gob_type *t)
{
	struct gob_value *wire = gob_struct(a), *shape = gob_struct(a), *common = gob_struct(a), *fields = gob_list(a);

	gob_put_str(a, common, "Name", t->name ? t->name : "");
	gob_put_number(a, common, "Id", t->id);
	gob_put(shape, "CommonType", common);
	gob_put_number(a, shape, "Elem", t->elem);
	for (size_t i = 0; i < t->n; i++) {
		struct gob_value *field = gob_struct(a);

		gob_put_str(a, field, "Name", t->members[i].name);
		gob_put_number(a, field, "Id", t->members[i].id);
		gob_put(fields, NULL, field);
	}
	gob_put(shape, "Field", fields);
	gob_put(wire, t->kind == GOB_KIND_LIST ? "SliceT" : "StructT", shape);
	return wire;
}

/* The type first, then those it is made of. NOLINTNEXTLINE(misc-no-recursion): each type once */
static void put_definitions(struct gob_writer *w, struct buf *out, int32_t id)
{
	uint64_t bit = id >= GOB_FIRST_OWN ? 1ull << (id - GOB_FIRST_OWN) : 0;
	const struct gob_type *t;

	if (!bit || w->sent & bit)
		return;
	t = type_find(w->types->rows, w->types->n, id);
	w->sent |= bit;
	put_message(w, out, -id, WIRE_TYPE, definition(out->arena, t));
	for (size_t i = 0; i < t->n; i++)
		put_definitions(w, out, t->members[i].id);
	if (t->kind == GOB_KIND_LIST)
		put_definitions(w, out, t->elem);
}

void gob_write(struct gob_writer *w, struct buf *out, int32_t id, const struct gob_value *v)
{
	put_definitions(w, out, id);
	put_message(w, out, id, id, v);
}
