# SPDX-License-Identifier: Apache-2.0
"""Devices that the Go plugin moved into a container are checked and brought back by ours, and the reverse."""

import pytest

from lib.case import case

MAC = "02:00:00:00:00:09"
KINDS = {"name": {"device": "ens9"}, "hwaddr": {"hwaddr": MAC}}


def network(node, kind, addresses):
    node.ip("link", "add", "ens9", "address", MAC, "type", "veth", "peer", "name", "far0")
    for name in "ens9", "far0":
        node.ip("link", "set", name, "up")
    ipam = {"ipam": node.host_local("10.7.0.0/24", "fd00:7::/64", routes=[{"dst": "0.0.0.0/0"}])} if addresses else {}
    return node.network({"type": "host-device", **ipam, **KINDS[kind]}, version="1.0.0")


def is_home(node, container):
    link = node.link("ens9")
    return link and link["address"] == MAC and not link.get("ifalias") and sorted(container.links()) == ["lo"] and node.leases() == {}


@case("takeover:host-device")
@pytest.mark.parametrize("addresses", [False, True], ids=["l2", "addresses"])
@pytest.mark.parametrize("kind", KINDS)
def test_go_to_ours(node, go, ours, kind, addresses):
    """CHECK is content with what Go made, and DEL, called twice, brings it back under its name"""
    container = node.container()
    net = network(node, kind, addresses)
    at = net.using(go).add(container)
    mine = net.using(ours)
    mine.check(at)
    for _ in range(2):
        mine.one("DEL", mine.conflist["plugins"][0], at).result
    assert is_home(node, container), node.links()


@case("takeover:host-device-back")
@pytest.mark.parametrize("addresses", [False, True], ids=["l2", "addresses"])
@pytest.mark.parametrize("kind", KINDS)
def test_ours_to_go(node, go, ours, kind, addresses):
    """The same with the roles exchanged; the older Go plugin leaves the alias"""
    container = node.container()
    net = network(node, kind, addresses)
    at = net.using(ours).add(container)
    net.using(go).check(at)
    net.using(go).one("DEL", net.conflist["plugins"][0], at).result
    if "1.1.1" in str(go):
        node.ip("link", "set", "ens9", "alias", "")
    assert is_home(node, container), node.links()
    net.using(ours).check(net.using(go).add(container))
