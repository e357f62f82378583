# SPDX-License-Identifier: Apache-2.0
"""firewall in the tables of iptables-nft: who gets through, what stands there, what remains."""

import concurrent.futures
import os

import pytest

from lib.case import case, rootless
from system.firewalls import Pod, dropping, saved
from system.world import changed, outside, state

FIRST = {"-A FORWARD": '-m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD',
         "-A CNI-FORWARD": '-m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN'}
NETS = ("10.7.0.0/24", "fd00:7::/64")


def rules_of(pod, family=4):
    address = pod.addresses[family == 6] + ("/32" if family == 4 else "/128")
    return [f"{family} -A CNI-FORWARD -d {address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            f"{family} -A CNI-FORWARD -s {address} -j ACCEPT"]


@pytest.fixture
def host(node):
    return outside(node, NETS)


# ---- packets and rules


@case("firewall:through")
@rootless
def test_a_dropping_host_lets_the_pod_talk(node, host):
    """FORWARD drops, and the pod reaches a host outside over both families until its DEL; nobody reaches the pod unasked"""
    dropping(node)
    before = state(node)
    host.listen(80)
    pod = Pod(node)
    pod.container.listen(81)
    assert pod.container.ask("192.0.2.9", 80) == f"{host.name} {pod.addresses[0]}"
    assert pod.container.ask("2001:db8:f::9", 80) == f"{host.name} {pod.addresses[1]}"
    assert host.ask(pod.address, 81, wait=0.5) is None
    pod.check()
    pod.delete()
    assert pod.container.ask("192.0.2.9", 80, wait=0.5) is None
    assert changed(before["node"]["nft"], state(node)["node"]["nft"]) == []


@case("firewall:form")
@rootless
def test_rules(node):
    """iptables-save shows the reference's rules, iptables -C and -D find them, and nobody's comment shows"""
    pod = Pod(node)
    for family in 4, 6:
        lines = [line[2:] for line in saved(node) if line.startswith(f"{family} -A")]
        assert lines == [f"{k} {v}" for k, v in FIRST.items()] + [r[2:] for r in rules_of(pod, family)]
    node.iptables("-C", "CNI-FORWARD", "-s", pod.address, "-j", "ACCEPT")
    node.iptables("-C", "CNI-FORWARD", "-d", pod.address, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT")
    assert pod.container.id not in node.run("nft", "list", "ruleset").out
    node.iptables("-D", "CNI-FORWARD", "-s", pod.address, "-j", "ACCEPT")
    assert rules_of(pod)[1] not in saved(node)


@case("firewall:no-process")
@rootless
def test_no_process(node):
    """No program of iptables is executed, whatever the verb"""
    trap = node.dir / "trap"
    trap.mkdir()
    for tool in ("iptables", "ip6tables"):
        for name in (tool, f"{tool}-restore", f"{tool}-save", f"{tool}-legacy-restore", f"{tool}-legacy-save", f"{tool}-nft-save"):
            (trap / name).write_text(f"#!/bin/sh\ntouch {trap}/sprung\nexit 1\n")
            (trap / name).chmod(0o755)
    pod = Pod(node, env={"PATH": f"{trap}:{os.environ['PATH']}"}, ingressPolicy="isolated", backend="iptables")
    pod.check()
    pod.delete()
    assert saved(node) == [] and not (trap / "sprung").exists()


@case("firewall:one-family")
@rootless
@pytest.mark.parametrize("subnet", NETS)
def test_one_family(node, subnet):
    """A pod of one family leaves the tables of the other alone"""
    pod = Pod(node, subnets=[subnet])
    assert node.nft_tables() == ["ip6 filter" if ":" in subnet else "ip filter"]
    pod.check()
    pod.delete()
    assert node.nft_tables() == []


@case("firewall:again")
@rootless
def test_again(node):
    """A repeated ADD changes nothing; with another address the rules of the old one go"""
    pod = Pod(node, ingressPolicy="isolated")
    before = saved(node)
    pod.add()
    assert saved(node) == before
    old = rules_of(pod)
    pod.prev["ips"][0]["address"] = "10.7.0.77/24"
    pod.add()
    assert not set(old) & set(saved(node)) and set(rules_of(pod)) < set(saved(node))
    pod.delete()
    assert saved(node) == []


@case("firewall:others")
@rootless
def test_rules_of_others_stay(node):
    """What the operator has in the table is the same after ADD and DEL, and stays in its order"""
    for rule in (["-A", "FORWARD", "-s", "192.0.2.77", "-j", "DROP"], ["-A", "FORWARD", "-p", "tcp", "-j", "ACCEPT"], ["-A", "INPUT", "-i", "lo", "-j", "ACCEPT"]):
        node.iptables(*rule)
    before = saved(node)
    a, b = Pod(node), Pod(node)
    assert [r for r in saved(node) if "CNI" not in r and a.address not in r and b.address not in r and not r.startswith("6")] == before
    a.delete()
    assert set(rules_of(b)) < set(saved(node)) and not set(rules_of(a)) & set(saved(node))
    b.delete()
    assert saved(node) == before


@case("firewall:admin")
@rootless
def test_admin_chain(node, host):
    """The operator's chain is asked first, bears the name that the configuration gives it, and stays as long as it holds a rule"""
    dropping(node)
    host.listen(80)
    pod = Pod(node, iptablesAdminChainName="OPERATOR")
    node.iptables("-A", "OPERATOR", "-d", "192.0.2.9", "-j", "DROP")
    assert pod.container.ask("192.0.2.9", 80, wait=0.5) is None
    pod.check()
    pod.delete()
    assert "4 -A OPERATOR -d 192.0.2.9/32 -j DROP" in saved(node)
    assert '4 -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD' in saved(node)
    node.iptables("-F", "OPERATOR")
    pod.add()
    pod.delete()
    assert not [r for r in saved(node) if "CNI" in r or "OPERATOR" in r]


@case("firewall:admin-there")
@rootless
def test_admin_chain_that_was_there(node):
    """A chain that the operator has made beforehand stays, empty as it is; so do tables and policies that are not ours"""
    node.iptables("-N", "CNI-ADMIN")
    node.iptables("-P", "FORWARD", "DROP")
    before = saved(node)
    Pod(node).delete()
    assert saved(node) == before


@case("firewall:docker-after")
@rootless
def test_docker_after(node, host):
    """Who drops only after the pod has come finds it let through already, and keeps his rules after its DEL"""
    pod = Pod(node)
    host.listen(80)
    dropping(node)
    node.iptables("-A", "INPUT", "-i", "up0", "-j", "ACCEPT")
    assert pod.container.ask("192.0.2.9", 80)
    pod.delete()
    assert "4 :FORWARD DROP" in saved(node) and "4 -A INPUT -i up0 -j ACCEPT" in saved(node)


# ---- ingress policies


def two_bridges(node, policy):
    """A pod, one beside it on the same bridge, one of another bridge."""
    guarded = Pod(node, ingressPolicy=policy)
    beside = Pod(node, ingressPolicy=policy)
    other = Pod(node, bridge="cni1", network="other", subnets=("10.8.0.0/24", "fd00:8::/64"), ingressPolicy=policy)
    for pod in guarded, beside, other:
        pod.container.listen(80)
    return guarded, beside, other


@case("firewall:ingress")
@pytest.mark.parametrize("policy", ["", "open", "same-bridge", "isolated"])
def test_ingress(node, policy):
    """open: everybody; same-bridge: nobody from another guarded bridge; isolated: nobody from the same bridge either, where the bridge asks iptables"""
    node.sysctl("net/bridge/bridge-nf-call-iptables", 1)
    node.sysctl("net/bridge/bridge-nf-call-ip6tables", 1)
    guarded, beside, other = two_bridges(node, policy)
    for i in 0, 1:
        assert bool(other.container.ask(guarded.addresses[i], 80, wait=0.5)) == (policy in ("", "open"))
        assert bool(beside.container.ask(guarded.addresses[i], 80, wait=0.5)) == (policy != "isolated")
    assert outside(node, NETS).ping(guarded.address)     # what comes from elsewhere is the business of FORWARD
    guarded.check()
    for pod in guarded, beside, other:
        pod.delete()
    assert saved(node) == []


@case("firewall:ingress-last")
@rootless
def test_ingress_rules_go_with_the_last(node):
    """A bridge's rules stay while one of its pods counts on them, under each policy, and go with the last; other bridges keep theirs"""
    a, b = Pod(node, ingressPolicy="isolated"), Pod(node, ingressPolicy="isolated")
    c = Pod(node, ingressPolicy="same-bridge")
    d = Pod(node, bridge="cni1", network="other", subnets=("10.8.0.0/24",), ingressPolicy="same-bridge")

    def of(bridge, what):
        return sum(f"-i {bridge}" in r and f"ingressPolicy: {what})" in r for r in saved(node) if r.startswith("4"))
    assert (of("cni0", "isolated"), of("cni0", "same-bridge"), of("cni1", "same-bridge")) == (2, 1, 1)
    a.delete()
    assert of("cni0", "isolated") == 2
    b.check()
    b.delete()
    assert (of("cni0", "isolated"), of("cni0", "same-bridge")) == (0, 1)
    c.check()
    c.delete()
    assert not [r for r in saved(node) if "cni0" in r] and of("cni1", "same-bridge") == 1
    d.check()
    d.delete()
    assert saved(node) == []


@case("firewall:ingress-order")
@rootless
def test_ingress_comes_first(node):
    """The policy is asked before pods are let in, also where CNI-FORWARD was there before, or comes back"""
    open_pod = Pod(node)
    guarded = Pod(node, ingressPolicy="same-bridge")
    jumps = [r for r in saved(node) if r.startswith("4 -A FORWARD")]
    assert "STAGE-1" in jumps[0] and "CNI-FORWARD" in jumps[1]
    node.iptables("-D", "FORWARD", "2")
    guarded.add()
    assert [r for r in saved(node) if r.startswith("4 -A FORWARD")] == jumps
    node.iptables("-D", "FORWARD", "1")
    node.iptables("-A", "FORWARD", "-m", "comment", "--comment", "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)", "-j", "CNI-ISOLATION-STAGE-1")
    assert "before it comes to CNI-ISOLATION-STAGE-1" in guarded.call("CHECK").text
    guarded.add()
    assert [r for r in saved(node) if r.startswith("4 -A FORWARD")] == jumps
    for pod in open_pod, guarded:
        pod.delete()
    assert saved(node) == []


# ---- CHECK, DEL, GC, STATUS

DAMAGE = {
    "jump": ["-D FORWARD 2"], "jump behind a drop": ["-I FORWARD -j DROP"], "admin jump": ["-D CNI-FORWARD 1"], "answers": ["-D CNI-FORWARD 2"],
    "packets": ["-D CNI-FORWARD 3"], "chain": ["-F CNI-FORWARD"], "drop in front": ["-I CNI-FORWARD -j DROP"],
    "stage jump": ["-D FORWARD 1"], "within": ["-D CNI-ISOLATION-STAGE-1 1"], "leaving": ["-D CNI-ISOLATION-STAGE-1 2"],
    "entering": ["-D CNI-ISOLATION-STAGE-2 1"], "table": ["-F FORWARD", "-F CNI-FORWARD"],
}


@case("firewall:check")
@rootless
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("what", DAMAGE)
def test_check_finds(node, what, family):
    """CHECK finds each kind of damage, names it, mends nothing, and ADD mends it"""
    pod = Pod(node, ingressPolicy="isolated")
    pod.check()
    for rule in DAMAGE[what]:
        node.iptables(*rule.split(), family=family)
    before = saved(node)
    reply = pod.call("CHECK")
    assert "CNI-" in reply.text, reply
    assert saved(node) == before
    if what not in ("jump behind a drop", "drop in front"):
        pod.add()
        pod.check()
    pod.delete()


@case("firewall:del")
@rootless
@pytest.mark.parametrize("how", ["alive", "no netns", "netns gone", "no prevResult", "broken prevResult", "other keys", "twice"])
def test_del(node, how):
    """DEL removes everything, whatever is gone, and the other pod keeps its rules"""
    before = state(node)["node"]["nft"]
    pod, other = Pod(node, ingressPolicy="isolated"), Pod(node, bridge="cni1", network="other", subnets=("10.8.0.0/24",))
    more, env = {}, {}
    if how == "no netns":
        env = {"CNI_NETNS": None}
    elif how == "netns gone":
        pod.container.close()
    elif how == "broken prevResult":
        more = {"prevResult": {"ips": 5}}
    elif how == "other keys":
        more = {"ingressPolicy": "open", "backend": "pf", "iptablesAdminChainName": "a b"}
    pod.env = env
    pod.delete(prev=how not in ("no prevResult", "broken prevResult"), **more)
    if how == "twice":
        pod.delete()
    assert not [r for r in saved(node) if pod.address + "/" in r or "cni0" in r or "STAGE" in r]
    other.check()
    other.delete(prev=False)
    assert node.run("nft", "list", "ruleset").out == before


@case("firewall:del-owner")
@rootless
def test_del_of_an_address_given_on(node):
    """Who has no prevResult but that of long ago does not take the rules of the pod that has the address now"""
    old, new = Pod(node), Pod(node)
    old.delete()
    old.prev["ips"] = new.prev["ips"]
    old.delete()
    new.check()
    new.delete()
    assert saved(node) == []


@case("firewall:interfaces")
@rootless
def test_two_interfaces(node):
    """Two interfaces of one container, and two networks, are two attachments"""
    a = Pod(node)
    b = Pod(node, id=None, network="other", bridge="cni1", subnets=("10.8.0.0/24",))
    b.container.id = a.container.id
    b.add()
    a.delete(prev=False)
    b.check()
    assert not set(rules_of(a)) & set(saved(node))


@case("firewall:in-use")
@rootless
def test_chain_in_use(node):
    """A chain that somebody else leads to stays; the pod's rules go all the same"""
    pod = Pod(node)
    node.iptables("-A", "INPUT", "-j", "CNI-FORWARD")
    pod.delete()
    assert "4 -A INPUT -j CNI-FORWARD" in saved(node) and not set(rules_of(pod)) & set(saved(node))


@case("firewall:commented")
@rootless
def test_commented_rule(node):
    """A rule with a comment is somebody else's, also when it is about the pod's address"""
    pod = Pod(node)
    node.iptables("-A", "CNI-FORWARD", "-s", pod.address, "-m", "comment", "--comment", "operator", "-j", "ACCEPT")
    rule = f"4 -A CNI-FORWARD -s {pod.address}/32 -m comment --comment operator -j ACCEPT"
    pod.add()
    pod.delete()
    assert rule in saved(node) and not set(rules_of(pod)) & set(saved(node))


@case("firewall:no-hook")
@rootless
@pytest.mark.parametrize("policy", ["open", "isolated"])
def test_forward_without_a_hook(node, policy):
    """Where FORWARD is somebody's own chain that no packet comes to, ADD says so and changes nothing; DEL is content"""
    pod = Pod(node, subnets=NETS[:1], ingressPolicy=policy)
    pod.delete()
    node.run("nft", "add table ip filter; add chain ip filter FORWARD")
    before = node.run("nft", "list", "ruleset").out
    assert "is not on the hook forward" in pod.call("ADD").text
    assert "is not on the hook forward" in pod.call("CHECK").text
    pod.delete()
    assert node.run("nft", "list", "ruleset").out == before
    node.run("nft", "delete table ip filter")


@case("firewall:gc")
@rootless
def test_gc(node):
    """GC removes the rules of attachments that are not valid, of this network only; without the key it does nothing"""
    a, b = Pod(node, ingressPolicy="isolated"), Pod(node, ingressPolicy="isolated")
    other = Pod(node, bridge="cni1", network="other", subnets=("10.8.0.0/24",))
    conf = {"type": "firewall"}
    before = saved(node)
    node.plugin("GC", conf).result
    assert saved(node) == before
    node.gc(conf, [(a.container, "eth0"), (b.container, "eth0")])
    assert saved(node) == before
    node.gc(conf, [(a.container, "eth0"), (b.container, "eth1")])
    assert not set(rules_of(b) + rules_of(b, 6)) & set(saved(node))
    a.check()
    other.check()
    node.gc(conf, [])
    assert not [r for r in saved(node) if "cni0" in r or a.address + "/" in r]
    other.check()
    node.gc({"type": "firewall", "name": "other"}, [])
    assert saved(node) == []


@case("firewall:status")
@rootless
def test_status(node):
    """STATUS is content with an empty table of what it needs, changes nothing, and says why ADD could not work"""
    before = state(node)
    node.status({"type": "firewall"})
    node.status({"type": "firewall", "backend": "nftables"})
    reply = node.plugin("STATUS", {"type": "firewall", "backend": "firewalld"}, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"})
    assert reply.code == 50 and "/nowhere" in reply.text
    assert changed(before, state(node)) == []


def caller(node):
    """call(command, number of a pod): where the pods are is not the question, their addresses are all that the plugin looks at."""
    def call(command, i):
        prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "cni0"}], "ips": [{"address": f"10.7.0.{i + 2}/24"}, {"address": f"fd00:7::{i + 2}/64"}]}
        conf = {"type": "firewall", "ingressPolicy": ["open", "same-bridge", "isolated"][i % 3], "prevResult": prev}
        return node.plugin(command, conf, env={"CNI_CONTAINERID": f"pod-{i}", "CNI_NETNS": "/nowhere", "CNI_IFNAME": "eth0"}).result
    return call


