# SPDX-License-Identifier: Apache-2.0
"""firewall on hosts that somebody else's firewall rules: Docker, ufw, firewalld, in both front ends of iptables."""

import os
import pathlib
import shutil

import pytest

from lib.case import case, rootless
from system.firewalls import Firewalld, Pod, docker, dropping, saved, ufw
from system.world import changed, legacy, outside

NETS = ("10.7.0.0/24", "fd00:7::/64")
HOSTS = {"dropping": dropping, "docker": docker, "ufw": ufw}
OUTSIDE = ("192.0.2.9", "2001:db8:f::9")

needs_firewalld = pytest.mark.skipif(not shutil.which("firewalld") or not shutil.which("dbus-daemon"), reason="no firewalld, or no dbus-daemon")
needs_legacy = pytest.mark.skipif(not shutil.which("iptables-legacy"), reason="no iptables-legacy")


@pytest.fixture
def host(node):
    h = outside(node, NETS)
    h.listen(80)
    h.listen(53, "udp")
    return h


def talks(pod, wait=3):
    """The pod's connections to the host outside, over both families, TCP and UDP, answers included."""
    return [bool(pod.container.ask(a, p, proto, wait=wait)) for a in OUTSIDE for p, proto in ((80, "tcp"), (53, "udp"))]


ALL, NONE = [True] * 4, [False] * 4


@case("firewall:host")
@rootless
@pytest.mark.parametrize("kind", HOSTS)
def test_host(node, host, kind):
    """Behind each kind of firewall the pod talks as soon as the plugin has run, and the host's rules are what they were"""
    HOSTS[kind](node)
    before = saved(node)
    pod = Pod(node)
    assert talks(pod) == ALL
    assert [r for r in saved(node) if "CNI" not in r] == before
    pod.check()
    pod.delete()
    assert talks(pod, 0.4) == NONE and saved(node) == before


@case("firewall:legacy")
@needs_legacy
@pytest.mark.parametrize("kind", HOSTS)
def test_legacy_host(node, host, kind):
    """The same where the rules are in legacy tables: nf_tables stays untouched"""
    HOSTS[kind](node, legacy=True)
    before = saved(node, legacy=True)
    pod, other = Pod(node, ingressPolicy="isolated"), Pod(node, ingressPolicy="isolated")
    with_both = saved(node, legacy=True)
    pod.add()
    assert saved(node, legacy=True) == with_both
    assert node.nft_tables() == []
    assert talks(pod) == ALL
    pod.check()
    pod.delete()
    assert talks(pod, 0.4) == NONE and talks(other) == ALL
    other.check()
    other.delete()
    assert saved(node, legacy=True) == before
    other.delete()


@case("firewall:legacy-check")
@needs_legacy
@pytest.mark.parametrize("damage", ["-D FORWARD 2", "-F CNI-FORWARD", "-D CNI-FORWARD 2", "-D CNI-ISOLATION-STAGE-1 1", "-D CNI-ISOLATION-STAGE-2 1"])
def test_legacy_check(node, damage):
    """CHECK finds damage in legacy tables, ADD mends it"""
    dropping(node, legacy=True)
    before = saved(node, legacy=True)
    pod = Pod(node, ingressPolicy="isolated")
    node.run("iptables-legacy", *damage.split())
    pod.call("CHECK").error
    pod.add()
    pod.check()
    pod.delete()
    assert saved(node, legacy=True) == before


@case("firewall:legacy-bridges")
@needs_legacy
def test_legacy_bridges(node):
    """Without marks the bridges' subnets say who counts on whose rules"""
    dropping(node, legacy=True)
    before = saved(node, legacy=True)
    a = Pod(node, ingressPolicy="isolated")
    b = Pod(node, bridge="cni1", network="other", subnets=("10.8.0.0/24", "fd00:8::/64"), ingressPolicy="same-bridge")
    a.delete()
    assert not [r for r in saved(node, legacy=True) if "cni0" in r]
    b.check()
    b.delete()
    assert saved(node, legacy=True) == before


