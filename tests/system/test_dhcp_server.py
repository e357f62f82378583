# SPDX-License-Identifier: Apache-2.0
"""dhcp daemon against real servers: leases, their renewal, their end."""

import json
import pathlib
import signal
import time

import pytest

from system.dhcp_servers import SUBNET, Daemon, Dnsmasq, Kea, Lan, Scripted, spawn_plugin
from lib.case import case
from lib.netns import connect, until

SERVERS = {"dnsmasq": Dnsmasq, "kea": Kea}
LONGER = {"request": [{"option": o} for o in ("121", "33", "6", "15", "119")]}


@pytest.fixture
def lan(node):
    return Lan(node)


def bridge(daemon, **ipam):
    return {"type": "bridge", "bridge": "lan0", "ipam": daemon.ipam(**ipam)}


def macvlan(daemon, **ipam):
    return {"type": "macvlan", "master": "up0", "ipam": daemon.ipam(**ipam)}


def is_up(container, ifname="eth0"):
    return "UP" in container.link(ifname)["flags"]


def address_of(result):
    return result["ips"][0]["address"].partition("/")[0]


OPTIONS = ["--dhcp-option=6,10.9.0.53,10.9.0.54", "--dhcp-option=15,example.org",
           "--dhcp-option=119,a.example.org,b.example.org",
           "--dhcp-option=121,10.77.0.0/16,10.9.0.7,192.0.2.0/24,0.0.0.0,0.0.0.0/0,10.9.0.1"]


@case("dhcpd:life")
@pytest.mark.parametrize("kind", [bridge, macvlan], ids=["bridge", "macvlan"])
def test_life(node, lan, kind):
    """A container leases its address with routes and DNS, uses it, and gives it back"""
    server, daemon = Dnsmasq(lan).start(50, None, *OPTIONS), Daemon(node)
    pod, conf = node.container(), kind(daemon, **LONGER)
    result = node.add(conf, pod)
    assert result["ips"][0]["gateway"] == f"{SUBNET}.1"
    assert pod.addresses("eth0") == [f"{address_of(result)}/24"]
    assert result["dns"] == {"nameservers": ["10.9.0.53", "10.9.0.54"], "domain": "example.org",
                             "search": ["a.example.org", "b.example.org"]}
    assert pod.route("10.77.0.0/16")["gateway"] == "10.9.0.7" and pod.route("default")["gateway"] == f"{SUBNET}.1"
    assert pod.route("192.0.2.0/24")["scope"] == "link"
    assert pod.ping(f"{SUBNET}.1")
    node.check(conf, pod, prev=result)
    identifier = "00" + f"{pod.id}/testnet/eth0".encode().hex()
    identifier = ":".join(identifier[i:i + 2] for i in range(0, len(identifier), 2))
    assert until(lambda: server.leases() == {address_of(result): identifier}), server.leases()
    assert len(daemon.files()) == 1
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases()), server.text()
    assert daemon.files() == [] and server.count("DHCPRELEASE") == 1
    node.delete(conf, pod, prev=result)


@case("dhcpd:classful")
def test_classful(node, lan):
    """Without classless routes there are those of option 33 and one by the first router"""
    Dnsmasq(lan).start(50, None, "--dhcp-option=33,10.8.0.0,10.9.0.7,172.16.5.0,10.9.0.8")
    daemon = Daemon(node)
    result = node.add(bridge(daemon, **LONGER), node.container())
    assert [(r["dst"], r["gw"]) for r in result["routes"]] == [
        ("10.0.0.0/8", "10.9.0.7"), ("172.16.0.0/16", "10.9.0.8"), ("0.0.0.0/0", f"{SUBNET}.1")]


