# SPDX-License-Identifier: Apache-2.0
"""What is particular to dummy; the rest is in test_endpoints.py."""

import pytest

from lib.case import case, needs
from system import endpoints
from system.endpoints import DUMMY

pytestmark = needs("dummy")


@case("dummy:nowhere")
def test_nowhere(node, container):
    """The container answers itself on its addresses, and nobody else hears what it sends"""
    ipam = {**DUMMY.ipam(node), "routes": [{"dst": "0.0.0.0/0"}]}
    node.add(DUMMY.conf(node, ipam=ipam), container)
    assert container.ping("192.0.2.100") and container.ping("2001:db8:f::100")
    assert container.route("default")["gateway"] == "192.0.2.1" and not container.ping("192.0.2.1", wait=1)


@case("dummy:two")
def test_two(node, container):
    """Two of them in one container are found by their names"""
    conf = DUMMY.conf(node)
    node.add(conf, container)
    r = node.add(conf, container, ifname="eth1")
    node.delete(conf, container)
    assert sorted(node.leases()) == ["192.0.2.101", "2001:db8:f::101"]
    node.check(conf, container, ifname="eth1", prev=r)
