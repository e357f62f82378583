// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/range.h"

#include "lib/buf.h"

/* Inside the subnet, and inside start..end as far as they are known. */
static bool range_has(const struct range *r, const struct ip *ip)
{
	if (!cidr_has(&r->subnet, ip))
		return false;
	if (!ip_is_unset(&r->start) && ip_cmp(ip, &r->start) < 0)
		return false;
	return ip_is_unset(&r->end) || ip_cmp(ip, &r->end) <= 0;
}

const struct range *range_find(const struct range_set *set, const struct ip *ip)
{
	for (size_t i = 0; i < set->n; i++)
		if (range_has(&set->ranges[i], ip))
			return &set->ranges[i];
	return NULL;
}

static bool outside(const char *what, const struct ip *ip, const struct cidr *subnet, struct err *e)
{
	char ip_buf[IP_TEXT_MAX], subnet_buf[CIDR_TEXT_MAX];

	return fail(e, 0, "%s %s not in network %s", what, ip_text(ip, ip_buf), cidr_text(subnet, subnet_buf));
}

static bool subnet_check(const struct range *r, struct err *e)
{
	struct ip network = cidr_network(&r->subnet);
	char text[CIDR_TEXT_MAX];

	if (!r->has_subnet)
		return fail(e, 0, "subnet: missing key");
	if (r->subnet.len > ip_bits(&r->subnet.ip) - 2)
		return fail(e, 0, "Network %s too small to allocate from", cidr_text(&r->subnet, text));
	if (!ip_eq(&network, &r->subnet.ip))
		return fail(e, 0, "Network has host bits set. For a subnet mask of length %u the network address is %s",
			    r->subnet.len, ip_text(&network, text));
	return true;
}

// ---- what is excluded ----

static const struct span *span_of(const struct range *r, const struct ip *ip)
{
	const struct span *v = r->exclude.items;

	for (size_t i = 0; i < r->exclude.n; i++)
		if (ip_cmp(&v[i].first, ip) <= 0 && ip_cmp(ip, &v[i].last) <= 0)
			return &v[i];
	return NULL;
}

bool range_excludes(const struct range *r, const struct ip *ip)
{
	return span_of(r, ip);
}

bool range_skip(const struct range *r, struct ip *ip, const struct ip *last)
{
	const struct span *s;

	while ((s = span_of(r, ip))) {
		if (ip_cmp(&s->last, last) >= 0)
			return false;
		*ip = ip_add(&s->last, 1);
	}
	return ip_cmp(ip, last) <= 0;
}

static int by_first(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return ip_cmp(&x->first, &y->first);
}

/* In order, and what overlaps or touches is one. */
static void spans_merge(struct list *l)
{
	struct span *v = l->items;
	size_t n = 0;

	if (!l->n)
		return;
	qsort(v, l->n, sizeof(*v), by_first);
	for (size_t i = 1; i < l->n; i++) {
		if (ip_cmp(&v[i].first, &v[n].last) > 0 && ip_distance(&v[n].last, &v[i].first) > 1)
			v[++n] = v[i];
		else if (ip_cmp(&v[i].last, &v[n].last) > 0)
			v[n].last = v[i].last;
	}
	l->n = n + 1;
}

/* Is there an address that is neither excluded nor the gateway? */
static bool leaves_any(const struct range *r)
{
	struct ip ip = r->start;

	while (range_skip(r, &ip, &r->end)) {
		if (!ip_eq(&ip, &r->gateway))
			return true;
		ip = ip_add(&ip, 1);
	}
	return false;
}

static bool exclude_complete(struct range *r, struct err *e)
{
	const struct span *v = r->exclude.items;
	char first[IP_TEXT_MAX], last[IP_TEXT_MAX];

	for (size_t i = 0; i < r->exclude.n; i++) {
		if (!cidr_has(&r->subnet, &v[i].first))
			return outside("exclude:", &v[i].first, &r->subnet, e);
		if (!cidr_has(&r->subnet, &v[i].last))
			return outside("exclude:", &v[i].last, &r->subnet, e);
	}
	spans_merge(&r->exclude);
	return !r->exclude.n || leaves_any(r) ||
	       fail(e, 0, "exclude: no address of %s-%s is left", ip_text(&r->start, first), ip_text(&r->end, last));
}

