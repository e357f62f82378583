# SPDX-License-Identifier: Apache-2.0
"""dhcp as a runtime sees it: the plugin with its daemon, and without."""

import json
import os
import socket
import subprocess

import pytest

from lib.case import case
from lib.dhcp import Daemon, Server, hanging, took
from lib.netns import connect, until
from system.world import changed, state

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
GONE = "/run/netns/crt-there-is-none"


@pytest.fixture
def server(node):
    with Server(node.dir) as s:
        yield s


@pytest.fixture
def daemon(node):
    return Daemon(node)


@pytest.fixture
def pod(node, server):
    c = node.container("pod")
    server.plug(c)
    return c


def conf(daemon, version="1.1.0", **ipam):
    return {"cniVersion": version, "name": "lan", "type": "dhcp", "ipam": daemon.ipam(**ipam)}


def without_daemon(node, **ipam):
    return {"name": "lan", "type": "dhcp", "ipam": {"type": "dhcp", "daemonSocketPath": str(node.dir / "dhcp.sock"), **ipam}}


# ---- life


@case("DH1")
def test_life(node, server, daemon, pod):
    """ADD leases an address with its gateway and default route, CHECK finds it, DEL gives it back, all twice"""
    c = conf(daemon)
    for _ in range(2):
        result = node.add(c, pod)
        address = result["ips"][0]["address"]
        assert result == {"cniVersion": "1.1.0", "ips": [{"address": address, "gateway": "10.9.0.1"}],
                          "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.1"}]}
        assert list(server.leases()) == [address.removesuffix("/24")]
        assert node.add(c, pod) == result
        node.check(c, pod, prev=result)
        node.check(c, pod)
        node.delete(c, pod, prev=result)
        assert until(lambda: not server.leases())
        node.delete(c, pod)
        assert "no lease" in node.refuses("CHECK", c, pod)["msg"]
        assert not server.leases()


@case("DH2")
@pytest.mark.parametrize("version", VERSIONS)
def test_versions(node, daemon, pod, version):
    """Every version gets its own form of the result"""
    result = node.add(conf(daemon, version), pod)
    if version < "0.3.0":
        assert result["ip4"]["gateway"] == "10.9.0.1" and result["ip4"]["routes"][0]["dst"] == "0.0.0.0/0"
    else:
        assert result["ips"][0]["gateway"] == "10.9.0.1" and result["ips"][0].get("version") == ("4" if version < "1.0.0" else None)
    node.delete(conf(daemon, version), pod)


@case("DH3")
def test_two_interfaces_two_networks(node, server, daemon, pod):
    """Each interface and each network of a container has a lease of its own; DEL of one leaves the others"""
    server.plug(pod, "eth1")
    a, b = conf(daemon), conf(daemon)
    b["name"] = "other"
    addresses = {node.add(x, pod, i)["ips"][0]["address"] for x, i in ((a, "eth0"), (a, "eth1"), (b, "eth1"))}
    assert len(addresses) == 3
    node.delete(a, pod, "eth1")
    node.check(a, pod, "eth0")
    node.check(b, pod, "eth1")
    node.refuses("CHECK", a, pod, "eth1")
    assert until(lambda: len(server.leases()) == 2)


@case("DH4")
def test_behind_a_bridge(node, daemon, server):
    """bridge with dhcp: the container has the address, the routes, the lease, and after DEL none of them"""
    pod = node.container("pod")
    node.ip("link", "add", "br7", "type", "bridge")
    node.ip("link", "set", "br7", "up")
    connect(node, "up0", server, "port9")
    node.ip("link", "set", "up0", "master", "br7")
    server.ip("link", "set", "port9", "master", "br0")
    net = node.network({"type": "bridge", "bridge": "br7", "ipam": daemon.ipam(priority=55)})
    attachment = net.add(pod)
    assert pod.addresses("eth0") == [attachment.result["ips"][0]["address"]]
    assert pod.route("default")["gateway"] == "10.9.0.1" and pod.route("default")["metric"] == 55
    assert pod.ping("10.9.0.1")
    net.check(attachment)
    net.delete(attachment)
    assert pod.link("eth0") is None
    assert until(lambda: not server.leases()), server.said()


