# SPDX-License-Identifier: Apache-2.0
"""What packets do on a bridge network: they arrive, leave with the right source, come back, or are dropped."""

import pytest

from lib.case import case, rootless
from system.world import BROADCAST, Ear, outside, port_of, send_frame

FORGED = "0a:00:00:00:00:66"


def conf_of(node, **more):
    return {"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64"), **more}


def pair(node, **more):
    a, b = node.container("a"), node.container("b")
    return conf_of(node, **more), a, b, node.add(conf_of(node, **more), a), node.add(conf_of(node, **more), b)


@case("bridge:ping")
@rootless
def test_containers_reach_each_other(node):
    """Two containers and the node reach each other over IPv4 and IPv6, at once"""
    _, a, b, _, _ = pair(node)
    for address in ("10.7.0.3", "fd00:7::3", "10.7.0.1", "fd00:7::1"):
        assert a.ping(address, wait=1), address
    assert b.ping("10.7.0.2") and b.ping("fd00:7::2") and node.ping("10.7.0.3") and node.ping("fd00:7::3")


@case("bridge:first-packet")
@rootless
def test_the_first_packet_arrives(node, container):
    """When ADD has returned the port forwards: nothing is lost"""
    node.add(conf_of(node), container)
    assert container.ping("10.7.0.1", wait=0.3)


@case("bridge:first-packet-forwarded")
@rootless
def test_the_first_forwarded_packet_arrives(node, container):
    """So does what comes from beyond to the first container of a node, over IPv6 as well"""
    host = outside(node, routes=["10.7.0.0/24", "fd00:7::/64"])
    node.add(conf_of(node), container)
    assert host.ping("fd00:7::2", wait=0.5) and host.ping("10.7.0.2", wait=0.5)


@case("bridge:mtu-packets")
@rootless
def test_large_packets(node, container):
    """A packet of the configured MTU passes, a larger one does not leave"""
    node.add(conf_of(node, mtu=1300), container)
    ping = ("ping", "-c", "1", "-W", "1", "-M", "do", "10.7.0.1", "-s")
    assert container.run(*ping, 1272, check=False).ok and not container.run(*ping, 1273, check=False).ok


@case("bridge:masquerade")
@rootless
@pytest.mark.parametrize("backend", ["", "nftables", "iptables"])
def test_masquerade(node, container, backend):
    """With ipMasq a host outside sees the node's address, in both families"""
    more = {"ipMasqBackend": backend} if backend else {}
    host = outside(node)
    host.listen(80)
    conf = conf_of(node, ipMasq=True, **more)
    r = node.add(conf, container)
    assert container.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1"
    assert container.ask("2001:db8:f::9", 80) == f"{host.name} 2001:db8:f::1"
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert "10.7.0.2" not in node.run("nft", "list", "ruleset").out


@case("bridge:no-masquerade")
@rootless
def test_no_masquerade(node, container):
    """Without ipMasq it sees the container's"""
    host = outside(node, routes=["10.7.0.0/24", "fd00:7::/64"])
    host.listen(80)
    node.add(conf_of(node), container)
    assert container.ask("192.0.2.9", 80) == f"{host.name} 10.7.0.2"
    assert container.ask("2001:db8:f::9", 80) == f"{host.name} fd00:7::2"
    assert node.nft_tables() == []


@case("bridge:masquerade-inside")
@rootless
def test_no_masquerade_inside_the_subnet(node):
    """Between containers of the subnet the source stays"""
    _, a, b, _, _ = pair(node, ipMasq=True)
    b.listen(80)
    assert a.ask("10.7.0.3", 80) == f"{b.name} 10.7.0.2" and a.ask("fd00:7::3", 80) == f"{b.name} fd00:7::2"


@case("bridge:masquerade-others")
@rootless
def test_masquerade_of_one_network_only(node):
    """DEL of a container ends its masquerade and nobody else's"""
    host = outside(node, routes=["10.7.0.0/24"])
    host.listen(80)
    conf, a, b, first, _ = pair(node, ipMasq=True)
    node.delete(conf, a, prev=first)
    assert b.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1"
    again = node.container("again")
    node.add({**conf, "ipMasq": False}, again)
    assert again.ask("192.0.2.9", 80).endswith("10.7.0.4")


