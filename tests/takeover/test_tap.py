# SPDX-License-Identifier: Apache-2.0
"""TAP interfaces of the Go plugin are checked and deleted by ours, and the reverse."""

import pytest

from lib.case import case

KINDS = {"l2": {}, "owner": {"owner": 1000}, "owned": {"owner": 1000, "group": 1000}, "queues": {"multiQueue": True},
         "mac and mtu": {"mac": "02:00:00:00:00:07", "mtu": 1400}, "all": {"owner": 1, "group": 2, "multiQueue": True}}


def network(node, go, kind):
    if not (go / "tap").exists():
        pytest.skip("this version has no such plugin")
    ipam = {} if kind == "l2" else {"ipam": node.host_local("10.7.0.0/24", "fd00:7::/64", routes=[{"dst": "0.0.0.0/0"}])}
    return node.network({"type": "tap", **ipam, **KINDS[kind]}, version="1.0.0")


@case("takeover:tap")
@pytest.mark.parametrize("kind", KINDS)
def test_go_to_ours(node, go, ours, kind):
    """CHECK is content with what Go made, and DEL, called twice, removes link and lease"""
    container = node.container()
    net = network(node, go, kind)
    at = net.using(go).add(container)
    mine = net.using(ours)
    mine.check(at)
    for _ in range(2):
        mine.one("DEL", mine.conflist["plugins"][0], at).result
    assert sorted(container.links()) == ["lo"] and node.leases() == {}


@case("takeover:tap-back")
@pytest.mark.parametrize("kind", KINDS)
def test_ours_to_go(node, go, ours, kind):
    """The same with the roles exchanged"""
    container = node.container()
    net = network(node, go, kind)
    at = net.using(ours).add(container)
    net.using(go).check(at)
    net.using(go).one("DEL", net.conflist["plugins"][0], at).result
    assert sorted(container.links()) == ["lo"] and node.leases() == {}
