# SPDX-License-Identifier: Apache-2.0
"""host-device: what the node had on the device is there again after an ADD that failed."""

import pytest

from lib.case import case, needs
from system.test_host_device import L2, OnSysfs, cable, up
from system.world import changed, slave

# What a node may have on a device: each line a command of ip.
BELONGINGS = """
addr add 192.0.2.1/24 brd + dev ens9 label ens9:1
addr add 192.0.2.2/24 dev ens9
addr add 198.51.100.1 peer 198.51.100.2 dev ens9
addr add 203.0.113.1/28 dev ens9 scope link metric 77
addr add 203.0.113.33/28 dev ens9 noprefixroute
addr add 203.0.113.65/28 dev ens9
route del 203.0.113.64/28 dev ens9
-6 addr add 2001:db8:f::1/64 dev ens9 nodad
-6 addr add 2001:db8:f::2/64 dev ens9 preferred_lft 0
-6 addr add 2001:db8:f::3 peer 2001:db8:e::/64 dev ens9 home
-6 addr add 2001:db8:d::1/64 dev ens9 noprefixroute
-6 addr add 2001:db8:c::1/64 dev ens9 metric 99
route add default via 192.0.2.9 dev ens9 metric 50 src 192.0.2.2 mtu 1300 advmss 1000
route add default via 192.0.2.9 dev ens9 table 100
route add 10.1.0.0/16 via 10.9.9.9 dev ens9 onlink
route add 10.2.0.0/16 dev ens9 proto static scope link
route add 203.0.113.32/28 dev ens9 proto kernel scope link src 203.0.113.33 metric 100
route append 10.2.0.0/16 via 192.0.2.9 dev ens9 proto static
route add 10.3.0.0/16 nexthop via 192.0.2.9 dev ens9 weight 3 nexthop via 192.0.3.9 dev other
route add 10.4.0.0/16 via inet6 2001:db8:f::9 dev ens9
route add local 10.5.0.0/16 dev ens9
route add blackhole 10.6.0.0/16
route add 10.7.0.0/16 via 192.0.3.9 dev other
-6 route add default via 2001:db8:f::9 dev ens9 metric 50 proto ra pref high
-6 route add 2001:db8:1::/48 via 2001:db8:f::9 dev ens9 table 1000
-6 route add 2001:db8:3::/48 nexthop via 2001:db8:f::9 dev ens9 weight 3 nexthop via fd00:3::9 dev other
-6 route add blackhole 2001:db8:6::/48
neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev ens9 nud permanent
neigh add 2001:db8:f::77 lladdr 02:00:00:00:00:77 dev ens9 nud permanent
"""
KNOBS = {"net.ipv4.conf.ens9.rp_filter": 2, "net.ipv4.conf.ens9.forwarding": 1, "net.ipv4.neigh.ens9.gc_stale_time": 77,
         "net.ipv6.conf.ens9.accept_ra": 0, "net.ipv6.conf.ens9.forwarding": 1, "net.ipv6.neigh.ens9.mcast_solicit": 7}


def furnish(node):
    """The node has all that on ens9, and nothing is under way any more."""
    cable(node, name="other", mac="02:00:00:00:00:08")
    node.ip("addr", "add", "192.0.3.1/24", "dev", "other")
    node.ip("addr", "add", "fd00:3::1/64", "dev", "other", "nodad")
    for name, value in KNOBS.items():
        node.sysctl(name, value)
    for line in BELONGINGS.strip().splitlines():
        node.ip(*line.split())
    assert node.until(lambda: "tentative" not in node.run("ip", "-6", "addr").out, 20)


ASKED = (["-j", "addr"], ["-4", "route", "show", "table", "all"], ["-6", "route", "show", "table", "all"], ["neigh", "show", "nud", "permanent"],
         ["-4", "rule"])


def asked(node):
    """Byte for byte what ip says, and the knobs."""
    return {**{" ".join(q): node.run("ip", *q).out.splitlines() for q in ASKED}, **{k: node.sysctl(k) for k in KNOBS}}


def unchanged(node, before):
    """What is not as before; the kernel makes the routes to an IPv6 address of one's own a moment after the address."""
    node.until(lambda: asked(node) == before)
    return changed(before, asked(node))


