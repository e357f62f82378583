# SPDX-License-Identifier: Apache-2.0
"""flannel 0.9.0, the last one that the reference's plugins had, with bridge, ptp and others of today as delegates."""

from differential.case import Case, Expect, each
from differential.shared import HOST_LOCAL

FILE = "/run/flannel/subnet.env"
ENV = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"
OLD = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0")
ROUTES = [{"dst": "10.9.0.0/16", "gw": "10.244.1.7"}, {"dst": "0.0.0.0/0"}]
PORTMAP = {"type": "portmap", "backend": "nftables", "capabilities": {"portMappings": True}}


def flannel(delegate=None, **more):
    return {"type": "flannel", **({} if delegate is None else {"delegate": delegate}), **more}


def row(id, conf, *steps, env=ENV, file=FILE, files=None, version="0.4.0", **more):
    """A case on a node where flanneld has written this."""
    files = {**({file: env} if env is not None else {}), **(files or {})}
    return Case(id, conf, *steps, version=version, files=files, **more)


def rows(id, confs, *steps, **more):
    return [row(f"{id} {name}", conf, *steps, **more) for name, conf in confs.items()]


def envs(id, texts, conf, *steps, **more):
    return [row(f"{id} {name}", conf, *steps, env=text, **more) for name, text in texts.items()]


def every(id, conf, *steps, **more):
    return [row(f"{id} {v}", conf, *steps, version=v, **more) for v in OLD]


BRIDGE = flannel({"bridge": "br7", "hairpinMode": True, "isDefaultGateway": True})
QUIET = flannel({"ipMasq": False})

