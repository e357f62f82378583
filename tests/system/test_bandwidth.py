# SPDX-License-Identifier: Apache-2.0
"""bandwidth: what a container sends and receives is limited, and nothing else."""

import json
import re
import subprocess

import pytest

from lib.case import case, needs
from lib.netns import connect
from system.world import changed, state

FOUR = {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}
IN, OUT = ({k: v for k, v in FOUR.items() if k.startswith(word)} for word in ("ingress", "egress"))
CONF = {"type": "bandwidth", **FOUR}


@pytest.fixture
def pod(node, container):
    """A container with a cable to the node: ha - eth0."""
    connect(node, "ha", container, "eth0", "10.7.0.1/24", "10.7.0.2/24")
    return container


def prev(container, *more, version="1.1.0"):
    return {"cniVersion": version, "interfaces": [{"name": "ha"}, {"name": "eth0", "sandbox": container.path}, *more],
            "ips": [{"address": "10.7.0.2/24", "interface": 1}]}


def chained(container, conf=None, **more):
    return {**(CONF if conf is None else {"type": "bandwidth", **conf}), "prevResult": prev(container), **more}


def qdiscs(ns, dev=None):
    """{device: {kind: options}}"""
    found = {}
    for q in json.loads(ns.run("tc", "-j", "qdisc", "show").out):
        if q["kind"] != "noqueue" and dev in (None, q["dev"]):
            found.setdefault(q["dev"], {})[q["kind"]] = q.get("options", {})
    return found


def ifbs(ns):
    return [name for name in ns.links() if name.startswith("bwp")]


def filters(ns, dev, side="ingress"):
    """[(priority, where to)] of filters that redirect"""
    text = ns.run("tc", "filter", "show", "dev", dev, side, check=False).out
    return [(int(p), to) for p, to in re.findall(r"pref (\d+) u32 chain \d+ fh \w+::800.*?Redirect to device (\S+)\)", text, re.S)]


# ---- life ----


@case("bandwidth:life")
def test_life(node, pod):
    """ADD makes what the reference makes, CHECK agrees, DEL leaves the interface as it was"""
    before = state(node, pod)
    result = node.add(chained(pod), pod)
    (ifb,) = ifbs(node)
    assert result["interfaces"] == [*prev(pod)["interfaces"], {"name": ifb, "mac": node.mac(ifb)}]
    assert node.link(ifb)["ifalias"] == f"testnet {pod.id} eth0" and node.link(ifb)["mtu"] == 1500 and "UP" in node.link(ifb)["flags"]
    have = qdiscs(node)
    assert have["ha"]["tbf"]["rate"] == 1000000 and have["ha"]["tbf"]["burst"] == 100000 and have[ifb]["tbf"]["rate"] == 2000000
    assert filters(node, "ha") == [(1, ifb)] and pod.ping("10.7.0.1")
    node.check(CONF, pod, prev=result)
    node.delete(CONF, pod, prev=result)
    assert changed(before, state(node, pod)) == [] and qdiscs(node) == {} and pod.ping("10.7.0.1")
    node.delete(CONF, pod, prev=result)


KEYS = {
    "ingress": (IN, {"ha": {"tbf"}}, 0), "egress": (OUT, {"ha": {"ingress"}, "ifb": {"tbf"}}, 1), "none": ({}, {}, 0),
    "zero": (dict.fromkeys(FOUR, 0), {}, 0), "capability": ({"runtimeConfig": {"bandwidth": IN}}, {"ha": {"tbf"}}, 0),
    "top level wins": ({**OUT, "runtimeConfig": {"bandwidth": IN}}, {"ha": {"ingress"}, "ifb": {"tbf"}}, 1),
    "zero at the top level wins": ({"egressRate": 0, "runtimeConfig": {"bandwidth": IN}}, {}, 0),
    "case folded": ({"IngressRate": 8000000, "INGRESSBURST": 800000}, {"ha": {"tbf"}}, 0),
}


@case("bandwidth:keys")
@pytest.mark.parametrize("what", KEYS)
def test_keys(node, pod, what):
    """Each direction alone, by configuration and by capability"""
    keys, wanted, n = KEYS[what]
    result = node.add(chained(pod, keys), pod)
    assert {("ifb" if dev.startswith("bwp") else dev): set(kinds) for dev, kinds in qdiscs(node).items()} == wanted
    assert len(ifbs(node)) == n and len(result["interfaces"]) == 2 + n
    node.check({"type": "bandwidth", **keys}, pod, prev=result)
    node.delete({"type": "bandwidth", **keys}, pod, prev=result)
    assert qdiscs(node) == {} and ifbs(node) == []


