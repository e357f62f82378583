# SPDX-License-Identifier: Apache-2.0
"""DHCPv6 of dhcp and its daemon against real servers: leases, pairs of them, renewal, restart, release."""

import base64
import json
import signal
import time

import pytest

from lib.case import case
from lib.netns import connect, until
from system.dhcp_servers import SUBNET, SUBNET6, Daemon, Dnsmasq6, Kea, Kea6, Lan6, Scripted, Scripted6, spawn_plugin

DNS = [{"option": "domain-name-servers"}, {"option": "domain-search"}]


SERVERS = {"dnsmasq": Dnsmasq6, "kea": Kea6}


@pytest.fixture
def lan(node):
    return Lan6(node)


def bridge(daemon, version=6, **ipam):
    return {"type": "bridge", "bridge": "lan0", "ipam": daemon.ipam(version=version, **ipam)}


def macvlan(daemon, version=6, **ipam):
    return {"type": "macvlan", "master": "up0", "ipam": daemon.ipam(version=version, **ipam)}


def six_of(result):
    return [ip["address"].removesuffix("/128") for ip in result["ips"] if ":" in ip["address"]]


def reaches_server(pod):
    """DHCPv6 gives no prefix of the link: a router would announce it, here it is a route."""
    pod.ip("-6", "route", "replace", f"{SUBNET6}::/64", "dev", "eth0")
    return pod.ping(f"{SUBNET6}::1")


@case("dhcp6:life")
@pytest.mark.parametrize("kind", [bridge, macvlan], ids=["bridge", "macvlan"])
@pytest.mark.parametrize("name", SERVERS)
def test_life(node, lan, name, kind):
    """A container leases an IPv6 address, reaches the server by it, and gives it back"""
    server, daemon, pod = SERVERS[name](lan).start(), Daemon(node), node.container()
    idle = daemon.descriptors()
    conf = kind(daemon)
    result = node.add(conf, pod)
    [address] = six_of(result)
    assert [sorted(ip) for ip in result["ips"]] == [["address", "interface"]]
    assert result["ips"][0]["address"] == f"{address}/128"
    assert not result.get("routes") and not result.get("dns")
    assert f"{address}/128" in pod.addresses("eth0")
    assert reaches_server(pod)
    node.check(conf, pod, prev=result)
    assert until(lambda: server.leases() == {address}), server.text()
    assert len(daemon.files()) == 1 and until(lambda: daemon.descriptors() == idle)
    assert node.add({"type": "dhcp", "ipam": conf["ipam"]}, pod)["ips"][0]["address"] == f"{address}/128"
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases()), server.text()
    assert daemon.files() == [] and "released" in daemon.said() and "not released" not in daemon.said()
    node.delete(conf, pod, prev=result)
    assert until(lambda: daemon.descriptors() == idle)


@case("dhcp6:dns")
def test_dns(node, lan):
    """Name servers and search list of the lease are in the result when they are asked for"""
    Dnsmasq6(lan).start()
    daemon = Daemon(node)
    result = node.add(bridge(daemon, request=DNS), node.container())
    assert result["dns"] == {"nameservers": [f"{SUBNET6}::53"], "search": ["a.example.org", "b.example.org"]}


@case("dhcp6:dual")
def test_dual(node, lan):
    """A pair: both addresses with the gateway of IPv4, DNS of both, and DEL gives both back"""
    server, daemon, pod = Dnsmasq6(lan).start(both=True), Daemon(node), node.container()
    conf = bridge(daemon, "dual", request=DNS)
    result = node.add(conf, pod)
    four = [ip for ip in result["ips"] if ":" not in ip["address"]]
    assert len(result["ips"]) == 2 and four[0]["gateway"] == f"{SUBNET}.1"
    assert {ip["address"] for ip in result["ips"]} <= set(pod.addresses("eth0"))
    assert f"{SUBNET6}::53" in result["dns"]["nameservers"]
    assert pod.ping(f"{SUBNET}.1") and reaches_server(pod)
    node.check(conf, pod, prev=result)
    assert len(daemon.files()) == 2 and server.leases() == set(six_of(result))
    node.delete(conf, pod, prev=result)
    assert until(lambda: (node.dir / "dnsmasq6.leases").read_text().count("\n") <= 1), "the server's own DUID remains"
    assert daemon.files() == [] and server.count("DHCPRELEASE") == 2, daemon.said()
    node.refuses("CHECK", {**conf, "prevResult": result}, pod)


