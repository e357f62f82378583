# SPDX-License-Identifier: Apache-2.0
"""tap: a persistent TAP interface in the container, with somebody behind it."""

import pathlib
import subprocess

import pytest

from lib.case import case
from system import endpoints
from system.endpoints import DAMAGE, DELETING, FAILING, INVALID_COMMON, VERSIONS, Silent
from system.world import changed, state

TAP = Silent("tun", v4="10.7.0", v6="fd00:7::", type="tap")
ECHO = pathlib.Path(__file__).with_name("tapecho.py")
MULTI_QUEUE = 0x100
MAC = "02:11:22:33:44:55"


def behind(container, address, flags=0, **kw):
    p = container.spawn("/usr/bin/python3", ECHO, "eth0", address, str(flags), stdout=subprocess.PIPE, text=True, **kw)
    return p.stdout.readline() == "ready\n"


def about(container, ifname="eth0"):
    return container.link(ifname)["linkinfo"]["info_data"]


@case("tap:life")
def test_life(node):
    """ADD, CHECK and DEL of two containers; the result and the node are as they should be"""
    endpoints.life(node, TAP)


@case("tap:packets")
@pytest.mark.parametrize("more, flags", [({}, 0), ({"multiQueue": True}, MULTI_QUEUE), ({"owner": 0, "group": 0}, 0)], ids=str)
def test_packets(node, container, more, flags):
    """Who opens the interface answers the container's pings"""
    node.add(TAP.conf(node, **more), container)
    assert behind(container, "10.7.0.1", flags)
    assert container.until(lambda: container.ping("10.7.0.1"))


@case("tap:persistent")
def test_persistent(node, container):
    """The interface stays when nobody has it open, and when somebody closes it"""
    node.add({"type": "tap"}, container)
    assert behind(container, "10.7.0.1")
    container._spawned[-1].kill()
    container._spawned[-1].wait()
    assert about(container)["persist"] and about(container)["type"] == "tap"


@case("tap:version")
@pytest.mark.parametrize("version", VERSIONS)
def test_versions(node, version):
    """Every version of the specification, with a result in its shape"""
    endpoints.spoken(node, TAP, version)


KEYS = {
    "none": ({}, lambda c: "user" not in about(c) and "group" not in about(c) and not about(c)["multi_queue"]),
    "owner": ({"owner": 12345}, lambda c: str(about(c)["user"]) == "12345" and "group" not in about(c)),
    "group": ({"group": 12345}, lambda c: str(about(c)["group"]) == "12345" and "user" not in about(c)),
    "owner 0": ({"owner": 0}, lambda c: about(c)["user"] == "root"),
    "owner last": ({"owner": 4294967294}, lambda c: str(about(c)["user"]) in ("4294967294", "nobody")),
    "multiQueue": ({"multiQueue": True}, lambda c: about(c)["multi_queue"]),
    "mtu": ({"mtu": 9000}, lambda c: c.link("eth0")["mtu"] == 9000),
    "mtu least": ({"mtu": 68}, lambda c: c.link("eth0")["mtu"] == 68),
    "mtu most": ({"mtu": 65521}, lambda c: c.link("eth0")["mtu"] == 65521),
    "mac": ({"mac": MAC}, lambda c: c.mac("eth0") == MAC),
    "everything": ({"owner": 12345, "group": 23456, "multiQueue": True, "mtu": 1400, "mac": MAC},
                   lambda c: c.link("eth0")["mtu"] == 1400 and c.mac("eth0") == MAC and str(about(c)["user"]) == "12345"
                   and str(about(c)["group"]) == "23456" and about(c)["multi_queue"]),
}


@case("tap:key")
@pytest.mark.parametrize("what", KEYS)
def test_keys(node, container, what):
    """Each key does what it says, whatever the others are; CHECK is content"""
    more, holds = KEYS[what]
    conf = {"type": "tap", **more}
    r = node.add(conf, container)
    assert holds(container), container.link("eth0")
    assert r == {"cniVersion": "1.1.0", "interfaces": [{"mac": container.mac("eth0"), "name": "eth0", "sandbox": container.path}]}
    assert "UP" in container.link("eth0")["flags"]
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    assert sorted(container.links()) == ["lo"]


CONF, ARGS, RUNTIME = "02:11:11:11:11:11", "02:22:22:22:22:22", "02:33:33:33:33:33"
MACS = {
    "configuration": ({"mac": CONF}, None, CONF), "dashes": ({"mac": "02-11-11-11-11-11"}, None, CONF),
    "CNI_ARGS": ({}, f"MAC={ARGS}", ARGS), "CNI_ARGS over configuration": ({"mac": CONF}, f"IgnoreUnknown=1;MAC={ARGS};X=y", ARGS),
    "runtimeConfig": ({"runtimeConfig": {"mac": RUNTIME}}, None, RUNTIME),
    "runtimeConfig over all": ({"mac": CONF, "runtimeConfig": {"mac": RUNTIME}}, f"MAC={ARGS}", RUNTIME),
    "runtimeConfig empty": ({"mac": CONF, "runtimeConfig": {"mac": ""}}, None, CONF),
}