@case("DH13")
def test_route_on_the_link(node, new_node):
    """A destination that the server says is on the link becomes such a route of a bridge's container, with the priority"""
    with Server(node.dir, "option:router,10.9.0.1", "121,10.20.0.0/16,0.0.0.0,10.21.0.0/16,10.9.0.7", label="links") as server:
        daemon, pod = Daemon(node), node.container("pod")
        node.ip("link", "add", "br7", "type", "bridge")
        node.ip("link", "set", "br7", "up")
        connect(node, "up0", server, "port9")
        node.ip("link", "set", "up0", "master", "br7")
        server.ip("link", "set", "port9", "master", "br0")
        c = {"type": "bridge", "bridge": "br7", "ipam": daemon.ipam(priority=9, request=[{"option": "121"}])}
        result = node.add(c, pod)
        assert pod.route("10.20.0.0/16")["scope"] == "link" and "gateway" not in pod.route("10.20.0.0/16")
        assert pod.route("10.21.0.0/16")["gateway"] == "10.9.0.7" and pod.route("10.20.0.0/16")["metric"] == 9
        node.check(c, pod, prev=result)


# ---- keys


@case("DH:key[provide]")
def test_provide(node, server, daemon, pod):
    """provide sends what it names: a value, a value of CNI_ARGS in its place, an identifier of one's own"""
    rows = [{"option": "host-name", "value": "by-value"}]
    node.add(conf(daemon, provide=rows), pod)
    [(host, client)] = server.leases().values()
    assert host == "by-value" and bytes.fromhex(client.replace(":", "")) == b"\0" + f"{pod.id}/lan/eth0".encode()
    node.delete(conf(daemon), pod)
    rows = [{"option": "12", "value": "by-value", "fromArg": "NAME"}, {"option": "dhcp-client-identifier", "value": "me"}]
    node.add(conf(daemon, provide=rows), pod, args="K8S_POD_NAME=x;NAME=by-args;odd;IgnoreUnknown=1")
    [(host, client)] = server.leases().values()
    assert host == "by-args" and bytes.fromhex(client.replace(":", "")) == b"me"


@case("DH:key[request]")
def test_request(node, server, daemon, pod):
    """request asks for more; with skipDefault for nothing else; DNS is in the result when it was asked for"""
    def ask(*options, skip=False):
        rows = [{"option": o, "skipDefault": skip} for o in options]
        result = node.add(conf(daemon, request=rows), pod)
        node.delete(conf(daemon), pod)
        return result
    assert "dns" not in ask()
    assert ask("6")["dns"] == {"nameservers": ["10.9.0.53"]}
    assert ask("domain-name", "119")["dns"] == {"domain": "example.org", "search": ["a.example", "b.example"]}
    assert set(ask("domain-name-servers", "15", "domain-search")["dns"]) == {"nameservers", "domain", "search"}
    assert "gateway" not in ask("subnet-mask", skip=True)["ips"][0]
    assert "gateway" in ask("", skip=True)["ips"][0]


@case("DH:key[priority]")
def test_priority(node, daemon, pod):
    """priority is the metric of every route"""
    assert node.add(conf(daemon, priority=4000000000), pod)["routes"] == [
        {"dst": "0.0.0.0/0", "gw": "10.9.0.1", "priority": 4000000000}]


@case("DH:key[daemonSocketPath]")
def test_default_socket(node, pod):
    """Without daemonSocketPath the daemon is looked for where the reference's listens"""
    c = {"name": "lan", "type": "dhcp", "ipam": {"type": "dhcp"}}
    if os.path.exists("/run/cni/dhcp.sock"):
        pytest.skip("a daemon of this machine listens there")
    assert "/run/cni/dhcp.sock" in node.refuses("ADD", c, pod)["msg"]
    c["ipam"]["daemonSocketPath"] = ""
    assert "/run/cni/dhcp.sock" in node.refuses("ADD", c, pod)["msg"]


