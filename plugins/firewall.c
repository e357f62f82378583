// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Where a host forwards only what it is told to, a container's addresses are told to it: as sources of a zone where
 * firewalld runs, else as rules of table "filter" (firewall_plan.h). That table has two front ends which do not see
 * each other; a packet passes both, so the rules stand in each that the host uses: in nf_tables by netlink, in a legacy
 * table by one run of its iptables-restore per family, and only where the kernel says that there is such a table. On a
 * host with neither, nf_tables gets them, as iptables-nft would have made them.
 *
 * nf_tables: everything is planned on what was read, for both families in one transaction. If the plan relies on what
 * was read it is tied to the ruleset's generation, and made anew when somebody was faster; a plan that only appends to
 * chains that are there (the usual ADD) is not, so that many ADDs at once do not send each other back. The kernel lets
 * nobody read a long list while somebody changes it: on a crowded node those that were interrupted take turns.
 *
 * Legacy tables know no transactions: our own processes take turns by a lock.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/firewall_plan.h"

#define TRIES 64
#define TRIES_REFUSED 8 /* because something is missing, or in use: that can be somebody's haste, or the truth */
#define LEGACY_TRIES 4
#define LEGACY_PAUSE 32 /* so many steps of pause_a_little() more with each try */
#define LOCK "/run/crimp-firewall.lock"
#define LOCK_MS 60000

static const int families[2] = { AF_INET, AF_INET6 };

/* Plan changes of one table, as far as it is concerned. */
typedef bool plan(struct fw_table *t, void *arg, struct err *e);

struct work {
	struct arena *arena;
	plan *plan;
	void *arg;
	bool idle[2]; /* nothing is wanted of this family */
	bool busy;    /* nf_tables has refused often because a chain is in use */
	bool deletes; /* something was taken away */
};

// ---- nf_tables ----

static bool plan_all(struct work *w, struct fw_table t[2], struct nft_batch *b, bool *ret_structural, struct err *e)
{
	*ret_structural = false;
	for (int i = 0; i < 2; i++) {
		fw_table_plan(&t[i], b);
		if (!w->idle[i] && !w->plan(&t[i], w->arg, e))
			return false;
		*ret_structural |= t[i].structural;
		w->deletes |= t[i].deletes;
	}
	return true;
}

static bool nft_once(struct work *w, struct nl *nl, struct err *e)
{
	struct fw_table t[2];
	struct nft_batch b;
	uint32_t generation;
	bool structural;

	if (!nft_generation(nl, &generation, e))
		return false;
	for (int i = 0; i < 2; i++) {
		fw_table_init(&t[i], w->arena, nl, IPTABLES_NFT, families[i]);
		if (!w->idle[i] && !fw_table_read(&t[i], e))
			return false;
	}
	nft_begin_growing(&b, nl, w->arena);
	if (!plan_all(w, t, &b, &structural, e))
		return false;
	if (structural && !nft_batch_is_empty(&b)) {
		nft_begin_growing(&b, nl, w->arena);
		nft_only_at(&b, generation);
		if (!plan_all(w, t, &b, &structural, e))
			return false;
	}
	return nft_commit(&b, e);
}

static bool again(int num)
{
	return num == ERESTART || num == ENOENT || num == EEXIST || num == EBUSY || num == EINTR;
}

static void pause_a_little(int tries)
{
	uint8_t random;

	fs_random(&random, sizeof(random));
	poll(NULL, 0, tries ? random % (1 + tries / 2) : 0);
}

static bool take_turns(int *ret, struct err *e)
{
	return fs_lock(LOCK, 0600, false, fs_now_ms() + LOCK_MS, ret, e);
}

static bool nft_work(struct work *w, struct nl *nl, struct err *e)
{
	struct err why = ERR_INIT, ignored;
	autoclose int lock = -1;
	bool alone UNUSED;
	int refused = 0;

	for (int tries = 0; tries < TRIES && refused < TRIES_REFUSED; tries++) {
		if (nft_once(w, nl, &why))
			return true;
		if (!again(why.num))
			break;
		refused += why.num != ERESTART;
		if (why.num == EINTR && lock < 0)
			alone = take_turns(&lock, &ignored);
		pause_a_little(tries);
	}
	w->busy = why.num == EBUSY;
	if (why.num == ERESTART) {
		fail(&why, 0, "others have changed the ruleset during each of %d tries", TRIES);
		err_details(&why, "it can be repeated; \"nft monitor\" tells who changes so much");
	}
	*e = why;
	return wrap(e, "change iptables table filter in nf_tables");
}

