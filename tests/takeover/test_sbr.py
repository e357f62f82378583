# SPDX-License-Identifier: Apache-2.0
"""sbr of either kind on containers that the other kind has configured."""

import pytest
from lib import peers
from lib.case import case

ROUTES = [{"dst": "10.8.0.0/16"}, {"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def network(node, bindir, **sbr):
    bridge = {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64", routes=ROUTES)}
    return node.network(bridge, {"type": "sbr", **sbr}, version="1.0.0").using(bindir)


def rules(c):
    return [(r["src"], r["table"]) for f in "46" for r in c.ip(f"-{f}", "rule", "show") if r["src"] != "all"]


@case("TKSBR1")
@pytest.mark.parametrize("more", [{}, {"table": 254}], ids=["own tables", "table"])
def test_go_to_ours(node, container, ours, more):
    """Ours CHECKs, with the plugin below, and DELs what the Go plugin has made"""
    net = network(node, peers.bindir(), **more)
    at = net.add(container)
    assert len(rules(container)) == 2
    net.using(ours).check(at)
    net.using(ours).delete(at)
    assert rules(container) == [] and container.link("eth0") is None


@case("TKSBR2")
@pytest.mark.parametrize("more", [{}, {"table": 254}], ids=["own tables", "table"])
def test_ours_to_go(node, container, ours, more):
    """The Go plugin DELs what ours has made"""
    net = network(node, ours, **more)
    at = net.add(container)
    assert len(rules(container)) == 2
    net.using(peers.bindir()).delete(at)
    assert rules(container) == [] and container.link("eth0") is None


@case("TKSBR3")
def test_interface_gone(node, container, ours):
    """Ours removes the rules that the Go plugin leaves when the interface is gone"""
    net = network(node, peers.bindir())
    at = net.add(container)
    container.ip("link", "del", "eth0")
    sbr = net.conflist["plugins"][1]
    net.one("DEL", sbr, at).result
    assert len(rules(container)) == 2
    net.using(ours).one("DEL", sbr, at).result
    assert rules(container) == []
