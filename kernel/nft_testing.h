// SPDX-License-Identifier: Apache-2.0
/* For tests of what we put into nf_tables: nft as the judge. */
#ifndef CRIMP_KERNEL_NFT_TESTING_H
#define CRIMP_KERNEL_NFT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* What a shell command prints. */
static const char *output(const char *command)
{
	static char text[65536];
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	pclose(f);
	return text;
}

/* `nft list ruleset` is a text from which `nft -f` makes the same ruleset. */
static inline void assert_reloads(void)
{
	assert_string_equal(output("f=$(mktemp) && nft list ruleset > $f && nft flush ruleset && nft -f $f 2>&1 && "
				   "nft list ruleset | diff - $f; rm -f $f"), "");
}

#endif
