# SPDX-License-Identifier: Apache-2.0
"""The way back: what ours made is deleted by the Go plugins; both on one store of leases; the same answers."""

import base64
import concurrent.futures
import json

import pytest

from lib.case import case
from system.world import files
from takeover.kinds import KINDS, bridge, network


@case("takeover:back")
@pytest.mark.parametrize("kind", KINDS)
def test_go_deletes_ours(new_node, go, ours, kind):
    """Go's DEL frees link and lease of ours; our GC afterwards takes what Go cannot know; then Go's ADD works"""
    node = new_node("node")
    net = network(node, kind, go)
    if net is None:
        pytest.skip("this version has no such thing")
    net, capabilities = net
    container = node.container(id="pod-1")
    at = net.using(ours).add(container, capabilities=capabilities)
    for plugin in reversed(net.conflist["plugins"]):
        net.one("DEL", plugin, at)      # may fail: 1.9.1 trips over what iptables 1.8.9 answers
    assert container.link("eth0") is None and node.leases() == {}
    node.network(*net.conflist["plugins"], version="1.1.0").using(ours).gc([])
    assert "pod-1" not in node.run("nft", "list", "ruleset").out
    again = net.add(container, capabilities=capabilities)
    net.using(ours).check(again)
    net.using(ours).delete(again)
    assert container.link("eth0") is None and node.leases() == {}


def lease(node, bindir, command, id, ifname="eth0"):
    conf = {"cniVersion": "1.0.0", "name": "testnet", "type": "host-local", "ipam": node.host_local("10.7.0.0/26", "fd00:7::/64")}
    return node.plugin(command, conf, type=str(bindir / "host-local"), container_id=id, container_netns="/x", env={"CNI_IFNAME": ifname})


@case("takeover:leases")
def test_leases_in_turn(new_node, go, ours):
    """Go and ours lease from one store in turn: no address twice, none lost, each releases the other's"""
    node = new_node("node")
    got = [lease(node, (go, ours)[i % 2], "ADD", f"c{i}").result["ips"][0]["address"] for i in range(30)]
    assert got == [f"10.7.0.{i}/26" for i in range(2, 32)]
    for i in range(30):
        assert lease(node, (ours, go)[i % 2], "CHECK", f"c{i}").ok
        assert lease(node, (ours, go)[i % 2], "DEL", f"c{i}").ok
        assert len(node.leases()) == 2 * (29 - i)


@case("takeover:lease-bytes")
def test_lease_files_are_equal(new_node, go, ours):
    """After the same calls the stores are equal, byte by byte and (with what the newer version makes) mode by mode"""
    stores = []
    for bindir in go, ours:
        node = new_node("node")
        for i in range(4):
            lease(node, bindir, "ADD", f"c{i}", f"eth{i}")
        lease(node, bindir, "DEL", "c2", "eth2")
        stores.append({k.split("/testnet/")[-1]: v for k, v in files(node.data / "testnet").items()})
    if "1.1.1" in str(go):
        stores = [{name: content for name, (_, content) in s.items()} for s in stores]
    assert stores[0] == stores[1]


@case("takeover:leases-at-once")
def test_leases_at_once(new_node, go, ours):
    """Go and ours, 16 at once on one store: every address once, and the store is empty in the end"""
    node = new_node("node")
    with concurrent.futures.ThreadPoolExecutor(16) as many:
        got = list(many.map(lambda i: lease(node, (go, ours)[i % 2], "ADD", f"c{i}").result["ips"][0]["address"], range(48)))
        assert len(set(got)) == 48
        list(many.map(lambda i: lease(node, (ours, go)[i % 2], "DEL", f"c{i}"), range(48)))
    assert node.leases() == {}


@case("takeover:bare-id")
def test_leases_without_interface(new_node, go, ours):
    """Leases from before plugins 0.8 beside newer ones: Go and ours agree on whose they are"""
    node = new_node("node")
    lease(node, go, "ADD", "new")
    (node.data / "testnet" / "10.7.0.40").write_text("old")
    for bindir in go, ours:
        assert lease(node, bindir, "CHECK", "old").ok and not lease(node, bindir, "ADD", "old").ok
    assert lease(node, ours, "DEL", "old").ok
    assert sorted(node.leases()) == ["10.7.0.2", "fd00:7::2"]


# ---- results

