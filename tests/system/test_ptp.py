# SPDX-License-Identifier: Apache-2.0
"""ptp: a container and the node on a link of their own."""

import pytest

from lib.case import case, rootless
from system.endpoints import INVALID_COMMON, VERSIONS
from system.endpoints import failing_ipam, failing_missing, failing_netns, failing_nothing, failing_version
from system.endpoints import same
from system.world import changed, files, outside, state

pytestmark = rootless
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def conf_of(node, *subnets, **more):
    return {"type": "ptp", "ipam": node.host_local(*(subnets or ("10.7.0.0/24", "fd00:7::/64")), routes=ROUTES[:len(subnets) or 2]), **more}


def static(*addresses, **more):
    return {"type": "ptp", "ipam": {"type": "static", "addresses": list(addresses), **more}}


def traces(node, container):
    """Where the container's ID or addresses still show."""
    text = node.run("nft", "list", "ruleset").out + str(files(node.data, advice=False)) + str(node.routes()) + str(node.routes(6))
    return [t for t in (container.id, "10.7.0.2", "fd00:7::2") if t in text]


@case("ptp:life")
def test_life(node):
    """Two containers reach the node, each other and, masqueraded, a host outside, in both families; DEL leaves nothing"""
    far = outside(node)
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, ipMasq=True)
    r = node.add(conf, a)
    assert r == {
        "cniVersion": "1.1.0",
        "interfaces": [{"mac": node.mac(r["interfaces"][0]["name"]), "name": r["interfaces"][0]["name"]},
                       {"mac": a.mac("eth0"), "name": "eth0", "sandbox": a.path}],
        "ips": [{"address": "10.7.0.2/24", "gateway": "10.7.0.1", "interface": 1},
                {"address": "fd00:7::2/64", "gateway": "fd00:7::1", "interface": 1}],
        "routes": ROUTES,
    }
    before = state(node, a, b, advice=False)
    rb = node.add(conf, b)
    for address in "10.7.0.3", "fd00:7::3", "10.7.0.1", "fd00:7::1", "192.0.2.9", "2001:db8:f::9":
        assert a.ping(address), address
    for address in "10.7.0.2", "fd00:7::2":
        assert node.ping(address), address
    far.listen(80)
    assert a.ask("192.0.2.9", 80) == f"{far.name} 192.0.2.1"
    assert a.ask("2001:db8:f::9", 80) == f"{far.name} 2001:db8:f::1"
    b.listen(80)
    assert a.ask("10.7.0.3", 80) == f"{b.name} 10.7.0.2"    # within the subnet the address stays
    node.check(conf, a, prev=r)
    node.check(conf, b, prev=rb)
    node.delete(conf, b, prev=rb)
    assert node.delete(conf, b, prev=rb) is None
    assert changed(before, state(node, a, b, advice=False)) == []


@case("ptp:routes")
def test_routes(node, container):
    """The container's only neighbour is the gateway; the node has a route to each address over that link alone"""
    r = node.add(conf_of(node), container)
    host = r["interfaces"][0]["name"]
    for family, address, gateway, subnet in (4, "10.7.0.2", "10.7.0.1", "10.7.0.0/24"), (6, "fd00:7::2", "fd00:7::1", "fd00:7::/64"):
        near, wide = container.route(gateway, family), container.route(subnet, family)
        assert near["prefsrc"] == address and "gateway" not in near and near["dev"] == "eth0"
        assert wide["prefsrc"] == address and wide["gateway"] == gateway
        assert container.route("default", family)["gateway"] == gateway
        assert node.route(address, family)["dev"] == host
    assert node.route("10.7.0.2")["scope"] == "host"
    assert node.addresses(host) == ["10.7.0.1/32", "fd00:7::1/128"]
    assert container.sysctl("net.ipv4.conf.eth0.arp_notify") == "0"


