# SPDX-License-Identifier: Apache-2.0
"""The command line tells what has happened, not what was meant to happen."""

import json

import pytest

from lib.case import case, rootless

pytestmark = rootless


def network(node, **keys):
    node.write_conf({"cniVersion": "1.1.0", "name": "testnet", **keys, "plugins": [
        {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")}]})


def crimp(node, *args):
    return node.crimp(*args, "--cache-dir", node.cache)


@case("crimp:gc-disabled")
def test_gc_that_the_network_forbids(node):
    """gc of a network that says disableGC removes nothing, and says so"""
    network(node, disableGC=True)
    lost = node.container("lost")
    assert crimp(node, "add", "testnet", lost.path).ok
    lost.close()
    done = crimp(node, "gc", "testnet")
    assert done.ok and "0 removed, 1 kept" in done.out and "disableGC" in done.out
    assert crimp(node, "gc", "testnet", "--all", "--json").json == {"removed": [], "kept": 1}


@case("crimp:gc-keep")
def test_gc_keeps_a_container_with_all_it_has(node):
    """--keep ID keeps every interface of a container, --keep ID/IFNAME one; all others go"""
    network(node)
    a, b = node.container("a"), node.container("b")
    for where, ifname, name in (a, "eth0", "one"), (a, "net1", "one"), (b, "eth0", "two"), (b, "net1", "two"):
        assert crimp(node, "add", "testnet", where.path, "-c", name, "-i", ifname).ok
    done = crimp(node, "gc", "testnet", "--keep", "one", "--keep", "two/net1", "--json")
    assert done.json == {"removed": [{"containerID": "two", "ifname": "eth0"}], "kept": 3}
    assert a.link("net1") and b.link("net1") and b.link("eth0") is None


@case("crimp:answer-lost")
@pytest.mark.parametrize("verb", [["list"], ["status", "--json"], ["validate", "testnet"]], ids=["list", "status", "validate"])
def test_a_full_stdout(node, verb):
    """An answer that cannot be written is exit status 5 and a sentence on stderr"""
    network(node)
    done = node.run("/bin/sh", "-c", 'exec "$@" >/dev/full', "sh", node.bin / "crimp", *verb, "--cache-dir", node.cache,
                    env={"CNI_PATH": str(node.bin), "NETCONFPATH": str(node.conf_dir)}, check=False)
    assert done.rc == 5 and "could not be written" in done.err


@case("crimp:show-table")
def test_show_a_route_of_another_table(node, container):
    """A route that the result puts into a table is looked for in that table"""
    node.write_conf({"cniVersion": "1.1.0", "name": "testnet", "plugins": [
        {"type": "bridge", "isGateway": True, "ipam": node.host_local(
            "10.7.0.0/24", routes=[{"dst": "198.51.100.0/24", "gw": "10.7.0.1", "table": 100}])}]})
    assert crimp(node, "add", "testnet", container.path).ok

    def route():
        shown, = json.loads(crimp(node, "show", container.path, "--json").out)
        return [f["there"] for f in shown["kernel"] if f["what"] == "route"]

    assert route() == [True]
    container.ip("route", "del", "198.51.100.0/24", "table", "100")
    assert route() == [False]


@case("crimp:status-details")
def test_status_tells_the_details(node):
    """What a plugin says in details is not lost"""
    fake = node.fake("moody")
    fake.answers("STATUS", {"code": 51, "msg": "uplink is down", "details": "since noon"}, rc=1)
    node.write_conf({"cniVersion": "1.1.0", "name": "testnet", "plugins": [{"type": fake.name}]})
    done = crimp(node, "status")
    assert done.rc == 51 and "uplink is down (since noon)" in done.out
    answer, = json.loads(crimp(node, "status", "--json").out)
    assert answer["details"] == "since noon"


@case("crimp:timeout-zero")
def test_no_time_at_all(node, container):
    """--timeout 0 is refused instead of meaning none"""
    network(node)
    done = crimp(node, "add", "testnet", container.path, "--timeout", "0")
    assert done.rc == 4 and "from 1 to 86400" in done.err and container.link("eth0") is None


@case("crimp:gc-old-version")
def test_gc_of_a_network_older_than_the_verb(node):
    """gc cleans a 1.0.0 network, too: leases that no cache knows go, those of living containers stay"""
    node.write_conf({"cniVersion": "1.0.0", "name": "testnet", "plugins": [
        {"type": "bridge", "isGateway": True, "ipMasq": True, "ipam": node.host_local("10.7.0.0/24")}]})
    keep, lost = node.container("keep"), node.container("lost")
    for c in keep, lost:
        assert crimp(node, "add", "testnet", c.path).ok
    lost.close()
    for entry in (node.cache / "results").iterdir():
        if lost.path in entry.read_text():
            entry.unlink()
    assert crimp(node, "gc", "testnet").ok
    assert list(node.leases()) == ["10.7.0.2"] and keep.ping("10.7.0.1")
    rules = node.run("nft", "list", "ruleset").out
    assert "10.7.0.2" in rules and "10.7.0.3" not in rules


@case("crimp:gc-strange")
def test_gc_of_a_network_that_the_cache_does_not_know(node, container):
    """Without --all nothing is done to a network whose attachments are in somebody else's cache"""
    network(node)
    assert crimp(node, "add", "testnet", container.path).ok
    done = node.crimp("gc", "testnet", "--cache-dir", node.dir / "empty")
    assert done.ok and "0 removed" in done.out and list(node.leases()) == ["10.7.0.2"]
    assert node.crimp("gc", "testnet", "--all", "--cache-dir", node.dir / "empty").ok and node.leases() == {}


@case("crimp:recall")
def test_check_and_del_know_what_add_was_told(node, container):
    """check notices a port that is gone, and del removes the ports, without being told them again"""
    node.write_conf({"cniVersion": "1.0.0", "name": "testnet", "plugins": [
        {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")},
        {"type": "portmap", "capabilities": {"portMappings": True}}]})
    assert crimp(node, "add", "testnet", container.path, "-p", "8080:80").ok
    assert crimp(node, "check", "testnet", container.path).ok
    node.run("nft", "flush", "map", "ip", "crimp_portmap", "ports")
    done = crimp(node, "check", "testnet", container.path)
    assert not done.ok and "portmap" in done.err and "no element" in done.err
    assert crimp(node, "del", "testnet", container.path).ok
    assert "8080" not in node.run("nft", "list", "ruleset").out


@case("crimp:list-one")
def test_list_one_network(node):
    """list NETWORK shows that network only"""
    network(node)
    node.write_conf({"cniVersion": "1.1.0", "name": "other", "plugins": [{"type": "loopback"}]}, "20-other.conflist")
    assert [n["name"] for n in crimp(node, "list", "testnet", "--json").json["networks"]] == ["testnet"]


@case("crimp:list-unknown")
def test_list_of_no_network(node):
    """list of a network that does not exist says so"""
    network(node)
    done = crimp(node, "list", "nonesuch")
    assert not done.ok and done.out == "" and "nonesuch" in done.err and str(node.conf_dir) in done.err


@case("crimp:del-unknown")
def test_del_of_what_never_was(node, container):
    """del of what was never attached succeeds, and does not claim to have detached anything"""
    network(node)
    done = crimp(node, "del", "testnet", container.path)
    assert done.ok and "nothing was known" in done.out and "detached" not in done.out
