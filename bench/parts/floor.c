// SPDX-License-Identifier: Apache-2.0
#include "bench/parts/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/netns.h"
#include "kernel/nft.h"
#include "kernel/route.h"
#include "kernel/sysctl.h"
#include "kernel/tcfilter.h"
#include "lib/fs.h"

enum { RATE = 10000000, BURST = 100000, BATCH_MAX = 8192 };
#define BRIDGE_NAME "floor0"
#define TABLE "floor"

static struct ip address_of(const struct pod *p)
{
	return ip4(10, 99, (uint8_t)(p->serial >> 8), (uint8_t)p->serial);
}

static void name_of(const struct pod *p, const char *kind, char dst[static IFNAMSIZ])
{
	snprintf(dst, IFNAMSIZ, "%s%u", kind, p->serial);
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

static bool make_table(struct err *e)
{
	autonl nl = NL_CLOSED;
	uint8_t buf[BATCH_MAX] __attribute__((aligned(8)));
	struct nft_batch batch;

	if (!nl_open(&nl, NETLINK_NETFILTER, e))
		return false;
	nft_begin(&batch, &nl, buf, sizeof(buf));
	nft_table(&batch, NFPROTO_IPV4, TABLE);
	nft_table_new(&batch, NULL);
	nft_set_new(&batch, &(struct nft_set){ .name = "pods", .key_type = NFT_TYPE_IPV4, .key_len = 4 });
	nft_set_new(&batch, &(struct nft_set){ .name = "accepted", .key_type = NFT_TYPE_IPV4, .key_len = 4 });
	nft_set_new(&batch, &(struct nft_set){ .name = "ports", .key_type = NFT_TYPE_SERVICE, .key_len = 2 });
	return nft_commit(&batch, e);
}

bool floor_node(int fd, struct err *e)
{
	struct netns_visit v;
	autonl nl = NL_CLOSED;
	bool ok;

	if (!netns_enter(fd, &v, e))
		return false;
	ok = nl_open(&nl, NETLINK_ROUTE, e) && link_bridge_add(&nl, &(struct bridge_new){ .name = BRIDGE_NAME }, e) &&
	     make_table(e);
	netns_leave(&v);
	return ok;
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static bool put_file(const char *path, const char *text, int how, struct err *e)
{
	autoclose int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC | how, 0600);

	if (fd < 0)
		return fail(e, errno, "%s", path);
	return fd_write_all(fd, text, strlen(text), e);
}

static const char *lease_path(struct arena *a, const char *dir, const struct pod *p)
{
	char text[IP_TEXT_MAX];
	struct ip ip = address_of(p);

	return fs_join(a, dir, ip_text(&ip, text));
}

bool floor_lease(struct arena *a, const char *dir, const struct pod *p, double *ret_us, struct err *e)
{
	char ip_buf[IP_TEXT_MAX];
	struct ip ip = address_of(p);
	double start = clock_us();
	autoclose int lock = -1;

	if (!fs_lock(fs_join(a, dir, "lock"), 0644, false, -1, &lock, e))
		return false;
	if (!put_file(lease_path(a, dir, p), arena_printf(a, "%s\r\neth0", p->id), O_EXCL, e) ||
	    !put_file(fs_join(a, dir, "last_reserved_ip.0"), ip_text(&ip, ip_buf), O_TRUNC, e))
		return false;
	*ret_us = clock_us() - start;
	return true;
}

bool floor_release(struct arena *a, const char *dir, const struct pod *p, double *ret_us, struct err *e)
{
	double start = clock_us();
	autoclose int lock = -1;

	if (!fs_lock(fs_join(a, dir, "lock"), 0644, false, -1, &lock, e) || !fs_remove(lease_path(a, dir, p), e))
		return false;
	*ret_us = clock_us() - start;
	return true;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static bool configure(int netns, int index, const struct pod *p, struct err *e)
{
	const struct cidr address = { .ip = address_of(p), .len = 16 };
	const struct kroute route = { .dst = { .ip = ip4(0, 0, 0, 0) }, .gw = ip4(10, 99, 255, 254), .oif = index };
	autonl inside = NL_CLOSED;
	NLMSG_ON_STACK(m, 1024);

	if (!netns_nl_open(netns, NETLINK_ROUTE, &inside, e))
		return false;
	link_put_up(&inside, &m, index, true);
	addr_put_new(&inside, &m, index, &address, IFA_F_NODAD);
	route_put_new(&inside, &m, &route, NLM_F_CREATE | NLM_F_EXCL);
	return nl_send(&inside, &m, NULL, NULL, NULL, e);
}

static bool attach(struct nl *host, int bridge, int netns, const struct pod *p, int *ret_index, struct err *e)
{
	char name[IFNAMSIZ];
	struct veth_new v = {
		.name = name, .peer_name = "eth0", .mac = link_random_mac(), .peer_mac = link_random_mac()
	};
	int peer;

	name_of(p, "veth", name);
	v.master = bridge;
	v.peer_netns = netns;
	return link_veth_add(host, &v, ret_index, &peer, e) && configure(netns, peer, p, e);
}

static bool shape(struct nl *nl, const struct pod *p, int index, struct err *e)
{
	struct tbf tbf = tbf_figures(RATE, BURST);
	struct qdisc ingress = { .kind = "ingress", .handle = QDISC_INGRESS };
	struct link_new ifb = LINK_NEW;
	struct link made;
	char name[IFNAMSIZ];

	name_of(p, "ifb", name);
	ifb.kind = "ifb";
	ifb.name = name;
	ifb.up = true;
	return qdisc_add_tbf(nl, index, &tbf, e) && link_add(nl, &ifb, nl, &made, e) &&
	       qdisc_add_ingress(nl, index, e) && tcfilter_add_redirect(nl, index, &ingress, 1, made.index, e) &&
	       qdisc_add_tbf(nl, made.index, &tbf, e);
}

static bool set_knob(int netns, struct err *e)
{
	struct netns_visit v;
	bool ok;

	if (!netns_enter(netns, &v, e))
		return false;
	ok = sysctl_set("net/core/somaxconn", "500", e);
	netns_leave(&v);
	return ok;
}

static bool loopback(int netns, bool up, struct err *e)
{
	autonl nl = NL_CLOSED;

	return netns_nl_open(netns, NETLINK_ROUTE, &nl, e) && link_set_up(&nl, 1, up, e);
}

/* ---- elements ---------------------------------------------------------------------------------------------------- */

typedef void elements_fn(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n);

static void add_elements(struct nft_batch *b, const char *set, const struct nft_elem *el, size_t n)
{
	nft_elem_add(b, set, el, n, true);
}

static bool change_elements(struct nl *nl, enum floor floor, const struct pod *p, elements_fn *change, struct err *e)
{
	uint8_t buf[BATCH_MAX] __attribute__((aligned(8)));
	struct ip ip = address_of(p);
	uint16_t ports[2] = { __builtin_bswap16((uint16_t)pod_port(p)),
			      __builtin_bswap16((uint16_t)(pod_port(p) + 1)) };
	const struct nft_elem pod = { .key = ip.b, .key_len = 4 };
	const struct nft_elem port[2] = { { .key = &ports[0], .key_len = 2 }, { .key = &ports[1], .key_len = 2 } };
	struct nft_batch batch;

	nft_begin(&batch, nl, buf, sizeof(buf));
	nft_table(&batch, NFPROTO_IPV4, TABLE);
	change(&batch, "pods", &pod, 1);
	if (floor == FLOOR_CHAIN) {
		change(&batch, "accepted", &pod, 1);
		change(&batch, "ports", port, 2);
	}
	return nft_commit(&batch, e);
}

static bool rules(enum floor floor, const struct pod *p, struct err *e)
{
	autonl nl = NL_CLOSED;

	return nl_open(&nl, NETLINK_NETFILTER, e) && change_elements(&nl, floor, p, add_elements, e);
}

/* ---- up and down ------------------------------------------------------------------------------------------------- */

static const char *leases(struct bench *b)
{
	return arena_printf(&b->arena, "%s/floor-leases", b->work);
}

bool floor_up(struct bench *b, enum floor floor, const struct pod *p, struct sample *ret, struct err *e)
{
	autonl host = NL_CLOSED;
	autoclose int netns = -1;
	struct link bridge;
	double start, us;
	int index;

	if (!fs_mkdirs(leases(b), 0755, e) || !nl_open(&host, NETLINK_ROUTE, e) ||
	    !link_get(&host, BRIDGE_NAME, &bridge, e))
		return false;
	nl_close(&host);
	start = clock_us();
	if (!netns_open(p->space, &netns, e))
		return false;
	if (floor == FLOOR_LOOPBACK && !loopback(netns, true, e))
		return false;
	if (floor >= FLOOR_BRIDGE &&
	    (!nl_open(&host, NETLINK_ROUTE, e) || !floor_lease(&b->arena, leases(b), p, &us, e) ||
	     !attach(&host, bridge.index, netns, p, &index, e)))
		return false;
	if (floor >= FLOOR_MASQ && !rules(floor, p, e))
		return false;
	if (floor == FLOOR_CHAIN && (!shape(&host, p, index, e) || !set_knob(netns, e)))
		return false;
	ret->wall_us = clock_us() - start;
	return true;
}

/* A child asks, and is answered after the grace periods; we see the links go long before. */
static pid_t links_del(const int *index, size_t n)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (size_t i = 0; i < n; i++) {
		autonl nl = NL_CLOSED;
		struct err e = ERR_INIT;

		if (!nl_open(&nl, NETLINK_ROUTE, &e) || !link_del(&nl, index[i], &e))
			_exit(1);
	}
	_exit(0);
}

static bool down(struct bench *b, enum floor floor, const struct pod *p, struct nl *host, const int *index, size_t n,
		 struct sample *ret, struct err *e)
{
	double start = clock_us(), us;
	struct err gone = ERR_INIT;
	autonl nft = NL_CLOSED;
	struct link l;
	int status = 0;
	pid_t pid = links_del(index, n);

	if (pid < 0)
		return fail(e, errno, "fork");
	if (floor >= FLOOR_MASQ &&
	    (!nl_open(&nft, NETLINK_NETFILTER, e) || !change_elements(&nft, floor, p, nft_elem_del, e)))
		return false;
	if (!floor_release(&b->arena, leases(b), p, &us, e))
		return false;
	for (size_t i = 0; i < n; i++)
		while (link_get_index(host, index[i], &l, &gone))
			sched_yield();
	ret->wall_us = clock_us() - start;
	nl_close(&nft);
	waitpid(pid, &status, 0);
	ret->gone_us = clock_us() - start;
	return status == 0 || fail(e, 0, "a link could not be deleted");
}

bool floor_down(struct bench *b, enum floor floor, const struct pod *p, struct sample *ret, struct err *e)
{
	autonl host = NL_CLOSED;
	autoclose int netns = -1;
	char name[IFNAMSIZ];
	struct link veth, ifb;
	double start = clock_us();

	if (floor == FLOOR_LOOPBACK) {
		if (!netns_open(p->space, &netns, e) || !loopback(netns, false, e))
			return false;
		ret->wall_us = ret->gone_us = clock_us() - start;
		return true;
	}
	name_of(p, "veth", name);
	if (!nl_open(&host, NETLINK_ROUTE, e) || !link_get(&host, name, &veth, e))
		return false;
	name_of(p, "ifb", name);
	if (floor == FLOOR_CHAIN && !link_get(&host, name, &ifb, e))
		return false;
	return down(b, floor, p, &host, (int[]){ veth.index, ifb.index }, floor == FLOOR_CHAIN ? 2 : 1, ret, e);
}
