// SPDX-License-Identifier: Apache-2.0
#include "lib/re2.h"

#include <ctype.h>
#include <regex.h>

#include "lib/str.h"

#define ASCII 128
#define REPEAT_MAX 255 /* RE_DUP_MAX */

struct set {
	bool has[ASCII];
	bool negated;
};

struct re2 {
	const char *at; /* in the pattern */
	struct buf out;
	unsigned depth; /* open groups */
	bool atom;      /* what stands before can be repeated */
	bool content;   /* the alternative is not empty so far */
};

// ---- sets ----

static void set_each(struct set *s, int (*is)(int), bool negated)
{
	for (int c = 1; c < ASCII; c++)
		s->has[c] = s->has[c] || (is(c) != 0) != negated;
}

static int is_word(int c)
{
	return isalnum(c) || c == '_';
}

static int is_ascii(int c UNUSED)
{
	return 1;
}

/* \s has no vertical tab. */
static int is_blank_or_line(int c)
{
	return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

/* \d, \W and the like; false if @c is none of them. */
static bool set_perl(struct set *s, char c)
{
	switch (c | 0x20) {
	case 'd': set_each(s, isdigit, c == 'D'); return true;
	case 's': set_each(s, is_blank_or_line, c == 'S'); return true;
	case 'w': set_each(s, is_word, c == 'W'); return true;
	default: return false;
	}
}

/* [:alpha:], [:^alpha:]; @p->at stands on the inner bracket. */
static bool set_named(struct re2 *p, struct set *s, struct err *e)
{
	static const struct { const char *name; int (*is)(int); } classes[] = {
		{ "alnum", isalnum }, { "alpha", isalpha }, { "ascii", is_ascii }, { "blank", isblank },
		{ "cntrl", iscntrl }, { "digit", isdigit }, { "graph", isgraph }, { "lower", islower },
		{ "print", isprint }, { "punct", ispunct }, { "space", isspace }, { "upper", isupper },
		{ "word", is_word },  { "xdigit", isxdigit },
	};
	bool negated = p->at[2] == '^';
	const char *name = p->at + 2 + negated, *end = strstr(name, ":]");

	for (size_t i = 0; end && i < ARRAY_LEN(classes); i++) {
		if (strlen(classes[i].name) != (size_t)(end - name) ||
		    strncmp(classes[i].name, name, (size_t)(end - name)))
			continue;
		set_each(s, classes[i].is, negated);
		p->at = end + 2;
		return true;
	}
	return fail(e, 0, "unknown character class \"%.12s\"", p->at);
}

/* In an order in which nothing means anything else: "]" first, "-" last, "^" not first. */
static bool set_put(struct re2 *p, const struct set *s, struct err *e)
{
	static const char late[] = "][^-";
	bool first = true, none = true, all = true;

	for (int c = 1; c < ASCII; c++)
		s->has[c] ? (none = false) : (all = false);
	/* Brackets around nothing would take in what follows. */
	if (none || (all && s->negated))
		return fail(e, 0, "a character class has no ASCII character, or is the complement of none");
	if (s->has['^'] && !s->negated) {
		bool alone = true;

		for (int c = 1; c < ASCII; c++)
			alone = alone && (!s->has[c] || c == '^');
		if (alone) {
			buf_puts(&p->out, "\\^");
			return true;
		}
	}
	buf_puts(&p->out, s->negated ? "[^" : "[");
	if (s->has[']'])
		buf_putc(&p->out, ']'), first = false;
	for (int c = 1; c < ASCII; c++)
		if (s->has[c] && !strchr(late, c))
			buf_putc(&p->out, (char)c), first = false;
	if (s->has['['])
		buf_putc(&p->out, '['), first = false;
	if (first && s->has['^'] && s->has['-']) {
		buf_puts(&p->out, "-^]");
		return true;
	}
	if (s->has['^'])
		buf_putc(&p->out, '^');
	buf_puts(&p->out, s->has['-'] ? "-]" : "]");
	return true;
}

// ---- single characters ----

static bool hex(struct re2 *p, char *ret, struct err *e)
{
	bool braces = *p->at == '{';
	char *end;
	unsigned long v;

	if (braces)
		p->at++;
	if (!isxdigit((unsigned char)p->at[0]) || (!braces && !isxdigit((unsigned char)p->at[1])))
		return fail(e, 0, "\\x without hexadecimal digits");
	if (braces) {
		v = strtoul(p->at, &end, 16);
		if (*end != '}')
			return fail(e, 0, "\\x{ without }");
		p->at = end + 1;
	} else {
		char two[3] = { p->at[0], p->at[1], '\0' };

		v = strtoul(two, NULL, 16);
		p->at += 2;
	}
	if (!v || v >= ASCII)
		return fail(e, 0, "\\x%lx is not ASCII", v);
	*ret = (char)v;
	return true;
}

/* What follows a backslash and stands for one character. */
static bool escaped(struct re2 *p, char *ret, struct err *e)
{
	static const char letters[] = "aftnrv", meaning[] = "\a\f\t\n\r\v";
	char c = *p->at;
	const char *which = c ? strchr(letters, c) : NULL;

	if (c)
		p->at++;
	if (c == 'x')
		return hex(p, ret, e);
	if (!which && (!c || isalnum((unsigned char)c) || (unsigned char)c >= ASCII))
		return fail(e, 0, "\"\\%c\" cannot be understood", c ? c : ' ');
	*ret = which ? meaning[which - letters] : c;
	return true;
}

static bool plain(struct re2 *p, char *ret, struct err *e)
{
	char c = *p->at;

	if ((unsigned char)c >= ASCII)
		return fail(e, 0, "a character is not ASCII");
	p->at++;
	if (c == '\\')
		return escaped(p, ret, e);
	*ret = c;
	return true;
}

static void atom_done(struct re2 *p)
{
	p->atom = p->content = true;
}

static void literal_put(struct re2 *p, char c)
{
	struct set one = { .negated = false };
	struct err never;
	bool done UNUSED;

	if (isalnum((unsigned char)c) || strchr("_/-, :;=<>@#%&~!\"'`", c)) {
		buf_putc(&p->out, c);
	} else {
		one.has[(unsigned char)c] = true;
		done = set_put(p, &one, &never);
	}
	atom_done(p);
}

// ---- parts of a pattern ----

static bool class_member(struct re2 *p, struct set *s, struct err *e)
{
	char from, to;

	if (p->at[0] == '[' && p->at[1] == ':')
		return set_named(p, s, e);
	if (p->at[0] == '\\' && p->at[1] && set_perl(s, p->at[1])) {
		p->at += 2;
		return true;
	}
	if (!plain(p, &from, e))
		return false;
	to = from;
	if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
		p->at++;
		if (!plain(p, &to, e))
			return false;
	}
	if (to < from)
		return fail(e, 0, "the range %c-%c goes backwards", from, to);
	for (int c = (unsigned char)from; c <= (unsigned char)to; c++)
		s->has[c] = true;
	return true;
}

