# SPDX-License-Identifier: Apache-2.0
"""loopback and static, which keep nothing: made by one, checked and deleted by the other, in both directions."""

import pytest

from lib.case import case

FIXED = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "fd00:7::9/64"}]}
CHAINS = {"loopback": {"type": "loopback"}, "static": {"type": "bridge", "isGateway": True, "ipam": FIXED}}


@case("takeover:stateless")
@pytest.mark.parametrize("direction", ["go to ours", "ours to go"])
@pytest.mark.parametrize("name", CHAINS)
def test_stateless(new_node, go, ours, name, direction):
    """CHECK by the other is content, DEL by the other takes down what was made"""
    maker, other = (go, ours) if direction == "go to ours" else (ours, go)
    node = new_node("node")
    net = node.network(CHAINS[name], version="1.0.0").using(maker)
    container = node.container()
    ifname = "lo" if name == "loopback" else "eth0"
    at = net.add(container, ifname=ifname)
    assert "UP" in container.link(ifname)["flags"]
    if name == "static":
        assert container.addresses("eth0") == ["10.7.0.9/24", "fd00:7::9/64"]
    net.using(other).check(at)
    net.using(other).delete(at)
    left = container.link(ifname)
    assert left is None or (name == "loopback" and "UP" not in left["flags"])
