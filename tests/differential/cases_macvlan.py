# SPDX-License-Identifier: Apache-2.0
"""macvlan over the end of a cable."""

from differential.case import Case, Expect, each, versions
from differential.shared import HOST_LOCAL

CABLE = "$ ip link add up0 type veth peer name up1, $ ip link set up0 up, $ ip link set up1 up"
ROUTE = CABLE + ", $ ip addr add 10.1.0.1/24 dev up0, $ ip route add default via 10.1.0.9"
POOL4, POOL6 = [{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]
V4 = {"type": "host-local", "ranges": [POOL4]}
V6 = {"type": "host-local", "ranges": [POOL6]}
DUAL = {"type": "host-local", "ranges": [POOL4, POOL6]}
STATIC = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}]}
L2 = {"type": "macvlan", "master": "up0"}
MACVLAN = {**L2, "ipam": DUAL}
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "10.8.0.0/16", "gw": "10.7.0.254"}, {"dst": "fd00:8::/32"}]
MAC = "02:11:22:33:44:55"
IN = "a$ ip link add net0 type veth peer name net1, a$ ip link set net0 up, a$ ip link set net1 up"


def one(id, conf, steps="ADD, CHECK, DEL, DEL", prepare=CABLE, **more):
    return Case(id, conf, steps, prepare=prepare, **more)