static bool nft_run(struct work *w, struct err *e)
{
	struct nl nl = NL_CLOSED;
	bool ok;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	ok = nft_work(w, &nl, e);
	(w->deletes ? nft_close : nl_close)(&nl);
	return ok;
}

// ---- legacy tables ----

static bool legacy_once(struct work *w, int family, struct err *e)
{
	struct fw_table t;

	fw_table_init(&t, w->arena, NULL, IPTABLES_LEGACY, family);
	if (!fw_table_read(&t, e) || !w->plan(&t, w->arg, e))
		return false;
	return !t.text.len || iptables_legacy_restore(t.saved, family, buf_bytes(&t.text), e);
}

/* Somebody else's iptables may change what our text relies on. */
static bool legacy_tries(struct work *w, int family, struct err *e)
{
	struct err why = ERR_INIT;

	for (int tries = 0; tries < LEGACY_TRIES; tries++) {
		pause_a_little(LEGACY_PAUSE * tries);
		if (legacy_once(w, family, &why))
			return true;
	}
	*e = why;
	return wrap(e, "change legacy iptables table filter");
}

static bool legacy_run(struct work *w, int family, struct err *e)
{
	autoclose int lock = -1;

	return take_turns(&lock, e) && legacy_tries(w, family, e);
}

/* Without the lock, or when the kernel refuses all of it, the container's own rules go at least. */
static bool legacy_remove(struct work *w, struct fw_removal *r, int family, struct err *e)
{
	struct err ignored;
	autoclose int lock = -1;

	r->rules_only = !take_turns(&lock, &ignored);
	if (!r->rules_only && legacy_tries(w, family, &ignored))
		return true;
	r->rules_only = true;
	return legacy_tries(w, family, e);
}

static bool has_legacy(struct arena *a, int family)
{
	return iptables_has_legacy(family, "filter") && iptables_legacy_usable(a, family);
}

// ---- writing ----

struct adding {
	const struct firewall *f;
	enum fw_allow allow;
	bool legacy[2]; /* the legacy table gets the rules */
	bool old;       /* some of it was there before */
};

/* Beside a legacy table the one in nf_tables counts only if there is one already. */
static bool plan_add(struct fw_table *t, void *arg, struct err *e)
{
	struct adding *a = arg;
	int which = t->family == AF_INET6;
	bool fresh;

	if (t->front == IPTABLES_NFT && a->legacy[which] && !t->chain[FW_FORWARD].there)
		return true;
	if (!fw_plan_add(a->f, a->allow, t, &fresh, e))
		return false;
	a->old |= !fresh;
	return true;
}

static bool plan_remove(struct fw_table *t, void *arg, struct err *e)
{
	return fw_plan_remove(arg, t, e);
}

/* There is no nf_tables at all. Other than nft_is_missing(): what was just read and is not there now is a failure. */
static bool nft_is_absent(int num)
{
	return num == EAFNOSUPPORT || num == EOPNOTSUPP || num == EPROTONOSUPPORT;
}

static bool nft_remove(struct work *w, struct fw_removal *r, struct err *e)
{
	struct err why = ERR_INIT;

	r->rules_only = false;
	if (nft_run(w, &why) || nft_is_absent(why.num))
		return true;
	r->rules_only = true;
	if (w->busy)
		return nft_run(w, e);
	*e = why;
	return false;
}

/* Both front ends; what cannot be asked has nothing of ours. */
static bool remove_rules(const struct fw_removal *r, struct err *e)
{
	struct fw_removal removal = *r;
	struct work w = { .arena = r->f->arena, .plan = plan_remove, .arg = &removal };
	struct errs all = { 0 };
	struct err why = ERR_INIT;

	if (!nft_remove(&w, &removal, &why))
		errs_add(&all, &why);
	for (int i = 0; i < 2 && !r->stale; i++)
		if (has_legacy(w.arena, families[i]) && !legacy_remove(&w, &removal, families[i], &why))
			errs_add(&all, &why);
	return errs_done(&all, e);
}

