# SPDX-License-Identifier: Apache-2.0
"""What is asked of every plugin whose product is one interface in the container: macvlan here, and on kernels that have
them ipvlan, vlan and dummy."""

import hashlib
import shutil

from lib.netns import Netns, connect
from system.world import changed, outside, state


def same(before, after):
    """The folder of a network's leases is made by the first, and stays."""
    difference = [line for line in changed(before, after) if not line.endswith("/testnet: None -> ('0o40755', None)")]
    assert not difference, difference


class Kind:
    """A plugin: its configuration over the interface up0 of the node, and the subnets that it gives addresses of."""

    neighbours = True       # a host beyond the node hears it
    shared = True           # more than one container has it

    def __init__(self, name, v4="192.0.2", v6="2001:db8:f::", **more):
        self.name, self.v4, self.v6, self.more = name, v4, v6, more

    def __repr__(self):
        return self.name

    def ipam(self, node, **more):
        ranges = [[{"subnet": f"{self.v4}.0/24", "rangeStart": f"{self.v4}.100"}],
                  [{"subnet": f"{self.v6}/64", "rangeStart": f"{self.v6}100"}]]
        return {"type": "host-local", "dataDir": str(node.data), "ranges": ranges, **more}

    def conf(self, node, **more):
        return {"type": self.name, "ipam": self.ipam(node), **self.more, **more}

    def master(self, node):
        """The interface up0, where it is wanted and not there yet; what is behind it is of no interest."""
        if "master" in self.more and not node.link("up0"):
            node.ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
            for name in "up0", "up1":
                node.ip("link", "set", name, "up")

    def far(self, node):
        """A host beyond the node, with the address 9 of both subnets."""
        return outside(node)


class Tagged(Kind):
    shared = False

    def far(self, node):
        host = outside(node)
        host.ip("link", "add", "link", "eth0", "name", "tag0", "type", "vlan", "id", str(self.more["vlanId"]))
        host.ip("addr", "add", f"{self.v4}.9/24", "dev", "tag0")
        host.ip("addr", "add", f"{self.v6}9/64", "dev", "tag0", "nodad")
        host.ip("link", "set", "tag0", "up")
        return host


class Silent(Kind):
    neighbours = False


MACVLAN = Kind("macvlan", master="up0")
IPVLAN = Kind("ipvlan", master="up0")
VLAN = Tagged("vlan", v4="198.51.100", v6="2001:db8:5::", master="up0", vlanId=5)
DUMMY = Silent("dummy")
OTHERS = {k.name: k for k in (IPVLAN, VLAN, DUMMY)}


def expected(kind, container, version="1.1.0"):
    """The result of a first ADD, as version 0.3.0 and later show it."""
    new = version >= "1"
    return {
        "cniVersion": version,
        "interfaces": [{"mac": container.mac("eth0"), "name": "eth0", "sandbox": container.path}],
        "ips": [{**({} if new else {"version": v}), "address": a, "gateway": g, "interface": 0} for v, a, g in (
            ("4", f"{kind.v4}.100/24", f"{kind.v4}.1"), ("6", f"{kind.v6}100/64", f"{kind.v6}1"))],
        **({} if new else {"dns": {}}),
    }


def life(node, kind):
    """Two containers, packets in both families, CHECK, and after DEL a node as before."""
    far = kind.far(node)
    a, b = node.container("a"), node.container("b")
    before = state(node, a, b, advice=False)
    conf = kind.conf(node)
    r = node.add(conf, a)
    assert r == expected(kind, a)
    link = a.link("eth0")
    assert link["linkinfo"]["info_kind"] == kind.name and "UP" in link["flags"]
    assert a.addresses("eth0") == [f"{kind.v4}.100/24", f"{kind.v6}100/64"]
    made = [(a, r)]
    if kind.shared:
        made.append((b, node.add(conf, b)))
    if kind.neighbours:
        assert a.sysctl("net.ipv4.conf.eth0.arp_notify") == "1"
        for address in f"{kind.v4}.9", f"{kind.v6}9":
            assert a.ping(address), address
        assert far.ping(f"{kind.v4}.100")
    if kind.neighbours and kind.shared:
        assert a.ping(f"{kind.v4}.101") and a.ping(f"{kind.v6}101")
    for c, prev in made:
        node.check(conf, c, prev=prev)
        node.delete(conf, c, prev=prev)
        assert node.delete(conf, c, prev=prev) is None
    same(before, state(node, a, b, advice=False))


