# SPDX-License-Identifier: Apache-2.0
"""ptp, with addresses from host-local and static."""

from differential.case import Case, Expect, each, versions

POOL4, POOL6 = [{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]
V4 = {"type": "host-local", "ranges": [POOL4]}
V6 = {"type": "host-local", "ranges": [POOL6]}
DUAL = {"type": "host-local", "ranges": [POOL4, POOL6]}
ROUTES = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.8.0.0/16", "gw": "10.7.0.1"}]
FIXED = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"},
                                         {"address": "fd00:7::9/64", "gateway": "fd00:7::1"}]}
PTP = {"type": "ptp", "ipam": {**DUAL, "routes": ROUTES}}
MASQ = {**PTP, "ipMasq": True}


def ipam(**more):
    return {"type": "ptp", "ipam": {**DUAL, **more}}


def static(*addresses, **more):
    return {"type": "ptp", "ipam": {"type": "static", "addresses": list(addresses), **more}}


CASES = [
    *versions(Case("dual", PTP)),
    *versions(Case("ipv4", {"type": "ptp", "ipam": V4})),
    *versions(Case("ipv6", {"type": "ptp", "ipam": V6})),
    *versions(Case("static", {"type": "ptp", "ipam": FIXED})),
    *versions(Case("status and gc", PTP, "STATUS, ADD, GC, STATUS, DEL, VERSION")),
    *each("key", {
        "mtu": {**PTP, "mtu": 1400}, "mtu least": {"type": "ptp", "ipam": V4, "mtu": 68}, "mtu most": {**PTP, "mtu": 65535},
        "mtu 0": {**PTP, "mtu": 0}, "mtu null": {**PTP, "mtu": None, "ipMasq": None, "ipMasqBackend": None},
        "dns": {**PTP, "dns": {"nameservers": ["10.0.0.1"], "domain": "a.b", "search": ["c"], "options": ["ndots:1"]}},
        "dns of ipam": ipam(dns={"nameservers": ["10.0.0.2"]}), "unknown": {**PTP, "unheardOf": [1]},
        "case folded": {"type": "ptp", "MTU": 1300, "IPAM": V4},
        "ipMasqBackend alone": {**PTP, "ipMasqBackend": "iptables"},
    }),
    *each("routes", {
        "none": ipam(), "by another": ipam(routes=[{"dst": "10.9.0.0/16", "gw": "10.7.0.77"}, {"dst": "fd00:9::/32", "gw": "fd00:7::77"}]),
        "attributes": ipam(routes=[{"dst": "10.8.0.0/16", "priority": 50}, {"dst": "10.9.0.0/16", "table": 77}]),
        "mtu": ipam(routes=[{"dst": "10.8.0.0/16", "mtu": 1300, "advmss": 1200}]),
        "two defaults": ipam(routes=[{"dst": "0.0.0.0/0"}, {"dst": "0.0.0.0/0", "priority": 9}]),
    }),
    *each("address", {
        "two subnets": ipam(ranges=[POOL4, [{"subnet": "10.6.0.0/16"}]]),
        "host ipv6": static({"address": "fd00:7::9/128", "gateway": "fd00:7::1"}),
        "/31": static({"address": "10.7.0.0/31", "gateway": "10.7.0.1"}),
        "/8": static({"address": "10.7.0.9/8", "gateway": "10.0.0.1"}, routes=[{"dst": "0.0.0.0/0"}]),
        "gateway elsewhere": static({"address": "10.7.0.9/24", "gateway": "169.254.1.1"}, routes=[{"dst": "0.0.0.0/0"}]),
        "link-local gateway": static({"address": "fd00:7::9/64", "gateway": "fe80::1"}, routes=[{"dst": "::/0"}]),
    }),
    *each("invalid", {
        "mtu text": {**PTP, "mtu": "1400"}, "mtu fraction": {**PTP, "mtu": 1400.5}, "mtu too small": {**PTP, "mtu": 60},
        "mtu too large": {**PTP, "mtu": 65536}, "ipMasq text": {**PTP, "ipMasq": "yes"}, "ipMasq number": {**PTP, "ipMasq": 1},
        "backend": {**MASQ, "ipMasqBackend": "pf"}, "backend number": {**MASQ, "ipMasqBackend": 5}, "no ipam": {"type": "ptp"},
        "ipam without type": {"type": "ptp", "ipam": {}}, "ipam unknown": {"type": "ptp", "ipam": {"type": "no-such-plugin"}},
        "ipam fails": {"type": "ptp", "ipam": {"type": "host-local"}}, "no gateway": static({"address": "10.7.0.9/24"}),
        "impossible route": static({"address": "10.7.0.9/24", "gateway": "10.7.0.1"}, routes=[{"dst": "10.9.0.0/16", "gw": "fd00::1"}]),
        "dns": {**PTP, "dns": []},
    }, steps="ADD, DEL"),
    Case("two containers", PTP, "ADD, ADD b, CHECK, CHECK b, DEL, CHECK b, DEL b, DEL b"),
    Case("two interfaces", PTP, "ADD, ADD eth1, CHECK eth1, DEL, DEL eth1"),
    Case("repeated ADD", {"type": "ptp", "ipam": V4}, "ADD, ADD, DEL"),
    Case("interface is there", PTP, "ADD, DEL", prepare="a$ ip link add eth0 type bridge"),
    Case("forwarding off", PTP, prepare="$ sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"),
    Case("forwarding off ipv4", {"type": "ptp", "ipam": V4}, prepare="$ sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0"),
    Case("ipv6 off in the container", PTP, prepare="a$ sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.lo.disable_ipv6=1"),
    Case("namespace gone", PTP, "ADD, ADD b, gone a, DEL, DEL, CHECK b"),
    Case("no namespace given", {"type": "ptp", "ipam": V4}, "ADD, DEL nonetns noprev"),
    Case("no previous result", PTP, "ADD, CHECK noprev, DEL noprev, DEL noprev"),
    Case("never added", PTP, "DEL, DEL nonetns, CHECK"),
    Case("link is gone", PTP, "ADD, a$ ip link del eth0, CHECK, DEL"),
    Case("address is gone", PTP, "ADD, a$ ip addr del 10.7.0.2/24 dev eth0, CHECK, DEL"),
    Case("route is gone", PTP, "ADD, a$ ip route del default, CHECK, DEL"),
    Case("subnet's route is gone", PTP, "ADD, a$ ip route del 10.7.0.0/24, CHECK, DEL"),
    Case("CNI_ARGS", PTP, args="IgnoreUnknown=1;K8S_POD_NAME=x"),
    Case("ips by capability", {**PTP, "capabilities": {"ips": True}}, capabilities={"ips": ["10.7.0.50/24", "fd00:7::50"]}),
    Case("full pool", {"type": "ptp", "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/30"}]]}},
         "ADD, ADD b, DEL, ADD b, DEL b"),
    Case("masquerade iptables", {**MASQ, "ipMasqBackend": "iptables"}, watch="iptables"),
    Case("masquerade iptables, two", {"type": "ptp", "ipam": V4, "ipMasq": True, "ipMasqBackend": "iptables"},
         "ADD, ADD b, DEL, DEL b", watch="iptables"),
    Case("with portmap", [{"type": "ptp", "ipam": V4}, {"type": "portmap", "capabilities": {"portMappings": True}}],
         capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}),
]

