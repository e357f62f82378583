# SPDX-License-Identifier: Apache-2.0
"""macvlan, with the end of a cable as its master."""

import pytest

from lib.case import case, rootless
from system import endpoints
from system.endpoints import DAMAGE, DELETING, FAILING, INVALID_COMMON, INVALID_STACKED, MACVLAN, VERSIONS
from system.world import changed, outside, state

pytestmark = rootless


def conf_of(node, **more):
    return MACVLAN.conf(node, **more)


@case("macvlan:life")
def test_life(node):
    """Two containers reach each other and a host outside in both families; after DEL the node is as before"""
    endpoints.life(node, MACVLAN)


@case("macvlan:version")
@pytest.mark.parametrize("version", VERSIONS)
def test_versions(node, version):
    """Every version of the specification, with a result in its shape"""
    endpoints.spoken(node, MACVLAN, version)


@case("macvlan:l2")
def test_without_addresses(node, container):
    """Without IPAM the interface is up and has no address; the result has nothing but it and DNS"""
    outside(node)
    r = node.add({"type": "macvlan", "master": "up0", "dns": {"domain": "example.org"}}, container)
    assert r == {"cniVersion": "1.1.0", "dns": {"domain": "example.org"}, "interfaces": [
        {"mac": container.mac("eth0"), "name": "eth0", "sandbox": container.path}]}
    assert "UP" in container.link("eth0")["flags"] and container.addresses("eth0") == []
    node.check({"type": "macvlan", "master": "up0"}, container, prev=r)
    node.delete({"type": "macvlan", "master": "up0"}, container, prev=r)
    assert container.link("eth0") is None


@case("macvlan:l2-old")
def test_without_addresses_in_an_old_version(node, container):
    """A version whose results cannot say so refuses, and nothing is left"""
    outside(node)
    before = state(node, container)
    node.refuses("ADD", {"cniVersion": "0.2.0", "type": "macvlan", "master": "up0"}, container)
    assert changed(before, state(node, container)) == []


# mode: (does another container answer, does a host outside)
MODES = {"": (True, True), "bridge": (True, True), "private": (False, True), "vepa": (False, True)}


@case("macvlan:mode")
@pytest.mark.parametrize("mode", MODES)
def test_modes(node, mode):
    """The mode decides whether containers of one master reach each other; CHECK knows it"""
    far = outside(node)
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mode=mode)
    r = node.add(conf, a)
    node.add(conf, b)
    near, away = MODES[mode]
    assert a.link("eth0")["linkinfo"]["info_data"]["mode"] == (mode or "bridge")
    assert a.ping("192.0.2.101", wait=1) == near and a.ping("192.0.2.9") == away and far.ping("192.0.2.101")
    node.check(conf, a, prev=r)
    other = "vepa" if mode == "private" else "private"
    error = node.refuses("CHECK", {**conf, "mode": other, "prevResult": r}, a)
    assert f"mode {mode or 'bridge'} does not match expected value: {other}" in error["msg"]


@case("macvlan:passthru")
def test_passthru(node):
    """passthru takes the master's MAC and the whole master: a second one is refused and leaves nothing"""
    outside(node)
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mode="passthru")
    r = node.add(conf, a)
    assert r["interfaces"][0]["mac"] == node.mac("up0") == a.mac("eth0")
    assert a.ping("192.0.2.9")
    node.check(conf, a, prev=r)
    before = state(node, a, b)
    assert "up0" in node.refuses("ADD", conf, b)["msg"]
    assert changed(before, state(node, a, b)) == []
    node.delete(conf, a)
    node.add(conf, b)


@case("macvlan:mtu")
def test_mtu(node):
    """mtu up to the master's; none is the master's; CHECK allows the one that tuning sets later"""
    outside(node)
    node.ip("link", "set", "up0", "mtu", "1450")
    a, b = node.container("a"), node.container("b")
    conf = conf_of(node, mtu=1400)
    r = node.add(conf, a)
    node.add(conf_of(node), b)
    assert a.link("eth0")["mtu"] == 1400 and b.link("eth0")["mtu"] == 1450
    node.check(conf, a, prev=r)
    a.ip("link", "set", "eth0", "mtu", "1300")
    node.check(conf, a, prev=r)
    error = node.refuses("ADD", conf_of(node, mtu=1451), node.container("c"), code=7)
    assert "invalid MTU 1451, must be [0, master MTU(1450)]" in error["msg"]
    node.add(conf_of(node, mtu=1450), node.container("d"))


