# SPDX-License-Identifier: Apache-2.0
"""vrf: an interface becomes a port of a VRF in its container."""

import os
import pathlib

import pytest

from lib import peers
from lib.case import case, needs
from lib.netns import connect

pytestmark = needs("vrf")
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.8.0.0/16", "gw": "10.1.0.254"}, {"dst": "10.9.0.0/16", "gw": "10.1.0.1", "table": 77}]


def under(node, **more):
    return {"type": "bridge", "bridge": "br1", "isGateway": True,
            "ipam": node.host_local("10.1.0.0/24", "fd00:1::/64", **{"routes": ROUTES, **more})}


def chain(node, **vrf):
    return node.network(under(node), {"type": "vrf", "vrfname": "blue", **vrf})


def table(ns, number, family=4):
    return {r["dst"]: r.get("gateway") for r in ns.routes(family, number) if r.get("type", "unicast") == "unicast" and "fe80" not in r["dst"]
            and "ff00" not in r["dst"]}


def main(ns, dev="eth0"):
    return [r["dst"] for f in (4, 6) for r in ns.routes(f) if r.get("dev") == dev]


def whole(ns):
    return {"master": {n: x.get("master") for n, x in ns.links().items()}, **ns.state()}


def vrf(net):
    return net.conflist["plugins"][1]


@case("vrf:life")
@pytest.mark.parametrize("keep", [0, 1])
def test_life(node, container, keep):
    """The VRF is made, addresses and routes are kept in its table, packets flow, and DEL takes all back"""
    net = chain(node)
    below = node.network(under(node))
    at = below.add(container)
    container.sysctl("net.ipv6.conf.eth0.keep_addr_on_down", keep)
    prev = at.result
    conf = net.conf(vrf(net), prev)
    assert net.call("ADD", vrf(net), conf, container, "eth0").result == prev
    blue = container.link("blue")
    assert blue["linkinfo"] == {"info_kind": "vrf", "info_data": {"table": 1}} and "UP" in blue["flags"]
    assert container.link("eth0")["master"] == "blue"
    assert container.addresses("eth0") == ["10.1.0.2/24", "fd00:1::2/64"]
    assert table(container, 1) == {"default": "10.1.0.1", "10.1.0.0/24": None, "10.8.0.0/16": "10.1.0.254"}
    assert table(container, 1, 6) == {"default": "fd00:1::1", "fd00:1::/64": None}
    assert table(container, 77) == {"10.9.0.0/16": "10.1.0.1"} and main(container) == []
    assert node.ping("10.1.0.2") and node.ping("fd00:1::2")
    assert container.run("ping", "-nqc1", "-W2", "-I", "blue", "10.1.0.1", check=False).ok
    at.result = prev
    net.check(at)
    for _ in "twice":
        net.one("DEL", vrf(net), at).result
        assert container.link("blue") is None and container.link("eth0").get("master") is None
    below.delete(at)


@case("vrf:two")
def test_two(node, container):
    """The VRF is found by the second interface, and goes with the last"""
    net = chain(node, table=42)
    one, two = net.add(container, "eth0"), net.add(container, "eth1")
    assert container.link("blue")["linkinfo"]["info_data"]["table"] == 42
    red = node.network(under(node), {"type": "vrf", "vrfname": "red"})
    three = red.add(container, "eth2")
    assert container.link("red")["linkinfo"]["info_data"]["table"] == 1
    for n, at in (net, one), (net, two), (red, three):
        n.check(at)
    net.delete(one)
    assert container.link("blue")
    net.check(two)
    net.delete(two)
    assert container.link("blue") is None and container.link("red")
    red.check(three)
    red.delete(three)


