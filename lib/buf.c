// SPDX-License-Identifier: Apache-2.0
#include "lib/buf.h"

#define CAP_MIN 256

void buf_init(struct buf *b, struct arena *a, size_t cap)
{
	*b = (struct buf){ .arena = a, .cap = cap };
	if (cap)
		b->data = arena_raw(a, cap);
}

/*
 * Room for @len more and the NUL of buf_str(). Doubling keeps long texts linear; the newest allocation grows in place.
 */
char *buf_room(struct buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	/* A length that wraps asks for more than there is, and ends where exhausted memory ends. */
	if (__builtin_add_overflow(b->len, len, &need) || need > PTRDIFF_MAX / 2)
		need = PTRDIFF_MAX;
	if (need < b->cap)
		return b->data + b->len;
	cap = need < b->cap * 2 ? b->cap * 2 : need + 1;
	if (cap < CAP_MIN)
		cap = CAP_MIN;
	if (!b->data || !arena_extend(b->arena, b->data, b->cap, cap)) {
		data = arena_raw(b->arena, cap);
		if (b->data)
			memcpy(data, b->data, b->len);
		b->data = data;
	}
	b->cap = cap;
	return b->data + b->len;
}

void buf_grew(struct buf *b, size_t len)
{
	b->len += len;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	char *at = buf_room(b, len);

	if (len)
		memcpy(at, data, len);
	b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->len++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char *at = buf_room(b, 1);
	size_t room = b->cap - b->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		at = buf_room(b, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(at, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

char *buf_str(struct buf *b)
{
	*buf_room(b, 0) = '\0';
	return b->data;
}
