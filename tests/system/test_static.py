# SPDX-License-Identifier: Apache-2.0
"""static: addresses from the configuration and from those who may replace or add to them."""

from lib.case import case, rootless

CONF = {"type": "static", "ipam": {
    "type": "static",
    "addresses": [{"address": "10.7.0.5/24", "gateway": "10.7.0.1"}, {"address": "fd07::5/64"}],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.8.0.0/16", "gw": "10.7.0.9"},
               {"dst": "10.9.0.0/16", "gw": "10.7.0.9", "mtu": 1400, "advmss": 1360, "priority": 5, "table": 100, "scope": 0}],
    "dns": {"nameservers": ["10.7.0.2"], "domain": "example.net", "search": ["example.org"], "options": ["ndots:2"]},
}}


class Pod:
    id, path = "pod", "/nonexistent/netns"


def given(result):
    return [(ip["address"], ip.get("gateway")) for ip in result["ips"]]


@case("STA1")
@rootless
def test_configured(node):
    """What is configured comes out, in order, with routes and dns; DEL, GC and STATUS have nothing to do"""
    result = node.add(CONF, Pod)
    assert given(result) == [("10.7.0.5/24", "10.7.0.1"), ("fd07::5/64", None)]
    assert result["routes"] == CONF["ipam"]["routes"]
    assert result["dns"] == CONF["ipam"]["dns"]
    node.delete(CONF, Pod)
    node.delete({"type": "static", "ipam": {"type": "static", "addresses": [{"address": "x"}]}}, Pod)
    node.gc(CONF, [])
    node.status(CONF)


@case("STA2")
@rootless
def test_sources(node):
    """CNI_ARGS adds, its gateways stay with its own addresses; args.cni replaces, runtimeConfig replaces all"""
    own = [("10.7.0.5/24", "10.7.0.1"), ("fd07::5/64", None)]
    args = "IP=10.7.0.6/24, fd09::6/64;GATEWAY=10.7.0.254,fd09::1"
    assert given(node.add(CONF, Pod, args=args)) == own + [("10.7.0.6/24", "10.7.0.254"), ("fd09::6/64", "fd09::1")]
    asked = {**CONF, "args": {"cni": {"ips": ["10.7.0.7/24"]}}}
    assert given(node.add(asked, Pod, args=args)) == [("10.7.0.7/24", None)]
    asked["runtimeConfig"] = {"ips": ["10.7.0.8/24", "fd07::8/64"]}
    assert given(node.add(asked, Pod)) == [("10.7.0.8/24", None), ("fd07::8/64", None)]


@case("STA3")
@rootless
def test_refused(node):
    """Addresses without prefix, gateways that are none, and two of a family below 0.3.0 are refused by name"""
    def with_address(a):
        return {"type": "static", "ipam": {"type": "static", "addresses": [{"address": a}]}}
    assert "the 'address' field is expected to be in CIDR notation, got: '10.7.0.5'" in \
        node.refuses("ADD", with_address("10.7.0.5"), Pod)["msg"]
    assert "the 'ip' field is expected to be in CIDR notation, got: 'x'" in node.refuses("ADD", CONF, Pod, args="IP=x")["msg"]
    assert "invalid gateway address: x" in node.refuses("ADD", CONF, Pod, args="GATEWAY=x")["msg"]
    asked = {**CONF, "runtimeConfig": {"ips": ["10.7.0.8"]}}
    assert "an entry in the 'ips' field is NOT in CIDR notation, got: '10.7.0.8'" in node.refuses("ADD", asked, Pod)["msg"]
    assert "IPAM config missing 'ipam' key" in node.refuses("ADD", {"type": "static"}, Pod)["msg"]
    old = {**CONF, "cniVersion": "0.2.0"}
    assert "does not support more than 1 address per family" in node.refuses("ADD", old, Pod, args="IP=10.7.0.6/24")["msg"]
    node.refuses("STATUS", with_address("10.7.0.5"), code=7)


@case("STA4")
@rootless
def test_check(node):
    """CHECK misses an address that is gone and a gateway that has changed"""
    result = node.add(CONF, Pod)
    node.check(CONF, Pod, prev=result)
    moved = {**result, "ips": [{**result["ips"][0], "gateway": "10.7.0.2"}, result["ips"][1]]}
    for prev, text in ((moved, "Failed to match addr 10.7.0.5"), ({**result, "ips": result["ips"][:1]}, "Failed to find addr fd07::5")):
        assert text in node.refuses("CHECK", {**CONF, "prevResult": prev}, Pod)["msg"]
    assert "Required prevResult missing" in node.refuses("CHECK", CONF, Pod)["msg"]
