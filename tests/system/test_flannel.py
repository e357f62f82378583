# SPDX-License-Identifier: Apache-2.0
"""flannel: the node's subnet for another plugin. tests/takeover has the reference's program of release 0.9.0; what later ones
make is written here."""

import json
import os
import pathlib
import stat

import pytest

from lib.case import case
from system.flanneld import DUAL, ENV, Flannel


@pytest.fixture
def flannel(node):
    return Flannel(node)


@case("flannel:life")
def test_life(node, flannel):
    """Addresses of the node's subnets, routes to the cluster's networks, packets, CHECK; DEL leaves nothing"""
    a, b = node.container("a"), node.container("b")
    conf = flannel.conf()
    r = node.add(conf, a)
    rb = node.add(conf, b)
    assert [i["address"] for i in r["ips"]] == ["10.244.1.2/24", "fd00:244:0:1::2/64"]
    assert r["routes"] == [{"dst": "10.244.0.0/16"}, {"dst": "fd00:244::/48"}]
    assert a.route("10.244.0.0/16")["gateway"] == "10.244.1.1" and a.link("eth0")["mtu"] == 1450
    assert a.ping("10.244.1.3") and a.ping("fd00:244:0:1::3") and a.ping("10.244.1.1")
    mode = lambda p: stat.S_IMODE(os.stat(p).st_mode)
    assert sorted(flannel.saved()) == sorted([a.id, b.id]) and mode(flannel.dir) == 0o700 and mode(flannel.dir / a.id) == 0o600
    node.check(conf, a, prev=r)
    node.check(conf, b, prev=rb)
    for _ in "twice":
        assert node.delete(conf, a, prev=r) is None
    node.check(conf, b, prev=rb)
    node.delete(conf, b)
    assert flannel.saved() == {} and node.leases() == {} and a.link("eth0") is None and b.link("eth0") is None


# What the reference builds of a configuration and a file of flanneld: the rules that its documentation and code state.
BASE = {"name": "testnet", "cniVersion": "1.0.0", "type": "echo", "ipMasq": False, "mtu": 1450}
R4, N4 = [[{"subnet": "10.244.1.0/24"}]], [{"dst": "10.244.0.0/16"}]
IPAM = {"type": "host-local", "ranges": R4, "routes": N4}
FULL = {"dst": "10.9.0.0/16", "gw": "10.244.1.7", "mtu": 1400, "advmss": 1360, "priority": 5, "table": 100, "scope": 0}
BUILT = {
    "defaults": ({}, ENV, {**BASE, "ipam": IPAM}),
    "masquerade": ({}, ENV.replace("true", "false"), {**BASE, "ipMasq": True, "ipam": IPAM}),
    "masquerade other": ({}, ENV.replace("true", "TRUE"), {**BASE, "ipMasq": True, "ipam": IPAM}),
    "own keys": ({"delegate": {"ipMasq": True, "mtu": 9000, "x": {"y": [1, None]}}}, ENV,
                 {**BASE, "ipMasq": True, "mtu": 9000, "x": {"y": [1, None]}, "ipam": IPAM}),
    "null keys": ({"delegate": {"mtu": None}}, ENV, {**BASE, "mtu": None, "ipam": IPAM}),
    "isGateway is of bridge": ({"delegate": {"isGateway": False}}, ENV, {**BASE, "isGateway": False, "ipam": IPAM}),
    "ipam type": ({"ipam": {"type": "other", "x": 1}}, ENV, {**BASE, "ipam": {**IPAM, "type": "other", "x": 1}}),
    "ipam routes": ({"ipam": {"routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.7"}]}}, ENV,
                    {**BASE, "ipam": {**IPAM, "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.7"}, *N4]}}),
    "ipam route with all keys": ({"ipam": {"routes": [FULL]}}, ENV, {**BASE, "ipam": {**IPAM, "routes": [FULL, *N4]}}),
    "ipam ranges are replaced": ({"ipam": {"ranges": [[{"subnet": "10.9.0.0/24"}]]}}, ENV, {**BASE, "ipam": IPAM}),
    "runtimeConfig": ({"runtimeConfig": {"mac": "02:00:00:00:00:01"}}, ENV, {**BASE, "runtimeConfig": {"mac": "02:00:00:00:00:01"}, "ipam": IPAM}),
    "own runtimeConfig": ({"delegate": {"runtimeConfig": {"a": 1}}}, ENV, {**BASE, "runtimeConfig": {"a": 1}, "ipam": IPAM}),
    "two networks": ({}, ENV.replace("10.244.0.0/16", "10.244.0.0/16,10.245.3.0/16,10.244.0.0/16"),
                     {**BASE, "ipam": {**IPAM, "routes": [*N4, {"dst": "10.245.0.0/16"}]}}),
    "dual": ({}, DUAL, {**BASE, "ipam": {**IPAM, "ranges": [*R4, [{"subnet": "fd00:244:0:1::/64"}]], "routes": [*N4, {"dst": "fd00:244::/48"}]}}),
    "IPv6": ({}, "FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
             {**BASE, "ipam": {**IPAM, "ranges": [[{"subnet": "fd00:244:0:1::/64"}]], "routes": [{"dst": "fd00:244::/48"}]}}),
    "carriage returns, comments, repeats": ({}, "# x\r\nFLANNEL_MTU=1\r\n" + ENV.replace("\n", "\r\n") + "OTHER\r\n", {**BASE, "ipam": IPAM}),
    "no newline at the end": ({}, ENV.strip(), {**BASE, "ipam": IPAM}),
}


