# SPDX-License-Identifier: Apache-2.0
"""vrf on an interface that is there; kernels of the lab have VRFs."""

from differential.case import Case, Expect, each

VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
LINK = ("a$ ip link add eth0 type veth peer name far0, a$ ip link set far0 up, a$ ip link set eth0 up, a$ ip addr add 10.7.0.9/24 dev eth0, "
        "a$ ip addr add fd00:7::9/64 dev eth0 nodad, a? ip -6 addr show dev eth0 | grep fe80 | grep -qv tentative")
KEEP = "a$ sysctl -qw net.ipv6.conf.eth0.keep_addr_on_down=1"
ROUTES = ("a$ ip route add default via 10.7.0.1, a$ ip route add 10.8.0.0/16 via 10.7.0.254 metric 5, a$ ip -6 route add default via fd00:7::1, "
          "a$ ip -6 route add fd00:8::/32 via fd00:7::2")
PREV = {"interfaces": [{"name": "eth0", "sandbox": "/run/netns/pod-a"}]}


def vrf(version="1.0.0", name="blue", **more):
    ips = [{**({"version": v} if version < "1" else {}), "address": a, "interface": 0} for v, a in (("4", "10.7.0.9/24"), ("6", "fd00:7::9/64"))]
    return {"type": "vrf", "vrfname": name, "prevResult": {"cniVersion": version, **PREV, "ips": ips}, **more}


def versions(id, steps, prepare, which=VERSIONS, **more):
    return [Case(f"{id} {v}", vrf(v, **more), steps, version=v, prepare=prepare, needs=("vrf",)) for v in which]


def here(*commands):
    return ", ".join([LINK, *commands])


def one(id, conf, steps, *commands):
    return Case(id, conf, steps, prepare=here(*commands), needs=("vrf",))


ALL = "ADD, CHECK, DEL, DEL"

CASES = [
    *versions("dual", "ADD, DEL, DEL", here(KEEP), VERSIONS[:1]),
    *versions("dual", ALL, here(KEEP), VERSIONS[1:]),
    *versions("routes", "ADD", here(KEEP, ROUTES)),
    *versions("lost addresses", "ADD", here(ROUTES)),
    *versions("table", "ADD", here(KEEP), table=77),
    one("table large", vrf(table=100000), ALL, KEEP),
    one("table null", vrf(table=None), ALL, KEEP),
    one("VRF is there", vrf(), ALL, KEEP, "a$ ip link add blue type vrf table 9, a$ ip link set blue up"),
    one("VRF is there with the table", vrf(table=9), ALL, KEEP, "a$ ip link add blue type vrf table 9, a$ ip link set blue up"),
    one("VRF is there with another table", vrf(table=10), "ADD, DEL", KEEP, "a$ ip link add blue type vrf table 9, a$ ip link set blue up"),
    one("table is free", vrf(), ALL, KEEP, "a$ ip link add red type vrf table 1, a$ ip link add green type vrf table 3"),
    one("VRF stays with a port", vrf(), ALL, KEEP, "a$ ip link add blue type vrf table 9, a$ ip link set blue up, a$ ip link add d0 type bridge, a$ ip link set d0 master blue"),
    one("not a VRF", vrf(), "ADD", KEEP, "a$ ip link add blue type bridge"),
    one("has a master", vrf(), "ADD", KEEP, "a$ ip link add br9 type bridge, a$ ip link set eth0 master br9"),
    one("CHECK off the VRF", vrf(), "ADD, a$ ip link set eth0 nomaster, CHECK", KEEP),
    one("CHECK VRF gone", vrf(), "ADD, a$ ip link del blue, CHECK, DEL", KEEP),
    one("again", vrf(), "ADD, DEL, ADD, CHECK, DEL", KEEP),
    one("never added", vrf(), "CHECK, DEL", KEEP),
    one("namespace gone", vrf(), "ADD, gone a, DEL", KEEP),
    *[one(f"invalid {k}", {**vrf(), **v}, "ADD", KEEP) for k, v in {
        "name empty": {"vrfname": ""}, "name number": {"vrfname": 5}, "table text": {"table": "5"}, "table negative": {"table": -1},
        "table fraction": {"table": 1.5}}.items()],
    Case("not chained", {"type": "vrf", "vrfname": "blue"}, "ADD, CHECK, DEL"),
    Case("no name", {"type": "vrf"}, "ADD"),
    *each("version", {"status and gc": {"type": "vrf", "vrfname": "blue"}}, steps="VERSION, GC", version="1.1.0"),
    Case("version too old", vrf("0.3.1"), "ADD, DEL", version="0.3.0"),
]

EXPECTED = [
    Expect("vrf:undo", r"^go: a (rule[46] |link blue )", needs=("vrf",), case="^has a master"),
]
