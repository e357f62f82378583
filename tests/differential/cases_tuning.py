# SPDX-License-Identifier: Apache-2.0
"""tuning on a veth that lies there. Knobs are compared where a case watches them, backups as files."""

import dataclasses

from differential.case import Case, Expect, versions

VETH = "$ ip link add h0 type veth peer name eth0 netns /run/netns/pod-a && ip link set h0 up"
MAC = "02:11:22:33:44:55"
KNOB = "net.ipv4.conf.eth0.log_martians"
SOMAXCONN = {"sysctl": {"net.core.somaxconn": "500"}}
LINK = {"mac": MAC, "mtu": 1400, "promisc": True, "txQLen": 500, "allmulti": True}
WATCH = f"a:{KNOB} a:net.core.somaxconn a:net.ipv4.ip_local_port_range"


def chain(**more):
    prev = {"interfaces": [{"name": "h0"}, {"name": "eth0", "mac": "02:00:00:00:00:77", "sandbox": "/run/netns/pod-a"}],
            "ips": [{"version": "4", "address": "10.7.0.9/24"}]}
    return {"type": "tuning", "prevResult": prev, **more}


def on_veth(cases):
    """The veth is there, and the result before is in the version of the case."""
    for one in cases:
        conf = one.conf
        if "prevResult" in conf:
            old = {"ip4": {"ip": "10.7.0.9/24"}} if one.version in ("0.1.0", "0.2.0") else conf["prevResult"]
            conf = {**conf, "prevResult": {**old, "cniVersion": one.version}}
        yield dataclasses.replace(one, conf=conf, prepare=VETH)


def case(id, steps="ADD, CHECK, DEL, DEL", keys=None, **more):
    return Case(id, chain(**(keys or {})), steps, watch=WATCH, **more)


def rows(id, keys, steps="ADD, CHECK, DEL, DEL", **more):
    return [case(f"{id} {name}", steps, k, **more) for name, k in keys.items()]


def cni(**keys):
    return {"args": {"cni": keys}}


