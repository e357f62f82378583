# SPDX-License-Identifier: Apache-2.0
"""Attachments that the Go plugins made are checked, deleted and collected by ours; what remains is no more than what
their own DEL leaves."""

import re
import shutil

import pytest

from lib.case import case
from system.world import files, outside
from takeover.kinds import KINDS, bridge, network


MAC = "([0-9a-f]{2}:){5}[0-9a-f]{2}"


def lines(ruleset):
    """A rule set as "table/chain: rule" lines."""
    found, path = [], []
    for line in ruleset.splitlines():
        line = line.strip()
        if line.endswith("{"):
            path.append(line[:-1].strip())
        elif line == "}":
            path.pop()
        elif line:
            found.append("/".join(path) + ": " + line)
    return found


def both(new_node, go, kind):
    """The same attachment on two nodes, by the Go plugins: one will be deleted by them, the other by ours."""
    pairs = []
    for label in "theirs", "ours":
        node = new_node(label)
        net = network(node, kind, go)
        if net is None:
            return None
        net, capabilities = net
        container = node.container(id="pod-1")
        other = node.container(id="pod-2")
        at = net.add(container, capabilities=capabilities)
        other = net.add(other)
        pairs.append((node, net, at))
    return pairs, other


def leftovers(node):
    """(rules, files, links) that are there, with what is random in them (names of veths, MACs, counters) taken out."""
    text = node.run("nft", "-n", "list", "ruleset", check=False).out
    text = re.sub(r"counter packets \d+ bytes \d+ ?", "", re.sub("veth[0-9a-f]{8}", "vethX", re.sub(MAC, "MAC", text)))
    names = [re.sub("veth[0-9a-f]{8}", "vethX", name) for name in node.links()]
    return set(lines(text)), {f.split("/networks/")[-1] for f in files(node.data, advice=False)}, sorted(names)


HOWS = ["alive", "netns gone", "no netns"]


@case("takeover:del")
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_del(new_node, go, ours, kind, how):
    """CHECK is content with what Go made; DEL leaves what Go's own DEL of a living container leaves, or less"""
    made = both(new_node, go, kind)
    if made is None:
        pytest.skip("this version has no such thing")
    ((theirs, their_net, their_at), (node, net, at)), other = made
    mine = net.using(ours)
    mine.check(at)
    for plugin in reversed(their_net.conflist["plugins"]):
        their_net.one("DEL", plugin, their_at)      # may fail: 1.9.1 trips over what iptables 1.8.9 answers
    if how == "netns gone":
        at.container.close()
    for plugin in reversed(mine.conflist["plugins"]):
        reply = node.plugin("DEL", mine.conf(plugin, at.result, at.capabilities), at.container,
                            container_netns=at.result["interfaces"][2]["sandbox"], env={"CNI_NETNS": ""} if how == "no netns" else {})
        assert reply.ok, reply
    (rules, kept, links), (their_rules, their_kept, their_links) = leftovers(node), leftovers(theirs)
    assert rules <= their_rules, rules - their_rules
    assert kept <= their_kept and at.container.id not in str(rules)
    assert node.until(lambda: leftovers(node)[2] == their_links), (links, their_links)
    mine.check(other)


@case("takeover:gc")
@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("bridge L2", "ports nftables", "ports without snat")])
def test_gc(new_node, go, ours, kind):
    """GC removes what Go made for containers that are no more, and leaves those that are"""
    node = new_node("node")
    net = network(node, kind, go, version="1.0.0")
    if net is None:
        pytest.skip("this version has no such thing")
    net, capabilities = net
    lost, kept = node.container(id="lost"), node.container(id="kept")
    net.add(lost, capabilities=capabilities)
    keep = net.add(kept)
    lost.close()
    mine = node.network(*net.conflist["plugins"], version="1.1.0").using(ours)
    mine.gc([keep])
    assert [lines_[0] for lines_ in node.leases().values()] == ["kept", "kept"][:len(node.leases())]
    assert not any("lost" in line and "macspoofchk" not in line for line in lines(node.run("nft", "list", "ruleset").out)), \
        node.run("nft", "list", "ruleset").out
    net.using(ours).check(keep)


@case("takeover:legacy")
@pytest.mark.parametrize("kind", ["masquerade", "ports"])
def test_iptables_legacy(new_node, go, ours, kind):
    """What Go wrote with iptables-legacy is checked and removed from there"""
    node = new_node("node")
    tools = node.dir / "tools"
    tools.mkdir()
    for name in "iptables", "ip6tables", "iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save":
        target = shutil.which(name.replace("tables", "tables-legacy"))
        if not target:
            pytest.skip("there is no iptables-legacy")
        (tools / name).symlink_to(target)
    net, capabilities = network(node, kind, go)
    container = node.container(id="pod-1")
    path = f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin"
    result = None
    for plugin in net.conflist["plugins"]:
        result = node.plugin("ADD", net.conf(plugin, result, capabilities), container, path=str(go), env={"PATH": path},
                             type=str(go / plugin["type"])).result
    rules = node.run("iptables-legacy", "-t", "nat", "-S").out
    assert "CNI-" in rules, rules
    for plugin in reversed(net.conflist["plugins"]):
        conf = net.conf(plugin, result, capabilities)
        assert node.plugin("CHECK", conf, container).ok, node.plugin("CHECK", conf, container)
        assert node.plugin("DEL", conf, container).ok
    left = node.run("iptables-legacy", "-t", "nat", "-S").out + node.run("ip6tables-legacy", "-t", "nat", "-S").out
    assert "pod-1" not in left and "CNI-DN" not in left and not re.search("CNI-[0-9a-f]{24}", left), left


@case("takeover:packets")
@pytest.mark.parametrize("name", ["iptables", "nftables"])
def test_traffic_goes_on(new_node, go, ours, name):
    """Containers of Go and of ours on one bridge reach each other, the outside and their published ports"""
    if name == "nftables" and "1.1.1" in str(go):
        pytest.skip("this version has no such thing")
    node = new_node("node")
    host = outside(node)
    host.listen(80)
    backend = {} if name == "iptables" else {"ipMasqBackend": name}
    net = node.network(bridge(node, ipMasq=True, **backend),
                       {"type": "portmap", "capabilities": {"portMappings": True}, **({"backend": name} if name != "iptables" else {})},
                       version="1.0.0").using(go)
    theirs, mine = node.container("theirs"), node.container("mine")
    a = net.add(theirs, capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    b = net.using(ours).add(mine, capabilities={"portMappings": [{"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}]})
    for c in theirs, mine:
        c.listen(80)
        assert c.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1"
    assert theirs.ping(b.address) and mine.ping(a.address)
    assert host.ask("192.0.2.1", 8080) == f"{theirs.name} 192.0.2.9" and host.ask("192.0.2.1", 8081) == f"{mine.name} 192.0.2.9"
    net.using(ours).delete(a)
    assert host.ask("192.0.2.1", 8081) == f"{mine.name} 192.0.2.9" and mine.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1"
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None


@case("takeover:loopback")
def test_loopback(new_node, go, ours):
    """loopback's result is checked and taken down"""
    node = new_node("node", bindir=go)
    container = node.container()
    r = node.add({"type": "loopback", "cniVersion": "1.0.0"}, container)
    net = node.network({"type": "loopback"}, version="1.0.0").using(ours)
    assert net.call("CHECK", {"type": "loopback"}, net.conf({"type": "loopback"}, r), container, "eth0").ok
    assert net.call("DEL", {"type": "loopback"}, net.conf({"type": "loopback"}, r), container, "eth0").ok
    assert "UP" not in container.link("lo")["flags"]
