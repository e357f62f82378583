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