@case("flannel:built")
@pytest.mark.parametrize("what", BUILT)
def test_built(node, container, what):
    """The delegate gets the configuration that the reference builds, and the saved one says besides only its interface"""
    more, env, wanted = BUILT[what]
    fl, fake = Flannel(node, env), node.fake("echo", result={"cniVersion": "1.0.0", "ips": [{"address": "10.244.1.9/24"}]})
    conf = {**fl.conf(), **more, "cniVersion": "1.0.0", "delegate": {"type": "echo", **more.get("delegate", {})}}
    conf["ipam"] = more.get("ipam")
    if conf["ipam"] is None:
        del conf["ipam"]
    node.add(conf, container)
    assert fake.calls[0].conf == wanted
    saved = fl.saved()[container.id]
    assert saved.pop("crimp/ifname") == "eth0" and saved.pop("crimp/containerId") == container.id and saved == wanted
    node.delete(conf, container)
    assert fake.calls[1].conf == wanted and fake.calls[1].env["CNI_COMMAND"] == "DEL" and fl.saved() == {}


@case("flannel:numbers")
def test_numbers(node, container):
    """Numbers reach the delegate as they were written"""
    fl, fake = Flannel(node), node.fake("echo", result={"cniVersion": "1.0.0", "ips": []})
    text = json.dumps({**fl.conf({"type": "echo"}), "cniVersion": "1.0.0", "name": "n"}).replace('"type": "echo"', '"type": "echo", "big": 12345678901234567890, "f": 1.50')
    node.plugin("ADD", text, container, type="flannel").result
    assert '"big":12345678901234567890' in (fl.dir / container.id).read_text() and '"f":1.50' in (fl.dir / container.id).read_text()
    assert fake.calls


@case("flannel:bridge-default")
def test_bridge_default(node, flannel, container):
    """Without delegate it is a bridge that is the gateway"""
    conf = flannel.conf({"ipMasq": False})
    del conf["delegate"]["ipMasq"]
    r = node.add({**conf, "delegate": {"bridge": "br1"}}, container)
    saved = flannel.saved()[container.id]
    assert saved["type"] == "bridge" and saved["isGateway"] is True and node.addresses("br1") == ["10.244.1.1/24", "fd00:244:0:1::1/64"]
    node.delete(conf, container, prev=r)


