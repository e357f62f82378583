// SPDX-License-Identifier: Apache-2.0
/*
 * DOC: Theory of operation
 *
 * Connections bring calls; a call that cannot be answered at once is a struct waiting, tied to the client whose lease
 * it is about. When that client settles or ends, its waiting calls are answered. When a connection goes away, its
 * waiting calls go with it, and an acquisition that nobody waits for any more is taken back: who asked has given up,
 * and will not come to release.
 *
 * A call may want a lease of each family, and is answered when both are there; when one is not to be had, the other one
 * that was made for this call is released.
 *
 * A client that releases is out of the table of leases: the same container may be given a new lease meanwhile.
 */
#include "plugins/ipam/dhcp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fs.h"
#include "lib/str.h"
#include "plugins/ipam/dhcp_client.h"
#include "plugins/ipam/dhcp_conn.h"
#include "plugins/ipam/dhcp_flags.h"
#include "plugins/ipam/dhcp_store.h"

#define STORE_TAIL ".leases"
#define LISTEN_AGAIN_MS 100
#define FAMILIES	2

struct waiting {
	struct waiting *next;
	struct dhcp_conn *conn;
	uint64_t serial;
	enum dhcp_call_kind kind;
	/* IPv4 and IPv6; NULL: not asked for, or released by now. None: GC, which waits for all that release. */
	struct dhcp_client *clients[FAMILIES];
	bool fresh[FAMILIES]; /* made for this call */
};

static struct daemon {
	struct loop loop;
	struct dhcp_host host;
	struct loop_io listener, signals;
	struct loop_timer listen_again;
	struct dhcp_conns conns;
	struct dhcp_client *clients;
	struct waiting *waiting;
	bool abandoning;
	const char *pidfile, *prefix, *socket, *store;
	const char *socket_path; /* with the prefix */
	struct arena arena;
} d;

/* ---- what it says ---------------------------------------------------------------------------------------------- */

static void say(const char *text)
{
	char line[ERR_TEXT_MAX + 512];
	int n = snprintf(line, sizeof(line), "%s\n", text);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	struct err ignored;
	bool done UNUSED = fd_write_all(STDERR_FILENO, line, len, &ignored);
}

static void say_of(const struct dhcp_client *c, const char *text)
{
	char line[ERR_TEXT_MAX + 400];

	snprintf(line, sizeof(line), "%s/%s/%s: %s", c->ask.container_id, c->ask.network, c->ask.ifname, text);
	say(line);
}

/* When there is nothing to be done about a failure but to say it. */
static void remove_file(const char *path)
{
	struct err e = ERR_INIT;

	if (!fs_remove(path, &e))
		say(e.text);
}

/* ---- clients --------------------------------------------------------------------------------------------------- */

static void client_forget(struct dhcp_client *c)
{
	struct dhcp_client **at = &d.clients;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	dhcp_client_free(c);
}

static bool is_waited_for(const struct dhcp_client *c)
{
	for (const struct waiting *w = d.waiting; w; w = w->next)
		if (w->clients[0] == c || w->clients[1] == c)
			return true;
	return false;
}

/* A call ends without its leases: what was made for it is of no use alone. */
static void give_up(const struct waiting *w)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (w->fresh[i] && w->clients[i])
			w->clients[i]->orphan = true;
}

/*
 * Acquisitions whose callers have all gone, and halves of pairs. Releasing may end a client at once, so the walk begins
 * anew.
 */
static void abandon(void)
{
	struct dhcp_client *c = d.clients;

	/* We come back to this by the end of a client that we release. */
	if (d.abandoning)
		return;
	d.abandoning = true;
	while (c) {
		if ((c->settled && !c->orphan) || c->state == DHCP_RELEASING || is_waited_for(c)) {
			c = c->next;
			continue;
		}
		say_of(c, "nobody waits for the lease any more");
		dhcp_client_release(c);
		c = d.clients;
	}
	d.abandoning = false;
}

/* A connection has gone, and all its calls with it. */
static void conn_closed(struct dhcp_conn *conn)
{
	struct waiting **w = &d.waiting;

	while (*w) {
		struct waiting *one = *w;

		if (one->conn != conn) {
			w = &one->next;
			continue;
		}
		*w = one->next;
		give_up(one);
		free(one);
	}
	abandon();
}