FAIL_LATE = {"IPAM": {"type": "ipam"}, "route": {"type": "static", "addresses": [{"address": "10.0.0.1/24"}],
                                                 "routes": [{"dst": "10.9.0.0/16", "gw": "203.0.113.1"}]}}


@case("host-device:undo-belongings")
@pytest.mark.parametrize("how", FAIL_LATE)
@pytest.mark.parametrize("number", ["number free", "number taken"])
def test_undo_belongings(node, container, how, number):
    """After an ADD that failed when the device had moved, its addresses, routes, neighbours and knobs are on the node, byte for byte"""
    cable(node)
    furnish(node)
    if number == "number taken":
        container.ip("link", "add", "taken", "index", str(node.link("ens9")["ifindex"]), "type", "bridge")
    node.fake("ipam").fails("ADD", 11, "try again")
    before = asked(node)
    error = node.refuses("ADD", {**L2, "ipam": FAIL_LATE[how]}, container)
    assert unchanged(node, before) == []
    assert ("try again" if how == "IPAM" else "10.9.0.0/16") in error["msg"] and "not all" not in error["msg"]


@case("host-device:undo-place")
@needs("/sys/bus/pci/devices")
def test_undo_belongings_by_place(node, container):
    """The same of a PCI device"""
    cable(node)
    furnish(node)
    node.fake("ipam").fails("ADD", 11, "try again")
    place, before = OnSysfs(node), asked(node)
    assert place.call("ADD", {"pciBusID": "0000:01:00.0", "ipam": {"type": "ipam"}}, container).code == 11
    assert unchanged(node, before) == []


@case("host-device:undo-furnished-down")
@pytest.mark.parametrize("mode", [0, 1], ids=["", "no link-local address"])
def test_undo_belongings_of_one_that_is_down(node, container, mode):
    """A device that is down keeps its addresses, and gets the routes that it had got when it goes up"""
    cable(node, up=False)
    node.sysctl("net.ipv6.conf.ens9.addr_gen_mode", mode)
    node.ip("link", "set", "ens9", "mtu", "1400")
    for address in "192.0.2.1/24", "192.0.2.2/24", "2001:db8:f::1/64", "2001:db8:f::2/64":
        node.ip("addr", "add", address, "dev", "ens9")
    node.fake("ipam").fails("ADD", 11, "try again")
    before = asked(node)
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert unchanged(node, before) == [] and not up(node, "ens9")
    node.ip("link", "set", "ens9", "up")
    routes = node.run("ip", "-6", "route", "show", "dev", "ens9").out
    assert node.route("192.0.2.0/24") and "2001:db8:f::/64" in routes and ("fe80::/64" in routes) == (mode == 0)


@case("host-device:undo-lifetimes")
def test_undo_lifetimes(node, container):
    """Addresses and routes that end, still end"""
    cable(node)
    for address in "192.0.2.1/24", "2001:db8:f::1/64":
        node.ip("addr", "add", address, "dev", "ens9", "valid_lft", "1000", "preferred_lft", "500")
    node.ip("-6", "route", "add", "2001:db8:1::/48", "via", "2001:db8:f::9", "dev", "ens9", "expires", "1000")
    assert node.until(lambda: "tentative" not in node.run("ip", "-6", "addr").out, 20)
    node.fake("ipam").fails("ADD", 11, "try again")
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    found = {a["local"]: a for a in node.ip("addr", "show", "dev", "ens9")[0]["addr_info"] if a["scope"] == "global"}
    assert sorted(found) == ["192.0.2.1", "2001:db8:f::1"]
    for a in found.values():
        assert 900 < a["valid_life_time"] <= 1000 and 400 < a["preferred_life_time"] <= 500 and a["dynamic"], a
    assert node.run("ip", "-6", "route", "show", "2001:db8:f::/64").out
    route = node.run("ip", "-6", "route", "show", "2001:db8:1::/48").out
    assert 900 < int(route.split("expires ")[1].split("sec")[0]) <= 1001, route


