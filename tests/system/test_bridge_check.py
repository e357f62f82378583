# SPDX-License-Identifier: Apache-2.0
"""CHECK of bridge finds each thing that can be broken, names it, and is content once it is repaired."""

import re

import pytest

from lib.case import case, rootless
from system.world import port_of

pytestmark = rootless


class Attached:
    """One container with everything switched on, and the means to break it."""

    def __init__(self, node, **more):
        self.node, self.container = node, node.container()
        self.conf = {"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "macspoofchk": True, "portIsolation": True,
                     "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64"), **more}
        self.result = node.add(self.conf, self.container)
        self.port = port_of(node, self.result)
        self.mac = self.container.mac("eth0")

    def on(self, words):
        """Run "node ip ..." or "pod ip ...", with our names filled in."""
        where, *argv = words.format(port=self.port, mac=self.mac, peer="eth0").split()
        ns = self.node if where == "node" else self.container
        ns.run(*argv)

    def check(self):
        return self.node.plugin("CHECK", {**self.conf, "prevResult": self.result}, self.container)


def nft(*commands):
    """Break by nft; repair by loading the rule set that was there."""
    return ["node nft " + c for c in commands], "nft"


def lease(w):
    path = w.node.data / "testnet" / "10.7.0.2"
    text = path.read_bytes()
    path.unlink()
    return lambda: path.write_bytes(text)


def lease_of_another(w):
    for path in (w.node.data / "testnet").glob("*:*"):
        path.unlink()
    path = w.node.data / "testnet" / "10.7.0.2"
    text = path.read_bytes()
    path.unlink()
    path.write_bytes(b"somebody\r\neth0")
    return lambda: (path.unlink(), path.write_bytes(text))


