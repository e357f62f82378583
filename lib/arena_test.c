// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"

#include <cmocka.h>

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void test_memory_is_zero_aligned_and_apart(void **state)
{
	static char first[1000];
	char *p[300];
	struct arena a;

	(void)state;
	memset(first, 0xAA, sizeof(first));
	arena_init(&a, first + 1, sizeof(first) - 1);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		assert_true(is_zero(p[i], i));
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal((unsigned char)p[i][k], (unsigned char)i);
	arena_done(&a);
}

static void test_first_buffer_comes_before_malloc(void **state)
{
	static _Alignas(16) char first[256];
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a, first, sizeof(first));
	p = arena_alloc(&a, sizeof(first));
#ifndef __SANITIZE_ADDRESS__
	assert_ptr_equal(p, first);
	assert_null(a.chunks);
#endif
	p = arena_alloc(&a, 1);
	assert_false(p >= first && p < first + sizeof(first));
	assert_non_null(a.chunks);
	arena_done(&a);
	assert_null(a.chunks);
	p = arena_strdup(&a, "usable again");
	assert_string_equal(p, "usable again");
	assert_false(p >= first && p < first + sizeof(first));
	arena_done(&a);
	arena_done(&a);
}

static void test_large_pieces(void **state)
{
	struct arena a;
	char *small, *large;

	(void)state;
	arena_init(&a, NULL, 0);
	small = arena_alloc(&a, 16);
	large = arena_alloc(&a, (size_t)1 << 20);
	assert_true(is_zero(large, (size_t)1 << 20));
	memset(large, 1, (size_t)1 << 20);
#ifndef __SANITIZE_ADDRESS__
	/* The chunk in use is not given up for a large piece. */
	assert_ptr_equal(arena_alloc(&a, 16), small + 16);
#else
	(void)small;
#endif
	arena_done(&a);
}

static void test_extend(void **state)
{
#ifndef __SANITIZE_ADDRESS__
	static _Alignas(16) char first[128];
	struct arena a;
	char *p, *q;

	(void)state;
	arena_init(&a, first, sizeof(first));
	p = arena_raw(&a, 10);
	assert_true(arena_extend(&a, p, 10, 64));
	q = arena_raw(&a, 1);
	assert_true(q >= p + 64);
	assert_false(arena_extend(&a, p, 64, 65));
	assert_false(arena_extend(&a, q, 1, 1000));
	assert_true(arena_extend(&a, q, 1, 64));
	assert_false(arena_extend(&a, q, 64, 65));
	arena_done(&a);
#else
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_false(arena_extend(&a, arena_raw(&a, 16), 16, 17));
	arena_done(&a);
#endif
}

static void test_text(void **state)
{
	char longer[1001];
	struct arena a;

	(void)state;
	arena_init(&a, NULL, 0);
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_printf(&a, "%s-%d", "veth", 7), "veth-7");
	for (size_t n = 250; n < 262; n++) {
		memset(longer, 'x', n);
		longer[n] = '\0';
		assert_string_equal(arena_printf(&a, "%s", longer), longer);
	}
	arena_done(&a);
}

static void handler(void)
{
	_exit(42);
}

/* An impossible request ends the process, through the handler if there is one. */
static int end_of(bool with_handler, size_t n, size_t size)
{
	struct arena a;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		arena_init(&a, NULL, 0);
		if (with_handler)
			arena_on_exhausted(handler);
		arena_array(&a, n, size);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_exhausted(void **state)
{
	int status;

	(void)state;
	status = end_of(true, SIZE_MAX / 2, 4);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = end_of(true, SIZE_MAX, 1);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	status = end_of(false, SIZE_MAX, 1);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zero_aligned_and_apart),
		cmocka_unit_test(test_first_buffer_comes_before_malloc),
		cmocka_unit_test(test_large_pieces),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
