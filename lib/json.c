// SPDX-License-Identifier: Apache-2.0
/*
 * Recursion goes as deep as the text is nested, which JSON_DEPTH_MAX bounds; the frames are small. Each byte is looked
 * at a fixed number of times; line and column are counted only when there is a failure to report.
 */
#include "lib/json.h"
#include "lib/str.h"

struct parser {
	struct arena *arena;
	const char *start, *at, *end;
	unsigned depth;
	size_t values;
	struct err *e;
};

/* Every failure leaves here. Columns count characters, not bytes. */
static bool PRINTF(3, 4) bad(struct parser *p, const char *where, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (const char *c = p->start; c < where; c++) {
		if (*c == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*c & 0xC0) != 0x80) {
			column++;
		}
	}
	return fail(p->e, 0, "line %zu, column %zu: %s", line, column, what);
}

static bool bad_end(struct parser *p)
{
	return bad(p, p->end, "unexpected end of text");
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Something else than @want stands here; say what a person sees. */
static bool bad_want(struct parser *p, const char *want)
{
	const char *c = p->at;
	unsigned len;
	int word = 0;

	if (c == p->end)
		return bad_end(p);
	if (*c == '/')
		return bad(p, c, "want %s (JSON has no comments)", want);
	if (*c == '\'')
		return bad(p, c, "want %s (JSON strings are in double quotes)", want);
	while (c + word < p->end && word < 24 && is_letter(c[word]))
		word++;
	if (word)
		return bad(p, c, "want %s, have \"%.*s\"", want, word, c);
	if ((unsigned char)*c < 0x20 || *c == 0x7F)
		return bad(p, c, "want %s, have the control character 0x%02x", want, (unsigned char)*c);
	len = utf8_len(c, p->end);
	if (!len)
		return bad(p, c, "invalid UTF-8 (byte 0x%02x)", (unsigned char)*c);
	return bad(p, c, "want %s, have '%.*s'", want, (int)len, c);
}

static void skip_space(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
}

/* Find the closing quote of the string whose first character is at @c; only escapes are left to be checked. */
static bool string_end(struct parser *p, const char *c, const char **ret, bool *ret_escapes)
{
	unsigned len;

	*ret_escapes = false;
	for (;;) {
		while (c < p->end && (unsigned char)*c >= 0x20 && (unsigned char)*c < 0x80 && *c != '"' && *c != '\\')
			c++;
		if (c == p->end)
			return bad(p, c, "unexpected end of text inside a string");
		if (*c == '"')
			break;
		if (*c == '\\') {
			*ret_escapes = true;
			c++;
			if (c < p->end && (*c == '"' || *c == '\\'))
				c++;
			continue;
		}
		if ((unsigned char)*c < 0x20)
			return bad(p, c, "control character 0x%02x in a string", (unsigned char)*c);
		len = utf8_len(c, p->end);
		if (!len)
			return bad(p, c, "invalid UTF-8 in a string (byte 0x%02x)", (unsigned char)*c);
		c += len;
	}
	*ret = c;
	return true;
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits at @c; -1 if they are not there. */
static int hex4(const char *c, const char *end)
{
	int v = 0;

	if (end - c < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(c[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static char *utf8_put(char *d, unsigned v)
{
	if (v < 0x80) {
		*d++ = (char)v;
	} else if (v < 0x800) {
		*d++ = (char)(0xC0 | v >> 6);
		*d++ = (char)(0x80 | (v & 0x3F));
	} else if (v < 0x10000) {
		*d++ = (char)(0xE0 | v >> 12);
		*d++ = (char)(0x80 | (v >> 6 & 0x3F));
		*d++ = (char)(0x80 | (v & 0x3F));
	} else {
		*d++ = (char)(0xF0 | v >> 18);
		*d++ = (char)(0x80 | (v >> 12 & 0x3F));
		*d++ = (char)(0x80 | (v >> 6 & 0x3F));
		*d++ = (char)(0x80 | (v & 0x3F));
	}
	return d;
}

/* \uXXXX, or a pair of them, with the backslash at *@c. */
static bool unescape_u(struct parser *p, const char **c, const char *end, char **d)
{
	const char *at = *c;
	int v = hex4(at + 2, end), low;

	if (v < 0)
		return bad(p, at, "\\u wants four hexadecimal digits");
	at += 6;
	if (v >= 0xD800 && v <= 0xDFFF) {
		low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
		if (v >= 0xDC00 || low < 0xDC00 || low > 0xDFFF)
			return bad(p, *c, "unpaired surrogate \\u%.4s", *c + 2);
		v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
		at += 6;
	}
	*d = utf8_put(*d, (unsigned)v);
	*c = at;
	return true;
}

static bool unescape(struct parser *p, const char **c, const char *end, char **d)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char name = (*c)[1]; /* at worst the closing quote */
	const char *found;

	if (name == 'u')
		return unescape_u(p, c, end, d);
	found = name ? strchr(names, name) : NULL;
	if (!found)
		return bad(p, *c, "invalid escape in a string (a backslash is written \\\\)");
	*(*d)++ = values[found - names];
	*c += 2;
	return true;
}

/* From the opening quote to behind the closing one. A decoded string is never longer than it was written. */
static bool parse_string(struct parser *p, const char **ret, size_t *ret_len)
{
	const char *c = p->at + 1, *end = c, *plain;
	bool escapes;
	char *text, *d;

	if (!string_end(p, c, &end, &escapes))
		return false;
	p->at = end + 1;
	if (!escapes) {
		*ret = arena_strndup(p->arena, c, (size_t)(end - c));
		*ret_len = (size_t)(end - c);
		return true;
	}
	text = d = arena_raw(p->arena, (size_t)(end - c) + 1);
	while (c < end) {
		plain = memchr(c, '\\', (size_t)(end - c));
		if (!plain)
			plain = end;
		memcpy(d, c, (size_t)(plain - c));
		d += plain - c;
		c = plain;
		if (c < end && !unescape(p, &c, end, &d))
			return false;
	}
	*d = '\0';
	*ret = text;
	*ret_len = (size_t)(d - text);
	return true;
}

static bool skip_digits(struct parser *p, const char *after)
{
	if (p->at == p->end)
		return bad_end(p);
	if (!is_digit(*p->at))
		return bad(p, p->at, "a number wants a digit after '%s'", after);
	while (p->at < p->end && is_digit(*p->at))
		p->at++;
	return true;
}

static bool skip_number(struct parser *p)
{
	const char *first;

	if (*p->at == '-')
		p->at++;
	first = p->at;
	if (!skip_digits(p, "-"))
		return false;
	if (*first == '0' && p->at - first > 1)
		return bad(p, first, "a number may not begin with 0");
	if (p->at < p->end && *p->at == '.') {
		p->at++;
		if (!skip_digits(p, "."))
			return false;
	}
	if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
		p->at++;
		if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
			p->at++;
		return skip_digits(p, "e");
	}
	return true;
}

/* true, false or null as a whole word. A word that the text cuts off is its unexpected end. */
static bool skip_word(struct parser *p, const char *word)
{
	size_t n = strlen(word), left = (size_t)(p->end - p->at);

	if (left >= n && memcmp(p->at, word, n) == 0 && (left == n || !is_letter(p->at[n]))) {
		p->at += n;
		return true;
	}
	if (left < n && memcmp(p->at, word, left) == 0)
		return bad_end(p);
	return bad_want(p, "a value");
}

static bool parse_value(struct parser *p, struct json *v);

static bool parse_member(struct parser *p, struct json *m, char close)
{
	if (close == '}') {
		if (*p->at != '"')
			return bad_want(p, "a key in double quotes");
		if (!parse_string(p, &m->key, &m->key_len))
			return false;
		skip_space(p);
		if (p->at == p->end || *p->at != ':')
			return bad_want(p, "':' after the key");
		p->at++;
		skip_space(p);
	}
	return parse_value(p, m);
}

static bool parse_container(struct parser *p, struct json *v, char close)
{
	struct json **tail = &v->first;
	const char *comma = NULL;

	if (++p->depth > JSON_DEPTH_MAX)
		return bad(p, p->at, "nested deeper than %d levels", JSON_DEPTH_MAX);
	p->at++;
	for (;;) {
		skip_space(p);
		if (p->at == p->end)
			return bad(p, p->at, "unexpected end of text inside an %s", close == '}' ? "object" : "array");
		if (*p->at == close)
			break;
		if (v->count && !comma)
			return bad_want(p, close == '}' ? "',' or '}'" : "',' or ']'");
		*tail = arena_new(p->arena, struct json);
		if (!parse_member(p, *tail, close))
			return false;
		tail = &(*tail)->next;
		v->count++;
		skip_space(p);
		comma = p->at < p->end && *p->at == ',' ? p->at++ : NULL;
	}
	if (comma)
		return bad(p, comma, "trailing comma");
	p->at++;
	p->depth--;
	return true;
}

static bool parse_typed(struct parser *p, struct json *v)
{
	switch (*p->at) {
	case '{': v->type = JSON_OBJECT; return parse_container(p, v, '}');
	case '[': v->type = JSON_ARRAY; return parse_container(p, v, ']');
	case '"': v->type = JSON_STRING; return parse_string(p, &v->str, &v->str_len);
	case 't':
		v->type = JSON_BOOL;
		v->truth = true;
		return skip_word(p, "true");
	case 'f': v->type = JSON_BOOL; return skip_word(p, "false");
	case 'n': v->type = JSON_NULL; return skip_word(p, "null");
	default:
		v->type = JSON_NUMBER;
		return *p->at == '-' || is_digit(*p->at) ? skip_number(p) : bad_want(p, "a value");
	}
}

static bool parse_value(struct parser *p, struct json *v)
{
	v->raw.data = p->at;
	if (p->at == p->end)
		return bad_end(p);
	if (++p->values > JSON_VALUES_MAX)
		return bad(p, p->at, "too many values (more than %d)", JSON_VALUES_MAX);
	if (!parse_typed(p, v))
		return false;
	v->raw.len = (size_t)(p->at - v->raw.data);
	return true;
}

bool json_parse(struct arena *a, struct bytes text, const struct json **ret, struct err *e)
{
	const char *start = text.len ? text.data : "";
	struct parser p = { .arena = a, .start = start, .at = start, .end = start + text.len, .e = e };
	struct json *v;

	/* Members are counted in 32 bits. */
	if (text.len > UINT32_MAX)
		return fail(e, 0, "a JSON text of %zu bytes is too large", text.len);
	if (text.len >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
		return bad(&p, p.at, "JSON text may not begin with a byte order mark");
	v = arena_new(a, struct json);
	skip_space(&p);
	if (!parse_value(&p, v))
		return false;
	skip_space(&p);
	if (p.at < p.end)
		return bad(&p, p.at, "text after the value");
	*ret = v;
	return true;
}

const struct json *json_get(const struct json *o, const char *key)
{
	const struct json *found = NULL;
	size_t len = strlen(key);

	if (json_is(o, JSON_OBJECT))
		json_each(m, o)
			if (m->key_len == len && memcmp(m->key, key, len) == 0)
				found = m;
	return found;
}

/* The next character of a key, folded: ASCII to lower case, and the two others that fold to ASCII. */
static unsigned char fold_next(const char **c, const char *end)
{
	const unsigned char *p = (const unsigned char *)*c;
	size_t left = (size_t)(end - *c);

	if (left >= 2 && p[0] == 0xC5 && p[1] == 0xBF) {
		*c += 2;
		return 's';
	}
	if (left >= 3 && p[0] == 0xE2 && p[1] == 0x84 && p[2] == 0xAA) {
		*c += 3;
		return 'k';
	}
	*c += 1;
	return p[0] >= 'A' && p[0] <= 'Z' ? p[0] | 0x20 : p[0];
}

bool json_key_folds(const struct json *member, const char *name)
{
	const char *k = member->key, *k_end = k + member->key_len, *n_end = name + strlen(name);

	while (k < k_end && name < n_end)
		if (fold_next(&k, k_end) != fold_next(&name, n_end))
			return false;
	return k == k_end && name == n_end;
}

const struct json *json_fold(const struct json *o, const char *key)
{
	const struct json *found = NULL;

	if (json_is(o, JSON_OBJECT))
		json_each(m, o)
			if (json_key_folds(m, key))
				found = m;
	return found;
}

const char *json_type_name(const struct json *j)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};

	return j ? names[j->type] : "nothing";
}

bool json_str_is(const struct json *j, const char *s)
{
	size_t len = strlen(s);

	return json_is(j, JSON_STRING) && j->str_len == len && memcmp(j->str, s, len) == 0;
}

/* @j's number with what was wanted instead. The text may hold as many digits as anybody likes to write. */
static bool bad_number(const struct json *j, const char *range, struct err *e)
{
	bool cut = j->raw.len > 40;

	return fail(e, 0, "want an integer%s, have %.*s%s", range, cut ? 40 : (int)j->raw.len, j->raw.data,
		    cut ? "..." : "");
}

/* A number written as an integer, before anybody has said what range it must be in. */
struct integer {
	bool negative, huge; /* huge: @magnitude does not hold it */
	uint64_t magnitude;
};

static bool integer_read(const struct json *j, struct integer *ret, struct err *e)
{
	struct integer n = { 0 };
	const char *c, *end;

	if (!json_is(j, JSON_NUMBER))
		return fail(e, 0, "want an integer, have %s", json_type_name(j));
	c = j->raw.data;
	end = c + j->raw.len;
	n.negative = *c == '-';
	for (c += n.negative; c < end; c++) {
		if (!is_digit(*c))
			return bad_number(j, "", e);
		n.huge |= __builtin_mul_overflow(n.magnitude, 10, &n.magnitude);
		n.huge |= __builtin_add_overflow(n.magnitude, (uint64_t)(*c - '0'), &n.magnitude);
	}
	*ret = n;
	return true;
}

bool json_int(const struct json *j, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
	struct integer n;
	char range[64];
	int64_t v;

	if (!integer_read(j, &n, e))
		return false;
	/* Negating in unsigned arithmetic reaches INT64_MIN, whose magnitude is one more than INT64_MAX. */
	v = (int64_t)(n.negative ? -n.magnitude : n.magnitude);
	if (n.huge || n.magnitude > (uint64_t)INT64_MAX + n.negative || v < min || v > max) {
		snprintf(range, sizeof(range), " from %lld to %lld", (long long)min, (long long)max);
		return bad_number(j, range, e);
	}
	*ret = v;
	return true;
}

bool json_uint(const struct json *j, uint64_t max, uint64_t *ret, struct err *e)
{
	struct integer n;
	char range[64];

	if (!integer_read(j, &n, e))
		return false;
	if (n.huge || n.magnitude > max || (n.negative && n.magnitude)) {
		snprintf(range, sizeof(range), " from 0 to %llu", (unsigned long long)max);
		return bad_number(j, range, e);
	}
	*ret = n.magnitude;
	return true;
}

static int key_cmp(const struct json *x, const struct json *y)
{
	size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key, y->key, n);

	return order ? order : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* By key, then in document order: siblings are pieces of one text. */
static int member_cmp(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;
	int order = key_cmp(x, y);

	return order ? order : (x->raw.data > y->raw.data) - (x->raw.data < y->raw.data);
}

const struct json **json_sorted(struct arena *a, const struct json *o, size_t *ret_n)
{
	const struct json **all = arena_array(a, o->count, sizeof(void *));
	size_t n = 0, kept = 0;

	json_each(m, o)
		all[n++] = m;
	qsort(all, n, sizeof(void *), member_cmp);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || key_cmp(all[i], all[i + 1]) != 0)
			all[kept++] = all[i];
	*ret_n = kept;
	return all;
}

static bool equal(struct arena *tmp, const struct json *a, const struct json *b);

static bool objects_equal(struct arena *tmp, const struct json *a, const struct json *b)
{
	size_t n, m;
	const struct json **x = json_sorted(tmp, a, &n), **y = json_sorted(tmp, b, &m);

	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (key_cmp(x[i], y[i]) != 0 || !equal(tmp, x[i], y[i]))
			return false;
	return true;
}

static bool arrays_equal(struct arena *tmp, const struct json *a, const struct json *b)
{
	const struct json *y = b->first;

	if (a->count != b->count)
		return false;
	json_each(x, a) {
		if (!equal(tmp, x, y))
			return false;
		y = y->next;
	}
	return true;
}

static bool equal(struct arena *tmp, const struct json *a, const struct json *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case JSON_NULL: return true;
	case JSON_BOOL: return a->truth == b->truth;
	case JSON_NUMBER: return a->raw.len == b->raw.len && memcmp(a->raw.data, b->raw.data, a->raw.len) == 0;
	case JSON_STRING: return a->str_len == b->str_len && memcmp(a->str, b->str, a->str_len) == 0;
	case JSON_ARRAY: return arrays_equal(tmp, a, b);
	case JSON_OBJECT: return objects_equal(tmp, a, b);
	}
	return false;
}

bool json_equal(const struct json *a, const struct json *b)
{
	_Alignas(16) char first[1024];
	struct arena tmp;
	bool same;

	if (!a || !b)
		return a == b;
	arena_init(&tmp, first, sizeof(first));
	same = equal(&tmp, a, b);
	arena_done(&tmp);
	return same;
}