VERSIONS = ["0.2.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
CONFS = {
    "plain": lambda n: bridge(n, isDefaultGateway=False),
    "gateway": lambda n: bridge(n, isDefaultGateway=False, isGateway=True),
    "default gateway": lambda n: bridge(n),
    "masquerade": lambda n: bridge(n, ipMasq=True, macspoofchk=True, hairpinMode=True),
    "L2": lambda n: {"type": "bridge"},
    "name and mtu": lambda n: bridge(n, bridge="br7", mtu=1400),
    "mac": lambda n: bridge(n, "10.7.0.0/24", runtimeConfig={"mac": "0a:58:0a:07:00:02"}),
    "routes": lambda n: {**bridge(n, isDefaultGateway=False, isGateway=True), "ipam": n.host_local("10.7.0.0/24", routes=[
        {"dst": "192.168.0.0/16"}, {"dst": "172.16.0.0/12", "gw": "10.7.0.7"}])},
    "dns": lambda n: bridge(n, dns={"nameservers": ["192.0.2.1"], "search": ["example.org"], "options": ["ndots:2"]}),
    "several v4": lambda n: bridge(n, "10.7.0.0/24", "10.8.0.0/24", isDefaultGateway=False),
    "static": lambda n: {"type": "bridge", "ipam": {"type": "static", "addresses": [
        {"address": "10.7.0.5/24", "gateway": "10.7.0.1"}], "routes": [{"dst": "0.0.0.0/0"}], "dns": {"domain": "example.org"}}},
}


def shape(result, container, known):
    """The result with what differs from run to run named: MACs, random names, the namespace."""
    text = json.dumps(result).replace(container.path, "NETNS")
    for i in result.get("interfaces", []):
        if i["name"].startswith("veth"):
            text = text.replace(i["name"], "vethX")
        if i.get("mac") and i["mac"] != known:
            text = text.replace(i["mac"], "MAC")
    return text


@case("takeover:result")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", CONFS)
def test_same_result(new_node, go, ours, what, version):
    """ADD answers what Go answers in every version; with the newer Go plugins key for key in the same order"""
    if version == "1.1.0" and "1.1.1" in str(go):
        pytest.skip("this version does not know 1.1.0")
    answers, codes = [], []
    for bindir in go, ours:
        node = new_node("node", bindir=bindir)
        container = node.container()
        reply = node.plugin("ADD", {**CONFS[what](node), "cniVersion": version}, container)
        codes.append(reply.ok)
        answers.append(shape(reply.json, container, "0a:58:0a:07:00:02") if reply.ok else "refused")
    if "1.1.1" in str(go) and codes == [True, True]:       # it writes an empty dns, and forgets that of IPAM
        answers = [json.loads(a) for a in answers]
        for a in answers:
            if what != "dns":
                a.pop("dns", None)
    assert answers[0] == answers[1] and codes[0] == codes[1]


@case("takeover:loopback-result")
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_same_result_of_loopback(new_node, go, ours, version):
    """So does loopback from 1.0.0 on; before, Go's answers in the form of 1.0.0 under the older number"""
    if version == "1.1.0" and "1.1.1" in str(go):
        pytest.skip("this version does not know 1.1.0")
    answers = []
    for bindir in go, ours:
        node = new_node("node", bindir=bindir)
        container = node.container()
        r = node.add({"type": "loopback", "cniVersion": version}, container)
        if "1.1.1" in str(go):
            r.pop("dns", None)
        answers.append(json.loads(shape(r, container, "00:00:00:00:00:00")))
    assert answers[0] == answers[1]


@case("takeover:cache")
@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0"])
def test_cache_of_a_go_runtime(new_node, go, ours, version):
    """The results cache of a Go runtime (cniCacheV1) is read by ours: list, check, del"""
    node = new_node("node")
    net = node.network(bridge(node, ipMasq=True), version=version).using(go)
    conflist = {**net.conflist, "cniVersion": version}
    node.write_conf(conflist)
    container = node.container(id="pod-1")
    at = net.add(container)
    results = node.cache / "results"
    results.mkdir(parents=True)
    file = results / "testnet-pod-1-eth0"
    file.write_text(json.dumps({
        "kind": "cniCacheV1", "containerId": "pod-1", "config": base64.b64encode(json.dumps(conflist).encode()).decode(),
        "ifName": "eth0", "networkName": "testnet", "netns": container.path, "cniArgs": [["IgnoreUnknown", "1"]],
        "capabilityArgs": {}, "result": at.result}, separators=(",", ":")))
    args = ["testnet", container.path, "--container-id", "pod-1", "--cache-dir", node.cache]
    listed = json.loads(node.crimp("list", "--json", "--cache-dir", node.cache).out)["attachments"]
    assert [(a["containerID"], a["ifname"], a["netns"]) for a in listed] == [("pod-1", "eth0", container.path)]
    if version != "0.3.1":
        done = node.crimp("check", *args)
        assert done.ok, done
    done = node.crimp("del", *args)
    assert done.ok and container.link("eth0") is None and node.leases() == {} and not file.exists(), done
    assert "pod-1" not in node.run("nft", "list", "ruleset").out
