# SPDX-License-Identifier: Apache-2.0
"""host-local by its keys: which addresses it leases, in which order, and what it refuses."""

import json

import pytest

from lib.case import case, rootless
from system.world import changed, files

pytestmark = rootless


class Pool:
    """host-local alone, without a network around it."""

    def __init__(self, node, ipam=None, **more):
        self.node = node
        self.conf = {"type": "host-local", **more, "ipam": {"type": "host-local", "dataDir": str(node.data), **(ipam or {})}}

    def call(self, command, id="c1", ifname="eth0", cni_args=None, **more):
        """What host-local answers; more goes into its configuration."""
        return self.node.plugin(command, {**self.conf, **more}, container_id=id, container_netns="/run/netns/none",
                                args=cni_args, env={"CNI_IFNAME": ifname})

    def add(self, id="c1", ifname="eth0", **kw):
        """The leased addresses."""
        return [ip["address"] for ip in self.call("ADD", id, ifname, **kw).result["ips"]]

    def take(self, n, prefix="c"):
        return [self.add(f"{prefix}{i}")[0].split("/")[0] for i in range(n)]

    def delete(self, id="c1", ifname="eth0"):
        assert self.call("DEL", id, ifname).ok


def ranges(*sets):
    return {"ranges": [[one] if isinstance(one, dict) else one for one in sets]}


@pytest.fixture
def pool(node):
    return lambda ipam=None, **more: Pool(node, ipam or ranges({"subnet": "10.1.0.0/24"}), **more)


