// SPDX-License-Identifier: Apache-2.0
/*
 * Flags as Go's flag package reads them, because units and manifests are written for it: one dash or two, "-name value"
 * or "-name=value", booleans without a value or with "=false", durations such as 1m30s; the first other word ends them.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_FLAGS_H
#define CRIMP_PLUGINS_IPAM_DHCP_FLAGS_H

#include "lib/err.h"

enum flag_kind { FLAG_TEXT, FLAG_BOOL, FLAG_DURATION };
struct flag {
	const char *name;
	enum flag_kind kind;
	void *value;		/* const char *, bool, int64_t in ms */
	const char *about;
};

/* @flags ends with an empty row. *ret_help: -h, -help. Changes nothing else in @argv. */
bool flags_read(int argc, char **argv, const struct flag *flags, bool *ret_help, struct err *e) MUST_CHECK;
/* More than nothing, at most a year. */
bool duration_parse(const char *text, int64_t *ret_ms, struct err *e) MUST_CHECK;

#endif