@case("firewall:both")
@needs_legacy
def test_both_front_ends(node, host):
    """A host that drops in both front ends gets the rules in both"""
    dropping(node)
    dropping(node, legacy=True)
    before = saved(node), saved(node, legacy=True)
    pod = Pod(node)
    assert talks(pod) == ALL
    pod.check()
    pod.delete()
    assert talks(pod, 0.4) == NONE and (saved(node), saved(node, legacy=True)) == before


@case("firewall:nftables-only")
@needs_legacy
def test_backend_nftables(node):
    """backend nftables leaves legacy tables alone"""
    dropping(node, legacy=True)
    before = legacy(node)
    pod = Pod(node, backend="nftables")
    pod.check()
    assert legacy(node) == before and node.nft_tables()
    pod.delete()
    assert legacy(node) == before and node.nft_tables() == []


# ---- what others have in legacy tables


def legacy4(node, *args):
    node.run("iptables-legacy", "-w", *args)


@case("firewall:legacy-admin")
@needs_legacy
@pytest.mark.parametrize("used", [True, False])
def test_legacy_admin_chain(node, used):
    """An administrator's own chain stays, used or not, and the last DEL takes all else"""
    dropping(node, legacy=True)
    legacy4(node, "-N", "OPERATOR")
    if used:
        legacy4(node, "-A", "FORWARD", "-j", "OPERATOR")
    before = saved(node, legacy=True)
    Pod(node, subnets=NETS[:1], iptablesAdminChainName="OPERATOR").delete()
    assert saved(node, legacy=True) == before


@case("firewall:legacy-admin-used")
@needs_legacy
def test_legacy_default_admin_chain_used(node):
    """The chain of the usual name stays while somebody else's rule leads to it"""
    dropping(node, legacy=True)
    legacy4(node, "-N", "CNI-ADMIN")
    legacy4(node, "-A", "INPUT", "-g", "CNI-ADMIN")
    before = saved(node, legacy=True)
    Pod(node, subnets=NETS[:1]).delete()
    assert saved(node, legacy=True) == before


HELD = {
    "another chain": ["-A INPUT -j CNI-FORWARD"], "another match": ["-A FORWARD -i lo -j CNI-FORWARD"], "goto": ["-A FORWARD -s 192.0.2.0/24 -g CNI-FORWARD"],
    "stage": ["-I FORWARD -s 192.0.2.0/24 -m mark --mark 0x9 -j CNI-ISOLATION-STAGE-1"], "stage 2": ["-A INPUT -j CNI-ISOLATION-STAGE-2"],
}


@case("firewall:held")
@needs_legacy
@pytest.mark.parametrize("front", ["nft", "legacy"])
@pytest.mark.parametrize("what", HELD)
def test_chain_held(node, front, what):
    """A chain that a rule of somebody else leads to stays with its jump, that rule stays, and the pod's rules go"""
    dropping(node, legacy=front == "legacy")
    pod = Pod(node, subnets=NETS[:1], ingressPolicy="isolated")
    for rule in HELD[what]:
        node.run(f"iptables-{front}", "-w", *rule.split())
        assert f"4 {rule.replace('-I F', '-A F')}" in saved(node, legacy=front == "legacy")
    before = saved(node, legacy=front == "legacy")
    pod.delete()
    gone = set(before) - set(saved(node, legacy=front == "legacy"))
    kept = "STAGE" if "stage" in what else "CNI-FORWARD"
    assert not [r for r in saved(node, legacy=front == "legacy") if pod.address in r or "cni0" in r]
    assert not [r for r in gone if kept in r and pod.address not in r and "cni0" not in r]
    pod.delete()
    pod.add()
    pod.check()
    pod.delete()


MEANWHILE = {"rule": "-A CNI-FORWARD -s 192.0.2.7/32 -j ACCEPT", "jump": "-A INPUT -j CNI-FORWARD", "admin": "-A CNI-ADMIN -s 192.0.2.7/32 -j DROP"}


