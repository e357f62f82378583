# SPDX-License-Identifier: Apache-2.0
"""VLANs of bridge networks, on kernels that filter VLANs in bridges."""

import json

import pytest

from lib.case import case, needs
from system.world import Ear, changed, port_of, send_frame, state

pytestmark = needs("vlan_filtering")


def vlans(node, port):
    """{vid or (first, last): flags} of a bridge port."""
    found = {}
    for entry in json.loads(node.run("bridge", "-j", "vlan", "show", "dev", port).out):
        for v in entry.get("vlans", []):
            found[(v["vlan"], v["vlanEnd"]) if "vlanEnd" in v else v["vlan"]] = sorted(v.get("flags", []))
    return found


ACCESS = ["Egress Untagged", "PVID"]


def conf_of(node, **more):
    return {"type": "bridge", **more}


def l3(node, *subnets, **more):
    return {"type": "bridge", "ipam": node.host_local(*(subnets or ("10.7.0.0/24",))), **more}


@case("vlan:access")
def test_access(node):
    """Containers of one VLAN reach each other and nobody of another; the port has this VLAN only"""
    a, b, c = node.container("a"), node.container("b"), node.container("c")
    ra = node.add(l3(node, vlan=100), a)
    node.add(l3(node, vlan=100), b)
    node.add(l3(node, vlan=200), c)
    assert vlans(node, port_of(node, ra)) == {100: ACCESS}
    assert node.link("cni0")["linkinfo"]["info_data"]["vlan_filtering"] == 1
    assert a.ping("10.7.0.3") and not a.ping("10.7.0.4", wait=1)
    node.check(l3(node, vlan=100), a, prev=ra)
    node.delete(l3(node, vlan=100), a, prev=ra)
    assert a.link("eth0") is None


TRUNKS = {
    "range": ([{"minID": 10, "maxID": 13}], {}, {1: ACCESS, (10, 13): []}),
    "ids": ([{"id": 10}, {"id": 12}], {}, {1: ACCESS, 10: [], 12: []}),
    "range and id": ([{"minID": 10, "maxID": 12, "id": 40}], {}, {1: ACCESS, (10, 12): [], 40: []}),
    "with access": ([{"id": 10}], {"vlan": 100}, {10: [], 100: ACCESS}),
    "access in the trunk": ([{"minID": 98, "maxID": 102}], {"vlan": 100}, {(98, 99): [], 100: ACCESS, (101, 102): []}),
    "overlapping": ([{"minID": 10, "maxID": 20}, {"minID": 15, "maxID": 25}], {}, {1: ACCESS, (10, 25): []}),
    "all": ([{"minID": 1, "maxID": 4094}], {}, {1: ACCESS, (2, 4094): []}),
}


def flat(found):
    """One entry per VLAN: how the kernel joins ranges when it prints them differs."""
    return {v: f for k, f in found.items() for v in (range(k[0], k[1] + 1) if isinstance(k, tuple) else [k])}


@case("vlan:trunk")
@pytest.mark.parametrize("what", TRUNKS)
def test_trunk(node, container, what):
    """The port carries exactly the VLANs of its trunk, tagged, and one untagged"""
    trunk, more, wanted = TRUNKS[what]
    conf = conf_of(node, vlanTrunk=trunk, **more)
    r = node.add(conf, container)
    assert flat(vlans(node, port_of(node, r))) == flat(wanted)
    node.check(conf, container, prev=r)


@case("vlan:preserveDefaultVlan")
def test_default_vlan_preserved(node, container):
    """With preserveDefaultVlan the port stays in VLAN 1 beside its own"""
    r = node.add(conf_of(node, vlan=100, preserveDefaultVlan=True), container)
    assert set(vlans(node, port_of(node, r))) == {1, 100} and vlans(node, port_of(node, r))[100] == ACCESS


