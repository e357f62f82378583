// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Descriptors and deadlines of the daemon, in one epoll set. Events are taken from the kernel one at a time, so whoever
 * is called may close and free anything, himself included: no event of it is pending in our hands.
 *
 * Deadlines are moments of CLOCK_BOOTTIME, the clock that leases run by (it goes on while the machine sleeps, and
 * nobody sets it). One timerfd is armed for the earliest. Timers are a list without order: there are two per lease, and
 * looking through a thousand takes microseconds.
 */
#ifndef CRIMP_PLUGINS_IPAM_DHCP_LOOP_H
#define CRIMP_PLUGINS_IPAM_DHCP_LOOP_H

#include "lib/err.h"

struct loop_timer {
	int64_t at;		/* ms of CLOCK_BOOTTIME */
	void (*due)(struct loop_timer *t);	/* the timer is off when it is called */
	struct loop_timer *next, *prev;	/* NULL: off */
};
struct loop_io {
	int fd;
	void (*ready)(struct loop_io *io, uint32_t events);	/* EPOLLIN, EPOLLOUT, EPOLLHUP, ... */
};
struct loop {
	int epoll, clock;
	struct loop_io clock_io;
	struct loop_timer timers;	/* head of a ring */
	int64_t armed;			/* what @clock is set to; INT64_MAX: to nothing */
	bool over;			/* set it to end loop_run() */
};

int64_t loop_now(void);
bool loop_open(struct loop *l, struct err *e) MUST_CHECK;
bool loop_add(struct loop *l, struct loop_io *io, uint32_t events, struct err *e) MUST_CHECK;
void loop_change(struct loop *l, struct loop_io *io, uint32_t events);
/* Before the descriptor is closed. */
void loop_remove(struct loop *l, struct loop_io *io);
/* (Re)start: due @ms milliseconds from now, or at a moment. */
void loop_timer_in(struct loop *l, struct loop_timer *t, int64_t ms);
void loop_timer_at(struct loop *l, struct loop_timer *t, int64_t at);
void loop_timer_off(struct loop_timer *t);
bool loop_run(struct loop *l, struct err *e) MUST_CHECK;

#endif
