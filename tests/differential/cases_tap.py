# SPDX-License-Identifier: Apache-2.0
"""tap, with and without addresses."""

from differential.case import Case, Expect, each, versions

DUAL = {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
V4 = {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}]]}
FIXED = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "fd00:7::9/64"}]}
TAP = {"type": "tap"}
L3 = {**TAP, "ipam": DUAL}
OWNED = {**TAP, "owner": 1000, "group": 1001}
MAC = "02:11:22:33:44:55"
BRIDGE = "a$ ip link add br0 type bridge"

CASES = [
    *versions(Case("l2", TAP)),
    *versions(Case("addresses", L3)),
    *versions(Case("owned", {**OWNED, "ipam": V4})),
    *versions(Case("static", {**TAP, "ipam": FIXED})),
    *versions(Case("status and gc", L3, "STATUS, ADD, GC, STATUS, DEL, VERSION")),
    *each("key", {
        "mtu": {**TAP, "mtu": 1400}, "mtu least": {**TAP, "mtu": 68}, "mtu most": {**TAP, "mtu": 65521}, "mtu 0": {**TAP, "mtu": 0},
        "mac": {**TAP, "mac": MAC}, "multiQueue": {**TAP, "multiQueue": True}, "owner": {**TAP, "owner": 1000},
        "owner 0": {**TAP, "owner": 0}, "group": {**TAP, "group": 7}, "group 0": {**TAP, "group": 0},
        "owner and group": OWNED, "all of them": {**OWNED, "multiQueue": True}, "owned mac": {**OWNED, "mac": MAC},
        "owned mtu": {**OWNED, "mtu": 1400},
        "dns": {**L3, "dns": {"nameservers": ["10.0.0.1"], "domain": "a.b"}}, "dns of l2": {**TAP, "dns": {"domain": "a.b"}},
        "dns of ipam": {**TAP, "ipam": {**FIXED, "dns": {"nameservers": ["10.0.0.2"]}}},
        "null": {**TAP, "mtu": None, "mac": None, "owner": None, "group": None, "multiQueue": None, "bridge": None, "selinuxContext": None},
        "empty": {**TAP, "mac": "", "bridge": "", "selinuxContext": ""}, "unknown": {**TAP, "unheardOf": 1},
        "case folded": {"type": "tap", "MultiQueue": True, "MTU": 1300}, "selinuxContext": {**TAP, "selinuxContext": "u:r:t:s0"},
        "routes": {**TAP, "ipam": {**V4, "routes": [{"dst": "10.8.0.0/16"}, {"dst": "10.9.0.0/16", "gw": "10.7.0.77"}]}},
    }),
    *each("bridge", {"l2": {**TAP, "bridge": "br0"}, "owned": {**OWNED, "bridge": "br0"}, "mtu": {**TAP, "bridge": "br0", "mtu": 1400},
                     "addresses": {**L3, "bridge": "br0"}}, prepare=BRIDGE),
    *each("no bridge", {"absent": {**TAP, "bridge": "br0"}}, steps="ADD, DEL"),
    *each("invalid", {
        "mtu text": {**TAP, "mtu": "1400"}, "mtu fraction": {**TAP, "mtu": 1.5}, "mtu negative": {**TAP, "mtu": -1},
        "mtu small": {**TAP, "mtu": 67}, "mtu large": {**TAP, "mtu": 65522}, "mac": {**TAP, "mac": "nonsense"}, "mac number": {**TAP, "mac": 5},
        "mac multicast": {**TAP, "mac": "01:00:5e:00:00:01"}, "owner text": {**TAP, "owner": "root"}, "owner negative": {**TAP, "owner": -1},
        "owner huge": {**TAP, "owner": 4294967296}, "group text": {**TAP, "group": "lp"}, "multiQueue text": {**TAP, "multiQueue": "yes"},
        "bridge number": {**TAP, "bridge": 5}, "selinuxContext number": {**TAP, "selinuxContext": 5},
        "ipam unknown": {**TAP, "ipam": {"type": "no-such-plugin"}}, "ipam fails": {**TAP, "ipam": {"type": "host-local"}},
        "impossible route": {**TAP, "ipam": {**V4, "routes": [{"dst": "10.9.0.0/16", "gw": "192.0.2.1"}]}},
    }, steps="ADD, DEL"),
    Case("mac by CNI_ARGS", {**TAP, "mac": "02:00:00:00:00:01"}, args=f"IgnoreUnknown=1;MAC={MAC}"),
    Case("mac by capability", {**TAP, "capabilities": {"mac": True}}, capabilities={"mac": MAC}, args="MAC=02:00:00:00:00:03"),
    Case("unknown CNI_ARGS", TAP, "ADD, DEL", args="X=y"),
    Case("two interfaces", L3, "ADD, ADD eth1, CHECK, DEL, DEL eth1"),
    Case("two containers", L3, "ADD, ADD b, CHECK b, DEL, DEL b"),
    Case("repeated ADD", {**TAP, "ipam": V4}, "ADD, ADD, DEL"),
    Case("interface is there", TAP, "ADD, DEL", prepare="a$ ip link add eth0 type bridge"),
    Case("same name on the node", TAP, prepare="$ ip link add eth0 type bridge"),
    Case("namespace gone", L3, "ADD, gone a, DEL, DEL"),
    Case("no namespace given", L3, "ADD, DEL nonetns, DEL noprev"),
    Case("no previous result", L3, "ADD, CHECK noprev, DEL noprev"),
    Case("never added", L3, "DEL, CHECK"),
    Case("link is gone", L3, "ADD, a$ ip link del eth0, CHECK, DEL"),
    Case("address is gone", L3, "ADD, a$ ip addr del 10.7.0.2/24 dev eth0, CHECK, DEL"),
    Case("route is gone", L3, "ADD, a$ ip route del default, CHECK, DEL"),
]

EXPECTED = [
    Expect("tap:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::"),
    Expect("tap:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify"),
    Expect("tap:undo", r"^go: a (link (eth0|veth#1) kind tun|qdisc|route4)", case="^(l2 0|no bridge|invalid|repeated|interface is there)"),
    Expect("tap:owned", r"^(go|ours): (tap result\.interfaces\[0\]\.mac|a link eth0 (mtu|address))", case="^key owned"),
    Expect("tap:dns", r"^ours: tap result\.dns", case="dns of ipam"),
    Expect("tap:name-taken", r"^(go|ours): (tap|a link eth0)", case="^interface is there"),
    Expect("tap:del-judges-nothing", r"^(go: tap fails|ours: tap succeeds)", case="^(invalid|unknown CNI_ARGS)"),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks", case="^never added"),
    Expect("host-local:index", r"^ours: file /var/lib/cni/networks/\.crimp"),
]