@case("flannel:several")
def test_several(node, flannel, container):
    """Two interfaces and two networks of one container do not overwrite each other, in whatever order they go"""
    conf, other = flannel.conf(), {**flannel.conf({"bridge": "br2", "ipMasq": False}), "name": "second"}
    first = node.add(conf, container)
    second = node.add(conf, container, "eth1")
    third = node.add(other, container, "eth2")
    assert sorted(flannel.saved()) == sorted([container.id, f"{container.id}-testnet-eth1", f"{container.id}-second-eth2"])
    node.check(conf, container, prev=first)
    node.check(conf, container, "eth1", prev=second)
    node.check(other, container, "eth2", prev=third)
    for _ in "twice":
        node.delete(conf, container, "eth1", prev=second)
    node.check(conf, container, prev=first)
    for _ in "twice":
        node.delete(conf, container)
    assert sorted(flannel.saved()) == [f"{container.id}-second-eth2"]
    node.check(other, container, "eth2", prev=third)
    node.delete(other, container, "eth2")
    assert flannel.saved() == {} and node.leases() == node.leases("second") == {}


@case("flannel:repeated")
@pytest.mark.parametrize("ifname", ["eth0", "eth1"])
def test_repeated(node, flannel, container, ifname):
    """A second ADD fails, and what is saved of the first stays"""
    conf = flannel.conf()
    node.add(conf, container)
    r = node.add(conf, container, "eth1")
    before = flannel.saved()
    assert ifname in node.refuses("ADD", conf, container, ifname)["msg"]
    assert flannel.saved() == before
    node.check(conf, container, "eth1", prev=r)


@case("flannel:failed-add")
def test_failed_add(node, flannel, container):
    """An ADD that fails in the delegate leaves nothing, and keeps the delegate's code"""
    before = node.state()
    error = node.refuses("ADD", flannel.conf({"bridge": "br1", "vlan": 5000}), container)
    assert "VLAN" in error["msg"] and "failed to delegate add" in error["msg"]
    assert flannel.saved() == {} and node.leases() == {} and node.state() == before
    node.fake("echo").fails("ADD", 123, "not today")
    assert node.refuses("ADD", flannel.conf({"type": "echo"}), container, code=123)
    assert flannel.saved() == {}


# ---- files of a later reference ----