@case("firewall:legacy-meanwhile")
@needs_legacy
@pytest.mark.parametrize("times", [1, 99])
@pytest.mark.parametrize("what", MEANWHILE)
def test_legacy_meanwhile(node, what, times):
    """What another program puts into our chains between the reading and the writing of the last DEL stays"""
    dropping(node, legacy=True)
    trap = node.dir / "trap"
    trap.mkdir()
    again = MEANWHILE[what] if times == 1 else MEANWHILE[what].replace("192.0.2.7", "192.0.2.$n").replace("INPUT", "INPUT -s 192.0.2.$n")
    (trap / "iptables-legacy-restore").write_text(f"""#!/bin/sh
n=$(($(cat {trap}/n 2>/dev/null || echo 6) + 1))
echo $n >{trap}/n
[ $n -ge {7 + times} ] || /usr/sbin/iptables-legacy -w {again}
exec /usr/sbin/iptables-legacy-restore "$@"
""")
    (trap / "iptables-legacy-restore").chmod(0o755)
    pod = Pod(node, subnets=NETS[:1], ingressPolicy="isolated")
    pod.env = {"PATH": f"{trap}:{os.environ['PATH']}"}
    pod.delete()
    after = saved(node, legacy=True)
    assert [r for r in after if "192.0.2.7" in r or "INPUT" in r[:11] and "-j" in r] and not [r for r in after if pod.address in r]
    assert [r for r in after if r.startswith("4 -A FORWARD") and r.endswith("-j CNI-FORWARD")]


@case("firewall:legacy-lock")
@needs_legacy
def test_legacy_lock(node):
    """Without the lock an ADD fails and leaves nothing, and a DEL takes the pod's own rules"""
    dropping(node, legacy=True)
    before = saved(node, legacy=True)
    lock = pathlib.Path("/run/crimp-firewall.lock")
    pod = Pod(node)
    lock.unlink()
    lock.mkdir()
    try:
        pod.delete()
        assert not [r for r in saved(node, legacy=True) if any(a in r for a in pod.addresses)]
        assert lock.name in pod.call("ADD").text
    finally:
        lock.rmdir()
    pod.add()
    pod.delete()
    assert saved(node, legacy=True) == before


# ---- firewalld


@pytest.fixture
def firewalld(node):
    return Firewalld(node)


def zone(addresses):
    return sorted(f"{a}/{128 if ':' in a else 32}" for a in addresses)


@case("firewall:firewalld")
@needs_firewalld
@pytest.mark.parametrize("backend", ["", "firewalld"])
def test_firewalld(node, host, firewalld, backend):
    """Under firewalld the addresses are sources of the zone from ADD to DEL, and the pod talks meanwhile"""
    pod = Pod(node, env=firewalld.env, backend=backend)
    assert firewalld.sources() == zone(pod.addresses) and node.nft_tables() == ["inet firewalld"]
    pod.add()
    assert talks(pod) == ALL
    pod.check()
    pod.delete()
    assert firewalld.sources() == [] and talks(pod, 0.4) == NONE
    pod.delete()
    assert node.nft_tables() == ["inet firewalld"]


@case("firewall:firewalld-zone")
@needs_firewalld
def test_firewalld_zone(node, firewalld):
    """Another zone by name; one that firewalld does not know is refused in its words, and nothing remains"""
    pod = Pod(node, env=firewalld.env, firewalldZone="internal")
    assert firewalld.sources("internal") == zone(pod.addresses) and firewalld.sources() == []
    pod.check()
    pod.delete()
    reply = pod.call("ADD", firewalldZone="nowhere")
    assert "INVALID_ZONE" in reply.text and "nowhere" in reply.text
    assert firewalld.sources("internal") == []


@case("firewall:firewalld-conflict")
@needs_firewalld
def test_firewalld_conflict(node, firewalld):
    """When the second address is another zone's, the first is taken back"""
    pod = Pod(node, env=firewalld.env)
    pod.delete()
    firewalld.call("zone.addSource", "internal", pod.addresses[1] + "/128")
    assert "ZONE_CONFLICT" in pod.call("ADD").text
    assert firewalld.sources() == [] and firewalld.sources("internal") == [pod.addresses[1] + "/128"]