@case("firewall:relay")
def test_last_out_first_in(node):
    """The last pod goes while another comes, again and again: the DEL never takes what the ADD has just made"""
    call = caller(node)
    call("ADD", 0)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for i in range(150):
            list(pool.map(call, ("DEL", "ADD"), (i, i + 1)))
            call("CHECK", i + 1)
    call("DEL", 150)
    assert saved(node) == []


@case("firewall:parallel")
def test_many_at_once(node):
    """Forty pods that come and go at once lose no rule and leave none"""
    call = caller(node)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: call("ADD", i), range(40)))
        assert sum("-A CNI-FORWARD" in r for r in saved(node)) == 2 * (1 + 2 * 40)
        list(pool.map(lambda i: call("CHECK", i), range(40)))
        list(pool.map(lambda i: call("DEL" if i % 2 else "ADD", i), range(40)))
        list(pool.map(lambda i: call("CHECK", 2 * i), range(20)))
        list(pool.map(lambda i: call("ADD" if i % 2 else "DEL", i), range(40)))
        list(pool.map(lambda i: call("CHECK", 2 * i + 1), range(20)))
        list(pool.map(lambda i: call("DEL", i), range(40)))
    assert saved(node) == []


@case("firewall:crowded")
def test_crowded(node):
    """A long list is read, though others change the ruleset all the time"""
    pod, other = Pod(node), Pod(node)
    other.delete()
    for tool, subnet in ("iptables", "10.8.{}.{}/32"), ("ip6tables", "fd00:8::{}:{}/128"):
        rules = (f"-A CNI-FORWARD -s {subnet.format(i // 250, i % 250)} -j ACCEPT\n" for i in range(1000))
        node.run(f"{tool}-restore", "-n", stdin="*filter\n" + "".join(rules) + "COMMIT\n")
    for act in 3 * [other.add, other.check, other.delete]:
        for table in "one", "two":
            node.spawn("sh", "-c", f"for i in $(seq 150); do nft add table ip {table}; nft delete table ip {table}; done")
        act()
    pod.check()


