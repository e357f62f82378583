# SPDX-License-Identifier: Apache-2.0
"""bridge, with addresses from host-local and static and without."""

from differential.case import Case, Expect, each, versions

POOL4 = [{"subnet": "10.7.0.0/24"}]
POOL6 = [{"subnet": "fd00:7::/64"}]
V4 = {"type": "host-local", "ranges": [POOL4]}
V6 = {"type": "host-local", "ranges": [POOL6]}
DUAL = {"type": "host-local", "ranges": [POOL4, POOL6]}
FIXED = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, {"address": "fd00:7::9/64"}]}
L2 = {"type": "bridge"}
BRIDGE = {"type": "bridge", "bridge": "br7", "ipam": DUAL}
GATEWAY = {**BRIDGE, "isGateway": True}
DEFAULT = {**BRIDGE, "isDefaultGateway": True}
MASQ = {**DEFAULT, "ipMasq": True}
ROUTES = [{"dst": "10.8.0.0/16"}, {"dst": "10.9.0.0/16", "gw": "10.7.0.254"}, {"dst": "fd00:8::/32"}]
MAC = "02:11:22:33:44:55"


def ipam(**more):
    return {**GATEWAY, "ipam": {**DUAL, **more}}


CASES = [
    *versions(Case("l2", L2)),
    *versions(Case("addresses", BRIDGE)),
    *versions(Case("gateway ipv4", {**GATEWAY, "ipam": V4})),
    *versions(Case("gateway ipv6", {**GATEWAY, "ipam": V6})),
    *versions(Case("default gateway", DEFAULT, "ADD, CHECK, ADD b, CHECK b, DEL, CHECK b, DEL b, DEL b")),
    *versions(Case("status and gc", DEFAULT, "STATUS, ADD, GC, STATUS, DEL, VERSION")),
    *versions(Case("static", {**GATEWAY, "ipam": FIXED})),
    *versions(Case("invalid vlan", {**DEFAULT, "vlan": 4095}, "ADD, DEL")),
    *each("key", {
        "mtu": {**DEFAULT, "mtu": 1400},
        "hairpinMode": {**DEFAULT, "hairpinMode": True},
        "promiscMode": {**DEFAULT, "promiscMode": True},
        "portIsolation": {**DEFAULT, "portIsolation": True},
        "disableContainerInterface": {**L2, "disableContainerInterface": True},
        "enabledad": {**GATEWAY, "enabledad": True},
        "dns": {**DEFAULT, "dns": {"nameservers": ["10.0.0.1"], "domain": "a.b", "search": ["c"], "options": ["ndots:1"]}},
        "case folded": {"type": "bridge", "BRIDGE": "br7", "IsGateway": True, "ipam": V4},
        "unknown": {**DEFAULT, "unheardOf": {"a": [1]}},
        "null": {**DEFAULT, "mtu": None, "vlan": None, "bridge": None},
        "vlan 0": {**DEFAULT, "vlan": 0},
        "isGateway of static without gateway": {**GATEWAY, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/24"}]}},
        "isGateway of /31": {**GATEWAY, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.0/31"}]}},
        "isGateway of /32": {**GATEWAY, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/32"}]}},
        "isGateway of /128": {**GATEWAY, "ipam": {"type": "static", "addresses": [{"address": "fd00:7::9/128"}]}},
        "isDefaultGateway of /32": {**DEFAULT, "ipam": {"type": "static", "addresses": [{"address": "10.7.0.9/32"}]}},
        "static with mac": {**GATEWAY, "ipam": FIXED, "args": {"cni": {"mac": MAC}}},
        "routes": ipam(routes=ROUTES),
        "route attributes": ipam(routes=[{"dst": "10.8.0.0/16", "priority": 50}, {"dst": "10.9.0.0/16", "table": 77}]),
        "route mtu": ipam(routes=[{"dst": "10.8.0.0/16", "mtu": 1300, "advmss": 1200}]),
        "route onlink scope": ipam(routes=[{"dst": "10.8.0.0/16", "scope": 253}]),
        "default route by ipam": {**BRIDGE, "isDefaultGateway": True, "ipam": {**V4, "routes": [{"dst": "0.0.0.0/0", "gw": "10.7.0.77"}]}},
        "default route without gateway": {**BRIDGE, "isDefaultGateway": True, "ipam": {**V4, "routes": [{"dst": "0.0.0.0/0"}]}},
    }),
    *each("invalid", {
        "negative vlan": {**DEFAULT, "vlan": -1},
        "vlan text": {**DEFAULT, "vlan": "5"},
        "mtu text": {**DEFAULT, "mtu": "1400"},
        "mtu fraction": {**DEFAULT, "mtu": 1400.5},
        "isGateway text": {**DEFAULT, "isGateway": "yes"},
        "bridge number": {**DEFAULT, "bridge": 7},
        "bridge name too long": {**DEFAULT, "bridge": "a-name-of-more-than-15"},
        "trunk from 0": {**DEFAULT, "vlanTrunk": [{"minID": 0, "maxID": 5}]},
        "trunk backwards": {**DEFAULT, "vlanTrunk": [{"minID": 9, "maxID": 5}]},
        "trunk without end": {**DEFAULT, "vlanTrunk": [{"minID": 9}]},
        "trunk without start": {**DEFAULT, "vlanTrunk": [{"maxID": 9}]},
        "trunk id": {**DEFAULT, "vlanTrunk": [{"id": 4095}]},
        "hairpin and promiscuous": {**DEFAULT, "hairpinMode": True, "promiscMode": True},
        "disabled with ipam": {**DEFAULT, "disableContainerInterface": True},
        "ipam unknown": {**DEFAULT, "ipam": {"type": "no-such-plugin"}},
        "ipam fails": {**DEFAULT, "ipam": {"type": "host-local"}},
        "backend": {**MASQ, "ipMasqBackend": "pf"},
        "mac": {**DEFAULT, "args": {"cni": {"mac": "nonsense"}}},
    }, steps="ADD, DEL"),
    Case("mac by CNI_ARGS", DEFAULT, args=f"IgnoreUnknown=1;MAC={MAC}"),
    Case("mac by args.cni", {**DEFAULT, "args": {"cni": {"mac": MAC}}}),
    Case("mac by capability", {**DEFAULT, "capabilities": {"mac": True}}, capabilities={"mac": MAC}),
    Case("mac of all three", {**DEFAULT, "capabilities": {"mac": True}, "args": {"cni": {"mac": "02:00:00:00:00:02"}}},
         capabilities={"mac": MAC}, args="IgnoreUnknown=1;MAC=02:00:00:00:00:03"),
    Case("ips by capability", {**DEFAULT, "capabilities": {"ips": True}}, capabilities={"ips": ["10.7.0.50/24", "fd00:7::50"]}),
    Case("ranges by capability", {**DEFAULT, "ipam": {"type": "host-local"}, "capabilities": {"ipRanges": True}},
         capabilities={"ipRanges": [[{"subnet": "10.6.0.0/24"}]]}),
    Case("two interfaces", DEFAULT, "ADD, ADD eth1, CHECK, DEL eth1, CHECK, DEL"),
    Case("repeated ADD", DEFAULT, "ADD, ADD, CHECK, DEL"),
    Case("bridge is there", DEFAULT, prepare="$ ip link add br7 type bridge, $ ip link set br7 mtu 1300"),
    Case("bridge has the address", GATEWAY, prepare="$ ip link add br7 type bridge, $ ip addr add 10.7.0.1/24 dev br7"),
    Case("bridge has another address", {**GATEWAY, "ipam": V4}, "ADD, DEL",
         prepare="$ ip link add br7 type bridge, $ ip addr add 10.1.0.1/24 dev br7"),
    Case("forceAddress", {**GATEWAY, "ipam": V4, "forceAddress": True},
         prepare="$ ip link add br7 type bridge, $ ip addr add 10.1.0.1/24 dev br7"),
    Case("not a bridge", DEFAULT, "ADD, DEL", prepare="$ ip link add br7 type veth peer name x"),
    Case("interface is there", DEFAULT, "ADD, DEL", prepare="a$ ip link add eth0 type bridge"),
    Case("forwarding off", GATEWAY, prepare="$ sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"),
    Case("namespace gone", DEFAULT, "ADD, ADD b, gone a, DEL, DEL, CHECK b"),
    Case("no namespace given", DEFAULT, "ADD, DEL nonetns, DEL noprev"),
    Case("no previous result", DEFAULT, "ADD, CHECK noprev, DEL noprev, DEL noprev"),
    Case("never added", DEFAULT, "DEL, DEL nonetns, CHECK"),
    Case("link is gone", DEFAULT, "ADD, a$ ip link del eth0, CHECK, DEL"),
    Case("address is gone", DEFAULT, "ADD, a$ ip addr del 10.7.0.2/24 dev eth0, CHECK, DEL"),
    Case("route is gone", DEFAULT, "ADD, a$ ip route del default, CHECK, DEL"),
    Case("bridge is gone", DEFAULT, "ADD, $ ip link del br7, CHECK, DEL"),
    Case("off the bridge", DEFAULT, "ADD, $ for p in /sys/class/net/*; do :; done; ip -br link show master br7 | cut -d@ -f1 | "
         "xargs -I % ip link set % nomaster, CHECK, DEL"),
    Case("full pool", {**DEFAULT, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/30"}]]}}, "ADD, ADD b, DEL, ADD b, DEL b"),
    Case("masquerade iptables", {**MASQ, "ipMasqBackend": "iptables"}, watch="iptables"),
    Case("masquerade iptables, gone", {**MASQ, "ipMasqBackend": "iptables", "ipam": V4}, "ADD, ADD b, DEL, DEL b", watch="iptables"),
    *each("bridge", {
        "vlan": {**BRIDGE, "vlan": 5}, "vlan kept": {**BRIDGE, "vlan": 5, "preserveDefaultVlan": True},
        "trunk": {**BRIDGE, "vlanTrunk": [{"id": 7}, {"minID": 10, "maxID": 12}]},
        "trunk and vlan": {**BRIDGE, "vlan": 5, "vlanTrunk": [{"id": 7}]}, "vlan gateway": {**GATEWAY, "vlan": 5},
        "vlan gateway ipv4": {**GATEWAY, "vlan": 5, "ipam": V4}, "vlan default gateway": {**DEFAULT, "vlan": 5},
        "empty trunk": {**BRIDGE, "vlanTrunk": []}, "l2 vlan": {**L2, "vlan": 5}, "l2 trunk": {**L2, "vlanTrunk": [{"minID": 1, "maxID": 4}]},
    }, needs=("vlan_filtering",)),
]

EXPECTED = [
    Expect("bridge:nodad", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/(accept|enhanced)_dad"),
    Expect("bridge:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::"),
    Expect("bridge:gateway-nodad", r"^(go|ours): node knob ipv6/conf/(br7|cni0)/accept_dad"),
    Expect("bridge:gateway-nodad", r"^(go|ours): node address (br7|cni0) fd00:7::1/64"),
    Expect("bridge:gateway-nodad", r"^(go|ours): node address br7\.5 fd00:7::1/64", needs=("vlan_filtering",)),
    Expect("bridge:empty-trunk", r"^(go|ours): node (vlan|link br7 vlan_filtering)", needs=("vlan_filtering",), case="^bridge empty trunk"),
    Expect("bridge:notify", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/ndisc_notify"),
    Expect("bridge:queue", r"^ours: node link veth#\d+ txqlen 1000"),
    Expect("bridge:l2-check", r"^(go: bridge fails|ours: bridge succeeds)", case=r"^l2|^bridge l2|disableContainerInterface"),
    Expect("bridge:del-judges-nothing", r"^(go: bridge fails|ours: bridge succeeds)", case=r"^invalid"),
    Expect("bridge:failed-add", r"^(go|ours): (node|[ab]) (link|address|route|knob)",
           case=r"^(l2 0\.[12]|invalid|bridge has another|interface is there|full pool)"),
    Expect("bridge:failed-add", r"^(go: bridge fails|ours: bridge (succeeds|result)|ours: file )", case=r"^full pool"),
    Expect("bridge:route-scope", r"^(go|ours): (bridge|node|a|file) ", case=r"^key route onlink"),
    Expect("bridge:check-table", r"^(go: bridge fails|ours: bridge succeeds)", case=r"^key route attributes"),
    Expect("bridge:route-metrics", r"^(go|ours): a route4 .*10\.8\.0\.0/16", case=r"^key route mtu"),
    Expect("bridge:default-route", r"^(go|ours): (bridge|a|node|file) ", case=r"^key default route without gateway"),
    Expect("bridge:gateway-of-one", r"^(go|ours): (bridge|node (address|link) br7|node route6 .*br7)", case=r"^key is(Default)?Gateway of /(32|128)"),
    Expect("bridge:del-by-result", r"^go: (node|a) (link|address|route|knob)", case=r"^no namespace given"),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks"),
    Expect("host-local:index", r"^ours: file /var/lib/cni/networks/\.crimp"),
]
