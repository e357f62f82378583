// SPDX-License-Identifier: Apache-2.0
/* Colour, marks and aligned columns for people. */
#include "cmd/term.h"

#include <stdio.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/str.h"

static const char *const codes[] = {
	[STYLE_PLAIN] = "", [STYLE_BOLD] = "1",  [STYLE_DIM] = "2",   [STYLE_GOOD] = "32",
	[STYLE_BAD] = "31", [STYLE_WARN] = "33", [STYLE_NAME] = "36",
};

void term_init(struct term *t, int fd, bool plain)
{
	const char *kind = getenv("TERM");
	struct winsize size;

	*t = (struct term){ .colour = false };
	if (!isatty(fd))
		return;
	t->width = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
	t->colour = !plain && str_empty(getenv("NO_COLOR")) && kind && !str_eq(kind, "dumb");
}

void term_put(const struct term *t, struct buf *b, enum style s, const char *text)
{
	if (!t->colour || s == STYLE_PLAIN) {
		buf_puts(b, text);
		return;
	}
	buf_printf(b, "\033[%sm%s\033[0m", codes[s], text);
}

void term_printf(const struct term *t, struct buf *b, enum style s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	term_put(t, b, s, text);
}

static bool locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *v = getenv(names[i]);

		if (!str_empty(v))
			return strstr(v, "UTF-8") || strstr(v, "utf8") || strstr(v, "UTF8") || strstr(v, "utf-8");
	}
	return false;
}

void term_mark(const struct term *t, struct buf *b, bool ok)
{
	bool utf8 = t->width && locale_is_utf8();

	if (ok)
		term_put(t, b, STYLE_GOOD, utf8 ? "✓" : "ok");
	else
		term_put(t, b, STYLE_BAD, utf8 ? "✗" : "no");
}

void table_init(struct table *t, struct arena *a, unsigned columns)
{
	*t = (struct table){ .arena = a, .columns = columns };
}

void table_cell(struct table *t, enum style s, const char *text)
{
	t->cells = arena_grow(t->arena, t->cells, t->n, &t->cap, sizeof(*t->cells));
	t->cells[t->n++] = (struct cell){ text ? text : "", s };
}

/* Columns on the screen: continuation bytes of UTF-8 take none. */
static size_t shown_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_put(const struct table *t, const struct term *term, struct buf *b, const char *indent)
{
	size_t widths[16] = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		size_t w = shown_width(t->cells[i].text);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % t->columns;

		if (column == 0)
			buf_puts(b, indent);
		term_put(term, b, t->cells[i].style, t->cells[i].text);
		if (column == t->columns - 1) {
			buf_putc(b, '\n');
			continue;
		}
		for (size_t w = shown_width(t->cells[i].text); w < widths[column] + 2; w++)
			buf_putc(b, ' ');
	}
}