CASES = [*on_veth([
    *versions(case("link", keys=LINK)),
    *versions(case("sysctl", keys=SOMAXCONN)),
    *versions(case("all", keys={**LINK, **SOMAXCONN})),
    case("status and gc", "STATUS, ADD, GC, CHECK, DEL, VERSION", LINK, version="1.1.0"),
    *rows("key", {
        "none": {}, "mac": {"mac": MAC}, "mtu": {"mtu": 1300}, "promisc": {"promisc": True}, "promisc false": {"promisc": False},
        "txQLen": {"txQLen": 77}, "txQLen 0": {"txQLen": 0}, "allmulti": {"allmulti": True}, "allmulti false": {"allmulti": False},
        "mtu 0": {"mtu": 0}, "mac empty": {"mac": ""}, "null": dict.fromkeys([*LINK, "sysctl", "dataDir"]), "sysctl empty": {"sysctl": {}},
        "case folded": {"MTU": 1300, "TxQlen": 33}, "unknown": {"mtu": 1300, "unheardOf": {"a": []}},
        "dataDir": {**LINK, "dataDir": "/run/case/deep/er"}, "dataDir empty": {"mtu": 1300, "dataDir": ""},
        "mac with dashes": {"mac": MAC.replace(":", "-")}, "mac in capitals": {"mac": "02:AA:BB:CC:DD:EE"},
    }),
    *rows("sysctl", {
        "slashes": {"sysctl": {KNOB.replace(".", "/"): "1"}}, "interface": {"sysctl": {KNOB: "1"}},
        "IFNAME": {"sysctl": {KNOB.replace("eth0", "IFNAME"): "1"}}, "two": {"sysctl": {KNOB: "1", "net.core.somaxconn": "321"}},
        "with blanks": {"sysctl": {"net.ipv4.ip_local_port_range": "2048 65000"}}, "with a tab": {"sysctl": {"net.ipv4.ip_local_port_range": "2048\t65000"}},
        "double dots": {"sysctl": {"net..core..somaxconn": "77"}},
    }),
    *rows("args.cni", {
        "mac": {"mac": "02:00:00:00:00:01", **cni(mac=MAC)}, "mac empty": {"mac": MAC, **cni(mac="")}, "mtu": {"mtu": 1300, **cni(mtu=1350)},
        "promisc off": {"promisc": True, **cni(promisc=False)}, "promisc on": cni(promisc=True), "txQLen": {"txQLen": 5, **cni(txQLen=6)},
        "allmulti": {"allmulti": True, **cni(allmulti=False)}, "sysctl": {**SOMAXCONN, **cni(sysctl={"net.core.somaxconn": "600", KNOB: "1"})},
        "null": {**LINK, "args": {"cni": None}},
    }),
    case("args.cni sysctl alone", "ADD, CHECK, DEL", cni(**SOMAXCONN)),
    case("mac by CNI_ARGS", keys={"mac": "02:00:00:00:00:01"}, args=f"IgnoreUnknown=1;MAC={MAC}"),
    case("mac by capability", keys={"mac": "02:00:00:00:00:01", "capabilities": {"mac": True}}, capabilities={"mac": MAC}),
    case("mac of all four", keys={"mac": "02:00:00:00:00:01", "capabilities": {"mac": True}, **cni(mac=MAC)},
         capabilities={"mac": "02:00:00:00:00:02"}, args="IgnoreUnknown=1;MAC=02:00:00:00:00:03"),
    *rows("invalid", {
        "sysctl list": {"sysctl": []}, "sysctl text": {"sysctl": "x"}, "value number": {"sysctl": {"net.core.somaxconn": 5}},
        "value list": {"sysctl": {"net.core.somaxconn": []}}, "key kernel": {"sysctl": {"kernel.hostname": "x"}}, "key net": {"sysctl": {"net": "x"}},
        "key prefix": {"sysctl": {"network.x": "1"}}, "key empty": {"sysctl": {"": "1"}}, "key absent": {"sysctl": {"net.ipv4.no_such_knob": "1"}},
        "value refused": {"sysctl": {"net.core.somaxconn": "many"}}, "mac": {"mac": "nonsense"}, "mac number": {"mac": 5}, "mtu text": {"mtu": "1400"},
        "mtu fraction": {"mtu": 1400.5}, "promisc text": {"promisc": "yes"}, "txQLen text": {"txQLen": "5"}, "allmulti number": {"allmulti": 1},
        "dataDir number": {"dataDir": 5}, "args.cni mtu text": cni(mtu="5"), "args.cni sysctl list": cni(sysctl=[]),
        "mac multicast": {"mac": "01:00:5e:00:00:01"}, "mtu too large": {"mtu": 10**6}, "mtu too small": {"mtu": 5}, "mtu negative": {"mtu": -5},
    }, "ADD, DEL"),
    case("unknown CNI_ARGS", "ADD, DEL", LINK, args="X=Y"),
    Case("not chained", {"type": "tuning", **SOMAXCONN}, "ADD, CHECK, DEL"),
    case("namespace gone", "ADD, gone a, DEL, DEL", LINK),
    case("no namespace given", "ADD, DEL nonetns noprev", LINK),
    case("never added", "DEL, DEL nonetns", LINK),
    case("mac damaged", "ADD, a$ ip link set eth0 address 02:00:00:00:00:09, CHECK, DEL", LINK),
    case("mtu damaged", "ADD, a$ ip link set eth0 mtu 1200, CHECK, DEL", LINK),
    case("promisc damaged", "ADD, a$ ip link set eth0 promisc off, CHECK, DEL", LINK),
    case("promisc by others", "ADD, a$ ip link set eth0 promisc on, CHECK, DEL", {"mtu": 1300}),
    case("allmulti damaged", "ADD, a$ ip link set eth0 allmulticast off, CHECK, DEL", LINK),
    case("txqlen damaged", "ADD, a$ ip link set eth0 txqueuelen 3, CHECK, DEL", LINK),
    case("sysctl damaged", "ADD, a$ echo 44 > /proc/sys/net/core/somaxconn, CHECK, DEL", SOMAXCONN),
])]

EXPECTED = [
    Expect("tuning:file", r"^(go|ours): file /run/c\w+/(tuning|deep/er)/pod-a_eth0.json"),
    Expect("tuning:folder", r"^(go|ours): file /run/c\w+/(tuning|deep|deep/er) 0o[67]00 folder"),
    Expect("tuning:sysctl-restored", r"^(go|ours): a knob (core/somaxconn|ipv4/)"),
    Expect("tuning:check-means", r"^(go: tuning fails|ours: tuning succeeds)", case="^(key mac|sysctl with blanks)"),
    Expect("tuning:args-sysctl", r"^(go: tuning (fails|error without)|ours: tuning (succeeds|result))", case="^args.cni sysctl alone"),
    Expect("tuning:del-judges-nothing", r"^(go: tuning fails|ours: tuning succeeds)", case="^(invalid|unknown CNI_ARGS)"),
]