@case("dhcp6:both or none")
@pytest.mark.parametrize("there", [4, 6])
def test_both_or_none(node, lan, there):
    """When one half of a pair is not to be had, the other is given back and ADD leaves nothing"""
    server = (Kea if there == 4 else Kea6)(lan).start()
    daemon, pod = Daemon(node, "-resendtimeout=12s"), node.container()
    idle, before = daemon.descriptors(), node.state()
    error = node.refuses("ADD", bridge(daemon, "dual"), pod)
    assert "no more tries" in error["msg"]
    assert until(lambda: not server.leases() and daemon.files() == []), daemon.said()
    assert server.count("DHCPRELEASE" if there == 4 else "RELEASE") >= 1, server.text()
    assert until(lambda: daemon.descriptors() == idle) and node.state() == before


@case("dhcp6:renew")
def test_renew(node, lan):
    """A lease is renewed with its server alone"""
    server = Kea6(lan).start()
    daemon, pod = Daemon(node), node.container()
    idle = daemon.descriptors()
    [address] = six_of(node.add(bridge(daemon), pod))
    assert until(lambda: daemon.said().count("renewed") >= 3, 20), daemon.said()
    assert until(lambda: daemon.descriptors() == idle), "a renewal leaves a descriptor open"
    assert server.count("SOLICIT") == 1 and server.count("RENEW") >= 3 and server.leases() == {address}
    assert f"{address}/128" in pod.addresses("eth0")


@case("dhcp6:rebind")
def test_rebind(node, lan):
    """When the server has another identity, any server may extend the lease"""
    server = Kea6(lan).start(renew=2, rebind=5, valid=60)
    daemon, pod = Daemon(node, "-timeout=1s"), node.container()
    [address] = six_of(node.add(bridge(daemon), pod))
    server.stop()
    conf = json.loads((node.dir / "kea6.json").read_text())
    conf["Dhcp6"]["server-id"]["identifier"] = "020000000002"
    (node.dir / "kea6.json").write_text(json.dumps(conf))
    server.run("kea-dhcp6", "-c", node.dir / "kea6.json", ready="DHCP6_STARTED",
               env={"KEA_PIDFILE_DIR": str(node.dir), "KEA_LOCKFILE_DIR": str(node.dir)})
    assert until(lambda: "renewed" in daemon.said(), 25), daemon.said()
    assert server.count("REBIND") >= 1 and server.leases() == {address}


@case("dhcp6:restart")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_restart(node, lan, how):
    """A daemon that is started anew renews the leases of the one before, and releases them"""
    server = Kea6(lan).start()
    daemon, pod = Daemon(node), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    daemon.stop(how)
    assert server.leases() == set(six_of(result)), "the daemon's end releases nothing"
    renewals = server.count("RENEW")
    daemon.start()
    node.check(conf, pod, prev=result)
    assert until(lambda: server.count("RENEW") >= renewals + 2, 20), daemon.said()
    assert server.count("SOLICIT") == 1
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases())


@case("dhcp6:restart of a pair")
def test_restart_pair(node, lan):
    """Both leases of a pair outlive the daemon"""
    server, daemon, pod = Dnsmasq6(lan).start(both=True), Daemon(node), node.container()
    conf = bridge(daemon, "dual")
    result = node.add(conf, pod)
    daemon.stop(signal.SIGKILL)
    daemon.start()
    node.check(conf, pod, prev=result)
    node.delete(conf, pod, prev=result)
    assert daemon.files() == [] and until(lambda: not server.leases())


@case("dhcp6:ended meanwhile")
def test_ended_meanwhile(node, lan):
    """A lease that ran out while no daemon was there is asked for at once, and its address was never taken off"""
    server = Kea6(lan).start()
    daemon, pod = Daemon(node), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    [address] = six_of(result)
    daemon.stop()
    time.sleep(7)  # the lease has 6 s
    daemon.start()
    assert until(lambda: daemon.said().count("leased") >= 2, 30), daemon.said()
    assert "ended while nobody could renew it" in daemon.said()
    assert f"{address}/128" in pod.addresses("eth0") and server.leases() == {address}
    node.check(conf, pod, prev=result)


