// SPDX-License-Identifier: Apache-2.0
/*
 * Under AddressSanitizer every allocation is a chunk of its own, so that a read or write one byte too far, or after
 * arena_done(), is seen.
 */
#include "lib/arena.h"

#define ALIGN      16
#define CHUNK_SIZE ((size_t)64 << 10)
/* Larger pieces get a chunk of their own: what is left of the current one stays in use. */
#define PIECE_MAX  (CHUNK_SIZE / 4)

#ifdef __SANITIZE_ADDRESS__
#define EACH_ALONE true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE true
#endif
#endif
#ifndef EACH_ALONE
#define EACH_ALONE false
#endif

struct arena_chunk {
	_Alignas(ALIGN) struct arena_chunk *next;
	_Alignas(ALIGN) char data[];
};

static void (*exhausted_handler)(void);

void arena_on_exhausted(void (*handler)(void))
{
	exhausted_handler = handler;
}

static _Noreturn void exhausted(void)
{
	void (*handler)(void) = exhausted_handler;

	exhausted_handler = NULL; /* it may need memory itself */
	if (handler)
		handler();
	abort();
}

void arena_init(struct arena *a, void *first, size_t size)
{
	*a = (struct arena){ 0 };
	if (first) {
		a->at = first;
		a->end = a->at + size;
	}
}

void arena_done(struct arena *a)
{
	struct arena_chunk *c, *next;

	for (c = a->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){ 0 };
}

/* calloc() and not malloc(): large chunks come from the kernel as zeroes, and their pages stay untouched until used. */
static char *chunk_new(struct arena *a, size_t size)
{
	struct arena_chunk *c = NULL;

	if (size <= PTRDIFF_MAX - sizeof(*c))
		c = calloc(1, sizeof(*c) + size);
	if (!c)
		exhausted();
	c->next = a->chunks;
	a->chunks = c;
	return c->data;
}

static size_t padding(const char *at)
{
	return -(uintptr_t)at & (ALIGN - 1);
}

/* @ret_zero: the memory is known to be zero already. */
static void *take(struct arena *a, size_t size, bool *ret_zero)
{
	size_t left = (size_t)(a->end - a->at), pad = padding(a->at);
	char *p;

	*ret_zero = false;
	if (!EACH_ALONE && pad <= left && size <= left - pad) {
		p = a->at + pad;
		a->at = p + size;
		return p;
	}
	*ret_zero = true;
	if (EACH_ALONE || size > PIECE_MAX)
		return chunk_new(a, size);
	p = chunk_new(a, CHUNK_SIZE);
	a->at = p + size;
	a->end = p + CHUNK_SIZE;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	bool zero;
	void *p = take(a, size, &zero);

	return zero ? p : memset(p, 0, size);
}

void *arena_raw(struct arena *a, size_t size)
{
	bool zero;

	return take(a, size, &zero);
}

bool arena_extend(struct arena *a, const void *p, size_t old_size, size_t size)
{
	if ((const char *)p + old_size != a->at || size < old_size || size - old_size > (size_t)(a->end - a->at))
		return false;
	a->at += size - old_size;
	return true;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		exhausted();
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_raw(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[256], *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return arena_strndup(a, "", 0);
	if ((size_t)n < sizeof(text))
		return arena_strndup(a, text, (size_t)n);
	p = arena_raw(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_grow(struct arena *a, void *items, size_t n, size_t *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 8;
	more = arena_array(a, *cap, size);
	if (n)
		memcpy(more, items, n * size);
	return more;
}
