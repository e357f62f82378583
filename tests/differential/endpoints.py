# SPDX-License-Identifier: Apache-2.0
"""Cases that ipvlan, vlan and dummy have in common."""

from differential.case import Case, Expect, each, versions
from differential.shared import HOST_LOCAL

CABLE = "$ ip link add up0 type veth peer name up1, $ ip link set up0 up, $ ip link set up1 up"
IN = "a$ ip link add net0 type veth peer name net1, a$ ip link set net0 up, a$ ip link set net1 up"
POOL4, POOL6 = [{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]
V4 = {"type": "host-local", "ranges": [POOL4]}
V6 = {"type": "host-local", "ranges": [POOL6]}
DUAL = {"type": "host-local", "ranges": [POOL4, POOL6]}
STATIC = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}]}
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "10.8.0.0/16", "gw": "10.7.0.254"}, {"dst": "fd00:8::/32"}]
DNS = {"nameservers": ["10.0.0.1"], "domain": "a.b"}
USUAL = "ADD, CHECK, DEL, DEL"


def common(name, conf, prepare=CABLE, known=("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")):
    """conf is without ipam. IPv4 alone wherever the family does not matter: the reference waits for each IPv6 address."""
    full, more = {**conf, "ipam": V4}, {"prepare": prepare, "needs": (name,)}

    def one(id, conf, steps=USUAL, **other):
        return Case(id, conf, steps, **{**more, **other})

    return [
        *versions(one("addresses", full), *known),
        one("both families", {**conf, "ipam": DUAL}),
        one("ipv6", {**conf, "ipam": V6}, "ADD, CHECK, DEL"),
        one("status and gc", full, "STATUS, ADD, GC, STATUS, DEL, VERSION", version="1.1.0"),
        *each("key", {
            "static": {**conf, "ipam": STATIC}, "routes": {**conf, "ipam": {**DUAL, "routes": ROUTES}},
            "dns": {**full, "dns": DNS}, "ipam dns": {**conf, "ipam": {**STATIC, "dns": DNS}},
            "unknown": {**full, "unheardOf": [1]}, "null": {**full, "mtu": None},
        }, **more),
        *each("invalid", {
            "ipam unknown": {**conf, "ipam": {"type": "none"}}, "ipam fails": {**conf, "ipam": {"type": "host-local"}},
            "no ipam": conf, "dns": {**full, "dns": 5},
        }, steps="ADD, DEL", **more),
        one("two interfaces", full, "ADD, ADD eth1, CHECK, DEL eth1, CHECK, DEL"),
        one("repeated ADD", full, "ADD, ADD, CHECK, DEL"),
        one("interface is there", full, "ADD, DEL", prepare=prepare + ", a$ ip link add eth0 type bridge"),
        one("namespace gone", full, "ADD, gone a, DEL, DEL"),
        one("no namespace given", full, "ADD, DEL nonetns, DEL noprev"),
        one("no previous result", full, "ADD, CHECK noprev, DEL noprev, DEL noprev"),
        one("never added", full, "DEL, DEL nonetns, CHECK"),
        one("link is gone", full, "ADD, a$ ip link del eth0, CHECK, DEL"),
        one("address is gone", full, "ADD, a$ ip addr del 10.7.0.2/24 dev eth0, CHECK, DEL"),
        one("down", full, "ADD, a$ ip link set eth0 down, CHECK, DEL"),
        one("impossible route", {**conf, "ipam": {**V4, "routes": [{"dst": "10.8.0.0/16", "gw": "10.99.0.1"}]}},
            "ADD, DEL"),
    ]


def stacked(name, conf):
    """What hangs on a master besides."""
    full, more = {**conf, "ipam": V4}, {"prepare": CABLE, "needs": (name,)}
    return [
        *each("key", {"mtu": {**full, "mtu": 1400}, "mtu 0": {**full, "mtu": 0}, "mtu of the master": {**full, "mtu": 1500}},
              **more),
        *each("invalid", {
            "mtu negative": {**full, "mtu": -1}, "mtu text": {**full, "mtu": "1500"},
            "master missing": {**full, "master": "nowhere"}, "master number": {**full, "master": 5},
            "linkInContainer text": {**full, "linkInContainer": "yes"}, "no master": {**full, "master": ""},
        }, steps="ADD, DEL", **more),
        Case("in container", {**full, "master": "net0", "linkInContainer": True}, USUAL, prepare=IN, needs=(name,)),
        Case("in container, on the node", {**full, "linkInContainer": True}, "ADD, DEL", **more),
        Case("node has eth0", full, USUAL, prepare=CABLE + ", $ ip link add eth0 type bridge", needs=(name,)),
        Case("master gone", full, "ADD, $ ip link del up0, CHECK, DEL, DEL", **more),
    ]


def expected(name):
    failed = r"^(invalid|interface is there|impossible|repeated|two interfaces)"
    return [
        Expect("endpoint:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::", needs=(name,)),
        Expect("endpoint:failed-add", rf"^(go|ours): ([ab] (link|knob|address|route)|{name} |file .*/10\.7\.0\.)",
               needs=(name,), case=failed),
        Expect("endpoint:del-judges-nothing", rf"^(go: {name} fails|ours: {name} succeeds)", needs=(name,),
               case=r"^(invalid|master gone|in container, on)"),
        *HOST_LOCAL,
    ]
