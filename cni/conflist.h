// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * A network as a runtime sees it: a name, the version to speak, and the plugins in order. It comes from a list file
 * and the drop-ins beside it (every .conf file in DIR/NAME/, appended in order), or from an old file of one plugin,
 * which becomes a list of one.
 *
 * Top-level keys of a list are exact, keys inside a plugin's object fold: that is how existing files are read.
 * Nothing is rewritten here: every plugin keeps the bytes it was configured with, and the list those it had in its
 * file. Only when drop-ins contributed (or when there was no list) are @bytes made anew, so that whoever reads them
 * back, from the cache, gets the same plugins.
 *
 * Drop-ins go with lists only, not with old one-plugin files: no runtime looks for them there, and the two must see
 * the same plugins.
 */
#ifndef CRIMP_CNI_CONFLIST_H
#define CRIMP_CNI_CONFLIST_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"

#define CONFLIST_FILE_MAX (16u << 20)

struct conflist_plugin {
	const char *type;
	const struct json *json; /* its object */
	const char *text;        /* json->raw, NUL-terminated: as configured */
};

struct conflist {
	const char *name;    /* not validated: ADD does that */
	const char *version; /* chosen from cniVersion and cniVersions; may be "" */
	const char *file;    /* "" when from memory */
	bool is_single;      /* came as one plugin without a list */
	bool disable_check, disable_gc, only_inlined;
	struct conflist_plugin *plugins;
	size_t n;
	struct bytes bytes; /* what the cache stores */
};

/* How to read a text. */
enum conflist_form {
	CONFLIST_LIST,
	CONFLIST_SINGLE,
	CONFLIST_EITHER, /* a single one if it has `type` and no `plugins` */
};

/*
 * Read one text; no drop-ins. An empty list is a failure. Failures have code 6 (not JSON) or 7. @text must outlive
 * @ret.
 */
bool conflist_parse(struct arena *a, struct bytes text, enum conflist_form form, struct conflist *ret,
		    struct err *e) MUST_CHECK;
/*
 * Read one file that was found in a directory; a list is completed by its drop-ins. Failures name the file. What is not
 * regular is refused: a FIFO would wait for somebody to write.
 */
bool conflist_load(struct arena *a, const char *path, enum conflist_form form, struct conflist *ret,
		   struct err *e) MUST_CHECK;
/* The same of a file that somebody has named: it may be a pipe. */
bool conflist_load_named(struct arena *a, const char *path, enum conflist_form form, struct conflist *ret,
			 struct err *e) MUST_CHECK;

#endif