static void answer_leases(struct dhcp_conn *conn, uint64_t serial, struct dhcp_client *const clients[static FAMILIES])
{
	struct dhcp_lease leases[FAMILIES];
	struct err e = ERR_INIT;
	struct arena a;
	bool ok = true;
	size_t n = 0;

	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < FAMILIES && ok; i++)
		if (clients[i]) {
			ok = dhcp_client_lease(clients[i], &a, &leases[n], &e);
			n++;
		}
	dhcp_conn_answer(conn, serial, leases, ok ? n : 0, ok ? NULL : &e);
	arena_done(&a);
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static struct waiting *wait_for(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*w = (struct waiting){ .next = d.waiting, .conn = conn, .serial = call->serial, .kind = call->kind };
	d.waiting = w;
	return w;
}

static bool anybody_releases(void)
{
	for (const struct dhcp_client *c = d.clients; c; c = c->next)
		if (c->state == DHCP_RELEASING)
			return true;
	return false;
}

/* Is every lease there that the call asks for? */
static bool is_served(const struct waiting *w)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (w->clients[i] && !w->clients[i]->settled)
			return false;
	return true;
}

static bool is_bound(const struct dhcp_client *c)
{
	return !c || dhcp_client_has_lease(c);
}

/* Every lease was there once, but not all are still. */
static void say_why(const struct waiting *w, struct err *ret)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct dhcp_client *c = w->clients[i];

		if (is_bound(c) || c->state == DHCP_RELEASING)
			continue;
		(void)fail(ret, 0, "the lease of the %s address ended while the other one was being acquired",
			   dhcp_client_is6(c) ? "IPv6" : "IPv4");
		return;
	}
	(void)fail(ret, 0, "the lease was released while it was being acquired");
}

static void answer_leased(const struct waiting *w)
{
	struct err lost = ERR_INIT;

	if (is_bound(w->clients[0]) && is_bound(w->clients[1])) {
		for (size_t i = 0; i < FAMILIES; i++)
			if (w->clients[i])
				w->clients[i]->orphan = false;
		answer_leases(w->conn, w->serial, w->clients);
		return;
	}
	say_why(w, &lost);
	give_up(w);
	dhcp_conn_answer(w->conn, w->serial, NULL, 0, &lost);
}

/* False: the call goes on waiting. @c is over if @ended. */
static bool answer_one(struct waiting *w, struct dhcp_client *c, bool ended, const struct err *e)
{
	struct err lost = ERR_INIT;
	bool acquires = w->kind == DHCP_ALLOCATE || w->kind == DHCP_ALLOCATE_VERSIONS;

	if (acquires && !ended) {
		if (is_served(w))
			answer_leased(w);
		return is_served(w);
	}
	for (size_t i = 0; i < FAMILIES; i++)
		if (w->clients[i] == c)
			w->clients[i] = NULL;
	if (!acquires && !e && (w->clients[0] || w->clients[1]))
		return false;
	if (acquires && !e) {
		(void)fail(&lost, 0, "the lease was released while it was being acquired");
		e = &lost;
	}
	give_up(w);
	dhcp_conn_answer(w->conn, w->serial, NULL, 0, e);
	return true;
}

