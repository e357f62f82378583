# SPDX-License-Identifier: Apache-2.0
"""static by itself, called as another plugin calls it."""

from differential.case import Case, Expect, versions

FOUR, SIX = {"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "fd00:7::9/64", "gateway": "fd00:7::1"}
DNS = {"nameservers": ["10.0.0.1"], "domain": "a.b", "search": ["c", "d"], "options": ["ndots:1"]}


def conf(*addresses, **more):
    return {"type": "bridge", "ipam": {"type": "static", **({"addresses": list(addresses)} if addresses else {}), **more}}


def case(id, configuration, *steps, **more):
    return Case(id, configuration, *steps, plugin="static", **more)


def cases(group, rows, *steps, **more):
    return [case(f"{group} {name}", c, *steps, **more) for name, c in rows.items()]


CASES = [
    *versions(case("ipv4", conf(FOUR))),
    *versions(case("ipv6", conf(SIX))),
    *versions(case("both", conf(FOUR, SIX, dns=DNS, routes=[{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00:7::2"}]))),
    *versions(case("two of a family", conf(FOUR, {"address": "10.8.0.9/24"}))),
    *versions(case("status and gc", conf(FOUR), "STATUS, ADD, GC, CHECK, VERSION")),
    *cases("key", {
        "no gateway": conf({"address": "10.7.0.9/24"}), "host": conf({"address": "10.7.0.9/32"}),
        "gateway elsewhere": conf({"address": "10.7.0.9/24", "gateway": "192.0.2.1"}),
        "network address": conf({"address": "10.7.0.0/24"}), "spelled long": conf({"address": "FD00:0007:0::0009/64"}),
        "same address twice": conf(FOUR, FOUR), "no addresses": conf(), "empty": conf(addresses=[]),
        "route attributes": conf(FOUR, routes=[{"dst": "10.8.0.0/16", "mtu": 1400, "advmss": 1300, "priority": 5, "table": 9, "scope": 253}]),
        "route of another family": conf(FOUR, routes=[{"dst": "::/0"}]),
        "dns alone": conf(dns=DNS), "unknown": conf(FOUR, more=[1]),
    }, "ADD, CHECK, DEL"),
    *cases("invalid", {
        "no mask": conf({"address": "10.7.0.9"}), "text": conf({"address": "x"}), "number": conf({"address": 7}),
        "gateway text": conf({"address": "10.7.0.9/24", "gateway": "x"}), "no address": conf({"gateway": "10.7.0.1"}),
        "addresses text": conf(addresses="10.7.0.9/24"), "routes text": conf(FOUR, routes="default"),
        "route text": conf(FOUR, routes=[{"dst": "default"}]), "dns text": conf(FOUR, dns="10.0.0.1"),
        "no ipam": {"type": "bridge"}, "mask too long": conf({"address": "10.7.0.9/33"}),
    }, "ADD, CHECK, DEL"),
    case("CNI_ARGS", conf(), args="IP=10.7.0.20/24;GATEWAY=10.7.0.1"),
    case("CNI_ARGS of both families", conf(), args="IP=10.7.0.20/24,fd00:7::20/64;GATEWAY=10.7.0.1,fd00:7::1"),
    case("CNI_ARGS and configuration", conf(FOUR), args="IP=10.8.0.20/24;GATEWAY=10.8.0.1"),
    case("CNI_ARGS gateway for a configured address", conf({"address": "10.7.0.9/24"}), args="IP=10.8.0.20/24;GATEWAY=10.7.0.1"),
    case("CNI_ARGS without mask", conf(), "ADD, DEL", args="IP=10.7.0.20"),
    case("CNI_ARGS gateway nonsense", conf(), "ADD, DEL", args="IP=10.7.0.20/24;GATEWAY=x"),
    case("CNI_ARGS unknown", conf(FOUR), "ADD, DEL", args="MAC=02:00:00:00:00:01"),
    case("CNI_ARGS unknown but ignored", conf(FOUR), "ADD, DEL", args="IgnoreUnknown=1;MAC=02:00:00:00:00:01"),
    case("args.cni", {**conf(FOUR), "args": {"cni": {"ips": ["10.9.0.2/24"]}}}),
    case("args.cni without mask", {**conf(FOUR), "args": {"cni": {"ips": ["10.9.0.2"]}}}, "ADD, DEL"),
    case("capability", {**conf(FOUR), "capabilities": {"ips": True}}, capabilities={"ips": ["10.9.0.3/24", "fd00:9::3/64"]}),
    case("all three", {**conf(FOUR), "capabilities": {"ips": True}, "args": {"cni": {"ips": ["10.9.0.2/24"]}}},
         capabilities={"ips": ["10.9.0.3/24"]}, args="IP=10.8.0.20/24"),
    case("never added", conf(FOUR), "CHECK, DEL"),
    case("no previous result", conf(FOUR), "ADD, CHECK noprev, DEL noprev, DEL nonetns"),
]

EXPECTED = [
]
