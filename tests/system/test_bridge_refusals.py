# SPDX-License-Identifier: Apache-2.0
"""What bridge refuses: with one sentence and the right code, and nothing on the host changes."""

import pytest

from lib.case import case, rootless
from system.world import changed, state

pytestmark = rootless
INVALID = {
    "vlan 4095": ({"vlan": 4095}, 7, "invalid VLAN ID 4095 (must be between 0 and 4094)"),
    "vlan -1": ({"vlan": -1}, 7, "invalid VLAN ID -1"),
    "trunk min 0": ({"vlanTrunk": [{"minID": 0, "maxID": 5}]}, 7, "incorrect trunk minID parameter"),
    "trunk max 4095": ({"vlanTrunk": [{"minID": 1, "maxID": 4095}]}, 7, "incorrect trunk maxID parameter"),
    "trunk order": ({"vlanTrunk": [{"minID": 9, "maxID": 5}]}, 7, "minID is greater than maxID in trunk parameter"),
    "trunk id": ({"vlanTrunk": [{"id": 4095}]}, 7, "incorrect trunk id parameter"),
    "trunk no min": ({"vlanTrunk": [{"maxID": 5}]}, 7, "minID is missing"),
    "trunk no max": ({"vlanTrunk": [{"minID": 5}]}, 7, "maxID is missing"),
    "hairpin and promiscuous": ({"hairpinMode": True, "promiscMode": True}, 7,
                                "cannot set hairpin mode and promiscuous mode at the same time"),
    "IPAM and no interface": ({"disableContainerInterface": True}, 7,
                              "cannot use IPAM when DisableContainerInterface flag is set"),
    "masquerade backend": ({"ipMasq": True, "ipMasqBackend": "pf"}, 7, 'unknown ipmasq backend "pf"'),
    "MAC": ({"runtimeConfig": {"mac": "0a:58"}}, 7, "0a:58"),
    "MAC of a group": ({"runtimeConfig": {"mac": "01:00:5e:00:00:01"}}, None, "0"),
    "bridge name": ({"bridge": "a-name-far-too-long"}, 7, "a-name-far-too-long"),
    "bridge name with a slash": ({"bridge": "a/b"}, 7, "a/b"),
    "bridge a number": ({"bridge": 5}, 6, "bridge"),
    "isGateway a string": ({"isGateway": "yes"}, 6, "isGateway"),
    "mtu a fraction": ({"mtu": 1500.5}, 6, "mtu"),
    "vlanTrunk an object": ({"vlanTrunk": {}}, 6, "vlanTrunk"),
    "trunk with a string": ({"vlanTrunk": [{"id": "5"}]}, 6, "vlanTrunk[0]: id"),
    "ipam type": ({"ipam": {"type": "no-such-ipam"}}, None, "no-such-ipam"),
    "ipam type a path": ({"ipam": {"type": "../host-local"}}, None, "../host-local"),
    "ipam range": ({"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.5/24"}]]}}, 7, "10.7.0.0"),
}