/* Answer what waited for @c (NULL: for all that release). @ended: it is over; @e NULL: it went well. */
static void answer_waiting(struct dhcp_client *c, bool ended, const struct err *e)
{
	struct waiting **at = &d.waiting;

	while (*at) {
		struct waiting *w = *at;
		bool of_it = c ? w->clients[0] == c || w->clients[1] == c : w->kind == DHCP_GC;

		if (!of_it || !answer_one(w, c, ended, e)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}

static void settled(struct dhcp_client *c, const struct err *e)
{
	if (e)
		say_of(c, e->text);
	answer_waiting(c, e != NULL, e);
	if (e)
		client_forget(c);
	abandon();
}

static void gone(struct dhcp_client *c)
{
	answer_waiting(c, true, NULL);
	client_forget(c);
	if (!anybody_releases())
		answer_waiting(NULL, true, NULL);
	abandon();
}

static bool is_of(const struct dhcp_client *c, const struct dhcp_ask *ask)
{
	return c->state != DHCP_RELEASING && str_eq(c->ask.container_id, ask->container_id) &&
	       str_eq(c->ask.network, ask->network) && str_eq(c->ask.ifname, ask->ifname);
}

static const unsigned versions[FAMILIES] = { DHCP_VERSION_4, DHCP_VERSION_6 };

static struct dhcp_client *client_find(const struct dhcp_ask *ask, unsigned version)
{
	struct dhcp_client *c = d.clients;

	while (c && (c->ask.versions != version || !is_of(c, ask)))
		c = c->next;
	return c;
}

static bool is_shared(const struct dhcp_client *c)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct dhcp_client *other = client_find(&c->ask, versions[i]);

		if (other && other != c && versions[i] != c->ask.versions && dhcp_place_same(&other->place, &c->place))
			return true;
	}
	return false;
}

static void client_add(struct dhcp_client *c)
{
	c->next = d.clients;
	d.clients = c;
}

/* A new container under an old name, or a lease that ended: begin anew, and ask for the address that there was. */
static bool acquire(const struct dhcp_ask *wish, unsigned version, struct dhcp_client *old, struct dhcp_client **ret,
		    struct err *e)
{
	struct dhcp_ask ask = *wish;
	struct dhcp_client *c;

	ask.versions = version;
	c = dhcp_client_new(&d.host, &ask);
	if (!dhcp_client_start(c, old, e)) {
		dhcp_client_free(c);
		return false;
	}
	if (old) {
		answer_waiting(old, true, NULL);
		client_forget(old);
	}
	client_add(c);
	*ret = c;
	return true;
}

/* The client of one family: what there is and is alive or on its way, else a new one. */
static bool provide(const struct dhcp_ask *ask, unsigned version, struct dhcp_client **ret, bool *ret_fresh,
		    struct err *e)
{
	struct dhcp_client *c = client_find(ask, version);
	struct err ended = ERR_INIT;
	struct dhcp_lease l;
	struct arena a;
	bool usable;

	/* Another container under the same name: what is on its way is for an interface that nobody asks about. */
	if (c && !c->settled && !str_eq(c->ask.netns, ask->netns)) {
		dhcp_client_release(c);
		c = NULL;
	}
	arena_init(&a, NULL, 0);
	usable = c && (!c->settled || (str_eq(c->ask.netns, ask->netns) && dhcp_client_alive(c, &a, &l, &ended)));
	arena_done(&a);
	*ret_fresh = !usable;
	if (!usable)
		return acquire(ask, version, c, ret, e);
	*ret = c;
	return true;
}

static void allocate(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	struct waiting *w = wait_for(conn, call);
	struct err e = ERR_INIT;
	bool ok = true;

	for (size_t i = 0; i < FAMILIES && ok; i++)
		if (call->ask.versions & versions[i])
			ok = provide(&call->ask, versions[i], &w->clients[i], &w->fresh[i], &e);
	if (ok && !is_served(w))
		return;
	/* Nothing was added since: it is the first. */
	d.waiting = w->next;
	if (ok) {
		answer_leased(w);
	} else {
		give_up(w);
		dhcp_conn_answer(conn, call->serial, NULL, 0, &e);
	}
	free(w);
	abandon();
}

static void check(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	struct dhcp_lease leases[FAMILIES];
	struct err e = ERR_INIT;
	struct arena a;
	bool ok = true;
	size_t n = 0;

	arena_init(&a, NULL, 0);
	for (size_t i = 0; i < FAMILIES && ok; i++) {
		struct dhcp_client *c = client_find(&call->ask, versions[i]);

		if (!(call->ask.versions & versions[i]))
			continue;
		ok = c && c->settled ? dhcp_client_alive(c, &a, &leases[n++], &e)
				     : fail(&e, 0, "the daemon has no lease for %s/%s/%s%s", call->ask.container_id,
					    call->ask.network, call->ask.ifname,
					    versions[i] == DHCP_VERSION_6 ? " (IPv6)" : "");
	}
	dhcp_conn_answer(conn, call->serial, leases, ok ? n : 0, ok ? NULL : &e);
	arena_done(&a);
}

