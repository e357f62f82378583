# SPDX-License-Identifier: Apache-2.0
"""What the reference's flannel, 0.9.0 with delegates of today, has made is checked, deleted and collected by ours,
and the reverse."""

import pytest

from lib import peers
from lib.case import case
from system.flanneld import DUAL, ENV, Flannel

WITHOUT = peers.missing("flannel")
pytestmark = [pytest.mark.skip(WITHOUT)] if WITHOUT else []

DELEGATES = {
    "bridge": {"bridge": "br1", "isDefaultGateway": True, "hairpinMode": True, "ipMasq": False},
    "masquerade": {"bridge": "br1", "ipMasq": True},
    "ptp": {"type": "ptp", "ipMasq": False},
}
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}


def network(node, delegate="bridge", version="0.4.0", env=ENV, **more):
    """(its flannel, a network of it)"""
    fl = Flannel(node, env)
    return fl, node.network(fl.conf(DELEGATES[delegate]), version=version, **more)


def owners(node, network="testnet"):
    return {lines[0] for lines in node.leases(network).values()}


@case("takeover:flannel")
@pytest.mark.parametrize("how", ["alive", "netns gone", "no netns", "no subnet.env"])
@pytest.mark.parametrize("delegate", DELEGATES)
def test_go_to_ours(node, go, ours, delegate, how):
    """CHECK is content with what the reference made, DEL leaves nothing of it and the other container as it was"""
    fl, net = network(node, delegate)
    a, b = node.container(id="pod-1"), node.container(id="pod-2")
    at, other = (net.using(go).add(c) for c in (a, b))
    assert sorted(fl.saved()) == ["pod-1", "pod-2"] and "crimp/ifname" not in fl.saved()["pod-1"]
    mine = net.using(ours)
    mine.check(at)
    if how == "netns gone":
        a.close()
    if how == "no subnet.env":
        fl.file.unlink()
    conf = mine.conf(mine.conflist["plugins"][0], at.result)
    env = {"CNI_NETNS": ""} if how == "no netns" else {}
    for _ in "twice":
        node.delete(conf, a, container_netns=at.result["interfaces"][-1]["sandbox"], env=env)
    assert list(fl.saved()) == ["pod-2"] and owners(node) == {"pod-2"}
    assert "pod-1" not in node.run("nft", "list", "ruleset").out
    assert how != "alive" or a.link("eth0") is None
    mine.check(other)
    mine.delete(other)
    assert fl.saved() == {} and node.leases() == {}


@case("takeover:flannel-versions")
@pytest.mark.parametrize("made", ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0"])
def test_versions(node, go, ours, made):
    """A network whose version has grown: what was saved in the old one is checked and deleted in the new one"""
    fl, net = network(node, version=made)
    container = node.container(id="pod-1")
    at = net.using(go).add(container)
    assert fl.saved()["pod-1"]["cniVersion"] == made
    prev = {**at.result, "cniVersion": "1.1.0"} if "interfaces" in at.result else None
    conf = {**net.conflist["plugins"][0], "cniVersion": "1.1.0"}
    if prev:
        node.check(conf, container, prev=prev)
    node.delete(conf, container, prev=prev)
    assert fl.saved() == {} and node.leases() == {} and container.link("eth0") is None


@case("takeover:flannel-gc")
def test_gc(node, go, ours):
    """GC releases what the reference made for a container that is no more, and leaves the other"""
    fl, net = network(node)
    lost, kept = node.container(id="lost"), node.container(id="kept")
    net.using(go).add(lost)
    keep = net.using(go).add(kept)
    lost.close()
    node.network(*net.conflist["plugins"], version="1.1.0").using(ours).gc([keep])
    assert list(fl.saved()) == ["kept"] and owners(node) == {"kept"}
    net.using(ours).check(keep)


@case("takeover:flannel-other-network")
def test_other_network(node, go, ours, container):
    """The reference's file of another network is not used, and stays"""
    fl, net = network(node)
    other = node.network(fl.conf({"bridge": "br2", "ipMasq": False}), name="other", version="0.4.0")
    far = other.using(go).add(container, "eth1")
    mine = net.using(ours)
    conf = mine.conf(mine.conflist["plugins"][0])
    node.delete(conf, container)
    assert list(fl.saved()) == [container.id]
    at = mine.add(container)
    assert sorted(fl.saved()) == sorted([container.id, f"{container.id}-testnet-eth0"])
    mine.check(at)
    mine.delete(at)
    assert list(fl.saved()) == [container.id]
    other.using(ours).check(far)
    other.using(go).delete(far)
    assert fl.saved() == {} and node.leases("other") == {}


@case("takeover:flannel-back")
@pytest.mark.parametrize("env", [ENV, DUAL], ids=["IPv4", "dual"])
@pytest.mark.parametrize("delegate", ["bridge", "ptp"])
def test_ours_to_go(node, go, ours, delegate, env):
    """The reference's CHECK is content with what ours made, its DEL releases everything; then it adds again"""
    fl, net = network(node, delegate, env=env)
    container = node.container(id="pod-1")
    at = net.using(ours).add(container)
    theirs = net.using(go)
    theirs.check(at)
    theirs.delete(at)
    assert fl.saved() == {} and node.leases() == {} and container.link("eth0") is None
    again = theirs.add(container)
    net.using(ours).check(again)


@case("takeover:flannel-chain")
@pytest.mark.parametrize("direction", ["go to ours", "ours to go"])
def test_chain(new_node, go, ours, direction):
    """flannel and portmap, as on Kubernetes nodes: published ports work, and go with the other's DEL"""
    maker, other = (go, ours) if direction == "go to ours" else (ours, go)
    node = new_node("node")
    fl = Flannel(node, ENV)
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    net = node.network(fl.conf(DELEGATES["bridge"]), portmap, version="0.4.0")
    container = node.container()
    at = net.using(maker).add(container, capabilities=PORTS)
    container.listen(80)
    assert node.ask("10.244.1.1", 8080)
    for plugin in reversed(net.conflist["plugins"]):
        net.using(other).one("DEL", plugin, at)     # Go's portmap may fail: it trips over what iptables 1.8.9 answers
    assert fl.saved() == {} and node.leases() == {} and container.link("eth0") is None
