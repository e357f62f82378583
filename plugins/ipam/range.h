// SPDX-License-Identifier: Apache-2.0
/*
 * What host-local may hand out. A range is a piece of one subnet; a set is a list of ranges of one family that are
 * used one after the other; an attachment gets one address from every set. range_sets_complete() fills in defaults
 * and refuses what cannot work; the rest expects its work done.
 */
#ifndef CRIMP_PLUGINS_IPAM_RANGE_H
#define CRIMP_PLUGINS_IPAM_RANGE_H

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/field.h"
#include "lib/ip.h"

/* Addresses from first to last, both included. */
struct span {
	struct ip first, last;
};

struct range {
	struct cidr subnet;
	bool has_subnet;
	struct ip start, end;	/* inclusive; unset: first and last usable address */
	struct ip gateway;	/* never handed out from this range; unset: the first address */
	struct list exclude;	/* of struct span: never handed out either; complete: in order and apart */
};

struct range_set {
	struct range *ranges;
	size_t n;
};

bool range_sets_complete(struct arena *a, struct range_set *sets, size_t n, struct err *e) MUST_CHECK;
/* The range of the set that @ip is in, NULL if none. */
const struct range *range_find(const struct range_set *set, const struct ip *ip);
bool range_excludes(const struct range *r, const struct ip *ip);
/* Move @ip up to the first address that is not excluded; false (and @ip anything) if that would be beyond @last. */
bool range_skip(const struct range *r, struct ip *ip, const struct ip *last);
/* "10.0.0.1-10.0.0.9,10.0.1.1-10.0.1.9" */
const char *range_set_text(struct arena *a, const struct range_set *set);

/*
 * Every address of a set once, in turn: from the one after @last (the first if @last is unset or not in the set) to
 * the end, then from the beginning. Given out as segments, so that whoever knows which addresses are taken can skip
 * them in bulk.
 */
struct range_walk {
	const struct range_set *set;
	struct ip from;		/* where the walk started */
	size_t at, home;	/* the range of the next segment; of the first */
	unsigned part;		/* segments given */
};
struct range_segment {
	const struct range *range;
	struct ip first, last;	/* inclusive */
};
void range_walk_init(struct range_walk *w, const struct range_set *set, const struct ip *last);
bool range_walk_next(struct range_walk *w, struct range_segment *ret);

#endif
