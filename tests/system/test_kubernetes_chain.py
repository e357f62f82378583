# SPDX-License-Identifier: Apache-2.0
"""The chain that nodes of Kubernetes run: bridge, portmap, bandwidth, firewall, tuning. What the pods of such a node need,
and that a pod which goes leaves nothing."""

import pytest

from lib.case import case
from system.firewalls import docker
from system.test_bandwidth import throughput
from system.world import changed, files, outside, state

NETS = ("10.7.0.0/24", "fd00:7::/64")
RATE = {"ingressRate": 20_000_000, "ingressBurst": 400_000, "egressRate": 40_000_000, "egressBurst": 800_000}
PAYLOAD = 1448 / 1514 / 8       # bytes of TCP's load per bit that is shaped


def chain(node):
    return node.network(
        {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": node.host_local(*NETS)},
        {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        {"type": "firewall"},
        {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}, "mtu": 1500, "dataDir": str(node.dir / "tuning")},
        version="1.0.0")


def attach(net, node, label, port):
    pod = node.container(label)
    ports = [{"hostPort": port, "containerPort": 5001, "protocol": "tcp"}, {"hostPort": port, "containerPort": 53, "protocol": "udp"}]
    return net.add(pod, capabilities={"portMappings": ports, "bandwidth": RATE})


def plain(node):
    """Nobody has made a rule."""


def everything(node):
    """All that a pod could have changed on the node; files of leases without the advice where to look next."""
    found = state(node, advice=False)
    del found["node"]["nft"]        # with counters
    return {
        **found,
        "ruleset": node.run("nft", "-s", "list", "ruleset").out,
        "queues": node.run("tc", "qdisc", "show").out,
        "addresses": node.run("ip", "-br", "addr").out,
        "iptables": [node.run(tool).out.splitlines()[1:-1] for tool in ("iptables-save", "ip6tables-save")],
        "more files": files("/run/cni", "/var/lib/cni", node.dir / "tuning"),
    }


def stable(saved):
    """Without the hour that iptables-save writes and without counters."""
    return [[line.split(" [")[0] for line in one if not line.startswith("#")] for one in saved]


HOSTS = {"plain": plain, "docker": docker}


@pytest.fixture(params=HOSTS, ids=str)
def hosted(request, node):
    """(node, a host outside, does the node forward what nobody asked for)"""
    host = outside(node)
    HOSTS[request.param](node)
    return node, host, request.param == "plain"


@case("chain:traffic")
def test_traffic(hosted):
    """Pods reach each other, the node and the world, and are reached by their published ports, over both families"""
    node, host, forwards = hosted
    net = chain(node)
    a, b = attach(net, node, "a", 8001), attach(net, node, "b", 8002)
    host.listen(80)
    for at in a, b:
        at.container.listen(5001)
        at.container.listen(53, "udp")
        net.check(at)
    for index, outer, own in (0, "192.0.2.9", "192.0.2.1"), (1, "2001:db8:f::9", "2001:db8:f::1"):
        assert a.container.ping(b.addresses[index]) and node.ping(a.addresses[index])
        assert a.container.ask(outer, 80) == f"{host.name} {own}"
        assert node.ask(own, 8001).startswith(f"{a.container.name} ")
        if forwards:
            assert host.ask(own, 8001) == f"{a.container.name} {outer}" and host.ask(own, 8002) == f"{b.container.name} {outer}"
            assert host.ask(own, 8001, "udp") == f"{a.container.name} {outer}"
    assert node.ask("127.0.0.1", 8002).startswith(f"{b.container.name} ")
    assert a.container.sysctl("net.core.somaxconn") == "500"
    assert a.container.ask("192.0.2.1", 8001).startswith(f"{a.container.name} ")       # itself, by its published port


@case("chain:rate")
@pytest.mark.timing
def test_rate(hosted):
    """TCP runs at the configured rate in both directions, give or take a tenth"""
    node, host, forwards = hosted
    at = attach(chain(node), node, "a", 5001)
    into = throughput(host, at.container, "192.0.2.1") if forwards else throughput(node, at.container, at.address)
    out = throughput(at.container, host, "192.0.2.9")
    assert into == pytest.approx(RATE["ingressRate"] * PAYLOAD, rel=0.1) and out == pytest.approx(RATE["egressRate"] * PAYLOAD, rel=0.1), (into, out)


@case("chain:leaves-nothing")
@pytest.mark.parametrize("how", ["alive", "namespace gone", "no namespace"])
def test_leaves_nothing(hosted, how):
    """DEL of a pod leaves rules, links, queues, leases and files as they were before its ADD, and the other pod as it is"""
    node, host, forwards = hosted
    net = chain(node)
    first = attach(net, node, "first", 8001)
    before = everything(node)
    second = attach(net, node, "second", 8002)
    assert everything(node)["ruleset"] != before["ruleset"]
    if how == "namespace gone":
        second.container.close()
    if how == "no namespace":
        for plugin in reversed(net.conflist["plugins"]):
            conf = net.conf(plugin, second.result, second.capabilities)
            node.plugin("DEL", conf, second.container, env={"CNI_NETNS": ""}).result
    else:
        net.delete(second)

    def remains():
        now = everything(node)
        return changed({**before, "iptables": stable(before["iptables"])}, {**now, "iptables": stable(now["iptables"])})
    node.until(lambda: not remains(), 10)
    assert remains() == []
    net.check(first)
    first.container.listen(5001)
    assert node.ask("192.0.2.1", 8001).startswith(f"{first.container.name} ") and node.ask("192.0.2.1", 8002, wait=0.5) is None
