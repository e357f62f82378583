# SPDX-License-Identifier: Apache-2.0
"""portmap: who reaches a published port, by which way, and what remains afterwards."""

import concurrent.futures

import pytest

from lib.case import case, needs, rootless
from system.world import changed, outside, state

BACKENDS = ["", "nftables", "iptables"]


class Published:
    """A chain of bridge and portmap with one host outside; ports are published by capability."""

    def __init__(self, node, *mappings, container=None, bridge=None, network="testnet", subnets=("10.7.0.0/24", "fd00:7::/64"),
                 serve=True, **portmap):
        self.node = node
        self.net = node.network(
            {"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": node.host_local(*subnets),
             **(bridge or {})},
            {"type": "portmap", "capabilities": {"portMappings": True}, **portmap}, name=network)
        self.container = container or node.container()
        self.mappings = list(mappings)
        self.at = self.net.add(self.container, capabilities={"portMappings": self.mappings})
        if serve:
            for m in self.mappings:
                self.container.listen(m["containerPort"], m.get("protocol", "tcp"))

    @property
    def portmap(self):
        return self.net.conflist["plugins"][1]

    def reply(self, command):
        return self.net.one(command, self.portmap, self.at)

    def conf(self):
        return self.net.conf(self.portmap, self.at.result, self.at.capabilities)


def mapping(host, container=80, protocol="tcp", **more):
    return {"hostPort": host, "containerPort": container, "protocol": protocol, **more}


def backend(name):
    return {"backend": name} if name else {}


def rules(node):
    return "\n".join(node.iptables_save() + node.iptables_save(family=6)) + node.run("nft", "list", "ruleset", check=False).out


@pytest.fixture
def host(node):
    return outside(node)


# ---- packets


@case("portmap:outside")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_from_outside(node, host, name):
    """A host outside reaches the port over IPv4 and IPv6, and the container sees its address"""
    p = Published(node, mapping(8080), **backend(name))
    assert host.ask("192.0.2.1", 8080) == f"{p.container.name} 192.0.2.9"
    assert host.ask("2001:db8:f::1", 8080) == f"{p.container.name} 2001:db8:f::9"
    assert host.ask("192.0.2.1", 80, wait=0.5) is None
    p.net.check(p.at)
    p.net.delete(p.at)
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None and p.container.id not in rules(node)


@case("portmap:udp")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_udp(node, host, name):
    """UDP is published as well, beside TCP of the same port"""
    p = Published(node, mapping(5353, 53, "udp"), mapping(5353, 54, "tcp"), **backend(name))
    assert host.ask("192.0.2.1", 5353, "udp") == f"{p.container.name} 192.0.2.9"
    assert host.ask("2001:db8:f::1", 5353, "udp") == f"{p.container.name} 2001:db8:f::9"
    assert host.ask("192.0.2.1", 5353) == f"{p.container.name} 192.0.2.9"


@case("portmap:sctp")
@rootless
@needs("sctp")
def test_sctp(node, host):
    """SCTP is published as well"""
    p = Published(node, mapping(9000, 90, "sctp"))
    assert host.ask("192.0.2.1", 9000, "sctp") == f"{p.container.name} 192.0.2.9"


@case("portmap:sctp-rule")
@rootless
@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_sctp_rule(node, name):
    """SCTP mappings are in the rules, whether the kernel has SCTP or not"""
    p = Published(node, mapping(9000, 90, "sctp"), serve=False, **backend(name))
    assert "sctp" in rules(node) and p.reply("CHECK").ok


@case("portmap:localhost")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_from_the_host_itself(node, name):
    """The host reaches the port by 127.0.0.1 and by its own addresses"""
    outside(node)
    p = Published(node, mapping(8080), **backend(name))
    assert node.ask("127.0.0.1", 8080) == f"{p.container.name} 10.7.0.1"
    assert (node.ask("192.0.2.1", 8080) or "").startswith(p.container.name)
    assert (node.ask("2001:db8:f::1", 8080) or "").startswith(p.container.name)


