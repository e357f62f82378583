# SPDX-License-Identifier: Apache-2.0
"""ipvlan without the kernel's help: what is refused, DEL and GC. What it makes is in tests/kernels."""

import pytest

from lib import kernel
from lib.case import case
from system import endpoints
from system.endpoints import DELETING, INVALID_COMMON, INVALID_STACKED, IPVLAN
from system.world import changed, state


@case("ipvlan:del")
@pytest.mark.parametrize("how", [how for how in DELETING if how != "name taken"])
def test_del(node, how):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.planted(node, IPVLAN, how)


@case("ipvlan:gc")
def test_gc(node):
    """GC releases the leases of who is no more, and nothing without a list"""
    conf = IPVLAN.conf(node)
    a, b = node.container("a"), node.container("b")
    for c in a, b:
        node.add(conf, c, type="host-local")
    assert node.plugin("GC", conf).ok and len(node.leases()) == 4
    node.gc(conf, [(b, "eth0")])
    assert sorted(node.leases()) == sorted([f"{IPVLAN.v4}.101", f"{IPVLAN.v6}101"])


@case("ipvlan:no-kind")
def test_kernel_without(node, container):
    """A kernel that cannot make such interfaces: code 50 of STATUS, and an ADD that leaves nothing"""
    if kernel.has("ipvlan"):
        pytest.skip("this kernel has ipvlan")
    IPVLAN.master(node)
    assert "ipvlan" in node.refuses("STATUS", IPVLAN.conf(node), code=50)["msg"]
    before = state(node, container)
    assert "ipvlan" in node.refuses("ADD", IPVLAN.conf(node), container)["msg"]
    assert changed(before, state(node, container)) == []


INVALID = {
    **INVALID_STACKED, **INVALID_COMMON,
    "mode unknown": ({"mode": "l4"}, 7, ["unknown ipvlan mode", "l4", "l3s"]),
    "mode case": ({"mode": "L2"}, 7, ["unknown ipvlan mode", "L2"]),
    "mode number": ({"mode": 2}, 6, ["mode", "string"]),
    "no ipam": ({"ipam": ...}, 7, ["ipam.type"]),
    "prevResult text": ({"ipam": ..., "prevResult": "x"}, None, ["prevResult"]),
}


@case("ipvlan:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    endpoints.invalid(node, IPVLAN, *INVALID[what])
