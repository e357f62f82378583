// SPDX-License-Identifier: Apache-2.0
/* Text or bytes being put together in an arena. Always NUL-terminated after buf_str(); len does not count the NUL. */
#ifndef CRIMP_LIB_BUF_H
#define CRIMP_LIB_BUF_H

#include "lib/arena.h"

struct buf {
	struct arena *arena;
	char *data;
	size_t len, cap;
};

/* A piece of bytes that belongs to somebody else. */
struct bytes {
	const char *data;
	size_t len;
};

void buf_init(struct buf *b, struct arena *a, size_t cap);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Make room for @len more bytes and return where they go; follow with buf_grew(). */
char *buf_room(struct buf *b, size_t len);
void buf_grew(struct buf *b, size_t len);
/* The text so far, NUL-terminated, valid until the next put. */
char *buf_str(struct buf *b);
static inline struct bytes buf_bytes(const struct buf *b) { return (struct bytes){ b->data, b->len }; }

#endif