@case("portmap:hairpin")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_hairpin(node, host, name):
    """The container reaches itself, and a neighbour reaches it, by the host's address"""
    p = Published(node, mapping(8080), **backend(name))
    neighbour = node.container("neighbour")
    p.net.add(neighbour)
    assert p.container.ask("192.0.2.1", 8080) == f"{p.container.name} 10.7.0.1"
    assert neighbour.ask("192.0.2.1", 8080) == f"{p.container.name} 10.7.0.1"
    assert (p.container.ask("2001:db8:f::1", 8080) or "").startswith(p.container.name)


@case("portmap:snat-false")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_without_snat(node, host, name):
    """With snat false the container sees the neighbour, and 127.0.0.1 does not work"""
    p = Published(node, mapping(8080), snat=False, **backend(name))
    assert host.ask("192.0.2.1", 8080) == f"{p.container.name} 192.0.2.9"
    assert node.ask("127.0.0.1", 8080, wait=0.5) is None
    assert p.reply("CHECK").ok


@case("portmap:masqAll")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_masquerade_all(node, host, name):
    """With masqAll the container sees the host for every caller"""
    p = Published(node, mapping(8080), masqAll=True, **backend(name))
    assert host.ask("192.0.2.1", 8080) == f"{p.container.name} 10.7.0.1"
    assert host.ask("2001:db8:f::1", 8080) == f"{p.container.name} fd00:7::1"
    assert p.reply("CHECK").ok


@case("portmap:hostIP")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_host_address(node, host, name):
    """A port of one address is not published on the others, nor in the other family"""
    node.ip("addr", "add", "192.0.2.2/24", "dev", "up0")
    p = Published(node, mapping(8080, hostIP="192.0.2.2"), **backend(name))
    assert host.ask("192.0.2.2", 8080) == f"{p.container.name} 192.0.2.9"
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None and host.ask("2001:db8:f::1", 8080, wait=0.5) is None


@case("portmap:hostIP-v6")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_host_address_ipv6(node, host, name):
    """The same with an IPv6 address"""
    p = Published(node, mapping(8080, hostIP="2001:db8:f::1"), **backend(name))
    assert host.ask("2001:db8:f::1", 8080) == f"{p.container.name} 2001:db8:f::9"
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None


@case("portmap:hostIP-any")
@rootless
@pytest.mark.parametrize("any_, works, other", [("0.0.0.0", "192.0.2.1", "2001:db8:f::1"), ("::", "2001:db8:f::1", "192.0.2.1")])
@pytest.mark.parametrize("name", ["", "iptables"])
def test_any_address_of_one_family(node, host, name, any_, works, other):
    """The unspecified address stands for all addresses of its family only"""
    p = Published(node, mapping(8080, hostIP=any_), **backend(name))
    assert (host.ask(works, 8080) or "").startswith(p.container.name) and host.ask(other, 8080, wait=0.5) is None


@case("portmap:many")
@rootless
@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_many_ports(node, host, name):
    """Forty ports of one container, tcp and udp"""
    maps = [mapping(8000 + i, 80 + i % 3, "udp" if i % 2 else "tcp") for i in range(40)]
    p = Published(node, *maps, serve=False, **backend(name))
    p.container.listen(80)
    p.container.listen(81, "udp")
    assert host.ask("192.0.2.1", 8036) == f"{p.container.name} 192.0.2.9"
    assert host.ask("192.0.2.1", 8037, "udp") == f"{p.container.name} 192.0.2.9"
    assert p.reply("CHECK").ok
    p.net.delete(p.at)
    assert p.container.id not in rules(node) and "80" not in "".join(str(node.nft_elements("ip", "crimp_portmap", "ports")))


@case("portmap:not-local")
@rootless
@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_traffic_for_others_is_left_alone(node, host, name):
    """A published port does not catch connections that only pass through the host"""
    p = Published(node, mapping(8080), **backend(name))
    host.listen(8080)
    assert p.container.ask("192.0.2.9", 8080) == f"{host.name} 192.0.2.1"