/* Of both families, whatever the configuration says by now. */
static void release(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	struct dhcp_client *clients[FAMILIES];
	struct waiting *w;

	for (size_t i = 0; i < FAMILIES; i++)
		clients[i] = client_find(&call->ask, versions[i]);
	if (!clients[0] && !clients[1]) {
		dhcp_conn_answer(conn, call->serial, NULL, 0, NULL);
		return;
	}
	w = wait_for(conn, call);
	memcpy(w->clients, clients, sizeof(clients));
	for (size_t i = 0; i < FAMILIES; i++)
		if ((clients[i] = client_find(&call->ask, versions[i])))
			dhcp_client_release(clients[i]);
}

static bool is_valid(const struct dhcp_client *c, const struct dhcp_call *call)
{
	for (size_t i = 0; i < call->n_valid; i++)
		if (str_eq(c->ask.container_id, call->valid[i].container_id) &&
		    str_eq(c->ask.ifname, call->valid[i].ifname))
			return true;
	return false;
}

static void collect(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	struct dhcp_client *c = d.clients;

	while (c) {
		if (c->state == DHCP_RELEASING || !str_eq(c->ask.network, call->ask.network) || is_valid(c, call)) {
			c = c->next;
			continue;
		}
		dhcp_client_release(c);
		c = d.clients;
	}
	if (anybody_releases())
		(void)wait_for(conn, call);
	else
		dhcp_conn_answer(conn, call->serial, NULL, 0, NULL);
}

static void dispatch(struct dhcp_conn *conn, const struct dhcp_call *call)
{
	switch (call->kind) {
	case DHCP_ALLOCATE_VERSIONS:
	case DHCP_ALLOCATE: allocate(conn, call); break;
	case DHCP_RELEASE: release(conn, call); break;
	case DHCP_CHECK: check(conn, call); break;
	case DHCP_GC: collect(conn, call); break;
	}
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void listen_again(struct loop_timer *t)
{
	(void)t;
	loop_change(&d.loop, &d.listener, EPOLLIN);
}

/* Without descriptors to spare, connections wait until some are closed. */
static void listener_ready(struct loop_io *io, uint32_t events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err e = ERR_INIT;

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		loop_change(&d.loop, io, 0);
		d.listen_again.due = listen_again;
		loop_timer_in(&d.loop, &d.listen_again, LISTEN_AGAIN_MS);
	}
	if (fd >= 0 && !dhcp_conn_open(&d.conns, fd, &e))
		say(e.text);
}

static void signal_came(struct loop_io *io, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(io->fd, &info, sizeof(info)) == sizeof(info))
		d.loop.over = true;
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static bool watch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return fail(e, errno, "signals");
	d.signals = (struct loop_io){ fd, signal_came };
	return loop_add(&d.loop, &d.signals, EPOLLIN, e);
}

/* @given: the socket of the service manager, -1: none. */
static bool open_listener(int given, struct err *e)
{
	int fd = given;

	if (fd < 0 && !dhcp_listen(d.socket_path, &fd, e))
		return false;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	d.listener = (struct loop_io){ fd, listener_ready };
	return loop_add(&d.loop, &d.listener, EPOLLIN, e);
}

static bool write_pidfile(struct err *e)
{
	const char *text = arena_printf(&d.arena, "%d", (int)getpid());

	if (str_empty(d.pidfile))
		return true;
	return fs_write_atomic(d.pidfile, (struct bytes){ text, strlen(text) }, 0644, e) ||
	       wrap(e, "Error writing pidfile");
}

static void found(struct dhcp_client *c, bool lost, void *arg)
{
	struct err e = ERR_INIT;

	(void)arg;
	if (dhcp_client_resume(c, lost, &e)) {
		client_add(c);
		return;
	}
	say_of(c, e.text);
	if (!dhcp_store_drop(c, &e))
		say(e.text);
	dhcp_client_free(c);
}

/* A daemon that cannot keep its leases works, as the reference does. */
static void lock_store(int *ret_lock)
{
	struct err e = ERR_INIT;

	d.host.store = d.store ? d.store : arena_printf(&d.arena, "%s" STORE_TAIL, d.socket_path);
	if (!*d.host.store || dhcp_store_open(d.host.store, ret_lock, &e))
		return;
	say(e.text);
	say("leases will be forgotten when this daemon ends");
	d.host.store = "";
}