LONG = "v" * 256
BAD = {
    "no ipam": (None, 7, ["ipam"]), "ipam text": ("dhcp", 6, ["ipam"]),
    "daemonSocketPath number": ({"daemonSocketPath": 5}, 6, ["daemonSocketPath", "number"]),
    "daemonSocketPath list": ({"daemonSocketPath": []}, 6, ["daemonSocketPath"]),
    "daemonSocketPath too long": ({"daemonSocketPath": "/" + "s" * 107}, 7, ["daemonSocketPath", "107"]),
    "priority text": ({"priority": "5"}, 6, ["priority", "string"]), "priority negative": ({"priority": -1}, 6, ["priority"]),
    "priority fraction": ({"priority": 1.5}, 6, ["priority"]), "priority too large": ({"priority": 2**32}, 6, ["priority", "4294967295"]),
    "provide object": ({"provide": {}}, 6, ["provide"]), "provide of a text": ({"provide": ["12"]}, 6, ["provide[0]"]),
    "provide of null": ({"provide": [None]}, 6, ["provide[0]", "null"]),
    "provide option number": ({"provide": [{"option": 12, "value": "a"}]}, 6, ["provide[0]", "option", "number"]),
    "provide without option": ({"provide": [{"value": "a"}]}, 7, ["provide[0]", 'option ""', "254", "host-name"]),
    "provide option 0": ({"provide": [{"option": "0"}]}, 7, ['option "0"', "254"]),
    "provide option 255": ({"provide": [{"option": "255"}]}, 7, ['option "255"', "254"]),
    "provide option 256": ({"provide": [{"option": "256"}]}, 7, ['option "256"', "254"]),
    "provide option negative": ({"provide": [{"option": "-1"}]}, 7, ['option "-1"']),
    "provide option unknown": ({"provide": [{"option": "1"}, {"option": "hostname"}]}, 7, ["provide[1]", 'option "hostname"', "host-name"]),
    "provide option other case": ({"provide": [{"option": "Host-Name"}]}, 7, ['option "Host-Name"']),
    "provide message type": ({"provide": [{"option": "53", "value": "x"}]}, 7, ['option "53"']),
    "provide request list": ({"provide": [{"option": "55", "value": "x"}]}, 7, ['option "55"']),
    "provide value number": ({"provide": [{"option": "12", "value": 5}]}, 6, ["provide[0]", "value", "number"]),
    "provide value too long": ({"provide": [{"option": "12", "value": LONG}]}, 7, ["provide[0]", 'option "12"', "256", "255"]),
    "provide fromArg bool": ({"provide": [{"option": "12", "fromArg": True}]}, 6, ["fromArg"]),
    "provide fromArg too long": ({"provide": [{"option": "12", "fromArg": "LONG"}]}, 7, ['"12"', "CNI_ARGS", "LONG", "256", "255"]),
    "request object": ({"request": {"option": "6"}}, 6, ["request"]), "request of a number": ({"request": [6]}, 6, ["request[0]"]),
    "request option number": ({"request": [{"option": 6}]}, 6, ["request[0]", "option", "number"]),
    "request option unknown": ({"request": [{"option": "router"}]}, 7, ['option "router"', "routers"]),
    "request option 255": ({"request": [{"option": "255"}]}, 7, ['option "255"', "254"]),
    "request skipDefault text": ({"request": [{"option": "6", "skipDefault": "yes"}]}, 6, ["skipDefault", "string"]),
}