@case("bridge:hairpin")
@rootless
@pytest.mark.parametrize("on", [True, False])
def test_hairpin(node, container, on):
    """With hairpinMode a frame returns to the port it came from"""
    node.add({"type": "bridge", "hairpinMode": on}, container)
    sentinel = node.container("other")
    node.add({"type": "bridge"}, sentinel)
    ear = Ear(container)
    send_frame(container, "mine")
    send_frame(sentinel, "last")
    assert ear.texts == (["mine"] if on else [])


@case("bridge:promiscuous")
@rootless
@pytest.mark.parametrize("on", [True, False])
def test_promiscuous_bridge_hears_everything(node, container, on):
    """With promiscMode the node hears frames that are for somebody else"""
    node.add({"type": "bridge", "promiscMode": on}, container)
    ear = Ear(node, ifname="cni0")
    other = node.container("other")
    node.add({"type": "bridge"}, other)
    send_frame(other, "hello")          # now the bridge knows where other is
    send_frame(container, "not for the node", target=other.mac("eth0"))
    send_frame(container, "last")
    assert ear.texts == (["hello", "not for the node"] if on else ["hello"])


@case("bridge:isolation")
@rootless
def test_isolated_ports(node):
    """With portIsolation containers reach the gateway and not each other; one without it reaches all"""
    conf, a, b, _, _ = pair(node, portIsolation=True)
    open_ = node.container("open")
    node.add({**conf, "portIsolation": False}, open_)
    assert not a.ping("10.7.0.3", wait=1) and not b.ping("fd00:7::2", wait=1)
    assert a.ping("10.7.0.1") and b.ping("fd00:7::1")
    assert open_.ping("10.7.0.2") and a.ping("10.7.0.4")


@case("bridge:macspoofchk")
@rootless
def test_forged_senders(node):
    """With macspoofchk a frame with a forged sender is dropped, an honest one passes"""
    conf, a, b, first, _ = pair(node, macspoofchk=True)
    ear = Ear(b)
    send_frame(a, "honest")
    send_frame(a, "forged", source=FORGED)
    send_frame(a, "forged as b", source=b.mac("eth0"))
    send_frame(a, "last")
    assert ear.heard == [(a.mac("eth0"), "honest")] and a.ping("10.7.0.3")
    node.check(conf, a, prev=first)
    node.delete(conf, a, prev=first)
    assert not any(port_of(node, first) in str(node.nft_elements("bridge", "crimp_spoof", s)) for s in ("guarded", "allowed"))


@case("bridge:no-macspoofchk")
@rootless
def test_forged_senders_pass_without(node):
    """Without macspoofchk the forged frame arrives: the filter is what stops it"""
    _, a, b, _, _ = pair(node)
    ear = Ear(b)
    send_frame(a, "forged", source=FORGED)
    send_frame(a, "last")
    assert ear.heard == [(FORGED, "forged")]


@case("bridge:macspoofchk-mac")
@rootless
def test_the_guard_knows_the_mac_asked_for(node):
    """macspoofchk allows the MAC that the configuration asked for"""
    conf = conf_of(node, macspoofchk=True, runtimeConfig={"mac": "0a:00:00:00:00:07"})
    a, b = node.container("a"), node.container("b")
    node.add(conf, a)
    node.add(conf_of(node), b)
    ear = Ear(b)
    send_frame(a, "changed", source=FORGED)
    send_frame(a, "last", source="0a:00:00:00:00:07")
    assert ear.heard == []


@case("bridge:announce")
@rootless
def test_neighbours_hear_of_a_new_mac(node):
    """A container with the address of a former one is reached at once: its MAC is announced"""
    conf = {"type": "bridge", "isGateway": True, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/24"}]}}
    first, second = node.container("a"), node.container("b")
    node.add({**conf, "isGateway": False}, first)
    node.ip("addr", "add", "10.7.0.1/24", "dev", "cni0")
    assert node.ping("10.7.0.9")
    node.delete(conf, first)
    node.add({**conf, "isGateway": False}, second)
    assert node.until(lambda: node.ping("10.7.0.9", wait=1), 3)


@case("bridge:L2-frames")
@rootless
def test_plain_ethernet(node):
    """A network without IPAM carries any frame"""
    a, b = node.container("a"), node.container("b")
    for c in a, b:
        node.add({"type": "bridge"}, c)
    ear = Ear(b)
    send_frame(a, "broadcast", target=BROADCAST)
    send_frame(a, "unicast", target=b.mac("eth0"))
    send_frame(a, "last")
    assert ear.texts == ["broadcast", "unicast"]