@case("vlan:gateway")
def test_gateway(node):
    """The gateway of a VLAN is an interface BRIDGE.VLAN, shared by the VLAN's containers and reached by no other"""
    a, b, c = node.container("a"), node.container("b"), node.container("c")
    conf = l3(node, vlan=100, isDefaultGateway=True)
    ra = node.add(conf, a)
    rb = node.add(conf, b)
    other = l3(node, "10.8.0.0/24", vlan=200, isDefaultGateway=True, name="other")
    node.add(other, c)
    assert node.addresses("cni0.100") == ["10.7.0.1/24"] and node.addresses("cni0.200") == ["10.8.0.1/24"]
    assert node.addresses("cni0") == []
    assert ra["interfaces"][3] == {"name": "cni0.100", "mac": node.mac("cni0.100")} == rb["interfaces"][3]
    assert a.ping("10.7.0.1") and b.ping("10.7.0.1") and c.ping("10.8.0.1")
    assert a.ping("10.8.0.2")           # routed by the node
    node.check(conf, a, prev=ra)
    node.delete(conf, a, prev=ra)
    assert node.addresses("cni0.100") == ["10.7.0.1/24"] and b.ping("10.7.0.1")


@case("vlan:gateway-v6")
def test_gateway_of_both_families(node, container):
    """The same with IPv6"""
    conf = l3(node, "10.7.0.0/24", "fd00:7::/64", vlan=100, isDefaultGateway=True)
    r = node.add(conf, container)
    assert node.addresses("cni0.100") == ["10.7.0.1/24", "fd00:7::1/64"]
    assert container.ping("10.7.0.1") and container.ping("fd00:7::1")
    node.check(conf, container, prev=r)


@case("vlan:existing-bridge")
def test_existing_bridge(node, container):
    """A bridge that does not filter VLANs begins to, and containers without a VLAN still reach each other"""
    first, second = node.container("first"), node.container("second")
    node.add(l3(node), first)
    node.add(l3(node), second)
    assert node.link("cni0")["linkinfo"]["info_data"]["vlan_filtering"] == 0
    node.add(l3(node, vlan=100), container)
    assert node.link("cni0")["linkinfo"]["info_data"]["vlan_filtering"] == 1
    assert first.ping("10.7.0.3") and not first.ping("10.7.0.4", wait=1)


@case("vlan:frames")
def test_tagged_frames(node):
    """A trunk port gets frames of its VLANs with the tag, an access port without"""
    access, trunk, other = node.container("access"), node.container("trunk"), node.container("other")
    node.add(conf_of(node, vlan=100), access)
    node.add(conf_of(node, vlanTrunk=[{"id": 100}]), trunk)
    node.add(conf_of(node, vlanTrunk=[{"id": 200}]), other)
    ear = Ear(access)
    for c, vid in (trunk, 100), (other, 200):
        c.run("ip", "link", "add", "link", "eth0", "name", f"v{vid}", "type", "vlan", "id", vid)
        c.run("ip", "link", "set", f"v{vid}", "up")
    send_frame(other, "of another", ifname="v200")
    send_frame(trunk, "untagged")
    send_frame(trunk, "tagged", ifname="v100")
    send_frame(trunk, "last", ifname="v100")
    assert ear.texts == ["tagged"]


BROKEN = {
    "access removed": (["bridge vlan del dev {port} vid 100"], ["bridge vlan add dev {port} vid 100 pvid untagged"], "100"),
    "no longer untagged": (["bridge vlan add dev {port} vid 100"], ["bridge vlan add dev {port} vid 100 pvid untagged"], "100"),
    "trunk cut": (["bridge vlan del dev {port} vid 11"], ["bridge vlan add dev {port} vid 11"], "10"),
    "VLAN too many": (["bridge vlan add dev {port} vid 200"], ["bridge vlan del dev {port} vid 200"], "VLAN 200"),
    "trunk too long": (["bridge vlan add dev {port} vid 13"], ["bridge vlan del dev {port} vid 13"], "VLAN 1"),
    "gateway down": (["ip link set cni0.100 down"], ["ip link set cni0.100 up"], "cni0.100"),
    "gateway's port down": (["ip link set {gateway} down"], ["ip link set {gateway} up"], "{gateway}"),
    "gateway's port released": (["ip link set {gateway} nomaster"],
                                ["ip link set {gateway} master cni0", "bridge vlan del dev {gateway} vid 1",
                                 "bridge vlan add dev {gateway} vid 100 pvid untagged"], "{gateway}"),
    "gateway's port in no VLAN": (["bridge vlan del dev {gateway} vid 100"],
                                  ["bridge vlan add dev {gateway} vid 100 pvid untagged"], "100"),
    "gateway's port in another VLAN": (["bridge vlan add dev {gateway} vid 7"], ["bridge vlan del dev {gateway} vid 7"], "VLAN 7"),
    "filtering off": (["ip link set cni0 type bridge vlan_filtering 0"], ["ip link set cni0 type bridge vlan_filtering 1"], "cni0"),
    "gateway gone": (["ip addr del 10.7.0.1/24 dev cni0.100"], ["ip addr add 10.7.0.1/24 dev cni0.100"], "10.7.0.1/24"),
}


