// SPDX-License-Identifier: Apache-2.0
#include "lib/str.h"

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static unsigned char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool str_fold_eq(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return ascii_lower(*a) == ascii_lower(*b);
}

bool str_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

char **str_split(struct arena *a, const char *s, char sep, size_t *ret_n)
{
	size_t n = 1, i = 0;
	char **pieces, *at;

	for (const char *p = s; *p; p++)
		n += *p == sep;
	pieces = arena_array(a, n + 1, sizeof(*pieces));
	at = arena_strdup(a, s);
	pieces[i++] = at;
	for (; *at; at++) {
		if (*at != sep)
			continue;
		*at = '\0';
		pieces[i++] = at + 1;
	}
	if (ret_n)
		*ret_n = n;
	return pieces;
}

char **str_split_nonempty(struct arena *a, const char *s, char sep, size_t *ret_n)
{
	size_t n, kept = 0;
	char **pieces = str_split(a, s, sep, &n);

	for (size_t i = 0; i < n; i++)
		if (*pieces[i])
			pieces[kept++] = pieces[i];
	pieces[kept] = NULL;
	if (ret_n)
		*ret_n = kept;
	return pieces;
}

void str_hex(char *dst, const void *src, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = src;

	for (size_t i = 0; i < n; i++) {
		*dst++ = digits[p[i] >> 4];
		*dst++ = digits[p[i] & 15];
	}
	*dst = '\0';
}

static bool is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* RFC 3629, table of well-formed sequences: only the second byte has limits of its own. */
unsigned utf8_len(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t have = (size_t)(end - s);
	unsigned char low = 0x80, high = 0xBF;
	unsigned len;

	if (have == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	if (have < len || p[1] < low || p[1] > high)
		return 0;
	for (unsigned i = 2; i < len; i++)
		if (!is_tail(p[i]))
			return 0;
	return len;
}

void utf8_copy(char *dst, size_t size, const char *src)
{
	static const char ellipsis[] = "...", unknown[] = "\xEF\xBF\xBD";
	const char *end = src + strlen(src);
	size_t len = 0, fits = 0; /* @fits: as much of @dst as leaves room for the dots */

	while (src < end) {
		unsigned n = utf8_len(src, end), step = n ? n : 1;
		const char *from = n ? src : unknown;

		n = n ? n : sizeof(unknown) - 1;
		if (len + n >= size) {
			memcpy(dst + fits, ellipsis, sizeof(ellipsis));
			return;
		}
		memcpy(dst + len, from, n);
		len += n;
		if (len + sizeof(ellipsis) <= size)
			fits = len;
		src += step;
	}
	dst[len] = '\0';
}
