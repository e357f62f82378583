// SPDX-License-Identifier: Apache-2.0
#include "lib/err.h"

#undef fail
#undef fail_code
#undef wrap
#undef err_details

static const char ellipsis[] = "...";

/* The text in @dst filled all of @size: end it visibly, without leaving half of a UTF-8 character. */
static void text_cut(char *dst, size_t size)
{
	size_t at = size - sizeof(ellipsis);

	while (at > 0 && ((unsigned char)dst[at] & 0xC0) == 0x80)
		at--;
	memcpy(dst + at, ellipsis, sizeof(ellipsis));
}

static void PRINTF(3, 0) text_vset(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);

	if (n < 0)
		dst[0] = '\0';
	else if ((size_t)n >= size)
		text_cut(dst, size);
}

static void text_add(char *dst, size_t size, const char *more)
{
	size_t len = strlen(dst), n = strlen(more), room = size - 1 - len;
	size_t take = n < room ? n : room;

	memcpy(dst + len, more, take);
	dst[len + take] = '\0';
	if (n > room)
		text_cut(dst, size);
}

/* Everything is formatted before @e changes: the arguments may point into it. */
static void PRINTF(4, 0) start(struct err *e, int num, int code, const char *fmt, va_list ap)
{
	char text[ERR_TEXT_MAX];

	text_vset(text, sizeof(text), fmt, ap);
	if (num) {
		text_add(text, sizeof(text), ": ");
		text_add(text, sizeof(text), strerror(num));
	}
	e->num = num;
	e->code = code;
	e->details[0] = '\0';
	memcpy(e->text, text, strlen(text) + 1);
}

bool fail(struct err *e, int num, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	start(e, num, 0, fmt, ap);
	va_end(ap);
	return false;
}

bool fail_code(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	start(e, 0, code, fmt, ap);
	va_end(ap);
	return false;
}

bool wrap(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	text_vset(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_add(text, sizeof(text), ": ");
	text_add(text, sizeof(text), e->text);
	memcpy(e->text, text, strlen(text) + 1);
	return false;
}

bool err_details(struct err *e, const char *fmt, ...)
{
	char text[ERR_DETAILS_MAX];
	va_list ap;

	va_start(ap, fmt);
	text_vset(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(e->details, text, strlen(text) + 1);
	return false;
}

/* What errs_done() may have to append, at its longest. */
#define UNSAID_MAX sizeof("; and 4294967295 more")

void errs_add(struct errs *all, const struct err *e)
{
	char *text = all->first.text;

	if (all->count++ == 0) {
		all->first = *e;
		return;
	}
	/* After the first that did not fit none is joined any more, so that what is said is in order. */
	if (all->unsaid || strlen(text) + 2 + strlen(e->text) + UNSAID_MAX > ERR_TEXT_MAX) {
		all->unsaid++;
		return;
	}
	text_add(text, ERR_TEXT_MAX, "; ");
	text_add(text, ERR_TEXT_MAX, e->text);
}

bool errs_done(const struct errs *all, struct err *e)
{
	char more[UNSAID_MAX];
	size_t room;

	if (!all->count)
		return true;
	*e = all->first;
	if (!all->unsaid)
		return false;
	snprintf(more, sizeof(more), "; and %u more", all->unsaid);
	room = ERR_TEXT_MAX - strlen(more);
	if (strlen(e->text) >= room)
		text_cut(e->text, room);
	text_add(e->text, ERR_TEXT_MAX, more);
	return false;
}