@case("vrf:overlap")
def test_overlap(node, new_node, container):
    """Two networks of the same addresses are kept apart"""
    ends = []
    for i, name in enumerate(("blue", "red")):
        end = new_node(name)
        connect(container, f"eth{i}", end, "eth0", "10.1.0.2/24", "10.1.0.9/24")
        prev = {"cniVersion": "1.0.0", "interfaces": [{"name": f"eth{i}", "sandbox": container.path}], "ips": [
            {"address": "10.1.0.2/24", "interface": 0}]}
        node.add({"cniVersion": "1.0.0", "type": "vrf", "vrfname": name, "prevResult": prev}, container, f"eth{i}")
        ends.append(end)
    for end in ends:
        assert end.ping("10.1.0.2")
    for end, name in zip(ends, ("blue", "red")):
        end.listen(80)
        done = container.run("ip", "vrf", "exec", name, "true", check=False)
        assert container.run("ping", "-nqc1", "-W2", "-I", name, "10.1.0.9", check=False).ok, done


DAMAGE = {
    "not a port": (["link", "set", "eth0", "nomaster"], "Failed to find eth0 associated to vrf blue"),
    "no VRF": (["link", "del", "blue"], "blue"),
    "VRF down": (["link", "set", "blue", "down"], "down"),
    "address": (["addr", "del", "10.1.0.2/24", "dev", "eth0"], "10.1.0.2/24"),
    "address 6": (["addr", "del", "fd00:1::2/64", "dev", "eth0"], "fd00:1::2/64"),
    "route": (["route", "del", "10.8.0.0/16", "table", "1"], "10.8.0.0/16"),
    "default 6": (["-6", "route", "del", "default", "table", "1"], "::/0"),
    "route of another table": (["route", "del", "10.9.0.0/16", "table", "77"], "10.9.0.0/16"),
    "interface": (["link", "del", "eth0"], "eth0"),
}


