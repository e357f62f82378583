# SPDX-License-Identifier: Apache-2.0
"""host-local: who gets which address, what the store holds, and what happens when it cannot be used."""

import itertools
import time

import pytest
from lib.case import case, rootless


def conf(node, *subnets, **more):
    return {"type": "host-local", "ipam": node.host_local(*subnets, **more)}


def addresses(result):
    return [ip["address"] for ip in result["ips"]]


@pytest.fixture
def pods():
    """Names of containers: IPAM never looks at their namespaces."""
    return (Pod(f"pod{i}") for i in itertools.count())


class Pod:
    path = "/nonexistent/netns"

    def __init__(self, id):
        self.id = id


@case("HL1")
@rootless
def test_order(node, pods):
    """Addresses are handed out in turn, gateways left out, a freed one only after the others"""
    c = conf(node, "10.7.0.0/29")
    a, b = next(pods), next(pods)
    assert addresses(node.add(c, a)) == ["10.7.0.2/29"]
    assert addresses(node.add(c, b)) == ["10.7.0.3/29"]
    node.delete(c, a)
    assert [addresses(node.add(c, p))[0] for p in itertools.islice(pods, 3)] == ["10.7.0.4/29", "10.7.0.5/29", "10.7.0.6/29"]
    assert addresses(node.add(c, next(pods))) == ["10.7.0.2/29"]
    error = node.refuses("ADD", c, next(pods))
    assert "no IP addresses available in range set: 10.7.0.1-10.7.0.6" in error["msg"]


@case("HL2")
@rootless
def test_sets(node, pods):
    """One address from each set; when one set has none, nothing is leased"""
    c = conf(node, "10.7.0.0/24", "fd07::/126")
    for i in (2, 3):
        assert addresses(node.add(c, next(pods))) == [f"10.7.0.{i}/24", f"fd07::{i}/126"]
    before = node.leases()
    assert "failed to allocate for range 1" in node.refuses("ADD", c, next(pods))["msg"]
    assert node.leases() == before


@case("HL3")
@rootless
def test_wanted(node, pods):
    """Addresses asked for by CNI_ARGS, args.cni and runtimeConfig; what no set can give fails the whole ADD"""
    c = conf(node, "10.7.0.0/24", "fd07::/64")
    assert addresses(node.add(c, next(pods), args="IP=10.7.0.77")) == ["10.7.0.77/24", "fd07::2/64"]
    asked = {**c, "args": {"cni": {"ips": ["10.7.0.99/16"]}}, "runtimeConfig": {"ips": ["fd07::99"]}}
    assert addresses(node.add(asked, next(pods))) == ["10.7.0.99/24", "fd07::99/64"]
    before = node.leases()
    for args, text in (("IP=10.7.0.77", "not available in range set"), ("IP=10.7.0.1", "is subnet's gateway"),
                       ("IP=10.9.0.1", "failed to allocate all requested IPs: 10.9.0.1")):
        assert text in node.refuses("ADD", c, next(pods), args=args)["msg"]
    assert node.leases() == before


@case("HL4")
@rootless
def test_twice(node, pods):
    """A second ADD of the same attachment is refused; another interface of the container is another attachment"""
    c, pod = conf(node, "10.7.0.0/24"), next(pods)
    node.add(c, pod)
    assert node.refuses("ADD", c, pod)["msg"].endswith(f"10.7.0.2 has been allocated to {pod.id}, duplicate allocation is not allowed")
    assert addresses(node.add(c, pod, "eth1")) == ["10.7.0.3/24"]
    node.check(c, pod)
    node.delete(c, pod)
    assert list(node.leases()) == ["10.7.0.3"]
    assert f"Failed to find address added by container {pod.id}" in node.refuses("CHECK", c, pod)["msg"]
    node.check(c, pod, "eth1")


@case("HL5")
@rootless
def test_delete_anything(node, pods):
    """DEL succeeds without a store, without a lease, twice, and with a configuration that ADD would refuse"""
    c, pod = conf(node, "10.7.0.0/24"), next(pods)
    node.delete(c, pod)
    assert not (node.data / "testnet").exists()
    node.add(c, pod)
    broken = {"type": "host-local", "ipam": {"type": "host-local", "dataDir": str(node.data), "ranges": [[{"subnet": "x"}]]}}
    node.delete(broken, pod)
    assert node.leases() == {}
    node.delete(c, pod)
    node.delete(c, next(pods))