static bool class(struct re2 *p, struct err *e)
{
	struct set s = { .negated = *p->at == '^' };
	bool first = true;

	if (s.negated)
		p->at++;
	for (; *p->at && (first || *p->at != ']'); first = false)
		if (!class_member(p, &s, e))
			return false;
	if (*p->at++ != ']')
		return fail(e, 0, "\"[\" without \"]\"");
	if (!set_put(p, &s, e))
		return false;
	atom_done(p);
	return true;
}

/* Between \Q and \E, or the end. */
static bool quoted(struct re2 *p, struct err *e)
{
	const char *end = strstr(p->at, "\\E");

	for (; *p->at && p->at != end; p->at++) {
		if ((unsigned char)*p->at >= ASCII)
			return fail(e, 0, "a character is not ASCII");
		literal_put(p, *p->at);
	}
	if (end)
		p->at += 2;
	return true;
}

static bool escape(struct re2 *p, struct err *e)
{
	struct set s = { .negated = false };
	char c = *p->at;

	if (c == 'A' || c == 'z') {
		p->at++;
		buf_putc(&p->out, c == 'A' ? '^' : '$');
		p->content = true;
		p->atom = false;
		return true;
	}
	if (c == 'Q') {
		p->at++;
		return quoted(p, e);
	}
	if (c && set_perl(&s, c)) {
		p->at++;
		if (!set_put(p, &s, e))
			return false;
		atom_done(p);
		return true;
	}
	if (!escaped(p, &c, e))
		return false;
	literal_put(p, c);
	return true;
}