V4, V6 = "10.7.0.2/24", "fd00:7::2/64"
# what is broken: (how, how it is repaired, what the sentence must name)
BROKEN = {
    "bridge down": (["node ip link set cni0 down"],
                    ["node ip link set cni0 up", "node ip addr add fd00:7::1/64 dev cni0 nodad"], "cni0.*down"),
    "bridge MAC": (["node ip link set cni0 address 0a:00:00:00:00:01"], None, "cni0.*0a:00:00:00:00:01"),
    "port down": (["node ip link set {port} down"], ["node ip link set {port} up"], "{port}.*down"),
    "port released": (["node ip link set {port} nomaster"],
                      ["node ip link set {port} master cni0", "node bridge link set dev {port} isolated on"], "{port}.*cni0"),
    "port of another bridge": (["node ip link add other type bridge", "node ip link set {port} master other"],
                               ["node ip link set {port} master cni0", "node bridge link set dev {port} isolated on"],
                               "{port}.*cni0"),
    "port MAC": (["node ip link set {port} address 0a:00:00:00:00:01"], None, "{port}.*0a:00:00:00:00:01"),
    "port disabled": (["node bridge link set dev {port} state 0"], ["node bridge link set dev {port} state 3"],
                      "{port}.*forward"),
    "isolation off": (["node bridge link set dev {port} isolated off"], ["node bridge link set dev {port} isolated on"],
                      "isolation.*{port}"),
    "hairpin on": (["node bridge link set dev {port} hairpin on"], ["node bridge link set dev {port} hairpin off"],
                   "hairpin.*{port}"),
    "gateway IPv4": (["node ip addr del 10.7.0.1/24 dev cni0"], ["node ip addr add 10.7.0.1/24 dev cni0"],
                     "10.7.0.1/24.*cni0"),
    "gateway IPv6": (["node ip addr del fd00:7::1/64 dev cni0"], ["node ip addr add fd00:7::1/64 dev cni0"],
                     "fd00:7::1/64.*cni0"),
    "forwarding IPv4": (["node sysctl -qw net.ipv4.ip_forward=0"], ["node sysctl -qw net.ipv4.ip_forward=1"],
                        "net/ipv4/ip_forward"),
    "forwarding IPv6": (["node sysctl -qw net.ipv6.conf.all.forwarding=0"], ["node sysctl -qw net.ipv6.conf.all.forwarding=1"],
                        "net/ipv6/conf/all/forwarding"),
    "interface down": (["pod ip link set eth0 down"],
                       ["pod ip link set eth0 up", "pod ip route add default via 10.7.0.1",
                        "pod ip -6 route add default via fd00:7::1"], "eth0.*down"),
    "interface MAC": (["pod ip link set eth0 address 0a:00:00:00:00:01"], ["pod ip link set eth0 address {mac}"],
                      "eth0.*0a:00:00:00:00:01"),
    "interface renamed": (["pod ip link set eth0 down", "pod ip link set eth0 name x0"],
                          ["pod ip link set x0 name eth0", "pod ip link set eth0 up", "pod ip route add default via 10.7.0.1",
                           "pod ip -6 route add default via fd00:7::1"], "eth0"),
    "interface replaced": (["pod ip link del eth0", "pod ip link add eth0 type bridge"], None, "eth0.*veth"),
    "interface gone": (["pod ip link del eth0"], None, "eth0"),
    "address IPv4": ([f"pod ip addr del {V4} dev eth0"],
                     [f"pod ip addr add {V4} dev eth0", "pod ip route add default via 10.7.0.1"], "10.7.0.2/24.*eth0"),
    "address IPv6": ([f"pod ip addr del {V6} dev eth0"], [f"pod ip addr add {V6} dev eth0 nodad"], "fd00:7::2/64.*eth0"),
    "address with another length": ([f"pod ip addr del {V4} dev eth0", "pod ip addr add 10.7.0.2/16 dev eth0",
                                     "pod ip route add default via 10.7.0.1"], None, "10.7.0.2/24"),
    "default route IPv4": (["pod ip route del default"], ["pod ip route add default via 10.7.0.1"], "0.0.0.0/0"),
    "default route IPv6": (["pod ip -6 route del default"], ["pod ip -6 route add default via fd00:7::1"], "::/0"),
    "default route by another": (["pod ip route replace default via 10.7.0.99"], ["pod ip route replace default via 10.7.0.1"],
                                 "0.0.0.0/0.*10.7.0.1"),
    "connected route": (["pod ip route del 10.7.0.0/24"], ["pod ip route add 10.7.0.0/24 dev eth0 src 10.7.0.2"], "10.7.0.0/24"),
    "masquerade IPv4": (*nft("delete element ip crimp_masquerade from_10.7.0.0/24_testnet {{ 10.7.0.2 }}"), "from_10.7.0.0/24"),
    "masquerade IPv6": (*nft("delete element ip6 crimp_masquerade from_fd00-7--/64_testnet {{ fd00:7::2 }}"), "crimp_masquerade"),
    "masquerade rule": (*nft("flush chain ip crimp_masquerade postrouting"), "postrouting.*crimp_masquerade"),
    "masquerade table": (*nft("delete table ip crimp_masquerade"), "crimp_masquerade"),
    "all filters": (*nft("flush ruleset"), "crimp"),
    "guard": (*nft("flush set bridge crimp_spoof guarded"), "guarded.*crimp_spoof"),
    "guard of a MAC": (*nft("flush set bridge crimp_spoof allowed"), "allowed.*crimp_spoof"),
    "guard rule": (*nft("flush chain bridge crimp_spoof prerouting"), "prerouting.*crimp_spoof"),
    "guard table": (*nft("delete table bridge crimp_spoof"), "crimp_spoof"),
    "all leases of another": (lease_of_another, None, "(?i)host-local"),
}


@case("bridge:check")
@pytest.mark.parametrize("what", BROKEN)
def test_check_finds_what_is_broken(node, what):
    """Break one thing: CHECK fails and names it. Repair it: CHECK is content"""
    how, repair, words = BROKEN[what]
    w = Attached(node)
    assert w.check().ok, w.check()
    rules = node.run("nft", "list", "ruleset").out
    if callable(how):
        repair = how(w)
    else:
        for command in how:
            w.on(command)
    words = words.replace("{port}", w.port)
    assert re.search(words, w.check().text), f"{words} is not in: {w.check().text}"
    if callable(repair):
        repair()
    elif repair == "nft":
        node.run("nft", "-f", "-", stdin="flush ruleset\n" + rules)
    elif repair:
        for command in repair:
            w.on(command)
    assert not repair or w.check().ok, w.check()


@case("bridge:check-promiscuous")
def test_promiscuous_mode(node):
    """CHECK finds a bridge that is no longer promiscuous"""
    w = Attached(node, promiscMode=True)
    assert w.check().ok
    w.on("node ip link set cni0 promisc off")
    assert "cni0" in w.check().text and "promiscuous" in w.check().text


