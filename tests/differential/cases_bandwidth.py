# SPDX-License-Identifier: Apache-2.0
"""bandwidth on a veth that lies there, and behind ptp and macvlan."""

import dataclasses

from differential.case import USUAL, Case, Expect, each, versions

VETH = "ip link add ha type veth peer name eth0 netns /run/netns/pod-a && ip link set ha up"
PTP = {"type": "ptp", "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}]}}
FOUR = {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 16000000, "egressBurst": 1600000}
IN, OUT = ({k: v for k, v in FOUR.items() if k.startswith(word)} for word in ("ingress", "egress"))
ZERO = dict.fromkeys(FOUR, 0)
MAX = 34359738359
HOLD = "ADD, CHECK, gone a, DEL, DEL"     # what a DEL of a living container leaves is compared by the cases of "alive"
FROM_030 = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")


def prev(version="1.0.0"):
    return {"cniVersion": version, "interfaces": [{"name": "ha"}, {"name": "eth0", "sandbox": "/run/netns/pod-a"}]}


def chain(**more):
    return {"type": "bandwidth", "prevResult": prev(), **more}


def on_veth(cases):
    """The veth is there, and the result before is in the version of the case."""
    for one in cases:
        conf = one.conf
        if isinstance(conf, dict) and "prevResult" in conf:
            conf = {**conf, "prevResult": {**conf["prevResult"], "cniVersion": one.version}}
        steps = HOLD if one.steps == USUAL else one.steps
        yield dataclasses.replace(one, conf=conf, steps=steps, prepare=one.prepare or f"$ {VETH}")


def each_limit(id, rows, **more):
    return each(id, {name: chain(**keys) for name, keys in rows.items()}, **more)


def runtime(keys, **more):
    return {"conf": chain(capabilities={"bandwidth": True}, **more), "capabilities": {"bandwidth": keys}}


CASES = [*on_veth([
    *versions(Case("both", chain(**FOUR)), *FROM_030),
    *versions(Case("ingress", chain(**IN)), *FROM_030),
    *versions(Case("egress", chain(**OUT)), *FROM_030),
    *versions(Case("capability", **runtime(FOUR)), *FROM_030),
    *versions(Case("old version", [{"type": "bandwidth", **FOUR}], "ADD, VERSION, DEL"), "0.1.0", "0.2.0"),
    Case("status and gc", chain(**FOUR), "STATUS, ADD, GC, CHECK, VERSION", version="1.1.0"),
    *each_limit("limits", {
        "none": {}, "zero": ZERO, "null": dict.fromkeys(FOUR), "slow": {"ingressRate": 100, "ingressBurst": 800000},
        "fast": {"ingressRate": 80000000000, "ingressBurst": 8000000, "egressRate": 40000000000, "egressBurst": 8000000},
        "uneven": {"ingressRate": 12345679, "ingressBurst": 7654321, "egressRate": 999999, "egressBurst": 1000007},
        "burst of kubernetes": {"ingressRate": 1000000, "ingressBurst": 2**32 - 1, "egressRate": 10000000, "egressBurst": 2**31 - 1},
        "burst most": {"ingressRate": 10**9, "ingressBurst": MAX, "egressRate": 3 * 10**6, "egressBurst": 10**10},
        "case folded": {"INGRESSRATE": 8000000, "ingressburst": 800000}, "unknown": {**FOUR, "unheardOf": 1, "shapedSubnets": ["10.0.0.0/8"]},
        "twice": {**FOUR, "EgressRate": 24000000},
    }),
    Case("capability ingress", **runtime(IN)),
    Case("capability egress", **runtime(OUT)),
    Case("capability of zeros", **runtime(ZERO)),
    Case("top level wins", **runtime(FOUR, ingressRate=1000000, ingressBurst=1000000)),
    Case("top level of zero wins", **runtime(FOUR, egressRate=0)),
    Case("capability null", **runtime(None)),
    Case("ptp", [PTP, {"type": "bandwidth", **FOUR}]),
    Case("mtu", chain(**FOUR), prepare=f"$ {VETH} && ip link set ha mtu 1400"),
    Case("repeated ADD", chain(**FOUR), "ADD, ADD, CHECK"),
    *each_limit("invalid", {
        "rate without burst": {"ingressRate": 8000000}, "burst without rate": {"ingressBurst": 8000000},
        "egress rate without burst": {"egressRate": 8000000}, "egress burst without rate": {"egressBurst": 8000000},
        "burst too large": {"ingressRate": 8000000, "ingressBurst": MAX + 1}, "egress burst too large": {"egressRate": 8000000, "egressBurst": 2**40},
        "rate text": {**FOUR, "ingressRate": "8M"}, "rate fraction": {**FOUR, "ingressRate": 1.5}, "rate negative": {**FOUR, "egressRate": -1},
        "rate huge": {**FOUR, "egressRate": 2**64}, "burst text": {**FOUR, "egressBurst": "1"}, "burst list": {**FOUR, "ingressBurst": []},
        "burst of no byte": {"ingressRate": 8000000, "ingressBurst": 7}, "rate of no byte": {"ingressRate": 7, "ingressBurst": 8000000},
    }, steps="ADD, DEL"),
    Case("invalid capability", **runtime({"ingressRate": "8M"}), steps="ADD, DEL"),
    Case("invalid capability list", **runtime([]), steps="ADD, DEL"),
    Case("not chained", {"type": "bandwidth", **FOUR}, "ADD, CHECK, DEL, DEL"),
    Case("no interfaces", {"type": "bandwidth", **FOUR, "prevResult": {"cniVersion": "1.0.0", "ips": []}}, "ADD, DEL"),
    Case("namespace gone", chain(**FOUR), "ADD, gone a, DEL, DEL"),
    Case("alive no namespace given", chain(**FOUR), "ADD, DEL nonetns noprev"),
    Case("never added", chain(**FOUR), "DEL, DEL nonetns"),
    Case("ifb gone", chain(**FOUR), "ADD, $ ip link del $(ip -br link | grep -o 'bwp[0-9a-f]*'), CHECK"),
    Case("bucket gone", chain(**FOUR), "ADD, $ tc qdisc del dev ha root, CHECK"),
    Case("ingress shaped otherwise", chain(**FOUR),
         "ADD, $ tc qdisc replace dev ha root handle 1: tbf rate 1mbit burst 5k latency 25ms, CHECK"),
    Case("filter gone", chain(**FOUR), "ADD, $ tc filter del dev ha ingress, CHECK"),
    Case("foreign ingress", chain(**OUT), "ADD, CHECK, DEL", prepare=f"$ {VETH} && tc qdisc add dev ha ingress"),
    Case("foreign root", chain(**IN), "ADD, DEL", prepare=f"$ {VETH} && tc qdisc add dev ha root handle 5: pfifo"),
    Case("alive", chain(**FOUR), "ADD, DEL, DEL"),
    Case("alive ptp", [PTP, {"type": "bandwidth", **FOUR}], "ADD, CHECK, DEL, DEL"),
    Case("not a veth", chain(**FOUR), "ADD, CHECK, DEL", needs=("macvlan",), prepare=
         "$ ip link add ha type veth peer name hb && ip link add link hb name eth0 netns /run/netns/pod-a type macvlan && ip link set ha up"),
])]

EXPECTED = [
    Expect("bandwidth:alias", r"^ours: (node|a) link bwp\w+ ifalias testnet pod-a eth0$"),
    Expect("bandwidth:one-action", r"^go: node filter (in|e)gress \S+ \taction order 2: mirred"),
    Expect("bandwidth:del", r"^go: node (qdisc|class|filter)", case="^alive"),
    Expect("bandwidth:check", r"^(go: bandwidth succeeds|ours: bandwidth (fails|error))", case="^(bucket|filter) gone"),
    Expect("bandwidth:foreign-ingress", r"^(go: bandwidth fails|ours: )", case="^foreign ingress"),
    Expect("bandwidth:any-interface", r"^(go: bandwidth fails|ours: )", case="^not a veth"),
    Expect("bandwidth:cut", r"^(go|ours): node qdisc tbf 1: dev ha ", case="^limits (slow|burst most)$"),
    Expect("bandwidth:del-judges-nothing", r"^(go: bandwidth fails|ours: bandwidth succeeds)", case="^invalid"),
]