@case("host-local:result")
def test_result(pool):
    """One address per set, each with the gateway of its range; routes as they were written"""
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "192.168.0.0/16", "gw": "10.1.0.9", "mtu": 1400, "table": 5, "scope": 253}]
    r = pool({**ranges({"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}), "routes": routes}).call("ADD").result
    assert r == {"cniVersion": "1.1.0", "routes": routes, "ips": [
        {"address": "10.1.0.2/24", "gateway": "10.1.0.1"}, {"address": "fd00::2/64", "gateway": "fd00::1"}]}


ORDER = {
    "whole subnet": ({"subnet": "10.1.0.0/29"}, ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
    "rangeStart": ({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.252"}, ["10.1.0.252", "10.1.0.253", "10.1.0.254"]),
    "rangeEnd": ({"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.3"}, ["10.1.0.2", "10.1.0.3"]),
    "one address": ({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.7", "rangeEnd": "10.1.0.7"}, ["10.1.0.7"]),
    "gateway inside": ({"subnet": "10.1.0.0/29", "gateway": "10.1.0.3"}, ["10.1.0.1", "10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
    "IPv6": ({"subnet": "fd00::/126"}, ["fd00::2", "fd00::3"]),
    "several ranges": ([{"subnet": "10.1.0.0/30"}, {"subnet": "10.2.0.0/30"}], ["10.1.0.2", "10.2.0.2"]),
    "top form": (None, ["10.1.0.4", "10.1.0.5"]),
}


@case("host-local:order")
@pytest.mark.parametrize("what", ORDER)
def test_order_until_used_up(pool, what):
    """Addresses go out in order, none twice, never the gateway, until the range is used up"""
    set_, wanted = ORDER[what]
    p = pool(ranges(set_) if set_ else {"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.4", "rangeEnd": "10.1.0.5"})
    assert p.take(len(wanted)) == wanted
    error = p.call("ADD", "more").error
    assert "no IP addresses available in range set" in error["msg"]
    assert len(p.node.leases()) == len(wanted)


@case("host-local:round-robin")
def test_round_robin(pool):
    """A released address is the last to be given again"""
    p = pool(ranges({"subnet": "10.1.0.0/29"}))
    assert p.take(2) == ["10.1.0.2", "10.1.0.3"]
    p.delete("c0")
    assert p.take(4, "d") == ["10.1.0.4", "10.1.0.5", "10.1.0.6", "10.1.0.2"]


@case("host-local:released")
def test_released(pool):
    """DEL makes the address free; again it has nothing to do"""
    p = pool(ranges({"subnet": "10.1.0.0/30"}))
    for _ in range(3):
        assert p.add() == ["10.1.0.2/30"]
        p.delete()
        p.delete()
        assert p.node.leases() == {}


WISHES = {
    "CNI_ARGS": {"cni_args": "IgnoreUnknown=1;IP=10.1.0.77"}, "CNI_ARGS with length": {"cni_args": "IP=10.1.0.77/24"},
    "args": {"args": {"cni": {"ips": ["10.1.0.77"]}}}, "args with length": {"args": {"cni": {"ips": ["10.1.0.77/8"]}}},
    "runtimeConfig": {"runtimeConfig": {"ips": ["10.1.0.77"]}},
}


@case("host-local:wish")
@pytest.mark.parametrize("way", WISHES)
def test_an_address_asked_for(pool, way):
    """An address may be asked for in three ways"""
    assert pool().add(**WISHES[way]) == ["10.1.0.77/24"]


@case("host-local:wishes")
def test_one_wish_per_set(pool):
    """One address of each set can be asked for; a set without a wish gives the next"""
    p = pool(ranges({"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}, {"subnet": "10.2.0.0/24"}))
    assert p.add(runtimeConfig={"ips": ["fd00::99", "10.1.0.50"]}) == ["10.1.0.50/24", "fd00::99/64", "10.2.0.2/24"]


REFUSED_WISHES = {
    "outside": ("10.9.0.1", "failed to allocate all requested IPs: 10.9.0.1"),
    "gateway": ("10.1.0.1", "requested ip 10.1.0.1 is subnet's gateway"),
    "taken": ("10.1.0.2", "requested IP address 10.1.0.2 is not available in range set 10.1.0.1-10.1.0.254"),
}


@case("host-local:wish-refused")
@pytest.mark.parametrize("what", REFUSED_WISHES)
def test_wishes_that_cannot_be(pool, what):
    """A wish that cannot be fulfilled fails the ADD, and no other set keeps a lease"""
    address, words = REFUSED_WISHES[what]
    p = pool(ranges({"subnet": "fd00::/64"}, {"subnet": "10.1.0.0/24"}))
    p.add("first")
    before = p.node.leases()
    assert words in p.call("ADD", "second", cni_args=f"IP={address}").error["msg"]
    assert p.node.leases() == before


@case("host-local:wish-nonsense")
@pytest.mark.parametrize("text", ["10.1.0", "10.1.0.300", "10.1.0.5/33", "x"])
def test_wishes_that_are_no_address(pool, text):
    """A wish that is no address is refused with code 4"""
    p = pool()
    assert p.call("ADD", cni_args=f"IP={text}").code == 4 and p.node.leases() == {}


@case("host-local:ipRanges")
def test_ranges_of_the_runtime(pool):
    """Sets of the runtime come before those of the configuration"""
    assert pool().add(runtimeConfig={"ipRanges": [[{"subnet": "10.9.0.0/24"}]]}) == ["10.9.0.2/24", "10.1.0.2/24"]


@case("host-local:top-and-list")
def test_single_range_and_list(pool):
    """The single range goes before the list"""
    assert pool({"subnet": "10.8.0.0/24", **ranges({"subnet": "10.1.0.0/24"})}).add() == ["10.8.0.2/24", "10.1.0.2/24"]


@case("host-local:resolvConf")
def test_resolv_conf(pool, node):
    """resolvConf becomes dns; comments and unknown words are passed over"""
    path = node.dir / "resolv.conf"
    path.write_text("# x\nnameserver 192.0.2.1\n; y\nnameserver  fd00::53 \ndomain example.org\nsearch a b\nsearch c\n"
                    "options ndots:5 rotate\nsortlist 1.2.3.4\n\n")
    dns = pool({**ranges({"subnet": "10.1.0.0/24"}), "resolvConf": str(path)}).call("ADD").result["dns"]
    assert dns["nameservers"] == ["192.0.2.1", "fd00::53"] and dns["domain"] == "example.org"
    assert dns["search"] == ["a", "b", "c"] and dns["options"] == ["ndots:5", "rotate"]


@case("host-local:resolvConf-missing")
def test_resolv_conf_missing(pool, node):
    """A resolvConf that is not there fails the ADD and leases nothing"""
    p = pool({**ranges({"subnet": "10.1.0.0/24"}), "resolvConf": str(node.dir / "none")})
    assert str(node.dir / "none") in p.call("ADD").error["msg"] and node.leases() == {}


@case("host-local:duplicate")
def test_duplicate(pool):
    """A container interface gets one address per set: a second ADD is refused, another interface is not"""
    p = pool()
    p.add()
    assert "10.1.0.2 has been allocated to c1, duplicate allocation is not allowed" in p.call("ADD").error["msg"]
    assert p.add(ifname="eth1") == ["10.1.0.3/24"] and len(p.node.leases()) == 2


@case("host-local:all-or-nothing")
def test_all_or_nothing(pool):
    """When the second set is used up, the first gets its address back"""
    p = pool(ranges({"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/126"}))
    p.take(2)
    before = p.node.leases()
    assert "failed to allocate for range 1" in p.call("ADD", "more").error["msg"]
    assert p.node.leases() == before


@case("host-local:networks")
def test_networks_do_not_share(pool, node):
    """Networks of the same ranges lease for themselves"""
    a, b = pool(name="one"), pool(name="two")
    assert a.add() == b.add() == ["10.1.0.2/24"]
    assert list(node.leases("one")) == list(node.leases("two")) == ["10.1.0.2"]


@case("host-local:old-versions")
def test_one_address_per_family_before_0_3(pool):
    """Before 0.3.0 there is one address per family"""
    p = pool(ranges({"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}), cniVersion="0.2.0")
    assert "does not support more than 1 address per family" in p.call("ADD").error["msg"]
    r = pool(ranges({"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}), cniVersion="0.2.0").call("ADD").result
    assert r["ip4"] == {"ip": "10.1.0.2/24", "gateway": "10.1.0.1"} and r["ip6"] == {"ip": "fd00::2/64", "gateway": "fd00::1"}


INVALID = {
    "no ranges": ({}, 7, "no IP ranges specified"),
    "empty set": ({"ranges": [[]]}, 7, "invalid range set 0: empty range set"),
    "no subnet": (ranges({"rangeStart": "10.1.0.4"}), 7, "subnet"),
    "host bits": (ranges({"subnet": "10.1.0.7/24"}), 7,
                  "Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0"),
    "too small": (ranges({"subnet": "10.1.0.0/31"}), 7, "Network 10.1.0.0/31 too small to allocate from"),
    "too small v6": (ranges({"subnet": "fd00::/127"}), 7, "too small"),
    "start outside": (ranges({"subnet": "10.1.0.0/24", "rangeStart": "10.2.0.1"}), 7, "RangeStart 10.2.0.1 not in network 10.1.0.0/24"),
    "end outside": (ranges({"subnet": "10.1.0.0/24", "rangeEnd": "10.2.0.1"}), 7, "RangeEnd 10.2.0.1 not in network 10.1.0.0/24"),
    "families": ({"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]]}, 7, "mixed address families"),
    "overlap": ({"ranges": [[{"subnet": "10.1.0.0/16"}, {"subnet": "10.1.2.0/24"}]]}, 7, "overlap"),
    "overlapping sets": (ranges({"subnet": "10.1.0.0/16"}, {"subnet": "10.1.2.0/24"}), 7, "overlaps with"),
    "subnet no address": (ranges({"subnet": "10.1.0/24"}), 6, "ranges[0][0]: subnet"),
    "subnet a number": (ranges({"subnet": 10}), 6, "ranges[0][0]: subnet"),
    "ranges flat": ({"ranges": [{"subnet": "10.1.0.0/24"}]}, 6, "ranges[0]"),
    "gateway": (ranges({"subnet": "10.1.0.0/24", "gateway": "x"}), 6, "gateway"),
    "route": ({**ranges({"subnet": "10.1.0.0/24"}), "routes": [{"dst": "10.0.0.0"}]}, 6, "routes[0]: dst"),
    "dataDir": ({**ranges({"subnet": "10.1.0.0/24"}), "dataDir": 5}, 6, "dataDir"),
}


@case("host-local:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(pool, node, what):
    """A configuration that cannot work is refused, naming the key, and makes no file"""
    ipam, code, words = INVALID[what]
    error = pool(ipam or {"nothing": 1}).call("ADD").error
    text = error["msg"] + error.get("details", "")
    assert error["code"] == code and words in text.replace(": ranges", "ranges") and "\n" not in text, error
    assert not node.data.exists()


@case("host-local:no-ipam")
def test_no_ipam_key(node):
    """Without an ipam object nothing can be leased"""
    reply = node.plugin("ADD", {"type": "host-local"}, container_id="c", container_netns="/x", env={"CNI_IFNAME": "eth0"})
    assert "IPAM config missing 'ipam' key" in reply.error["msg"]


@case("host-local:check")
def test_check(pool, node):
    """CHECK finds that the lease is gone, and nothing else changes"""
    p = pool()
    p.add()
    before = files(node.data)
    assert p.call("CHECK").ok and changed(before, files(node.data)) == []
    (node.data / "testnet" / "10.1.0.2").unlink()
    assert "Failed to find address added by container c1" in p.call("CHECK").error["msg"]


@case("host-local:del-broken-conf")
def test_del_with_ranges_no_add_accepts(pool):
    """DEL releases the lease though the ranges have become unreadable"""
    p = pool()
    p.add()
    p.conf["ipam"]["ranges"] = "broken"
    p.delete()
    assert p.node.leases() == {}


@case("host-local:gc")
def test_gc(pool, node):
    """GC releases what is not valid: other interfaces, other containers, old and broken files"""
    p = pool()
    for id, ifname in (("a", "eth0"), ("a", "eth1"), ("b", "eth0")):
        p.add(id, ifname)
    store = node.data / "testnet"
    (store / "10.1.0.100").write_text("old")
    (store / "10.1.0.101").write_text("kept")
    (store / "10.1.0.102").write_text("")
    valid = [{"containerID": "a", "ifname": "eth0"}, {"containerID": "kept", "ifname": "eth0"}]
    assert p.call("GC", **{"cni.dev/valid-attachments": valid}).ok
    assert node.leases() == {"10.1.0.2": ["a", "eth0"], "10.1.0.101": ["kept"]}
    assert p.take(1) == ["10.1.0.5"]


@case("host-local:gc-nobody")
def test_gc_without_a_list(pool, node):
    """GC without a list of the valid releases nothing"""
    p = pool()
    p.add()
    assert p.call("GC").ok and list(node.leases()) == ["10.1.0.2"]


@case("host-local:status")
def test_status(pool, node):
    """STATUS: ready; 50 when used up, and it changes nothing"""
    p = pool(ranges({"subnet": "10.1.0.0/30"}, {"subnet": "fd00::/64"}))
    assert p.call("STATUS").ok and not node.data.exists()
    p.add()
    before = files(node.data, advice=False)
    error = p.call("STATUS").error
    assert error["code"] == 50 and "10.1.0.1-10.1.0.2" in error["msg"]
    assert changed(before, files(node.data, advice=False)) == []
    p.delete()
    assert p.call("STATUS").ok


@case("host-local:large")
def test_large_subnets(pool):
    """Ranges of 2^64 addresses and more cost nothing"""
    p = pool(ranges({"subnet": "10.0.0.0/8"}, {"subnet": "fd00::/48", "rangeStart": "fd00:0:0:8000::5"}))
    assert p.add() == ["10.0.0.2/8", "fd00:0:0:8000::5/48"]
    assert json.dumps(p.node.leases()) == '{"10.0.0.2": ["c1", "eth0"], "fd00:0:0:8000::5": ["c1", "eth0"]}'


EXCLUDE = {
    "address": (["10.1.0.3"], ["10.1.0.2", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
    "first": (["10.1.0.2"], ["10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
    "last": (["10.1.0.6"], ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5"]),
    "span": (["10.1.0.3-10.1.0.5"], ["10.1.0.2", "10.1.0.6"]),
    "subnet": (["10.1.0.4/31"], ["10.1.0.2", "10.1.0.3", "10.1.0.6"]),
    "several": (["10.1.0.6/32", "10.1.0.2-10.1.0.2", "10.1.0.4"], ["10.1.0.3", "10.1.0.5"]),
    "overlapping": (["10.1.0.3-10.1.0.4", "10.1.0.4-10.1.0.5", "10.1.0.3"], ["10.1.0.2", "10.1.0.6"]),
    "touching": (["10.1.0.5", "10.1.0.4", "10.1.0.3"], ["10.1.0.2", "10.1.0.6"]),
    "gateway and ends": (["10.1.0.0-10.1.0.2", "10.1.0.7"], ["10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
    "nothing": ([], ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"]),
}


@case("host-local:exclude")
@pytest.mark.parametrize("form", ["ranges", "single", "capability"])
@pytest.mark.parametrize("what", EXCLUDE)
def test_exclude(pool, what, form):
    """Excluded addresses are never leased, in any form of a range and however often the set is walked; then it is used up"""
    exclude, wanted = EXCLUDE[what]
    one = {"subnet": "10.1.0.0/29", "exclude": exclude}
    if form == "capability":
        p = pool({"routes": []}, capabilities={"ipRanges": True}, runtimeConfig={"ipRanges": [[one]]})
    else:
        p = pool(ranges(one) if form == "ranges" else one)
    assert p.take(len(wanted)) == wanted
    assert "no IP addresses available in range set" in p.call("ADD", "more").error["msg"]
    assert p.call("STATUS").error["code"] == 50
    p.delete("c0")
    assert p.call("STATUS").ok and p.add("again") == [wanted[0] + "/29"]


@case("host-local:exclude-wanted")
def test_exclude_wanted(pool, node):
    """An excluded address that is asked for is refused by name, and nothing is leased"""
    p = pool(ranges({"subnet": "10.1.0.0/24", "exclude": ["10.1.0.64/26"]}, {"subnet": "fd00::/64", "exclude": ["fd00::5"]}))
    for address in "10.1.0.64", "10.1.0.127", "fd00::5":
        assert f"requested IP address {address} is excluded" in p.call("ADD", cni_args=f"IP={address}").error["msg"]
        assert node.leases() == {}
    assert p.add(cni_args="IP=10.1.0.128") == ["10.1.0.128/24", "fd00::2/64"]


@case("host-local:exclude-later")
def test_exclude_later(pool, node):
    """A lease that has become excluded is CHECKed and released"""
    p = pool()
    assert p.add() == ["10.1.0.2/24"]
    p.conf["ipam"]["ranges"][0][0]["exclude"] = ["10.1.0.0/25"]
    assert p.call("CHECK").ok
    assert p.add("c2") == ["10.1.0.128/24"]
    p.delete()
    assert list(node.leases()) == ["10.1.0.128"]


@case("host-local:exclude-large")
def test_exclude_large(pool):
    """Excluding 2^63 addresses costs nothing"""
    p = pool(ranges({"subnet": "fd00::/64", "exclude": ["fd00::/65", "fd00:0:0:0:8000::1"]}, {"subnet": "10.0.0.0/8", "exclude": ["10.0.0.0/9"]}))
    assert p.add() == ["fd00::8000:0:0:0/64", "10.128.0.0/8"]
    assert p.add("c2") == ["fd00::8000:0:0:2/64", "10.128.0.1/8"]


BAD_EXCLUDE = {
    "text": ("10.1.0.5", 6, "exclude"),
    "number": ([5], 6, "exclude[0]"),
    "nonsense": (["x"], 6, "exclude[0]"),
    "empty": ([""], 6, "exclude[0]"),
    "null": ([None], 6, "exclude[0]"),
    "prefix": (["10.1.0.0/33"], 6, "10.1.0.0/33"),
    "host bits": (["10.1.0.65/26"], 6, "10.1.0.65/26 has host bits set"),
    "backwards": (["10.1.0.9-10.1.0.8"], 6, "10.1.0.9-10.1.0.8"),
    "mixed": (["10.1.0.9-fd00::1"], 6, "one family"),
    "half": (["10.1.0.9-"], 6, "exclude[0]"),
    "other half": (["-10.1.0.9"], 6, "exclude[0]"),
    "second": (["10.1.0.7", "10.1.0.8/x"], 6, "exclude[1]"),
    "outside": (["10.2.0.1"], 7, "exclude: 10.2.0.1 not in network 10.1.0.0/24"),
    "reaching outside": (["10.1.0.9-10.1.1.9"], 7, "exclude: 10.1.1.9 not in network"),
    "other family": (["fd00::1"], 7, "exclude: fd00::1 not in network"),
    "everything": (["10.1.0.0/24"], 7, "exclude: no address of 10.1.0.1-10.1.0.254 is left"),
    "everything but the gateway": (["10.1.0.2-10.1.0.255"], 7, "exclude: no address"),
}


@case("host-local:invalid-exclude")
@pytest.mark.parametrize("form", ["ranges", "single"])
@pytest.mark.parametrize("what", BAD_EXCLUDE)
def test_bad_exclude(pool, node, what, form):
    """What cannot be excluded is named, and nothing is leased"""
    exclude, code, says = BAD_EXCLUDE[what]
    one = {"subnet": "10.1.0.0/24", "exclude": exclude}
    p = pool(ranges(one) if form == "ranges" else one)
    error = p.call("ADD").error
    assert error["code"] == code and says in error["msg"], error
    assert not node.data.exists()


@case("host-local:exclude-alone")
def test_exclude_alone(pool):
    """exclude beside ranges, where it belongs to none, is refused"""
    error = pool({**ranges({"subnet": "10.1.0.0/24"}), "exclude": ["10.1.0.5"]}).call("ADD").error
    assert error["code"] == 7 and "exclude" in error["msg"]