CONF, ARGS, RUNTIME = "02:11:11:11:11:11", "02:22:22:22:22:22", "02:33:33:33:33:33"
MACS = {
    "configuration": ({"mac": CONF}, None, CONF),
    "dashes": ({"mac": "02-11-11-11-11-11"}, None, CONF),
    "CNI_ARGS": ({}, f"MAC={ARGS}", ARGS),
    "CNI_ARGS over configuration": ({"mac": CONF}, f"IgnoreUnknown=1;MAC={ARGS};K8S_POD_NAME=x", ARGS),
    "CNI_ARGS without": ({"mac": CONF}, "IgnoreUnknown=true;X=y", CONF),
    "runtimeConfig": ({"runtimeConfig": {"mac": RUNTIME}}, None, RUNTIME),
    "runtimeConfig over all": ({"mac": CONF, "runtimeConfig": {"mac": RUNTIME}}, f"MAC={ARGS}", RUNTIME),
    "runtimeConfig empty": ({"mac": CONF, "runtimeConfig": {"mac": ""}}, None, CONF),
}


@case("macvlan:mac")
@pytest.mark.parametrize("what", MACS)
def test_mac(node, container, what):
    """The MAC comes from the configuration, CNI_ARGS or runtimeConfig, the last being the strongest"""
    more, args, wanted = MACS[what]
    outside(node)
    conf = {"type": "macvlan", "master": "up0", **more}
    r = node.add(conf, container, args=args)
    assert r["interfaces"][0]["mac"] == wanted == container.mac("eth0")
    node.check(conf, container, prev=r, args=args)
    container.ip("link", "set", "eth0", "address", "02:44:44:44:44:44")
    assert "Mac" in node.refuses("CHECK", {**conf, "prevResult": r}, container, args=args)["msg"]


@case("macvlan:bcqueuelen")
def test_queue(node, container):
    """bcqueuelen is the length of the queue for broadcasts"""
    outside(node)
    node.add(conf_of(node, bcqueuelen=200), container)
    assert container.link("eth0")["linkinfo"]["info_data"]["bcqueuelen"] == 200


@case("macvlan:default-master")
def test_default_master(node):
    """Without a master it is the interface of the default route; without that ADD is refused"""
    endpoints.by_route(node, MACVLAN)


@case("macvlan:status-default")
def test_status_without_master(node):
    """STATUS without a master wants a default route, and a master that allows the MTU"""
    conf = conf_of(node)
    del conf["master"]
    outside(node)
    assert "no default route interface found" in node.refuses("STATUS", conf, code=50)["msg"]
    node.status({**conf, "linkInContainer": True})
    node.ip("route", "add", "default", "via", "192.0.2.9")
    node.status(conf)
    error = node.refuses("STATUS", {**conf, "mtu": 1501}, code=50)
    assert "invalid MTU 1501, must be [0, master MTU(1500)]" in error["msg"]


@case("macvlan:in-container")
def test_in_container(node):
    """linkInContainer: the master is an interface of the container"""
    endpoints.inside(node, MACVLAN)


@case("macvlan:in-container-default")
def test_default_master_in_container(node):
    """linkInContainer without a master: the container's default route names it"""
    container, far = node.container(), node.container("far")
    endpoints.connect_inside(container, far)
    conf = {"type": "macvlan", "linkInContainer": True}
    assert "no default route interface found" in node.refuses("ADD", conf, container)["msg"]
    container.ip("addr", "add", "198.51.100.1/24", "dev", "net0")
    container.ip("route", "add", "default", "via", "198.51.100.9")
    r = node.add(conf, container)
    assert container.link("eth0")["link"] == "net0"
    node.check(conf, container, prev=r)


@case("macvlan:chain")
def test_chain(node, container):
    """In a chain it answers with its own interface alone, as the reference does"""
    outside(node)
    first = {"cniVersion": "1.1.0", "interfaces": [{"name": "x0"}], "ips": [{"address": "10.1.0.5/24"}]}
    r = node.add(conf_of(node, prevResult=first), container)
    assert r == endpoints.expected(MACVLAN, container)


@case("macvlan:namesake")
def test_namesake(node):
    """A node that has an interface of the container's name is no obstacle"""
    endpoints.namesake(node, MACVLAN)


@case("macvlan:dns")
def test_dns(node):
    """DNS of the configuration, else that of IPAM"""
    endpoints.names(node, MACVLAN)


