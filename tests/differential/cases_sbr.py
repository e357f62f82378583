# SPDX-License-Identifier: Apache-2.0
"""sbr on an interface that is there; `gateways` and `addSourceHints` are younger than the Go plugins of the peers."""

from differential.case import VERSIONS, Case, Expect, each

LINK = ("a$ ip link add eth0 type veth peer name far0, a$ ip link set far0 up, a$ ip link set eth0 up, a$ ip addr add 10.7.0.9/24 dev eth0, "
        "a$ ip addr add fd00:7::9/64 dev eth0 nodad, a? ip -6 route show dev eth0 | grep -q fe80")
ROUTES = ("a$ ip route add 10.8.0.0/16 via 10.7.0.1, a$ ip route add 10.9.0.0/16 via 10.7.0.254, a$ ip -6 route add fd00:8::/32 via fd00:7::1, "
          "a$ ip route add 10.10.0.0/16 dev eth0, a$ ip route add 10.11.0.0/16 dev eth0 src 10.7.0.9 metric 7")
DEFAULTS = "a$ ip route add default via 10.7.0.1, a$ ip -6 route add default via fd00:7::1"
SECOND = "a$ ip addr add 10.7.0.10/24 dev eth0, a$ ip addr add 10.6.0.5/24 dev eth0"
V4 = ("10.7.0.9/24", "10.7.0.1")
V6 = ("fd00:7::9/64", "fd00:7::1")


def result(*ips, version="1.0.0", interface=0):
    """prevResult as the version shows it."""
    if version < "0.3":
        return {"cniVersion": version, **{"ip6" if ":" in a else "ip4": {"ip": a, **({"gateway": g} if g else {})} for a, g in ips}}
    shown = [{**({"version": "6" if ":" in a else "4"} if version < "1" else {}), "address": a, **({"gateway": g} if g else {}),
              **({} if interface is None else {"interface": interface})} for a, g in ips]
    return {"cniVersion": version, "interfaces": [{"name": "eth0", "sandbox": "/run/netns/pod-a"}, {"name": "eth5"}], "ips": shown}


def sbr(*ips, version="1.0.0", interface=0, **more):
    return {"type": "sbr", "prevResult": result(*(ips or (V4, V6)), version=version, interface=interface), **more}


def versions(id, steps, prepare, **more):
    return [Case(f"{id} {v}", sbr(version=v, **more), steps, version=v, prepare=prepare) for v in VERSIONS]


def here(*commands):
    return ", ".join([LINK, *commands])


# Without CHECK, where the reference looks at nothing; DEL has cases of its own, where the tables that ours empties are expected.
USUAL = "ADD"
BOTH = "ADD, DEL, DEL"

CASES = [
    *versions("DEL dual", BOTH, LINK),
    *versions("routes", USUAL, here(ROUTES, DEFAULTS)),
    *versions("table", BOTH, LINK, table=500),
    *each("addresses", {
        "ipv4": sbr(V4), "ipv6": sbr(V6), "without gateways": sbr((V4[0], None), (V6[0], None)), "of no interface": sbr(interface=None),
        "of a strange interface": sbr(interface=7), "gateway elsewhere": sbr(("10.7.0.9/24", "10.7.0.77")),
        "host": sbr(("10.7.0.9/32", None), ("fd00:7::9/128", None)),
    }, steps=USUAL, prepare=here(ROUTES)),
    Case("addresses two", sbr(V4, ("10.6.0.5/24", "10.6.0.1")), USUAL, prepare=here(SECOND, ROUTES)),
    Case("addresses two of a subnet", sbr(V4, ("10.7.0.10/24", "10.7.0.1")), USUAL, prepare=here(SECOND, ROUTES)),
    *each("table", {
        "main": sbr(table=254), "1": sbr(table=1), "large": sbr(table=100000), "null": sbr(table=None), "case folded": sbr(TABLE=7),
    }, steps=USUAL, prepare=LINK),
    *each("invalid", {"table text": sbr(table="x"), "table fraction": sbr(table=1.5), "table bool": sbr(table=True)}, steps="ADD", prepare=LINK),
    Case("not chained", {"type": "sbr"}, "ADD", prepare=LINK),
    Case("no addresses", {"type": "sbr", "prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "eth0"}]}}, "ADD", prepare=LINK),
    Case("no interface", sbr(), "ADD"),
    Case("gateway out of reach", sbr(("10.7.0.9/24", "192.0.2.1")), "ADD", prepare=LINK),
    Case("metrics", sbr(), USUAL, prepare=here("a$ ip route add 10.8.0.0/16 via 10.7.0.1 metric 50, a$ ip -6 route add fd00:8::/32 via fd00:7::1 metric 50, "
                                               "a$ ip route add 10.9.0.0/16 via 10.7.0.1 mtu 1300 advmss 1200")),
    Case("routes of other tables", sbr(), USUAL, prepare=here("a$ ip route add 10.8.0.0/16 via 10.7.0.1 table 77")),
    Case("beside another default route", sbr(), USUAL, prepare=here(
        "a$ ip link add eth5 type bridge, a$ ip link set eth5 up, a$ ip addr add 10.1.0.2/24 dev eth5, a$ ip route add default via 10.1.0.1")),
    Case("DEL rules in the way", sbr(V4), BOTH, prepare=here("a$ ip rule add from 10.1.0.1 lookup 100, a$ ip rule add from 10.1.0.1 lookup 101")),
    Case("rules of IPv6 in the way", sbr(), USUAL, prepare=here("a$ ip -6 rule add from fd00::1 lookup 100")),
    Case("DEL rule left", sbr(V4), BOTH, prepare=here("a$ ip rule add from 10.7.0.9 lookup 99")),
    Case("rule of a table left", sbr(V4, table=500), BOTH, prepare=here("a$ ip rule add from 10.7.0.9 lookup 99")),
    Case("DEL a rule is gone", sbr(), "ADD, a$ ip rule del from 10.7.0.9, DEL", prepare=LINK),
    Case("again", sbr(table=500), "ADD, DEL, ADD, DEL", prepare=LINK),
    Case("never added", sbr(), "DEL noprev", prepare=LINK),
    Case("version, status, gc", {"type": "sbr"}, "VERSION, STATUS, GC", version="1.1.0"),
]

EXPECTED = [
    Expect("sbr:tables", r'^go: a route[46] .*"table": "10[0-3]"', case="^DEL "),
    Expect("sbr:link-local", r'^go: a route[46] (?!.*gateway).*"table": "10[01]"'),
    Expect("sbr:far-gateway", r'^ours: a route[46] .*"gateway"', case="^addresses host"),
    Expect("sbr:undo", r'^go: a rule4 ', case="^gateway out of reach"),
]
