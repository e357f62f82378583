# SPDX-License-Identifier: Apache-2.0
"""bridge ADD: what it answers and what it makes, key by key."""

import re

import pytest

from lib.case import case, rootless
from system.world import port_of, slave

pytestmark = rootless
MAC = "0a:58:0a:07:00:63"
DUAL = ("10.7.0.0/24", "fd00:7::/64")


def conf_of(node, *subnets, **more):
    return {"type": "bridge", "ipam": node.host_local(*(subnets or DUAL)), **more}


@case("bridge:result")
def test_result(node, container):
    """The result names bridge, port and container, in this order, each with the MAC the kernel has"""
    r = node.add(conf_of(node, isDefaultGateway=True), container)
    bridge, port, inner = r["interfaces"]
    assert sorted(r) == ["cniVersion", "interfaces", "ips", "routes"] and r["cniVersion"] == "1.1.0"
    assert bridge == {"name": "cni0", "mac": node.mac("cni0")}
    assert re.fullmatch("veth[0-9a-f]{8}", port["name"]) and port == {"name": port["name"], "mac": node.mac(port["name"])}
    assert inner == {"name": "eth0", "mac": container.mac("eth0"), "sandbox": container.path}
    assert r["ips"] == [{"address": "10.7.0.2/24", "gateway": "10.7.0.1", "interface": 2},
                        {"address": "fd00:7::2/64", "gateway": "fd00:7::1", "interface": 2}]
    assert r["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.7.0.1"}, {"dst": "::/0", "gw": "fd00:7::1"}]


@case("bridge:result-version")
@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_result_in_every_version(node, container, version):
    """The result is in the version that the configuration asks for"""
    r = node.add({**conf_of(node), "cniVersion": version}, container)
    assert r["cniVersion"] == version
    if version < "0.3.0":
        assert r["ip4"]["ip"] == "10.7.0.2/24" and r["ip6"]["ip"] == "fd00:7::2/64" and "interfaces" not in r
    elif version < "1.0.0":
        assert [ip["version"] for ip in r["ips"]] == ["4", "6"] and len(r["interfaces"]) == 3
    else:
        assert "version" not in r["ips"][0] and len(r["interfaces"]) == 3


@case("bridge:links")
def test_links(node, container):
    """One bridge, one port of it, one interface in the container, all up; nothing else appears"""
    r = node.add(conf_of(node), container)
    assert sorted(node.links()) == sorted(["lo", "cni0", port_of(node, r)])
    assert sorted(container.links()) == ["eth0", "lo"]
    port = node.link(port_of(node, r))
    assert port["master"] == "cni0" and "UP" in port["flags"] and "UP" in node.link("cni0")["flags"]
    assert port["link_index"] == container.link("eth0")["ifindex"]
    assert container.addresses("eth0") == ["10.7.0.2/24", "fd00:7::2/64"] and node.addresses("cni0") == []


@case("bridge:name")
def test_bridge_name(node, container):
    """The bridge bears the configured name"""
    r = node.add(conf_of(node, bridge="mybr0"), container)
    assert r["interfaces"][0]["name"] == "mybr0" and node.link("cni0") is None
    assert node.link(port_of(node, r))["master"] == "mybr0"


@case("bridge:shared")
def test_one_bridge_for_all(node):
    """A second container uses the bridge, the gateway and its MAC as they are"""
    conf = conf_of(node, isGateway=True)
    first = node.add(conf, node.container("a"))
    before = node.mac("cni0")
    second = node.add(conf, node.container("b"))
    assert first["interfaces"][0] == second["interfaces"][0] == {"name": "cni0", "mac": before}
    assert node.addresses("cni0") == ["10.7.0.1/24", "fd00:7::1/64"]


@case("bridge:isGateway")
def test_gateway(node, container):
    """isGateway puts the gateway on the bridge and switches forwarding on, but no default route"""
    node.sysctl("net.ipv4.ip_forward", 0)
    node.sysctl("net.ipv6.conf.all.forwarding", 0)
    r = node.add(conf_of(node, isGateway=True), container)
    assert node.addresses("cni0") == ["10.7.0.1/24", "fd00:7::1/64"]
    assert node.sysctl("net.ipv4.ip_forward") == node.sysctl("net.ipv6.conf.all.forwarding") == "1"
    assert "routes" not in r and container.route("default") is None and container.route("default", 6) is None


@case("bridge:no-gateway")
def test_no_gateway(node, container):
    """Without isGateway the bridge gets no address and forwarding stays as it is"""
    node.sysctl("net.ipv4.ip_forward", 0)
    node.add(conf_of(node), container)
    assert node.addresses("cni0") == [] and node.sysctl("net.ipv4.ip_forward") == "0"