@case("dhcpd:provide")
def test_provide(node, lan):
    """Options that the configuration provides reach the server, its client identifier in place of ours"""
    server, daemon = Dnsmasq(lan).start(), Daemon(node)
    provide = [{"option": "host-name", "value": "pod-of-mine"}, {"option": "61", "value": "me"},
               {"option": "vendor-class-identifier", "value": "cnitest"}]
    node.add(bridge(daemon, provide=provide), node.container())
    assert server.said("client provides name: pod-of-mine") and server.said("vendor class: cnitest")
    assert until(lambda: list(server.leases().values()) == ["6d:65"]), server.leases()


@case("dhcpd:renew")
@pytest.mark.parametrize("name", SERVERS)
def test_renew(node, lan, name):
    """A lease is renewed with its server alone, without a new DISCOVER"""
    server = SERVERS[name](lan)
    server.start(50, 4)
    daemon, pod = Daemon(node), node.container()
    result = node.add(bridge(daemon), pod)
    discovered = server.count("DHCPDISCOVER")
    assert until(lambda: daemon.said().count("renewed") == 2, 20), daemon.said()
    assert server.count("DHCPDISCOVER") == discovered and server.count("DHCPREQUEST") >= 3
    assert is_up(pod) and pod.addresses("eth0") == [f"{address_of(result)}/24"]


@case("dhcpd:rebind")
def test_rebind(node, lan):
    """When the server's address is dead, any server may renew"""
    server = Kea(lan).start(renew=2, rebind=5, valid=60)
    daemon, pod = Daemon(node, "-timeout=2s"), node.container()
    result = node.add(bridge(daemon), pod)
    # What is sent to the server alone does not arrive; what is sent to everybody does.
    discovered = server.count("DHCPDISCOVER")
    pod.ip("neigh", "replace", f"{SUBNET}.1", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
    assert until(lambda: "renewed" in daemon.said(), 20), daemon.said()
    assert server.count("DHCPDISCOVER") == discovered and is_up(pod)
    assert pod.addresses("eth0") == [f"{address_of(result)}/24"]


@case("dhcpd:restart")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("name", SERVERS)
def test_restart(node, lan, name, how):
    """A daemon that is started anew renews the leases of the one before, and releases them"""
    server = SERVERS[name](lan)
    server.start(50, 4)
    daemon, pod = Daemon(node), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    daemon.stop(how)
    assert daemon.socket.exists() == (how == signal.SIGKILL)
    assert until(lambda: list(server.leases()) == [address_of(result)]), "the daemon's end releases nothing"
    discovered = server.count("DHCPDISCOVER")
    daemon.start()
    node.check(conf, pod, prev=result)
    requests = server.count("DHCPREQUEST")
    assert until(lambda: server.count("DHCPREQUEST") >= requests + 2, 20), daemon.said()
    assert server.count("DHCPDISCOVER") == discovered
    assert until(lambda: list(server.leases()) == [address_of(result)])
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases())


@case("dhcpd:reboot")
def test_reboot(node, lan):
    """A lease that ran out while no daemon lived is asked for again by its address"""
    server = Kea(lan).start()
    daemon, pod = Daemon(node), node.container()
    result = node.add(bridge(daemon), pod)
    discovered = server.count("DHCPDISCOVER")
    daemon.stop(signal.SIGKILL)
    time.sleep(7)
    daemon.start()
    assert until(lambda: daemon.said().count("leased") == 2), daemon.said()
    assert server.count("DHCPDISCOVER") == discovered and is_up(pod)
    assert pod.addresses("eth0") == [f"{address_of(result)}/24"] and pod.ping(f"{SUBNET}.1")


