# SPDX-License-Identifier: Apache-2.0
"""bandwidth on kernels and on kinds of interfaces that not every machine has."""

import json

import pytest

from lib.case import case, needs
from lib.netns import connect

CONF = {"type": "bandwidth", "ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}


def rates(ns):
    """{device: bytes per second of its bucket}"""
    return {q["dev"]: q["options"]["rate"] for q in json.loads(ns.run("tc", "-j", "qdisc", "show").out) if q["kind"] == "tbf"}


def life(node, container, shaped, dev, leaving, arriving):
    """ADD, CHECK, a repeated ADD, DEL; traffic passes all the time."""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "ha"}, {"name": "eth0", "sandbox": container.path}]}
    result = node.add({**CONF, "prevResult": prev}, container)
    ifb = result["interfaces"][2]["name"]
    assert rates(shaped) == {dev: leaving, ifb: arriving} and container.ping("10.7.0.1")
    node.check(CONF, container, prev=result)
    assert "File exists" in node.refuses("ADD", {**CONF, "prevResult": prev}, container)["msg"]
    node.check(CONF, container, prev=result)
    shaped.run("tc", "filter", "del", "dev", dev, "ingress")
    assert "no filter" in node.refuses("CHECK", {**CONF, "prevResult": result}, container)["msg"]
    node.delete(CONF, container, prev=result)
    assert rates(shaped) == {} and ifb not in shaped.links() and container.ping("10.7.0.1")
    node.status(CONF)


@case("kernel:bandwidth")
@pytest.mark.parametrize("foreign", ["", "clsact"], ids=["alone", "clsact"])
def test_veth(node, container, foreign):
    """A veth, alone and beside another program's clsact"""
    connect(node, "ha", container, "eth0", "10.7.0.1/24", "10.7.0.2/24")
    if foreign:
        node.run("tc", "qdisc", "add", "dev", "ha", foreign)
    life(node, container, node, "ha", 1000000, 2000000)
    assert not foreign or foreign in node.run("tc", "qdisc", "show", "dev", "ha").out


KINDS = {"ipvlan": ["type", "ipvlan", "mode", "l2"], "vlan": ["type", "vlan", "id", "5"], "macvlan": ["type", "macvlan", "mode", "bridge"]}


@case("kernel:bandwidth-inside")
@pytest.mark.parametrize("kind", [pytest.param(k, marks=needs(k)) for k in KINDS])
def test_inside(node, container, kind):
    """Interfaces without an end on the node"""
    node.ip("link", "add", "ha", "type", "veth", "peer", "name", "hb")
    node.ip("link", "add", "link", "hb", "name", "m0", *KINDS[kind])
    node.ip("link", "set", "m0", "netns", container.name, "name", "eth0")
    if kind == "vlan":
        node.ip("link", "add", "link", "ha", "name", "ha.5", *KINDS[kind])
    for dev in [d for d in ("ha", "hb", "ha.5") if node.link(d)]:
        node.ip("link", "set", dev, "up")
    node.ip("addr", "add", "10.7.0.1/24", "dev", "ha.5" if kind == "vlan" else "ha")
    container.ip("addr", "add", "10.7.0.2/24", "dev", "eth0")
    container.ip("link", "set", "eth0", "up")
    life(node, container, container, "eth0", 2000000, 1000000)
