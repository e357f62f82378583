// SPDX-License-Identifier: Apache-2.0
#include "lib/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct bytes in)
{
	const uint8_t *p = (const uint8_t *)in.data;
	size_t quads = in.len / 3 + (in.len % 3 != 0);
	char *dst = buf_room(out, quads * 4);

	for (size_t left = in.len; left; dst += 4) {
		size_t n = left < 3 ? left : 3;
		uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		for (size_t i = 0; i < 4; i++)
			dst[i] = i <= n ? alphabet[v >> (18 - 6 * i) & 63] : '=';
		p += n;
		left -= n;
	}
	buf_grew(out, quads * 4);
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* @n digits (2 to 4) into @n - 1 bytes. The bits that fall off must be zero, or two texts would mean the same bytes. */
static bool decode_quad(const char *q, size_t n, char *dst)
{
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i < n ? digit(q[i]) : 0;

		if (d < 0)
			return false;
		v = v << 6 | (uint32_t)d;
	}
	for (size_t i = 0; i < n - 1; i++)
		dst[i] = (char)(v >> (16 - 8 * i));
	return (v & (n == 2 ? 0xffff : n == 3 ? 0xff : 0)) == 0;
}

bool base64_decode(struct arena *a, const char *text, size_t len, struct bytes *ret, struct err *e)
{
	size_t pad = 0, at = 0;

	if (len % 4)
		return fail(e, 0, "base64: length %zu is not a multiple of 4", len);
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	char *dst = arena_alloc(a, len / 4 * 3 + 1);

	for (size_t i = 0; i < len; i += 4) {
		size_t n = i + 4 == len ? 4 - pad : 4;

		if (!decode_quad(text + i, n, dst + at))
			return fail(e, 0, "base64: bad character or padding at byte %zu", i);
		at += n - 1;
	}
	*ret = (struct bytes){ dst, at };
	return true;
}