static bool add_legacy(struct work *w, const struct adding *a, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (a->legacy[i] && !legacy_run(w, families[i], e))
			return false;
	return true;
}

/* Would the kernel take the rules? It judges them in a table of another name, and forgets them. */
static bool nft_usable(const struct firewall *f, struct err *e)
{
	static struct ip address = { { [10] = 0xff, 0xff, 10 } };
	struct firewall all = *f;
	autonl nl = NL_CLOSED;
	struct fw_table t;
	struct nft_batch b;
	bool fresh;

	all.policy = INGRESS_ISOLATED;
	all.bridge = "cni0";
	all.ips[0] = &address;
	all.n_ips[0] = 1;
	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	fw_table_init(&t, f->arena, &nl, IPTABLES_NFT, AF_INET);
	t.name = "crimp_firewall_probe";
	for (size_t i = 0; i < FW_CHAINS; i++)
		t.chain[i].name = fw_chain_names[i];
	nft_begin_growing(&b, &nl, f->arena);
	t.batch = &b;
	return fw_plan_add(&all, FW_ALLOW_ALWAYS, &t, &fresh, e) && nft_try(&b, e);
}

static bool add_rules(const struct firewall *f, enum fw_allow allow, struct err *e)
{
	struct adding a = { .f = f, .allow = allow };
	struct work w = { .arena = f->arena, .plan = plan_add, .arg = &a };
	struct err why = ERR_INIT, ignored;

	for (int i = 0; i < 2; i++) {
		w.idle[i] = !f->n_ips[i];
		a.legacy[i] = f->backend != FIREWALL_NFTABLES && f->n_ips[i] && has_legacy(f->arena, families[i]);
	}
	if (!nft_run(&w, &why)) {
		if (f->backend == FIREWALL_NFTABLES || !nft_is_missing(why.num) ||
		    !iptables_legacy_usable(f->arena, f->n_ips[0] ? AF_INET : AF_INET6) || nft_usable(f, &ignored)) {
			*e = why;
			return false;
		}
		for (int i = 0; i < 2; i++)
			a.legacy[i] = f->n_ips[i];
	}
	if (add_legacy(&w, &a, e))
		return true;
	if (why.num)
		wrap(e, "nftables: %s; iptables", why.text);
	if (!a.old) {
		bool undone UNUSED = remove_rules(&(struct fw_removal){ .f = f }, &ignored);
	}
	return false;
}

// ---- the verbs ----

/* firewalld, if the configuration wants it: because it says so, or says nothing and it runs. */
static bool open_zone(const struct firewall *f, struct dbus *d, bool *ret_there, struct err *e)
{
	struct err why = ERR_INIT;

	*ret_there = false;
	if (f->backend != FIREWALL_AUTO && f->backend != FIREWALL_FIREWALLD)
		return true;
	*ret_there = firewall_zone_open(d, f->arena, &why);
	if (*ret_there || f->backend == FIREWALL_AUTO)
		return true;
	*e = why;
	return wrap(e, "backend firewalld");
}

static enum fw_allow allowance(bool zone)
{
	return zone ? FW_ALLOW_IF_DROPPING : FW_ALLOW_ALWAYS;
}

static bool firewall_add(const struct request *r, struct result *ret, struct err *e)
{
	autodbus bus = DBUS_CLOSED;
	struct firewall f;
	struct result prev;
	const bool *fresh = NULL;
	bool there, zone;

	if (!firewall_read(r, true, &f, e) || !request_prev(r, &prev, &there, e))
		return false;
	if (!there)
		return fail_code(e, CNI_INVALID_CONFIG, "missing prevResult from earlier plugin");
	if (!firewall_take(&f, &prev, true, e) || !open_zone(&f, &bus, &zone, e))
		return false;
	if (zone && !firewall_zone_add(&bus, &f, &fresh, e))
		return wrap(e, "firewall for %s", r->container_id);
	if (!add_rules(&f, allowance(zone), e)) {
		if (zone)
			firewall_zone_del(&bus, &f, fresh);
		return wrap(e, "firewall for %s", r->container_id);
	}
	*ret = prev;
	return true;
}

