// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Gob, the encoding of Go's net/rpc, as far as the DHCP daemon's calls need it. A stream is a row of messages, each
 * with its length in front; a message either defines a type under a number or holds a value of a type defined before.
 * A struct is sent as (distance to the field's position, value) pairs up to a 0, without the fields that are zero, so
 * the two ends agree by the names in the definitions and neither has to know the other's struct.
 *
 * Reading is generic: the definitions that arrive say how to take a value apart, and the result is a tree. Nothing of
 * a stream is believed: lengths, numbers of values, of types and of fields, and depth have limits. Interface values
 * and complex numbers are refused; no call has them. Writing goes the other way, from a tree and a table of types.
 *
 * The built-in types' definitions (of definitions) stand in a table like everybody else's.
 */
#ifndef CRIMP_PLUGINS_IPAM_GOB_H
#define CRIMP_PLUGINS_IPAM_GOB_H

#include "lib/buf.h"
#include "lib/err.h"

#define GOB_MESSAGE_MAX ((size_t)17 << 20)	/* a configuration may have 16 MiB */
#define GOB_VALUES_MAX 65536			/* of one message */
#define GOB_DEPTH_MAX 16
#define GOB_TYPES_MAX 64			/* of one stream */
#define GOB_MEMBERS_MAX 64			/* of one struct */

/* Numbers that every stream knows; a stream's own begin at GOB_FIRST_OWN. */
enum gob_id { GOB_BOOL = 1, GOB_INT, GOB_UINT, GOB_FLOAT, GOB_BYTES, GOB_STRING, GOB_FIRST_OWN = 64 };

enum gob_kind { GOB_KIND_NUMBER, GOB_KIND_TEXT, GOB_KIND_STRUCT, GOB_KIND_LIST, GOB_KIND_MAP };

struct gob_member {
	const char *name;
	int32_t id;
};
struct gob_type {
	int32_t id;
	enum gob_kind kind;
	const char *name;
	int32_t elem;		/* of a list or map */
	int32_t key;		/* of a map */
	const struct gob_member *members;
	size_t n;
};
struct gob_types {
	const struct gob_type *rows;
	size_t n;
};

struct gob_value {
	enum gob_kind kind;
	const char *name;	/* of a struct's member; else NULL */
	int64_t number;		/* signed, unsigned (its bits), or a truth */
	struct bytes text;	/* strings and bytes; NUL-terminated when it was read here */
	/* members that are not zero; elements; keys and values in turn */
	struct gob_value *first, *last, *next;
	size_t n;
};

/* ---- trees; all NULL-safe when reading ---- */

struct gob_value *gob_struct(struct arena *a);
struct gob_value *gob_list(struct arena *a);
/* Append @child to a struct under @name, or to a list with @name NULL. */
void gob_put(struct gob_value *parent, const char *name, struct gob_value *child);
void gob_put_number(struct arena *a, struct gob_value *parent, const char *name, int64_t v);
void gob_put_bytes(struct arena *a, struct gob_value *parent, const char *name, struct bytes v);
void gob_put_str(struct arena *a, struct gob_value *parent, const char *name, const char *v);

const struct gob_value *gob_get(const struct gob_value *parent, const char *name);
#define gob_each(m, parent) for (const struct gob_value *m = (parent) ? (parent)->first : NULL; m; m = m->next)
/* "" and 0 when absent or of another kind. A text with NUL bytes inside is cut there. */
const char *gob_str(const struct gob_value *parent, const char *name);
struct bytes gob_bytes(const struct gob_value *parent, const char *name);
int64_t gob_number(const struct gob_value *parent, const char *name);

/* ---- streams ---- */

struct gob_reader {
	struct arena *arena;	/* where definitions live: as long as the stream */
	struct gob_type types[GOB_TYPES_MAX];
	size_t n;
};
void gob_reader_init(struct gob_reader *r, struct arena *stream);
/*
 * Take messages off the front of @in up to and with the next value, which is put into @a. *ret NULL: it is not there
 * yet, call again with more behind what @in has left. A failed stream cannot be read on.
 */
bool gob_read(struct gob_reader *r, struct arena *a, struct bytes *in, const struct gob_value **ret,
	      struct err *e) MUST_CHECK;

struct gob_writer {
	const struct gob_types *types;	/* numbers from GOB_FIRST_OWN on, below it + 64 */
	uint64_t sent;			/* whose definitions are out */
};
/*
 * Append the definitions that the reader still lacks and the value, which has the shape of type @id. Tables of types to
 * write have no maps.
 */
void gob_write(struct gob_writer *w, struct buf *out, int32_t id, const struct gob_value *v);

#endif