@case("bridge:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid_configurations(node, what):
    """A configuration that cannot work is refused before anything is made for the container"""
    more, code, words = INVALID[what]
    conf = {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24"), **more}
    node.add({"type": "bridge", "ipam": node.host_local("10.7.0.0/24")}, node.container("first"))
    container = node.container()
    before = state(node, container)
    error = node.refuses("ADD", conf, container)
    assert code is None or error["code"] == code, error
    text = error["msg"] + error.get("details", "")
    assert words in text and "\n" not in text, text
    assert changed(before, state(node, container)) == []


@case("bridge:invalid-first")
@pytest.mark.parametrize("what", ["vlan 4095", "hairpin and promiscuous", "masquerade backend", "isGateway a string"])
def test_invalid_before_anything_is_made(node, container, what):
    """On a fresh node not even the bridge appears"""
    more, _, _ = INVALID[what]
    before = state(node, container)
    node.refuses("ADD", {"type": "bridge", "ipam": node.host_local("10.7.0.0/24"), **more}, container)
    assert changed(before, state(node, container)) == [] and not node.data.exists()


def taken(node, container):
    container.ip("link", "add", "eth0", "type", "bridge")
    return "eth0"


def bridge_is_veth(node, container):
    node.ip("link", "add", "odd0", "type", "veth", "peer", "name", "odd1")
    return "is not a bridge"


def address_in_use(node, container):
    node.ip("link", "add", "odd0", "type", "bridge")
    node.ip("addr", "add", "192.0.2.1/24", "dev", "odd0")
    node.ip("link", "add", "odd1", "master", "odd0", "type", "veth", "peer", "name", "odd2")
    for name in "odd0", "odd1", "odd2":
        node.ip("link", "set", name, "up")
    return "already has an IP address"


def used_up(node, container):
    for i in range(3, 255):
        (node.data / "testnet" / f"10.7.0.{i}").write_text("x\r\neth0")
    return "no IP addresses available"


def no_route(node, container):
    return "203.0.113.0/24"


FAILING = {
    "interface exists": (taken, {}), "not a bridge": (bridge_is_veth, {"bridge": "odd0"}),
    "address of the bridge": (address_in_use, {"bridge": "odd0"}), "range used up": (used_up, {}),
    "unreachable gateway": (no_route, {"routes": [{"dst": "203.0.113.0/24", "gw": "198.51.100.1"}]}),
}


@case("bridge:failing")
@pytest.mark.parametrize("what", FAILING)
def test_a_failed_add_leaves_nothing(node, container, what):
    """When ADD fails half way, links, addresses, filters, knobs and leases are as before"""
    prepare, more = FAILING[what]
    ipam = node.host_local("10.7.0.0/24")
    conf = {"type": "bridge", "isGateway": True, "ipMasq": True, "macspoofchk": True, "ipam": ipam}
    node.add(conf, node.container("first"))
    conf = {**conf, "ipam": {**ipam, "routes": more.get("routes", [])}, "bridge": more.get("bridge", "cni0")}
    words = prepare(node, container)
    before = state(node, container, advice=False)
    error = node.refuses("ADD", conf, container)
    assert words in error["msg"], error
    assert changed(before, state(node, container, advice=False)) == []


@case("bridge:failing-fresh")
def test_interface_exists_on_a_fresh_node(node, container):
    """An interface that exists is refused before an address is leased, and it stays as it is"""
    container.ip("link", "add", "eth0", "type", "bridge")
    before = container.state()
    node.refuses("ADD", {"type": "bridge", "ipam": node.host_local("10.7.0.0/24")}, container)
    assert container.state() == before and node.leases() == {}


@case("bridge:failing-ipam")
@pytest.mark.parametrize("rc", [0, 1])
def test_ipam_that_answers_nonsense(node, container, rc):
    """When IPAM fails, the pair goes again; when it returns nothing, IPAM is told DEL besides"""
    ipam = node.fake("ipam", result={"cniVersion": "1.1.0"})
    if rc:
        ipam.fails("ADD", 11, "try again", rc=1)
    node.add({"type": "bridge"}, node.container("first"))
    before = state(node, container)
    error = node.refuses("ADD", {"type": "bridge", "ipam": {"type": "ipam"}}, container, code=11 if rc else None)
    assert ("try again" if rc else "missing IP config") in error["msg"]
    assert [c.command for c in ipam.calls] == (["ADD"] if rc else ["ADD", "DEL"]) and changed(before, state(node, container)) == []


@case("bridge:twice")
def test_add_twice(node, container):
    """A second ADD of the same interface is refused; the first attachment goes on working"""
    conf = {"type": "bridge", "isGateway": True, "ipMasq": True, "ipam": node.host_local("10.7.0.0/24")}
    r = node.add(conf, container)
    before = state(node, container)
    assert "eth0" in node.refuses("ADD", conf, container)["msg"]
    assert changed(before, state(node, container)) == []
    node.check(conf, container, prev=r)
    assert container.ping("10.7.0.1")


def twin(node, container):
    """A second namespace for the same container."""
    return node.container("elsewhere", id=container.id)


@case("bridge:repeated-elsewhere")
def test_add_repeated_in_another_namespace(node, container):
    """An attachment repeated in another namespace is refused; lease, masquerade and guard of the first stay"""
    conf = {"type": "bridge", "isGateway": True, "ipMasq": True, "macspoofchk": True,
            "ipam": {"type": "host-local", "dataDir": str(node.data),
                     "ranges": [[{"subnet": "10.7.0.0/29", "rangeStart": "10.7.0.2", "rangeEnd": "10.7.0.3"}]]}}
    r = node.add(conf, container)
    before = state(node, container)
    assert "duplicate" in node.refuses("ADD", conf, twin(node, container))["msg"]
    assert changed(before, state(node, container)) == []
    node.check(conf, container, prev=r)
    other = node.add(conf, node.container("other"))
    assert other["ips"][0]["address"] == "10.7.0.3/29"


@case("bridge:repeated-later-failure")
@pytest.mark.parametrize("how", ["bridge address", "stdout"])
def test_add_repeated_that_fails_late(node, container, how):
    """The same when the repetition fails after its lease and its guard, or cannot tell its result"""
    conf = {"type": "bridge", "isGateway": True, "ipMasq": how != "stdout", "macspoofchk": True,
            "ipam": {"type": "static", "addresses": [{"address": "10.7.0.2/24", "gateway": "10.7.0.1"}]}}
    r = node.add(conf, container)
    before = state(node, container)
    other = twin(node, container)
    if how == "stdout":
        mute = node.bin / "mute"
        mute.write_text(f"#!/bin/sh\nexec {node.bin}/bridge >/dev/full\n")
        mute.chmod(0o755)
        reply = node.plugin("ADD", conf, other, type="mute")
    else:
        late = {**conf, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.2/24", "gateway": "10.7.0.9"}]}}
        reply = node.plugin("ADD", late, other)
    assert not reply.ok and other.link("eth0") is None
    assert changed(before, state(node, container)) == []
    node.check(conf, container, prev=r)