static bool range_complete(struct range *r, struct err *e)
{
	if (!subnet_check(r, e))
		return false;

	struct ip first = ip_add(&r->subnet.ip, 1), last = cidr_last(&r->subnet);

	if (ip_is_unset(&r->gateway))
		r->gateway = first;
	if (ip_is_unset(&r->start))
		r->start = first;
	else if (!range_has(r, &r->start))
		return outside("RangeStart", &r->start, &r->subnet, e);
	if (ip_is_unset(&r->end))
		r->end = ip_is4(&last) ? ip_add(&last, -1) : last;
	else if (!range_has(r, &r->end))
		return outside("RangeEnd", &r->end, &r->subnet, e);
	return exclude_complete(r, e);
}

static bool ranges_overlap(const struct range *a, const struct range *b)
{
	return range_has(a, &b->start) || range_has(a, &b->end) || range_has(b, &a->start) || range_has(b, &a->end);
}

static bool sets_overlap(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (ranges_overlap(&a->ranges[i], &b->ranges[j]))
				return true;
	return false;
}

static char *range_text(struct arena *a, const struct range *r)
{
	char start[IP_TEXT_MAX], end[IP_TEXT_MAX];

	return arena_printf(a, "%s-%s", ip_text(&r->start, start), ip_text(&r->end, end));
}

const char *range_set_text(struct arena *a, const struct range_set *set)
{
	struct buf b;

	buf_init(&b, a, 64);
	for (size_t i = 0; i < set->n; i++) {
		if (i)
			buf_putc(&b, ',');
		buf_puts(&b, range_text(a, &set->ranges[i]));
	}
	return buf_str(&b);
}

static bool set_complete(struct arena *a, struct range_set *set, struct err *e)
{
	if (!set->n)
		return fail(e, 0, "empty range set");
	for (size_t i = 0; i < set->n; i++) {
		if (!range_complete(&set->ranges[i], e))
			return false;
		if (ip_is4(&set->ranges[i].start) != ip_is4(&set->ranges[0].start))
			return fail(e, 0, "mixed address families");
	}
	for (size_t i = 0; i < set->n; i++)
		for (size_t j = i + 1; j < set->n; j++)
			if (ranges_overlap(&set->ranges[i], &set->ranges[j]))
				return fail(e, 0, "subnets %s and %s overlap", range_text(a, &set->ranges[i]),
					    range_text(a, &set->ranges[j]));
	return true;
}

bool range_sets_complete(struct arena *a, struct range_set *sets, size_t n, struct err *e)
{
	if (!n)
		return fail(e, 0, "no IP ranges specified");
	for (size_t i = 0; i < n; i++)
		if (!set_complete(a, &sets[i], e))
			return wrap(e, "invalid range set %zu", i);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (sets_overlap(&sets[i], &sets[j]))
				return fail(e, 0, "range set %zu overlaps with %zu", i, j);
	return true;
}

void range_walk_init(struct range_walk *w, const struct range_set *set, const struct ip *last)
{
	const struct range *r = ip_is_unset(last) ? NULL : range_find(set, last);

	*w = (struct range_walk){ .set = set, .from = set->ranges[0].start };
	if (r) {
		w->home = (size_t)(r - set->ranges);
		w->from = ip_add(last, 1);
		if (ip_eq(last, &r->end)) {
			w->home = w->home + 1 < set->n ? w->home + 1 : 0;
			w->from = set->ranges[w->home].start;
		}
	}
	w->at = w->home;
}

/* The first segment begins in the middle of its range; the last is what stood before it there, which may be nothing. */
bool range_walk_next(struct range_walk *w, struct range_segment *ret)
{
	const struct range *r = &w->set->ranges[w->at];

	if (w->part > w->set->n)
		return false;
	*ret = (struct range_segment){ .range = r, .first = r->start, .last = r->end };
	if (w->part == 0)
		ret->first = w->from;
	if (w->part == w->set->n) {
		if (ip_eq(&w->from, &r->start))
			return false;
		ret->last = ip_add(&w->from, -1);
	}
	w->part++;
	w->at = w->at + 1 < w->set->n ? w->at + 1 : 0;
	return true;
}
