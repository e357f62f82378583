# SPDX-License-Identifier: Apache-2.0
"""macvlan interfaces of either side, taken over by the other."""

import pytest

from lib.case import case
from system import endpoints
from system.endpoints import MACVLAN


@case("takeover:macvlan")
def test_macvlan(node, go, ours):
    """CHECK and DEL of what the other has made, in both directions, and without the master"""
    endpoints.taken_over(node, MACVLAN, go, ours)


@case("takeover:macvlan-modes")
@pytest.mark.parametrize("mode", ["private", "vepa", "passthru"])
def test_modes(node, container, go, ours, mode):
    """CHECK knows the modes that the reference has made, and the MTU"""
    MACVLAN.master(node)
    conf = {"cniVersion": "1.0.0", "type": "macvlan", "master": "up0", "mode": mode, "mtu": 1400}
    r = node.add(conf, container, type=str(go / "macvlan"), path=str(go))
    node.check(conf, container, prev=r)
    error = node.refuses("CHECK", {**conf, "mode": "bridge", "prevResult": r}, container)
    assert f"mode {mode} does not match expected value: bridge" in error["msg"]
    node.delete(conf, container, prev=r)
    assert container.link("eth0") is None