@case("dhcp6:DEL without daemon")
@pytest.mark.parametrize("version", [6, "dual"])
def test_delete_without_daemon(node, lan, version):
    """DEL does without a daemon; the next one finds the container gone and forgets its leases"""
    Dnsmasq6(lan).start(both=True)
    daemon, pod = Daemon(node), node.container()
    conf = bridge(daemon, version)
    result = node.add(conf, pod)
    daemon.stop()
    assert len(daemon.files()) == len(result["ips"])
    node.delete(conf, pod, prev=result)
    node.delete(conf, pod, prev=result)
    assert pod.link("eth0") is None
    daemon.start()
    assert until(lambda: daemon.files() == []), daemon.said()
    node.delete(conf, pod, prev=result)


@case("dhcp6:older file")
def test_older_file(node, lan):
    """The leases of a daemon that knew IPv4 only are gone on with: their files name no version"""
    server, daemon, pod = Kea(lan).start(renew=100, rebind=200, valid=300), Daemon(node), node.container()
    conf = bridge(daemon, None)
    result = node.add(conf, pod)
    daemon.stop()
    [file] = daemon.store.glob("*.json")
    lease = json.loads(file.read_text())
    del lease["version"]
    file.write_text(json.dumps(lease))
    daemon.start()
    node.check(conf, pod, prev=result)
    assert len(daemon.files()) == 1
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases()) and daemon.files() == []


FOR_EVER = 0xffffffff
REFUSED = {
    "no time": ({"valid": 0, "preferred": 0}, "valid lifetime is 0"),
    "preferred beyond valid": ({"preferred": 301}, "preferred for 301 s and valid for 300 s"),
    "T1 beyond T2": ({"t1": 201}, "T1 (201 s) is behind T2 (200 s)"),
    "too short": ({"t1": 0, "t2": 0, "preferred": 3, "valid": 3}, "a lease of 3 s (its valid lifetime) is shorter"),
    "T1 for ever": ({"t1": FOR_EVER}, "is behind T2"),
    "multicast": ({"ip": "ff02::1"}, "ff02::1 cannot be used"),
    "link-local": ({"ip": "fe80::1"}, "fe80::1 cannot be used"),
    "IPv4": ({"ip": "::ffff:10.0.0.1"}, "cannot be used"),
    "no address": ({"ip": None}, "no address"),
    "IA status": ({"ia_status": 2}, "NoAddrsAvail"),
    "status": ({"status": 1}, "UnspecFail"),
    "unknown status": ({"status": 65535}, "unknown status"),
    "torn option": ({"tail": "000d0002"}, "no DHCPv6 server has offered"),
    "too long": ({"tail": "0017ffff00"}, "no DHCPv6 server has offered"),
    "half a head": ({"tail": "0017"}, "no DHCPv6 server has offered"),
    "second identity": ({"tail": "00020003000300"}, "no DHCPv6 server has offered"),
    "short IA": ({"tail": "0003000400000000"}, "no DHCPv6 server has offered"),
}


@case("dhcp6:unusable")
@pytest.mark.parametrize("name", REFUSED)
def test_unusable(node, lan, name):
    """What a server offers and cannot be used fails ADD with the reason, logged once however often it is said"""
    say, reason = REFUSED[name]
    Scripted6(lan).start(**{"times": 20, **say})
    daemon, pod = Daemon(node, "-resendtimeout=5s"), node.container()
    pod.sysctl("net.ipv6.conf.default.accept_dad", 0)  # so that the time is the server's
    idle = daemon.descriptors()
    assert reason in node.refuses("ADD", bridge(daemon), pod)["msg"]
    assert daemon.said().count("passed over") <= 1, daemon.said()
    assert daemon.files() == [] and until(lambda: daemon.descriptors() == idle)


@case("dhcp6:unusable REPLY")
def test_unusable_reply(node, lan):
    """A REPLY that takes back what the ADVERTISE promised fails ADD; what it lent is given back"""
    server = Scripted6(lan).start(ip={"SOLICIT": "fd00:9::50", "REQUEST": "ff02::1"})
    daemon, pod = Daemon(node, "-resendtimeout=10s"), node.container()
    assert "ff02::1 cannot be used" in node.refuses("ADD", bridge(daemon), pod)["msg"]
    assert until(lambda: server.count("RELEASE") == 1) and daemon.files() == []


