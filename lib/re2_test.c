// SPDX-License-Identifier: Apache-2.0
/* Patterns in RE2's syntax: what they match, and which are refused rather than guessed at. */
#include <setjmp.h>
#include <stdarg.h>

#include "lib/re2.h"

#include <cmocka.h>

static const struct { const char *pattern, *yes, *no; } rows[] = {
	{ "net.core.somaxconn", "net.core.somaxconn", "net.core.somaxcon" },
	{ "^net\\.ipv4\\.conf\\.[a-z]+[0-9]*\\.rp_filter$", "net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.eth0.rp_filter2" },
	{ "ipv4", "net.ipv4.x", "net.ipv6.x" },
	{ "\\Anet\\.", "net.x", "xnet.x" },
	{ "x\\z", "net.x", "net.xy" },
	{ "a\\db", "a7b", "axb" },
	{ "^\\D+$", "net.core", "net1" },
	{ "^\\w+\\.\\w+$", "net.core_x", "net.core.x" },
	{ "^\\S+$", "net.x", "net x" },
	{ "^[\\w.]+$", "net.core_1", "net-core" },
	{ "^(?:net|kernel)\\.x", "kernel.x", "vm.x" },
	{ "^(?P<which>a|b)c$", "bc", "cc" },
	{ "^(?<which>a|b)c$", "ac", "c" },
	{ "^a+?b*?c??$", "aabb", "c" },
	{ "^a{2,3}$", "aaa", "aaaa" },
	{ "^a{2,}?$", "aaaa", "a" },
	{ "^a{2}$", "aa", "a" },
	{ "^a{,2}$", "a{,2}", "aa" },
	{ "^x{}]$", "x{}]", "x" },
	{ "^[]a]$", "]", "b" },
	{ "^[^]a]$", "b", "]" },
	{ "^[a^-]+$", "a^-", "b" },
	{ "^[\\^-]$", "^", "a" },
	{ "^[\\^]$", "^", "a" },
	{ "^[[:alpha:]_]+$", "ab_", "a1" },
	{ "^[[:^digit:]]$", "a", "1" },
	{ "^[\\x41-\\x{43}]$", "B", "D" },
	{ "^\\Qa.b*\\E$", "a.b*", "axb*" },
	{ "^[+--]$", ",", "a" },
	{ "^a.c$", "abc", "a\nc" },
	{ "^\\$\\^\\\\$", "$^\\", "$^" },
	{ "^[\\]\\[]+$", "[]", "a" },
	{ "a|b|c", "xxc", "d" },
	{ "^[\\d\\D]b$", "ab", "a" },
	{ "^a{x}{,}{1,x}$", "a{x}{,}{1,x}", "a" },
};

static void test_matches(void **state)
{
	struct err e = ERR_INIT;
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool yes = false, no = true;

		if (!re2_match(&a, rows[i].pattern, rows[i].yes, &yes, &e) ||
		    !re2_match(&a, rows[i].pattern, rows[i].no, &no, &e))
			fail_msg("%s", e.text);
		if (!yes || no)
			fail_msg("%s: \"%s\" %d, \"%s\" %d", rows[i].pattern, rows[i].yes, yes, rows[i].no, no);
	}
	arena_done(&a);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"", "(", ")", "a)", "(a", "[a", "[a-", "[z-a]", "a**", "*a", "a|", "|a", "a||b", "()", "(|a)", "(?i)a",
		"(?s:a)", "\\ba", "a\\B", "\\pL", "\\p{Greek}", "\\1", "\\C", "\\k", "a\\", "[[:nope:]]", "[a-\\d]", "\\x",
		"\\x{100}", "\\xff", "\\00", "a{300}", "a{2}{3}", "caf\xc3\xa9", "[\xc3\xa9]", "\\Q\xc3", "^*", "a+++", "[]",
		"a{1,2000}", "a{12345}", "a{12345,}", "a{1,99999999999999999999}", "[[:^ascii:]]b", "[^[:^ascii:]]b", "[^\\d\\D]b",
		"[^[:ascii:]]b]",
	};
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = ERR_INIT;
		bool matches;

		if (re2_match(&a, bad[i], "a", &matches, &e))
			fail_msg("\"%s\" was understood", bad[i]);
		assert_non_null(strstr(e.text, "pattern \""));
	}
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
