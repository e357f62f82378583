// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/wait.h>

#include "cni/error.h"
#include "cni/invoke.h"
#include "lib/str.h"

#define QUOTE_MAX 400 /* how much of an output goes into a failure's text */

static bool is_set(const char *entry, const struct arg *set, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(set[i].key);

		if (strncmp(entry, set[i].key, len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

/* Has the list from @next on another entry of the same name? */
static bool is_repeated(const char *entry, char *const *next)
{
	const char *equals = strchr(entry, '=');
	size_t len = equals ? (size_t)(equals + 1 - entry) : 0;

	for (; len && *next; next++)
		if (strncmp(*next, entry, len) == 0)
			return true;
	return false;
}

char **env_with(struct arena *a, char *const *base, const struct arg *set, size_t n)
{
	size_t count = 0, used = 0;
	char **env;

	while (base && base[count])
		count++;
	env = arena_array(a, count + n + 1, sizeof(*env));
	for (size_t i = 0; i < count; i++)
		if (!is_set(base[i], set, n) && !is_repeated(base[i], base + i + 1))
			env[used++] = base[i];
	for (size_t i = 0; i < n; i++)
		env[used++] = arena_printf(a, "%s=%s", set[i].key, set[i].value ? set[i].value : "");
	return env;
}

/*
 * One line's worth of an output: ends trimmed, control characters blanked; of a long one the end, where the reason
 * is.
 */
static const char *quote(struct arena *a, struct bytes text)
{
	const char *cut = "";
	char *dst;

	while (text.len && (unsigned char)text.data[text.len - 1] <= ' ')
		text.len--;
	while (text.len && (unsigned char)*text.data <= ' ')
		text.data++, text.len--;
	if (text.len > QUOTE_MAX) {
		text.data += text.len - QUOTE_MAX;
		text.len = QUOTE_MAX;
		cut = "...";
	}
	/* Not in the middle of a character. */
	while (*cut && text.len && ((unsigned char)*text.data & 0xC0) == 0x80)
		text.data++, text.len--;
	dst = arena_alloc(a, 3 * text.len + sizeof("...")); /* a byte that is no UTF-8 becomes three */
	utf8_copy(dst, 3 * text.len + sizeof("..."), arena_printf(a, "%s%.*s", cut, (int)text.len, text.data));
	for (char *p = dst; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7F)
			*p = ' ';
	return dst;
}

/* The last object at the top level of @text, wherever it begins: what follows a result or log lines. Empty if none. */
static struct bytes last_object(struct bytes text)
{
	struct bytes last = { text.data, 0 };
	size_t depth = 0, start = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"' && depth) {
			in_string = true;
		} else if (c == '{') {
			if (!depth++)
				start = i;
		} else if (c == '}' && depth && !--depth) {
			last = (struct bytes){ text.data + start, i + 1 - start };
		}
	}
	return last;
}

/* Has it what no result has? */
static bool is_error(const struct json *j)
{
	const struct json *code = json_fold(j, "code");

	return json_is(code, JSON_NUMBER) && json_is(json_fold(j, "msg"), JSON_STRING) &&
	       !(code->raw.len == 1 && *code->raw.data == '0');
}

/* The error object in what was printed; false if there is none. */
static bool error_in(struct arena *a, const struct reply *r, bool must_look_like_one, struct err *ret)
{
	struct err ignored = ERR_INIT;
	const struct json *j = r->json;

	if (!j) {
		struct bytes last = last_object(r->end.out);

		must_look_like_one = true;
		/* The whole was no JSON, so what is as long is none. */
		if (!last.len || last.len == r->end.out.len || !json_parse(a, last, &j, &ignored))
			return false;
	}
	if (must_look_like_one && !is_error(j))
		return false;
	return error_parse(j, ret, &ignored);
}

static void reply_read(struct arena *a, struct reply *r)
{
	struct err why = ERR_INIT;

	r->json = NULL;
	r->why_not = "";
	if (r->end.out.len && !json_parse(a, r->end.out, &r->json, &why))
		r->why_not = arena_strdup(a, why.text);
}

static bool judge_silent(struct arena *a, const struct proc_end *end, struct err *e)
{
	const char *how = proc_status_text(a, end->status), *err = quote(a, end->err);

	if (*err)
		return fail(e, 0, "%s: %s", how, err);
	return fail(e, 0, "%s, and it printed nothing", how);
}

bool invoke_judge(struct arena *a, struct reply *r, struct err *e)
{
	const struct proc_end *end = &r->end;
	bool fine = WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
	struct err said = ERR_INIT;

	reply_read(a, r);
	if (fine && (!end->out.len || !error_in(a, r, true, &said)))
		return true;
	if (fine) {
		*e = said;
		return wrap(e, "it ended with exit status 0 but says that it failed");
	}
	if (!end->out.len)
		return judge_silent(a, end, e);
	if (!error_in(a, r, false, &said))
		return fail(e, 0, "%s, and its output is no error object: %s", proc_status_text(a, end->status),
			    quote(a, end->out));
	if (!said.text[0]) {
		int code = said.code;

		fail_code(&said, code, "%s, error code %d without a message", proc_status_text(a, end->status), code);
	}
	*e = said;
	return false;
}

static bool add_quoted(struct arena *a, const char *label, const char *text, struct err *e)
{
	if (*text && !strstr(e->text, text))
		utf8_copy(e->text, sizeof(e->text), arena_printf(a, "%s (%s: %s)", e->text, label, text));
	return false;
}

bool invoke_add_stderr(struct arena *a, const struct proc_end *end, struct err *e)
{
	return add_quoted(a, "stderr", quote(a, end->err), e);
}

bool invoke(struct arena *a, const struct proc_run *p, struct reply *ret, struct err *e)
{
	*ret = (struct reply){ .why_not = "" };
	return proc_run(a, p, &ret->end, e) && invoke_judge(a, ret, e);
}

bool invoke_result(struct arena *a, const struct reply *reply, const char *version, struct result *ret,
		   const struct json **ret_json, struct err *e)
{
	const struct json *j = reply->json;
	const char *printed;
	struct result r;

	if (!j) {
		printed = quote(a, reply->end.out);
		if (!*printed)
			return fail_code(e, CNI_DECODING_FAILURE, "it ended well but printed no result");
		fail_code(e, CNI_DECODING_FAILURE, "result: %s", reply->why_not);
		return add_quoted(a, "it printed", printed, e);
	}
	if (j->type == JSON_NULL && !json_parse(a, (struct bytes){ "{}", 2 }, &j, e))
		return false;
	memset(&r, 0, sizeof(r));
	if (!result_read(a, j, version, false, &r, e))
		return wrap(e, "result");
	*ret = r;
	if (ret_json)
		*ret_json = j;
	return true;
}