@case("dhcp6:for ever")
def test_for_ever(node, lan):
    """A lease without an end needs no server; the daemon looks now and then whether its container is there"""
    server = Scripted6(lan).start(t1=FOR_EVER, t2=FOR_EVER, preferred=FOR_EVER, valid=FOR_EVER)
    daemon, pod = Daemon(node, "-resendmax=1s"), node.container()
    idle = daemon.descriptors()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    time.sleep(3)
    node.check(conf, pod, prev=result)
    assert server.count("REN|REBIND") == 0 and until(lambda: daemon.descriptors() == idle)
    daemon.stop()
    daemon.start()
    node.check(conf, pod, prev=result)
    pod.ip("link", "del", "eth0")
    assert until(lambda: daemon.files() == [], 10), daemon.said()
    assert "the container is gone" in daemon.said()


@case("dhcp6:no storm")
def test_no_storm(node, lan):
    """Times of a second, and failures said again and again, do not make the daemon ask without a pause"""
    times = {"t1": {"REQUEST": 1}, "t2": {"REQUEST": 1}, "preferred": 8, "valid": 9}
    server = Scripted6(lan).start(**times, status={"REBIND": 1}, times=20)
    daemon, pod = Daemon(node, "-resendmax=1s"), node.container()
    idle = daemon.descriptors()
    node.add(bridge(daemon), pod)
    assert until(lambda: "UnspecFail" in daemon.said(), 10), daemon.said()
    time.sleep(4)
    assert server.count("REN|REBIND") <= 3 and daemon.said().count("UnspecFail") <= 3, daemon.said()
    assert until(lambda: "the lease has ended" in daemon.said(), 15), daemon.said()
    assert until(lambda: f"{SUBNET6}::50/128" in pod.addresses("eth0"), 20), daemon.said()
    assert until(lambda: daemon.descriptors() == idle, 20), daemon.said()


TAKEN_BACK = {
    "no time": {"preferred": 0, "valid": {"RENEW": 0}},
    "NotOnLink": {"ia_status": {"RENEW": 4}},
    "NoBinding": {"ia_status": {"RENEW": 3}},
}


@case("dhcp6:taken back")
@pytest.mark.parametrize("name", TAKEN_BACK)
def test_taken_back(node, lan, name):
    """An address that the server takes back is taken off and asked for again; one it forgot is lent anew"""
    Scripted6(lan).start(t1=2, t2=50, **TAKEN_BACK[name])
    daemon, pod = Daemon(node, "-resendmax=1s"), node.container()
    node.add(bridge(daemon), pod)
    assert until(lambda: daemon.said().count("leased") >= 2, 30), daemon.said()
    assert ("taken off" in daemon.said()) == (name != "NoBinding")
    assert until(lambda: f"{SUBNET6}::50/128" in pod.addresses("eth0"), 10), daemon.said()


@case("dhcp6:expiry")
def test_expiry(node, lan):
    """When a lease ends its address is taken off; when the server is back, the same address is put back"""
    server = Kea6(lan).start()
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    [address] = six_of(result)
    server.stop()
    assert until(lambda: f"{address}/128" not in pod.addresses("eth0"), 15), daemon.said()
    assert "the lease has ended" in daemon.said() and "UP" in pod.link("eth0")["flags"]
    node.refuses("CHECK", {**conf, "prevResult": result}, pod)
    server.start(first=0x90)
    assert until(lambda: "is not taken" in daemon.said(), 10), daemon.said()
    server.stop()
    server.start()
    assert until(lambda: f"{address}/128" in pod.addresses("eth0"), 20), daemon.said()
    assert reaches_server(pod)
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases())


@case("dhcp6:late T1")
def test_late_t1(node, lan):
    """A server whose T1 and T2 are behind the end of the lease is asked before it"""
    server = Scripted6(lan).start(t1=30, t2=40, preferred=8, valid=8)
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    assert until(lambda: server.count("RENEW") >= 2, 20), daemon.said()
    assert "the lease has ended" not in daemon.said() and f"{SUBNET6}::50/128" in pod.addresses("eth0")


NOT_ANEW = {
    "silence": ({"times": {"REQUEST": 0}}, "does not answer a REQUEST"),
    "NoAddrsAvail": ({"status": {"REQUEST": 2}}, "says NoAddrsAvail"),
    "UnspecFail": ({"status": {"REQUEST": 1}}, "answers a REQUEST with UnspecFail"),
}