CONDITIONS = {
    "nft": ("nftables", {"conditionsV4": ["ip", "saddr", "!=", "192.0.2.9"], "conditionsV6": ["ip6", "saddr", "!=", "2001:db8:f::9"]}),
    "nft interface": ("nftables", {"conditionsV4": ["iifname", "!=", "up0"], "conditionsV6": ["iifname", "!=", "up0"]}),
    "iptables": ("iptables", {"conditionsV4": ["!", "-s", "192.0.2.9"], "conditionsV6": ["!", "-s", "2001:db8:f::9"]}),
    "iptables by nft": ("", {"conditionsV4": ["!", "-s", "192.0.2.9/32"], "conditionsV6": ["!", "-s", "2001:db8:f::9"]}),
}


@case("portmap:conditions")
@rootless
@pytest.mark.parametrize("what", CONDITIONS)
def test_conditions(node, host, what):
    """Who does not meet the condition does not reach the port; other networks are not concerned"""
    name, conditions = CONDITIONS[what]
    p = Published(node, mapping(8080), **backend(name), **conditions)
    assert host.ask("192.0.2.1", 8080, wait=0.5) is None and host.ask("2001:db8:f::1", 8080, wait=0.5) is None
    if what != "nft interface":
        host.ip("addr", "add", "192.0.2.10/24", "dev", "eth0")
        assert host.ask("192.0.2.1", 8080, source="192.0.2.10") == f"{p.container.name} 192.0.2.10"
    q = Published(node, mapping(8081), network="free", bridge={"bridge": "cni1"}, subnets=("10.8.0.0/24", "fd00:8::/64"), **backend(name))
    assert host.ask("192.0.2.1", 8081) == f"{q.container.name} 192.0.2.9"
    assert p.reply("CHECK").ok and q.reply("CHECK").ok
    for one in p, q:
        one.net.delete(one.at)
        assert one.container.id not in rules(node)


@case("portmap:setmark")
@rootless
def test_external_mark_chain(node, host):
    """externalSetMarkChain marks instead of the own chain"""
    node.iptables("-t", "nat", "-N", "PLEASE-MARK")
    node.iptables("-t", "nat", "-N", "PLEASE-MARK", family=6)
    Published(node, mapping(8080), serve=False, externalSetMarkChain="PLEASE-MARK")
    text = "\n".join(node.iptables_save())
    assert "-j PLEASE-MARK" in text and "CNI-HOSTPORT-SETMARK" not in text


@case("portmap:markbit")
@rootless
def test_mark_bit(node, host):
    """markMasqBit is the bit of the mark, and hairpin works with it"""
    p = Published(node, mapping(8080), markMasqBit=5)
    assert "0x20/0x20" in "\n".join(node.iptables_save()) and node.ask("127.0.0.1", 8080) == f"{p.container.name} 10.7.0.1"


# ---- connections the kernel remembers


def tracked(node, port):
    done = node.run("conntrack", "-L", "-p", "udp", "--orig-port-dst", port, check=False)
    return [line for line in done.out.splitlines() if "udp" in line]


@case("portmap:udp-old-connection")
@pytest.mark.parametrize("name", BACKENDS)
def test_udp_of_before(node, host, name):
    """A UDP sender that was there before the container reaches it with its next datagram"""
    node.run("nft", "-f", "-", stdin=TRACKING)
    node.listen(5353, "udp")            # without an answer the kernel forgets at once
    host.run("/usr/bin/python3", "-c", SEND_FROM, 4444, "192.0.2.1", 5353)
    assert tracked(node, 5353)
    p = Published(node, mapping(5353, 53, "udp"), **backend(name))
    assert not tracked(node, 5353)
    got = host.run("/usr/bin/python3", "-c", ASK_FROM, 4444, "192.0.2.1", 5353, check=False).out
    assert got == f"{p.container.name} 192.0.2.9"