@case("HL6")
@rootless
def test_gc(node, pods):
    """GC releases what is not in the valid list: other interfaces, empty leases and old forms too; and nothing of other networks"""
    c, kept, gone = conf(node, "10.7.0.0/24"), next(pods), next(pods)
    node.add(c, kept)
    node.add(c, kept, "eth1")
    node.add(c, gone)
    node.add({**c, "name": "other"}, gone)
    store = node.data / "testnet"
    (store / "10.7.0.50").write_text("")
    (store / "10.7.0.51").write_text(kept.id)
    (store / "10.7.0.52").write_text("long-gone")
    node.gc(c, [(kept, "eth0")])
    assert sorted(node.leases()) == ["10.7.0.2", "10.7.0.51"]
    assert len(node.leases("other")) == 1
    node.gc(c, [])
    assert node.leases() == {}


@case("HL7")
@rootless
def test_status(node, pods):
    """STATUS is code 50 while a set has no free address"""
    c = conf(node, "10.7.0.0/30")
    node.status(c)
    pod = next(pods)
    node.add(c, pod)
    assert "no IP addresses available in range set: 10.7.0.1-10.7.0.2" in node.refuses("STATUS", c, code=50)["msg"]
    (node.data / "testnet" / "10.7.0.2").unlink()
    node.status(c)
    node.refuses("STATUS", conf(node), code=7)


@case("HL8")
@rootless
def test_other_hands(node, pods):
    """Leases made, removed or left empty by others count at once"""
    c = conf(node, "10.7.0.0/29")
    store = node.data / "testnet"
    for i in range(2, 5):
        assert addresses(node.add(c, next(pods))) == [f"10.7.0.{i}/29"]
    (store / "10.7.0.5").write_bytes(b"stranger\r\neth0")
    (store / "10.7.0.6").write_bytes(b"")
    node.check(c, Pod("stranger"))
    assert addresses(node.add(c, next(pods))) == ["10.7.0.6/29"]
    (store / "10.7.0.3").unlink()
    assert addresses(node.add(c, next(pods))) == ["10.7.0.3/29"]
    node.delete(c, Pod("stranger"))
    assert not (store / "10.7.0.5").exists()


@case("HL9")
@rootless
@pytest.mark.parametrize("damage", ["no cursor", "bad cursor", "no index", "bad index", "index is a folder"])
def test_damage(node, pods, damage):
    """A damaged cursor or index costs nothing but its advice"""
    c, pod = conf(node, "10.7.0.0/24"), next(pods)
    node.add(c, pod)
    cursor, index = node.data / "testnet" / "last_reserved_ip.0", node.data / ".crimp" / "testnet.index"
    if damage == "no cursor":
        cursor.unlink()
    elif damage == "bad cursor":
        cursor.write_bytes(b"\0\xff10.7")
    else:
        index.unlink()
        if damage == "bad index":
            index.write_bytes(b"crimpix1" * 1000)
        elif damage == "index is a folder":
            index.mkdir()
    assert addresses(node.add(c, next(pods))) == ["10.7.0.3/24"]
    node.check(c, pod)
    node.delete(c, pod)
    assert list(node.leases()) == ["10.7.0.3"]


@case("HL10")
@pytest.mark.timing
def test_flat(node, pods):
    """With 20,000 leases ADD and DEL cost what they cost with none"""
    def median(c):
        took = []
        for pod in itertools.islice(pods, 15):
            start = time.monotonic()
            node.add(c, pod)
            node.delete(c, pod)
            took.append(time.monotonic() - start)
        return sorted(took)[7]

    c = conf(node, "10.64.0.0/10")
    empty = median(c)
    store = node.data / "testnet"
    for i in range(20000):
        (store / f"10.65.{i // 250}.{i % 250}").write_bytes(b"stranger%d\r\neth0" % i)
    node.add(c, next(pods))
    assert median(c) < 2 * empty + 0.005
