# SPDX-License-Identifier: Apache-2.0
"""dummy."""

from differential.case import Case, Expect, each
from differential.endpoints import USUAL, V4, common, expected

CONF = {"type": "dummy"}
ON = {"needs": ("dummy",)}

CASES = [
    *common("dummy", CONF, prepare="$ true"),
    Case("two containers", {**CONF, "ipam": V4}, "ADD, ADD b, CHECK, CHECK b, DEL, CHECK b, DEL b", **ON),
    Case("another mac", {**CONF, "ipam": V4}, "ADD, a$ ip link set eth0 address 02:00:00:00:00:09, CHECK, DEL", **ON),
    *each("key", {"case folded": {"TYPE": "x", **CONF, "IPAM": V4}, "mtu": {**CONF, "ipam": V4, "mtu": 1400}}, steps=USUAL, **ON),
]

EXPECTED = [
    *expected("dummy"),
    Expect("endpoint:dns", r"^(go|ours): dummy result\.dns", needs=("dummy",), case=r"^key dns"),
]