# How a container may be gone when DEL comes: a function that says what DEL is told.
def gone_path(node, container):
    container.close()
    return {}


def gone_empty(node, container):
    container.ip("link", "del", "eth0")
    return {}


def gone_reused(node, container):
    """The name is taken by an interface of another kind, which is somebody else's."""
    container.ip("link", "del", "eth0")
    container.ip("link", "add", "eth0", "type", "bridge")
    return {}


def gone_master(node, container):
    node.ip("link", "del", "up0")
    return {}


DELETING = {
    "alive": lambda n, c: {},
    "no netns": lambda n, c: {"env": {"CNI_NETNS": None}, "stays": True},
    "netns empty": lambda n, c: {"env": {"CNI_NETNS": ""}, "stays": True},
    "path missing": gone_path,
    "interface missing": gone_empty,
    "name taken": gone_reused,
    "master gone": gone_master,
    "no file": lambda n, c: {"env": {"CNI_NETNS": "/etc/hostname"}, "stays": True},
    "no folder": lambda n, c: {"env": {"CNI_NETNS": "/etc/hostname/x"}, "stays": True},
    "nonsense": lambda n, c: {"conf": {"master": "x" * 40, "mode": "nonsense", "mtu": -1, "vlanId": 5000}},
    "no master": lambda n, c: {"conf": {"master": ""}},
    "wrong types": lambda n, c: {"conf": {"master": 5, "mode": [], "mtu": "x", "enabledad": 7}},
}


def deleting(node, kind, how, prev):
    """DEL succeeds and releases the lease, and once more; @prev: with prevResult."""
    kind.master(node)
    container = node.container()
    conf = kind.conf(node)
    r = node.add(conf, container)
    told = DELETING[how](node, container)
    conf = {**conf, **told.get("conf", {})}
    for _ in "again", "and again":
        node.delete(conf, container, prev=r if prev else None, env=told.get("env"))
        assert node.leases() == {}
    if how == "name taken":
        assert container.link("eth0")["linkinfo"]["info_kind"] == "bridge"
    elif how != "path missing":
        assert (container.link("eth0") is not None) == told.get("stays", False)


def planted(node, kind, how):
    """The same where the kernel has no such interfaces: the lease alone is there."""
    kind.master(node)
    container = node.container()
    conf = kind.conf(node)
    node.add(conf, container, type="host-local")
    told = {"interface missing": lambda n, c: {}}.get(how, DELETING[how])(node, container)
    for prev in None, endpoints_result(container):
        node.delete({**conf, **told.get("conf", {})}, container, prev=prev, env=told.get("env"))
        assert node.leases() == {}


