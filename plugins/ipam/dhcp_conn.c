// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipam/dhcp_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/fs.h"

#define READ_SIZE 16384

struct dhcp_conn {
	struct dhcp_conn *next;
	struct dhcp_conns *all;
	struct loop_io io;
	struct dhcp_rpc *rpc;
	bool doomed;  /* send what is pending, then close */
	bool writing; /* EPOLLOUT is asked for */
};

static void conn_close(struct dhcp_conn *c)
{
	struct dhcp_conn **at = &c->all->first;

	c->all->closed(c);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	loop_remove(c->all->loop, &c->io);
	fd_close(&c->io.fd);
	dhcp_rpc_free(c->rpc);
	free(c);
}

static void watch(struct dhcp_conn *c, bool writing)
{
	c->writing = writing;
	loop_change(c->all->loop, &c->io, (c->doomed ? 0 : EPOLLIN) | (writing ? EPOLLOUT : 0));
}

/* False: the other side is gone. */
static bool conn_send(struct dhcp_conn *c)
{
	struct bytes out;

	while ((out = dhcp_rpc_pending(c->rpc)).len) {
		ssize_t n = send(c->io.fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		dhcp_rpc_sent(c->rpc, (size_t)n);
	}
	if (c->writing != (out.len > 0))
		watch(c, out.len > 0);
	return out.len || !c->doomed;
}

void dhcp_conn_answer(struct dhcp_conn *c, uint64_t serial, const struct dhcp_lease *leases, size_t n,
		      const struct err *e)
{
	dhcp_rpc_answer(c->rpc, serial, leases, n, e);
	if (!c->writing)
		watch(c, true);
}

static void take_calls(struct dhcp_conn *c)
{
	struct dhcp_call call;
	struct arena a;
	bool more;

	do {
		arena_init(&a, NULL, 0);
		call = (struct dhcp_call){ 0 };
		more = dhcp_rpc_next(c->rpc, &a, &call);
		if (more)
			c->all->call(c, &call);
		arena_done(&a);
	} while (more);
}

/* False: nothing will come any more. */
static bool conn_receive(struct dhcp_conn *c)
{
	struct err e = ERR_INIT;
	char data[READ_SIZE];
	ssize_t n = recv(c->io.fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (!dhcp_rpc_feed(c->rpc, (struct bytes){ data, (size_t)n }, &e)) {
		c->all->say(e.text);
		c->doomed = true;
		watch(c, true);
	}
	take_calls(c);
	return true;
}

static void conn_ready(struct loop_io *io, uint32_t events)
{
	struct dhcp_conn *c = (struct dhcp_conn *)(void *)((char *)io - offsetof(struct dhcp_conn, io));

	if ((events & EPOLLIN && !conn_receive(c)) || (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN)) ||
	    !conn_send(c))
		conn_close(c);
}

bool dhcp_conn_open(struct dhcp_conns *all, int fd, struct err *e)
{
	struct dhcp_conn *c = calloc(1, sizeof(*c));

	/* As the arena does when there is no memory. */
	if (!c)
		abort();
	*c = (struct dhcp_conn){ .next = all->first, .all = all, .io = { fd, conn_ready }, .rpc = dhcp_rpc_new() };
	all->first = c;
	if (loop_add(all->loop, &c->io, EPOLLIN, e))
		return true;
	conn_close(c);
	return false;
}