@case("bridge:isDefaultGateway")
def test_default_gateway(node, container):
    """isDefaultGateway gives a default route per family by the gateway"""
    node.add(conf_of(node, isDefaultGateway=True), container)
    assert container.route("default")["gateway"] == "10.7.0.1"
    assert container.route("default", 6)["gateway"] == "fd00:7::1"


@case("bridge:isDefaultGateway-ipam")
@pytest.mark.parametrize("gw", [None, "10.7.0.1"])
def test_default_route_of_ipam(node, container, gw):
    """A default route that IPAM returns, with or without a gateway, is the only one"""
    route = {"dst": "0.0.0.0/0", **({"gw": gw} if gw else {})}
    conf = {"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local("10.7.0.0/24", routes=[route])}
    node.add(conf, container)
    assert [r["gateway"] for r in container.routes() if r["dst"] == "default"] == ["10.7.0.1"]


@case("bridge:routes")
def test_routes(node, container):
    """Routes of IPAM with gateway, metric, table, MTU and MSS reach the kernel"""
    routes = [{"dst": "192.168.0.0/16"}, {"dst": "172.16.0.0/12", "gw": "10.7.0.9", "priority": 50},
              {"dst": "198.51.100.0/24", "mtu": 1300, "advmss": 1200}, {"dst": "203.0.113.0/24", "table": 77}]
    conf = {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24", routes=routes)}
    r = node.add(conf, container)
    assert container.route("192.168.0.0/16")["gateway"] == "10.7.0.1"
    assert (container.route("172.16.0.0/12")["gateway"], container.route("172.16.0.0/12")["metric"]) == ("10.7.0.9", 50)
    assert container.route("198.51.100.0/24")["metrics"] == [{"mtu": 1300, "advmss": 1200}]
    assert container.route("203.0.113.0/24") is None and container.route("203.0.113.0/24", table=77)["gateway"] == "10.7.0.1"
    assert r["routes"] == routes
    node.check(conf, container, prev=r)


@case("bridge:gateway-of-ipam")
def test_gateway_of_ipam(node, container):
    """A gateway that IPAM names is used instead of the first address"""
    conf = {"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local()}
    conf["ipam"]["ranges"] = [[{"subnet": "10.7.0.0/24", "gateway": "10.7.0.254"}]]
    node.add(conf, container)
    assert node.addresses("cni0") == ["10.7.0.254/24"] and container.route("default")["gateway"] == "10.7.0.254"


def static_conf(*addresses, **more):
    return {"type": "bridge", "ipam": {"type": "static", "addresses": [{"address": a} for a in addresses]}, **more}


@case("bridge:gateway-of-one")
@pytest.mark.parametrize("key", ["isGateway", "isDefaultGateway"])
@pytest.mark.parametrize("masq", [False, True], ids=["", "ipMasq"])
def test_no_gateway_of_one(node, key, masq):
    """An address without a subnet gets no gateway and no default route: the address behind it is the next container's"""
    a, b = node.container("a"), node.container("b")
    one, two = (static_conf(f"10.7.0.{i}/32", f"fd00:7::{i}/128", ipMasq=masq, **{key: True}) for i in (8, 9))
    made = {c: node.add(conf, c) for c, conf in ((a, one), (b, two))}
    assert made[b]["ips"] == [{"address": "10.7.0.9/32", "interface": 2}, {"address": "fd00:7::9/128", "interface": 2}]
    assert node.addresses("cni0") == [] and "routes" not in made[b]
    for c in a, b:
        assert c.route("default") is None and c.route("default", 6) is None
    assert b.addresses("eth0") == ["10.7.0.9/32", "fd00:7::9/128"]
    for c, conf in ((a, one), (b, two)):
        node.check(conf, c, prev=made[c])
        node.delete(conf, c, prev=made[c])
        assert c.link("eth0") is None


@case("bridge:gateway-of-one-given")
def test_gateway_of_one_by_ipam(node, container):
    """A gateway that IPAM names holds for an address without a subnet, too; beside it another may be without"""
    conf = static_conf("fd00:7::8/128", "10.7.0.8/24", isDefaultGateway=True)
    conf["ipam"]["addresses"][1]["gateway"] = "10.7.0.77"
    r = node.add(conf, container)
    assert [ip.get("gateway") for ip in r["ips"]] == [None, "10.7.0.77"] and node.addresses("cni0") == ["10.7.0.77/24"]
    assert r["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.7.0.77"}] and container.ping("10.7.0.77")
    node.delete(conf, container)
    conf = static_conf("10.8.0.8/32", isGateway=True, forceAddress=True)
    conf["ipam"]["addresses"][0]["gateway"] = "10.8.0.1"
    node.add(conf, container)
    assert node.addresses("cni0") == ["10.8.0.1/32"]


@case("bridge:gateway-of-two")
@pytest.mark.parametrize("address, gateway", [("10.7.0.0/31", "10.7.0.1"), ("10.7.0.1/31", "10.7.0.0"),
                                              ("fd00:7::/127", "fd00:7::1"), ("fd00:7::1/127", "fd00:7::")])
def test_gateway_of_two(node, container, address, gateway):
    """In a subnet of two addresses the gateway is the one that the container has not"""
    conf = static_conf(address, isDefaultGateway=True)
    r = node.add(conf, container)
    assert r["ips"][0]["gateway"] == gateway and node.addresses("cni0") == [f"{gateway}/{address.split('/')[1]}"]
    assert node.until(lambda: container.ping(gateway), 10)
    node.check(conf, container, prev=r)


@case("bridge:L2")
def test_without_ipam(node, container):
    """Without IPAM the interface is up and has no address; CHECK and DEL work"""
    conf = {"type": "bridge"}
    r = node.add(conf, container)
    assert "ips" not in r and [i["name"] for i in r["interfaces"]][::2] == ["cni0", "eth0"]
    assert container.addresses("eth0") == [] and "UP" in container.link("eth0")["flags"]
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert sorted(container.links()) == ["lo"] and sorted(node.links()) == ["cni0", "lo"]


@case("bridge:disableContainerInterface")
def test_interface_left_down(node, container):
    """disableContainerInterface leaves the container's interface down"""
    conf = {"type": "bridge", "disableContainerInterface": True}
    r = node.add(conf, container)
    assert "UP" not in container.link("eth0")["flags"]
    node.check(conf, container, prev=r)


@case("bridge:mtu")
def test_mtu(node, container):
    """mtu is that of the new bridge and of both ends"""
    r = node.add(conf_of(node, mtu=1300), container)
    assert node.link("cni0")["mtu"] == node.link(port_of(node, r))["mtu"] == container.link("eth0")["mtu"] == 1300


@case("bridge:mtu-existing")
def test_mtu_of_an_existing_bridge(node, container):
    """The MTU of a bridge that exists is left alone"""
    node.ip("link", "add", "cni0", "mtu", "1400", "type", "bridge")
    node.add(conf_of(node, mtu=1300), container)
    assert node.link("cni0")["mtu"] in (1300, 1400) and container.link("eth0")["mtu"] == 1300


@case("bridge:hairpinMode")
@pytest.mark.parametrize("on", [True, False])
def test_hairpin_flag(node, container, on):
    """hairpinMode is a flag of the port"""
    r = node.add(conf_of(node, hairpinMode=on), container)
    assert slave(node, port_of(node, r))["hairpin"] is on


@case("bridge:portIsolation")
@pytest.mark.parametrize("on", [True, False])
def test_isolation_flag(node, container, on):
    """portIsolation is a flag of the port"""
    r = node.add(conf_of(node, portIsolation=on), container)
    assert slave(node, port_of(node, r))["isolated"] is on


@case("bridge:promiscMode")
@pytest.mark.parametrize("on", [True, False])
def test_promiscuous(node, container, on):
    """promiscMode makes the bridge promiscuous"""
    node.add(conf_of(node, promiscMode=on), container)
    assert ("PROMISC" in node.link("cni0")["flags"]) is on


WAYS = {
    "CNI_ARGS": ({}, f"IgnoreUnknown=1;MAC={MAC}"),
    "args": ({"args": {"cni": {"mac": MAC}}}, None),
    "runtimeConfig": ({"capabilities": {"mac": True}, "runtimeConfig": {"mac": MAC}}, None),
    "args over CNI_ARGS": ({"args": {"cni": {"mac": MAC}}}, "IgnoreUnknown=1;MAC=0a:00:00:00:00:01"),
    "runtimeConfig over all": ({"args": {"cni": {"mac": "0a:00:00:00:00:02"}}, "runtimeConfig": {"mac": MAC}},
                               "IgnoreUnknown=1;MAC=0a:00:00:00:00:01"),
}


@case("bridge:mac")
@pytest.mark.parametrize("way", WAYS)
def test_mac(node, container, way):
    """The MAC asked for by CNI_ARGS, args or runtimeConfig, the later one winning"""
    more, args = WAYS[way]
    r = node.add(conf_of(node, **more), container, args=args)
    assert container.mac("eth0") == r["interfaces"][2]["mac"] == MAC


@case("bridge:forceAddress")
def test_force_address(node, container):
    """Another address of the bridge is replaced with forceAddress, and a failure without"""
    node.ip("link", "add", "cni0", "type", "bridge")
    node.ip("addr", "add", "10.9.0.1/16", "dev", "cni0")
    conf = conf_of(node, isGateway=True)
    error = node.refuses("ADD", conf, container)
    assert "already has an IP address different from 10.7.0.1/24" in error["msg"]
    assert node.addresses("cni0") == ["10.9.0.1/16"] and node.leases() == {}
    node.add({**conf, "forceAddress": True}, container)
    assert node.addresses("cni0") == ["10.7.0.1/24", "fd00:7::1/64"]


@case("bridge:two-v6-subnets")
def test_ipv6_subnets_beside_each_other(node):
    """IPv6 gateways of several subnets live together, IPv4 ones do not"""
    one = {"type": "bridge", "isGateway": True, "ipam": node.host_local("fd00:1::/64")}
    two = {"type": "bridge", "isGateway": True, "name": "other", "ipam": node.host_local("fd00:2::/64")}
    node.add(one, node.container())
    node.add(two, node.container())
    assert sorted(node.addresses("cni0")) == ["fd00:1::1/64", "fd00:2::1/64"]


@case("bridge:dns")
def test_dns(node, container):
    """dns of the configuration is in the result"""
    dns = {"nameservers": ["192.0.2.53"], "domain": "example.org", "search": ["a.example.org"], "options": ["ndots:2"]}
    assert node.add(conf_of(node, dns=dns), container)["dns"] == dns


@case("bridge:dns-of-ipam")
def test_dns_of_ipam(node, container):
    """Without dns in the configuration that of IPAM is in the result"""
    resolv = node.dir / "resolv.conf"
    resolv.write_text("nameserver 192.0.2.54\nsearch b.example.org\n")
    conf = conf_of(node)
    conf["ipam"]["resolvConf"] = str(resolv)
    assert node.add(conf, container)["dns"] == {"nameservers": ["192.0.2.54"], "search": ["b.example.org"]}


@case("bridge:enabledad")
@pytest.mark.parametrize("on", [True, False])
def test_duplicate_address_detection(node, container, on):
    """Addresses are usable when ADD returns; enabledad probes them first"""
    node.add(conf_of(node, enabledad=on), container)
    addr = next(a for x in container.ip("addr", "show", "dev", "eth0") for a in x["addr_info"] if a["local"] == "fd00:7::2")
    assert not addr.get("tentative") and not addr.get("dadfailed")
    assert bool(addr.get("nodad")) is not on


@case("bridge:enabledad-conflict")
def test_duplicate_address_found(node):
    """With enabledad an address that somebody has is refused, and nothing is left"""
    first, second = node.container("a"), node.container("b")
    conf = {"type": "bridge", "enabledad": True, "ipam": {"type": "static", "addresses": [{"address": "fd00:7::5/64"}]}}
    node.add(conf, first)
    links = sorted(node.links())
    assert "DADFAILED" in node.refuses("ADD", conf, second)["msg"]
    assert sorted(node.links()) == links and sorted(second.links()) == ["lo"]


@case("bridge:ipv6-off")
def test_ipv6_switched_off_before(node, container):
    """A container whose IPv6 was off by default gets it with the first IPv6 address"""
    container.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    container.sysctl("net.ipv6.conf.lo.disable_ipv6", 1)
    node.add(conf_of(node), container)
    assert container.addresses("eth0", 6) == ["fd00:7::2/64"]
    assert container.sysctl("net.ipv6.conf.lo.disable_ipv6") == "0"


@case("bridge:two-interfaces")
def test_two_interfaces(node, container):
    """One container, two interfaces of one network; DEL of one leaves the other"""
    conf = conf_of(node, isGateway=True, ipMasq=True)
    node.add(conf, container, "eth0")
    node.add(conf, container, "net1")
    assert container.addresses("net1") == ["10.7.0.3/24", "fd00:7::3/64"]
    node.delete(conf, container, "eth0")
    assert sorted(container.links()) == ["lo", "net1"] and sorted(node.leases()) == ["10.7.0.3", "fd00:7::3"]
    assert container.ping("10.7.0.1")


@case("bridge:names-in-any-case")
def test_keys_in_any_case(node, container):
    """Keys are known in any case, as the reference reads them"""
    node.add({"type": "bridge", "BRIDGE": "br9", "isgateway": True, "IPAM": node.host_local("10.7.0.0/24")}, container)
    assert node.addresses("br9") == ["10.7.0.1/24"]
