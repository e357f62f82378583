// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "plugins/attachment.h"

#include <cmocka.h>

static struct arena a;

static void test_comment(void **state)
{
	static char name[200];
	struct attachment at = { "net1", "cid1", "eth0" }, same = at;
	const char *text;

	(void)state;
	assert_string_equal(attachment_comment(&a, &at), "net1 cid1 eth0");
	memset(name, 'n', 117);
	at.network = name;
	assert_int_equal(strlen(attachment_comment(&a, &at)), 127);
	memset(name, 'n', 118);
	assert_int_equal(strlen(attachment_comment(&a, &at)), 128);
	assert_null(strchr(attachment_comment(&a, &at), '#'));
	memset(name, 'n', 119);
	text = attachment_comment(&a, &at);
	assert_int_equal(strlen(text), 128);
	assert_int_equal(text[111], '#');
	same.network = name;
	assert_string_equal(attachment_comment(&a, &same), text);
	same.ifname = "eth1";
	assert_string_not_equal(attachment_comment(&a, &same), text);
	assert_true(attachment_is_of(text, name));
	assert_false(attachment_is_of(text, "nn"));
	assert_true(attachment_is_of("net1 cid1 eth0", "net1"));
	assert_false(attachment_is_of("net1 cid1 eth0", "net"));
	assert_false(attachment_is_of(NULL, "net"));
}

/* The names of the reference for network net1, container cid1, interface eth0. */
static void test_hash_names(void **state)
{
	(void)state;
	assert_string_equal(attachment_hash_name(&a, "CNI-", "net1", "cid1", 28), "CNI-e8f6f419596f7f47b3468487");
	assert_string_equal(attachment_hash_name(&a, "CNI-DN-", "net1", "cid1", 28), "CNI-DN-e8f6f419596f7f47b3468");
	assert_string_equal(attachment_hash_name(&a, "", "net1", "", 16), "8e48f37d5de60467");
	assert_string_equal(attachment_hash_name(&a, "", "eth0:cid1", "", 16), "0b65a318f52e521b");
}

static void test_stale(void **state)
{
	const struct attachment valid[] = { { "net1", "cid2", "eth0" }, { "net1", "cid1", "eth0" } };
	struct attachments s;

	(void)state;
	attachments_init(&s, &a, "net1", valid, 2);
	assert_false(attachments_stale(&s, "net1 cid1 eth0"));
	assert_false(attachments_stale(&s, "net1 cid2 eth0"));
	assert_true(attachments_stale(&s, "net1 cid1 eth1"));
	assert_true(attachments_stale(&s, "net1 cid3 eth0"));
	assert_false(attachments_stale(&s, "net10 cid3 eth0"));
	assert_false(attachments_stale(&s, "net cid3 eth0"));
	assert_false(attachments_stale(&s, NULL));
	assert_true(attachments_know_id(&s, "cid1"));
	assert_false(attachments_know_id(&s, "cid3"));
	attachments_init(&s, &a, "net1", NULL, 0);
	assert_true(attachments_stale(&s, "net1 cid1 eth0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_comment), cmocka_unit_test(test_hash_names),
					    cmocka_unit_test(test_stale) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