@case("bandwidth:chain")
def test_chain(node):
    """Behind bridge, in every version, with two containers"""
    net = node.network({"type": "bridge", "isGateway": True, "ipam": node.host_local("10.8.0.0/24")},
                       {"type": "bandwidth", "capabilities": {"bandwidth": True}}, version="0.4.0")
    a, b = (net.add(node.container(label), capabilities={"bandwidth": FOUR}) for label in "ab")
    assert len(ifbs(node)) == 2 and a.container.ping(b.address)
    for at in a, b:
        net.check(at)
    net.delete(a)
    net.check(b)
    b.container.close()
    net.delete(b)
    assert ifbs(node) == []


# ---- packets ----


def throughput(sender, receiver, address, seconds=4.0):
    """Bytes per second of TCP, without the burst of the beginning."""
    server = ("import socket,time\ns=socket.socket();s.setsockopt(1,2,1);s.bind(('0.0.0.0',5001));s.listen();print('ready',flush=True)\n"
              "c,_=s.accept();t=time.monotonic();skip=t+1.5;n=0;end=t+1.5+%f\n"
              "while (now:=time.monotonic())<end:\n d=c.recv(65536)\n if now>skip: n+=len(d)\nprint(n/%f,flush=True)" % (seconds, seconds))
    client = ("import socket\nc=socket.create_connection(('%s',5001))\n"
              "try:\n while 1: c.sendall(bytes(65536))\nexcept OSError: pass" % address)
    p = receiver.spawn("/usr/bin/python3", "-c", server, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    sender.spawn("/usr/bin/python3", "-c", client)
    return float(p.stdout.readline())


@case("bandwidth:rate")
@pytest.mark.timing
@pytest.mark.parametrize("where", ["veth", "macvlan"])
def test_rate(node, container, where):
    """TCP runs at the rate in both directions, give or take a tenth"""
    if where == "veth":
        connect(node, "ha", container, "eth0", "10.7.0.1/24", "10.7.0.2/24")
    else:
        macvlan(node, container)
    conf = {"type": "bandwidth", "ingressRate": 20000000, "ingressBurst": 400000, "egressRate": 40000000, "egressBurst": 800000}
    node.add({**conf, "prevResult": prev(container)}, container)
    into, out = throughput(node, container, "10.7.0.2"), throughput(container, node, "10.7.0.1")
    # What TCP carries is 1448 of 1514 bytes.
    assert into == pytest.approx(2500000 * 1448 / 1514, rel=0.1) and out == pytest.approx(5000000 * 1448 / 1514, rel=0.1), (into, out)


# ---- interfaces without an end on the node ----


def macvlan(node, container):
    """eth0 of the container hangs on one end of a cable, the node has the other one."""
    node.ip("link", "add", "ha", "type", "veth", "peer", "name", "hb")
    node.ip("link", "add", "link", "hb", "name", "m0", "type", "macvlan", "mode", "bridge")
    node.ip("link", "set", "m0", "netns", container.name, "name", "eth0")
    for dev in "ha", "hb":
        node.ip("link", "set", dev, "up")
    node.ip("addr", "add", "10.7.0.1/24", "dev", "ha")
    container.ip("addr", "add", "10.7.0.2/24", "dev", "eth0")
    container.ip("link", "set", "eth0", "up")


def moved(node, container):
    """A whole cable end: the veth's other end is in neither namespace."""
    other = node.container("other")
    connect(other, "ha", container, "eth0", "10.7.0.1/24", "10.7.0.2/24")


def tap(node, container):
    container.run("ip", "tuntap", "add", "eth0", "mode", "tap")
    container.ip("link", "set", "eth0", "up")


INSIDE = {"macvlan": macvlan, "a veth to elsewhere": moved, "tap": tap}


@case("bandwidth:inside")
@needs("macvlan")
@pytest.mark.parametrize("kind", INSIDE)
def test_inside(node, container, kind):
    """An interface without an end on the node is shaped in the container, and is as before after DEL"""
    INSIDE[kind](node, container)
    before = state(node, container), qdiscs(container)
    result = node.add(chained(container), container)
    (ifb,) = ifbs(container)
    assert result["interfaces"][2] == {"name": ifb, "mac": container.mac(ifb), "sandbox": container.path}
    have = qdiscs(container)
    assert have["eth0"]["tbf"]["rate"] == 2000000 and have[ifb]["tbf"]["rate"] == 1000000 and qdiscs(node) == {} and ifbs(node) == []
    assert filters(container, "eth0") == [(1, ifb)] and (kind != "macvlan" or container.ping("10.7.0.1"))
    node.check(CONF, container, prev=result)
    node.delete(CONF, container, prev=result)
    assert changed(before, (state(node, container), qdiscs(container))) == []


# ---- others on the same interface ----


@case("bandwidth:foreign")
@pytest.mark.parametrize("kind", ["clsact", "ingress"])
def test_foreign_qdisc(node, pod, kind):
    """Another program's qdisc and filters stay as they are; ours stands behind them and goes alone"""
    node.ip("link", "add", "other", "type", "ifb")
    node.run("tc", "qdisc", "add", "dev", "ha", kind)
    theirs = ["tc", "filter", "add", "dev", "ha", "ingress", "protocol", "ip", "pref", "60000", "u32", "match", "ip", "dst", "192.0.2.1",
              "action", "mirred", "egress", "redirect", "dev", "other"]
    node.run(*theirs)
    # The kernel words the place of all filters as the last one who added any.
    show = lambda: node.run("tc", "filter", "show", "dev", "ha", "ingress").out.replace("parent ffff: ", "")   # noqa: E731
    before = show()
    result = node.add(chained(pod), pod)
    (ifb,) = ifbs(node)
    assert filters(node, "ha") == [(60000, "other"), (60001, ifb)] and kind in qdiscs(node)["ha"]
    assert pod.ping("10.7.0.1")
    node.check(CONF, pod, prev=result)
    node.delete(CONF, pod, prev=result)
    assert show() == before and set(qdiscs(node)["ha"]) == {kind} and pod.ping("10.7.0.1")
    assert result["interfaces"][2]["name"] == ifb


@case("bandwidth:foreign-root")
def test_foreign_root(node, pod):
    """Another program's qdisc at the root is named, and a failed ADD leaves nothing"""
    node.run("tc", "qdisc", "add", "dev", "ha", "root", "handle", "5:", "pfifo")
    before = state(node, pod), qdiscs(node)
    assert "pfifo" in node.refuses("ADD", chained(pod), pod)["msg"]
    assert changed(before, (state(node, pod), qdiscs(node))) == [] and filters(node, "ha") == []


@case("bandwidth:foreign-tbf")
@pytest.mark.parametrize("other", [["rate", "9mbit", "burst", "800000b", "limit", "900000"], ["rate", "8mbit", "burst", "900000b", "limit", "825000"],
                                   ["rate", "8mbit", "burst", "100000b", "limit", "900000"]], ids=["rate", "buffer", "limit"])
def test_foreign_tbf(node, pod, other):
    """An administrator's token bucket that has our handle makes ADD fail, and outlives the DEL that follows"""
    node.run("tc", "qdisc", "add", "dev", "ha", "root", "handle", "1:", "tbf", *other)
    before = state(node, pod), qdiscs(node)
    assert "tbf" in node.refuses("ADD", chained(pod), pod)["msg"]
    for _ in "twice":
        node.delete(CONF, pod, prev=prev(pod))
        assert changed(before, (state(node, pod), qdiscs(node))) == []


@case("bandwidth:repeat")
@pytest.mark.parametrize("keys", [FOUR, IN, OUT], ids=["both", "ingress", "egress"])
def test_repeat(node, pod, keys):
    """A repeated ADD is refused and harms nothing"""
    result = node.add(chained(pod, keys), pod)
    before = state(node, pod), qdiscs(node)
    assert "File exists" in node.refuses("ADD", chained(pod, keys), pod)["msg"]
    assert changed(before, (state(node, pod), qdiscs(node))) == []
    node.check({"type": "bandwidth", **keys}, pod, prev=result)


@case("bandwidth:stale-ifb")
def test_stale_ifb(node, pod):
    """What a killed ADD has left is no obstacle to the next one"""
    node.add(chained(pod), pod)
    node.run("tc", "qdisc", "del", "dev", "ha", "ingress")
    node.run("tc", "qdisc", "del", "dev", "ha", "root")
    result = node.add(chained(pod), pod)
    node.check(CONF, pod, prev=result)
    assert len(ifbs(node)) == 1


@case("bandwidth:two-interfaces")
def test_two_interfaces(node, pod):
    """Two attachments of a container to one network: the second ifb has a name of its own, and each goes alone"""
    connect(node, "hb", pod, "net1", "10.9.0.1/24", "10.9.0.2/24")
    first = node.add(chained(pod), pod)
    second = node.add(chained(pod), pod, "net1")
    a, b = (r["interfaces"][2]["name"] for r in (first, second))
    assert a != b and {node.link(a)["ifalias"], node.link(b)["ifalias"]} == {f"testnet {pod.id} {i}" for i in ("eth0", "net1")}
    node.check(CONF, pod, prev=first)
    node.check(CONF, pod, "net1", prev=second)
    node.delete(CONF, pod, prev=first)
    assert ifbs(node) == [b]
    node.check(CONF, pod, "net1", prev=second)
    third = node.add(chained(pod), pod)
    assert third["interfaces"][2]["name"] == a
    pod.close()
    node.delete(CONF, pod, "net1", prev=second)
    assert ifbs(node) == [a]


# ---- CHECK ----

DAMAGE = {
    "root gone": (["tc", "qdisc", "del", "dev", "ha", "root"], "Failed to find qdisc"),
    "rate": (["tc", "qdisc", "replace", "dev", "ha", "root", "handle", "1:", "tbf", "rate", "1mbit", "burst", "100000", "latency", "25ms"], "Rate"),
    "limit": (["tc", "qdisc", "replace", "dev", "ha", "root", "handle", "1:", "tbf", "rate", "8mbit", "burst", "100000", "limit", "7000"], "Limit"),
    "buffer": (["tc", "qdisc", "replace", "dev", "ha", "root", "handle", "1:", "tbf", "rate", "8mbit", "burst", "50000", "limit", "125000"], "Buffer"),
    "htb": (["sh", "-c", "tc qdisc del dev ha root; tc qdisc add dev ha root handle 1: htb default 30"], "htb"),
    "pfifo": (["sh", "-c", "tc qdisc del dev ha root; tc qdisc add dev ha root pfifo"], "pfifo"),
    "ifb gone": (["sh", "-c", "ip link del IFB"], "find the ifb"), "ifb down": (["sh", "-c", "ip link set IFB down"], "is down"),
    "ifb not shaped": (["sh", "-c", "tc qdisc del dev IFB root"], "Failed to find qdisc on bwp"),
    "ingress gone": (["tc", "qdisc", "del", "dev", "ha", "ingress"], "no ingress qdisc"),
    "filter gone": (["tc", "filter", "del", "dev", "ha", "ingress"], "no filter"),
    "filter elsewhere": (["sh", "-c", "tc filter del dev ha ingress; ip link add other type ifb; tc filter add dev ha ingress pref 1 u32 match u32 0 0 "
                          "action mirred egress redirect dev other"], "sends to"),
    "filter of some": (["sh", "-c", "tc filter del dev ha ingress; tc filter add dev ha ingress pref 1 u32 match u32 1 1 at 12 "
                        "action mirred egress redirect dev IFB"], "no filter"),
    "interface gone": (["ip", "link", "del", "ha"], "eth0"),
}


@case("bandwidth:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, pod, what):
    """CHECK sees each kind of damage, and DEL gets over it"""
    command, word = DAMAGE[what]
    result = node.add(chained(pod), pod)
    node.run(*(part.replace("IFB", ifbs(node)[0]) for part in command))
    assert word in node.refuses("CHECK", {**CONF, "prevResult": result}, pod)["msg"]
    node.delete(CONF, pod, prev=result)
    assert ifbs(node) == []


# ---- DEL, GC, STATUS ----


@case("bandwidth:del")
@pytest.mark.parametrize("prev_too", [True, False], ids=["prevResult", "no prevResult"])
@pytest.mark.parametrize("how", ["alive", "no netns", "path gone", "interface gone", "invalid configuration", "never added"])
def test_del(node, pod, how, prev_too):
    """DEL succeeds and leaves no ifb, whatever else is gone; twice"""
    result = node.add(chained(pod), pod) if how != "never added" else prev(pod)
    if how == "path gone":
        pod.close()
    if how == "interface gone":
        pod.ip("link", "del", "eth0")
    conf = {**CONF, "ingressRate": "nonsense"} if how == "invalid configuration" else CONF
    for _ in range(2):
        node.delete(conf, pod, prev=result if prev_too else None, env={"CNI_NETNS": ""} if how == "no netns" else {})
        assert ifbs(node) == []


@case("bandwidth:gc")
def test_gc(node):
    """GC removes ifbs of attachments that are not valid, and nobody else's"""
    pods = {}
    for i, name in enumerate(("kept", "lost", "foreign")):
        c = pods[name] = node.container(name)
        connect(node, f"h{i}", c, "eth0")
        node.add(chained(c, name="othernet" if name == "foreign" else "testnet"), c)
    node.ip("link", "add", "bwp-something", "type", "veth", "peer", "name", "bwp-else")
    node.ip("link", "add", "bwp000000000000", "type", "ifb")
    aliases = lambda: sorted(link.get("ifalias", "").split(" ")[0] + name[:8] for name, link in node.links().items() if name.startswith("bwp"))  # noqa: E731
    before = len(ifbs(node))
    node.plugin("GC", CONF).result
    assert len(ifbs(node)) == before, aliases()
    node.gc(CONF, [(pods["kept"], "eth0")])
    owners = {link.get("ifalias") for link in node.links().values() if link.get("linkinfo", {}).get("info_kind") == "ifb"}
    assert owners == {f"testnet {pods['kept'].id} eth0", f"othernet {pods['foreign'].id} eth0"}
    assert node.link("bwp-something")


@case("bandwidth:gc-without-owner")
def test_gc_without_owner(node, pod):
    """An ifb without alias stays while a valid attachment would have its name, or an interface sends into it"""
    node.add(chained(pod), pod)
    (ifb,) = ifbs(node)
    node.ip("link", "set", ifb, "alias", "")
    node.gc(CONF)
    assert ifbs(node) == [ifb]
    node.run("tc", "qdisc", "del", "dev", "ha", "ingress")
    node.gc(CONF, [(pod, "eth0")])
    assert ifbs(node) == [ifb]
    node.gc(CONF)
    assert ifbs(node) == []


@case("bandwidth:status")
def test_status(node):
    """STATUS succeeds here, makes nothing, and refuses what ADD would"""
    before = state(node)
    node.status(CONF)
    assert changed(before, state(node)) == []
    assert node.refuses("STATUS", {"type": "bandwidth", "ingressRate": 5}, code=7)


# ---- bad input ----

INVALID = {
    **{f"{key} {what}": ({key: value}, 6, key) for key in FOUR for what, value in {
        "text": "8M", "fraction": 1.5, "exponent": 1e30, "negative": -1, "beyond 64 bits": 2**64, "list": [], "object": {}, "boolean": True}.items()},
    **{f"capability {key} text": ({"runtimeConfig": {"bandwidth": {**FOUR, key: "1"}}, "drop": True}, 6, key) for key in FOUR},
    **{f"{way} rate without burst": ({f"{way}Burst": 0}, 7, f"{way}Rate {FOUR[way + 'Rate']}: if rate is set, burst must also be set") for way in ("ingress", "egress")},
    **{f"{way} burst without rate": ({f"{way}Rate": 0}, 7, f"{way}Burst {FOUR[way + 'Burst']}: if burst is set, rate must also be set") for way in ("ingress", "egress")},
    **{f"{way}Burst too large": ({f"{way}Burst": 34359738360}, 7, "burst cannot be more than 4GB (must be between 8 and 34359738359 bits)")
       for way in ("ingress", "egress")},
    **{f"{key} of no byte": ({key: 7}, 7, "at least 8 bits") for key in FOUR},
    "capability list": ({"runtimeConfig": {"bandwidth": []}, "drop": True}, 6, "bandwidth"),
    "capability of two kinds": ({"runtimeConfig": {"bandwidth": {"egressRate": 5}}, "drop": True}, 7, "egressRate 5"),
    "no prevResult": ({"prevResult": None}, 7, "must be called as chained plugin"),
    "no prevResult, no rate": ({"prevResult": None, "drop": True}, 7, "must be called as chained plugin"),
    "no interfaces": ({"prevResult": {"cniVersion": "1.1.0"}}, 7, "no interfaces provided"),
    "prevResult text": ({"prevResult": "x"}, 6, "prevResult"),
    "old version": ({"cniVersion": "0.2.0"}, 1, "incompatible"),
}


@case("bandwidth:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, pod, what):
    """What is no limit is refused with key and range, and nothing is touched"""
    keys, code, word = INVALID[what]
    conf = {**chained(pod), **keys}
    if conf.pop("drop", False):
        conf = {k: v for k, v in conf.items() if k not in FOUR}
    before = list(node.links())
    error = node.refuses("ADD", conf, pod, code=code)
    assert word in error["msg"] + error.get("details", ""), error
    assert list(node.links()) == before and qdiscs(node) == {}


@case("bandwidth:gone")
def test_container_gone(node, pod):
    """ADD and CHECK of a namespace or an interface that is gone name it"""
    conf = chained(pod)
    assert "eth9" in node.refuses("ADD", conf, pod, "eth9")["msg"]
    pod.close()
    assert pod.path in node.refuses("ADD", conf, pod)["msg"] and pod.path in node.refuses("CHECK", conf, pod)["msg"]


@case("bandwidth:mtu")
def test_mtu(node, pod):
    """The ifb has the MTU of the interface"""
    node.ip("link", "set", "ha", "mtu", "1400")
    node.add(chained(pod), pod)
    assert node.link(ifbs(node)[0])["mtu"] == 1400
