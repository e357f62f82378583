// SPDX-License-Identifier: Apache-2.0
/* How text for people looks: colour only on a terminal, never with NO_COLOR or TERM=dumb; columns that line up. */
#ifndef CRIMP_CMD_TERM_H
#define CRIMP_CMD_TERM_H

#include "lib/buf.h"

struct term {
	bool colour;
	unsigned width; /* columns; 0: not a terminal */
};

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_NAME };

void term_init(struct term *t, int fd, bool plain);
/* Put @text in @style. */
void term_put(const struct term *t, struct buf *b, enum style s, const char *text);
void term_printf(const struct term *t, struct buf *b, enum style s, const char *fmt, ...) PRINTF(4, 5);
/* "ok" or "bad" mark: a tick or a cross in colour, "ok"/"no" without a UTF-8 locale. */
void term_mark(const struct term *t, struct buf *b, bool ok);

struct cell {
	const char *text;
	enum style style;
};

/* Rows whose columns are padded to the widest cell; the last column is not padded. */
struct table {
	struct arena *arena;
	unsigned columns;
	struct cell *cells;
	size_t n, cap;
};
void table_init(struct table *t, struct arena *a, unsigned columns);
void table_cell(struct table *t, enum style s, const char *text); /* NULL is "" */
void table_put(const struct table *t, const struct term *term, struct buf *b, const char *indent);

#endif