CASES = [
    *every("defaults", flannel()),
    *every("bridge", BRIDGE, "ADD, CHECK, ADD b, CHECK b, DEL, CHECK b, DEL b, DEL b"),
    *every("ptp", flannel({"type": "ptp"})),
    *rows("delegate", {
        "empty": flannel({}), "bridge": flannel({"type": "bridge"}), "isGateway false": flannel({"isGateway": False}),
        "isDefaultGateway": flannel({"isDefaultGateway": True}), "hairpinMode": flannel({"hairpinMode": True}),
        "promiscMode": flannel({"promiscMode": True}), "mtu": flannel({"mtu": 1300}), "mtu 0": flannel({"mtu": 0}),
        "ipMasq": flannel({"ipMasq": True, "ipMasqBackend": "iptables"}), "ipMasq false": QUIET,
        "bridge name": flannel({"bridge": "kube0"}), "cniVersion": flannel({"cniVersion": "0.2.0"}),
        "unknown": flannel({"unheardOf": {"b": {}, "a": [1, None, "x"]}}),
        "dns": flannel({"dns": {"nameservers": ["10.0.0.1"]}}),
        "fraction": flannel({"unheardOf": 1.5}),
        "great number": flannel({"unheardOf": 12345678901234567890}),
        "null": flannel({"mtu": None, "ipMasq": None}),
        "markup": flannel({"unheardOf": "<&>é\u2028\"\\\t"}),
        "loopback": flannel({"type": "loopback"}), "case folded": flannel({"MTU": 1300, "IPMASQ": False}),
        "enabledad": flannel({"enabledad": True}), "vlan": flannel({"vlan": 0}),
        "runtimeConfig": flannel({"runtimeConfig": {"a": 1}}), "null itself": {"type": "flannel", "delegate": None},
    }),
    *rows("ipam", {
        "routes": flannel(ipam={"routes": ROUTES}),
        "static": flannel({"isGateway": False}, ipam={"type": "static", "addresses": [{"address": "10.244.1.9/24"}]}),
        "type": flannel(ipam={"type": "host-local"}), "dataDir": flannel(ipam={"dataDir": "/run/case/leases"}),
        "ranges": flannel(ipam={"ranges": [[{"subnet": "10.99.0.0/24"}]]}),
        "subnet": flannel(ipam={"subnet": "10.99.0.0/24"}),
        "unknown": flannel(ipam={"unheardOf": [1]}), "empty": flannel(ipam={}), "null": flannel(ipam=None),
        "route ipv6": flannel(ipam={"routes": [{"dst": "fd00:9::/32"}]}),
    }),
    row("subnetFile", flannel(subnetFile="/run/case/subnet"), file="/run/case/subnet"),
    row("dataDir", flannel(dataDir="/run/case/flannel")),
    row("dataDir deep", flannel(dataDir="/run/case/a/b/flannel")),
    row("empty paths", flannel(subnetFile="", dataDir="")),
    row("case folded", file="/run/case/subnet", conf={
        "type": "flannel", "SUBNETFILE": "/run/case/subnet", "DataDir": "/run/case/flannel",
        "Delegate": {"bridge": "br7"}}),
    *envs("env", {
        "masquerades": ENV, "does not": ENV.replace("true", "false"), "true in capitals": ENV.replace("true", "TRUE"),
        "masquerade 1": ENV.replace("true", "1"), "masquerade empty": ENV.replace("true", ""),
        "mtu 9000": ENV.replace("1450", "9000"), "mtu 1280": ENV.replace("1450", "1280"),
        "no newline": ENV.strip(), "other keys": "# x\nOTHER=1\nnothing\n\n" + ENV,
        "repeats": ENV + ENV.replace("1450", "1400"),
        "network not masked": ENV.replace("10.244.0.0/16", "10.244.3.7/16"),
        "subnet /26": ENV.replace("1.1/24", "1.65/26"),
        "carriage returns": ENV.replace("\n", "\r\n"),
        "FLANNEL_IPV6": ENV + "FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n",
        "two networks": ENV.replace("10.244.0.0/16", "10.244.0.0/16,10.245.0.0/16"),
    }, flannel({"isDefaultGateway": True, "ipMasqBackend": "iptables"}), watch="iptables"),
    *envs("bad env", {
        "missing": None, "empty": "", "no network": ENV.replace("FLANNEL_NETWORK", "X"),
        "no subnet": ENV.replace("FLANNEL_SUBNET", "X"),
        "no mtu": ENV.replace("FLANNEL_MTU", "X"), "no masquerade": ENV.replace("FLANNEL_IPMASQ", "X"),
        "mtu": ENV.replace("1450", "big"),
        "mtu negative": ENV.replace("1450", "-1"), "subnet": ENV.replace("1.1/24", "1.1"),
        "network": ENV.replace("0.0/16", "0.0"),
        "mtu without =": ENV.replace("MTU=", "MTU"),
    }, flannel(), "ADD, DEL"),
    row("bad env a folder", flannel(), "ADD, DEL", env=None, prepare=f"$ mkdir -p {FILE}"),
    *rows("invalid", {
        "subnetFile number": flannel(subnetFile=5), "dataDir number": flannel(dataDir=5),
        "delegate text": flannel("bridge"),
        "delegate list": flannel([]), "type number": flannel({"type": 5}), "type null": flannel({"type": None}),
        "type empty": flannel({"type": ""}),
        "name": flannel({"name": "x"}), "ipam in it": flannel({"ipam": {"type": "static"}}),
        "unknown type": flannel({"type": "no-such-plugin"}),
        "mtu text": flannel({"mtu": "x"}), "ipam text": flannel(ipam="x"),
        "ipam type": flannel(ipam={"type": "no-such-plugin"}),
        "routes": flannel(ipam={"routes": 5}), "route": flannel(ipam={"routes": [{"dst": "x"}]}),
        "path": flannel({"type": "../bridge"}),
        "hairpin and promiscuous": flannel({"hairpinMode": True, "promiscMode": True}),
        "ipMasq text": flannel({"ipMasq": "x"}),
        "runtimeConfig": flannel(runtimeConfig={"mac": 7}), "version": {**flannel(), "cniVersion": "9.9.9"},
    }, "ADD, DEL"),
    row("runtimeConfig", flannel({"isDefaultGateway": True}, capabilities={"mac": True}),
        capabilities={"mac": "02:11:22:33:44:55"}),
    row("ips by capability", flannel({"isDefaultGateway": True}, capabilities={"ips": True}),
        capabilities={"ips": ["10.244.1.50/24"]}),
    row("CNI_ARGS", BRIDGE, args="IgnoreUnknown=1;MAC=02:11:22:33:44:55"),
    row("CNI_ARGS refused", BRIDGE, "ADD, DEL", args="UNHEARDOF=10.244.1.77"),
    row("IP by CNI_ARGS", BRIDGE, args="IgnoreUnknown=1;IP=10.244.1.77"),
    row("macvlan", flannel({"type": "macvlan", "master": "m0"}),
        prepare="$ ip link add m0 type veth peer name m1, $ ip link set m0 up", needs=("macvlan",)),
    row("status and gc", flannel(), "STATUS, GC"),
    row("with portmap", [BRIDGE, PORTMAP],
        capabilities={"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}),
    row("namespace gone", BRIDGE, "ADD, ADD b, gone a, DEL, DEL, CHECK b"),
    row("no namespace given", QUIET, "ADD, DEL nonetns noprev, DEL nonetns noprev"),
    row("no previous result", BRIDGE, "ADD, CHECK noprev, DEL noprev, DEL noprev"),
    row("never added", BRIDGE, "DEL, DEL nonetns, CHECK"),
    row("link is gone", BRIDGE, "ADD, a$ ip link del eth0, DEL"),
    row("damage is found", BRIDGE, "ADD, a$ ip addr flush dev eth0, CHECK, DEL"),
    row("bridge is gone", BRIDGE, "ADD, $ ip link del br7, DEL"),
    row("subnet.env is gone", BRIDGE, f"ADD, $ rm {FILE}, CHECK, DEL, ADD"),
    row("subnet has changed", QUIET, f"ADD, $ sed -i s/1.1.24/2.1.24/ {FILE}, DEL, DEL"),
    row("saved file is gone", BRIDGE, "ADD, $ rm /var/lib/cni/flannel/pod-a, DEL noprev"),
    row("saved file is torn", BRIDGE, "ADD, $ truncate -s 9 /var/lib/cni/flannel/pod-a, DEL"),
    row("saved by another", QUIET, "DEL", files={
        "/var/lib/cni/flannel/pod-a": '{"name":"testnet","cniVersion":"0.3.1","type":"bridge","ipam":{}}'}),
    row("two interfaces", BRIDGE, "ADD, ADD eth1, DEL eth1, DEL"),
    row("repeated ADD", BRIDGE, "ADD, ADD, DEL"),
    row("interface is there", BRIDGE, "ADD, DEL", prepare="a$ ip link add eth0 type bridge"),
    row("again", BRIDGE, "ADD, DEL, ADD, CHECK, DEL"),
    row("full pool", flannel({"bridge": "br7"}), "ADD, ADD b, DEL, ADD b, DEL b", env=ENV.replace("1.1/24", "1.1/30")),
    row("version", flannel(), "VERSION"),
    *[row(f"newer {v}", flannel(), "ADD, DEL", version=v) for v in ("1.0.0", "1.1.0")],
]

NO_SUCH = "^(empty paths|env two networks|env FLANNEL_IPV6|newer)"
REFUSED = "^(invalid|CNI_ARGS refused|interface is there|full pool)"
EXPECTED = [
    *HOST_LOCAL,
    Expect("host-local:index", r"^ours: file \S+/leases(/\.crimp| 0o755|/testnet 0o755)", case="^ipam dataDir"),
    Expect("bridge:nodad", r"^(go|ours): [ab] knob ipv6/conf/eth[01]/(accept|enhanced)_dad"),
    Expect("bridge:gateway-nodad", r"^(go|ours): node knob ipv6/conf/(br7|cni0|kube0)/accept_dad"),
    Expect("bridge:queue", r"^ours: node link veth#\d+ txqlen 1000"),
    Expect("bridge:failed-add", r"^(go|ours): (node|[ab]) (link|address|route|knob)", case=REFUSED),
    Expect("bridge:failed-add", r"^(go: flannel fails|ours: (flannel (succeeds|result)|file ))", case="^full pool"),
    Expect("ptp:node-dad", r"^(go|ours): node knob ipv6/conf/veth#\d+/accept_dad", case="^ptp"),
    Expect("ptp:noprefixroute", r"^(go|ours): a address eth0 10\.244\.1\.2/24 ", case="^ptp"),
    Expect("endpoint:notify", r"^(go|ours): a knob ipv6/conf/eth0/ndisc_notify", needs=("macvlan",), case="^macvlan"),
    Expect("flannel:names", r"^ours: file \S+/flannel/pod-[ab] 0o600 crimp/(ifname|containerId) "),
    Expect("flannel:names", r"^ours: file \S+/flannel/pod-a(-testnet-eth1)? 0o600 ", case="^two interfaces"),
    Expect("flannel:names", r"^(go: (node|a) (link|route4)|ours: node link br7 mtu 1500)", case="^two interfaces"),
    Expect("flannel:ranges", r'^go: file \S+/flannel/pod-[ab] 0o600 ipam\.subnet "10\.244\.1\.\d+/\d+"$'),
    Expect("flannel:ranges",
           r'^ours: file \S+/flannel/pod-[ab] 0o600 ipam\.ranges \[\[{"subnet":"10\.244\.1\.\d+/\d+"}\]\]$'),
    Expect("flannel:ranges", r"^(go|ours): (flannel|node|a|file) ", case="^ipam (ranges|subnet)"),
    Expect("flannel:numbers", r"^(go|ours): file \S+/flannel/pod-a 0o600 unheardOf \d+$",
           case="^delegate great number"),
    Expect("flannel:numbers", r"^(go|ours): file \S+/flannel/pod-a 0o600 ", case="^delegate (markup|unknown)"),
    Expect("flannel:ip-version", r"^(go|ours): flannel result\.ips\[\d\]\.version", case="^delegate loopback"),
    Expect("flannel:case", r"^(go|ours): (node|a) link \S+ mtu ", case="^delegate case folded"),
    Expect("flannel:case", r"^go: file \S+/flannel/pod-a 0o600 (ipMasq|mtu) ", case="^delegate case folded"),
    Expect("flannel:newer", r"^(go|ours): (flannel|node|a|file) ", case=NO_SUCH),
    Expect("flannel:newer", r"^(go|ours): flannel result\.(cniVersion|supportedVersions)", case="^version$"),
    Expect("flannel:newer", r"^(go|ours): flannel error code", case="^status and gc"),
    Expect("flannel:del-judges-nothing", r"^(go: flannel fails|ours: flannel succeeds)$",
           case="^(invalid|CNI_ARGS refused)"),
    Expect("flannel:failed-add", r"^go: file \S+/flannel(/pod-[ab])? ", case=REFUSED),
    Expect("flannel:failed-add", r"^(go: (node|a) (link|route4)|ours: node link br7 mtu 1500)",
           case="^saved file is gone"),
    Expect("flannel:prev", r"^(go|ours): (flannel|node|a|file) ", case="^saved file is torn"),
    Expect("flannel:status", r"^(go: flannel succeeds|ours: flannel (fails|error code))",
           case="^(no previous|never added|damage)"),
]