@case("vrf:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, container, what):
    """CHECK names what is missing"""
    net = chain(node)
    at = net.add(container)
    how, says = DAMAGE[what]
    container.ip(*how)
    assert says in net.one("CHECK", vrf(net), at).error["msg"]


@case("vrf:check-moved-back")
def test_check_main(node, container):
    """A route that is in the main table instead of the VRF's is missing to vrf"""
    net = chain(node)
    at = net.add(container)
    container.ip("route", "del", "10.8.0.0/16", "table", "1")
    container.ip("route", "add", "10.8.0.0/16", "via", "10.1.0.254", "dev", "eth0", "onlink")
    assert "10.8.0.0/16" in net.one("CHECK", vrf(net), at).error["msg"]


REFUSED = {
    "other table": ([["link", "add", "blue", "type", "vrf", "table", "9"]], {"table": 10}, "VRF blue already exist with different routing table 9"),
    "no VRF": ([["link", "add", "blue", "type", "bridge"]], {}, "Netlink blue is not a VRF"),
    "has a master": ([["link", "add", "br9", "type", "bridge"], ["link", "set", "eth0", "master", "br9"]], {}, "interface eth0 has already a master set: br9"),
    "table taken": ([["link", "add", "red", "type", "vrf", "table", "9"], ["link", "set", "red", "up"]], {"table": 9}, None),
}


@case("vrf:refuses")
@pytest.mark.parametrize("what", REFUSED)
def test_refuses(node, container, what):
    """What is in the way is named, and stays as it was"""
    at = node.network(under(node)).add(container)
    commands, more, says = REFUSED[what]
    for command in commands:
        container.ip(*command)
    before = whole(container)
    reply = node.plugin("ADD", {"type": "vrf", "vrfname": "blue", "prevResult": at.result, **more}, container)
    if says is None and reply.ok:
        return      # kernels before 5.x allow two VRFs of one table
    assert reply.error["msg"].startswith("cmdAdd failed: ") and (says or "blue") in reply.error["msg"]
    assert whole(container) == before


@case("vrf:repeated")
def test_repeated(node, container):
    """A second ADD is refused and does no harm"""
    net = chain(node)
    at = net.add(container)
    before = whole(container)
    assert "has already a master set: blue" in net.call("ADD", vrf(net), net.conf(vrf(net), at.result), container, "eth0").error["msg"]
    assert whole(container) == before
    net.check(at)


@case("vrf:undo")
def test_undo(node, container):
    """An ADD that fails half way gives addresses and routes back, and removes the VRF"""
    below = node.network(under(node))
    at = below.add(container)
    container.sysctl("net.ipv6.conf.eth0.keep_addr_on_down", 0)
    # A route that looks like the kernel's own, which does not make it again, and one that needs it.
    container.ip("route", "add", "10.66.0.0/24", "dev", "eth0", "proto", "kernel")
    container.ip("route", "add", "10.67.0.0/16", "via", "10.66.0.1")
    kept = main(container)
    reply = node.plugin("ADD", {"type": "vrf", "vrfname": "blue", "prevResult": at.result}, container)
    assert "could not restore the routes" in reply.error["msg"]
    assert container.link("blue") is None and container.link("eth0").get("master") is None
    assert container.addresses("eth0") == ["10.1.0.2/24", "fd00:1::2/64"]
    assert set(kept) - set(main(container)) <= {"10.66.0.0/24", "10.67.0.0/16"}
    assert node.ping("10.1.0.2") and node.ping("fd00:1::2")
    below.check(at)


@case("vrf:DEL")
@pytest.mark.parametrize("how", ["no netns", "path missing", "interface missing", "vrf missing", "not a vrf", "not a port", "config", "no name"])
@pytest.mark.parametrize("prev", [True, False], ids=["prevResult", "no prevResult"])
def test_del(node, container, how, prev):
    """DEL succeeds whatever is gone, and twice"""
    net = chain(node)
    at = net.add(container)
    env, path, conf = {}, container.path, {"type": "vrf", "vrfname": "blue"}
    if how == "no netns":
        env = {"CNI_NETNS": None}
    if how == "path missing":
        container.close()
    if how == "interface missing":
        container.ip("link", "del", "eth0")
    if how in ("vrf missing", "not a vrf"):
        container.ip("link", "del", "blue")
    if how == "not a vrf":
        container.ip("link", "add", "blue", "type", "bridge")
    if how == "not a port":
        container.ip("link", "set", "eth0", "nomaster")
    if how == "config":
        conf["table"] = "x"
    if how == "no name":
        del conf["vrfname"]
    for _ in "twice":
        node.delete(conf, container, prev=at.result if prev else None, env=env)
    assert os.path.exists(path) == (how != "path missing")
    if how in ("interface missing", "not a port"):
        assert container.link("blue") is None
    if how == "not a vrf":
        assert container.link("blue")["linkinfo"]["info_kind"] == "bridge"


@case("vrf:status")
def test_status(node):
    """STATUS is ready where the kernel has VRFs"""
    node.status({"type": "vrf", "vrfname": "blue"})
    node.gc({"type": "vrf", "vrfname": "blue"}, [])


@case("vrf:versions")
@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_versions(node, container, version):
    """The result passes through in every version"""
    net = node.network(under(node, routes=[]), {"type": "vrf", "vrfname": "blue"}, version=version)
    at = net.add(container)
    assert at.result["cniVersion"] == version and container.link("eth0")["master"] == "blue"
    net.delete(at)


needs_go = pytest.mark.skipif(not pathlib.Path(peers.PEERS / "go/bin/vrf").exists(), reason="the Go plugins have not been fetched")


@case("vrf:takeover")
@needs_go
@pytest.mark.parametrize("direction", ["go to ours", "ours to go"])
def test_takeover(node, container, direction):
    """Either kind CHECKs and DELs what the other has made"""
    net = node.network(under(node, routes=ROUTES[:3]), {"type": "vrf", "vrfname": "blue", "table": 5}, version="1.0.0")
    go = net.using(peers.bindir())
    first, second = (go, net) if direction == "go to ours" else (net, go)
    at = first.add(container)
    state = table(container, 5)
    assert state["default"] == "10.1.0.1"
    second.one("CHECK", vrf(net), at).result
    second.one("DEL", vrf(net), at).result
    assert container.link("blue") is None and container.link("eth0").get("master") is None
    first.delete(at)
