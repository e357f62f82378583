# SPDX-License-Identifier: Apache-2.0
"""What is particular to the plugin vlan; the rest is in test_endpoints.py."""

import pytest

from lib.case import case, needs
from system import endpoints
from system.endpoints import VLAN
from system.world import changed, outside, state

pytestmark = needs("vlan")


def conf_of(node, **more):
    return VLAN.conf(node, **more)


@case("vlan-plugin:id")
@pytest.mark.parametrize("id", [0, 1, 4094])
def test_id(node, container, id):
    """The VLAN is the configured one; CHECK knows it"""
    outside(node)
    conf = conf_of(node, vlanId=id)
    r = node.add(conf, container)
    data = container.link("eth0")["linkinfo"]["info_data"]
    assert (data["id"], data["protocol"]) == (id, "802.1Q")
    node.check(conf, container, prev=r)
    error = node.refuses("CHECK", {**conf, "vlanId": 7, "prevResult": r}, container)
    assert f"VLAN ID of interface eth0 is {id}, not 7" in error["msg"]


@case("vlan-plugin:default-id")
def test_no_id(node, container):
    """Without vlanId it is VLAN 0, frames with priority alone, as with the reference"""
    outside(node)
    conf = {k: v for k, v in conf_of(node).items() if k != "vlanId"}
    node.add(conf, container)
    assert container.link("eth0")["linkinfo"]["info_data"]["id"] == 0


@case("vlan-plugin:apart")
def test_apart(node):
    """Containers of two VLANs do not reach each other, two containers cannot share one VLAN of a master"""
    VLAN.far(node)
    a, b, c = node.container("a"), node.container("b"), node.container("c")
    node.add(conf_of(node), a)
    node.add(conf_of(node, vlanId=6), b)
    assert a.ping("198.51.100.9") and not b.ping("198.51.100.9", wait=1) and not a.ping("198.51.100.101", wait=1)
    before = state(node, a, b, c)
    error = node.refuses("ADD", conf_of(node), c)
    assert "failed to create vlan on up0" in error["msg"] and "exists" in error["msg"]
    assert changed(before, state(node, a, b, c)) == []


@case("vlan-plugin:mtu")
def test_mtu(node):
    """mtu up to the master's; none is the master's; CHECK knows it"""
    outside(node)
    node.ip("link", "set", "up0", "mtu", "1450")
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mtu=1400)
    r = node.add(conf, a)
    node.add(conf_of(node, vlanId=6), b)
    assert a.link("eth0")["mtu"] == 1400 and b.link("eth0")["mtu"] == 1450
    node.check(conf, a, prev=r)
    assert "MTU" in node.refuses("CHECK", {**conf, "mtu": 1300, "prevResult": r}, a)["msg"]
    error = node.refuses("ADD", conf_of(node, mtu=1451), node.container("c"), code=7)
    assert "invalid MTU 1451, must be [0, master MTU(1450)]" in error["msg"]


@case("vlan-plugin:status-mtu")
def test_status_mtu(node):
    """STATUS is code 50 when the master does not allow the MTU"""
    outside(node)
    error = node.refuses("STATUS", conf_of(node, mtu=1501), code=50)
    assert "invalid MTU 1501, must be [0, master MTU(1500)]" in error["msg"]