@case("dhcp:invalid")
@pytest.mark.parametrize("what", BAD)
def test_invalid(node, container, what):
    """A wrong key is named with its value and range before any daemon is asked"""
    ipam, code, words = BAD[what]
    c = {"name": "lan", "type": "dhcp"}
    if ipam is not None:
        c["ipam"] = {"type": "dhcp", "daemonSocketPath": str(node.dir / "none.sock"), **ipam} if isinstance(ipam, dict) else ipam
    before = state(node, container)
    for verb in ("ADD", "CHECK", "STATUS"):
        reply = node.plugin(verb, c, container, args=f"LONG={LONG}")
        assert reply.rc == 1 and reply.code == code and "\n" not in reply.text, reply
        for word in words:
            assert word in reply.text, f"{word} is not in: {reply.text}"
    assert changed(before, state(node, container)) == []


@case("DH5")
def test_values_of_255_bytes(node, daemon, pod):
    """A value may have 255 bytes"""
    node.add(conf(daemon, provide=[{"option": "77", "value": "u" * 255}, {"option": "60", "fromArg": "V"}]), pod, args="V=" + "v" * 255)


# ---- CHECK


@case("DH6")
def test_check_finds_damage(node, server, daemon, pod):
    """CHECK fails when the address is another, the interface or the namespace is gone, the daemon has forgotten"""
    c = conf(daemon)
    result = node.add(c, pod)
    other = json.loads(json.dumps(result).replace(result["ips"][0]["address"], "10.9.0.200/24"))
    assert result["ips"][0]["address"] in node.refuses("CHECK", {**c, "prevResult": other}, pod)["msg"]
    narrower = json.loads(json.dumps(result).replace("/24", "/25"))
    node.refuses("CHECK", {**c, "prevResult": narrower}, pod)
    pod.ip("link", "del", "eth0")
    node.refuses("CHECK", c, pod)
    assert until(lambda: node.plugin("CHECK", c, pod).rc == 1)
    node.refuses("CHECK", c, node.container("other"))


@case("DH7")
def test_check_acquires_nothing(node, server, daemon, pod):
    """CHECK of what was never added fails and leases nothing"""
    node.refuses("CHECK", conf(daemon), pod)
    assert not server.leases() and "DISCOVER" not in server.said()


# ---- without a daemon, a server, a namespace


@case("DH:del")
@pytest.mark.parametrize("netns", ["empty", "missing", "alive"])
@pytest.mark.parametrize("socket_is", ["absent", "in no folder", "stale", "a file", "a folder"])
def test_del_without_daemon(node, container, netns, socket_is):
    """DEL succeeds and says nothing when no daemon is there, whatever became of the namespace; so does GC"""
    path = node.dir / "dhcp.sock"
    c = without_daemon(node)
    if socket_is == "stale":
        hanging(path).close()
    elif socket_is == "a file":
        path.write_text("x")
    elif socket_is == "a folder":
        path.mkdir()
    elif socket_is == "in no folder":
        c = without_daemon(node, daemonSocketPath=str(node.dir / "none" / "dhcp.sock"))
    env = {"CNI_NETNS": {"empty": None, "missing": GONE, "alive": container.path}[netns]}
    for p in (None, {"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.9/24"}]}):
        reply = node.plugin("DEL", {**c, **({"prevResult": p} if p else {})}, container, env=env)
        assert (reply.rc, reply.out, reply.err) == (0, "", "")
    node.gc(c)
    node.gc(c, [(container, "eth0")])


@case("DH:del[live]")
@pytest.mark.parametrize("netns", ["empty", "missing", "deleted", "alive"])
def test_del_with_daemon(node, server, daemon, pod, netns):
    """DEL with the daemon there succeeds twice, whatever became of the namespace, and the daemon has no lease any more"""
    c = conf(daemon)
    result = node.add(c, pod)
    if netns == "deleted":
        pod.close()
    env = {"CNI_NETNS": {"empty": None, "missing": GONE}.get(netns, pod.path)}
    for _ in range(2):
        reply = node.plugin("DEL", {**c, "prevResult": result}, pod, env=env)
        assert (reply.rc, reply.out, reply.err) == (0, "", "")
    assert "no lease" in node.refuses("CHECK", c, pod)["msg"]
    assert netns == "deleted" or until(lambda: not server.leases())