static bool firewall_del(const struct request *r, struct err *e)
{
	struct fw_removal removal = { 0 };
	autodbus bus = DBUS_CLOSED;
	struct err ignored;
	struct firewall f;
	struct result prev;
	bool there = false, zone;

	if (!firewall_read(r, false, &f, e))
		return false;
	if (request_prev(r, &prev, &there, &ignored) && there && !firewall_take(&f, &prev, false, e))
		return false;
	removal.f = &f;
	if (open_zone(&f, &bus, &zone, &ignored) && zone) {
		struct ip *others = NULL;

		firewall_zone_del(&bus, &f, NULL);
		removal.zone = f.policy != INGRESS_OPEN &&
			       firewall_zone_others(&bus, &f, &others, &removal.n_others, &ignored);
		removal.others = others;
	}
	return remove_rules(&removal, e) || wrap(e, "firewall for %s", r->container_id);
}

static bool check_family(const struct firewall *f, enum fw_allow allow, enum iptables_front front, int family,
			 struct err *e)
{
	autonl nl = NL_CLOSED;
	struct fw_table t;

	if (front == IPTABLES_NFT && !nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	fw_table_init(&t, f->arena, &nl, front, family);
	return fw_table_read(&t, e) && fw_plan_check(f, allow, &t, e);
}

/* One front end is enough: which one there is besides may have changed since. */
static bool check_rules(const struct firewall *f, enum fw_allow allow, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		struct err why = ERR_INIT, legacy = ERR_INIT;

		if (!f->n_ips[i] || check_family(f, allow, IPTABLES_NFT, families[i], &why))
			continue;
		if (has_legacy(f->arena, families[i]) && check_family(f, allow, IPTABLES_LEGACY, families[i], &legacy))
			continue;
		*e = why;
		return false;
	}
	return true;
}

static bool firewall_check(const struct request *r, struct err *e)
{
	autodbus bus = DBUS_CLOSED;
	struct firewall f;
	struct result prev;
	bool zone;

	if (!firewall_read(r, true, &f, e) || !request_prev_required(r, &prev, e) ||
	    !firewall_take(&f, &prev, true, e) || !open_zone(&f, &bus, &zone, e))
		return false;
	return (!zone || firewall_zone_check(&bus, &f, e)) && check_rules(&f, allowance(zone), e);
}

/* Rules of legacy tables and sources of zones do not say whose they are: those stay. */
static bool firewall_gc(const struct request *r, struct err *e)
{
	struct attachments valid;
	struct firewall f;

	if (!r->net.has_valid) /* nobody says who is valid: then nobody is stale */
		return true;
	if (!firewall_read(r, false, &f, e))
		return false;
	attachments_init(&valid, r->arena, r->net.name, attachments_valid(r), r->net.n_valid);
	return remove_rules(&(struct fw_removal){ .f = &f, .stale = &valid }, e) ||
	       wrap(e, "clean up firewall of network %s", r->net.name);
}

static bool firewall_status(const struct request *r, struct err *e)
{
	autodbus bus = DBUS_CLOSED;
	struct err why = ERR_INIT;
	struct firewall f;
	bool zone;

	if (!firewall_read(r, true, &f, e))
		return false;
	if (!open_zone(&f, &bus, &zone, &why))
		return fail_code(e, CNI_NOT_AVAILABLE, "%s", why.text);
	if (zone || nft_usable(&f, &why))
		return true;
	if (f.backend != FIREWALL_NFTABLES && iptables_legacy_usable(r->arena, AF_INET))
		return true;
	return fail_code(e, CNI_NOT_AVAILABLE, "the kernel does not take iptables rules in nf_tables: %s", why.text);
}

const struct plugin firewall_plugin = {
	.name = "firewall",
	.about = "let a container's traffic through the host's firewall",
	.versions = versions_from_040,
	.add = firewall_add,
	.check = firewall_check,
	.del = firewall_del,
	.gc = firewall_gc,
	.status = firewall_status,
};