@case("dhcp6:not anew")
@pytest.mark.parametrize("name", NOT_ANEW)
def test_not_anew(node, lan, name):
    """A server that has forgotten a lease and does not make it anew ends it no sooner: it is in force, and renewed later"""
    say, reason = NOT_ANEW[name]
    times = {"t1": 3, "t2": 60, "preferred": 90, "valid": 90}
    server = Scripted6(lan).start(**times)
    daemon, pod = Daemon(node, "-timeout=2s"), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    server.stop()
    server.start(**times, ia_status={"RENEW": 3}, **say)
    assert until(lambda: server.count("REQUEST") >= 2, 20), daemon.said()
    node.check(conf, pod, prev=result)
    assert until(lambda: "goes on" in daemon.said(), 10), daemon.said()
    assert reason in daemon.said()
    node.check(conf, pod, prev=result)
    server.stop()
    server.start(**times)
    assert until(lambda: "renewed" in daemon.said(), 30), daemon.said()
    assert "taken off" not in daemon.said() and f"{SUBNET6}::50/128" in pod.addresses("eth0")
    node.delete(conf, pod, prev=result)
    assert until(lambda: server.count("RELEASE") == 1) and "not released" not in daemon.said()


@case("dhcp6:not anew[again]")
def test_not_anew_again(node, lan):
    """The longer a server goes on not making a lease anew, the more seldom it is asked"""
    server = Scripted6(lan).start(t1=2, t2=200)
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    server.stop()
    server.start(t1=2, t2=200, ia_status={"RENEW": 3}, status={"REQUEST": 2})
    assert until(lambda: server.count("RENEW") == 1, 15), daemon.said()
    time.sleep(24)  # pauses of 10 s and 20 s, each 10 % more or less
    assert server.count("RENEW") <= 2 and "taken off" not in daemon.said(), daemon.said()


@case("dhcp6:not anew[end]")
def test_not_anew_until_the_end(node, lan):
    """A lease that ends while it is asked for anew is said to end, and noted as lost"""
    times = {"t1": 3, "t2": 8, "preferred": 9, "valid": 9}
    server = Scripted6(lan).start(**times)
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    server.stop()
    server.start(**times, ia_status={"RENEW": 3, "REBIND": 3}, times={"REQUEST": 0, "SOLICIT": 0})
    assert until(lambda: f"{SUBNET6}::50/128" not in pod.addresses("eth0"), 20), daemon.said()
    assert until(lambda: "the lease has ended: the address is taken off" in daemon.said()), daemon.said()
    [file] = daemon.store.glob("*.json")
    assert json.loads(file.read_text())["lost"]


@case("dhcp6:stranger")
def test_stranger(node, lan):
    """While any server may extend a lease, one that did not lend it cannot end it by a refusal"""
    times = {"t1": 2, "t2": 4, "preferred": 60, "valid": 60}
    server = Scripted6(lan).start(**times)
    daemon, pod = Daemon(node, "-timeout=1s"), node.container()
    conf = bridge(daemon)
    result = node.add(conf, pod)
    server.stop()
    server.start(**times, id=2, ia_status=4)
    assert until(lambda: "the lease is another's" in daemon.said(), 20), daemon.said()
    assert "says NotOnLink" in daemon.said() and "taken off" not in daemon.said()
    node.check(conf, pod, prev=result)
    server.stop()
    server.start(**times)
    assert until(lambda: "renewed" in daemon.said(), 30), daemon.said()


@case("dhcp6:not lent")
def test_not_lent(node, lan):
    """An ADD that fails because a REQUEST is answered with a failure names it"""
    Scripted6(lan).start(status={"REQUEST": 1})
    daemon = Daemon(node, "-resendtimeout=5s")
    error = node.refuses("ADD", bridge(daemon), node.container())["msg"]
    assert error.endswith("no more tries: the DHCPv6 server answers a REQUEST with UnspecFail"), error


@case("dhcp6:not said")
def test_not_said(node, lan):
    """A renewal that could not be sent is not waited for; the reason is said as it is"""
    Scripted6(lan).start(t1=3, t2=200)
    daemon, pod = Daemon(node, "-timeout=1s"), node.container()
    node.add(bridge(daemon), pod)
    pod.ip("-6", "addr", "flush", "dev", "eth0", "scope", "link")
    assert until(lambda: "RENEW: " in daemon.said(), 15), daemon.said()
    time.sleep(2)
    assert "no IPv6 link-local address that can be used\n" in daemon.said() and "no answer" not in daemon.said()