@case("DH8")
def test_add_without_daemon(node, container):
    """ADD and CHECK without a daemon say where it was looked for and how it is started"""
    for verb in ("ADD", "CHECK"):
        error = node.refuses(verb, without_daemon(node), container)
        assert str(node.dir / "dhcp.sock") in error["msg"] and "error dialing DHCP daemon" in error["msg"]
        assert "dhcp daemon" in error["details"] and "cni-dhcp.socket" in error["details"]


@case("DH9")
def test_add_without_server(node, new_node):
    """ADD that no server answers fails in the end, leaves no lease to check and does not keep the daemon busy"""
    daemon = Daemon(node, "-resendtimeout", "1s", "-timeout", "1s")
    pod = node.container("pod")
    connect(node, "end", pod, "eth0")
    c = conf(daemon)
    seconds, error = took(lambda: node.refuses("ADD", c, pod))
    assert "error calling DHCP.Allocate" in error["msg"] and seconds < 20
    assert "no lease" in node.refuses("CHECK", c, pod)["msg"]
    node.delete(c, pod)


@case("DH10")
def test_failed_bridge_leaves_nothing(node):
    """bridge whose dhcp fails leaves no interface behind"""
    daemon = Daemon(node, "-resendtimeout", "1s", "-timeout", "1s")
    pod = node.container("pod")
    node.ip("link", "add", "br7", "type", "bridge")
    node.ip("link", "set", "br7", "addrgenmode", "none")
    node.ip("link", "set", "br7", "up")
    before = state(node, pod)
    node.refuses("ADD", {"type": "bridge", "bridge": "br7", "ipam": daemon.ipam()}, pod)
    assert changed(before, state(node, pod)) == []


@case("DH11")
def test_bad_namespace(node, daemon, container):
    """A namespace that is none, or has no such interface, is the failure's reason"""
    assert GONE in node.refuses("ADD", conf(daemon), container, env={"CNI_NETNS": GONE})["msg"]
    assert "eth0" in node.refuses("ADD", conf(daemon), container)["msg"]


@case("DH12")
def test_relative_namespace(node, server, daemon, pod):
    """A namespace given by a path that is not absolute is found, though the daemon runs elsewhere"""
    name = os.path.basename(pod.path)
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": pod.id, "CNI_NETNS": name, "CNI_IFNAME": "eth0", "CNI_PATH": str(node.bin)}
    done = node.run(node.bin / "dhcp", stdin=json.dumps(node.conf(conf(daemon))), env={**os.environ, **env}, cwd="/run/netns")
    assert json.loads(done.out)["ips"]


# ---- STATUS


@case("DH:status")
def test_status(node, container):
    """STATUS: 50 while no daemon is there, nothing while one is, 50 when it is gone again"""
    c = without_daemon(node)
    error = node.refuses("STATUS", c, code=50)
    assert "dhcp daemon" in error["details"]
    daemon = Daemon(node)
    node.status(c)
    daemon.kill()
    node.refuses("STATUS", c, code=50)
    daemon.start()
    node.status(c)
    daemon.stop()
    assert not daemon.socket.exists()
    node.refuses("STATUS", c, code=50)


