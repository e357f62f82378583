# SPDX-License-Identifier: Apache-2.0
"""sbr: what is sent from an address goes by the interface of that address."""

import os

import pytest

from lib.case import case
from lib.netns import Netns, connect

ROUTES = [{"dst": "10.8.0.0/16"}, {"dst": "10.9.0.0/16", "gw": "10.1.0.254"}, {"dst": "fd00:8::/32"}]


def under(node, **more):
    """The plugin below: a bridge with both families and routes."""
    return {"type": "bridge", "bridge": "br1", "isGateway": True,
            "ipam": node.host_local("10.1.0.0/24", "fd00:1::/64", **{"routes": ROUTES, **more})}


def chain(node, under_conf=None, **sbr):
    return node.network(under_conf or under(node), {"type": "sbr", **sbr})


def rules(ns, family=4):
    """[(source, table)] of the rules with a source, in the order in which they are asked."""
    return [(r["src"], r["table"]) for r in ns.ip(f"-{family}", "rule", "show") if r["src"] != "all"]


def main(ns, dev="eth0"):
    """What the main table has for the interface."""
    return {f: sorted(r["dst"] for r in ns.routes(f) if r.get("dev") == dev) for f in (4, 6)}


def table(ns, number, family=4):
    return {r["dst"]: r.get("gateway") for r in ns.routes(family, number)}


def whole(ns):
    """State of a container's routing, for before == after."""
    return {"rules": [rules(ns, f) for f in (4, 6)], **ns.state()}


@case("sbr:life")
def test_life(node, container):
    """Each address gets a table with the interface's routes, which leave the main one; DEL takes all back"""
    net = chain(node)
    at = net.add(container)
    assert rules(container) == [("10.1.0.2", "100")] and rules(container, 6) == [("fd00:1::2", "101")]
    assert main(container) == {4: [], 6: ["fe80::/64"]}
    assert table(container, 100) == {"10.1.0.0/24": None, "10.8.0.0/16": "10.1.0.1", "10.9.0.0/16": "10.1.0.254", "default": "10.1.0.1"}
    assert table(container, 101, 6) == {"fd00:1::/64": None, "fd00:8::/32": "fd00:1::1", "fe80::/64": None, "default": "fd00:1::1"}
    net.check(at)
    bare = node.network(under(node)).one("CHECK", under(node), at)
    assert bare.ok, bare
    sbr = net.conflist["plugins"][1]
    for _ in "twice":
        assert net.one("DEL", sbr, at).result is None
        assert rules(container) == rules(container, 6) == []
        assert table(container, 100) == table(container, 101, 6) == {}
    net.delete(at)


@case("sbr:packets")
def test_packets(node, new_node):
    """Answers leave by the interface that was asked, though the default route is elsewhere"""
    c = node.container()
    other = new_node("far")
    connect(node, "up1", other, "eth0", "10.5.0.1/24", ["10.5.0.9/24", "fd00:5::9/64"])
    node.ip("addr", "add", "fd00:5::1/64", "dev", "up1", "nodad")
    other.ip("route", "add", "default", "via", "10.5.0.1")
    other.ip("-6", "route", "add", "default", "via", "fd00:5::1")
    # The main network has the default route, but leads nowhere.
    connect(c, "eth0", new_node("hole"), "eth0", ["10.2.0.2/24", "fd00:2::2/64"])
    c.ip("route", "add", "default", "via", "10.2.0.1")
    c.ip("-6", "route", "add", "default", "via", "fd00:2::1")
    bare = node.network(under(node, routes=[]), name="testnet")
    at = bare.add(c, "eth1")
    assert not other.ping("10.1.0.2", wait=1)
    bare.delete(at)
    net = chain(node, under(node, routes=[]))
    at = net.add(c, "eth1")
    a4, a6 = at.addresses
    assert other.ping(a4) and other.ping(a6)
    assert c.ping("10.5.0.9", wait=1) is False
    assert c.run("ping", "-n", "-q", "-c", "1", "-W", "2", "-I", a4, "10.5.0.9", check=False).ok
    assert c.route("default")["gateway"] == "10.2.0.1"
    net.check(at)
    net.delete(at)
    assert not other.ping(a4, wait=1)