@case("dhcp6:server unknown")
def test_server_unknown(node, lan):
    """A lease on disk that does not say whose it is, is forgotten with the reason"""
    Scripted6(lan).start()
    daemon, pod = Daemon(node), node.container()
    node.add(bridge(daemon), pod)
    daemon.stop()
    [file] = daemon.store.glob("*.json")
    lease = json.loads(file.read_text())
    reply = base64.b64decode(lease["ack"])
    at = reply.index(bytes.fromhex("0002000a0003000102"))
    lease["ack"] = base64.b64encode(reply[:at] + reply[at + 14:]).decode()
    file.write_text(json.dumps(lease))
    daemon.start()
    assert until(lambda: daemon.files() == []) and "server of the lease is not known" in daemon.said()


@case("dhcp6:half a pair")
def test_half_ends(node, lan):
    """The end of a pair's IPv4 lease takes that address and its routes; the IPv6 half works on, and the other comes back"""
    server = Kea(lan).start()
    Scripted6(lan).start()
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    conf = bridge(daemon, "dual")
    result = node.add(conf, pod)
    [four] = [ip["address"] for ip in result["ips"] if ":" not in ip["address"]]
    pod.ip("addr", "add", "10.77.0.2/24", "dev", "eth0")  # with another address the kernel keeps routes
    assert reaches_server(pod) and pod.ping(f"{SUBNET}.1") and pod.route("default")
    pod.ip("-6", "route", "add", "fd00:77::/64", "via", f"{SUBNET6}::1")
    six, routes = [a for a in pod.addresses("eth0") if ":" in a], str(pod.ip("-6", "route"))
    server.stop()
    assert until(lambda: four not in pod.addresses("eth0"), 15), daemon.said()
    assert "the lease has ended: the address is taken off" in daemon.said()
    assert until(lambda: not pod.route("default"), 5)
    assert "UP" in pod.link("eth0")["flags"]
    assert pod.ping(f"{SUBNET6}::1") and str(pod.ip("-6", "route")) == routes
    assert [a for a in pod.addresses("eth0") if ":" in a] == six and "10.77.0.2/24" in pod.addresses("eth0")
    node.refuses("CHECK", {**conf, "prevResult": result}, pod)
    server.start()
    assert until(lambda: four in pod.addresses("eth0") and pod.route("default"), 20), daemon.said()
    assert pod.ping(f"{SUBNET}.1") and pod.ping(f"{SUBNET6}::1") and str(pod.ip("-6", "route")) == routes
    node.check(conf, pod, prev=result)
    node.delete(conf, pod, prev=result)
    assert until(lambda: not server.leases()) and daemon.files() == []


@case("dhcp6:half a pair[too soon]")
def test_half_ends_too_soon(node, lan):
    """A pair whose first lease ends before the second comes fails with just that, and leaves nothing"""
    server = Scripted(lan).start(lease=5)
    daemon, pod = Daemon(node, "-timeout=1s", "-resendmax=1s"), node.container()
    p = spawn_plugin(node, bridge(daemon, "dual"), pod)
    assert until(lambda: "leased" in daemon.said(), 15), daemon.said()
    server.stop()
    assert until(lambda: "the lease has ended" in daemon.said(), 15), daemon.said()
    six = Scripted6(lan).start()
    out = p.stdout.read()
    p.wait(10)
    assert "the lease of the IPv4 address ended while the other one was being acquired" in out.decode()
    assert until(lambda: six.count("RELEASE") == 1 and daemon.files() == []), daemon.said()


@case("dhcp6:nobody")
def test_nobody(node, lan):
    """Without a server ADD fails in time and leaves nothing, in the daemon neither"""
    daemon, pod = Daemon(node, "-resendtimeout", "3s"), node.container()
    idle, before, began = daemon.descriptors(), node.state(), time.monotonic()
    assert "no DHCPv6 server" in node.refuses("ADD", bridge(daemon), pod)["msg"]
    assert 2 < time.monotonic() - began < 15
    assert pod.link("eth0") is None and node.state() == before
    assert until(lambda: daemon.descriptors() == idle) and daemon.files() == []