TAKEN = "^(invalid|two interfaces|address gateway elsewhere)"
EXPECTED = [
    Expect("ptp:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::"),
    Expect("ptp:nodad", r"^(go|ours): node address veth#\d+ (fd00:7::1|fe80::1)/128"),
    Expect("ptp:node-dad", r"^(go|ours): node knob ipv6/conf/veth#\d+/accept_dad"),
    Expect("ptp:noprefixroute", r"^(go|ours): [ab] address eth[01] 10\.\d+\.0\.\d+/\d+ "),
    Expect("ptp:onlink", r"^(go|ours): a route[46] .*(10\.7\.0\.|fd00:7::)77", case="^routes by another"),
    Expect("ptp:check-table", r"^(go: ptp fails|ours: ptp succeeds)", case="^routes attributes"),
    Expect("ptp:route-metrics", r"^(go|ours): a route4", case="^routes mtu"),
    Expect("ptp:gateway-elsewhere", r"^(go: ptp fails|ours: (ptp|node (address|route4)|a route4))", case="^address gateway elsewhere"),
    Expect("ptp:undo", r"^go: (node (link|route[46])|a (link|route[46])) ", case=TAKEN),
    Expect("ptp:undo", r'^ours: a route[46] .*"default"', case="^two interfaces"),
    Expect("ptp:pair-first", r"^go: file /var/lib/cni/networks", case="^(invalid|interface is there)"),
    Expect("ptp:del-not-ours", r"^ours: a link eth0 kind bridge", case="^interface is there"),
    Expect("ptp:del-judges-nothing", r"^(go: ptp fails|ours: ptp succeeds)", case="^invalid"),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks", case="^never added"),
    Expect("ptp:queue", r"^ours: node link veth#\d+ txqlen 1000"),
    Expect("host-local:index", r"^ours: file /var/lib/cni/networks/\.crimp"),
]