@case("host-device:undo-port")
def test_undo_port(node, container):
    """What the bridge knew of its port returns with it"""
    cable(node)
    node.ip("link", "add", "br7", "type", "bridge")
    node.ip("link", "set", "br7", "up")
    node.ip("link", "set", "ens9", "master", "br7")
    node.ip("link", "set", "ens9", "type", "bridge_slave", "hairpin", "on", "cost", "77", "priority", "7", "learning", "off", "isolated", "on")
    assert node.until(lambda: slave(node, "ens9")["state"] == "forwarding")
    node.fake("ipam").fails("ADD", 11, "try again")
    volatile = "hold_timer", "message_age_timer", "forward_delay_timer"
    before = {k: v for k, v in slave(node, "ens9").items() if k not in volatile}
    assert before["hairpin"] and before["cost"] == 77
    error = node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert error["msg"].endswith("try again"), error
    assert node.until(lambda: slave(node, "ens9")["state"] == "forwarding")
    assert {k: v for k, v in slave(node, "ens9").items() if k not in volatile} == before


@case("host-device:undo-vlans")
@needs("vlan_filtering")
def test_undo_vlans(node, container):
    """The VLANs of a bridge's port return with it"""
    cable(node)
    node.ip("link", "add", "br7", "type", "bridge", "vlan_filtering", "1")
    node.ip("link", "set", "ens9", "master", "br7")
    for command in "del dev ens9 vid 1", "add dev ens9 vid 7 pvid untagged", "add dev ens9 vid 20-30":
        node.run("bridge", "vlan", *command.split())
    node.fake("ipam").fails("ADD", 11, "try again")
    before = node.run("bridge", "-j", "vlan", "show", "dev", "ens9").out
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert node.run("bridge", "-j", "vlan", "show", "dev", "ens9").out == before


@case("host-device:undo-vrf")
@needs("vrf")
def test_undo_vrf(node, container):
    """A device of a VRF has its routes in that table again"""
    cable(node)
    node.ip("link", "add", "red", "type", "vrf", "table", "77")
    node.ip("link", "set", "red", "up")
    node.ip("link", "set", "ens9", "master", "red")
    node.ip("addr", "add", "192.0.2.1/24", "dev", "ens9")
    node.ip("addr", "add", "2001:db8:f::1/64", "dev", "ens9", "nodad")
    node.ip("route", "add", "default", "via", "192.0.2.9", "vrf", "red")
    node.ip("-6", "route", "add", "default", "via", "2001:db8:f::9", "vrf", "red")
    assert node.until(lambda: "tentative" not in node.run("ip", "-6", "addr").out, 20)
    node.fake("ipam").fails("ADD", 11, "try again")
    before = asked(node)
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert unchanged(node, before) == []


EARLY = {"host-local": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24", "rangeStart": "10.7.0.5", "rangeEnd": "10.7.0.5"}]]},
         "static": {"type": "static", "addresses": [{"address": "10.7.0.5"}]}}


@case("host-device:lease-first")
@pytest.mark.parametrize("which", EARLY)
def test_lease_first(node, container, which):
    """What host-local and static refuse is refused before the device moves: it never goes down"""
    cable(node)
    ipam = {**EARLY[which], **({"dataDir": str(node.data)} if which == "host-local" else {})}
    if which == "host-local":
        node.add({"type": "host-local", "ipam": ipam}, node.container("other"))
    log = node.dir / "events"
    with open(log, "w", encoding="utf-8") as f:
        watcher = node.spawn("ip", "-o", "monitor", "link", stdout=f)
        node.run("sleep", "0.3")
        node.refuses("ADD", {**L2, "ipam": ipam}, container)
        node.run("sleep", "0.3")
        watcher.kill()
    assert "Deleted" not in log.read_text() and "state DOWN" not in log.read_text()


@case("host-device:lease-first-undo")
def test_lease_first_undo(node, container):
    """A lease that was taken first is given back when the device does not get on with it; one of an attachment that lives is not"""
    cable(node)
    ipam = node.host_local("10.7.0.0/24", routes=[{"dst": "10.9.0.0/16", "gw": "203.0.113.1"}])
    node.refuses("ADD", {**L2, "ipam": ipam}, container)
    assert node.leases() == {} and up(node, "ens9")
    conf = {**L2, "ipam": node.host_local("10.7.0.0/24")}
    node.add(conf, container)
    assert len(node.leases()) == 1
    node.refuses("ADD", conf, container)
    node.refuses("ADD", {**conf, "device": "ens9far"}, container)
    assert len(node.leases()) == 1