@case("dhcp6:full")
def test_full(node, lan):
    """A server without an address to spare says so; what the first gives back the second gets"""
    Kea6(lan).start(renew=100, rebind=200, valid=300, pool=1)
    daemon, a, b = Daemon(node, "-resendtimeout=12s"), node.container("a"), node.container("b")
    result = node.add(bridge(daemon), a)
    assert "NoAddrsAvail" in node.refuses("ADD", bridge(daemon), b)["msg"]
    node.delete(bridge(daemon), a, prev=result)
    assert node.add(bridge(daemon), b)["ips"] == result["ips"]


@case("dhcp6:disabled")
def test_disabled(node, lan):
    """IPv6 is switched on where the container's interface has it off; without a link-local address ADD says so"""
    Kea6(lan).start()
    daemon, pod = Daemon(node, "-resendtimeout=10s"), node.container()
    pod.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    node.add(bridge(daemon), pod)
    other = node.container("other")
    other.sysctl("net.ipv6.conf.default.addr_gen_mode", 1)
    error = node.refuses("ADD", bridge(daemon), other)["msg"]
    assert error.endswith("no IPv6 link-local address that can be used"), error


@case("dhcp6:abandoned")
@pytest.mark.parametrize("version", [6, "dual"])
def test_abandoned(node, lan, version):
    """When the plugin that waits is killed, the daemon gives up, and gives back the half that it had"""
    four = Kea(lan).start()
    daemon, pod = Daemon(node), node.container()
    idle = daemon.descriptors()
    connect(node, "port1", pod, "eth0")
    node.ip("link", "set", "port1", "master", "lan0")
    p = spawn_plugin(node, {"type": "dhcp", "ipam": daemon.ipam(version=version)}, pod)
    assert until(lambda: four.leases() if version == "dual" else daemon.descriptors() > idle + 1, 10), daemon.said()
    p.kill()
    assert until(lambda: daemon.descriptors() == idle), daemon.said()
    assert "nobody waits" in daemon.said() and daemon.files() == [] and until(lambda: not four.leases())


@case("dhcp6:identity")
def test_identity(node, lan):
    """The same attachment has the same identity: a repeated ADD after a DEL gets the same address"""
    server, daemon, pod = Dnsmasq6(lan).start(), Daemon(node), node.container()
    conf = bridge(daemon)
    first = node.add(conf, pod)
    node.delete(conf, pod, prev=first)
    again = node.add(conf, pod)
    assert six_of(first) == six_of(again)
    assert len(server.leases()) == 1


@case("dhcp6:GC")
def test_gc(node, lan):
    """GC gives back both halves of what is not valid"""
    server, daemon = Dnsmasq6(lan).start(both=True), Daemon(node)
    a, b, conf = node.container("a"), node.container("b"), bridge(daemon, "dual")
    node.add(conf, a)
    result = node.add(conf, b)
    node.gc(conf, [(b, "eth0")])
    assert until(lambda: server.leases() == set(six_of(result))) and len(daemon.files()) == 2


BAD = ["5", 5, "", "v6", 46, 6.0, -6, True, [6], {"a": 6}, "Dual", "4,6"]


@case("dhcp6:invalid")
@pytest.mark.parametrize("version", BAD, ids=[json.dumps(v) for v in BAD])
def test_invalid(node, version):
    """A version that is none of 4, 6 and dual is refused before anything is asked"""
    socket = str(node.dir / "none.sock")
    conf = {"type": "dhcp", "ipam": {"type": "dhcp", "daemonSocketPath": socket, "version": version}}
    error = node.refuses("ADD", conf, node.container())
    assert error["code"] == 7 and "version" in error["msg"] and "dual" in error["msg"]


@case("dhcp6:versions")
@pytest.mark.parametrize("version", [None, 4, "4"], ids=json.dumps)
def test_four(node, lan, version):
    """4 is the default, as a number or as a text, and brings no IPv6"""
    Dnsmasq6(lan).start(both=True)
    daemon = Daemon(node)
    result = node.add(bridge(daemon, version), node.container())
    assert len(result["ips"]) == 1 and not six_of(result) and len(daemon.files()) == 1


@case("dhcp6:text")
def test_six_as_text(node, lan):
    """6 may be a text"""
    Dnsmasq6(lan).start()
    assert six_of(node.add(bridge(Daemon(node), "6"), node.container()))