@case("vlan:check")
@pytest.mark.parametrize("what", BROKEN)
def test_check(node, container, what):
    """CHECK finds VLANs that are missing, filtering that is off, a gateway that is gone; repaired it is content"""
    how, repair, words = BROKEN[what]
    conf = l3(node, vlan=100, vlanTrunk=[{"minID": 10, "maxID": 12}], isDefaultGateway=True)
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    names = {"port": port_of(node, r), "gateway": node.link("cni0.100")["link"]}
    for command in how:
        node.run(*command.format(**names).split())
    assert words.format(**names) in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]
    for command in repair:
        node.run(*command.format(**names).split())
    assert node.until(lambda: node.plugin("CHECK", {**conf, "prevResult": r}, container).ok)
    node.check(conf, container, prev=r)


# What an ADD that was stopped between two steps has left of the VLAN's gateway.
HALF = {
    "not in its VLAN": ["ip link add half0 up master cni0 type veth peer name cni0.100"],
    "in no VLAN": ["ip link add half0 up master cni0 type veth peer name cni0.100", "bridge vlan del dev half0 vid 1"],
    "down": ["ip link add half0 master cni0 type veth peer name cni0.100"],
    "no port": ["ip link add half0 type veth peer name cni0.100"],
}


@case("vlan:half-gateway")
@pytest.mark.parametrize("how", HALF)
def test_gateway_half_made(node, container, how):
    """A gateway interface that was left half made is completed by the next ADD"""
    node.run(*"ip link add cni0 up type bridge vlan_filtering 1".split())
    for command in HALF[how]:
        node.run(*command.split())
    conf = l3(node, vlan=100, isDefaultGateway=True)
    r = node.add(conf, container)
    assert vlans(node, "half0") == {100: ACCESS} and container.ping("10.7.0.1")
    node.check(conf, container, prev=r)


@case("vlan:gateway-elsewhere")
def test_gateway_of_another_bridge(node, container):
    """A gateway interface that leads to another bridge is refused"""
    for command in ("ip link add other up type bridge", "ip link add half0 up master other type veth peer name cni0.100"):
        node.run(*command.split())
    assert "half0" in node.refuses("ADD", l3(node, vlan=100, isDefaultGateway=True), container)["msg"]


@case("vlan:failed-add")
def test_failed_add(node, container):
    """An ADD that fails on a VLAN network leaves nothing"""
    conf = l3(node, vlan=100, isDefaultGateway=True)
    node.add(conf, node.container("first"))
    container.ip("link", "add", "eth0", "type", "bridge")
    before = state(node, container, advice=False)
    node.refuses("ADD", conf, container)
    assert changed(before, state(node, container, advice=False)) == []


@case("vlan:long-name")
def test_name_that_does_not_fit(node, container):
    """A gateway interface whose name would be too long is refused before anything is made"""
    error = node.refuses("ADD", l3(node, bridge="abcdefghijkl", vlan=100, isGateway=True), container, code=7)
    assert "abcdefghijkl.100" in error["msg"] and node.link("abcdefghijkl") is None
