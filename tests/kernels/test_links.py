# SPDX-License-Identifier: Apache-2.0
"""What else some kernels have: dummy interfaces, SCTP; and that the common things work on them, too."""

from lib.case import case, needs, only
from system.world import outside


@case("kernel:bridge")
def test_bridge(node):
    """Two containers, the gateway, both families, CHECK and DEL"""
    conf = {"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64")}
    a, b = node.container("a"), node.container("b")
    r = node.add(conf, a)
    node.add(conf, b)
    assert a.ping("10.7.0.3") and a.ping("fd00:7::3") and a.ping("10.7.0.1")
    node.check(conf, a, prev=r)
    node.delete(conf, a, prev=r)
    assert a.link("eth0") is None and sorted(node.leases()) == ["10.7.0.3", "fd00:7::3"]


@case("kernel:masquerade")
@only("6.12")       # user-mode Linux has no address translation by nf_tables
def test_masquerade(node, container):
    """Masquerade and published ports, in both families"""
    host = outside(node)
    host.listen(80)
    net = node.network({"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64")},
                       {"type": "portmap", "capabilities": {"portMappings": True}})
    at = net.add(container, capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    container.listen(80)
    assert container.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1" and container.ask("2001:db8:f::9", 80) == f"{host.name} 2001:db8:f::1"
    assert host.ask("192.0.2.1", 8080) == f"{container.name} 192.0.2.9"
    assert host.ask("2001:db8:f::1", 8080) == f"{container.name} 2001:db8:f::9"
    assert node.ask("127.0.0.1", 8080) == f"{container.name} 10.7.0.1"
    net.check(at)
    net.delete(at)
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None


@case("kernel:dummy-in-the-way")
@needs("dummy")
def test_interface_taken_by_a_dummy(node, container):
    """A dummy interface of the wanted name is refused, and left alone by DEL"""
    container.ip("link", "add", "eth0", "type", "dummy")
    conf = {"type": "bridge", "ipam": node.host_local("10.7.0.0/24")}
    assert "eth0" in node.refuses("ADD", conf, container)["msg"] and node.leases() == {}
    node.delete(conf, container)
    assert container.link("eth0")["linkinfo"]["info_kind"] == "dummy"


@case("kernel:sctp")
@only("6.12")
@needs("sctp")
def test_sctp(node, container):
    """SCTP ports are published with packets"""
    host = outside(node)
    net = node.network({"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local("10.7.0.0/24")},
                       {"type": "portmap", "capabilities": {"portMappings": True}})
    net.add(container, capabilities={"portMappings": [{"hostPort": 9000, "containerPort": 90, "protocol": "sctp"}]})
    container.listen(90, "sctp")
    assert host.ask("192.0.2.1", 9000, "sctp") == f"{container.name} 192.0.2.9"
