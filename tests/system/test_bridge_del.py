# SPDX-License-Identifier: Apache-2.0
"""bridge DEL, GC and STATUS: what goes, what stays, and when the next ADD could not work."""

import pytest

from lib.case import case, rootless
from system.world import changed, files, port_of, state

pytestmark = rootless


def conf_of(node, **more):
    return {"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "macspoofchk": True,
            "ipam": node.host_local("10.7.0.0/24", "fd00:7::/64"), **more}


def traces(node, container):
    """Where the container's ID or addresses still show."""
    text = node.run("nft", "list", "ruleset").out + str(files(node.data, advice=False))
    return [t for t in (container.id, "10.7.0.2", "fd00:7::2") if t in text]


@case("bridge:del")
def test_del_takes_everything_back(node, container):
    """DEL leaves the node as it was before the ADD of a second container"""
    conf = conf_of(node)
    node.add(conf, node.container("first"))
    before = state(node, container, advice=False)
    r = node.add(conf, container)
    assert state(node, container, advice=False) != before
    node.delete(conf, container, prev=r)
    assert changed(before, state(node, container, advice=False)) == []


@case("bridge:del-shared")
def test_del_leaves_what_is_shared(node, container):
    """DEL of the last container leaves bridge, gateway and forwarding for the next"""
    conf = conf_of(node)
    r = node.add(conf, container)
    node.delete(conf, container, prev=r)
    assert node.addresses("cni0") == ["10.7.0.1/24", "fd00:7::1/64"] and node.sysctl("net.ipv4.ip_forward") == "1"
    assert sorted(node.links()) == ["cni0", "lo"] and traces(node, container) == []


HOW = {
    "once": {}, "no prevResult": {"prev": False}, "empty netns": {"env": {"CNI_NETNS": ""}},
    "no netns": {"env": {"CNI_NETNS": None}}, "netns gone": {"gone": True}, "netns gone, no prevResult": {"gone": True, "prev": False},
    "empty netns, no prevResult": {"env": {"CNI_NETNS": ""}, "prev": False},
}


@case("bridge:del-tolerant")
@pytest.mark.parametrize("how", HOW)
def test_del_with_what_is_left(node, how):
    """DEL, and DEL again, release lease, masquerade and guard whatever is left of the container"""
    more = HOW[how]
    container = node.container()
    conf = conf_of(node)
    r = node.add(conf, container)
    path = container.path
    if more.get("gone"):
        container.close()
    prev = r if more.get("prev", True) else None
    for _ in range(2):
        node.delete(conf, container, prev=prev, container_netns=path, env=more.get("env"))
        assert traces(node, container) == [] and node.leases() == {}
    if more != HOW["empty netns, no prevResult"]:
        assert node.until(lambda: node.link(port_of(node, r)) is None)


@case("bridge:del-file")
def test_del_of_a_namespace_that_is_a_file(node):
    """DEL works after a reboot, when the namespace is an ordinary file"""
    container = node.container()
    conf = conf_of(node)
    r = node.add(conf, container)
    container.close()
    path = node.dir / "netns-file"
    path.write_text("")
    node.delete(conf, container, prev=r, container_netns=str(path))
    assert traces(node, container) == [] and node.leases() == {}


@case("bridge:del-no-folder")
def test_del_of_a_namespace_below_a_file(node):
    """DEL works when a file is where the folder of the namespace was"""
    container = node.container()
    conf = conf_of(node)
    r = node.add(conf, container)
    container.close()
    (node.dir / "netns").write_text("")
    node.delete(conf, container, prev=r, container_netns=str(node.dir / "netns" / "pod"))
    assert traces(node, container) == [] and node.leases() == {}


@case("bridge:del-never-added")
def test_del_of_what_was_never_added(node, container):
    """DEL of a container that was never attached changes nothing"""
    before = state(node, container)
    node.delete(conf_of(node), container)
    assert changed(before, state(node, container)) == []


@case("bridge:del-not-ours")
def test_del_leaves_what_is_not_ours(node, container):
    """DEL after an ADD that was refused leaves the interface that was in the way"""
    container.ip("link", "add", "eth0", "type", "bridge")
    conf = conf_of(node)
    node.refuses("ADD", conf, container)
    node.delete(conf, container)
    assert container.link("eth0")["linkinfo"]["info_kind"] == "bridge"


@case("bridge:del-broken-conf")
def test_del_with_a_configuration_no_add_accepts(node, container):
    """DEL with keys that ADD would refuse still cleans up"""
    conf = conf_of(node)
    r = node.add(conf, container)
    node.delete({**conf, "vlan": 9999, "hairpinMode": True, "promiscMode": True}, container, prev=r)
    assert traces(node, container) == [] and container.link("eth0") is None


