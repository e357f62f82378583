// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Memory that dies together. A one-shot process has one arena, whose first chunk is static memory: a typical ADD never
 * calls malloc. A long-lived owner (a libcni handle) has one arena per object. Nothing is freed singly. What a caller
 * can make us allocate is bounded where it enters (sizes of files and of plugins' output, the number of values in a
 * JSON text), not here. When the kernel gives no more memory the process cannot say more than that: arena_alloc() calls
 * the handler set with arena_on_exhausted(), then abort(). An arena is not thread-safe; two are independent.
 */
#ifndef CRIMP_LIB_ARENA_H
#define CRIMP_LIB_ARENA_H

#include "lib/base.h"

struct arena_chunk;

struct arena {
	char *at, *end;			/* free part of the newest chunk */
	struct arena_chunk *chunks;	/* chunks from malloc, newest first */
};

/* Caller's storage becomes an empty arena that uses @first (may be NULL) of @size bytes before it asks malloc. */
void arena_init(struct arena *a, void *first, size_t size);
/* Give back all chunks that came from malloc; the arena is empty and usable again (without the first buffer). */
void arena_done(struct arena *a);
/* Zeroed memory aligned for any type; never NULL. Size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2), returns_nonnull));
/* The same, but not zeroed: for what is overwritten at once. */
void *arena_raw(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));
/*
 * Make the newest allocation larger where it is (the new part is not zeroed). False, and nothing done, if
 * it is not the newest or there is no room.
 */
bool arena_extend(struct arena *a, const void *p, size_t old_size, size_t size);
/* Zeroed array; aborts when the product overflows. */
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((malloc, returns_nonnull));
/* Copy @n bytes and terminate them with NUL. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);	/* NULL gives NULL */
/*
 * Room for one more behind @n items of an array that grows by doubling: @items (NULL at first) or a larger copy of it.
 * @cap is the caller's record of the room.
 */
void *arena_grow(struct arena *a, void *items, size_t n, size_t *cap, size_t size) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
/* Process-wide: called once before abort() when memory is exhausted. The tools use it to print a CNI error. */
void arena_on_exhausted(void (*handler)(void));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#endif
