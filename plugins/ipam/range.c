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
	return true;
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