@case("dhcpd:expiry")
def test_expiry(node, lan):
    """When a lease ends the interface goes down; when the server is back, address and routes are, too"""
    routes = {"name": "classless-static-route", "code": 121, "csv-format": False,
              "data": "000A090001" + "10AC100A090007"}
    server = Kea(lan).start(options=[routes])
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    conf = bridge(daemon, request=[{"option": "121"}], priority=7)
    result = node.add(conf, pod)
    server.stop()
    assert until(lambda: not is_up(pod), 15), daemon.said()
    assert "the lease has ended" in daemon.said()
    assert pod.addresses("eth0") == []
    node.refuses("CHECK", {**conf, "prevResult": result}, pod)
    server.start(options=[routes])
    assert until(lambda: is_up(pod) and pod.route("172.16.0.0/16"), 20), daemon.said()
    assert pod.addresses("eth0") == [f"{address_of(result)}/24"] and pod.ping(f"{SUBNET}.1")
    assert pod.route("default")["metric"] == 7 and pod.route("172.16.0.0/16")["gateway"] == "10.9.0.7"
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases())


@case("dhcpd:routes of others")
def test_routes_of_others(node, lan):
    """A lease that is regained takes no route from another interface that has it meanwhile, and says so"""
    server = Scripted(lan).start(lease=5)
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    node.add(bridge(daemon), pod)
    server.stop()
    assert until(lambda: not is_up(pod), 15), daemon.said()
    connect(node, "port9", pod, "eth1")
    pod.ip("addr", "add", "10.8.0.2/24", "dev", "eth1")
    pod.ip("route", "add", "default", "via", "10.8.0.1")
    server.start(lease=60)
    assert until(lambda: is_up(pod) and pod.addresses("eth0"), 20), daemon.said()
    assert until(lambda: "put the route to 0.0.0.0/0 back" in daemon.said()), daemon.said()
    assert pod.route("default")["dev"] == "eth1" and pod.route("default")["gateway"] == "10.8.0.1"


@case("dhcpd:just up")
@pytest.mark.parametrize("down", [True, False], ids=["down", "up"])
def test_just_up(node, lan, down):
    """An interface that the daemon sets up is asked for quickly at first: what is sent in the first moments may be lost"""
    server = Scripted(lan).start(mute=True)
    daemon, pod = Daemon(node, "-resendtimeout=1700ms"), node.container()
    connect(node, "port1", pod, "eth0")
    node.ip("link", "set", "port1", "master", "lan0")
    if down:
        pod.ip("link", "set", "eth0", "down")
    node.refuses("ADD", {"type": "dhcp", "ipam": daemon.ipam()}, pod)
    assert server.count("DISCOVER") >= 3 if down else 1 <= server.count("DISCOVER") <= 2, server.text()


SHORT = {"one second": {"lease": 1}, "three seconds": {"lease": 3}, "nothing": {"lease": 0}}


@case("dhcpd:short lease")
@pytest.mark.parametrize("what", SHORT)
def test_short_lease(node, lan, what):
    """A lease too short to be renewed in peace is not taken"""
    Scripted(lan).start(**SHORT[what])
    daemon = Daemon(node, "-resendtimeout=1500ms")
    assert "option 51" in node.refuses("ADD", bridge(daemon), node.container())["msg"]
    assert daemon.files() == [] and daemon.said().count("passed over") == 1


@case("dhcpd:no storm")
@pytest.mark.parametrize("say", [{"lease": 4}, {"lease": 600, "t1": 1}], ids=["lease", "T1"])
def test_no_storm(node, lan, say):
    """However short the times of a server, it is asked at most every other second"""
    server = Scripted(lan).start(**say)
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    time.sleep(5)
    assert 2 <= server.count("REQUEST") <= 4 and is_up(pod), server.text()
    assert daemon.said().count("renewed") <= 3


UNUSABLE = {"this network": "0.1.2.3", "loopback": "127.0.0.5", "multicast": "224.0.0.9", "reserved": "240.0.0.1",
            "everybody": "255.255.255.255", "the network": f"{SUBNET}.0", "its broadcast": f"{SUBNET}.255",
            "the server": f"{SUBNET}.1"}


@case("dhcpd:unusable")
@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable(node, lan, what):
    """An address that no container can have is passed over, and the next offer taken"""
    Scripted(lan).start(first=UNUSABLE[what])
    daemon, pod = Daemon(node), node.container()
    assert address_of(node.add(bridge(daemon), pod)) == f"{SUBNET}.50"
    assert f"an offer is passed over: the address {UNUSABLE[what]} cannot be used" in daemon.said()