@case("bridge:check-hairpin")
def test_hairpin_mode(node):
    """CHECK finds a port that has lost its hairpin mode"""
    w = Attached(node, hairpinMode=True)
    assert w.check().ok
    w.on("node bridge link set dev {port} hairpin off")
    assert "hairpin" in w.check().text and w.port in w.check().text


@case("bridge:check-no-prevResult")
def test_without_previous_result(node):
    """CHECK needs the result of the ADD and says so"""
    w = Attached(node)
    assert "prevResult" in node.refuses("CHECK", w.conf, w.container)["msg"]


@case("bridge:check-other-namespace")
def test_result_of_another_namespace(node):
    """CHECK refuses a result that tells of another namespace"""
    w = Attached(node)
    other = node.container("other")
    error = node.refuses("CHECK", {**w.conf, "prevResult": w.result}, other)
    assert other.path in error["msg"]


@case("bridge:check-result-unchanged")
def test_check_changes_nothing(node):
    """CHECK changes nothing, content or not"""
    w = Attached(node)
    before = node.state(), w.container.state(), node.leases()
    assert w.check().ok
    assert (node.state(), w.container.state(), node.leases()) == before


# How a bridge came to be whose MAC nobody had set: (what is made before, more of the configuration)
LOOSE = {
    "without IPAM": ([], {"ipam": None}),
    "bridge there": (["ip link add cni0 type bridge"], {}),
    "bridge there, without IPAM": (["ip link add cni0 type bridge"], {"ipam": None}),
    "gateway address there": (["ip link add cni0 up type bridge", "ip addr add 10.7.0.1/24 dev cni0"], {}),
    "new": ([], {}),
}


@case("bridge:check-MAC-kept")
@pytest.mark.parametrize("how", LOOSE)
def test_gateway_keeps_its_mac(node, container, how):
    """A bridge that is a gateway keeps its MAC, whatever ports come and go, and CHECK is content"""
    before, more = LOOSE[how]
    for command in before:
        node.run(*command.split())
    conf = {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24"), **more}
    conf = {k: v for k, v in conf.items() if v is not None}
    r = node.add(conf, container)
    assert r["interfaces"][0]["mac"] == node.mac("cni0")
    node.ip("link", "add", "low0", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "low1")
    node.ip("link", "set", "low0", "master", "cni0")
    second = node.container("second")
    other = node.add(conf, second)
    assert r["interfaces"][0]["mac"] == other["interfaces"][0]["mac"] == node.mac("cni0")
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    node.ip("link", "del", "low0")
    assert other["interfaces"][0]["mac"] == node.mac("cni0")
    node.check(conf, second, prev=other)


@case("bridge:check-neighbours-kept")
def test_add_keeps_the_neighbours_of_the_bridge(node):
    """A MAC that stays anyway is not set again, which would make the bridge forget its neighbours"""
    seeing = node.bin / "seeing"
    seeing.write_text(f"#!/bin/sh\nexec unshare -m sh -c 'mount -t sysfs sysfs /sys && exec {node.bin}/bridge'\n")
    seeing.chmod(0o755)
    conf = {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")}
    node.ip("link", "add", "cni0", "type", "bridge")
    node.add(conf, node.container(), type="seeing")
    node.ip("neigh", "add", "10.7.0.99", "lladdr", "02:00:00:00:00:02", "nud", "stale", "dev", "cni0")
    node.add(conf, node.container(), type="seeing")
    assert "10.7.0.99" in node.run("ip", "neigh", "show", "dev", "cni0").out


@case("bridge:check-other-plugins")
def test_addresses_of_other_plugins(node, container):
    """Addresses that another plugin of the chain has put into the result are not asked for on the bridge"""
    w = Attached(node, ipam=node.host_local("10.7.0.0/24"))
    w.result["interfaces"].append({"name": "other0", "sandbox": w.container.path})
    for address in "192.0.2.77/24", "2001:db8::77/64":
        w.result["ips"].append({"address": address, "interface": len(w.result["interfaces"]) - 1})
    node.sysctl("net.ipv6.conf.all.forwarding", 0)
    assert w.check().ok, w.check()
