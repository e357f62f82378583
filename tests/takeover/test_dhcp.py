# SPDX-License-Identifier: Apache-2.0
"""dhcp on a node that changes hands: our plugin with the Go daemon, the Go plugin with ours, and one daemon after the other."""

import pytest

from lib.case import case
from lib.dhcp import Daemon, Server
from lib.netns import connect, until
from system.dhcp_servers import Dnsmasq6, Lan6


@pytest.fixture
def server(node):
    with Server(node.dir) as s:
        yield s


@pytest.fixture
def pod(node, server):
    c = node.container("pod")
    server.plug(c)
    return c


def conf(node, **ipam):
    """1.0.0: the old ones know no later version."""
    ipam = {"type": "dhcp", "daemonSocketPath": str(node.dir / "dhcp.sock"), **ipam}
    return {"cniVersion": "1.0.0", "name": "lan", "type": "dhcp", "ipam": ipam}


def plain(result):
    """Old ones print an empty dns."""
    return {k: v for k, v in result.items() if v}


def mix(node, server, pod, plugins, **ipam):
    """A life in which the plugins take turns; what they said."""
    c, said = conf(node, **ipam), []
    for first, second in (plugins, plugins[::-1]):
        result = plain(node.add(c, pod, type=first))
        assert plain(node.add(c, pod, type=second)) == result
        node.check(c, pod, prev=result, type=second)
        node.check(c, pod, prev=result, type=first)
        assert [f"{a}/24" for a in server.leases()] == [result["ips"][0]["address"]]
        node.delete(c, pod, prev=result, type=second)
        node.delete(c, pod, prev=result, type=first)
        result["ips"][0]["address"] = "one"
        said.append(result)
    assert said[0] == said[1]
    return said[0]


@case("TKDH1")
@pytest.mark.parametrize("daemon", ["ours", "go"])
def test_both_plugins(node, server, pod, go, ours, daemon):
    """Our plugin and the Go plugin say the same to each daemon, and each goes on where the other has begun"""
    Daemon(node, program=(ours if daemon == "ours" else go) / "dhcp")
    plugins = [str(ours / "dhcp"), str(go / "dhcp")]
    assert mix(node, server, pod, plugins) == {"cniVersion": "1.0.0", "ips": [{"address": "one", "gateway": "10.9.0.1"}],
                                               "routes": [{"dst": "0.0.0.0/0", "gw": "10.9.0.1"}]}


@case("TKDH2")
def test_verbs_the_reference_lacks(node, server, pod, go, ours):
    """With a Go daemon STATUS sees it, and GC does nothing"""
    daemon = Daemon(node, program=go / "dhcp")
    c = {**conf(node), "cniVersion": "1.1.0"}
    node.status(c)
    node.add(conf(node), pod)
    node.gc(c)
    assert len(server.leases()) == 1
    node.check(conf(node), pod)
    node.delete(conf(node), pod)
    daemon.kill()
    node.refuses("STATUS", c, code=50)


@case("TKDH3")
def test_failures(node, go, ours):
    """What a daemon refuses is the same failure through either plugin"""
    pod = node.container("pod")
    for program in (go, ours):
        daemon = Daemon(node, program=program / "dhcp")
        texts = {node.refuses("ADD", conf(node), pod, type=str(plugin / "dhcp"))["msg"] for plugin in (go, ours)}
        assert len(texts) == 1 and texts.pop().startswith("error calling DHCP.Allocate: ")
        daemon.kill()
        daemon.socket.unlink()


@case("TKDH4")
@pytest.mark.parametrize("way", ["go to ours", "ours to go"])
def test_daemon_replaced(node, server, pod, go, ours, way):
    """A daemon after another: what the first has leased can be released, and a repeated ADD gets the same address"""
    first, second = (go, ours) if way == "go to ours" else (ours, go)
    daemon = Daemon(node, program=first / "dhcp")
    result = node.add(conf(node), pod)
    daemon.kill()
    if second == go:
        daemon.socket.unlink()      # that of a killed daemon is in the way of the Go daemon
    Daemon(node, program=second / "dhcp")
    assert node.add(conf(node), pod) == result
    node.check(conf(node), pod, prev=result)
    node.delete(conf(node), pod, prev=result)
    node.delete(conf(node), pod, prev=result)


@case("TKDH5")
def test_state_of_the_other(node, server, pod, go, ours):
    """DEL of what another daemon has leased, by the plugin that did not add it, with no lease known to anybody"""
    for adds, deletes in ((go, ours), (ours, go)):
        daemon = Daemon(node, program=adds / "dhcp")
        result = node.add(conf(node), pod, type=str(adds / "dhcp"))
        daemon.kill()
        until(lambda: not daemon.listens())
        daemon.socket.unlink(missing_ok=True)
        again = Daemon(node, program=deletes / "dhcp")
        node.delete(conf(node), pod, prev=result, type=str(deletes / "dhcp"))
        again.kill()
        again.socket.unlink(missing_ok=True)


@case("TKDH7")
@pytest.mark.parametrize("version", [6, "dual"])
def test_no_ipv6(node, server, pod, go, ours, version):
    """A Go daemon is not asked for IPv6: it would lend an IPv4 address; DEL succeeds"""
    Daemon(node, program=go / "dhcp")
    c = conf(node, version=version)
    assert "leases IPv4 addresses only" in node.refuses("ADD", c, pod)["msg"]
    assert not server.leases()
    node.refuses("CHECK", c, pod)
    node.delete(c, pod)


@case("TKDH8")
@pytest.mark.parametrize("version", [6, "dual"])
def test_ipv6_for_the_other_plugin(node, go, version):
    """Our daemon obeys the version that stands in a Go plugin's configuration"""
    server = Dnsmasq6(Lan6(node)).start(both=True)
    Daemon(node)
    pod = node.container("pod")
    connect(node, "port1", pod, "eth0")
    node.ip("link", "set", "port1", "master", "lan0")
    c = conf(node, version=version)
    result = node.add(c, pod, type=str(go / "dhcp"))
    assert [ip["address"] for ip in result["ips"] if ":" in ip["address"]] == [f"{a}/128" for a in server.leases()]
    assert len(result["ips"]) == (2 if version == "dual" else 1)
    node.check(c, pod, prev=result)
    node.delete(c, pod, type=str(go / "dhcp"))
    assert until(lambda: not server.leases())
