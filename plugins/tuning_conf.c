// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning.h"

#include "cni/args.h"
#include "lib/field.h"
#include "lib/str.h"

#define DATA_DIR "/run/cni/tuning"
#define IFNAME_MARK "IFNAME"

/* Knobs of one place, in the order of the text. */
struct knobs {
	struct knob *v;
	size_t n, cap;
};
struct number { bool there; int32_t v; };
/* What stands at the top level and what stands under args.cni, which wins. */
struct draft {
	const char *data_dir, *mac;
	struct knobs knobs;
	struct flag promisc, allmulti;
	struct number mtu, txqlen;
};
struct runtime {
	const char *mac;
};

static field_read read_knobs;

static const struct field conf_fields[] = {
	FIELD_AS("dataDir", struct draft, data_dir, read_str),
	FIELD_AS("sysctl", struct draft, knobs, read_knobs),
	FIELD_AS("mac", struct draft, mac, read_str),
	FIELD_AS("promisc", struct draft, promisc.on, read_bool),
	FIELD_AS("promisc", struct draft, promisc.there, read_present),
	FIELD_AS("mtu", struct draft, mtu.v, read_i32),
	FIELD_AS("mtu", struct draft, mtu.there, read_present),
	FIELD_AS("allmulti", struct draft, allmulti.on, read_bool),
	FIELD_AS("allmulti", struct draft, allmulti.there, read_present),
	FIELD_AS("txQLen", struct draft, txqlen.v, read_i32),
	FIELD_AS("txQLen", struct draft, txqlen.there, read_present),
	{ 0 }
};

static const struct field runtime_fields[] = {
	FIELD_AS("mac", struct runtime, mac, read_str),
	{ 0 }
};

// ---- knobs ----

static struct knob *knobs_add(struct arena *a, struct knobs *k)
{
	if (k->n == k->cap)
		k->v = arena_grow(a, k->v, k->n, &k->cap, sizeof(*k->v));
	k->v[k->n] = (struct knob){ .key = NULL };
	return &k->v[k->n++];
}

static bool read_knobs(struct arena *a, const struct json *v, void *dst, const struct field *f, struct err *e)
{
	struct knobs *k = dst;

	if (!json_is(v, JSON_OBJECT))
		return fail(e, 0, "want an object, have %s", json_type_name(v));
	json_each(m, v) {
		const char *value;

		if (m->type == JSON_NULL)
			continue;
		if (strlen(m->key) != m->key_len)
			return fail(e, 0, "want keys without NUL characters");
		if (!read_str(a, m, &value, f, e))
			return wrap(e, "%s", m->key);
		for (size_t i = 0; i < k->n; i++)
			if (str_eq(k->v[i].key, m->key))
				return fail_code(e, CNI_INVALID_CONFIG,
						 "duplicated sysctl keys are not allowed: \"%s\"", m->key);
		*knobs_add(a, k) = (struct knob){ .key = m->key, .value = value };
	}
	return true;
}

/*
 * Dots become slashes, the first IFNAME the interface, and of the way there only what leads on is kept; a name with two
 * dots has become two slashes, so nothing leads upwards. False: not below net/.
 */
static bool knob_path(struct arena *a, const char *key, const char *ifname, const char **ret)
{
	char *slashes = arena_strdup(a, key), *mark;
	struct buf out;

	for (char *c = slashes; *c; c++)
		if (*c == '.')
			*c = '/';
	mark = strstr(slashes, IFNAME_MARK);
	if (mark && *ifname)
		slashes =
			arena_printf(a, "%.*s%s%s", (int)(mark - slashes), slashes, ifname, mark + strlen(IFNAME_MARK));
	buf_init(&out, a, strlen(slashes) + 1);
	for (char **part = str_split_nonempty(a, slashes, '/', NULL); *part; part++)
		buf_printf(&out, "%s%s", out.len ? "/" : "", *part);
	*ret = buf_str(&out);
	return str_starts(*ret, "net/");
}

/* Two spellings of one knob: the later place, args.cni, wins; in one place nobody could say which. */
static bool knobs_resolve(const struct request *r, const struct knobs *from, struct knobs *all, struct err *e)
{
	size_t older = all->n;

	for (size_t i = 0; i < from->n; i++) {
		struct knob k = from->v[i], *same = NULL;

		if (!knob_path(r->arena, k.key, r->ifname, &k.path))
			return fail_code(e, CNI_INVALID_CONFIG,
					 "invalid net sysctl key: \"%s\" (must be below \"net.\")", k.key);
		for (size_t j = 0; j < all->n && !same; j++) {
			if (!str_eq(all->v[j].path, k.path))
				continue;
			same = &all->v[j];
			if (j >= older)
				return fail_code(e, CNI_INVALID_CONFIG,
						 "duplicated sysctl keys are not allowed: \"%s\", \"%s\"", same->key,
						 k.key);
		}
		*(same ? same : knobs_add(r->arena, all)) = k;
	}
	return true;
}