def endpoints_result(container):
    return {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": container.path}], "ips": []}


def failing_ipam(node, container):
    node.fake("ipam").fails("ADD", 11, "try again")
    return {"ipam": {"type": "ipam"}}, "try again"


def failing_nothing(node, container):
    node.fake("ipam", result={"cniVersion": "1.1.0"})
    return {"ipam": {"type": "ipam"}}, "missing IP config"


def failing_missing(node, container):
    return {"ipam": {"type": "nowhere"}}, "nowhere"


def failing_route(node, container):
    return {"routes": [{"dst": "10.9.0.0/16", "gw": "203.0.113.1"}]}, "failed to add route '10.9.0.0/16 via 203.0.113.1"


def failing_taken(node, container):
    container.ip("link", "add", "eth0", "type", "bridge")
    return {}, "eth0"


def failing_netns(node, container):
    return {"env": {"CNI_NETNS": "/etc/hostname"}}, "not a network namespace"


def failing_version(node, container):
    return {"cniVersion": "9.9.9"}, "incompatible CNI versions"


FAILING = {"IPAM fails": failing_ipam, "IPAM gives nothing": failing_nothing, "no IPAM plugin": failing_missing,
           "impossible route": failing_route, "name taken": failing_taken, "no namespace": failing_netns,
           "version": failing_version}


def failing(node, kind, how):
    """A failed ADD leaves links, addresses, knobs and leases as they were."""
    kind.master(node)
    container = node.container()
    told, words = FAILING[how](node, container)
    before = state(node, container, advice=False)
    more = {k: v for k, v in told.items() if k not in ("env", "routes")}
    conf = kind.conf(node, **more)
    if "routes" in told:
        conf["ipam"] = kind.ipam(node, routes=told["routes"])
    error = node.refuses("ADD", conf, container, env=told.get("env"))
    assert words in error["msg"], error
    same(before, state(node, container, advice=False))


def repeated(node, kind):
    """An ADD of what is there, here or in another namespace, is refused and harms nothing."""
    kind.master(node)
    container = node.container()
    twin = node.container("twin", id=container.id)
    conf = kind.conf(node)
    r = node.add(conf, container)
    before = state(node, container, twin)
    assert "eth0" in node.refuses("ADD", conf, container)["msg"]
    assert ("duplicate" if kind.shared else "exists") in node.refuses("ADD", conf, twin)["msg"]
    same(before, state(node, container, twin))
    node.check(conf, container, prev=r)


def temporary(network, id, ifname):
    """The name under which a link is made."""
    return "cni" + hashlib.sha512(f"{network} {id} {ifname}".encode()).hexdigest()[:12]


def killed(node, kind, make):
    """What an ADD that was killed has left under its temporary name goes with DEL; another kind stays."""
    kind.master(node)
    container = node.container()
    name = temporary("testnet", container.id, "eth0")
    make(node, container, name)
    assert container.link(name)
    node.delete(kind.conf(node), container)
    assert container.link(name) is None
    container.ip("link", "add", name, "type", "bridge")
    node.delete(kind.conf(node), container)
    assert container.link(name)


def wrong_kind(c):
    c.ip("link", "del", "eth0")
    c.ip("link", "add", "eth0", "type", "bridge")
    c.ip("link", "set", "eth0", "up")


DAMAGE = {
    "interface gone": (lambda c: c.ip("link", "del", "eth0"), "eth0"),
    "another kind": (wrong_kind, "not of type"),
    "down": (lambda c: c.ip("link", "set", "eth0", "down"), "is down"),
    "address gone": (lambda c: c.ip("addr", "del", c.addresses("eth0", 4)[0], "dev", "eth0"), "/24"),
    "IPv6 address gone": (lambda c: c.ip("addr", "del", c.addresses("eth0", 6)[0], "dev", "eth0"), "/64"),
    "route gone": (lambda c: c.ip("route", "del", "10.9.0.0/16"), "10.9.0.0/16"),
    "lease gone": (lambda c: None, "find"),
}


def damaged(node, kind, what):
    """CHECK names what is not as ADD made it."""
    kind.master(node)
    container = node.container()
    conf = kind.conf(node)
    conf["ipam"] = kind.ipam(node, routes=[{"dst": "10.9.0.0/16", "gw": f"{kind.v4}.9"}])
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    damage, words = DAMAGE[what]
    damage(container)
    if what == "lease gone":
        for address in node.leases():
            (node.data / "testnet" / address).unlink()
    reply = node.plugin("CHECK", {**conf, "prevResult": r}, container)
    assert not reply.ok and words in reply.text, reply
    node.delete(conf, container)


def without_result(node, kind):
    """CHECK wants prevResult, and in it this interface in this namespace."""
    kind.master(node)
    container = node.container()
    conf = kind.conf(node)
    r = node.add(conf, container)
    assert "Required prevResult missing" in node.refuses("CHECK", conf, container, code=7)["msg"]
    elsewhere = {**r, "interfaces": [{**r["interfaces"][0], "sandbox": "/run/netns/elsewhere"}]}
    error = node.refuses("CHECK", {**conf, "prevResult": elsewhere}, container)
    assert "doesn't match configured netns" in error["msg"]
    other_mac = {**r, "interfaces": [{**r["interfaces"][0], "mac": "02:00:00:00:00:01"}]}
    assert "doesn't match container Mac" in node.refuses("CHECK", {**conf, "prevResult": other_mac}, container)["msg"]


def collected(node, kind):
    """GC releases the leases of who is not valid, and nothing without a list."""
    kind.master(node)
    a, b = node.container("a"), node.container("b")
    conf = kind.conf(node)
    node.add(conf, a)
    rb = node.add(conf, b)
    assert node.plugin("GC", conf).ok and len(node.leases()) == 4
    node.gc(conf, [(b, "eth0")])
    assert sorted(node.leases()) == sorted([f"{kind.v4}.101", f"{kind.v6}101"])
    node.check(conf, b, prev=rb)
    node.gc(conf, [])
    assert node.leases() == {}


VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


def spoken(node, kind, version):
    """ADD, CHECK where it exists, and DEL in a version, with a result in its shape."""
    shutil.rmtree(node.data, ignore_errors=True)
    kind.master(node)
    container = node.container()
    conf = {"cniVersion": version, **kind.conf(node)}
    r = node.add(conf, container)
    if version < "0.3":
        assert r["ip4"]["ip"] == f"{kind.v4}.100/24" and r["ip6"]["ip"] == f"{kind.v6}100/64"
    else:
        assert r == expected(kind, container, version)
    if version >= "0.4":
        node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert node.leases() == {} and container.link("eth0") is None


def names(node, kind):
    """DNS of the configuration is reported, else that of IPAM."""
    kind.master(node)
    a, b = node.container("a"), node.container("b")
    ipam = {"type": "static", "addresses": [{"address": f"{kind.v4}.100/24"}], "dns": {"nameservers": ["192.0.2.53"]}}
    assert node.add(kind.conf(node, ipam=ipam), a)["dns"] == {"nameservers": ["192.0.2.53"]}
    own = {"nameservers": ["192.0.2.54"], "domain": "example.org"}
    ipam["addresses"] = [{"address": f"{kind.v4}.101/24"}]
    assert node.add(kind.conf(node, ipam=ipam, dns=own), b)["dns"] == own


def probed(node, kind):
    """An IPv6 address that somebody has is refused with enabledad, and leaves nothing; without, nobody asks."""
    far = kind.far(node)
    device = "tag0" if kind.name == "vlan" else "eth0"
    far.ip("addr", "add", f"{kind.v6}100/64", "dev", device, "nodad")
    container = node.container()
    before = state(node, container, advice=False)
    error = node.refuses("ADD", kind.conf(node, enabledad=True), container)
    assert f"link eth0 has address {kind.v6}100/64 in DADFAILED state" in error["msg"]
    same(before, state(node, container, advice=False))
    node.add(kind.conf(node), container, ifname="eth1")


def heard(node, kind):
    """A neighbour that knew another MAC for the address knows the container's at once."""
    far = kind.far(node)
    device = "tag0" if kind.name == "vlan" else "eth0"
    far.ip("neigh", "replace", f"{kind.v4}.100", "lladdr", "02:00:00:00:00:01", "dev", device, "nud", "stale")
    container = node.container()
    node.add(kind.conf(node), container)

    def known():
        return [n["lladdr"] for n in far.ip("neigh", "show", "dev", device) if n.get("dst") == f"{kind.v4}.100"]
    assert far.until(lambda: known() == [container.mac("eth0")], 3), known()


def status(node, kind):
    """STATUS is code 50 and names what the next ADD could not do without: the master, IPAM."""
    conf = kind.conf(node)
    if "master" in kind.more:
        error = node.refuses("STATUS", conf, code=50)
        assert "up0" in error["msg"], error
    kind.master(node)
    node.status(conf)
    assert "nowhere" in node.refuses("STATUS", {**conf, "ipam": {"type": "nowhere"}})["msg"]
    fake = node.fake("ipam")
    fake.fails("STATUS", 51, "half full")
    assert "half full" in node.refuses("STATUS", {**conf, "ipam": {"type": "ipam"}}, code=51)["msg"]


def inside(node, kind):
    """With linkInContainer the master is an interface of the container, and only there."""
    container = node.container()
    far = Netns("far")
    node.on_close(far.close)
    connect_inside(container, far)
    if kind.name == "vlan":
        far.ip("link", "add", "link", "eth0", "name", "tag0", "type", "vlan", "id", "5")
        far.ip("link", "set", "tag0", "up")
    far.ip("addr", "add", f"{kind.v4}.9/24", "dev", "tag0" if kind.name == "vlan" else "eth0")
    conf = kind.conf(node, linkInContainer=True, master="net0")
    assert "net0" in node.refuses("ADD", {**conf, "linkInContainer": False}, container)["msg"]
    r = node.add(conf, container)
    assert r == expected(kind, container) and container.ping(f"{kind.v4}.9")
    assert container.link("eth0")["link"] == "net0"
    node.check(conf, container, prev=r)
    error = node.refuses("CHECK", {**conf, "linkInContainer": False, "prevResult": r}, container)
    assert "net0" in error["msg"]
    node.status(conf)
    node.delete(conf, container, prev=r)
    assert sorted(container.links()) == ["lo", "net0"] and node.leases() == {}
    node.delete(conf, container, env={"CNI_NETNS": "/run/netns/nowhere"})
    outside(node)
    error = node.refuses("ADD", {**conf, "master": "up0"}, container)
    assert "up0" in error["msg"] and node.leases() == {}


def connect_inside(container, far):
    connect(container, "net0", far, "eth0")


def moved(node, kind):
    """CHECK sees that the interface hangs on another master than the configuration says."""
    kind.master(node)
    container = node.container()
    conf = kind.conf(node)
    r = node.add(conf, container)
    error = node.refuses("CHECK", {**conf, "master": "up1", "prevResult": r}, container)
    assert "master of interface eth0 is not up1" in error["msg"], error


def by_route(node, kind):
    """Without a master: the interface of the default route, of either family; none is refused."""
    conf = kind.conf(node)
    del conf["master"]
    container = node.container()
    assert "no default route interface found" in node.refuses("ADD", conf, container)["msg"]
    kind.far(node)
    assert "no default route interface found" in node.refuses("ADD", conf, container)["msg"]
    node.ip("-6", "route", "add", "default", "via", "2001:db8:f::9")
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    node.ip("-6", "route", "del", "default")
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    node.ip("route", "add", "default", "via", "192.0.2.9")
    node.add(conf, container)
    assert container.ping(f"{kind.v4}.9")


def namesake(node, kind):
    """An interface eth0 of the node's own is no obstacle."""
    kind.master(node)
    node.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    container = node.container()
    node.add(kind.conf(node), container)
    assert container.link("eth0")["linkinfo"]["info_kind"] == kind.name
    node.delete(kind.conf(node), container)
    assert node.link("eth0")


def invalid(node, kind, more, code, words, args=None):
    """The configuration is refused with this code and these words, and nothing has happened."""
    kind.master(node)
    container = node.container()
    before = state(node, container, advice=False)
    conf = {k: v for k, v in kind.conf(node, **more).items() if v is not ...}
    error = node.refuses("ADD", conf, container, code=code, args=args)
    for word in words:
        assert word in error["msg"] + error.get("details", ""), f"{word} is not in: {error}"
    assert "\n" not in error["msg"]
    same(before, state(node, container, advice=False))


# Keys of all plugins that hang on a master; ... is a key left out.
INVALID_STACKED = {
    "master number": ({"master": 5}, 6, ["master", "string"]),
    "master list": ({"master": ["up0"]}, 6, ["master", "string"]),
    "master long": ({"master": "x" * 16}, 7, ["master", "x" * 16]),
    "master slash": ({"master": "a/b"}, 7, ["master", "a/b"]),
    "master missing": ({"master": "nowhere0"}, 999, ["failed to lookup master", "nowhere0", "No such device", "ip link"]),
    "mtu text": ({"mtu": "1500"}, 6, ["mtu", "string"]),
    "mtu fraction": ({"mtu": 1500.5}, 6, ["mtu"]),
    "mtu negative": ({"mtu": -1}, 7, ["MTU", "-1", "[0, "]),
    "mtu huge": ({"mtu": 4294967296}, 6, ["mtu"]),
    "mtu above all": ({"mtu": 65536}, 7, ["MTU", "65536", "[0, "]),
    "linkInContainer text": ({"linkInContainer": "true"}, 6, ["linkInContainer", "string"]),
    "linkInContainer number": ({"linkInContainer": 1}, 6, ["linkInContainer", "number"]),
    "enabledad text": ({"enabledad": "no"}, 6, ["enabledad", "string"]),
}
INVALID_COMMON = {
    "ipam text": ({"ipam": "host-local"}, 6, ["ipam"]),
    "ipam type number": ({"ipam": {"type": 5}}, 6, ["ipam", "type"]),
    "dns list": ({"dns": []}, 6, ["dns"]),
}


def taken_over(node, kind, go, ours):
    """What either makes the other checks and deletes, with and without the master."""
    def run(bindir, command, container, **more):
        conf = {"cniVersion": "1.0.0", **kind.conf(node), **more}
        reply = node.plugin(command, conf, container, type=str(bindir / kind.name), path=str(bindir))
        assert reply.ok, reply
        return reply.result

    for maker, heir in (go, ours), (ours, go):
        kind.master(node)
        container = node.container()
        made = run(maker, "ADD", container)
        run(heir, "CHECK", container, prevResult=made)
        run(heir, "DEL", container, prevResult=made)
        assert container.link("eth0") is None and node.leases() == {}
    if "master" in kind.more:
        container = node.container()
        made = run(go, "ADD", container)
        node.ip("link", "del", "up0")
        run(ours, "DEL", container, prevResult=made)
        assert node.leases() == {}