@case("macvlan:enabledad")
def test_duplicates(node):
    """enabledad finds out that somebody has the address; without it nobody asks"""
    endpoints.probed(node, MACVLAN)


@case("macvlan:announce")
def test_announce(node):
    """A neighbour with an old MAC in its table knows the new one at once"""
    endpoints.heard(node, MACVLAN)


@case("macvlan:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, what):
    """CHECK names what is not as ADD made it"""
    endpoints.damaged(node, MACVLAN, what)


@case("macvlan:check-prev")
def test_check_wants_a_result(node):
    """CHECK without prevResult, with another namespace's, with another MAC"""
    endpoints.without_result(node, MACVLAN)


@case("macvlan:check-master")
def test_check_master(node):
    """CHECK sees that the master is another, and that it is gone"""
    endpoints.moved(node, MACVLAN)


@case("macvlan:del")
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
@pytest.mark.parametrize("how", DELETING)
def test_del(node, how, prev):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.deleting(node, MACVLAN, how, prev)


@case("macvlan:failing")
@pytest.mark.parametrize("how", FAILING)
def test_failing(node, how):
    """A failed ADD leaves nothing"""
    endpoints.failing(node, MACVLAN, how)


@case("macvlan:repeated")
def test_repeated(node):
    """An ADD of what is there is refused, and the attachment lives on"""
    endpoints.repeated(node, MACVLAN)


@case("macvlan:killed")
def test_killed(node):
    """DEL removes what a killed ADD has left under a temporary name"""
    def make(n, c, name):
        n.ip("link", "add", "link", "up0", "name", name, "netns", c.name, "type", "macvlan")
    endpoints.killed(node, MACVLAN, make)


@case("macvlan:gc")
def test_gc(node):
    """GC releases the leases of who is no more"""
    endpoints.collected(node, MACVLAN)


@case("macvlan:status")
def test_status(node):
    """STATUS is code 50 with the master's name when it is missing; IPAM's word counts"""
    endpoints.status(node, MACVLAN)


INVALID = {
    **INVALID_STACKED, **INVALID_COMMON,
    "ipam type path": ({"ipam": {"type": "../x"}}, None, ["../x"]),
    "runtimeConfig number": ({"runtimeConfig": 5}, 6, ["runtimeConfig"]),
    "mode unknown": ({"mode": "bridged"}, 7, ["unknown macvlan mode", "bridged", "private"]),
    "mode case": ({"mode": "Bridge"}, 7, ["unknown macvlan mode", "Bridge"]),
    "mode number": ({"mode": 1}, 6, ["mode", "string"]),
    "mac number": ({"mac": 5}, 6, ["mac", "string"]),
    "mac short": ({"mac": "02:11:11"}, 7, ["02:11:11"]),
    "mac long": ({"mac": "02:11:11:11:11:11:11:11"}, 7, ["02:11:11:11:11:11:11:11"]),
    "mac multicast": ({"mac": "01:00:5e:00:00:01"}, 7, ["01:00:5e:00:00:01"]),
    "mac zero": ({"mac": "00:00:00:00:00:00"}, 7, ["00:00:00:00:00:00"]),
    "runtimeConfig mac": ({"runtimeConfig": {"mac": "x"}}, 7, ["MAC", "x"]),
    "runtimeConfig mac number": ({"runtimeConfig": {"mac": 7}}, 6, ["runtimeConfig", "mac"]),
    "bcqueuelen text": ({"bcqueuelen": "9"}, 6, ["bcqueuelen", "string"]),
    "bcqueuelen negative": ({"bcqueuelen": -1}, 6, ["bcqueuelen"]),
    "bcqueuelen huge": ({"bcqueuelen": 4294967296}, 6, ["bcqueuelen"]),
    "mtu above the master's": ({"mtu": 1501}, 7, ["invalid MTU 1501, must be [0, master MTU(1500)]"]),
}
ARGUMENTS = {"MAC": ("MAC=zz", 7, ["zz"]), "unknown": ("FOO=1", None, ["unknown args"]),
             "malformed": ("MAC", None, ["MAC"])}


@case("macvlan:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with key, value and the right code, and nothing has happened"""
    endpoints.invalid(node, MACVLAN, *INVALID[what])


@case("macvlan:invalid-args")
@pytest.mark.parametrize("what", ARGUMENTS)
def test_invalid_arguments(node, what):
    """The same of CNI_ARGS"""
    args, code, words = ARGUMENTS[what]
    endpoints.invalid(node, MACVLAN, {}, code, words, args=args)