# ---- what cannot be

GOOD = {"cniVersion": "1.1.0", "interfaces": [{"name": "cni0"}], "ips": [{"address": "10.7.0.2/24"}]}
BAD = {
    "backend": ({"backend": "pf"}, 7, ["backend", "pf", "nftables"]), "backend number": ({"backend": 1}, 7, ["backend", "number"]),
    "backend list": ({"backend": []}, 7, ["backend"]), "backend in capitals": ({"backend": "IPTABLES"}, 7, ["backend", "IPTABLES"]),
    "policy": ({"ingressPolicy": "closed"}, 7, ["unknown ingress policy", "closed", "isolated"]),
    "policy number": ({"ingressPolicy": 1}, 7, ["ingressPolicy", "number"]), "policy truth": ({"ingressPolicy": True}, 7, ["ingressPolicy"]),
    "admin chain number": ({"iptablesAdminChainName": 1}, 7, ["iptablesAdminChainName", "number"]),
    "admin chain blank": ({"iptablesAdminChainName": "a b"}, 7, ["iptablesAdminChainName", "a", "x20"]),
    "admin chain long": ({"iptablesAdminChainName": "x" * 29}, 7, ["iptablesAdminChainName", "28"]),
    "admin chain option": ({"iptablesAdminChainName": "-F"}, 7, ["iptablesAdminChainName", "-F"]),
    "admin chain not": ({"iptablesAdminChainName": "!x"}, 7, ["iptablesAdminChainName"]),
    "admin chain line": ({"iptablesAdminChainName": "a\nCOMMIT"}, 7, ["iptablesAdminChainName", "x0a"]),
    "admin chain taken": ({"iptablesAdminChainName": "CNI-FORWARD"}, 7, ["iptablesAdminChainName", "CNI-FORWARD"]),
    "admin chain target": ({"iptablesAdminChainName": "ACCEPT"}, 7, ["iptablesAdminChainName", "ACCEPT"]),
    "zone number": ({"firewalldZone": 1}, 7, ["firewalldZone", "number"]), "zone blank": ({"firewalldZone": "a b"}, 7, ["firewalldZone"]),
    "zone long": ({"firewalldZone": "z" * 65}, 7, ["firewalldZone", "64"]),
    "no prevResult": ({"prevResult": None}, 7, ["missing prevResult from earlier plugin"]),
    "prevResult text": ({"prevResult": "x"}, None, ["prevResult"]),
    "prevResult address": ({"prevResult": {**GOOD, "ips": [{"address": "10.7.0.2"}]}}, None, ["10.7.0.2"]),
    "policy without interfaces": ({"ingressPolicy": "isolated", "prevResult": {**GOOD, "interfaces": []}}, 7, ["interface needs to be set", "isolated", "bridge"]),
    "policy without a name": ({"ingressPolicy": "same-bridge", "prevResult": {**GOOD, "interfaces": [{"name": ""}]}}, 7, ["got empty bridge name"]),
    "policy with a bad name": ({"ingressPolicy": "same-bridge", "prevResult": {**GOOD, "interfaces": [{"name": "a b"}]}}, 7, ["bridge", "a b"]),
    "version": ({"cniVersion": "0.3.1"}, 1, ["incompatible CNI versions", "0.3.1", "0.4.0"]),
    "firewalld nowhere": ({"backend": "firewalld"}, None, ["firewalld"]),
}


