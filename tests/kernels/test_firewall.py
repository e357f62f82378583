# SPDX-License-Identifier: Apache-2.0
"""firewall on other kernels: the form of its rules, what they let through, both front ends of iptables.

The newest user-mode Linux has neither tables of IPv4 in nf_tables nor the older ones, that of 6.1 the older ones only.
"""

import pytest

from lib.case import case, only
from system.firewalls import Pod, docker, dropping, saved
from system.world import outside

NETS = ("10.7.0.0/24", "fd00:7::/64")


FRONTS = [pytest.param(False, id="nft", marks=only("6.12")), pytest.param(True, id="legacy", marks=only("uml", "6.12"))]


def has_nft(node):
    """Does the kernel keep tables of IPv4 in nf_tables?"""
    return node.run("nft", "add table ip probe; delete table ip probe", check=False).ok


@case("kernels:firewall")
@pytest.mark.parametrize("legacy", FRONTS)
@pytest.mark.parametrize("host", [dropping, docker], ids=["dropping", "docker"])
def test_life(node, host, legacy):
    """A pod gets through a host that drops, by rules that iptables reads, and nothing remains"""
    outer = outside(node, NETS)
    outer.listen(80)
    host(node, legacy=legacy)
    before = saved(node, legacy)
    pod, other = Pod(node, ingressPolicy="isolated"), Pod(node, ingressPolicy="isolated")
    assert f"4 -A CNI-FORWARD -s {pod.address}/32 -j ACCEPT" in saved(node, legacy)
    assert pod.container.ask("192.0.2.9", 80, wait=10) and pod.container.ask("2001:db8:f::9", 80, wait=10)
    pod.check()
    pod.delete(prev=legacy)
    assert pod.container.ask("192.0.2.9", 80, wait=1) is None
    other.check()
    other.delete()
    assert saved(node, legacy) == before


@case("kernels:firewall-pristine")
@only("uml", "6.12")
def test_pristine(node):
    """Where there is no table it is made, in nf_tables if the kernel can, and what was made goes again"""
    legacy = not has_nft(node)
    node.status({"type": "firewall"})
    pod = Pod(node)
    assert f"4 -A CNI-FORWARD -s {pod.address}/32 -j ACCEPT" in saved(node, legacy)
    pod.check()
    pod.delete()
    assert not [r for r in saved(node, legacy) if "CNI" in r] and node.nft_tables() == []