@case("DH:status[strangers]")
def test_status_of_strangers(node):
    """STATUS is 50 within seconds when who listens does not answer, or is something else"""
    with hanging(node.dir / "dhcp.sock"):
        seconds, _ = took(lambda: node.refuses("STATUS", without_daemon(node), code=50))
        assert 4 < seconds < 10
    (node.dir / "dhcp.sock").unlink()
    with hanging(node.dir / "dhcp.sock") as s:
        asking = subprocess.Popen([node.bin / "dhcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={"CNI_COMMAND": "STATUS", "CNI_PATH": str(node.bin)})
        asking.stdin.write(json.dumps(node.conf(without_daemon(node))))
        asking.stdin.close()
        peer, _ = s.accept()
        peer.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")
        answer = json.loads(asking.stdout.read())
        assert answer["code"] == 50 and "no DHCP daemon" in answer["msg"] and asking.wait() == 1


# ---- GC


@case("DH:gc")
def test_gc(node, server, daemon):
    """GC releases the leases of this network whose attachments are not valid, and no other"""
    pods = [node.container(f"p{i}") for i in range(3)]
    for p in pods:
        server.plug(p)
    c, other = conf(daemon), {**conf(daemon), "name": "other"}
    for p in pods:
        node.add(c, p)
    node.add(other, pods[2])
    assert len(server.leases()) == 4
    node.plugin("GC", c).result
    assert len(server.leases()) == 4
    node.gc(c, [(pods[0], "eth0"), (pods[1], "eth1")])
    node.check(c, pods[0])
    node.check(other, pods[2])
    for p in pods[1:]:
        node.refuses("CHECK", c, p)
    assert until(lambda: len(server.leases()) == 2)
    node.gc(c)
    node.refuses("CHECK", c, pods[0])
    node.check(other, pods[2])


# ---- socket activation


def activated(node, *listeners, pid="$$", count=None):
    """The daemon, started with these sockets the way a service manager does it."""
    dups = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(listeners) if s.fileno() != 3 + i)
    script = f"LISTEN_PID={pid} LISTEN_FDS={count or len(listeners)} exec {node.bin}/dhcp daemon -socketpath {node.dir}/own.sock {dups}"
    return subprocess.Popen(["bash", "-c", script], pass_fds=[s.fileno() for s in listeners], stderr=subprocess.PIPE, text=True)


@case("DH:activation")
def test_activation(node, server, pod):
    """A daemon that was given a listening socket serves there, makes none and leaves it when it ends"""
    path = node.dir / "dhcp.sock"
    with hanging(path) as s:
        process = activated(node, s)
        node.add(without_daemon(node), pod)
        assert not (node.dir / "own.sock").exists()
        process.terminate()
        assert process.wait(5) == 0 and path.exists()


@case("DH:activation[two]")
def test_activation_of_two(node):
    """Two sockets are too many, and one that does not listen is none"""
    with hanging(node.dir / "a.sock") as a, hanging(node.dir / "b.sock") as b:
        process = activated(node, a, b)
        assert process.wait(5) == 1 and "Too many (2) FDs" in process.stderr.read()
    with socket.socket(socket.AF_UNIX) as idle:
        process = activated(node, idle)
        assert process.wait(5) == 1 and "no listening socket" in process.stderr.read()


@case("DH:activation[others]")
def test_activation_of_others(node):
    """What was meant for another process is not taken"""
    with hanging(node.dir / "dhcp.sock") as s:
        process = activated(node, s, pid="1")
        assert until(lambda: (node.dir / "own.sock").exists())
        process.terminate()
        assert process.wait(5) == 0 and not (node.dir / "own.sock").exists()


@case("DH:units")
def test_units():
    """The units of systemd start the daemon where plugins look for it"""
    from lib.plugin import TOP
    folder = TOP / "packaging" / "systemd"
    service, sock = ((folder / f"cni-dhcp.{kind}").read_text() for kind in ("service", "socket"))
    assert "ListenStream=/run/cni/dhcp.sock" in sock and "SocketMode=0660" in sock and "RemoveOnStop=true" in sock
    assert "ExecStart=/opt/cni/bin/dhcp daemon" in service and "Restart=on-failure" in service
    assert "RestrictNamespaces=net\n" in service
    for private in ("PrivateTmp", "ProtectSystem", "ProtectHome", "PrivateMounts", "ReadOnlyPaths"):
        assert private not in service, "a mount namespace of its own would keep those of containers from it"
