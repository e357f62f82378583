// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * The configuration that one plugin gets on stdin: its object from the list, with the keys that belong to the runtime
 * set. Everything else is copied byte for byte, keys and values, in the order it was written: a number that no double
 * can hold arrives whole.
 *
 *	name, cniVersion		always ours; other spellings of these keys are dropped, as readers fold case
 *	prevResult, runtimeConfig	ours when there is one, else what the configuration says
 *	capabilities			dropped from 1.0.0 on, as the specification says, unless @keep_capabilities
 *	cni.dev/ *			dropped; ours on GC
 */
#ifndef CRIMP_CNI_INJECT_H
#define CRIMP_CNI_INJECT_H

#include "lib/json.h"

struct inject_keys {
	const char *name, *version;
	struct bytes prev;           /* JSON; len 0: none */
	const struct json *cap_args; /* NULL: no runtimeConfig */
	bool keep_capabilities;
	struct bytes valid; /* JSON array; len 0: none */
};

struct bytes inject(struct arena *a, const struct json *plugin, const struct inject_keys *k);

/* Does @plugin declare capability @name true? */
bool plugin_has_capability(const struct json *plugin, const char *name);

#endif