@case("dhcpd:unusable[all]")
def test_all_unusable(node, lan):
    """When no offer is of use ADD fails with the reason"""
    Scripted(lan).start(ip="127.0.0.5")
    daemon = Daemon(node, "-resendtimeout=1s")
    assert "127.0.0.5 cannot be used" in node.refuses("ADD", bridge(daemon), node.container())["msg"]


@case("dhcpd:for ever")
def test_for_ever(node, lan):
    """A lease that never ends is forgotten, too, when its container is gone; before that it is kept without a word"""
    server = Scripted(lan).start(lease=0xffffffff)
    daemon, pod = Daemon(node, "-resendmax=1s"), node.container()
    node.add(bridge(daemon), pod)
    time.sleep(3)
    assert len(daemon.files()) == 1 and server.count("REQUEST") == 1
    pod.close()
    assert until(lambda: daemon.files() == [], 10), daemon.said()
    assert "its lease is forgotten" in daemon.said()


@case("dhcpd:nak")
def test_nak(node, lan):
    """An address that the server takes back is no longer used, and another one is not taken in its place"""
    server = Dnsmasq(lan).start(50, 4)
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    result = node.add(bridge(daemon), pod)
    server.stop()
    server.start(150, 4)
    assert until(lambda: not is_up(pod), 15), daemon.said()
    assert "DHCPNAK" in daemon.said()
    assert until(lambda: "is not taken" in daemon.said(), 10), daemon.said()
    assert pod.addresses("eth0") == []
    server.stop()
    server.start(50, 4)
    assert until(lambda: is_up(pod) and pod.addresses("eth0") == [f"{address_of(result)}/24"], 15), daemon.said()


@case("dhcpd:nobody")
def test_nobody(node, lan):
    """Without a server ADD fails in time and leaves nothing, in the daemon neither"""
    daemon, pod = Daemon(node, "-resendtimeout", "1500ms"), node.container()
    idle = daemon.descriptors()
    before, began = node.state(), time.monotonic()
    error = node.refuses("ADD", bridge(daemon), pod)
    assert "no more tries" in error["msg"]
    assert 1 < time.monotonic() - began < 5
    assert pod.link("eth0") is None and node.state() == before
    assert until(lambda: daemon.descriptors() == idle) and daemon.files() == []


@case("dhcpd:full")
def test_full(node, lan):
    """A server without an address to spare gives none to the second, and the one that the first gives back"""
    Kea(lan).start(renew=100, rebind=200, valid=300, pool=1)
    daemon, a, b = Daemon(node, "-resendtimeout=4s"), node.container("a"), node.container("b")
    result = node.add(bridge(daemon), a)
    node.refuses("ADD", bridge(daemon), b)
    node.delete(bridge(daemon), a, prev=result)
    assert node.add(bridge(daemon), b)["ips"] == result["ips"]


@case("dhcpd:no descriptor")
def test_no_descriptor(node, lan):
    """A lease holds no descriptor, so a dead container's namespace dies; its lease is forgotten"""
    Dnsmasq(lan).start(50, 4)
    daemon, pod = Daemon(node), node.container()
    idle = daemon.descriptors()
    node.add(bridge(daemon), pod)
    ports = [n for n in node.links() if n.startswith("veth")]
    assert len(ports) == 1 and until(lambda: daemon.descriptors() == idle)
    pod.close()
    assert until(lambda: ports[0] not in node.links(), 3), "the namespace lives on"
    assert until(lambda: daemon.files() == [], 10), daemon.said()
    assert "its lease is forgotten" in daemon.said()


