# SPDX-License-Identifier: Apache-2.0
"""static and loopback."""

import pytest

from lib.case import case, rootless

pytestmark = rootless


def static(node, ipam=None, command="ADD", args=None, **more):
    conf = {"type": "static", **more, "ipam": {"type": "static", **(ipam or {})}}
    return node.plugin(command, conf, container_id="c1", container_netns="/run/netns/none",
                       env={"CNI_IFNAME": "eth0"}, args=args)


@case("static:result")
def test_static(node):
    """static answers its addresses with gateways, routes and dns as they are written"""
    ipam = {"addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}, {"address": "fd00::5/64"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}], "dns": {"nameservers": ["192.0.2.1"], "domain": "example.org"}}
    assert static(node, ipam).result == {"cniVersion": "1.1.0", "ips": ipam["addresses"], "routes": ipam["routes"], "dns": ipam["dns"]}


BASE = {"addresses": [{"address": "10.1.0.5/24"}]}
SOURCES = {
    "CNI_ARGS adds": ({"args": "IP=10.1.0.9/24;GATEWAY=10.1.0.1"}, ["10.1.0.5/24", "10.1.0.9/24"]),
    "CNI_ARGS several": ({"args": "IP=10.1.0.9/24,fd00::9/64;GATEWAY=10.1.0.1,fd00::1"}, ["10.1.0.5/24", "10.1.0.9/24", "fd00::9/64"]),
    "args replace": ({"args_cni": ["10.2.0.2/24"]}, ["10.2.0.2/24"]),
    "runtimeConfig replaces": ({"runtime": ["10.3.0.2/24", "fd00::3/64"]}, ["10.3.0.2/24", "fd00::3/64"]),
    "runtimeConfig over args": ({"args_cni": ["10.2.0.2/24"], "runtime": ["10.3.0.2/24"]}, ["10.3.0.2/24"]),
}


@case("static:sources")
@pytest.mark.parametrize("what", SOURCES)
def test_sources(node, what):
    """Addresses come from the configuration, CNI_ARGS, args or runtimeConfig"""
    how, wanted = SOURCES[what]
    more = {}
    if "args_cni" in how:
        more["args"] = {"cni": {"ips": how["args_cni"]}}
    if "runtime" in how:
        more["runtimeConfig"] = {"ips": how["runtime"]}
    reply = node.plugin("ADD", {"type": "static", "ipam": {"type": "static", **BASE}, **more}, container_id="c1",
                        container_netns="/x", env={"CNI_IFNAME": "eth0"}, args=how.get("args"))
    ips = {ip["address"]: ip.get("gateway") for ip in reply.result["ips"]}
    assert list(ips) == wanted or sorted(ips) == sorted(wanted), ips
    assert ips.get("10.1.0.9/24", "10.1.0.1") == "10.1.0.1"


INVALID = {
    "address": ({"addresses": [{"address": "10.1.0.5"}]}, None, "10.1.0.5"),
    "address number": ({"addresses": [{"address": 5}]}, None, "addresses[0]: address"),
    "gateway": ({"addresses": [{"address": "10.1.0.5/24", "gateway": "x"}]}, None, "gateway"),
    "IP": (BASE, "IP=10.1.0.9", "CIDR notation, got: '10.1.0.9'"),
    "GATEWAY": (BASE, "IP=10.1.0.9/24;GATEWAY=x", "invalid gateway address: x"),
    "unknown argument": (BASE, "FOO=1", "unknown args"),
}


@case("static:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """What is no address is refused, and named"""
    ipam, args, words = INVALID[what]
    assert words in static(node, ipam, args=args).text


@case("static:verbs")
def test_other_verbs(node):
    """DEL, GC and STATUS have nothing to do; CHECK compares with prevResult"""
    for command in "DEL", "GC", "STATUS":
        assert static(node, BASE, command).ok
    good = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": "/run/netns/none"}],
            "ips": [{"address": "10.1.0.5/24", "interface": 0}]}
    bad = {**good, "ips": [{"address": "10.1.0.5/24", "gateway": "10.1.0.77", "interface": 0}]}
    assert static(node, BASE, "CHECK", prevResult=good).ok and "10.1.0.77" not in static(node, BASE, "CHECK", prevResult=bad).out
    assert not static(node, {"addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}]}, "CHECK", prevResult=bad).ok


@case("loopback:life")
def test_loopback(node, container):
    """ADD sets lo up and tells its addresses, CHECK sees it, DEL sets it down"""
    container.ip("link", "set", "lo", "down")
    conf = {"type": "loopback"}
    r = node.add(conf, container)
    assert r["interfaces"] == [{"name": "lo", "mac": "00:00:00:00:00:00", "sandbox": container.path}]
    assert {ip["address"] for ip in r["ips"]} <= {"127.0.0.1/8", "::1/128"} and r["ips"][0]["interface"] == 0
    assert container.ping("127.0.0.1")
    node.check(conf, container, prev=r)
    container.ip("link", "set", "lo", "down")
    assert "down" in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]
    node.add(conf, container)
    node.delete(conf, container)
    assert "UP" not in container.link("lo")["flags"]
    node.delete(conf, container)


@case("loopback:ifname")
def test_loopback_whatever_the_name(node, container):
    """The interface is lo, whatever CNI_IFNAME says"""
    container.ip("link", "set", "lo", "down")
    assert node.add({"type": "loopback"}, container, "eth0")["interfaces"][0]["name"] == "lo"


@case("loopback:gone")
def test_loopback_of_a_container_that_is_gone(node):
    """DEL of a namespace that is gone succeeds, ADD and CHECK do not"""
    c = node.container()
    c.close()
    node.delete({"type": "loopback"}, c)
    assert c.path in node.refuses("ADD", {"type": "loopback"}, c)["msg"]


@case("loopback:chained")
def test_loopback_passes_on(node, container):
    """In a chain loopback hands on what came before"""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "x"}], "ips": [{"address": "10.1.0.5/24"}]}
    assert node.add({"type": "loopback", "prevResult": prev}, container) == prev


@case("loopback:odd-address")
def test_loopback_with_a_foreign_address(node, container):
    """An address on lo that is none of the loopback is an error that names it"""
    container.ip("addr", "add", "192.0.2.7/32", "dev", "lo")
    container.ip("addr", "del", "127.0.0.1/8", "dev", "lo")
    assert "192.0.2.7" in node.refuses("ADD", {"type": "loopback"}, container)["msg"]