@case("firewall:firewalld-undo")
@needs_firewalld
def test_firewalld_undo(node, firewalld):
    """An ADD whose rules are refused takes back the sources that it has made, and leaves one that was there"""
    pod = Pod(node, env=firewalld.env)
    pod.delete()
    there = pod.addresses[1] + "/128"
    firewalld.call("zone.addSource", "trusted", there)
    node.run("nft", "add table ip filter; add chain ip filter FORWARD")
    assert "hook" in pod.call("ADD", ingressPolicy="isolated").text
    assert firewalld.sources() == [there]
    node.run("nft", "delete table ip filter")


@case("firewall:firewalld-check")
@needs_firewalld
def test_firewalld_check(node, firewalld):
    """CHECK asks for each source and believes the answer; after a reload, which forgets them, it says so"""
    pod = Pod(node, env=firewalld.env)
    pod.check()
    firewalld.call("zone.removeSource", "trusted", pod.addresses[1] + "/128")
    assert pod.addresses[1] in pod.call("CHECK").text
    pod.add()
    firewalld.call("reload")
    assert pod.address in pod.call("CHECK").text
    pod.add()
    pod.check()


@case("firewall:firewalld-gone")
@needs_firewalld
@pytest.mark.parametrize("backend", ["", "firewalld"])
def test_firewalld_gone(node, firewalld, backend):
    """DEL succeeds when firewalld has gone; STATUS and ADD of backend firewalld say so, without one nftables takes over"""
    pod = Pod(node, env=firewalld.env, backend=backend)
    firewalld.stop()
    pod.delete()
    if backend:
        assert pod.call("STATUS", prev=False).code == 50
        assert "firewalld" in pod.call("ADD").text
    else:
        pod.call("STATUS", prev=False).result
        pod.add()
        assert [r for r in saved(node) if pod.address in r]
        pod.delete()
    assert saved(node) == []


@case("firewall:firewalld-docker")
@needs_firewalld
def test_firewalld_and_docker(node, host, firewalld):
    """Where Docker drops beside firewalld, the pod gets through both, and both are afterwards what they were"""
    docker(node)
    before = saved(node)
    pod = Pod(node, env=firewalld.env, ingressPolicy="same-bridge")
    assert talks(pod) == ALL and firewalld.sources() == zone(pod.addresses)
    assert [r for r in saved(node) if "CNI" not in r] == before
    pod.check()
    pod.delete()
    assert saved(node) == before and firewalld.sources() == []


@case("firewall:firewalld-ingress")
@needs_firewalld
def test_firewalld_ingress(node, firewalld):
    """Policies beside firewalld: the bridge's rules stay for the zone's other sources on it, and go with the last"""
    a, b = Pod(node, env=firewalld.env, ingressPolicy="isolated"), Pod(node, env=firewalld.env, ingressPolicy="isolated")
    c = Pod(node, env=firewalld.env, bridge="cni1", network="other", subnets=("10.8.0.0/24", "fd00:8::/64"), ingressPolicy="same-bridge")
    assert not [r for r in saved(node) if "CNI-FORWARD" in r]
    a.delete()
    b.check()
    b.delete()
    assert not [r for r in saved(node) if "cni0" in r]
    c.check()
    c.delete()
    assert saved(node) == []


@case("firewall:switch")
@needs_firewalld
def test_switch(node, firewalld):
    """Rules from before firewalld ran go with the DEL, too"""
    pod = Pod(node)
    pod.env = firewalld.env
    pod.add()
    assert firewalld.sources() == zone(pod.addresses)
    before = [t for t in node.nft_tables() if "filter" in t]
    pod.delete()
    assert before and saved(node) == [] and firewalld.sources() == []
    assert changed(before, [t for t in node.nft_tables() if "filter" in t])