@case("sbr:link-local")
@pytest.mark.parametrize("hints", [False, True], ids=["", "addSourceHints"])
def test_link_local(node, container, hints):
    """IPv6 link-local neighbours and groups are reached from link-local addresses, and no table has routes of the other family"""
    net = chain(node, **({"addSourceHints": True} if hints else {}))
    at = net.add(container)
    kept = [r for r in container.routes(6) if r.get("dev") == "eth0" and r["dst"] == "fe80::/64"]
    assert len(kept) == 1 and table(container, 100, 6) == {} and table(container, 101) == {}
    near = next(a["local"] for x in node.ip("addr", "show", "dev", "br1") for a in x.get("addr_info", []) if a.get("scope") == "link")
    assert container.until(lambda: container.run("ping", "-6", "-nqc1", "-W1", f"{near}%eth0", check=False).ok)
    assert container.run("ping", "-6", "-nqc1", "-W2", "-I", "fd00:1::2", f"{near}%eth0", check=False).ok
    assert container.run("ping", "-6", "-nqc1", "-W2", "ff02::1%eth0", check=False).ok
    net.check(at)
    net.delete(at)


@case("sbr:free-tables")
def test_free_tables(node, container):
    """Tables that a rule or a route of either family has anything to do with are passed over"""
    container.ip("rule", "add", "from", "192.0.2.1", "lookup", "100")
    container.ip("-6", "rule", "add", "from", "2001:db8::1", "lookup", "101")
    container.ip("route", "add", "unreachable", "192.0.2.0/24", "table", "102")
    container.ip("-6", "route", "add", "unreachable", "2001:db8::/64", "table", "104")
    net = chain(node)
    at = net.add(container)
    assert ("10.1.0.2", "103") in rules(container) and ("fd00:1::2", "105") in rules(container, 6)
    net.check(at)
    net.delete(at)
    assert rules(container) == [("192.0.2.1", "100")] and rules(container, 6) == [("2001:db8::1", "101")]
    assert table(container, 102) == {"192.0.2.0/24": None}


@case("sbr:two")
def test_two_interfaces(node, container):
    """Two interfaces have tables of their own, and DEL of one leaves the other's"""
    net = chain(node)
    one, two = net.add(container, "eth0"), net.add(container, "eth1")
    assert sorted(rules(container)) == [("10.1.0.2", "100"), ("10.1.0.3", "102")]
    net.check(one)
    net.check(two)
    net.delete(one)
    assert rules(container) == [("10.1.0.3", "102")] and rules(container, 6) == [("fd00:1::3", "103")]
    net.check(two)
    net.delete(two)
    assert rules(container) == rules(container, 6) == []


@case("sbr:table")
def test_table(node, container):
    """With table only rules are made: the routes are in that table already, or are none of ours"""
    routes = [{"dst": "0.0.0.0/0", "gw": "10.1.0.1", "table": 500}, {"dst": "::/0", "gw": "fd00:1::1", "table": 500}]
    net = chain(node, under(node, routes=routes), table=500)
    at = net.add(container)
    assert rules(container) == [("10.1.0.2", "500")] and rules(container, 6) == [("fd00:1::2", "500")]
    assert main(container)[4] == ["10.1.0.0/24"] and table(container, 500) == {"default": "10.1.0.1"}
    net.check(at)
    container.ip("rule", "add", "from", "10.1.0.2", "lookup", "600")
    assert "already" in net.call("ADD", net.conflist["plugins"][1], net.conf(net.conflist["plugins"][1], at.result),
                                 container, "eth0").error["msg"]
    net.one("DEL", net.conflist["plugins"][1], at).result
    assert rules(container) == [("10.1.0.2", "600")] and table(container, 500) == {"default": "10.1.0.1"}
    assert not net.one("CHECK", net.conflist["plugins"][1], at).ok
    net.delete(at)


