# SPDX-License-Identifier: Apache-2.0
"""firewall: rules that the Go plugin made, checked and deleted by ours, and the reverse, in both front ends of iptables."""

import os
import re

import pytest

from lib.case import case
from system.firewalls import Pod, docker, dropping, saved

FRONTS = ["nft", "legacy"]
HOSTS = {"pristine": None, "dropping": dropping, "docker": docker}
TOOLS = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


@pytest.fixture(params=FRONTS)
def front(request, node):
    """(is it legacy?, an environment in which the programs of iptables are of this front end)"""
    programs = node.dir / "programs"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(f"/usr/sbin/xtables-{request.param}-multi")
    return request.param == "legacy", {"PATH": f"{programs}:{os.environ['PATH']}"}


def prepared(node, host, legacy):
    """What the host has by itself, where there is no legacy table before somebody uses one."""
    if legacy:
        node.run("iptables-legacy", "-S")
        node.run("ip6tables-legacy", "-S")
    if HOSTS[host]:
        HOSTS[host](node, legacy=legacy)
    return saved(node, legacy)


def policies(bindir):
    """The first version has no policy isolated."""
    return ["open", "same-bridge"] if "1.1.1" in str(bindir) else ["open", "same-bridge", "isolated"]



@case("takeover:firewall-from-go")
@pytest.mark.parametrize("host", HOSTS)
def test_from_go(node, go, front, host):
    """What Go made passes our CHECK, a repeated ADD of ours changes nothing, and our DEL leaves the host as it was before Go"""
    legacy, env = front
    before = prepared(node, host, legacy)
    for policy in policies(go):
        pod = Pod(node, bindir=go, env=env, version="1.0.0", backend="iptables", ingressPolicy=policy)
        other = Pod(node, bindir=go, env=env, version="1.0.0", backend="iptables", ingressPolicy=policy)
        made = saved(node, legacy)
        pod.check(bindir=node.bin)
        pod.add(bindir=node.bin)
        assert saved(node, legacy) == made
        pod.delete(bindir=node.bin)
        other.check()
        assert not [r for r in saved(node, legacy) if f"{pod.address}/" in r]
        other.delete(bindir=node.bin, backend="")
        left = [r for r in saved(node, legacy) if not re.search("CNI-ADMIN|:(INPUT|FORWARD|OUTPUT) ACCEPT", r)]
        assert left == [r for r in before if not re.search(":(INPUT|FORWARD|OUTPUT) ACCEPT", r)]


@case("takeover:firewall-to-go")
@pytest.mark.parametrize("host", HOSTS)
def test_to_go(node, go, front, host):
    """What ours made passes Go's CHECK, is the same rules as Go makes, and goes with Go's DEL"""
    legacy, env = front
    prepared(node, host, legacy)
    for policy in policies(go):
        pod = Pod(node, env=env, version="1.0.0", ingressPolicy=policy)
        made = saved(node, legacy)
        pod.check(bindir=go, backend="iptables")
        pod.add(bindir=go, backend="iptables")
        assert saved(node, legacy) == made or ("1.1.1" in str(go) and policy != "open")    # which has other comments
        pod.delete(bindir=go, backend="iptables")
        assert not [r for r in saved(node, legacy) if f"{pod.address}/" in r]
        pod.add()
        pod.delete()
        assert not [r for r in saved(node, legacy) if "-A" in r and "CNI-" in r]


@case("takeover:firewall-mixed")
def test_mixed(node, go, front):
    """Pods of both on one bridge: each DEL leaves the other's rules, also those of the bridge"""
    legacy, env = front
    before = prepared(node, "dropping", legacy)
    theirs = Pod(node, bindir=go, env=env, version="1.0.0", backend="iptables", ingressPolicy="same-bridge")
    ours = Pod(node, env=env, version="1.0.0", ingressPolicy="same-bridge")
    ours.delete()
    theirs.check()
    theirs.check(bindir=node.bin)
    ours.add()
    theirs.delete()
    ours.check()
    ours.delete()
    assert [r for r in saved(node, legacy) if "CNI-ADMIN" not in r] == before


@case("takeover:firewall-restored")
def test_marks_lost(node):
    """Rules whose marks iptables-restore has forgotten are found by address"""
    dropping(node)
    before = saved(node)
    pod = Pod(node, ingressPolicy="isolated")
    for tool in "iptables", "ip6tables":
        node.run("sh", "-c", f"{tool}-nft-save > {node.dir}/{tool} && {tool}-nft-restore < {node.dir}/{tool}")
    pod.check()
    pod.delete(prev=False)
    assert [r for r in saved(node) if pod.address in r]
    pod.delete()
    assert [r for r in saved(node) if "CNI-ADMIN" not in r] == before