def go_file(fl, node, container, version="1.0.0", **more):
    """As the Go plugin writes it: compact, keys sorted, without the interface."""
    conf = {"bridge": "br1", "cniVersion": version, "ipMasq": False, "isGateway": True, "mtu": 1450, "name": "testnet", "type": "bridge",
            "ipam": {"dataDir": str(node.data), "type": "host-local", "ranges": [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:244:0:1::/64"}]],
                     "routes": [{"dst": "10.244.0.0/16"}, {"dst": "fd00:244::/48"}]}, **more}
    fl.dir.mkdir(mode=0o700, exist_ok=True)
    (fl.dir / container.id).write_text(json.dumps(conf, sort_keys=True, separators=(",", ":")))
    (fl.dir / container.id).chmod(0o600)
    return conf


@case("flannel:takeover")
def test_takeover(node, flannel, container):
    """A file of a later reference, with two families and an older version than the call's, is CHECKed and DELeted"""
    r = node.add(go_file(flannel, node, container), container, type="bridge")
    go_file(flannel, node, container, "1.0.0")
    conf = flannel.conf()
    flannel.file.unlink()
    prev = {**r, "cniVersion": "1.1.0"}
    node.check(conf, container, prev=prev)
    node.delete(conf, container, prev=prev)
    assert flannel.saved() == {} and node.leases() == {} and container.link("eth0") is None


HOW = ["alive", "no netns", "path missing", "interface missing", "no subnet.env", "no file", "torn file", "empty file", "no folder", "bridge gone"]


@case("flannel:DEL")
@pytest.mark.parametrize("how", HOW)
def test_del(node, flannel, container, how):
    """DEL releases the lease and its file whatever is gone, and twice"""
    conf = flannel.conf()
    r = node.add(conf, container)
    env, file = {}, flannel.dir / container.id
    if how == "no netns":
        env = {"CNI_NETNS": None}
    if how == "path missing":
        container.close()
    if how == "interface missing":
        container.ip("link", "del", "eth0")
    if how == "no subnet.env":
        flannel.file.unlink()
    if how in ("no file", "no folder"):
        file.unlink()
    if how == "no folder":
        flannel.dir.rmdir()
        flannel.file.unlink()
    if how in ("torn file", "empty file"):
        file.write_text('{"name": "te' if how == "torn file" else "")
    if how == "bridge gone":
        node.ip("link", "del", "br1")
    for _ in "twice":
        node.delete(conf, container, prev=r, env=env)
    assert node.leases() == {} and not file.exists()


@case("flannel:DEL-nothing")
@pytest.mark.parametrize("more", [{}, {"delegate": {"type": "no-such-plugin"}}, {"delegate": 5}, {"delegate": {"name": "x"}}, {"dataDir": 5}], ids=str)
def test_del_of_nothing(node, flannel, container, more):
    """DEL of what was never added succeeds, whatever the configuration"""
    node.delete({**flannel.conf(), **more}, container)
    container.close()
    node.delete({**flannel.conf(), **more}, container)


@case("flannel:DEL-fails")
def test_del_fails(node, flannel, container):
    """When the delegate fails, DEL fails and keeps the file"""
    fake = node.fake("echo", result={"cniVersion": "1.1.0", "ips": []})
    conf = flannel.conf({"type": "echo"})
    node.add(conf, container)
    fake.fails("DEL", 11, "later")
    assert "later" in node.refuses("DEL", conf, container, code=11)["msg"] and flannel.saved()


DAMAGE = {
    "interface": lambda n, f, c: c.ip("link", "del", "eth0"),
    "address": lambda n, f, c: c.ip("addr", "del", "10.244.1.2/24", "dev", "eth0"),
    "route": lambda n, f, c: c.ip("route", "del", "10.244.0.0/16"),
    "lease": lambda n, f, c: (n.data / "testnet/10.244.1.2").unlink() or (n.data / "testnet/fd00:244:0:1::2").unlink(),
    "file": lambda n, f, c: (f.dir / c.id).unlink(),
    "torn": lambda n, f, c: (f.dir / c.id).write_text("{"),
}


@case("flannel:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, flannel, container, what):
    """CHECK asks the delegate, and misses its own file"""
    conf = flannel.conf()
    r = node.add(conf, container)
    node.check(conf, container, prev=r)
    DAMAGE[what](node, flannel, container)
    error = node.refuses("CHECK", {**conf, "prevResult": r}, container)
    assert what not in ("file", "torn") or container.id in error["msg"]


@case("flannel:gc")
@pytest.mark.parametrize("env", [True, False], ids=["subnet.env", "no subnet.env"])
def test_gc(node, flannel, env):
    """GC releases what is of no valid attachment of this network, in the delegate and here"""
    a, b, c, d = (node.container(n) for n in "abcd")
    conf, other = flannel.conf(), {**flannel.conf(), "name": "second"}
    node.add(conf, a)
    node.add(conf, b)
    node.add(conf, b, "eth1")
    node.add(other, c)
    node.add(go_file(flannel, node, d), d, type="bridge")
    assert len(flannel.saved()) == 5
    if not env:
        flannel.file.unlink()
    node.plugin("GC", conf).result
    assert len(flannel.saved()) == 5 and len(node.leases()) == 8
    node.gc(conf, [(a, "eth0"), (b, "eth1"), (d, "eth0")])
    assert sorted(flannel.saved()) == sorted([a.id, f"{b.id}-testnet-eth1", c.id, d.id])
    assert len(node.leases()) == 6 and len(node.leases("second")) == 2
    node.gc(conf, [])
    assert list(flannel.saved()) == [c.id] and node.leases() == {} and len(node.leases("second")) == 2


STATUS = {
    "missing": (None, ["No such file"]),
    "empty": ("", ["is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ"]),
    "no mtu": (ENV.replace("FLANNEL_MTU", "X"), ["is missing FLANNEL_MTU"]),
    "no masquerade": (ENV.replace("FLANNEL_IPMASQ", "X"), ["is missing FLANNEL_IPMASQ"]),
    "no subnet": (ENV.replace("FLANNEL_SUBNET", "X"), ["is missing FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET"]),
    "no network": (ENV.replace("FLANNEL_NETWORK", "X"), ["is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK"]),
    "no =": (ENV.replace("MTU=", "MTU\n"), ["line 3", "FLANNEL_MTU", "="]),
    "mtu": (ENV.replace("1450", "big"), ["line 3", "FLANNEL_MTU", "big"]),
    "mtu too big": (ENV.replace("1450", "4294967296"), ["line 3", "FLANNEL_MTU"]),
    "subnet": (ENV.replace("10.244.1.1/24", "10.244.1.1"), ["line 2", "FLANNEL_SUBNET", "10.244.1.1"]),
    "network": (ENV.replace("10.244.0.0/16", "10.244.0.0/16,"), ["line 1", "FLANNEL_NETWORK"]),
    "binary": ("\0" + ENV, ["NUL"]),
}


@case("flannel:status")
@pytest.mark.parametrize("what", STATUS)
def test_status(node, container, what):
    """Without a usable subnet.env STATUS has code 50 and says who writes it, ADD has code 11, and DEL succeeds"""
    env, says = STATUS[what]
    fl = Flannel(node, env)
    conf = fl.conf()
    for command, code, where in ("STATUS", 50, None), ("ADD", 11, container):
        error = node.refuses(command, conf, where, code=code)
        text = error["msg"] + error["details"]
        assert str(fl.file) in text and "flanneld writes" in text and "failed to load flannel 'subnet.env' file" in text, error
        assert all(s in text for s in says), error
    assert fl.saved() == {} and node.leases() == {}
    node.delete(conf, container)
    fl.file.write_text(ENV)
    node.status(conf)


@case("flannel:status-delegate")
def test_status_of_the_delegate(node, flannel):
    """STATUS is that of the delegate, too"""
    fake = node.fake("echo")
    node.status(flannel.conf({"type": "echo"}))
    assert fake.calls[0].env["CNI_COMMAND"] == "STATUS" and fake.calls[0].conf["ipam"]["ranges"][0] == [{"subnet": "10.244.1.0/24"}]
    fake.fails("STATUS", 51, "half")
    node.refuses("STATUS", flannel.conf({"type": "echo"}), code=51)
    assert "no-such" in node.refuses("STATUS", flannel.conf({"type": "no-such"}))["msg"]


@case("flannel:chain")
def test_chain(node, container):
    """flannel and portmap, as on Kubernetes nodes"""
    fl = Flannel(node, ENV)
    net = node.network({**fl.conf({"hairpinMode": True, "isDefaultGateway": True, "bridge": "br1"})}, {"type": "portmap", "capabilities": {"portMappings": True}},
                       version="1.0.0")
    at = net.add(container, capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    container.listen(80)
    assert node.ask("10.244.1.1", 8080)
    net.check(at)
    net.delete(at)
    assert fl.saved() == {} and node.leases() == {}


@case("flannel:versions")
@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_versions(node, flannel, container, version):
    """Every version goes to the delegate as it is"""
    conf = {**flannel.conf(), "cniVersion": version}
    assert node.add(conf, container)["cniVersion"] == version
    assert flannel.saved()[container.id]["cniVersion"] == version
    node.delete(conf, container)
    assert flannel.saved() == {}


INVALID = {
    "subnetFile number": ({"subnetFile": 5}, 6, "subnetFile"),
    "dataDir list": ({"dataDir": []}, 6, "dataDir"),
    "delegate text": ({"delegate": "bridge"}, 6, "delegate: want an object"),
    "delegate list": ({"delegate": []}, 6, "delegate: want an object"),
    "delegate type number": ({"delegate": {"type": 5}}, 7, "must have (string) 'type' field"),
    "delegate type null": ({"delegate": {"type": None}}, 7, "must have (string) 'type' field"),
    "delegate type empty": ({"delegate": {"type": ""}}, 7, "must have (string) 'type' field"),
    "delegate type path": ({"delegate": {"type": "../bridge"}}, 7, "../bridge"),
    "delegate flannel": ({"delegate": {"type": "flannel"}}, 7, "its own delegate"),
    "delegate name": ({"delegate": {"name": "x"}}, 7, "must not have 'name' field"),
    "delegate Name": ({"delegate": {"Name": "x"}}, 7, "must not have 'name' field"),
    "delegate ipam": ({"delegate": {"ipam": {}}}, 7, "must not have 'ipam' field"),
    "delegate unknown": ({"delegate": {"type": "no-such-plugin"}}, None, "no-such-plugin"),
    "ipam text": ({"ipam": "x"}, 6, "ipam"),
    "ipam type": ({"ipam": {"type": 5}}, 6, "ipam"),
    "ipam routes": ({"ipam": {"routes": 5}}, 6, "routes"),
    "ipam route": ({"ipam": {"routes": [{"dst": "x"}]}}, 6, "routes[0]: dst"),
    "runtimeConfig": ({"runtimeConfig": {"mac": 7}}, 6, "mac"),
    "delegate mtu": ({"delegate": {"mtu": "x"}}, 6, "mtu"),
}


@case("flannel:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, flannel, container, what):
    """Wrong values are refused by name before anything is touched"""
    more, code, says = INVALID[what]
    before = node.state()
    error = node.refuses("ADD", {**flannel.conf(), **more}, container, code=code)
    assert says in error["msg"], error
    assert flannel.saved() == {} and node.leases() == {} and node.state() == before


@case("flannel:quoted name")
def test_quoted_name(node, flannel):
    """An interface whose name JSON must escape is found again by CHECK, DEL and GC"""
    c, conf = node.container("a"), flannel.conf()
    result = node.add(conf, c, 'e"0')
    assert flannel.saved()[c.id]["crimp/ifname"] == 'e"0' and flannel.saved()[c.id]["crimp/containerId"] == c.id
    node.check(conf, c, 'e"0', prev=result)
    node.gc(conf, [(c, 'e"0')])
    assert list(flannel.saved()) == [c.id]
    node.delete(conf, c, 'e"0')
    assert flannel.saved() == {} and node.leases() == {}


def old(path, text):
    path.write_text(text)
    at = path.stat().st_mtime - 4000
    os.utime(path, (at, at))


@case("flannel:gc[torn]")
@pytest.mark.parametrize("text", ["", "{", '{"', '{"bridge":"br', '{"bridge":{"a":[1'], ids=["empty", "1", "2", "word", "list"])
def test_gc_torn(node, flannel, text):
    """GC removes what a crash has torn, once nobody can be writing it any more"""
    flannel.dir.mkdir()
    for name in ("pod-1", "pod-1-testnet-eth0", 'pod-1-testnet-e"0'):
        old(flannel.dir / name, text)
    (flannel.dir / "pod-2").write_text(text)
    node.gc(flannel.conf(), [])
    assert [p.name for p in flannel.dir.iterdir()] == ["pod-2"]


FOREIGN = {"notes": "hello", "net.env": ENV, "list": "[1]", "text": '"x"', "object.json": "{}", "other.json": '{"a": 1}', "noname": '{"type": "bridge"}',
           "10-flannel.conf": '{"name": "testnet", "type": "flannel"}', ".hidden": '{"torn', "_x": '{"torn', "a b": "", "zeroes": "\0" * 9}


@case("flannel:gc[foreign]")
def test_gc_foreign(node, container):
    """GC and DEL leave alone what is no saved configuration, also in the folder of flanneld, whatever has become of its file"""
    fl = Flannel(node)
    fl.dir = node.dir / "shared"
    fl.dir.mkdir()
    fl.file = fl.dir / "subnet.env"
    for name, text in FOREIGN.items():
        old(fl.dir / name, text)
    for text in (DUAL, "", '{"torn'):
        old(fl.file, text)
        node.gc(fl.conf(), [])
        node.gc({**fl.conf(), "dataDir": f"{fl.dir}/../shared"}, [])
        assert fl.file.read_text() == text
    container.id = "subnet.env"
    node.delete(fl.conf(), container)
    container.id = "notes"
    node.delete(fl.conf(), container)
    assert {p.name: p.read_text() for p in fl.dir.iterdir()} == {**FOREIGN, "subnet.env": '{"torn'}
