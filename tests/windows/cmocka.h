// SPDX-License-Identifier: Apache-2.0
/*
 * What our unit tests use of cmocka, for compilers that have none: the same names, TAP on stdout as scripts/unit reads
 * it. A case that fails is left by longjmp() to its group, as cmocka does.
 */
#ifndef CRIMP_TESTS_WINDOWS_CMOCKA_H
#define CRIMP_TESTS_WINDOWS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
	const char *name;
	void (*test)(void **state);
	int (*setup)(void **state);
	int (*teardown)(void **state);
};

#define cmocka_unit_test(f)			    { .name = #f, .test = (f) }
#define cmocka_unit_test_setup(f, s)		    { .name = #f, .test = (f), .setup = (s) }
#define cmocka_unit_test_teardown(f, t)		    { .name = #f, .test = (f), .teardown = (t) }
#define cmocka_unit_test_setup_teardown(f, s, t)    { .name = #f, .test = (f), .setup = (s), .teardown = (t) }
#define cmocka_run_group_tests(tests, setup, after) \
	cmocka_run_(tests, sizeof(tests) / sizeof((tests)[0]), setup, after)

static jmp_buf cmocka_out;

static inline __attribute__((format(gnu_printf, 1, 2))) void print_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
}

static inline __attribute__((noreturn)) void _fail(const char *file, int line)
{
	print_error("%s:%d: error: failure\n", file, line);
	longjmp(cmocka_out, 1);
}

#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))
#define cmocka_hold_(holds, ...) ((holds) ? (void)0 : fail_msg(__VA_ARGS__))

#define assert_true(x)	   cmocka_hold_(x, "%s", #x)
#define assert_false(x)	   cmocka_hold_(!(x), "not %s", #x)
#define assert_null(x)	   cmocka_hold_((x) == NULL, "%s is not NULL", #x)
#define assert_non_null(x) cmocka_hold_((x) != NULL, "%s is NULL", #x)

/* Each argument is evaluated once. */
static inline void cmocka_equal_(long long a, long long b, const char *what, const char *file, int line)
{
	if (a != b) {
		print_error("%s: %lld != %lld\n", what, a, b);
		_fail(file, line);
	}
}

static inline void cmocka_same_text_(const char *a, const char *b, int same, const char *file, int line)
{
	if ((strcmp(a, b) == 0) != same) {
		print_error("\"%s\" %s \"%s\"\n", a, same ? "!=" : "==", b);
		_fail(file, line);
	}
}

#define assert_int_equal(a, b) cmocka_equal_((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define assert_ptr_equal(a, b) cmocka_equal_((intptr_t)(a), (intptr_t)(b), #a " == " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b) cmocka_same_text_(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) cmocka_same_text_(a, b, 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n) cmocka_hold_(memcmp(a, b, n) == 0, "%s and %s differ", #a, #b)

static inline int cmocka_run_one_(const struct CMUnitTest *t, void *state)
{
	if (setjmp(cmocka_out))
		return 1;
	if (t->setup && t->setup(&state))
		return 1;
	t->test(&state);
	return 0;
}

static inline int cmocka_run_(const struct CMUnitTest *tests, size_t n, int (*setup)(void **), int (*after)(void **))
{
	void *state = NULL;
	int bad = setup ? setup(&state) : 0;

	printf("1..%u\n", (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		int failed = cmocka_run_one_(&tests[i], state);

		if (tests[i].teardown)
			failed |= tests[i].teardown(&state);
		printf("%s %u - %s\n", failed ? "not ok" : "ok", (unsigned)(i + 1), tests[i].name);
		fflush(stdout);
		bad += failed;
	}
	if (after)
		bad += after(&state) != 0;
	return bad;
}

#endif
