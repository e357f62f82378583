# SPDX-License-Identifier: Apache-2.0
"""ipvlan over the end of a cable, alone and chained."""

from differential.case import Case, Expect, each
from differential.endpoints import CABLE, USUAL, V4, common, expected, stacked

CONF = {"type": "ipvlan", "master": "up0"}
FULL = {**CONF, "ipam": V4}
ROUTE = CABLE + ", $ ip addr add 10.1.0.1/24 dev up0, $ ip route add default via 10.1.0.9"
PREV = {"cniVersion": "1.0.0", "interfaces": [{"name": "up0"}], "routes": [{"dst": "0.0.0.0/0", "gw": "10.7.0.1"}],
        "ips": [{"address": "10.7.0.105/24", "gateway": "10.7.0.1"}]}
ON = {"prepare": CABLE, "needs": ("ipvlan",)}

CASES = [
    *common("ipvlan", CONF),
    *stacked("ipvlan", CONF),
    *each("key", {f"mode {m}": {**FULL, "mode": m} for m in ("l2", "l3", "l3s")}, steps=USUAL, **ON),
    *each("invalid", {"mode": {**FULL, "mode": "l4"}, "mode case": {**FULL, "mode": "L3"}}, steps="ADD, DEL", **ON),
    Case("two containers", FULL, "ADD, ADD b, CHECK, CHECK b, DEL, CHECK b, DEL b, DEL b", **ON),
    Case("default route", {"type": "ipvlan", "ipam": V4}, "ADD, DEL", prepare=ROUTE, needs=("ipvlan",)),
    Case("chained", {"type": "ipvlan", "prevResult": PREV}, "ADD noprev, DEL noprev", **ON),
    Case("chained, own master", {**CONF, "prevResult": {**PREV, "interfaces": []}}, "ADD noprev, DEL noprev", **ON),
    Case("chained, with ipam", {"type": "ipvlan", "ipam": V4, "prevResult": PREV}, "ADD noprev, DEL noprev", **ON),
    Case("chained, two interfaces", {"type": "ipvlan", "prevResult": {**PREV, "interfaces": [{"name": "up0"}, {"name": "x"}]}},
         "ADD noprev", **ON),
    Case("chained, no addresses", {"type": "ipvlan", "prevResult": {**PREV, "ips": []}}, "ADD noprev", **ON),
]

EXPECTED = [
    *expected("ipvlan"),
    Expect("endpoint:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify", needs=("ipvlan",)),
    Expect("endpoint:dns", r"^ours: ipvlan result\.dns", needs=("ipvlan",), case=r"^key ipam dns"),
    Expect("endpoint:failed-add", r"^go: (node|a) ", needs=("ipvlan",), case=r"^chained, no addresses"),
]
