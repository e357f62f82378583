// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The command line is the first user of libcni: it reaches networks only through <cni/runtime.h>, and the kernel
 * (kernel/) only to look, never to change. A verb is a file with one row at its end; an option is a row of one table.
 * Help, completion and parsing all follow from the rows. Text for people is put together in a buffer and written once;
 * with --json the same facts are one JSON document on stdout and nothing else.
 */
#ifndef CRIMP_CMD_CLI_H
#define CRIMP_CMD_CLI_H

#include <cni/runtime.h>

#include "cmd/term.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/field.h"

/* What the command line says; filled from the rows in options.c. */
struct options {
	const char *conf_dir;     /* default: $NETCONFPATH, /etc/cni/net.d */
	const char *plugin_dirs;  /* default: $CNI_PATH, /opt/cni/bin */
	const char *cache_dir;    /* default: /var/lib/cni */
	const char *ifname;       /* default: $CNI_IFNAME, eth0 */
	const char *container_id; /* default: derived from the namespace's path */
	const char *caps;         /* JSON object; default: $CAP_ARGS */
	const char *timeout;      /* seconds */
	struct list args;         /* const char *: K=V */
	struct list publish;      /* const char *: [HOSTIP:]HOST:CONTAINER[/PROTO] */
	struct list keep;         /* const char *: CONTAINER[/IFNAME] */
	bool json, help, all, rollback, keep_going, plain;
};

enum option_set {
	OPT_COMMON = 1 << 0, /* every verb */
	OPT_TARGET = 1 << 1, /* verbs about one attachment */
	OPT_ATTACH = 1 << 2, /* verbs that pass arguments to plugins */
	OPT_ADD = 1 << 3,
	OPT_DEL = 1 << 4,
	OPT_GC = 1 << 5,
};

struct cli {
	struct arena *arena;
	struct options opt;
	struct term term;
	struct buf out; /* for stdout; written by cli_done() */
	char **operands;
	int n_operands;
	struct cni_runtime *rt;
	const struct verb *verb;
	bool tool; /* we are cnitool */
};

struct verb {
	const char *name;
	const char *operands;      /* "NETWORK NETNS", for the usage line */
	const char *about;         /* one line */
	const char *more;          /* a paragraph, may be NULL */
	unsigned options;          /* OPT_* that it takes besides OPT_COMMON */
	int min, max;              /* operands; max -1: any number */
	int (*run)(struct cli *c); /* exit status */
};

/* Exit statuses, stable for scripts (crimp(1)). */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 3,
	EXIT_ENVIRONMENT = 4,
	EXIT_IO = 5,
	EXIT_AGAIN = 11,
	EXIT_NOT_READY = 50,
	EXIT_DEGRADED = 51
};
int exit_status(int cni_code);

extern const struct verb *const verbs[]; /* NULL-terminated, in the order of the help */

/* options.c */
bool options_parse(struct cli *c, int argc, char **argv, struct err *e) MUST_CHECK;
void options_help(struct cli *c, unsigned sets);
/* Calls @row for each option of @sets: long name, letter or 0, takes a value?, help. For the completion. */
void options_each(unsigned sets,
		  void (*row)(void *arg, const char *name, char letter, const char *value, const char *help),
		  void *arg);

/* target.c: operands become what libcni wants */
bool target_network(struct cli *c, const char *operand, struct cni_network **ret,
		    struct cni_error *e) MUST_CHECK; /* a name in the directory, or a path of a file */
/* The attachment that the options and @netns_operand (may be NULL) describe; storage in the arena. */
bool target_attachment(struct cli *c, const char *netns_operand, struct cni_attachment *ret, struct err *e) MUST_CHECK;
/* "NAME" is /var/run/netns/NAME, digits are a process ID, anything with a slash is a path (made absolute). */
const char *target_netns(struct arena *a, const char *operand);
/* "cnitool-" and 20 hex digits of the SHA-512 of the absolute path. */
const char *container_id_of(struct arena *a, const char *netns_path);
bool cli_runtime(struct cli *c, struct cni_error *e) MUST_CHECK; /* makes c->rt from the options */

/* report.c */
/*
 * Writes what is in c->out. The exit status is @status, or EXIT_IO when an answer that was good could not be delivered.
 */
int cli_done(struct cli *c, int status);
/* Says a libcni failure (or an own one) with what to do next, to stderr or as JSON, and gives the exit status. */
int report_failure(struct cli *c, const struct cni_error *e);
int report_err(struct cli *c, const struct err *e);
int report_usage(struct cli *c, const char *fmt, ...) PRINTF(2, 3);
/* "  eth0  10.88.0.2/16 via ..." lines for a result. */
void report_result(struct cli *c, const struct cni_result *r);
void cni_error_from(struct cni_error *dst, const struct err *src);

#endif
