// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdio.h>

#include "lib/sha512.h"

#include <cmocka.h>

/* Hashes @n bytes in pieces of @step and compares the beginning of the digest in hex. */
static void assert_digest(const void *data, size_t n, size_t step, const char *want)
{
	struct sha512 s;
	uint8_t digest[64];
	char hex[129];

	sha512_init(&s);
	for (size_t at = 0; at < n; at += step)
		sha512_put(&s, (const char *)data + at, n - at < step ? n - at : step);
	sha512_end(&s, digest);
	for (int i = 0; i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	hex[strlen(want)] = '\0';
	assert_string_equal(hex, want);
}

static void test_known(void **state)
{
	static const char two_blocks[] =
		"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

	(void)state;
	assert_digest(
		"", 0, 1,
		"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
	assert_digest(
		"abc", 3, 3,
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	assert_digest(
		two_blocks, sizeof(two_blocks) - 1, 7,
		"8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

/* What the reference cuts its names from. */
static void test_names(void **state)
{
	(void)state;
	assert_digest("net1cid1", 8, 4, "e8f6f419596f7f47b3468487");
	assert_digest("net1", 4, 4, "8e48f37d5de60467");
}

/* Every length around the padding's edges gives the same in one piece and byte by byte. */
static void test_pieces(void **state)
{
	uint8_t data[300];

	(void)state;
	memset(data, 'x', sizeof(data));
	for (size_t n = 0; n <= sizeof(data); n++) {
		struct sha512 whole, bytes;
		uint8_t a[64], b[64];

		sha512_init(&whole);
		sha512_init(&bytes);
		sha512_put(&whole, data, n);
		for (size_t i = 0; i < n; i++)
			sha512_put(&bytes, data + i, 1);
		sha512_end(&whole, a);
		sha512_end(&bytes, b);
		assert_memory_equal(a, b, sizeof(a));
	}
	assert_digest(data, 111, 111, "9a2a120825c23198");
	assert_digest(data, 112, 112, "a3722b515ef40c91");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_known), cmocka_unit_test(test_names),
					    cmocka_unit_test(test_pieces) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