@case("sbr:gateways")
def test_gateways(node, container):
    """gateways give the default routes, before those of the result"""
    routes = [*ROUTES, {"dst": "0.0.0.0/0"}]
    net = chain(node, under(node, routes=routes), gateways=["fd00:1::77", "10.1.0.77"])
    at = net.add(container)
    assert table(container, 100)["default"] == "10.1.0.77" and table(container, 101, 6)["default"] == "fd00:1::77"
    assert table(container, 100)["10.8.0.0/16"] == "10.1.0.1"
    net.check(at)
    container.ip("route", "change", "default", "via", "10.1.0.1", "dev", "eth0", "table", "100")
    assert "0.0.0.0/0" in net.one("CHECK", net.conflist["plugins"][1], at).error["msg"]
    net.delete(at)


@case("sbr:source-hints")
def test_source_hints(node, container):
    """addSourceHints: the subnets stay in the main table and name the address to send from"""
    net = chain(node, addSourceHints=True)
    at = net.add(container)
    assert main(container) == {4: ["10.1.0.0/24"], 6: ["fd00:1::/64", "fe80::/64"]}
    assert container.route("10.1.0.0/24")["prefsrc"] == "10.1.0.2"
    assert container.route("fd00:1::/64", 6)["prefsrc"] == "fd00:1::2"
    assert table(container, 100)["default"] == "10.1.0.1"
    assert container.ping("10.1.0.1") and container.ping("fd00:1::1")
    net.check(at)
    container.ip("-6", "route", "del", "fd00:1::/64", "dev", "eth0", "table", "main")
    assert "hint" in net.one("CHECK", net.conflist["plugins"][1], at).error["msg"]
    net.delete(at)


DAMAGE = {
    "rule": (["rule", "del", "from", "10.1.0.2"], "no rule leads packets from 10.1.0.2"),
    "rule 6": (["-6", "rule", "del", "from", "fd00:1::2"], "no rule leads packets from fd00:1::2"),
    "rule elsewhere": (["rule", "del", "from", "10.1.0.2", "lookup", "100"], "no rule"),
    "default": (["route", "del", "default", "table", "100"], "no route to 0.0.0.0/0"),
    "subnet": (["route", "del", "10.1.0.0/24", "table", "100"], "no route to 10.1.0.0/24"),
    "route": (["route", "del", "10.8.0.0/16", "table", "100"], "no route to 10.8.0.0/16"),
    "gateway": (["route", "replace", "10.9.0.0/16", "via", "10.1.0.9", "dev", "eth0", "table", "100"], "no route to 10.9.0.0/16"),
    "route 6": (["-6", "route", "del", "fd00:8::/32", "table", "101"], "no route to fd00:8::/32"),
    "default 6": (["-6", "route", "del", "default", "table", "101"], "no route to ::/0"),
    "interface": (["link", "del", "eth0"], "eth0"),
}


@case("sbr:check")
@pytest.mark.parametrize("what", DAMAGE)
def test_check(node, container, what):
    """CHECK names what is missing"""
    net = chain(node)
    at = net.add(container)
    how, says = DAMAGE[what]
    container.ip(*how)
    if what == "rule elsewhere":
        container.ip("rule", "add", "from", "10.1.0.2", "lookup", "7")
        says = "table 7"
    assert says in net.one("CHECK", net.conflist["plugins"][1], at).error["msg"]


MISSING_ELSEWHERE = {
    "removed": [["route", "del", "10.8.0.0/16", "table", "100"]],
    "in a table that nobody looks into": [["route", "del", "10.8.0.0/16", "table", "100"],
                                          ["route", "add", "10.8.0.0/16", "via", "10.1.0.1", "dev", "eth0", "onlink", "table", "999"]],
    "in a table of another source": [["route", "del", "10.8.0.0/16", "table", "100"], ["rule", "add", "from", "10.77.0.1", "lookup", "999"],
                                     ["route", "add", "10.8.0.0/16", "via", "10.1.0.1", "dev", "eth0", "onlink", "table", "999"]],
}


@case("sbr:check-below")
@pytest.mark.parametrize("what", MISSING_ELSEWHERE)
def test_check_of_the_plugin_below(node, container, what):
    """CHECK of the plugin that made the interface follows the rules, and still finds a missing route"""
    net = chain(node)
    at = net.add(container)
    below = net.conflist["plugins"][0]
    assert net.one("CHECK", below, at).ok
    for command in MISSING_ELSEWHERE[what]:
        container.ip(*command)
    assert "10.8.0.0/16" in net.one("CHECK", below, at).error["msg"]


