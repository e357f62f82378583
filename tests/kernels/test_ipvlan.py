# SPDX-License-Identifier: Apache-2.0
"""What is particular to ipvlan; the rest is in test_endpoints.py."""

import pytest

from lib.case import case, needs
from lib.netns import Netns
from system import endpoints
from system.endpoints import IPVLAN
from system.world import changed, outside, state

pytestmark = needs("ipvlan")


def conf_of(node, **more):
    return IPVLAN.conf(node, **more)


@case("ipvlan:mac")
def test_mac(node, container):
    """The container has the MAC of the master"""
    outside(node)
    r = node.add(conf_of(node), container)
    assert r["interfaces"][0]["mac"] == node.mac("up0") == container.mac("eth0")


@case("ipvlan:mode")
@pytest.mark.parametrize("mode", ["", "l2", "l3", "l3s"])
def test_modes(node, mode):
    """Containers reach each other in every mode, and a host outside that knows the way; CHECK knows the mode"""
    far = outside(node)
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mode=mode)
    r = node.add(conf, a)
    node.add(conf, b)
    assert a.link("eth0")["linkinfo"]["info_data"]["mode"] == (mode or "l2")
    if mode in ("l3", "l3s"):
        far.ip("neigh", "replace", "192.0.2.100", "lladdr", node.mac("up0"), "dev", "eth0")
    assert a.ping("192.0.2.101") and a.ping("192.0.2.9")
    node.check(conf, a, prev=r)
    other = "l3" if mode in ("", "l2") else "l2"
    error = node.refuses("CHECK", {**conf, "mode": other, "prevResult": r}, a)
    assert f"container ipvlan mode {mode or 'l2'} does not match expected value: {other}" in error["msg"]


@case("ipvlan:mtu")
def test_mtu(node):
    """mtu is the container's; none is the master's; CHECK allows another"""
    outside(node)
    node.ip("link", "set", "up0", "mtu", "1450")
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mtu=1400)
    r = node.add(conf, a)
    node.add(conf_of(node), b)
    assert a.link("eth0")["mtu"] == 1400 and b.link("eth0")["mtu"] == 1450
    node.check(conf, a, prev=r)
    node.check({**conf, "mtu": 1300}, a, prev=r)


@case("ipvlan:default-master")
def test_default_master(node):
    """Without a master it is the interface of the default route; without that ADD is refused"""
    endpoints.by_route(node, IPVLAN)


PREV = {"cniVersion": "1.1.0", "interfaces": [{"name": "up0"}], "dns": {"domain": "example.org"},
        "ips": [{"address": "192.0.2.105/24", "gateway": "192.0.2.9"},
                {"address": "2001:db8:f::105/64", "interface": 0}],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "192.0.2.9"}]}


@case("ipvlan:chain")
def test_chain(node, container):
    """In a chain without IPAM its master is the previous interface, and it takes over addresses, routes and DNS"""
    outside(node)
    conf = {"type": "ipvlan"}
    r = node.add({**conf, "prevResult": PREV}, container)
    assert r == {**PREV, "interfaces": [{"mac": node.mac("up0"), "name": "eth0", "sandbox": container.path}],
                 "ips": [{**ip, "interface": 0} for ip in PREV["ips"]]}
    assert container.addresses("eth0") == ["192.0.2.105/24", "2001:db8:f::105/64"]
    assert container.route("default")["gateway"] == "192.0.2.9" and container.ping("192.0.2.9")
    node.check(conf, container, prev=r)
    container.ip("route", "del", "10.9.0.0/16")
    assert "10.9.0.0/16" in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]
    node.delete(conf, container, prev=r)
    assert container.link("eth0") is None


@case("ipvlan:chain-ipam")
def test_chain_with_ipam(node, container):
    """In a chain with IPAM the addresses are IPAM's, the master still the previous interface"""
    outside(node)
    r = node.add({**conf_of(node), "master": "", "prevResult": PREV}, container)
    assert r == endpoints.expected(IPVLAN, container)


@case("ipvlan:chain-master")
def test_chain_with_master(node, container):
    """A master in the configuration is stronger than the previous interface"""
    outside(node)
    two = {**PREV, "interfaces": [{"name": "x0"}, {"name": "x1"}]}
    r = node.add({"type": "ipvlan", "master": "up0", "prevResult": two}, container)
    assert r["interfaces"][0]["name"] == "eth0" and container.addresses("eth0", 4) == ["192.0.2.105/24"]


NO_MASTER = "chained master failure. PrevResult lacks a single named interface"
CHAINS = {
    "two interfaces": ({"interfaces": [{"name": "up0"}, {"name": "x1"}]}, NO_MASTER),
    "no interface": ({"interfaces": []}, NO_MASTER),
    "no addresses": ({"ips": []}, "ipam.type"),
    "interface missing": ({"interfaces": [{"name": "x1"}]}, "failed to lookup master \"x1\""),
}


@case("ipvlan:chain-invalid")
@pytest.mark.parametrize("what", CHAINS)
def test_chain_that_does_not_say(node, container, what):
    """A previous result that names no master, or has no addresses, is refused"""
    outside(node)
    more, words = CHAINS[what]
    before = state(node, container)
    error = node.refuses("ADD", {"type": "ipvlan", "prevResult": {**PREV, **more}}, container)
    assert words in error["msg"] and changed(before, state(node, container)) == []


@case("ipvlan:del-without-master")
def test_del_without_master(node, container):
    """DEL asks for no master: neither a default route nor a previous result is needed"""
    outside(node)
    node.add(conf_of(node), container)
    node.delete({**conf_of(node), "master": ""}, container)
    assert node.leases() == {} and container.link("eth0") is None


@case("ipvlan:status-without-master")
def test_status_without_master(node):
    """STATUS without a master says nothing of it: the previous plugin of a chain may name one"""
    node.status({**conf_of(node), "master": ""})


@case("ipvlan:master-busy")
def test_master_of_macvlan(node, container):
    """A master that the kernel will not share is refused by name, and nothing is left"""
    outside(node)
    with Netns("x") as x:
        node.ip("link", "add", "link", "up0", "name", "m0", "netns", x.name, "type", "macvlan")
        before = state(node, container, advice=False)
        error = node.refuses("ADD", conf_of(node), container)
        assert "failed to create ipvlan on up0" in error["msg"] and "busy" in error["msg"]
        assert changed(before, state(node, container, advice=False)) == []