CASES = [
    *versions(one("addresses", MACVLAN)),
    *versions(one("l2", L2)),
    *versions(one("invalid mode", {**MACVLAN, "mode": "none"}, "ADD, DEL")),
    one("two containers", MACVLAN, "ADD, ADD b, CHECK, CHECK b, DEL, CHECK b, DEL b, DEL b"),
    one("status and gc", MACVLAN, "STATUS, ADD, GC, STATUS, DEL, VERSION", version="1.1.0"),
    *each("key", {
        "ipv4": {**L2, "ipam": V4}, "ipv6": {**L2, "ipam": V6}, "static": {**L2, "ipam": STATIC},
        "routes": {**L2, "ipam": {**DUAL, "routes": ROUTES}},
        "mode bridge": {**MACVLAN, "mode": "bridge"}, "mode private": {**MACVLAN, "mode": "private"},
        "mode vepa": {**MACVLAN, "mode": "vepa"}, "mode passthru": {**MACVLAN, "mode": "passthru"},
        "mtu": {**MACVLAN, "mtu": 1400}, "mtu 0": {**MACVLAN, "mtu": 0}, "mtu of the master": {**MACVLAN, "mtu": 1500},
        "mac": {**MACVLAN, "mac": MAC}, "bcqueuelen": {**MACVLAN, "bcqueuelen": 77},
        "dns": {**MACVLAN, "dns": {"nameservers": ["10.0.0.1"], "domain": "a.b", "search": ["c"]}},
        "l2 dns": {**L2, "dns": {"nameservers": ["10.0.0.1"]}},
        "ipam dns": {**L2, "ipam": {**STATIC, "dns": {"nameservers": ["10.0.0.1"]}}},
        "null": {**MACVLAN, "mtu": None, "mode": None, "mac": None},
        "case folded": {"type": "macvlan", "MASTER": "up0", "Mode": "private", "ipam": V4},
        "unknown": {**MACVLAN, "unheardOf": 1},
    }, prepare=CABLE),
    *each("invalid", {
        "mtu above": {**MACVLAN, "mtu": 1501}, "mtu negative": {**MACVLAN, "mtu": -1}, "mtu text": {**MACVLAN, "mtu": "1500"},
        "master missing": {**MACVLAN, "master": "nowhere"}, "master number": {**MACVLAN, "master": 5},
        "mac": {**MACVLAN, "mac": "nonsense"}, "mac multicast": {**MACVLAN, "mac": "01:00:5e:00:00:01"},
        "mode case": {**MACVLAN, "mode": "Bridge"}, "bcqueuelen negative": {**MACVLAN, "bcqueuelen": -1},
        "linkInContainer text": {**MACVLAN, "linkInContainer": "yes"}, "ipam unknown": {**L2, "ipam": {"type": "none"}},
        "ipam fails": {**L2, "ipam": {"type": "host-local"}}, "no default route": {**MACVLAN, "master": ""},
    }, steps="ADD, DEL", prepare=CABLE),
    one("mac by CNI_ARGS", {**MACVLAN, "mac": "02:00:00:00:00:02"}, args=f"IgnoreUnknown=1;MAC={MAC}"),
    one("mac by capability", {**MACVLAN, "capabilities": {"mac": True}}, capabilities={"mac": MAC}),
    one("mac of all three", {**MACVLAN, "mac": "02:00:00:00:00:02", "capabilities": {"mac": True}},
        capabilities={"mac": MAC}, args="IgnoreUnknown=1;MAC=02:00:00:00:00:03"),
    one("unknown argument", MACVLAN, "ADD, DEL", args="FOO=1"),
    one("default route", {"type": "macvlan", "ipam": DUAL}, prepare=ROUTE),
    one("in container", {**MACVLAN, "master": "net0", "linkInContainer": True}, prepare=IN),
    one("in container, default route", {"type": "macvlan", "linkInContainer": True, "ipam": V4},
        prepare=IN + ", a$ ip addr add 10.1.0.1/24 dev net0, a$ ip route add default via 10.1.0.9"),
    one("in container, on the node", {**MACVLAN, "linkInContainer": True}, "ADD, DEL"),
    one("passthru twice", {**MACVLAN, "mode": "passthru"}, "ADD, ADD b, DEL b, CHECK, DEL"),
    one("two interfaces", MACVLAN, "ADD, ADD eth1, CHECK, DEL eth1, CHECK, DEL"),
    one("repeated ADD", MACVLAN, "ADD, ADD, CHECK, DEL"),
    one("interface is there", MACVLAN, "ADD, DEL", prepare=CABLE + ", a$ ip link add eth0 type bridge"),
    one("node has eth0", MACVLAN, prepare=CABLE + ", $ ip link add eth0 type bridge"),
    one("namespace gone", MACVLAN, "ADD, ADD b, gone a, DEL, DEL, CHECK b"),
    one("no namespace given", MACVLAN, "ADD, DEL nonetns, DEL noprev"),
    one("no previous result", MACVLAN, "ADD, CHECK noprev, DEL noprev, DEL noprev"),
    one("never added", MACVLAN, "DEL, DEL nonetns, CHECK"),
    one("master gone", MACVLAN, "ADD, $ ip link del up0, CHECK, DEL, DEL"),
    one("link is gone", MACVLAN, "ADD, a$ ip link del eth0, CHECK, DEL"),
    one("address is gone", MACVLAN, "ADD, a$ ip addr del 10.7.0.2/24 dev eth0, CHECK, DEL"),
    one("another mac", MACVLAN, "ADD, a$ ip link set eth0 address 02:00:00:00:00:09, CHECK, DEL"),
    one("down", MACVLAN, "ADD, a$ ip link set eth0 down, CHECK, DEL"),
    one("full pool", {**L2, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/30"}]]}},
        "ADD, ADD b, DEL, ADD b, DEL b"),
    one("impossible route", {**L2, "ipam": {**V4, "routes": [{"dst": "10.8.0.0/16", "gw": "10.99.0.1"}]}}, "ADD, DEL"),
]

EXPECTED = [
    Expect("endpoint:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::"),
    Expect("endpoint:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify"),
    Expect("endpoint:failed-add", r"^go: (node|[ab]) (link|knob|address|route)",
           case=r"^(l2 0\.[12]|invalid|full pool|impossible)"),
    Expect("endpoint:failed-add", r"^(go: macvlan fails|ours: (macvlan|node|b|file) )", case=r"^full pool"),
    Expect("endpoint:del-judges-nothing", r"^(go: macvlan fails|ours: macvlan succeeds)", case=r"^(invalid|unknown arg)"),
    Expect("endpoint:own-kind", r"^ours: a link eth0 kind bridge", case=r"^interface is there"),
    Expect("endpoint:dns", r"^ours: macvlan result\.dns", case=r"^key ipam dns"),
    *HOST_LOCAL,
]