@case("firewall:invalid")
@rootless
@pytest.mark.parametrize("what", BAD)
def test_bad_input(node, container, what):
    """A configuration that cannot be is refused with the key, the value and what is allowed, before anything is written"""
    more, code, words = BAD[what]
    before = state(node)
    reply = node.plugin("ADD", {"type": "firewall", "prevResult": GOOD, **more}, container, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"})
    assert reply.rc == 1 and (code is None or reply.code == code) and "\n" not in reply.text, reply
    for word in words:
        assert word in reply.text, reply
    assert changed(before, state(node)) == []


@case("firewall:failed")
@rootless
def test_failed_add(node):
    """An ADD that the kernel refuses for one family leaves nothing of the other, and what an earlier ADD has made"""
    node.run("nft", "add table ip6 filter; add chain ip6 filter CNI-FORWARD { type filter hook input priority 0; }")
    before = saved(node)
    pod = Pod(node, subnets=NETS[:1])
    with_it = saved(node)
    pod.prev["ips"].append({"address": "fd00:7::9/64", "interface": 2})
    assert "nf_tables" in pod.call("ADD").text
    assert saved(node) == with_it
    pod.delete()
    assert "CNI-ADMIN" not in " ".join(saved(node)) and "nf_tables" in pod.call("ADD").text
    assert [r for r in saved(node) if r.startswith("6")] == [r for r in before if r.startswith("6")] and "ip filter" not in node.nft_tables()


@case("firewall:versions")
@rootless
@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
def test_versions(node, version):
    """The previous result is passed on in each version"""
    assert node.version("firewall")["supportedVersions"] == ["0.4.0", "1.0.0", "1.1.0"]
    pod = Pod(node, version=version)
    assert pod.result == pod.prev
    pod.check()
    pod.delete()
    assert saved(node) == []


@case("firewall:chain")
def test_chain(node, host):
    """Behind bridge and portmap: published ports, GC and DEL of the whole chain"""
    if not os.path.exists(node.under_test / "portmap"):
        pytest.skip("no portmap")
    before = state(node)
    dropping(node)
    net = node.network({"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "ipam": node.host_local(*NETS)}, {"type": "firewall"})
    container = node.container()
    at = net.add(container)
    host.listen(80)
    assert container.ask("192.0.2.9", 80) == f"{host.name} 192.0.2.1"
    net.check(at)
    net.status()
    net.gc()
    net.check(at)
    net.delete(at)
    assert not [r for r in saved(node) if "CNI" in r]
    assert changed(before["node"]["rules"], state(node)["node"]["rules"]) == []