@case("ptp:version")
@pytest.mark.parametrize("version", VERSIONS)
def test_versions(node, container, version):
    """Every version of the specification, with a result in its shape"""
    conf = {**conf_of(node), "cniVersion": version}
    r = node.add(conf, container)
    if version < "0.3":
        assert r["ip4"]["ip"] == "10.7.0.2/24" and r["ip6"]["gateway"] == "fd00:7::1"
    else:
        assert [i["name"] for i in r["interfaces"]] == [r["interfaces"][0]["name"], "eth0"] and r["ips"][0]["interface"] == 1
    if version >= "0.4":
        node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert node.leases() == {} and container.link("eth0") is None and sorted(node.links()) == ["lo"]


@case("ptp:mtu")
def test_mtu(node, container):
    """mtu is that of both ends; CHECK allows the one that tuning sets later"""
    conf = conf_of(node, mtu=1400)
    r = node.add(conf, container)
    assert container.link("eth0")["mtu"] == node.link(r["interfaces"][0]["name"])["mtu"] == 1400
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    net = node.network(conf, {"type": "tuning", "mtu": 1300, "dataDir": str(node.dir / "tuning")})
    at = net.add(container)
    assert container.link("eth0")["mtu"] == 1300
    net.check(at)


@case("ptp:enabledad")
def test_dad(node, container):
    """With enabledad IPv6 addresses are probed before ADD ends; without, they are usable at once"""
    node.add(conf_of(node, "fd00:7::/64", enabledad=True), container)
    flags = [a for a in container.ip("addr", "show", "dev", "eth0")[0]["addr_info"] if a["local"] == "fd00:7::2"][0]
    assert "nodad" not in flags and "tentative" not in flags
    other = node.container()
    node.add(conf_of(node, "fd00:7::/64"), other)
    assert other.ip("addr", "show", "dev", "eth0")[0]["addr_info"][0]["nodad"]


@case("ptp:dns")
def test_dns(node, container):
    """DNS of the configuration, else that of IPAM"""
    address = {"address": "10.7.0.9/24", "gateway": "10.7.0.1"}
    conf = static(address, dns={"nameservers": ["192.0.2.53"]})
    assert node.add(conf, container)["dns"] == {"nameservers": ["192.0.2.53"]}
    node.delete(conf, container)
    assert node.add({**conf, "dns": {"domain": "a.b"}}, container)["dns"] == {"domain": "a.b"}


@case("ptp:forwarding")
@pytest.mark.parametrize("subnet, on, off", [("10.7.0.0/24", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"),
                                            ("fd00:7::/64", "net.ipv6.conf.all.forwarding", "net.ipv4.ip_forward")])
def test_forwarding(node, container, subnet, on, off):
    """Forwarding goes on for the families that have an address, and CHECK misses it"""
    for key in on, off:
        node.sysctl(key, 0)
    conf = conf_of(node, subnet)
    conf["ipam"]["routes"] = []
    r = node.add(conf, container)
    assert node.sysctl(on) == "1" and node.sysctl(off) == "0"
    node.sysctl(on, 0)
    assert "forwarding" in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]


@case("ptp:masq-backend")
def test_backend(node, container):
    """ipMasqBackend iptables makes the reference's chains; DEL removes them"""
    conf = conf_of(node, "10.7.0.0/24", ipMasq=True, ipMasqBackend="iptables")
    r = node.add(conf, container)
    assert any("CNI-" in line and "10.7.0.2" in line for line in node.iptables_save())
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert not any("CNI-" in line for line in node.iptables_save())


@case("ptp:host-address")
def test_host_address(node, container):
    """An address without a subnet and a gateway from elsewhere: a routed container"""
    conf = static({"address": "10.7.0.9/32", "gateway": "169.254.1.1"}, {"address": "fd00:7::9/128", "gateway": "fe80::1"}, routes=ROUTES)
    r = node.add(conf, container)
    assert node.ping("10.7.0.9") and node.ping("fd00:7::9") and container.ping("169.254.1.1")
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert sorted(node.links()) == ["lo"]


