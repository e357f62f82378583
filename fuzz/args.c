// SPDX-License-Identifier: Apache-2.0
/*
 * Any text as CNI_ARGS. A failure leaves the outputs alone; a success gives values that stand in the text after their
 * key, and text with more than one '=' or none in a piece never succeeds.
 */
#include "fuzz/claim.h"
#include "cni/args.h"

static bool well_formed(const char *text)
{
	int equals = 0;

	if (!*text)
		return true;
	for (;; text++) {
		if (*text == '=')
			equals++;
		if (*text && *text != ';')
			continue;
		if (equals != 1)
			return false;
		equals = 0;
		if (!*text)
			return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char untouched[] = "untouched";
	struct arg known[] = { { "IP", untouched }, { "MAC", untouched }, { "K8S_POD_NAME", untouched } };
	struct err e = ERR_INIT;
	struct arena a;
	char *text;
	bool ok;

	arena_init(&a, NULL, 0);
	text = arena_strndup(&a, (const char *)data, size);
	ok = args_read(&a, text, known, ARRAY_LEN(known), &e);
	claim(!ok || well_formed(text), "pieces have one =");
	claim(ok || (*e.text && e.code), "a failure has a text and a code");
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const char *value = known[i].value;

		claim((value == untouched) == !ok, "outputs are set on success, and only then");
		if (ok && value)
			claim(strstr(text, arena_printf(&a, "%s=%s", known[i].key, value)), "a value is from the text");
	}
	arena_done(&a);
	return 0;
}
