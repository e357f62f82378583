// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>

#include "plugins/ipam/gob.h"

#include <cmocka.h>

#include "lib/str.h"

/* What the reference's plugin (1.9.1) sends for an ADD: four messages. */
static const char call_hex[] =
	"2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c000103536571010600000012ff80010d"
	"444843502e416c6c6f63617465006cff8103010107436d644172677301ff82000107010b436f6e7461696e65724944010c000105"
	"4e65746e73010c00010649664e616d65010c00010441726773010c00010450617468010c00010d4e65746e734f76657272696465"
	"010c000109537464696e44617461010a00000028ff8201026331010c2f72756e2f6e65746e732f780104657468300103413d6201"
	"022f7802027b7d00";
/* What its daemon answers to a refusal: a header with an error and an empty struct. */
static const char refusal_hex[] =
	"397f03010108526573706f6e736501ff80000103010d536572766963654d6574686f64010c00010353657101060001054572726f"
	"72010c0000001aff80010d444843502e416c6c6f6361746502066e6f7065210a000aff81030102ff8200000003ff8200";

enum { REQUEST = GOB_FIRST_OWN, ARGS, BOX, BOXES, TEXTS };
static const struct gob_member request_members[] = { { "ServiceMethod", GOB_STRING }, { "Seq", GOB_UINT } };
static const struct gob_member args_members[] = {
	{ "ContainerID", GOB_STRING }, { "Netns", GOB_STRING }, { "IfName", GOB_STRING }, { "Args", GOB_STRING },
	{ "Path", GOB_STRING }, { "NetnsOverride", GOB_STRING }, { "StdinData", GOB_BYTES },
};
static const struct gob_member box_members[] = {
	{ "Int", GOB_INT }, { "Uint", GOB_UINT }, { "Text", GOB_STRING }, { "Boxes", BOXES }, { "Texts", TEXTS },
};
static const struct gob_type rows[] = {
	{ .id = REQUEST, .kind = GOB_KIND_STRUCT, .name = "Request", .members = request_members, .n = 2 },
	{ .id = ARGS, .kind = GOB_KIND_STRUCT, .name = "CmdArgs", .members = args_members, .n = 7 },
	{ .id = BOX, .kind = GOB_KIND_STRUCT, .name = "Box", .members = box_members, .n = 5 },
	{ .id = BOXES, .kind = GOB_KIND_LIST, .name = "[]Box", .elem = BOX },
	{ .id = TEXTS, .kind = GOB_KIND_LIST, .name = "[]string", .elem = GOB_STRING },
};
static const struct gob_types types = { rows, ARRAY_LEN(rows) };

struct world {
	struct arena arena;
	struct gob_reader reader;
	struct err e;
};

static int world_new(void **state)
{
	static struct world w;

	arena_init(&w.arena, NULL, 0);
	gob_reader_init(&w.reader, &w.arena);
	w.e = ERR_INIT;
	*state = &w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;

	arena_done(&w->arena);
	return 0;
}

static struct bytes unhex(struct arena *a, const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *to = arena_alloc(a, n + 1);

	for (size_t i = 0; i < n; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		to[i] = (char)strtoul(digits, NULL, 16);
	}
	return (struct bytes){ to, n };
}

static void test_reads_the_reference(void **state)
{
	struct world *w = *state;
	struct bytes in = unhex(&w->arena, call_hex);
	const struct gob_value *v = NULL;

	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_non_null(v);
	assert_string_equal(gob_str(v, "ServiceMethod"), "DHCP.Allocate");
	assert_int_equal(gob_number(v, "Seq"), 0);
	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_non_null(v);
	assert_string_equal(gob_str(v, "ContainerID"), "c1");
	assert_string_equal(gob_str(v, "Netns"), "/run/netns/x");
	assert_string_equal(gob_str(v, "IfName"), "eth0");
	assert_string_equal(gob_str(v, "Args"), "A=b");
	assert_string_equal(gob_str(v, "NetnsOverride"), "");
	assert_int_equal(gob_bytes(v, "StdinData").len, 2);
	assert_int_equal(in.len, 0);
	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_null(v);
}

static void test_reads_a_refusal(void **state)
{
	struct world *w = *state;
	struct bytes in = unhex(&w->arena, refusal_hex);
	const struct gob_value *v = NULL;

	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_string_equal(gob_str(v, "Error"), "nope!\n");
	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_non_null(v);
	assert_int_equal(v->n, 0);
}

static void test_comes_in_pieces(void **state)
{
	struct world *w = *state;
	struct bytes whole = unhex(&w->arena, call_hex);
	size_t have = 0, values = 0;
	struct bytes in = { whole.data, 0 };

	while (have < whole.len) {
		const struct gob_value *v = NULL;

		have++;
		in.len++;
		assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
		values += v != NULL;
		if (v)
			assert_int_equal(in.len, 0);
	}
	assert_int_equal(values, 2);
}

static void test_writes_as_the_reference(void **state)
{
	struct world *w = *state;
	struct bytes want = unhex(&w->arena, call_hex);
	struct gob_value *header = gob_struct(&w->arena), *args = gob_struct(&w->arena);
	struct gob_writer writer = { .types = &types };
	struct buf out;

	gob_put_str(&w->arena, header, "ServiceMethod", "DHCP.Allocate");
	/* in any order: the definition decides */
	gob_put_bytes(&w->arena, args, "StdinData", (struct bytes){ "{}", 2 });
	gob_put_str(&w->arena, args, "ContainerID", "c1");
	gob_put_str(&w->arena, args, "Netns", "/run/netns/x");
	gob_put_str(&w->arena, args, "IfName", "eth0");
	gob_put_str(&w->arena, args, "Args", "A=b");
	gob_put_str(&w->arena, args, "Path", "/x");
	gob_put_str(&w->arena, args, "NetnsOverride", "");
	buf_init(&out, &w->arena, 0);
	gob_write(&writer, &out, REQUEST, header);
	gob_write(&writer, &out, ARGS, args);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(out.data, want.data, want.len);
	/* definitions are sent once */
	out.len = 0;
	gob_write(&writer, &out, REQUEST, header);
	assert_int_equal(out.len, 0x12 + 1);
}

