# SPDX-License-Identifier: Apache-2.0
"""firewall behind bridge. The rules are compared in the words of iptables-save, after every step."""

from differential.case import Case, Expect, versions
from differential.shared import HOST_LOCAL

V4 = {"address": "10.7.0.9/24", "gateway": "10.7.0.1"}
V6 = {"address": "fd00:7::9/64"}
FROM_040 = ("0.4.0", "1.0.0", "1.1.0")


def bridge(*addresses):
    return {"type": "bridge", "bridge": "br7", "isGateway": True, "ipMasq": False,
            "ipam": {"type": "static", "addresses": list(addresses)}}


def chain(*addresses, **more):
    return [bridge(*(addresses or (V4,))), {"type": "firewall", "backend": "iptables", **more}]


def case(id, configuration, *steps, watch="iptables", **more):
    return Case(id, configuration, *steps, watch=watch, **more)


DROP = "$ iptables -P FORWARD DROP; ip6tables -P FORWARD DROP"
DOCKER = ("$ iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -N DOCKER-ISOLATION-STAGE-1; iptables -A FORWARD -j DOCKER-USER; "
          "iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1; iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -o docker0 -m conntrack "
          "--ctstate ESTABLISHED -j ACCEPT; iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT")
HOLD = "ADD, CHECK"     # what a DEL leaves is compared by the cases of "DEL"

CASES = [
    *versions(case("ipv4", chain(), HOLD), *FROM_040),
    *versions(case("both families", chain(V4, V6), HOLD), *FROM_040),
    *versions(case("ipv6", chain(V6), HOLD), *FROM_040),
    *versions(case("same-bridge", chain(V4, V6, ingressPolicy="same-bridge"), HOLD), *FROM_040),
    *versions(case("isolated", chain(V4, V6, ingressPolicy="isolated"), HOLD), *FROM_040),
    *versions(case("old version", [chain()[1]], "ADD, VERSION"), "0.1.0", "0.2.0", "0.3.0", "0.3.1"),
    case("two addresses", chain(V4, {"address": "10.7.0.10/24"}), HOLD),
    case("default backend", [bridge(V4), {"type": "firewall"}], HOLD),
    case("open", chain(ingressPolicy="open"), HOLD),
    case("empty backend", chain(backend=""), HOLD),
    case("empty policy", chain(ingressPolicy=""), HOLD),
    case("admin chain", chain(iptablesAdminChainName="OPERATOR"), HOLD),
    case("admin chain there", chain(iptablesAdminChainName="OPERATOR"), HOLD,
         prepare="$ iptables -N OPERATOR; iptables -A OPERATOR -d 192.0.2.1 -j DROP"),
    case("empty admin chain name", chain(iptablesAdminChainName=""), HOLD),
    case("keys in capitals", [bridge(V4), {"type": "firewall", "BACKEND": "iptables", "IngressPolicy": "isolated"}], HOLD),
    case("null keys", chain(ingressPolicy=None, iptablesAdminChainName=None, firewalldZone=None), HOLD),
    case("host that drops", chain(V4, V6), HOLD, prepare=DROP),
    case("docker", chain(), HOLD, prepare=DOCKER),
    case("docker isolated", chain(ingressPolicy="isolated"), HOLD, prepare=DOCKER),
    case("rules of others in front", chain(), HOLD, prepare="$ iptables -A FORWARD -s 192.0.2.0/24 -j DROP"),
    case("our chains there", chain(), HOLD, prepare="$ iptables -N CNI-FORWARD; iptables -N CNI-ADMIN"),
    case("jump there", chain(), HOLD,
         prepare='$ iptables -N CNI-FORWARD; iptables -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD'),
    case("twice", chain(V4, V6), "ADD, ADD b, CHECK b"),
    case("status and gc", chain(), "ADD, STATUS, GC, CHECK, VERSION"),
    case("jump gone", chain(), "ADD, $ iptables -F FORWARD, CHECK"),
    case("rules gone", chain(), "ADD, $ iptables -F CNI-FORWARD, CHECK"),
    case("one rule gone", chain(), "ADD, $ iptables -D CNI-FORWARD -s 10.7.0.9/32 -j ACCEPT, CHECK"),
    case("DEL", chain(V4, V6), "ADD, DEL, DEL"),
    case("DEL isolated", chain(ingressPolicy="isolated"), "ADD, DEL"),
    case("DEL with rules of the operator", chain(), "ADD, $ iptables -A CNI-ADMIN -d 192.0.2.1 -j DROP, DEL"),
    case("DEL of one of two", [{**bridge(V4), "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}]]}},
                               {"type": "firewall", "backend": "iptables"}], "ADD, ADD b, DEL, CHECK b"),
    case("never added", chain(), "DEL, DEL nonetns"),
    case("without namespace", chain(), "ADD, gone a, DEL, DEL"),
    case("no previous result", [chain()[1]], "ADD, DEL"),
    case("no previous result in DEL", chain(), "ADD, DEL noprev"),
    case("policy without a bridge", [{"type": "loopback"}, {"type": "firewall", "backend": "iptables", "ingressPolicy": "isolated"}], "ADD"),
    *[case(f"invalid {name}", chain(**keys), "ADD") for name, keys in (
        ("policy", {"ingressPolicy": "closed"}), ("policy number", {"ingressPolicy": 5}), ("backend number", {"backend": 5}),
        ("admin chain number", {"iptablesAdminChainName": 5}), ("zone list", {"firewalldZone": []}),
        ("backend", {"backend": "pf"}), ("admin chain", {"iptablesAdminChainName": "a b"}),
        ("long admin chain", {"iptablesAdminChainName": "x" * 40}))],
]

SAVED = r"^go: node ip6?tables-save filter: "
EXPECTED = [
    *HOST_LOCAL,
    Expect("firewall:tidy", SAVED, case=r"^(DEL|without namespace)"),
    Expect("firewall:owner", SAVED, case=r"^no previous result in DEL"),
    Expect("firewall:judge", SAVED, case=r"^invalid"),
    Expect("firewall:judge", r"^(go: firewall (succeeds|result)|ours: firewall (fails|error code 7))", case=r"^invalid backend$"),
    Expect("bridge:queue", r"^ours: node link veth#\d+ txqlen 1000", shared=True),
    Expect("bridge:nodad", r"^(go|ours): [ab] (knob ipv6/conf/eth[01]/(accept|enhanced)_dad|address eth[01] fd00:7::)", shared=True),
    Expect("bridge:gateway-nodad", r"^(go|ours): node (knob ipv6/conf/br7/accept_dad|address br7 fd00:7::1/64)", shared=True),
    Expect("bridge:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify", shared=True),
]
