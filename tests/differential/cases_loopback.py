# SPDX-License-Identifier: Apache-2.0
"""loopback."""

from differential.case import Case, Expect, each, versions

LO = {"type": "loopback"}
STATIC = {"type": "static", "addresses": [{"address": "10.7.0.9/24"}]}
PREV = {"cniVersion": "1.0.0", "interfaces": [{"name": "x"}], "ips": [{"address": "10.7.0.2/24", "interface": 0}]}

CASES = [
    *versions(Case("plain", LO)),
    *versions(Case("twice", LO, "ADD, ADD, CHECK, DEL")),
    *versions(Case("status and gc", LO, "STATUS, GC, VERSION")),
    *each("key", {"unknown": {**LO, "mtu": 9000}, "dns": {**LO, "dns": {"nameservers": ["10.0.0.1"]}}, "ipam": {**LO, "ipam": STATIC},
                  "prevResult": {**LO, "prevResult": PREV}}),
    Case("other name", LO, ifname="lo"),
    Case("arguments", LO, args="IgnoreUnknown=1;X=y"),
    Case("down already", LO, "a$ ip link set lo down, ADD, CHECK, DEL"),
    Case("down later", LO, "ADD, a$ ip link set lo down, CHECK, DEL, DEL"),
    Case("more addresses", LO, prepare="a$ ip addr add 10.9.0.1/32 dev lo"),
    Case("no addresses", LO, prepare="a$ ip addr flush dev lo"),
    Case("without namespace", LO, "ADD, DEL nonetns"),
    Case("without anything", LO, "ADD, DEL noprev nonetns, DEL noprev"),
    Case("namespace gone", LO, "ADD, gone a, DEL, DEL"),
    Case("never added", LO, "DEL, CHECK"),
    Case("second container", LO, "ADD, ADD b, DEL, CHECK b, DEL b"),
]
EXPECTED = [
    Expect("loopback:shape", r"loopback result\.(ips|interfaces|ip4|ip6)", case=r" 0\.[1-4]\.[01]$"),
]