@case("dhcpd:reborn")
def test_reborn(node, lan):
    """A new container under an old one's ID and path is not given the old one's lease unasked"""
    server = Dnsmasq(lan).start()
    daemon, pod = Daemon(node), node.container()
    conf = {"type": "dhcp", "ipam": daemon.ipam()}

    def give():
        connect(node, "port1", pod, "eth0")
        node.ip("link", "set", "port1", "master", "lan0")

    give()
    result = node.add(conf, pod)
    node.ip("link", "del", "port1")
    give()
    assert node.add(conf, pod)["ips"] == result["ips"]
    assert server.said("DHCPACK") == 2, "the second interface has asked for itself"


@case("dhcpd:forgotten at start")
def test_forgotten_at_start(node, lan):
    """A daemon that starts after a container has gone forgets its lease; strange files beside the others do no harm"""
    Dnsmasq(lan).start()
    daemon, dead, torn, pod = Daemon(node), node.container(), node.container(), node.container()
    conf = bridge(daemon)
    result = [node.add(conf, c) for c in (dead, torn, pod)][2]
    daemon.stop()
    dead.close()
    files = {c: next(p for p in daemon.store.glob("*.json") if c.id in p.read_text()) for c in (dead, torn, pod)}
    old = json.loads(files[pod].read_text())
    (daemon.store / "00.json").write_text(json.dumps({**old, "bootId": "another"}))
    (daemon.store / "01.json").write_text("{")
    (daemon.store / "02.json").write_text(json.dumps(old))
    files[torn].write_text(json.dumps({**json.loads(files[torn].read_text()), "ack": "AAAA"}))
    daemon.start()
    assert until(lambda: set(daemon.files()) == {files[pod].name, "02.json"}), daemon.said()
    node.check(conf, pod, prev=result)