@case("portmap:udp-moved")
@pytest.mark.parametrize("name", BACKENDS)
def test_udp_moved(node, host, name):
    """After DEL the next datagram goes to who has the port now, not to the container that is gone"""
    p = Published(node, mapping(5353, 53, "udp"), **backend(name))
    ask = ("/usr/bin/python3", "-c", ASK_FROM, 4444, "192.0.2.1", 5353)
    assert host.run(*ask, check=False).out == f"{p.container.name} 192.0.2.9" and tracked(node, 5353)
    p.net.delete(p.at)
    assert not tracked(node, 5353)
    node.listen(5353, "udp")
    assert host.run(*ask, check=False).out == f"{node.name} 192.0.2.9"


# The kernel remembers connections only where a rule asks for it.
TRACKING = "table inet t { chain c { type filter hook prerouting priority 0; ct state invalid counter; }; }"
SEND_FROM = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
s.sendto(b"?", (sys.argv[2], int(sys.argv[3])))
"""
ASK_FROM = SEND_FROM + """
s.settimeout(2)
print(s.recv(2048).decode(), end="")
"""


# ---- whose port


@case("portmap:taken")
def test_port_of_another(node, host):
    """A port that another container has is refused by name; the first keeps it and nothing is left of the second"""
    p = Published(node, mapping(8080))
    second = node.container("second")
    bridge, portmap = p.net.conflist["plugins"]
    made = p.net.call("ADD", bridge, p.net.conf(bridge), second, "eth0").result
    before = state(node, second)
    capabilities = {"portMappings": [mapping(8081), mapping(8080)]}
    error = p.net.call("ADD", portmap, p.net.conf(portmap, made, capabilities), second, "eth0").error
    assert "8080" in error["msg"] and p.container.id in error["msg"], error
    assert changed(before, state(node, second)) == []
    assert host.ask("192.0.2.1", 8080) == f"{p.container.name} 192.0.2.9" and host.ask("192.0.2.1", 8081, wait=0.5) is None
    p.net.call("DEL", portmap, p.net.conf(portmap, made, capabilities), second, "eth0")
    assert host.ask("192.0.2.1", 8080) == f"{p.container.name} 192.0.2.9"


@case("portmap:taken-address")
@rootless
def test_port_of_another_address(node, host):
    """The same port of two addresses belongs to two containers"""
    node.ip("addr", "add", "192.0.2.2/24", "dev", "up0")
    p = Published(node, mapping(8080, hostIP="192.0.2.1"))
    q = Published(node, mapping(8080, hostIP="192.0.2.2"))
    assert host.ask("192.0.2.1", 8080).split()[0] == p.container.name and host.ask("192.0.2.2", 8080).split()[0] == q.container.name


@case("portmap:two-networks")
@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_two_networks_of_one_container(node, host, name):
    """DEL of one network leaves the ports of the other"""
    p = Published(node, mapping(8080), **backend(name))
    q = Published.__new__(Published)
    q.node, q.container, q.mappings = node, p.container, [mapping(8081)]
    q.net = node.network({"type": "bridge", "bridge": "cni1", "isGateway": True, "ipam": node.host_local("10.8.0.0/24")},
                         {"type": "portmap", "capabilities": {"portMappings": True}, **backend(name)}, name="other")
    q.at = q.net.add(p.container, "net1", capabilities={"portMappings": q.mappings})
    p.net.delete(p.at)
    assert "8081" in rules(node) and "8080" not in rules(node) and q.reply("CHECK").ok


@case("portmap:again")
@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_add_again(node, host, name):
    """ADD again of the same attachment changes nothing, and one DEL is enough"""
    p = Published(node, mapping(8080), **backend(name))
    before = rules(node)
    assert p.net.call("ADD", p.portmap, p.conf(), p.container, "eth0").ok
    assert [line for line in rules(node).splitlines() if "packets" not in line] == \
           [line for line in before.splitlines() if "packets" not in line]
    p.net.delete(p.at)
    assert p.container.id not in rules(node) and "8080" not in rules(node)


# ---- the other verbs


@case("portmap:none")
@rootless
def test_without_mappings(node, container):
    """Without mappings nothing is made and the result is passed on"""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": container.path}],
            "ips": [{"address": "10.1.0.5/24", "interface": 0}]}
    before = state(node, container)
    assert node.add({"type": "portmap", "prevResult": prev}, container) == prev
    for command in "CHECK", "DEL":
        assert node.plugin(command, {"type": "portmap", "prevResult": prev}, container).ok
    assert changed(before, state(node, container)) == []


INVALID = {
    "host port 0": ([mapping(0)], {}, "host port number: 0"),
    "host port 65536": ([mapping(65536)], {}, "65536"),
    "container port 0": ([mapping(80, 0)], {}, "container port number: 0"),
    "container port -1": ([mapping(80, -1)], {}, "-1"),
    "protocol": ([mapping(80, 80, "icmp")], {}, "icmp"),
    "hostIP": ([mapping(80, hostIP="nowhere")], {}, "nowhere"),
    "port a string": ([mapping("80")], {}, "hostPort"),
    "mark bit": ([mapping(80)], {"markMasqBit": 32}, "MasqMarkBit must be between 0 and 31"),
    "mark and chain": ([mapping(80)], {"markMasqBit": 1, "externalSetMarkChain": "X"}, "externalSetMarkChain and markMasqBit"),
    "backend": ([mapping(80)], {"backend": "ebpf"}, "ebpf"),
    "conditions of the other": ([mapping(80)], {"backend": "iptables", "conditionsV4": ["ip", "saddr", "10.0.0.1"]}, "conditionsV4"),
    "condition unknown": ([mapping(80)], {"backend": "nftables", "conditionsV4": ["frobnicate", "1"]}, "frobnicate"),
    "conditions a string": ([mapping(80)], {"conditionsV4": "x"}, "conditionsV4"),
}


@case("portmap:invalid")
@rootless
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, container, what):
    """What cannot be published is refused with code 7, naming it, and nothing changes"""
    mappings, more, words = INVALID[what]
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "sandbox": container.path}],
            "ips": [{"address": "10.1.0.5/24", "interface": 0}]}
    conf = {"type": "portmap", "prevResult": prev, "runtimeConfig": {"portMappings": mappings}, **more}
    before = state(node, container)
    error = node.refuses("ADD", conf, container, code=7)
    assert words in error["msg"] + error.get("details", ""), error
    assert changed(before, state(node, container)) == []
    assert node.plugin("DEL", conf, container).ok


@case("portmap:unchained")
@rootless
def test_not_chained(node, container):
    """Without prevResult portmap says that it must be chained"""
    conf = {"type": "portmap", "runtimeConfig": {"portMappings": [mapping(80)]}}
    assert "must be called as chained plugin" in node.refuses("ADD", conf, container)["msg"]


BROKEN = {
    "nftables": {
        "map element": ("nft delete element ip crimp_portmap ports { tcp . 8080 }", "8080|crimp_portmap"),
        "v6 element": ("nft delete element ip6 crimp_portmap ports { tcp . 8080 }", "crimp_portmap"),
        "table": ("nft delete table ip crimp_portmap", "crimp_portmap"),
        "everything": ("nft flush ruleset", "crimp_portmap"),
        "way into it": ("nft flush chain ip crimp_portmap prerouting", "prerouting|crimp_portmap"),
        "publish chain": ("nft flush chain ip crimp_portmap publish", "publish|crimp_portmap"),
    },
    "iptables": {
        "chain's rules": ("iptables -t nat -F CHAIN", "CNI-DN-"),
        "entry": ("iptables -t nat -F CNI-HOSTPORT-DNAT", "CNI-DN-"),
        "everything": ("nft flush ruleset", "CNI-DN-"),
        "v6 entry": ("ip6tables -t nat -F CNI-HOSTPORT-DNAT", "CNI-DN-"),
    },
}


@case("portmap:check")
@pytest.mark.parametrize("name, what", [(n, w) for n in BROKEN for w in BROKEN[n]])
def test_check_finds_what_is_broken(node, name, what):
    """Break one thing: CHECK fails and names it. Load the rules again: CHECK is content"""
    command, words = BROKEN[name][what]
    p = Published(node, mapping(8080), serve=False, **backend(name))
    assert p.reply("CHECK").ok, p.reply("CHECK")
    saved = node.run("iptables-save").out, node.run("ip6tables-save").out, node.run("nft", "list", "ruleset").out
    chain = next((w for w in saved[0].split() if w.startswith("CNI-DN-")), "")
    node.run("sh", "-c", "exec " + command.replace("CHAIN", chain).replace("{", "'{").replace("}", "}'"))
    reply = p.reply("CHECK")
    assert any(w in reply.text for w in words.split("|")), reply
    if name == "iptables":
        node.run("iptables-restore", stdin=saved[0])
        node.run("ip6tables-restore", stdin=saved[1])
    else:
        node.run("nft", "-f", "-", stdin="flush ruleset\n" + saved[2])
    assert p.reply("CHECK").ok, p.reply("CHECK")


@case("portmap:del-tolerant")
@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("how", ["twice", "no prevResult", "netns gone", "no netns", "no mappings"])
def test_del_with_what_is_left(node, name, how):
    """DEL withdraws the ports whatever is left of the container, and again without a word"""
    p = Published(node, mapping(8080), mapping(5353, 53, "udp"), serve=False, **backend(name))
    conf = p.conf()
    if how == "no prevResult":
        del conf["prevResult"]
    if how == "no mappings":
        del conf["runtimeConfig"]
    path = p.container.path
    if how == "netns gone":
        p.container.close()
    for _ in range(2):
        reply = node.plugin("DEL", conf, p.container, container_netns=path, env={"CNI_NETNS": ""} if how == "no netns" else None)
        assert reply.ok, reply
        assert "8080" not in rules(node) and "dnat name" not in rules(node)


@case("portmap:gc")
@pytest.mark.parametrize("name", BACKENDS)
def test_gc(node, host, name):
    """GC withdraws the ports of containers that are not valid and leaves the others and other networks alone"""
    p = Published(node, mapping(8080), **backend(name))
    lost = Published(node, mapping(8081), serve=False, **backend(name))
    other = Published(node, mapping(8082), network="testnet2", bridge={"bridge": "cni1"}, subnets=("10.8.0.0/24", "fd00:8::/64"),
                      **backend(name))
    lost.container.close()
    p.net.gc([p.at])
    assert lost.container.id not in rules(node) and "8081" not in rules(node)
    assert p.reply("CHECK").ok and other.reply("CHECK").ok
    assert host.ask("192.0.2.1", 8080).split()[0] == p.container.name and host.ask("192.0.2.1", 8082).split()[0] == other.container.name
    p.net.gc([])
    assert "8080" not in rules(node) and other.reply("CHECK").ok


@case("portmap:status")
@rootless
@pytest.mark.parametrize("name", BACKENDS)
def test_status(node, name):
    """STATUS is ready and changes nothing"""
    before = state(node)
    node.status({"type": "portmap", **backend(name)})
    assert changed(before, state(node)) == []


@case("portmap:concurrent")
def test_many_at_once(node, host):
    """Sixteen containers publish at once; all are reached; sixteen leave at once and nothing remains"""
    containers = [node.container(f"p{i}") for i in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as many:
        got = list(many.map(lambda i: Published(node, mapping(8000 + i), container=containers[i], serve=False), range(16)))
        for p in got[::5]:
            p.container.listen(80)
            assert host.ask("192.0.2.1", p.mappings[0]["hostPort"]) == f"{p.container.name} 192.0.2.9"
        list(many.map(lambda p: p.net.delete(p.at), got))
    assert "80" not in str(node.nft_elements("ip", "crimp_portmap", "ports")) and node.leases() == {}
