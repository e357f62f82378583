// SPDX-License-Identifier: Apache-2.0
/*
 * One failure, outermost context first: "bridge cni0: add veth1a2b: File exists".
 *
 * Lives on the caller's stack and is never allocated, so reporting a failure cannot fail. A function that
 * can fail takes `struct err *e` last and returns bool. On true it has not touched @e. On false it has
 * released all it acquired, its outputs are untouched, and @e says why. Decisions are made on @num or
 * @code, never on the text. @e may not be NULL.
 */
#ifndef CRIMP_LIB_ERR_H
#define CRIMP_LIB_ERR_H

#include "lib/base.h"

#define ERR_TEXT_MAX 1024
#define ERR_DETAILS_MAX 512

struct err {
	int num;			/* errno of the system call or kernel answer to blame, 0 if none */
	int code;			/* CNI error code, 0 when nobody has said (cni/error.h chooses then) */
	char text[ERR_TEXT_MAX];	/* what a person reads; cut with "..." when too long, always terminated */
	char details[ERR_DETAILS_MAX];	/* the CNI "details" member; empty if there is nothing to add */
};

#define ERR_INIT ((struct err){ .num = 0 })

/*
 * Start a failure. Both return false, so that `return fail(...)` reads well. If @num is not 0, ": "
 * and the text of that errno are appended.
 */
bool fail(struct err *e, int num, const char *fmt, ...) PRINTF(3, 4);
/* The same with a CNI error code (cni/error.h) and errno 0. */
bool fail_code(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);
/* Put context in front of what @e says ("context: what it said"); num, code and details stay. Returns false. */
bool wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* Set the details member of a failure. Returns false. */
bool err_details(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* The compiler is told as well, and so sees that an output is set wherever there was no failure. */
static inline bool err_false(bool said UNUSED) { return false; }
#define fail(...) err_false((fail)(__VA_ARGS__))
#define fail_code(...) err_false((fail_code)(__VA_ARGS__))
#define wrap(...) err_false((wrap)(__VA_ARGS__))
#define err_details(...) err_false((err_details)(__VA_ARGS__))

/*
 * Failures of work that goes on past the first (teardown, GC): starts empty, keeps num, code and details of the first,
 * joins the texts with "; " while there is room and counts the rest ("and 7 more").
 */
struct errs {
	struct err first;
	unsigned count;
	unsigned unsaid;
};

/* Add @e to @all. */
void errs_add(struct errs *all, const struct err *e);
/* True if nothing was added; otherwise false with @e set to the joined failure. */
bool errs_done(const struct errs *all, struct err *e);

#endif