@case("dhcpd:damaged")
@pytest.mark.parametrize("at", [2**63 - 1, 2**62, 10**12], ids=["greatest", "overflows", "future"])
def test_damaged(node, lan, at):
    """A lease that began in the future is none: its file goes"""
    Dnsmasq(lan).start()
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    daemon.stop()
    [file] = daemon.store.glob("*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "boundAt": at}))
    daemon.start()
    assert until(lambda: daemon.files() == []), daemon.said()
    assert "boundAt" in daemon.said()


@case("dhcpd:poor start")
def test_poor_start(node, lan):
    """A daemon that starts without descriptors to spare keeps its leases"""
    Dnsmasq(lan).start(50, 4)
    daemon, pod = Daemon(node), node.container()
    result = node.add(bridge(daemon), pod)
    daemon.stop()
    with open(daemon.log, "ab") as out:
        daemon.process = node.spawn("bash", "-c", f"ulimit -n 9; exec {daemon.binary} daemon -socketpath {daemon.socket}",
                                    stdout=out, stderr=out)
    assert until(lambda: "the lease is kept" in daemon.said()), daemon.said()
    time.sleep(3)
    assert len(daemon.files()) == 1 and daemon.said().count("the lease is kept") == 1
    daemon.stop()
    daemon.start()
    node.check(bridge(daemon), pod, prev=result)


@case("dhcpd:late namespace")
def test_late_namespace(node, lan):
    """A lease whose namespace cannot be looked at when the daemon starts is gone on with when it can"""
    server = Scripted(lan).start(lease=6)
    netns = node.dir / "root" / "run" / "netns"
    netns.parent.mkdir(parents=True)
    netns.symlink_to("/run/netns")
    daemon, pod = Daemon(node, f"-leases={node.dir}/dhcp.sock.leases"), node.container()
    node.add(bridge(daemon), pod)
    daemon.stop()
    requests = server.count("REQUEST")
    netns.unlink()
    netns.symlink_to(netns)
    node.spawn(node.bin / "dhcp", "daemon", f"-hostprefix={node.dir}/root", "-socketpath=/d.sock",
               f"-leases={daemon.store}", stderr=(node.dir / "second.log").open("wb"))
    said = (node.dir / "second.log").read_text
    assert until(lambda: "the lease is kept" in said()), said()
    assert len(daemon.files()) == 1
    netns.unlink()
    netns.symlink_to("/run/netns")
    assert until(lambda: server.count("REQUEST") > requests and ("renewed" in said() or "leased" in said()), 10), said()
    assert is_up(pod)


@case("dhcpd:another namespace")
def test_another_namespace(node, lan):
    """An ADD of the same attachment from another namespace is not given what the first one, still waiting, gets"""
    daemon, first, second = Daemon(node), node.container(), node.container("second")
    conf = {"type": "dhcp", "ipam": daemon.ipam()}
    second.id = first.id
    for i, c in enumerate((first, second)):
        connect(node, f"port{i + 1}", c, "eth0")
        node.ip("link", "set", f"port{i + 1}", "master", "lan0")
    idle = daemon.descriptors()
    a = spawn_plugin(node, conf, first)
    assert until(lambda: daemon.descriptors() >= idle + 2)
    b = spawn_plugin(node, conf, second)
    assert "released while it was being acquired" in json.loads(a.stdout.read())["msg"]
    server = Scripted(lan).start()
    assert address_of(json.loads(b.stdout.read())) == f"{SUBNET}.50"
    assert second.mac("eth0") in server.text() and first.mac("eth0") not in server.text()


@case("dhcpd:check")
def test_check_leaks_nothing(node, lan):
    """CHECK acquires no lease, and a hundred of them leave nothing in the daemon"""
    server = Dnsmasq(lan).start()
    daemon, pod = Daemon(node), node.container()
    idle = daemon.descriptors()
    conf = {"type": "dhcp", "ipam": daemon.ipam()}
    connect(node, "port1", pod, "eth0")
    node.ip("link", "set", "port1", "master", "lan0")
    assert node.plugin("CHECK", conf, pod).rc != 0
    assert server.count("DHCPDISCOVER") == 0
    result = node.add(conf, pod)
    for _ in range(100):
        node.check(conf, pod, prev=result)
    assert until(lambda: daemon.descriptors() == idle) and server.said("DHCPACK") == 1


@case("dhcpd:abandoned")
def test_abandoned(node, lan):
    """When the plugin that waits is killed, the daemon stops asking"""
    daemon, pod = Daemon(node), node.container()
    idle = daemon.descriptors()
    connect(node, "port1", pod, "eth0")
    p = spawn_plugin(node, {"type": "dhcp", "ipam": daemon.ipam()}, pod)
    assert until(lambda: daemon.descriptors() == idle + 2)
    p.kill()
    assert until(lambda: daemon.descriptors() == idle), daemon.said()
    assert "nobody waits" in daemon.said()


@case("dhcpd:many")
def test_many(node, lan):
    """Fifty interfaces at once, in one thread; ten that wait in vain hold up nobody; GC releases all but the valid"""
    server, daemon = Dnsmasq(lan), Daemon(node)
    server.start(50, None, f"--dhcp-range={SUBNET}.100,{SUBNET}.200,255.255.255.0,120")
    conf = {"type": "dhcp", "ipam": daemon.ipam()}
    pod, dead = node.container(), node.container("dead")
    for i in range(50):
        connect(node, f"port{i + 1}", pod, f"eth{i}")
        node.ip("link", "set", f"port{i + 1}", "master", "lan0")
    for i in range(10):
        connect(node, f"dead{i}", dead, f"eth{i}")
        spawn_plugin(node, conf, dead, f"eth{i}")
    calls = [spawn_plugin(node, conf, pod, f"eth{i}") for i in range(50)]
    results = [json.loads(p.stdout.read()) for p in calls]
    assert len({address_of(r) for r in results}) == 50
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert "Threads:\t1\n" in status
    assert len(daemon.files()) == 50
    node.gc(conf, [(pod, "eth3"), (pod, "eth4")])
    assert until(lambda: len(server.leases()) == 2), daemon.said()[-2000:]
    assert set(server.leases()) == {address_of(results[3]), address_of(results[4])} and len(daemon.files()) == 2


@case("dhcpd:socket")
def test_socket(node):
    """A socket left by a killed daemon is taken over, a living one's is not; SIGTERM takes socket and pidfile away"""
    pidfile = node.dir / "pid"
    daemon = Daemon(node, "--pidfile", pidfile)
    assert until(pidfile.exists) and pidfile.read_text() == str(daemon.process.pid)
    second = node.run(node.bin / "dhcp", "daemon", f"-socketpath={daemon.socket}", check=False)
    assert second.rc == 1 and "in use" in second.err
    daemon.stop(signal.SIGKILL)
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.stop() == 0
    assert not daemon.socket.exists() and not pidfile.exists()


@case("dhcpd:socket[mode]")
@pytest.mark.parametrize("umask", ["000", "022", "777"])
def test_socket_mode(node, umask):
    """Root and its group may use the socket, whatever the umask"""
    path = node.dir / "m.sock"
    node.spawn("bash", "-c", f"umask {umask}; exec {node.bin}/dhcp daemon -socketpath {path} -leases=")
    assert until(path.exists) and path.stat().st_mode & 0o777 == 0o660


@case("dhcpd:pidfile")
def test_pidfile_of_others(node):
    """A file that the daemon has not written is not removed"""
    (node.dir / "mine").write_text("x")
    for flags in (["-pidfile=mine"], [f"-pidfile={node.dir}/mine/pid"]):
        done = node.run(node.bin / "dhcp", "daemon", f"-socketpath={node.dir}/s", *flags, check=False, cwd=node.dir)
        assert done.rc == 1 and (node.dir / "mine").read_text() == "x" and not (node.dir / "s").exists()


FLAGS = {
    "unknown": (["-nonsense"], 2, "flag provided but not defined: -nonsense"),
    "no value": (["-timeout"], 2, "flag needs an argument: -timeout"),
    "no duration": (["-timeout=10"], 2, "-timeout: \"10\" is no duration"),
    "no unit": (["--resendmax", "5 s"], 2, "-resendmax: \"5 s\" is no duration"),
    "nothing": (["-resendtimeout=0s"], 2, "-resendtimeout: \"0s\" is not between"),
    "no boolean": (["-broadcast=maybe"], 2, "-broadcast: \"maybe\" is neither"),
    "relative pidfile": (["-socketpath=DIR/s", "-pidfile=x"], 1, "pidfile \"x\" not absolute"),
    "long socket": (["-socketpath=/" + 200 * "x"], 1, "too long"),
    "help": (["-help"], 0, "-resendtimeout duration"),
}


@case("dhcpd:flags")
@pytest.mark.parametrize("what", FLAGS)
def test_flags(node, what):
    """Flags are judged before anything is done"""
    argv, rc, text = FLAGS[what]
    done = node.run(node.bin / "dhcp", "daemon", *[a.replace("DIR", str(node.dir)) for a in argv], check=False)
    assert done.rc == rc and text in done.err, done
    assert not (node.dir / "s").exists()


@case("dhcpd:prefix")
def test_prefix(node, lan):
    """-hostprefix stands before the socket's path and the namespaces', -broadcast asks for answers by broadcast"""
    server = Kea(lan).start()
    root = node.dir / "root"
    (root / "run").mkdir(parents=True)
    (root / "run" / "netns").symlink_to("/run/netns")
    node.spawn(node.bin / "dhcp", "daemon", f"-hostprefix={root}", "-socketpath=/run/x/d.sock", "-broadcast")
    socket = root / "run/x/d.sock"
    assert until(socket.exists)
    conf = {"type": "bridge", "bridge": "lan0", "ipam": {"type": "dhcp", "daemonSocketPath": str(socket)}}
    result = node.add(conf, node.container())
    assert list(server.leases()) == [address_of(result)] and list((root / "run/x/d.sock.leases").glob("*.json"))
    assert server.said("trying to send packet DHCPACK .* to 255.255.255.255:68")