/* "(?:", "(?P<name>" and "(?<name>" are groups like any other when nobody asks what they matched. */
static bool group(struct re2 *p, struct err *e)
{
	if (*p->at == '?') {
		size_t name = p->at[1] == 'P' ? 2 : 1;
		const char *end = p->at[name] == '<' ? strchr(p->at, '>') : NULL;

		if (p->at[1] == ':')
			p->at += 2;
		else if (end)
			p->at = end + 1;
		else
			return fail(e, 0, "flags \"(%.3s\" cannot be understood", p->at);
	}
	buf_putc(&p->out, '(');
	p->depth++;
	p->atom = p->content = false;
	return true;
}

static bool alternative_end(struct re2 *p, char c, struct err *e)
{
	if (!p->content)
		return fail(e, 0, "an alternative is empty");
	if (c == ')' && !p->depth--)
		return fail(e, 0, "\")\" without \"(\"");
	buf_putc(&p->out, c);
	p->atom = p->content = c == ')';
	return true;
}

static bool repeated(struct re2 *p, struct err *e)
{
	if (!p->atom)
		return fail(e, 0, "there is nothing to repeat");
	p->atom = false;
	if (*p->at == '?') /* as few as possible, or as many: the same question */
		p->at++;
	return true;
}

/* However many digits; what is too large is only known to be that. False: no digits. */
static bool count(const char **at, unsigned *ret)
{
	const char *s = *at;

	for (*ret = 0; isdigit((unsigned char)*s); s++)
		if (*ret <= REPEAT_MAX)
			*ret = *ret * 10 + (unsigned)(*s - '0');
	if (s == *at)
		return false;
	*at = s;
	return true;
}

/* {n}, {n,}, {n,m}; a brace that is none of these stands for itself. */
static bool brace(struct re2 *p, struct err *e)
{
	const char *s = p->at;
	unsigned from, to = 0;
	bool is_count = count(&s, &from);

	if (is_count && *s == ',') {
		s++;
		if (*s != '}')
			is_count = count(&s, &to);
	}
	if (!is_count || *s != '}') {
		literal_put(p, '{');
		return true;
	}
	if (from > REPEAT_MAX || to > REPEAT_MAX)
		return fail(e, 0, "more than %d repetitions", REPEAT_MAX);
	s++;
	buf_printf(&p->out, "{%.*s", (int)(s - p->at), p->at);
	p->at = s;
	return repeated(p, e);
}

static bool part(struct re2 *p, char c, struct err *e)
{
	switch (c) {
	case '\\': return escape(p, e);
	case '[': return class(p, e);
	case '(': return group(p, e);
	case ')':
	case '|': return alternative_end(p, c, e);
	case '{': return brace(p, e);
	case '*':
	case '+':
	case '?': buf_putc(&p->out, c); return repeated(p, e);
	case '.':
		buf_puts(&p->out, "[^\n]");
		atom_done(p);
		return true;
	case '^':
	case '$':
		buf_putc(&p->out, c);
		p->content = true;
		p->atom = false;
		return true;
	default:
		if ((unsigned char)c >= ASCII)
			return fail(e, 0, "a character is not ASCII");
		literal_put(p, c);
		return true;
	}
}

bool re2_translate(struct arena *a, const char *pattern, const char **ret, struct err *e)
{
	struct re2 p = { .at = pattern };

	buf_init(&p.out, a, 64);
	while (*p.at)
		if (!part(&p, *p.at++, e))
			return wrap(e, "pattern \"%s\"", pattern);
	if (p.depth || !p.content)
		return fail(e, 0, "pattern \"%s\": %s", pattern,
			    p.depth ? "\"(\" without \")\"" : "an alternative is empty");
	*ret = buf_str(&p.out);
	return true;
}

bool re2_match(struct arena *a, const char *pattern, const char *text, bool *ret, struct err *e)
{
	const char *posix = NULL;
	char why[128];
	regex_t re;
	int rc;

	if (!re2_translate(a, pattern, &posix, e))
		return false;
	rc = regcomp(&re, posix, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &re, why, sizeof(why));
		return fail(e, 0, "pattern \"%s\": %s", pattern, why);
	}
	*ret = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return true;
}
