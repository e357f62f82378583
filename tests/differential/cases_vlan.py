# SPDX-License-Identifier: Apache-2.0
"""vlan over the end of a cable."""

from differential.case import Case, Expect, each
from differential.endpoints import CABLE, USUAL, V4, common, expected, stacked

CONF = {"type": "vlan", "master": "up0", "vlanId": 5}
FULL = {**CONF, "ipam": V4}
ON = {"prepare": CABLE, "needs": ("vlan",)}

CASES = [
    *common("vlan", CONF),
    *stacked("vlan", CONF),
    *each("key", {f"vlanId {i}": {**FULL, "vlanId": i} for i in (0, 1, 4094)}, steps=USUAL, **ON),
    Case("no vlanId", {"type": "vlan", "master": "up0", "ipam": V4}, USUAL, **ON),
    *each("invalid", {
        "vlanId negative": {**FULL, "vlanId": -1}, "vlanId 4095": {**FULL, "vlanId": 4095}, "vlanId text": {**FULL, "vlanId": "5"},
        "mtu above": {**FULL, "mtu": 1501},
    }, steps="ADD, DEL", **ON),
    Case("vlan is taken", FULL, "ADD, ADD b, DEL b, CHECK, DEL", **ON),
    Case("another vlan", FULL, "ADD, DEL, ADD b, DEL b", **ON),
]

EXPECTED = [
    *expected("vlan"),
    Expect("endpoint:notify", r"^(go|ours): [ab] knob ipv[46]/conf/eth[01]/(arp|ndisc)_notify", needs=("vlan",)),
    Expect("endpoint:dns", r"^ours: vlan result\.dns", needs=("vlan",), case=r"^key ipam dns"),
]