static const int64_t numbers[] = { 1, -1, 63, 64, 127, 128, -128, 255, 256, 65536, INT32_MIN, INT64_MAX, INT64_MIN };

static struct gob_value *box(struct arena *a, int64_t number)
{
	struct gob_value *v = gob_struct(a);

	gob_put_number(a, v, "Int", number);
	gob_put_number(a, v, "Uint", number);
	return v;
}

static void test_there_and_back(void **state)
{
	struct world *w = *state;
	struct gob_value *v = gob_struct(&w->arena), *boxes = gob_list(&w->arena), *texts = gob_list(&w->arena);
	struct gob_writer writer = { .types = &types };
	const struct gob_value *back = NULL;
	struct bytes in;
	struct buf out;
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(numbers); k++)
		gob_put(boxes, NULL, box(&w->arena, numbers[k]));
	gob_put_str(&w->arena, texts, NULL, "");
	gob_put_str(&w->arena, texts, NULL, "x");
	gob_put(v, "Boxes", boxes);
	gob_put(v, "Texts", texts);
	buf_init(&out, &w->arena, 0);
	gob_write(&writer, &out, BOX, v);
	in = buf_bytes(&out);
	assert_true(gob_read(&w->reader, &w->arena, &in, &back, &w->e));
	assert_non_null(back);
	assert_int_equal(gob_get(back, "Boxes")->n, ARRAY_LEN(numbers));
	gob_each(one, gob_get(back, "Boxes"))
	{
		assert_int_equal(gob_number(one, "Int"), numbers[i]);
		assert_int_equal(gob_number(one, "Uint"), numbers[i]);
		i++;
	}
	assert_int_equal(gob_get(back, "Texts")->n, 2);
	assert_int_equal(gob_get(back, "Texts")->first->text.len, 0);
	assert_string_equal(gob_get(back, "Texts")->last->text.data, "x");
	assert_null(gob_get(back, "Text"));
	assert_string_equal(gob_str(back, "Boxes"), "");
}

/* type 65 = map[string]int, then {"a": 1}; a value that is no struct has a 0 in front */
static void test_map(void **state)
{
	struct world *w = *state;
	struct bytes in = unhex(&w->arena, "0eff81040102ff8200010c01040000"
					   "07ff8200010161"
					   "02");
	const struct gob_value *v = NULL;

	assert_true(gob_read(&w->reader, &w->arena, &in, &v, &w->e));
	assert_non_null(v);
	assert_int_equal(v->kind, GOB_KIND_MAP);
	assert_string_equal(v->first->text.data, "a");
	assert_int_equal(v->last->number, 1);
}

static const struct {
	const char *what, *hex, *why;
} bad[] = {
	{ "no length", "00", "of 0 bytes" },
	{ "too long", "fbffffffffff", " bytes" },
	{ "longer than a number", "f6000000000000000000", "does not fit" },
	{ "value of an unknown type", "03ff8201", "is not known" },
	{ "a number of the smallest kind", "09f8ffffffffffffffff", "is not known" },
	{ "interface value", "03100000", "is not known" },
	{ "definition of a built-in type", "020300", "cannot be defined" },
	{ "definition of nothing", "037f0000", "bytes behind" },
	{ "empty definition", "027f00", "as nothing" },
	{ "string longer than its message", "04" "0c" "00" "7f" "61", "announces more" },
	{ "one that begins in the middle", "040c010161", "begins in its middle" },
	{ "bytes behind", "050c0001" "61" "61", "bytes behind" },
	{ "a text that never ends", "020c00", "middle of a value" },
	/* type 64 = struct without members, then a value with one */
	{ "member too many", "0aff7f030102ff8000000004ff80" "0100", "" },
};

static void test_refuses(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct bytes in = unhex(&w->arena, bad[i].hex);
		const struct gob_value *v = (const void *)w;
		struct err e = ERR_INIT;

		gob_reader_init(&w->reader, &w->arena);
		if (gob_read(&w->reader, &w->arena, &in, &v, &e))
			fail_msg("%s was taken", bad[i].what);
		if (!strstr(e.text, bad[i].why))
			fail_msg("%s: %s", bad[i].what, e.text);
		assert_ptr_equal(v, w);
	}
}

/* A type that holds itself, and a value as deep as one likes. */
static void test_depth(void **state)
{
	struct world *w = *state;
	struct gob_value *v = box(&w->arena, 1);
	struct gob_writer writer = { .types = &types };
	const struct gob_value *back = NULL;
	struct bytes in;
	struct buf out;

	for (unsigned i = 0; i < GOB_DEPTH_MAX; i++) {
		struct gob_value *around = gob_struct(&w->arena), *list = gob_list(&w->arena);

		gob_put(list, NULL, v);
		gob_put(around, "Boxes", list);
		v = around;
	}
	buf_init(&out, &w->arena, 0);
	gob_write(&writer, &out, BOX, v);
	in = buf_bytes(&out);
	assert_false(gob_read(&w->reader, &w->arena, &in, &back, &w->e));
	assert_non_null(strstr(w->e.text, "deeper"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_the_reference, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_reads_a_refusal, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_comes_in_pieces, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_writes_as_the_reference, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_there_and_back, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_map, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_refuses, world_new, world_end),
		cmocka_unit_test_setup_teardown(test_depth, world_new, world_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
