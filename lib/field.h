// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Configuration is decoded by rows, not by code: a table names the key, says which reader understands it, and
 * where in the caller's struct it goes. Semantics are those that existing configurations rely on: keys match
 * with case folded; members are visited in document order, so a repeated key overwrites and a repeated object
 * merges; null leaves the default; unknown keys are ignored. A failure carries the path to the key: "ipam:
 * ranges[0][1]: subnet: want a string, have a number".
 */
#ifndef CRIMP_LIB_FIELD_H
#define CRIMP_LIB_FIELD_H

#include "lib/json.h"

struct field;
/* Read @v into @dst. @f is the row (its arg). The failure need not name the key: json_fields() does. */
typedef bool field_read(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e);

struct field {
	const char *name;
	size_t offset;
	field_read *read;
	const void *arg;	/* read_object: the rows of the object; read_list: a struct field_list */
	bool required;		/* absent or null: "missing key" */
};

#define FIELD(type, member, reader, ...) \
	{ .name = #member, .offset = offsetof(type, member), .read = (reader), ##__VA_ARGS__ }
#define FIELD_AS(key, type, member, reader, ...) \
	{ .name = (key), .offset = offsetof(type, member), .read = (reader), ##__VA_ARGS__ }
/* Tables end with an empty row { 0 }. */

/*
 * Readers: const char * (no NUL bytes inside), bool, uint32_t, int32_t, uint64_t, const
 * struct json * (as is), an object in place.
 */
field_read read_str, read_bool, read_u32, read_i32, read_u64, read_json, read_object;
/* struct ip, struct cidr (lib/ip.h), struct mac */
field_read read_ip, read_cidr, read_mac;
/* Writes bool true into a "was it there" member instead of a value: use with a second row of the same name. */
field_read read_present;

/*
 * A list: dst is a `struct list`; each element of @size bytes is read with @item, null too, which only read_json takes.
 */
struct field_list {
	size_t size;
	struct field item;	/* offset 0; name ignored */
};
struct list {
	void *items;
	size_t n;
};
field_read read_list;

/*
 * Decode object @o into @dst by @rows. If @o is NULL or null only required rows can fail. Not an object: "want an
 * object, have X". A failure leaves what was read before it in @dst.
 */
bool json_fields(struct arena *a, const struct json *o, const struct field *rows, void *dst, struct err *e) MUST_CHECK;

#endif
