# SPDX-License-Identifier: Apache-2.0
"""vlan without the kernel's help: what is refused, DEL and GC. What it makes is in tests/kernels."""

import pytest

from lib import kernel
from lib.case import case
from system import endpoints
from system.endpoints import DELETING, INVALID_COMMON, INVALID_STACKED, VLAN
from system.world import changed, state


@case("vlan:del")
@pytest.mark.parametrize("how", [how for how in DELETING if how != "name taken"])
def test_del(node, how):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.planted(node, VLAN, how)


@case("vlan:gc")
def test_gc(node):
    """GC releases the leases of who is no more, and nothing without a list"""
    conf = VLAN.conf(node)
    a, b = node.container("a"), node.container("b")
    for c in a, b:
        node.add(conf, c, type="host-local")
    assert node.plugin("GC", conf).ok and len(node.leases()) == 4
    node.gc(conf, [(b, "eth0")])
    assert sorted(node.leases()) == sorted([f"{VLAN.v4}.101", f"{VLAN.v6}101"])


@case("vlan:no-kind")
def test_kernel_without(node, container):
    """A kernel that cannot make such interfaces: code 50 of STATUS, and an ADD that leaves nothing"""
    if kernel.has("vlan"):
        pytest.skip("this kernel has vlan")
    VLAN.master(node)
    assert "vlan" in node.refuses("STATUS", VLAN.conf(node), code=50)["msg"]
    before = state(node, container)
    assert "vlan" in node.refuses("ADD", VLAN.conf(node), container)["msg"]
    assert changed(before, state(node, container)) == []


INVALID = {
    **INVALID_STACKED, **INVALID_COMMON,
    "master absent": ({"master": ...}, 7, ["\"master\" field is required"]),
    "master empty": ({"master": ""}, 7, ["\"master\" field is required"]),
    "vlanId negative": ({"vlanId": -1}, 7, ["invalid VLAN ID -1", "0 and 4094"]),
    "vlanId 4095": ({"vlanId": 4095}, 7, ["invalid VLAN ID 4095", "0 and 4094"]),
    "vlanId text": ({"vlanId": "5"}, 6, ["vlanId", "string"]),
    "vlanId fraction": ({"vlanId": 5.5}, 6, ["vlanId"]),
    "vlanId huge": ({"vlanId": 1e99}, 6, ["vlanId"]),
    "mtu above the master's": ({"mtu": 1501}, 7, ["invalid MTU 1501, must be [0, master MTU(1500)]"]),
    "no ipam": ({"ipam": ...}, 7, ["ipam.type"]),
}


@case("vlan:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    endpoints.invalid(node, VLAN, *INVALID[what])
