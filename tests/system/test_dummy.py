# SPDX-License-Identifier: Apache-2.0
"""dummy without the kernel's help: what is refused, DEL and GC. What it makes is in tests/kernels."""

import pytest

from lib import kernel
from lib.case import case
from system import endpoints
from system.endpoints import DELETING, DUMMY, INVALID_COMMON
from system.world import changed, state


@case("dummy:del")
@pytest.mark.parametrize("how", [how for how in DELETING if how not in ("name taken", "master gone")])
def test_del(node, how):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.planted(node, DUMMY, how)


@case("dummy:gc")
def test_gc(node):
    """GC releases the leases of who is no more, and nothing without a list"""
    conf = DUMMY.conf(node)
    a, b = node.container("a"), node.container("b")
    for c in a, b:
        node.add(conf, c, type="host-local")
    assert node.plugin("GC", conf).ok and len(node.leases()) == 4
    node.gc(conf, [(b, "eth0")])
    assert sorted(node.leases()) == sorted([f"{DUMMY.v4}.101", f"{DUMMY.v6}101"])


@case("dummy:no-kind")
def test_kernel_without(node, container):
    """A kernel that cannot make such interfaces: code 50 of STATUS, and an ADD that leaves nothing"""
    if kernel.has("dummy"):
        pytest.skip("this kernel has dummy")
    DUMMY.master(node)
    assert "dummy" in node.refuses("STATUS", DUMMY.conf(node), code=50)["msg"]
    before = state(node, container)
    assert "dummy" in node.refuses("ADD", DUMMY.conf(node), container)["msg"]
    assert changed(before, state(node, container)) == []


INVALID = {
    **INVALID_COMMON,
    "no ipam": ({"ipam": ...}, 7, ["dummy interface requires an IPAM configuration"]),
    "ipam without type": ({"ipam": {}}, 7, ["dummy interface requires an IPAM configuration"]),
    "enabledad text": ({"enabledad": "no"}, 6, ["enabledad", "string"]),
}


@case("dummy:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    endpoints.invalid(node, DUMMY, *INVALID[what])