@case("ptp:shared-gateway")
def test_shared_gateway(node, container):
    """Two addresses of one subnet share the gateway and its routes"""
    conf = static({"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "10.7.0.10/24", "gateway": "10.7.0.1"}, routes=ROUTES[:1])
    r = node.add(conf, container)
    assert node.ping("10.7.0.9") and node.ping("10.7.0.10")
    node.check(conf, container, prev=r)


@case("ptp:chain")
def test_chain(node):
    """Ports are published for it, and the chain is checked and deleted whole"""
    far = outside(node)
    net = node.network(conf_of(node, ipMasq=True), {"type": "portmap", "capabilities": {"portMappings": True}})
    pod = node.container()
    at = net.add(pod, capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    pod.listen(80)
    assert far.ask("192.0.2.1", 8080) == f"{pod.name} 192.0.2.9"
    net.check(at)
    net.delete(at)
    assert traces(node, pod) == []


# ---- CHECK

def host_of(result):
    return result["interfaces"][0]["name"]


def flush(node, *args):
    node.run("nft", "flush", "set", *args)


def another_kind(c):
    c.ip("link", "del", "eth0")
    c.ip("link", "add", "eth0", "type", "bridge")


DAMAGE = {
    "interface gone": (lambda n, c, r: c.ip("link", "del", "eth0"), "eth0"),
    "another kind": (lambda n, c, r: another_kind(c), "not of type veth"),
    "down": (lambda n, c, r: c.ip("link", "set", "eth0", "down"), "is down"),
    "node's end down": (lambda n, c, r: n.ip("link", "set", host_of(r), "down"), "is down"),
    "MAC": (lambda n, c, r: c.ip("link", "set", "eth0", "address", "02:00:00:00:00:01"), "doesn't match container Mac"),
    "node's MAC": (lambda n, c, r: n.ip("link", "set", host_of(r), "address", "02:00:00:00:00:01"), "doesn't match container Mac"),
    "address gone": (lambda n, c, r: c.ip("addr", "del", "10.7.0.2/24", "dev", "eth0"), "10.7.0.2/24"),
    "IPv6 address gone": (lambda n, c, r: c.ip("addr", "del", "fd00:7::2/64", "dev", "eth0"), "fd00:7::2/64"),
    "default route gone": (lambda n, c, r: c.ip("route", "del", "default"), "0.0.0.0/0"),
    "route to the gateway gone": (lambda n, c, r: c.ip("route", "del", "10.7.0.1"), "10.7.0.1/32"),
    "route to the subnet gone": (lambda n, c, r: c.ip("-6", "route", "del", "fd00:7::/64"), "fd00:7::/64"),
    "source of a route": (lambda n, c, r: c.ip("route", "change", "10.7.0.1", "dev", "eth0", "scope", "link", "src", "127.0.0.1"), "10.7.0.1/32"),
    "gateway address gone": (lambda n, c, r: n.ip("addr", "del", "10.7.0.1/32", "dev", host_of(r)), "10.7.0.1/32"),
    "IPv6 gateway address gone": (lambda n, c, r: n.ip("addr", "del", "fd00:7::1/128", "dev", host_of(r)), "fd00:7::1/128"),
    "node's route gone": (lambda n, c, r: n.ip("route", "del", "10.7.0.2"), "10.7.0.2/32"),
    "node's IPv6 route gone": (lambda n, c, r: n.ip("-6", "route", "del", "fd00:7::2"), "fd00:7::2/128"),
    "masquerade gone": (lambda n, c, r: flush(n, "ip", "crimp_masquerade", "from_10.7.0.0/24_testnet"), "crimp_masquerade"),
    "forwarding off": (lambda n, c, r: n.sysctl("net.ipv4.ip_forward", 0), "forward"),
    "lease gone": (lambda n, c, r: [(n.data / "testnet" / a).unlink() for a in n.leases()], "find"),
}


@case("ptp:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, container, what):
    """CHECK names what is not as ADD made it"""
    conf = conf_of(node, ipMasq=True)
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    damage, words = DAMAGE[what]
    damage(node, container, r)
    reply = node.plugin("CHECK", {**conf, "prevResult": r}, container)
    assert not reply.ok and words in reply.text, reply


@case("ptp:check-prev")
def test_check_wants_a_result(node, container):
    """CHECK without prevResult, with another namespace's, without the node's end"""
    conf = conf_of(node)
    r = node.add(conf, container)
    assert "Required prevResult missing" in node.refuses("CHECK", conf, container, code=7)["msg"]
    elsewhere = {**r, "interfaces": [r["interfaces"][0], {**r["interfaces"][1], "sandbox": "/run/netns/elsewhere"}]}
    assert "doesn't match configured netns" in node.refuses("CHECK", {**conf, "prevResult": elsewhere}, container)["msg"]
    stranger = {**r, "interfaces": [{**r["interfaces"][0], "name": "veth00000000"}, r["interfaces"][1]]}
    assert "other end" in node.refuses("CHECK", {**conf, "prevResult": stranger}, container)["msg"]


# ---- DEL, GC, STATUS

def gone_path(node, container):
    path = container.path
    container.close()
    return {"container_netns": path}


DELETING = {
    "alive": lambda n, c: {}, "no netns": lambda n, c: {"env": {"CNI_NETNS": None}}, "netns empty": lambda n, c: {"env": {"CNI_NETNS": ""}},
    "path missing": gone_path, "interface missing": lambda n, c: c.ip("link", "del", "eth0") and {} or {},
    "a file": lambda n, c: {"env": {"CNI_NETNS": "/etc/hostname"}}, "below a file": lambda n, c: {"env": {"CNI_NETNS": "/etc/hostname/x"}},
}


@case("ptp:del")
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
@pytest.mark.parametrize("how", DELETING)
def test_del(node, how, prev):
    """DEL, and DEL again, release lease and masquerade whatever is left of the container"""
    container = node.container()
    conf = conf_of(node, ipMasq=True)
    r = node.add(conf, container)
    more = DELETING[how](node, container)
    for _ in range(2):
        node.delete(conf, container, prev=r if prev else None, **more)
        assert node.leases() == {} and container.id not in node.run("nft", "list", "ruleset").out
    if prev or how in ("alive", "interface missing", "path missing"):
        assert node.until(lambda: sorted(node.links()) == ["lo"]) and traces(node, container) == []


@case("ptp:del-not-ours")
def test_del_leaves_what_is_not_ours(node, container):
    """DEL after an ADD that was refused leaves the interface that was in the way"""
    container.ip("link", "add", "eth0", "type", "bridge")
    conf = conf_of(node)
    assert "already exists" in node.refuses("ADD", conf, container)["msg"] and not node.data.exists()
    node.delete(conf, container)
    assert container.link("eth0")["linkinfo"]["info_kind"] == "bridge"


@case("ptp:del-broken-conf")
@pytest.mark.parametrize("more", [{"mtu": "x"}, {"ipMasq": 5}, {"ipMasqBackend": "pf"}, {"mtu": -5}], ids=str)
def test_del_with_a_configuration_no_add_accepts(node, container, more):
    """DEL with keys that ADD would refuse still cleans up"""
    conf = conf_of(node, ipMasq=True)
    r = node.add(conf, container)
    node.delete({**conf, **more}, container, prev=r)
    assert traces(node, container) == [] and container.link("eth0") is None


@case("ptp:del-changed-conf")
def test_del_after_the_keys_went(node, container):
    """Masquerade goes though the configuration no longer speaks of it"""
    r = node.add(conf_of(node, ipMasq=True), container)
    node.delete(conf_of(node), container, prev=r)
    assert traces(node, container) == []


@case("ptp:gc")
def test_gc(node):
    """GC takes leases and masquerade of who is not valid, and nothing without a list"""
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, ipMasq=True)
    node.add(conf, a)
    rb = node.add(conf, b)
    assert node.plugin("GC", conf).ok and len(node.leases()) == 4
    node.gc(conf, [(b, "eth0")])
    text = node.run("nft", "list", "ruleset").out
    assert a.id not in text and b.id in text and sorted(node.leases()) == ["10.7.0.3", "fd00:7::3"]
    node.check(conf, b, prev=rb)
    node.gc(conf, [])
    assert node.leases() == {} and b.id not in node.run("nft", "list", "ruleset").out


@case("ptp:status")
def test_status(node):
    """STATUS asks IPAM, and is code 50 for what cannot be"""
    node.status(conf_of(node, ipMasq=True))
    fake = node.fake("ipam")
    fake.fails("STATUS", 51, "half full")
    assert "half full" in node.refuses("STATUS", {"type": "ptp", "ipam": {"type": "ipam"}}, code=51)["msg"]
    assert "ipam" in node.refuses("STATUS", {"type": "ptp"}, code=7)["msg"]


# ---- failures

def failing_route(node, container):
    return {"ipam": node.host_local("10.7.0.0/24", routes=[{"dst": "10.9.0.0/16", "gw": "203.0.113.1"}])}, "failed to add route"


def failing_taken(node, container):
    container.ip("link", "add", "eth0", "type", "bridge")
    return {}, "eth0"


def failing_gateway(node, container):
    return static({"address": "10.7.0.9/24"}), "no gateway for 10.7.0.9/24"


def failing_node_route(node, container):
    node.ip("link", "add", "other", "type", "bridge")
    node.ip("link", "set", "other", "up")
    node.ip("route", "add", "10.7.0.2/32", "dev", "other")
    return {}, "the node has that route over other"


def failing_node_address(node, container):
    return static({"address": "fd00:7::9/64", "gateway": "ff02::1"}), "ff02::1"


FAILING = {"IPAM fails": failing_ipam, "IPAM gives nothing": failing_nothing, "no IPAM plugin": failing_missing,
           "impossible route": failing_route, "name taken": failing_taken, "no namespace": failing_netns, "version": failing_version,
           "no gateway": failing_gateway, "node's route is there": failing_node_route, "impossible gateway": failing_node_address}


@case("ptp:failing")
@pytest.mark.parametrize("how", FAILING)
def test_failing(node, container, how):
    """A failed ADD leaves nothing"""
    told, words = FAILING[how](node, container)
    before = state(node, container, advice=False)
    env = told.pop("env", None)
    error = node.refuses("ADD", {**conf_of(node, ipMasq=True), **told}, container, env=env)
    assert words in error["msg"], error
    same(before, state(node, container, advice=False))


@case("ptp:repeated")
def test_repeated(node, container):
    """An ADD of what is there, here or in another namespace, is refused and harms nothing"""
    twin = node.container("twin", id=container.id)
    conf = conf_of(node, ipMasq=True)
    r = node.add(conf, container)
    before = state(node, container, twin)
    assert "eth0" in node.refuses("ADD", conf, container)["msg"]
    assert "duplicate" in node.refuses("ADD", conf, twin)["msg"]
    same(before, state(node, container, twin))
    node.check(conf, container, prev=r)


INVALID = {
    **INVALID_COMMON,
    "mtu text": ({"mtu": "1500"}, 6, ["mtu", "string"]), "mtu fraction": ({"mtu": 1500.5}, 6, ["mtu"]),
    "mtu negative": ({"mtu": -1}, 7, ["invalid mtu -1", "68", "65535"]), "mtu small": ({"mtu": 67}, 7, ["invalid mtu 67", "68"]),
    "mtu large": ({"mtu": 65536}, 7, ["invalid mtu 65536", "65535"]), "mtu huge": ({"mtu": 1e30}, 6, ["mtu"]),
    "ipMasq text": ({"ipMasq": "true"}, 6, ["ipMasq", "string"]), "ipMasq number": ({"ipMasq": 1}, 6, ["ipMasq", "number"]),
    "backend": ({"ipMasqBackend": "pf"}, 7, ["unknown ipmasq backend", "pf"]), "backend number": ({"ipMasqBackend": 5}, 6, ["ipMasqBackend"]),
    "enabledad text": ({"enabledad": "no"}, 6, ["enabledad", "string"]),
    "no ipam": ({"ipam": None}, 7, ["ipam"]), "ipam without type": ({"ipam": {}}, 7, ["ipam", "type"]),
    "ipam list": ({"ipam": []}, 6, ["ipam"]), "dns domain": ({"dns": {"domain": 5}}, 6, ["dns", "domain"]),
}


@case("ptp:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, container, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    more, code, words = INVALID[what]
    before = state(node, container)
    error = node.refuses("ADD", {**conf_of(node, ipMasq=True), **more}, container, code=code)
    for word in words:
        assert word in error["msg"], f"{word} is not in: {error}"
    assert "\n" not in error["msg"] and changed(before, state(node, container)) == []