@case("bridge:del-changed-conf")
@pytest.mark.parametrize("key", ["ipMasqBackend"])
def test_del_after_the_backend_changed(node, container, key):
    """DEL removes masquerade of the other backend, too"""
    r = node.add(conf_of(node, ipMasqBackend="iptables"), container)
    assert container.id in "".join(node.iptables_save())
    node.delete(conf_of(node, ipMasqBackend="nftables"), container, prev=r)
    assert container.id not in "".join(node.iptables_save()) and "10.7.0.2" not in "".join(node.iptables_save())


@case("bridge:del-keys-removed")
def test_del_with_keys_taken_away(node, container):
    """DEL removes masquerade and guard that prevResult names, though the configuration no longer asks for them"""
    conf = conf_of(node)
    r = node.add(conf, container)
    stays = node.container("stays")
    kept = node.add(conf, stays)
    assert len(traces(node, container)) == 3
    without = {k: v for k, v in conf.items() if k not in ("ipMasq", "macspoofchk")}
    node.delete(without, container, prev=r)
    assert traces(node, container) == [] and list(node.leases()) == ["10.7.0.3", "fd00:7::3"]
    node.check(conf, stays, prev=kept)


@case("bridge:add-del-add")
def test_again_and_again(node, container):
    """The same container is attached and detached three times; nothing piles up"""
    conf = conf_of(node)
    seen = []
    for _ in range(3):
        r = node.add(conf, container)
        assert container.ping("10.7.0.1")
        node.delete(conf, container, prev=r)
        seen.append(state(node, container, advice=False))
    assert seen[0] == seen[1] == seen[2]


# ---- GC


@case("bridge:gc")
def test_gc_removes_exactly_what_is_stale(node):
    """GC leaves the valid attachments whole and of the others no lease, masquerade or guard"""
    conf = conf_of(node)
    keep, lost = node.container("keep"), node.container("lost")
    kept = node.add(conf, keep)
    node.add(conf, keep, "net1")
    node.add(conf, lost)
    lost.close()
    node.gc(conf, valid=[(keep, "eth0")])
    rules = node.run("nft", "list", "ruleset").out
    assert lost.id not in rules and f"{keep.id} eth0" in rules and f"{keep.id} net1" not in rules
    assert node.leases() == {"10.7.0.2": [keep.id, "eth0"], "fd00:7::2": [keep.id, "eth0"]}
    node.check(conf, keep, prev=kept)


@case("bridge:gc-other-network")
def test_gc_leaves_other_networks(node, container):
    """GC of one network touches nothing of another, even when it begins with the same letters"""
    other = conf_of(node, name="testnet2")
    r = node.add(other, container)
    node.add(conf_of(node, bridge="cni1", ipam=node.host_local("10.8.0.0/24")), container, "net1")
    node.gc(conf_of(node), valid=[])
    node.check(other, container, prev=r)
    assert sorted(node.leases("testnet2")) == ["10.7.0.2", "fd00:7::2"] and node.leases() == {}


@case("bridge:gc-nobody")
def test_gc_without_a_list(node, container):
    """GC that says nothing about who is valid removes nothing"""
    conf = conf_of(node)
    r = node.add(conf, container)
    assert node.plugin("GC", conf).ok
    node.check(conf, container, prev=r)


@case("bridge:gc-all")
def test_gc_of_everything(node, container):
    """GC with an empty list removes all of the network; again it has nothing to do"""
    conf = conf_of(node)
    node.add(conf, container)
    node.gc(conf, valid=[])
    assert traces(node, container) == [] and node.leases() == {}
    node.gc(conf, valid=[])


@case("bridge:gc-nothing")
def test_gc_on_a_fresh_node(node):
    """GC on a node that never had a container changes nothing"""
    before = state(node)
    node.gc(conf_of(node), valid=[])
    assert changed(before, state(node)) == []


# ---- STATUS


@case("bridge:status")
def test_ready(node):
    """STATUS of a usable network answers nothing, on a fresh node and with containers"""
    before = state(node)
    assert node.status(conf_of(node)) is None and changed(before, state(node)) == []
    node.add(conf_of(node), node.container())
    node.status(conf_of(node))


@case("bridge:status-no-bridge")
def test_name_taken_by_another_kind(node):
    """STATUS: 50 when the bridge's name is somebody else's"""
    node.ip("link", "add", "cni0", "type", "veth", "peer", "name", "x0")
    assert "is not a bridge" in node.refuses("STATUS", conf_of(node), code=50)["msg"]


@case("bridge:status-ipam")
def test_addresses_used_up(node):
    """STATUS: 50 when IPAM has no address left, naming the range"""
    conf = conf_of(node, ipam=node.host_local("10.7.0.0/30"))
    node.add(conf, node.container())
    assert "10.7.0" in node.refuses("STATUS", conf, code=50)["msg"]


@case("bridge:status-config")
def test_configuration_no_add_accepts(node):
    """STATUS: 7 for a configuration that ADD would refuse"""
    node.refuses("STATUS", conf_of(node, vlan=5000), code=7)
