// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * As much D-Bus as a question to a daemon of the host needs: a connection to the system bus (unix socket, EXTERNAL
 * authentication), calls whose arguments are strings, and the first value of their answers: a string, a truth, a list
 * of strings. One call at a time; what else arrives (signals, answers to nobody) is skipped. Everything has a deadline.
 *
 * Integers are written in our byte order and read in the sender's: the bus passes messages on as they are.
 */
#ifndef CRIMP_PLUGINS_DBUS_H
#define CRIMP_PLUGINS_DBUS_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

struct dbus {
	int fd;			/* -1: closed */
	uint32_t serial;	/* of the newest call */
	int64_t deadline_ms;	/* fs_now_ms() scale */
	struct arena *arena;
};
#define DBUS_CLOSED ((struct dbus){ .fd = -1 })

/* The system bus: DBUS_SYSTEM_BUS_ADDRESS, else where it always is. ENOENT, ECONNREFUSED: there is none. */
bool dbus_open(struct dbus *d, struct arena *a, int64_t deadline_ms, struct err *e) MUST_CHECK;
void dbus_close(struct dbus *d);
#define autodbus CLEANUP(dbus_close) struct dbus

struct dbus_call {
	const char *destination, *path, *interface, *member;
	const char *const *args;	/* strings */
	size_t n;
};
struct dbus_answer {
	const char *signature;	/* of the whole answer, "" if it is empty */
	const char *error;	/* name of the error that was answered, with its text in @text; NULL: none */
	const char *text;	/* first value, "s"; NULL: another type */
	bool truth;		/* first value, "b" */
	const char **list;	/* first value, "as" */
	size_t n;
};
/* True as soon as somebody has answered, an error too. */
bool dbus_call(struct dbus *d, const struct dbus_call *c, struct dbus_answer *ret, struct err *e) MUST_CHECK;

/* For tests: a call as it goes over the wire; an answer taken apart (@text is a whole message). */
void dbus_write_call(struct buf *out, uint32_t serial, const struct dbus_call *c);
/* @ret_serial: of the call that is answered, 0: the message is no answer. */
bool dbus_read_answer(struct arena *a, struct bytes text, struct dbus_answer *ret, uint32_t *ret_serial,
		struct err *e) MUST_CHECK;
#endif
