# SPDX-License-Identifier: Apache-2.0
"""host-local by itself, called as another plugin calls it."""

from differential.case import Case, Expect, versions
from differential.shared import HOST_LOCAL

POOL4, POOL6 = [{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]
SMALL = [{"subnet": "10.7.0.0/29", "rangeStart": "10.7.0.3", "rangeEnd": "10.7.0.4"}]
OLD = {"subnet": "10.7.0.0/24", "rangeStart": "10.7.0.20", "rangeEnd": "10.7.0.30", "gateway": "10.7.0.254"}
RESOLV = {"/run/case/resolv.conf": "# a comment\nnameserver 10.0.0.1\nnameserver fd00::1\ndomain a.example\nsearch b c\noptions ndots:2 debug\n"}


def conf(*ranges, **more):
    return {"type": "bridge", "ipam": {"type": "host-local", **({"ranges": list(ranges)} if ranges else {}), **more}}


def case(id, configuration, *steps, **more):
    return Case(id, configuration, *steps, plugin="host-local", **more)


def one(**keys):
    return conf([keys])


def cases(group, rows, *steps, **more):
    return [case(f"{group} {name}", c, *steps, **more) for name, c in rows.items()]


CASES = [
    *versions(case("ipv4", conf(POOL4), "ADD, CHECK, ADD b, DEL, ADD c, DEL b, DEL c, DEL")),
    *versions(case("ipv6", conf(POOL6), "ADD, CHECK, ADD b, DEL, ADD c")),
    *versions(case("both", conf(POOL4, POOL6))),
    *versions(case("old form", conf(**OLD))),
    *versions(case("two of a family", conf(POOL4, [{"subnet": "10.8.0.0/24"}]))),
    *versions(case("status and gc", conf(POOL4), "STATUS, ADD, GC, CHECK, VERSION")),
    *cases("key", {
        "start and end": one(subnet="10.7.0.0/24", rangeStart="10.7.0.100", rangeEnd="10.7.0.110"),
        "gateway": one(subnet="10.7.0.0/24", gateway="10.7.0.2"),
        "two ranges": conf([{"subnet": "10.7.0.0/30"}, {"subnet": "10.8.0.0/24"}]),
        "smallest": one(subnet="10.7.0.0/30"),
        "smallest ipv6": one(subnet="fd00:7::/126"),
        "not at an octet": one(subnet="10.7.1.64/27"),
        "large": one(subnet="10.0.0.0/8", rangeStart="10.200.0.0"),
        "ends at broadcast": one(subnet="10.7.0.0/24", rangeStart="10.7.0.254", rangeEnd="10.7.0.255"),
        "starts at network": one(subnet="10.7.0.0/24", rangeStart="10.7.0.0"),
        "ipv6 spelled long": one(subnet="FD00:0007:0000:0000::/64"),
        "routes": conf(POOL4, routes=[{"dst": "0.0.0.0/0"}, {"dst": "10.8.0.0/16", "gw": "10.7.0.9", "mtu": 1400, "advmss": 1300,
                                                             "priority": 5, "table": 9, "scope": 253}]),
        "both forms": conf(POOL6, **OLD),
        "dataDir": conf(POOL4, dataDir="/run/case/store"),
        "null ranges": conf(ranges=None, subnet="10.7.0.0/24"),
    }, "ADD, ADD b, CHECK, DEL, DEL b"),
    case("key resolvConf", conf(POOL4, resolvConf="/run/case/resolv.conf"), files=RESOLV),
    case("key resolvConf absent", conf(POOL4, resolvConf="/run/case/none")),
    *cases("invalid", {
        "no ranges": conf(), "empty ranges": conf(ranges=[]), "empty set": conf([]),
        "no subnet": one(rangeStart="10.7.0.3"), "subnet text": one(subnet="nonsense"), "subnet number": one(subnet=7),
        "host bits": one(subnet="10.7.0.1/24"), "too small": one(subnet="10.7.0.0/31"), "too small ipv6": one(subnet="fd00::/127"),
        "start outside": one(subnet="10.7.0.0/24", rangeStart="10.8.0.1"), "end outside": one(subnet="10.7.0.0/24", rangeEnd="10.8.0.1"),
        "start after end": one(subnet="10.7.0.0/24", rangeStart="10.7.0.9", rangeEnd="10.7.0.5"),
        "gateway text": one(subnet="10.7.0.0/24", gateway="x"),
        "mixed families": conf([*POOL4, *POOL6]), "overlap": conf(POOL4, [{"subnet": "10.7.0.0/25"}]),
        "overlap in a set": conf([*POOL4, {"subnet": "10.7.0.0/25"}]), "ranges is text": conf(ranges="10.7.0.0/24"),
        "route without dst": conf(POOL4, routes=[{"gw": "10.7.0.1"}]), "no ipam": {"type": "bridge"},
    }, "ADD, DEL"),
    case("full", conf(SMALL), "ADD, ADD b, ADD c, DEL, ADD c, DEL c, DEL b"),
    case("twice", conf(POOL4), "ADD, ADD, CHECK, DEL"),
    case("two interfaces", conf(POOL4), "ADD, ADD eth1, DEL, CHECK eth1, CHECK, DEL eth1"),
    case("goes round", conf(SMALL), "ADD, DEL, ADD, DEL, ADD, DEL, ADD"),
    case("never added", conf(POOL4), "CHECK, DEL, DEL nonetns"),
    case("lease lost", conf(POOL4), "ADD, $ rm /var/lib/cni/networks/testnet/10.7.0.2, CHECK, DEL"),
    case("lease of another", conf(POOL4), "ADD, $ printf 'x\\r\\neth0' > /var/lib/cni/networks/testnet/10.7.0.2, CHECK, DEL"),
    case("lease of before 0.8", conf(POOL4), "CHECK, DEL",
         prepare="$ mkdir -p /var/lib/cni/networks/testnet; printf pod-a > /var/lib/cni/networks/testnet/10.7.0.5"),
    case("foreign lease", conf(POOL4), "ADD, DEL",
         prepare="$ mkdir -p /var/lib/cni/networks/testnet; printf 'other\\r\\neth0' > /var/lib/cni/networks/testnet/10.7.0.2"),
    case("last address outside", conf(POOL4), "ADD, DEL",
         prepare="$ mkdir -p /var/lib/cni/networks/testnet; printf 10.9.0.9 > /var/lib/cni/networks/testnet/last_reserved_ip.0"),
    case("after the last address", conf(POOL4), "ADD, DEL",
         prepare="$ mkdir -p /var/lib/cni/networks/testnet; printf 10.7.0.254 > /var/lib/cni/networks/testnet/last_reserved_ip.0"),
    case("asks by CNI_ARGS", conf(POOL4), args="IgnoreUnknown=1;IP=10.7.0.77"),
    case("asks by args.cni", {**conf(POOL4), "args": {"cni": {"ips": ["10.7.0.78"]}}}),
    case("asks by capability", {**conf(POOL4, POOL6), "capabilities": {"ips": True}}, capabilities={"ips": ["10.7.0.79/24", "fd00:7::79"]}),
    case("asks for the gateway", conf(POOL4), "ADD, DEL", args="IP=10.7.0.1"),
    case("asks for what is outside", conf(POOL4), "ADD, DEL", args="IP=10.9.0.1"),
    case("asks for what is taken", conf(POOL4), "ADD, ADD b, DEL, ADD b", args="IP=10.7.0.9"),
    case("asks for nonsense", conf(POOL4), "ADD, DEL", args="IP=x"),
    case("unknown argument", conf(POOL4), "ADD, DEL", args="MAC=02:00:00:00:00:01"),
    case("malformed arguments", conf(POOL4), "ADD, DEL", args="IP"),
    case("ranges by capability", {**conf(POOL4), "capabilities": {"ipRanges": True}}, capabilities={"ipRanges": [[{"subnet": "10.6.0.0/24"}]]}),
    case("second set full", conf(POOL4, [{"subnet": "10.8.0.0/30"}]), "ADD, ADD b, DEL, ADD b"),
    case("another network", conf(POOL4), "ADD, DEL", name="other.net-1"),
]

EXPECTED = [
    *HOST_LOCAL,
    Expect("host-local:index", r"^ours: file .*/\.crimp"),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks"),
    Expect("host-local:del-needs-little", r"^(go: host-local fails|ours: host-local succeeds)", case=r"^(invalid|two of a family 0|asks for non|unknown arg|malformed)"),
    Expect("host-local:route-without-dst", r"^(go|ours): (host-local|file) ", case=r"^invalid route without dst"),
]