@case("tap:mac")
@pytest.mark.parametrize("owned", [{}, {"owner": 7, "group": 7}], ids=["", "owned"])
@pytest.mark.parametrize("what", MACS)
def test_mac(node, container, what, owned):
    """The MAC comes from the configuration, CNI_ARGS or runtimeConfig, the last being the strongest"""
    more, args, wanted = MACS[what]
    r = node.add({"type": "tap", **more, **owned}, container, args=args)
    assert r["interfaces"][0]["mac"] == wanted == container.mac("eth0")


@case("tap:bridge")
def test_bridge(node, container):
    """It becomes a port of a bridge of the container, and CHECK knows it"""
    conf = {"type": "tap", "bridge": "br0"}
    before = state(node, container)
    assert "br0" in node.refuses("ADD", conf, container)["msg"]
    container.ip("link", "add", "br0", "type", "veth", "peer", "name", "x0")
    assert "not a bridge" in node.refuses("ADD", conf, container)["msg"]
    container.ip("link", "del", "br0")
    assert changed(before, state(node, container)) == []
    container.ip("link", "add", "br0", "type", "bridge")
    container.ip("addr", "add", "10.7.0.5/24", "dev", "br0")
    container.ip("link", "set", "br0", "up")
    r = node.add(conf, container)
    assert container.link("eth0")["master"] == "br0"
    assert behind(container, "10.7.0.1") and container.until(lambda: container.ping("10.7.0.1"))
    node.check(conf, container, prev=r)
    container.ip("link", "set", "eth0", "nomaster")
    assert "not a port of bridge br0" in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]
    node.delete(conf, container, prev=r)
    assert sorted(container.links()) == ["br0", "lo"]


@case("tap:selinux")
def test_selinux(node, container):
    """Where SELinux is absent, a context is refused and says so, by ADD and by STATUS; nothing is left"""
    if pathlib.Path("/sys/fs/selinux/status").exists():
        pytest.skip("SELinux is enabled here")
    conf = {"type": "tap", "selinuxContext": "system_u:system_r:container_t:s0"}
    before = state(node, container)
    error = node.refuses("ADD", conf, container)
    assert "failed set socket label" in error["msg"] and "SELinux is not enabled" in error["msg"]
    assert "SELinux is not enabled" in node.refuses("STATUS", conf, code=50)["msg"]
    assert changed(before, state(node, container)) == []


@case("tap:namesake")
def test_namesake(node, container):
    """A node that has an interface of the container's name, even a tap, is no obstacle"""
    node.run("ip", "tuntap", "add", "mode", "tap", "name", "eth0")
    node.add({"type": "tap"}, container)
    node.delete({"type": "tap"}, container)
    assert node.link("eth0") and container.link("eth0") is None


@case("tap:name-taken")
def test_name_taken(node, container):
    """A tap of that name is not taken over: ADD is refused and it stays as it was"""
    container.run("ip", "tuntap", "add", "mode", "tap", "name", "eth0", "user", "12345")
    before = state(node, container)
    assert "eth0" in node.refuses("ADD", {"type": "tap", "mac": MAC}, container)["msg"]
    assert changed(before, state(node, container)) == [] and str(about(container)["user"]) == "12345"


@case("tap:dns")
def test_dns(node):
    """DNS of the configuration, else that of IPAM"""
    endpoints.names(node, TAP)


OTHER = {
    "owner": {"owner": 1}, "no owner": {"owner": None}, "group": {"group": 1}, "no group": {"group": None}, "queues": {"multiQueue": False},
    "bridge": {"bridge": "br0"},
}


@case("tap:check-mtu")
def test_check_mtu(node, container):
    """CHECK allows the MTU that tuning sets later"""
    conf = {"type": "tap", "mtu": 1400}
    r = node.add(conf, container)
    container.ip("link", "set", "eth0", "mtu", "1300")
    node.check(conf, container, prev=r)


@case("tap:check-key")
@pytest.mark.parametrize("what", OTHER)
def test_check_keys(node, container, what):
    """CHECK names what is not as the configuration says"""
    conf = {"type": "tap", "owner": 7, "group": 8, "multiQueue": True, "mtu": 1400}
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    word = what.split()[-1]
    assert word in node.refuses("CHECK", {**conf, **OTHER[what], "prevResult": r}, container)["msg"].lower()


