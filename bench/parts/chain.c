// SPDX-License-Identifier: Apache-2.0
#include "bench/parts/chain.h"

#include "bench/parts/call.h"
#include "bench/parts/space.h"
#include "lib/buf.h"
#include "lib/str.h"

#define STATUS_SINCE "1.1.0"
#define USUAL_VERSION "1.0.0"

size_t chain_len(const struct chain *c)
{
	size_t n = 0;

	while (n < STEPS_MAX && c->steps[n].plugin)
		n++;
	return n;
}

bool pod_make(struct bench *b, struct pod *ret, struct err *e)
{
	struct pod p = { .serial = ++b->serial };

	snprintf(p.id, sizeof(p.id), "pod-%06u", p.serial);
	if ((size_t)snprintf(p.space, sizeof(p.space), "%s/%s", b->work, p.id) >= sizeof(p.space))
		return fail(e, 0, "%s: too long a path", b->work);
	if (!space_make(p.space, e))
		return false;
	*ret = p;
	return true;
}

void pod_drop(const struct pod *p)
{
	space_drop(p->space);
}

unsigned pod_port(const struct pod *p)
{
	return 10000 + p->serial * 2 % 50000;
}

const char *set_store(struct arena *a, const struct bench *b, const struct set *s)
{
	return arena_printf(a, "%s/store-%u-%s", b->work, b->course, s->name);
}

static void put_word(struct buf *out, const char *word, size_t len, const struct bench *b, const struct set *s,
		     const struct pod *p)
{
	if (len == 5 && memcmp(word, "store", len) == 0)
		buf_puts(out, set_store(out->arena, b, s));
	else if (len == 4 && memcmp(word, "port", len) == 0)
		buf_printf(out, "%u", pod_port(p));
	else if (len == 5 && memcmp(word, "port2", len) == 0)
		buf_printf(out, "%u", pod_port(p) + 1);
}

/* Every second piece between the @ is a word. */
static const char *fill_in(struct arena *a, const char *text, const struct bench *b, const struct set *s,
			   const struct pod *p)
{
	struct buf out;
	bool word = false;

	buf_init(&out, a, 1024);
	for (;;) {
		size_t len = strcspn(text, "@");

		if (word)
			put_word(&out, text, len, b, s, p);
		else
			buf_put(&out, text, len);
		if (!text[len])
			return buf_str(&out);
		text += len + 1;
		word = !word;
	}
}

static const char *configuration(struct arena *a, const struct bench *b, const struct set *s, const struct step *step,
				 const struct pod *p, const char *op, const char *prev)
{
	bool status = str_eq(op, "STATUS");
	const char *keys = step->conf ? fill_in(a, step->conf, b, s, p) : "";

	return arena_printf(a, "{\"cniVersion\":\"%s\",\"name\":\"bench\",\"type\":\"%s\"%s%s%s%s}",
			    status ? STATUS_SINCE : USUAL_VERSION, step->plugin, *keys ? "," : "", keys,
			    *prev ? ",\"prevResult\":" : "", prev);
}

static void add_up(struct sample *total, const struct sample *s)
{
	total->wall_us += s->wall_us;
	total->cpu_us += s->cpu_us;
	total->faults += s->faults;
}

static bool run_steps(struct arena *a, const struct bench *b, const struct set *s, const struct chain *c, struct pod *p,
		      struct chain_run *r, struct err *e)
{
	char *const peak[] = { (char *)b->peak, NULL };
	size_t n = chain_len(c);
	bool add = str_eq(r->op, "ADD"), back = str_eq(r->op, "DEL"), bare = str_eq(r->op, "STATUS");
	const char *prev = add || bare ? "" : p->result, *out;

	for (size_t i = 0; i < n; i++) {
		size_t at = back ? n - 1 - i : i;
		struct call call = { s->bin,
				     c->steps[at].plugin,
				     r->op,
				     bare ? "" : p->id,
				     bare ? "" : p->space,
				     bare ? "" : "eth0",
				     NULL,
				     r->peak ? peak : r->launcher,
				     r->peak };

		call.conf = configuration(a, b, s, &c->steps[at], p, r->op, prev);
		r->failed_at = at;
		if (!call_run(a, &call, &r->steps[at], &out, e))
			return false;
		add_up(&r->total, &r->steps[at]);
		if (add)
			prev = out;
	}
	if (add && (size_t)snprintf(p->result, sizeof(p->result), "%s", prev) >= sizeof(p->result))
		return fail(e, 0, "the result of %s is too long for a benchmark", c->steps[n - 1].plugin);
	return true;
}

bool chain_run(struct arena *a, const struct bench *b, const struct set *s, const struct chain *c, struct pod *p,
	       struct chain_run *r, struct err *e)
{
	struct children before;
	double answered;

	r->total = (struct sample){ .wall_us = 0 };
	if (r->wait)
		children_note(&before);
	if (!run_steps(a, b, s, c, p, r, e))
		return false;
	if (r->wait) {
		answered = clock_us();
		children_wait(&before);
		r->total.gone_us = r->total.wall_us + (clock_us() - answered);
	}
	return true;
}
