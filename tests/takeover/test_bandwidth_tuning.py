# SPDX-License-Identifier: Apache-2.0
"""bandwidth and tuning: state that the Go plugins made is checked and deleted by ours, and the other way round."""

import json
import pathlib

import pytest

from lib.case import case
from lib.plugin import run_plugin

LIMITS = {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}
# What containerd asks for: the time that such a burst takes is more than the kernel can count.
LARGE = {"ingressRate": 1000000, "ingressBurst": 2**32 - 1, "egressRate": 10000000, "egressBurst": 2**32 - 1}
TUNED = {"mac": "02:11:22:33:44:55", "mtu": 1400, "promisc": True}
NEWER = {"txQLen": 500, "allmulti": True}


def bridge(node):
    return {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")}


def limited(node, keys):
    return node.network(bridge(node), {"type": "bandwidth", **keys}, version="1.0.0")


def tuned(node, **keys):
    return node.network(bridge(node), {"type": "tuning", "dataDir": str(node.dir / "tuning"), **keys}, version="1.0.0")


def ifbs(node):
    return [name for name in node.links() if name.startswith("bwp")]


def look(pod):
    link = pod.link("eth0")
    return {"mac": link["address"], "mtu": link["mtu"], "promisc": "PROMISC" in link["flags"], "txQLen": link.get("txqlen", 0),
            "allmulti": "ALLMULTI" in link["flags"]}


@pytest.fixture(params=["go to ours", "ours to go"])
def pair(request, go, ours):
    """(who made it, who takes over)"""
    return (go, ours) if request.param == "go to ours" else (ours, go)


@case("takeover:bandwidth")
@pytest.mark.parametrize("how", ["alive", "netns gone"])
@pytest.mark.parametrize("keys", [LIMITS, LARGE], ids=["limits", "large bursts"])
def test_bandwidth(new_node, pair, keys, how):
    """CHECK is content with what the other made, DEL removes its ifb and leaves the other container's"""
    first, second = pair
    node = new_node("node")
    net = limited(node, keys).using(first)
    at, other = net.add(node.container("a")), net.add(node.container("b"))
    assert len(ifbs(node)) == 2
    net.using(second).check(at)
    if how == "netns gone":
        at.container.close()
    net.using(second).delete(at)
    assert ifbs(node) == [other.result["interfaces"][-1]["name"]]
    net.using(second).check(other)
    net.using(first).delete(other)
    assert ifbs(node) == []


@case("takeover:bandwidth-gc")
def test_bandwidth_gc(new_node, go, ours):
    """GC takes an ifb of Go's only when nothing sends into it and no valid attachment would have its name"""
    node = new_node("node")
    net = limited(node, LIMITS).using(go)
    lost, kept = net.add(node.container("lost")), net.add(node.container("kept"))
    conf = {"type": "bandwidth", **LIMITS, "name": "testnet"}
    node.gc(conf, [(kept.container, "eth0")])
    assert len(ifbs(node)) == 2
    lost.container.close()
    assert node.until(lambda: lost.result["interfaces"][1]["name"] not in node.links())
    node.gc({**conf, "name": "othernet"}, [])
    assert ifbs(node) == [kept.result["interfaces"][-1]["name"]]


@case("takeover:bandwidth-two")
def test_bandwidth_two_interfaces(new_node, go, ours):
    """A second interface of a container whose first one Go has shaped: DEL of the second leaves the first"""
    node = new_node("node")
    pod = node.container()
    net = limited(node, LIMITS)
    first = net.using(go).add(pod)
    second = net.using(ours).add(pod, "net1")
    a, b = first.result["interfaces"][-1]["name"], second.result["interfaces"][-1]["name"]
    assert a != b
    net.using(ours).delete(second)
    assert ifbs(node) == [a]
    net.using(ours).check(first)
    third = net.using(ours).add(pod, "net1")
    pod.close()
    net.using(ours).delete(first)
    assert ifbs(node) == [b] == [third.result["interfaces"][-1]["name"]]


@case("takeover:tuning")
def test_tuning(new_node, pair, go):
    """Each reads the other's backup: CHECK agrees, DEL of tuning alone puts everything back and removes the file"""
    first, second = pair
    node = new_node("node")
    keys = TUNED if "1.1.1" in str(go) else {**TUNED, **NEWER}
    plain = node.network(bridge(node), version="1.0.0").using(second).add(node.container("plain"))
    before = {k: v for k, v in look(plain.container).items() if k != "mac"}
    net = tuned(node, **keys).using(first)
    at = net.add(node.container())
    assert keys.items() <= look(at.container).items()
    net.using(second).check(at)
    reply = net.using(second).one("DEL", net.conflist["plugins"][1], at)
    assert reply.ok, reply
    after = look(at.container)
    # Each version of the bridge has its own idea of a transmit queue.
    assert {k: after[k] for k in ("mtu", "promisc", "allmulti")} == {k: before[k] for k in ("mtu", "promisc", "allmulti")}
    assert after["mac"] != keys["mac"] and after["txQLen"] != 500 and list((node.dir / "tuning").glob("*")) == []


@case("takeover:tuning-file")
def test_tuning_file(new_node, go, ours):
    """Ours writes what Go writes, and more"""
    files = []
    for bindir in go, ours:
        node = new_node("node")
        pod = node.container(id="pod-1")
        node.ip("link", "add", "ha", "type", "veth", "peer", "name", "eth0", "address", "02:00:00:00:00:05", "netns", pod.name)
        conf = node.conf({"cniVersion": "1.0.0", "type": "tuning", "dataDir": str(node.dir / "tuning"), **TUNED, "prevResult": {"cniVersion": "1.0.0"}})
        assert run_plugin("tuning", "ADD", conf, netns=node.path, bindir=bindir, container_id=pod.id, container_netns=pod.path, ifname="eth0").ok
        (path,) = pathlib.Path(node.dir / "tuning").glob("*")
        files.append((path.name, json.loads(path.read_text())))
    assert files[0][0] == files[1][0] and files[0][1].items() <= files[1][1].items(), files