@case("sbr:undo")
@pytest.mark.parametrize("what", ["default", "hint", "interface"])
def test_undo(node, container, what):
    """A failed ADD leaves rules, tables and the main table as they were"""
    net = node.network(under(node))
    at = net.add(container)
    conf = {"type": "sbr", "prevResult": at.result}
    if what == "default":
        conf["gateways"] = ["fd00:77::1"]
        says = "Failed to add default route to fd00:77::1"
    if what == "hint":
        conf["addSourceHints"] = True
        ips = [dict(i) for i in at.result["ips"]]
        ips[1]["address"] = "fd00:1::3/64"      # which the interface does not have
        conf["prevResult"] = {**at.result, "ips": ips}
        says = "addSourceHints"
    if what == "interface":
        says = "Cannot find network interface eth9"
        conf["prevResult"] = {**at.result, "interfaces": [{**i, "name": "eth9"} for i in at.result["interfaces"]]}
    before = whole(container)
    error = node.refuses("ADD", conf, container, "eth9" if what == "interface" else "eth0")
    assert says in error["msg"]
    assert whole(container) == before


@case("sbr:repeated")
def test_repeated(node, container):
    """A second ADD of the same attachment is refused and does no harm"""
    net = chain(node)
    at = net.add(container)
    before = whole(container)
    sbr = net.conflist["plugins"][1]
    assert "already" in net.call("ADD", sbr, net.conf(sbr, at.result), container, "eth0").error["msg"]
    assert whole(container) == before
    net.check(at)


@case("sbr:stale-rule")
def test_stale_rule(node, container):
    """A rule that an earlier container of that address has left is no reason to refuse, and goes with DEL"""
    container.ip("rule", "add", "from", "10.1.0.2", "lookup", "100")
    net = chain(node)
    at = net.add(container)
    assert rules(container) == [("10.1.0.2", "101"), ("10.1.0.2", "100")]
    net.check(at)
    net.delete(at)
    assert rules(container) == []


@case("sbr:far-gateway")
def test_gateway_outside(node, container):
    """A route through a gateway in nobody's subnet is moved, not lost"""
    connect(container, "eth0", node, "n0", "10.1.0.2/32", "10.1.0.1/32")
    container.ip("route", "add", "169.254.1.1", "dev", "eth0")
    container.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0")
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": container.path}],
            "ips": [{"address": "10.1.0.2/32", "interface": 0}], "routes": [{"dst": "0.0.0.0/0", "gw": "169.254.1.1"}]}
    conf = {"type": "sbr", "prevResult": prev}
    assert node.add(conf, container) == prev
    assert table(container, 100) == {"169.254.1.1": None, "default": "169.254.1.1"} and main(container)[4] == []
    node.check(conf, container)
    node.delete(conf, container)
    assert rules(container) == []


GONE = ["nothing", "no netns", "path missing", "interface missing", "rules missing", "not a namespace", "config"]


@case("sbr:DEL")
@pytest.mark.parametrize("prev", [True, False], ids=["prevResult", "no prevResult"])
@pytest.mark.parametrize("how", GONE)
def test_del(node, container, how, prev):
    """DEL succeeds whatever is gone, twice, makes no file, and needs the interface or prevResult to find the rules"""
    net = chain(node)
    at = net.add(container)
    env, path = {}, container.path
    conf = {"type": "sbr"}
    if how == "no netns":
        env = {"CNI_NETNS": None}
    if how == "path missing":
        container.close()
    if how == "interface missing":
        container.ip("link", "del", "eth0")
    if how == "rules missing":
        container.ip("rule", "del", "from", "10.1.0.2")
    if how == "not a namespace":
        env = {"CNI_NETNS": "/etc/hostname"}
    if how == "config":
        conf.update(table="x", gateways=7)
    for _ in "twice":
        node.delete(conf, container, prev=at.result if prev else None, env=env)
    assert os.path.exists(path) == (how != "path missing")
    if how in ("nothing", "rules missing", "config") or (how == "interface missing" and prev):
        assert rules(container) == rules(container, 6) == []


