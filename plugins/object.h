// SPDX-License-Identifier: Apache-2.0
/* A JSON object under way to another plugin: members are set and dropped, all others keep the bytes they came with. */
#ifndef CRIMP_PLUGINS_OBJECT_H
#define CRIMP_PLUGINS_OBJECT_H

#include "lib/json.h"

struct object_member {
	const char *key;
	struct bytes raw;	/* of the value */
};
struct object {
	struct arena *arena;
	struct object_member *v;
	size_t n, cap;
};

/* The members of @from that look-ups find; NULL and null have none. */
void object_init(struct object *o, struct arena *a, const struct json *from);
/* Is there a member of that name, in whatever case? */
bool object_has(const struct object *o, const char *key);
void object_drop(struct object *o, const char *key);
/* In place of every spelling of @key. @raw is JSON. */
void object_set(struct object *o, const char *key, struct bytes raw);
/* Without the white space between its tokens. */
void object_set_json(struct object *o, const char *key, const struct json *value);
void object_set_text(struct object *o, const char *key, const char *raw);
/* The value is a string. */
void object_set_word(struct object *o, const char *key, const char *word);
/* Compact, keys sorted. */
struct bytes object_text(struct object *o);

#endif
