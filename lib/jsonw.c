// SPDX-License-Identifier: Apache-2.0
#include "lib/jsonw.h"
#include "lib/str.h"

void jsonw_init(struct jsonw *w, struct buf *out, bool pretty)
{
	*w = (struct jsonw){ .out = out, .pretty = pretty };
}

static void new_line(struct jsonw *w)
{
	buf_putc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		buf_put(w->out, "    ", 4);
}

/* What stands between the value before and the key or value to come. */
static void lead(struct jsonw *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->comma)
		buf_putc(w->out, ',');
	if (w->pretty && w->depth)
		new_line(w);
}

static void open_container(struct jsonw *w, char c)
{
	lead(w);
	buf_putc(w->out, c);
	w->depth++;
	w->comma = false;
}

/* Nothing written since it was opened: {} and [] stay on one line. */
static void close_container(struct jsonw *w, char c)
{
	w->depth--;
	if (w->pretty && w->comma)
		new_line(w);
	buf_putc(w->out, c);
	w->comma = true;
}

void jsonw_object(struct jsonw *w)
{
	open_container(w, '{');
}

void jsonw_object_end(struct jsonw *w)
{
	close_container(w, '}');
}

void jsonw_array(struct jsonw *w)
{
	open_container(w, '[');
}

void jsonw_array_end(struct jsonw *w)
{
	close_container(w, ']');
}

static void put_value(struct jsonw *w, const char *text, size_t n)
{
	lead(w);
	buf_put(w->out, text, n);
	w->comma = true;
}

static void put_ascii(struct jsonw *w, char c)
{
	static const char values[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *found = c ? strchr(values, c) : NULL;

	if (found) {
		buf_putc(w->out, '\\');
		buf_putc(w->out, names[found - values]);
	} else {
		buf_printf(w->out, "\\u%04x", (unsigned)c);
	}
}

/* Bytes from @c that are written as they are. */
static bool is_plain(const struct jsonw *w, unsigned char c)
{
	if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
		return false;
	return !w->html || (c != '<' && c != '>' && c != '&');
}

/* One character that may need an escape; returns its length. Invalid UTF-8 is replaced byte by byte. */
static size_t put_special(struct jsonw *w, const char *c, const char *end)
{
	unsigned len = utf8_len(c, end);

	if (len == 1)
		put_ascii(w, *c);
	else if (len == 0)
		buf_puts(w->out, "\\ufffd");
	else if (w->html && len == 3 && (memcmp(c, "\xE2\x80\xA8", 3) == 0 || memcmp(c, "\xE2\x80\xA9", 3) == 0))
		buf_puts(w->out, c[2] == '\xA8' ? "\\u2028" : "\\u2029");
	else
		buf_put(w->out, c, len);
	return len ? len : 1;
}

static void put_quoted(struct jsonw *w, const char *s, size_t n)
{
	const char *end = s + n, *plain;

	buf_putc(w->out, '"');
	while (s < end) {
		for (plain = s; s < end && is_plain(w, (unsigned char)*s);)
			s++;
		buf_put(w->out, plain, (size_t)(s - plain));
		if (s < end)
			s += put_special(w, s, end);
	}
	buf_putc(w->out, '"');
}

static void put_key(struct jsonw *w, const char *key, size_t n)
{
	lead(w);
	put_quoted(w, key, n);
	buf_puts(w->out, w->pretty ? ": " : ":");
	w->after_key = true;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	put_key(w, key, strlen(key));
}

void jsonw_keyn(struct jsonw *w, const char *key, size_t n)
{
	put_key(w, key, n);
}

void jsonw_str(struct jsonw *w, const char *s)
{
	if (s)
		jsonw_strn(w, s, strlen(s));
	else
		jsonw_null(w);
}

void jsonw_strn(struct jsonw *w, const char *s, size_t n)
{
	lead(w);
	put_quoted(w, s, n);
	w->comma = true;
}

void jsonw_int(struct jsonw *w, int64_t v)
{
	lead(w);
	buf_printf(w->out, "%lld", (long long)v);
	w->comma = true;
}

void jsonw_uint(struct jsonw *w, uint64_t v)
{
	lead(w);
	buf_printf(w->out, "%llu", (unsigned long long)v);
	w->comma = true;
}

void jsonw_bool(struct jsonw *w, bool v)
{
	put_value(w, v ? "true" : "false", v ? 4 : 5);
}

void jsonw_null(struct jsonw *w)
{
	put_value(w, "null", 4);
}

void jsonw_raw(struct jsonw *w, struct bytes raw)
{
	put_value(w, raw.data, raw.len);
}

static void put_members(struct jsonw *w, const struct json *box)
{
	json_each(m, box) {
		if (m->key)
			put_key(w, m->key, m->key_len);
		jsonw_json(w, m);
	}
}

void jsonw_json(struct jsonw *w, const struct json *j)
{
	if (!j) {
		jsonw_null(w);
	} else if (j->type == JSON_OBJECT) {
		jsonw_object(w);
		put_members(w, j);
		jsonw_object_end(w);
	} else if (j->type == JSON_ARRAY) {
		jsonw_array(w);
		put_members(w, j);
		jsonw_array_end(w);
	} else {
		jsonw_raw(w, j->raw);
	}
}

void jsonw_kstr(struct jsonw *w, const char *key, const char *s)
{
	jsonw_key(w, key);
	jsonw_str(w, s);
}

void jsonw_kstr_if(struct jsonw *w, const char *key, const char *s)
{
	if (!str_empty(s))
		jsonw_kstr(w, key, s);
}

void jsonw_kint(struct jsonw *w, const char *key, int64_t v)
{
	jsonw_key(w, key);
	jsonw_int(w, v);
}

void jsonw_kuint(struct jsonw *w, const char *key, uint64_t v)
{
	jsonw_key(w, key);
	jsonw_uint(w, v);
}

void jsonw_kbool(struct jsonw *w, const char *key, bool v)
{
	jsonw_key(w, key);
	jsonw_bool(w, v);
}