@case("sbr:foreign-rules")
def test_foreign_rules(node, container):
    """DEL leaves rules that ask for more than the address"""
    net = chain(node)
    at = net.add(container)
    container.ip("rule", "add", "from", "10.1.0.2", "to", "10.99.0.0/16", "lookup", "main")
    container.ip("rule", "add", "from", "10.1.0.0/24", "lookup", "main")
    net.delete(at)
    assert sorted(r["src"] for r in container.ip("rule", "show") if r["src"] != "all") == ["10.1.0.0", "10.1.0.2"]


@case("sbr:versions")
@pytest.mark.parametrize("version", ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_versions(node, container, version):
    """The result passes through in every version"""
    net = node.network(under(node, routes=[]), {"type": "sbr"}, version=version)
    at = net.add(container)
    assert at.result["cniVersion"] == version and rules(container) == [("10.1.0.2", "100")]
    net.delete(at)


@case("sbr:status-gc")
def test_status_and_gc(node, container):
    """STATUS is ready where the kernel has rules; GC leaves namespaces alone"""
    net = chain(node)
    at = net.add(container)
    before = whole(container)
    node.status({"type": "sbr"})
    node.gc({"type": "sbr"}, [])
    node.gc({"type": "sbr"}, [(container, "eth0")])
    assert whole(container) == before
    net.check(at)
    node.refuses("STATUS", {"type": "sbr", "table": 0}, code=7)


INVALID = {
    "table text": ({"table": "100"}, 6, "table"),
    "table fraction": ({"table": 1.5}, 6, "table"),
    "table bool": ({"table": True}, 6, "table"),
    "table list": ({"table": [1]}, 6, "table"),
    "table 0": ({"table": 0}, 7, "table: 0 is not between 1 and 4294967295"),
    "table negative": ({"table": -1}, 7, "table: -1"),
    "table too big": ({"table": 4294967296}, 7, "table: 4294967296"),
    "table and gateways": ({"table": 5, "gateways": ["10.1.0.1"]}, 7, "gateways"),
    "table and hints": ({"table": 5, "addSourceHints": True}, 7, "addSourceHints"),
    "gateways text": ({"gateways": "10.1.0.1"}, 6, "gateways"),
    "gateways number": ({"gateways": [1]}, 6, "gateways[0]"),
    "gateways nonsense": ({"gateways": ["x"]}, 7, "\"x\""),
    "gateways prefix": ({"gateways": ["10.1.0.1/24"]}, 7, "10.1.0.1/24"),
    "gateways empty": ({"gateways": [""]}, 7, "gateways"),
    "gateways any": ({"gateways": ["0.0.0.0"]}, 7, "0.0.0.0"),
    "gateways any 6": ({"gateways": ["::"]}, 7, "::"),
    "gateways multicast": ({"gateways": ["ff02::1"]}, 7, "ff02::1"),
    "gateways loopback": ({"gateways": ["127.0.0.1"]}, 7, "127.0.0.1"),
    "gateways of one family": ({"gateways": ["10.1.0.1", "10.1.0.3"]}, 7, "two IPv4"),
    "gateways three": ({"gateways": ["10.1.0.1", "fd00::1", "fd00::2"]}, 7, "3 addresses, at most 2"),
    "addSourceHints text": ({"addSourceHints": "yes"}, 6, "addSourceHints"),
    "addSourceHints number": ({"addSourceHints": 1}, 6, "addSourceHints"),
    "no prevResult": ({"prevResult": None}, 7, "must be called as chained plugin"),
    "prevResult text": ({"prevResult": "x"}, 6, "prevResult"),
    "no address": ({"prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0"}]}}, 7, "No IP addresses supplied on interface: eth0"),
    "addresses of others": ({"prevResult": {"cniVersion": "1.1.0", "interfaces": [{"name": "eth5"}], "ips": [
        {"address": "10.1.0.2/24", "interface": 0}]}}, 7, "No IP addresses supplied on interface: eth0"),
}


@case("sbr:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, container, what):
    """Wrong values are refused by name before anything is touched"""
    at = node.network(under(node)).add(container)
    before = whole(container)
    more, code, says = INVALID[what]
    error = node.refuses("ADD", {"type": "sbr", "prevResult": at.result, **more}, container, code=code)
    assert says in error["msg"], error
    assert whole(container) == before