// ---- all ----

static void overlay(struct draft *d, const struct draft *over)
{
	if (over->mac)
		d->mac = over->mac;
	if (over->promisc.there)
		d->promisc = over->promisc;
	if (over->mtu.there)
		d->mtu = over->mtu;
	if (over->allmulti.there)
		d->allmulti = over->allmulti;
	if (over->txqlen.there)
		d->txqlen = over->txqlen;
}

static bool decode(const struct request *r, struct draft *d, struct draft *over, struct runtime *run, struct err *e)
{
	const char *place = NULL;

	if (json_fields(r->arena, r->conf, conf_fields, d, e)) {
		if (json_fields(r->arena, r->net.runtime, runtime_fields, run, e)) {
			if (json_fields(r->arena, r->net.args_cni, conf_fields, over, e))
				return true;
			place = "args: cni";
		} else {
			place = "runtimeConfig";
		}
	}
	if (!e->code)
		e->code = CNI_DECODING_FAILURE;
	if (place)
		wrap(e, "%s", place);
	return wrap(e, "failed to load netconf");
}

/* The configuration, CNI_ARGS, the runtime, args.cni: the last one that says something. */
static bool mac_choose(const struct request *r, struct draft *d, const struct runtime *run, const struct draft *over,
		       struct tuning *t, struct err *e)
{
	struct arg known[] = { { .key = "MAC" } };

	if (!args_read(r->arena, r->args, known, ARRAY_LEN(known), e))
		return false;
	if (!str_empty(known[0].value))
		d->mac = known[0].value;
	if (!str_empty(run->mac))
		d->mac = run->mac;
	if (over->mac)
		d->mac = over->mac;
	if (str_empty(d->mac))
		return true;
	t->mac_text = d->mac;
	if (mac_parse(d->mac, &t->mac, e))
		return true;
	e->code = CNI_INVALID_CONFIG;
	return wrap(e, "mac");
}

static bool number_check(const char *key, const struct number *n, struct err *e)
{
	return n->v >= 0 ||
	       fail_code(e, CNI_INVALID_CONFIG, "invalid %s %d (must be between 0 and %d)", key, n->v, INT32_MAX);
}

bool tuning_conf_read(const struct request *r, struct tuning *ret, struct err *e)
{
	struct draft d = { .mac = NULL }, over = { .mac = NULL };
	struct runtime run = { .mac = NULL };
	struct tuning t = { .data_dir = DATA_DIR };
	struct knobs all = { .n = 0 };

	if (!decode(r, &d, &over, &run, e) || !mac_choose(r, &d, &run, &over, &t, e))
		return false;
	overlay(&d, &over);
	if (!number_check("mtu", &d.mtu, e) || !number_check("txQLen", &d.txqlen, e) ||
	    !knobs_resolve(r, &d.knobs, &all, e) || !knobs_resolve(r, &over.knobs, &all, e))
		return false;
	if (!str_empty(d.data_dir))
		t.data_dir = d.data_dir;
	t.knobs = all.v;
	t.n_knobs = all.n;
	t.mtu = (uint32_t)d.mtu.v;
	t.promisc = d.promisc.on;
	t.allmulti = d.allmulti;
	t.has_txqlen = d.txqlen.there;
	t.txqlen = (uint32_t)d.txqlen.v;
	*ret = t;
	return true;
}

const char *tuning_data_dir(const struct request *r)
{
	const struct json *dir = json_fold(r->conf, "dataDir");

	return json_is(dir, JSON_STRING) && *dir->str ? dir->str : DATA_DIR;
}

bool tuning_has_link(const struct tuning *t)
{
	return t->mac_text || t->mtu || t->promisc || t->allmulti.there || t->has_txqlen;
}

bool knob_equal(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";

	for (;;) {
		a += strspn(a, blanks);
		b += strspn(b, blanks);
		size_t len = strcspn(a, blanks);

		if (len != strcspn(b, blanks) || strncmp(a, b, len) != 0)
			return false;
		if (!len)
			return true;
		a += len;
		b += len;
	}
}