static void read_store(void)
{
	struct err e = ERR_INIT;

	if (*d.host.store && !dhcp_store_each(&d.host, found, say, NULL, &e))
		say(e.text);
}

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static bool run(struct err *e)
{
	bool ok;

	if (!write_pidfile(e))
		return false;
	ok = loop_run(&d.loop, e);
	if (!str_empty(d.pidfile))
		remove_file(d.pidfile);
	return ok;
}

/*
 * The leases' lock is taken before the socket is made and held until it is removed, so of two daemons that begin and
 * end at the same time neither takes the other's socket away. The path goes before the socket is closed: after that
 * it may be a successor's.
 */
static bool serve(struct err *e)
{
	autoclose int lock = -1;
	int given = -1;
	bool ok;

	raise_limits();
	if (!loop_open(&d.loop, e) || !watch_signals(e) || !dhcp_activation(&given, e))
		return false;
	if (given < 0 && !dhcp_nobody_listens(d.socket_path, e))
		return false;
	lock_store(&lock);
	if (!open_listener(given, e))
		return false;
	read_store();
	ok = run(e);
	if (given < 0)
		remove_file(d.socket_path);
	fd_close(&d.listener.fd);
	return ok;
}

static const struct flag flags[] = {
	{ "pidfile", FLAG_TEXT, &d.pidfile, "absolute path where the process ID is written" },
	{ "hostprefix", FLAG_TEXT, &d.prefix, "put before the socket's path and every namespace's" },
	{ "socketpath", FLAG_TEXT, &d.socket, "where to listen (" DHCP_SOCKET ")" },
	{ "broadcast", FLAG_BOOL, &d.host.broadcast, "ask servers to answer by broadcast" },
	{ "timeout", FLAG_DURATION, &d.host.timeout_ms, "how long a server is waited for (10s)" },
	{ "resendmax", FLAG_DURATION, &d.host.resend_max_ms, "longest pause between two attempts (62s)" },
	{ "resendtimeout", FLAG_DURATION, &d.host.give_up_ms, "an acquisition fails after (3m28s)" },
	{ "leases", FLAG_TEXT, &d.store, "directory of the leases (SOCKETPATH" STORE_TAIL "); \"\" keeps none" },
	{ 0 }
};

static void usage(void)
{
	say("Usage of dhcp daemon:");
	for (const struct flag *f = flags; f->name; f++) {
		static const char *const kinds[] = { " string", "", " duration" };
		char line[256];

		snprintf(line, sizeof(line), "  -%s%s\n    \t%s", f->name, kinds[f->kind], f->about);
		say(line);
	}
}

/* Before anything is opened or made. */
static bool judge_flags(struct err *e)
{
	if (!str_empty(d.pidfile) && d.pidfile[0] != '/')
		return fail(e, 0, "Error writing pidfile: pidfile \"%s\" not absolute", d.pidfile);
	if (strlen(d.socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return fail(e, ENAMETOOLONG, "listen at %s", d.socket_path);
	return true;
}

int dhcp_daemon_main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	bool help;

	d.socket = DHCP_SOCKET;
	d.prefix = "";
	d.host = (struct dhcp_host){
		.loop = &d.loop,
		.timeout_ms = 10000,
		.resend_max_ms = 62000,
		.give_up_ms = 208000,
		.settled = settled,
		.gone = gone,
		.is_shared = is_shared,
		.log = say_of,
	};
	d.conns = (struct dhcp_conns){ .loop = &d.loop, .call = dispatch, .closed = conn_closed, .say = say };
	if (!flags_read(argc, argv, flags, &help, &e)) {
		say(e.text);
		usage();
		return 2;
	}
	if (help) {
		usage();
		return 0;
	}
	d.host.prefix = d.prefix;
	d.socket_path = arena_printf(&d.arena, "%s%s", d.prefix, d.socket);
	if (judge_flags(&e) && serve(&e))
		return 0;
	say(e.text);
	return 1;
}
