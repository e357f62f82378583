# SPDX-License-Identifier: Apache-2.0
"""portmap behind bridge. Rules are compared where both write the reference's iptables chains."""

from differential.case import Case, Expect, versions

BRIDGE = {"type": "bridge", "bridge": "br7", "isGateway": True, "ipMasq": False,
          "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}]}}
DUAL = {**BRIDGE, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "fd00:7::9/64"}]}}
SIX = {**BRIDGE, "ipam": {"type": "static", "addresses": [{"address": "fd00:7::9/64"}]}}
TCP = {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}
UDP = {"hostPort": 5353, "containerPort": 53, "protocol": "udp"}


def ports(*mappings):
    return {"portMappings": list(mappings)}


def chain(before=BRIDGE, **more):
    return [before, {"type": "portmap", "backend": "iptables", "capabilities": {"portMappings": True}, **more}]


def case(id, configuration, *steps, mappings=(TCP, UDP), watch="iptables", **more):
    return Case(id, configuration, *steps, capabilities=ports(*mappings), watch=watch, **more)


CASES = [
    *versions(case("ipv4", chain())),
    *versions(case("both families", chain(DUAL)), "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"),
    *versions(case("ipv6", chain(SIX)), "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"),
    *versions(case("status and gc", chain(), "ADD, STATUS, GC, CHECK, VERSION")),
    case("default backend", [BRIDGE, {"type": "portmap", "capabilities": {"portMappings": True}}], watch=""),
    case("nftables", chain(backend="nftables"), watch=""),
    case("snat off", chain(snat=False)),
    case("masqAll", chain(masqAll=True)),
    case("mark bit", chain(markMasqBit=5)),
    case("mark chain", chain(externalSetMarkChain="KUBE-MARK-MASQ"), prepare="$ iptables -t nat -N KUBE-MARK-MASQ; ip6tables -t nat -N KUBE-MARK-MASQ"),
    case("conditions", chain(conditionsV4=["!", "-d", "192.0.2.0/24"], conditionsV6=["!", "-d", "fc00::/7"])),
    case("conditions of both families", chain(DUAL, conditionsV4=["-s", "192.0.2.0/24"], conditionsV6=["-s", "2001:db8::/32"])),
    case("no mappings", chain(), mappings=()),
    case("no capability", [BRIDGE, {"type": "portmap", "backend": "iptables"}]),
    case("one port", chain(), mappings=(TCP,)),
    case("sctp", chain(), mappings=({**TCP, "protocol": "sctp"},)),
    case("protocol in capitals", chain(), mappings=({**TCP, "protocol": "TCP"},)),
    case("host address", chain(), mappings=({**TCP, "hostIP": "192.0.2.1"},)),
    case("any host address", chain(), mappings=({**TCP, "hostIP": "0.0.0.0"},)),
    case("host address of ipv6", chain(DUAL), mappings=({**TCP, "hostIP": "2001:db8::1"},)),
    case("any host address of ipv6", chain(DUAL), mappings=({**TCP, "hostIP": "::"},)),
    case("loopback", chain(), mappings=({**TCP, "hostIP": "127.0.0.1"},)),
    case("many ports", chain(), mappings=tuple({**TCP, "hostPort": 9000 + i, "containerPort": 80 + i} for i in range(20))),
    case("mixed", chain(DUAL), mappings=(TCP, UDP, {**TCP, "hostPort": 81, "hostIP": "192.0.2.1"}, {**UDP, "hostPort": 54, "hostIP": "2001:db8::1"})),
    case("twice", chain(), "ADD, DEL, ADD, CHECK, DEL"),
    case("without namespace", chain(), "ADD, gone a, DEL, DEL"),
    case("without mappings at DEL", [BRIDGE, {"type": "portmap", "backend": "iptables", "runtimeConfig": ports(TCP)}], "ADD, CHECK, DEL, DEL"),
    case("chain gone", chain(), "ADD, $ iptables -t nat -F CNI-HOSTPORT-DNAT, CHECK, DEL"),
    case("rules gone", chain(), "ADD, $ iptables -t nat -F, CHECK, DEL"),
    case("never added", chain(), "DEL, DEL nonetns"),
    case("route_localnet", chain(), watch="node:net.ipv4.conf.br7.route_localnet"),
    *[case(f"invalid {name}", chain(**keys), "ADD, DEL", mappings=mappings) for name, keys, mappings in (
        ("host port 0", {}, ({**TCP, "hostPort": 0},)), ("host port", {}, ({**TCP, "hostPort": 65536},)),
        ("container port", {}, ({**TCP, "containerPort": -1},)), ("container port text", {}, ({**TCP, "containerPort": "80"},)),
        ("protocol", {}, ({**TCP, "protocol": "icmp"},)), ("host address", {}, ({**TCP, "hostIP": "x"},)),
        ("mark bit", {"markMasqBit": 32}, (TCP,)), ("negative mark bit", {"markMasqBit": -1}, (TCP,)),
        ("both marks", {"markMasqBit": 4, "externalSetMarkChain": "X"}, (TCP,)), ("backend", {"backend": "pf"}, (TCP,)),
        ("conditions text", {"conditionsV4": "-s"}, (TCP,)), ("snat text", {"snat": "no"}, (TCP,)),
    )],
    case("no previous result", [chain()[1]], "ADD, DEL"),
]

EXPECTED = [
    Expect("portmap:judged-first", r"^(go|ours): (node ip6?tables-save|portmap|node knob)",
           case=r"^invalid (host port$|protocol|host address)"),
    Expect("portmap:del-judges-nothing", r"^(go: portmap fails|ours: portmap succeeds)", case=r"^invalid"),
    Expect("bridge:queue", r"^ours: node link veth#\d+ txqlen 1000", shared=True),
    Expect("bridge:nodad", r"^(go|ours): [ab] (knob ipv6/conf/eth[01]/(accept|enhanced)_dad|address eth[01] fd00:7::)", shared=True),
    Expect("bridge:gateway-nodad", r"^(go|ours): node (knob ipv6/conf/br7/accept_dad|address br7 fd00:7::1/64)", shared=True),
    Expect("bridge:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify", shared=True),
]
