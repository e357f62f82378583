// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/fs.h"

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct loop *of_clock(struct loop_io *io)
{
	return (struct loop *)(void *)((char *)io - offsetof(struct loop, clock_io));
}

static struct loop_timer *earliest(struct loop *l)
{
	struct loop_timer *first = NULL;

	for (struct loop_timer *t = l->timers.next; t != &l->timers; t = t->next)
		if (!first || t->at < first->at)
			first = t;
	return first;
}

/* One per event, so that nobody's turn lasts long. */
static void clock_ready(struct loop_io *io, uint32_t events)
{
	struct loop *l = of_clock(io);
	struct loop_timer *t = earliest(l);
	uint64_t times;
	ssize_t got UNUSED = read(l->clock, &times, sizeof(times));

	(void)events;
	l->armed = INT64_MAX;
	if (!t || t->at > loop_now())
		return;
	loop_timer_off(t);
	t->due(t);
}

bool loop_open(struct loop *l, struct err *e)
{
	autoclose int epoll = epoll_create1(EPOLL_CLOEXEC);
	autoclose int clock = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (epoll < 0 || clock < 0)
		return fail(e, errno, "event loop");
	*l = (struct loop){ .epoll = epoll, .clock = clock, .armed = INT64_MAX };
	l->timers.next = l->timers.prev = &l->timers;
	l->clock_io = (struct loop_io){ clock, clock_ready };
	if (!loop_add(l, &l->clock_io, EPOLLIN, e))
		return false;
	fd_take(&epoll);
	fd_take(&clock);
	return true;
}

bool loop_add(struct loop *l, struct loop_io *io, uint32_t events, struct err *e)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, io->fd, &ev) == 0 || fail(e, errno, "watch a descriptor");
}

void loop_change(struct loop *l, struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	(void)epoll_ctl(l->epoll, EPOLL_CTL_MOD, io->fd, &ev);
}

void loop_remove(struct loop *l, struct loop_io *io)
{
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, io->fd, NULL);
}

void loop_timer_in(struct loop *l, struct loop_timer *t, int64_t ms)
{
	loop_timer_at(l, t, loop_now() + ms);
}

void loop_timer_at(struct loop *l, struct loop_timer *t, int64_t at)
{
	t->at = at;
	if (t->next)
		return;
	t->next = &l->timers;
	t->prev = l->timers.prev;
	t->prev->next = t;
	l->timers.prev = t;
}

void loop_timer_off(struct loop_timer *t)
{
	if (!t->next)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->next = t->prev = NULL;
}

/* Zero would switch the clock off. */
static void arm(struct loop *l)
{
	const struct loop_timer *t = earliest(l);
	int64_t at = t ? (t->at > 0 ? t->at : 1) : INT64_MAX;
	struct itimerspec when = { .it_value = { 0 } };

	if (at == l->armed)
		return;
	if (t)
		when.it_value = (struct timespec){ at / 1000, at % 1000 * 1000000 };
	(void)timerfd_settime(l->clock, TFD_TIMER_ABSTIME, &when, NULL);
	l->armed = at;
}

bool loop_run(struct loop *l, struct err *e)
{
	while (!l->over) {
		struct epoll_event ev;
		struct loop_io *io;
		int n;

		arm(l);
		n = epoll_wait(l->epoll, &ev, 1, -1);
		if (n < 0 && errno != EINTR)
			return fail(e, errno, "wait for events");
		if (n <= 0)
			continue;
		io = ev.data.ptr;
		io->ready(io, ev.events);
	}
	return true;
}