@case("tap:check-kind")
def test_check_kind(node, container):
    """CHECK tells tap from tun, and a persistent interface from one that is not"""
    conf = {"type": "tap"}
    r = node.add(conf, container)
    container.ip("link", "del", "eth0")
    container.run("ip", "tuntap", "add", "mode", "tun", "name", "eth0")
    container.ip("link", "set", "eth0", "up")
    del r["interfaces"][0]["mac"]
    assert "tun interface" in node.refuses("CHECK", {**conf, "prevResult": r}, container)["msg"]


@case("tap:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, what):
    """CHECK names what is not as ADD made it"""
    endpoints.damaged(node, TAP, what)


@case("tap:check-prev")
def test_check_wants_a_result(node):
    """CHECK without prevResult, with another namespace's, with another MAC"""
    endpoints.without_result(node, TAP)


@case("tap:del")
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
@pytest.mark.parametrize("how", [h for h in DELETING if "master" not in h])
def test_del(node, how, prev):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.deleting(node, TAP, how, prev)


@case("tap:failing")
@pytest.mark.parametrize("how", FAILING)
def test_failing(node, how):
    """A failed ADD leaves nothing"""
    endpoints.failing(node, TAP, how)


@case("tap:repeated")
def test_repeated(node):
    """An ADD of what is there is refused, and the attachment lives on"""
    endpoints.repeated(node, TAP)


@case("tap:gc")
def test_gc(node):
    """GC releases the leases of who is no more"""
    endpoints.collected(node, TAP)


@case("tap:status")
def test_status(node):
    """STATUS asks IPAM"""
    node.status({"type": "tap", "multiQueue": True})
    endpoints.status(node, TAP)


INVALID = {
    **INVALID_COMMON,
    "mtu text": ({"mtu": "1500"}, 6, ["mtu", "string"]), "mtu fraction": ({"mtu": 1500.5}, 6, ["mtu"]),
    "mtu negative": ({"mtu": -1}, 7, ["invalid mtu -1", "68", "65521"]), "mtu small": ({"mtu": 67}, 7, ["invalid mtu 67", "68"]),
    "mtu large": ({"mtu": 65522}, 7, ["invalid mtu 65522", "65521"]), "mtu huge": ({"mtu": 4294967296}, 6, ["mtu"]),
    "multiQueue text": ({"multiQueue": "yes"}, 6, ["multiQueue", "string"]), "multiQueue number": ({"multiQueue": 1}, 6, ["multiQueue"]),
    "owner text": ({"owner": "root"}, 6, ["owner", "string"]), "owner negative": ({"owner": -1}, 6, ["owner"]),
    "owner fraction": ({"owner": 1.5}, 6, ["owner"]), "owner huge": ({"owner": 4294967296}, 6, ["owner"]),
    "owner nobody": ({"owner": 4294967295}, 7, ["invalid owner 4294967295", "4294967294"]),
    "group text": ({"group": "lp"}, 6, ["group", "string"]), "group negative": ({"group": -1}, 6, ["group"]),
    "group nobody": ({"group": 4294967295}, 7, ["invalid group 4294967295", "4294967294"]),
    "mac number": ({"mac": 5}, 6, ["mac", "number"]), "mac": ({"mac": "nonsense"}, 7, ["mac", "nonsense"]),
    "mac short": ({"mac": "02:11:11"}, 7, ["02:11:11"]), "mac multicast": ({"mac": "01:00:5e:00:00:01"}, 7, ["01:00:5e:00:00:01"]),
    "mac zero": ({"mac": "00:00:00:00:00:00"}, 7, ["00:00:00:00:00:00"]),
    "runtimeConfig mac": ({"runtimeConfig": {"mac": "x"}}, 7, ["mac", "x"]), "runtimeConfig mac number": ({"runtimeConfig": {"mac": 7}}, 6, ["mac"]),
    "bridge number": ({"bridge": 5}, 6, ["bridge", "number"]), "bridge long": ({"bridge": "x" * 16}, 7, ["bridge", "x" * 16]),
    "bridge slash": ({"bridge": "a/b"}, 7, ["bridge", "a/b"]), "bridge absent": ({"bridge": "br0"}, 999, ["br0", "No such device"]),
    "selinuxContext number": ({"selinuxContext": 5}, 6, ["selinuxContext", "number"]),
    "enabledad text": ({"enabledad": "no"}, 6, ["enabledad", "string"]),
}
ARGUMENTS = {"MAC": ("MAC=zz", 7, ["zz"]), "unknown": ("FOO=1", None, ["unknown args"]), "malformed": ("MAC", None, ["MAC"])}


@case("tap:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    endpoints.invalid(node, TAP, *INVALID[what])


@case("tap:invalid-args")
@pytest.mark.parametrize("what", ARGUMENTS)
def test_invalid_arguments(node, what):
    """The same of CNI_ARGS"""
    args, code, words = ARGUMENTS[what]
    endpoints.invalid(node, TAP, {}, code, words, args=args)
