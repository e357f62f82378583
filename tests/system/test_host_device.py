# SPDX-License-Identifier: Apache-2.0
"""host-device: an interface of the node goes into the container and comes back. The devices are the ends of cables, an ifb,
a bridge port and a macvlan; what a sysfs of hardware would show is put over the real one, in a mount namespace."""

import json
import shlex

import pytest

from lib.case import case, needs
from lib.plugin import run_plugin
from system import endpoints
from system.endpoints import DAMAGE, DELETING, FAILING, INVALID_COMMON, VERSIONS, Kind, temporary
from system.world import changed, outside, state

MAC = "02:00:00:00:00:09"


class Device(Kind):
    """The node's ens9 leads to a host outside with the address 9 of both subnets."""

    shared = False

    def master(self, node):
        if not node.link("ens9"):
            cable(node)

    def far(self, node):
        host = outside(node)
        for command in ("link set up0 down", "addr flush dev up0", "link set up0 name ens9", f"link set ens9 address {MAC}",
                        "link set ens9 up"):
            node.ip(*command.split())
        return host


DEVICE = Device("host-device", device="ens9")
L2 = {"type": "host-device", "device": "ens9"}


def cable(node, up=True, name="ens9", mac=MAC):
    node.ip("link", "add", name, "address", mac, "type", "veth", "peer", "name", f"{name}far")
    node.ip("link", "set", f"{name}far", "up")
    if up:
        node.ip("link", "set", name, "up")


def up(ns, name):
    return "UP" in ns.link(name)["flags"]


@case("host-device:life")
def test_life(node, container):
    """The device has the container's name and addresses and reaches a host outside; DEL gives it back under its own name"""
    far = DEVICE.far(node)
    before = state(node, container, advice=False)
    conf = DEVICE.conf(node)
    r = node.add(conf, container)
    assert r == endpoints.expected(DEVICE, container) and r["interfaces"][0]["mac"] == MAC
    assert node.link("ens9") is None and container.link("eth0")["ifalias"] == "ens9" and up(container, "eth0")
    for address in "192.0.2.9", "2001:db8:f::9":
        assert container.ping(address), address
    far.ip("neigh", "show")
    assert far.ping("192.0.2.100")
    node.check(conf, container, prev=r)
    node.delete(conf, container, prev=r)
    link = node.link("ens9")
    assert link["address"] == MAC and "ifalias" not in link and sorted(container.links()) == ["lo"]
    assert node.delete(conf, container, prev=r) is None
    node.ip("link", "set", "ens9", "up")
    endpoints.same(before, state(node, container, advice=False))


@case("host-device:version")
@pytest.mark.parametrize("version", VERSIONS)
def test_versions(node, version):
    """Every version of the specification, with a result in its shape"""
    endpoints.spoken(node, DEVICE, version)
    assert node.link("ens9")


@case("host-device:l2")
def test_without_addresses(node, container):
    """Without IPAM it is up; a version whose result cannot tell of it refuses before anything moves"""
    cable(node)
    before = state(node, container)
    node.refuses("ADD", {**L2, "cniVersion": "0.2.0"}, container)
    assert changed(before, state(node, container)) == []
    r = node.add({**L2, "dns": {"domain": "a.b"}}, container)
    assert r == {"cniVersion": "1.1.0", "dns": {"domain": "a.b"}, "interfaces": [{"mac": MAC, "name": "eth0", "sandbox": container.path}]}
    assert up(container, "eth0") and container.addresses("eth0") == []
    node.check(L2, container, prev=r)


BY = {"device": {"device": "ens9"}, "hwaddr": {"hwaddr": MAC}, "hwaddr dashes": {"hwaddr": "02-00-00-00-00-09"},
      "hwaddr dots": {"hwaddr": "0200.0000.0009"}, "device before hwaddr": {"device": "ens9", "hwaddr": "02:00:00:00:00:01"},
      "alternative name": {"device": "some-name-of-more-than-15"}, "case folded": {"DEVICE": "ens9"}}


@case("host-device:by")
@pytest.mark.parametrize("what", BY)
def test_by(node, container, what):
    """The device is found by what the configuration says, and found again by DEL"""
    cable(node, name="other", mac="02:00:00:00:00:08")
    cable(node)
    node.ip("link", "property", "add", "dev", "ens9", "altname", "some-name-of-more-than-15")
    conf = {"type": "host-device", **BY[what]}
    r = node.add(conf, container)
    assert container.mac("eth0") == MAC and container.link("eth0")["ifalias"] == "ens9"
    node.check(conf, container, prev=r)
    node.delete(conf, container)
    assert node.link("ens9") and sorted(container.links()) == ["lo"]


# ---- by place

# What a sysfs would show: devices, their drivers, and the interface that is called ens9 below them.
HARDWARE = """
mkdir -p pci/0000:01:00.0/net/ens9 pci/0000:02:00.0/virtio3/net/ens9 pci/0000:03:00.0 pci/0000:04:00.0 drivers/ixgbe drivers/vfio-pci
mkdir -p aux/mlx5_core.sf.2/net/ens9 bus/auxiliary
ln -s $PWD/drivers/ixgbe pci/0000:01:00.0/driver
ln -s $PWD/drivers/ixgbe pci/0000:02:00.0/driver
ln -s $PWD/drivers/vfio-pci pci/0000:03:00.0/driver
"""


class OnSysfs:
    """Plugins run where /sys is the node's and shows that hardware."""

    def __init__(self, node, fresh=True):
        self.node, self.top = node, node.dir / "sys"
        self.top.mkdir()
        node.run("sh", "-c", f"cd {self.top} && {HARDWARE}")
        auxiliary = f"mount --bind {self.top}/aux /sys/bus/auxiliary/devices 2>/dev/null;"
        self.setup = ("mount -t sysfs sysfs /sys;" if fresh else "") + f"mount --bind {self.top}/pci /sys/bus/pci/devices; {auxiliary}"

    def call(self, command, conf, container, prev=None, ifname="eth0"):
        conf = {"cniVersion": "1.1.0", "name": "testnet", "type": "host-device", **conf, **({"prevResult": prev} if prev else {})}
        script = self.node.dir / "host-device"
        script.write_text(f"#!/bin/sh\nexec unshare -m sh -c {shlex.quote(self.setup + f'exec {self.node.bin}/host-device')}\n")
        script.chmod(0o755)
        return run_plugin(str(script), command, json.dumps(conf), netns=self.node.path, bindir=self.node.bin, path=str(self.node.bin),
                          container_id=container.id, container_netns=container.path, ifname=ifname)


PLACES = {
    "kernelpath": ({"kernelpath": "/sys/devices/virtual"}, None),
    "kernelpath with a slash": ({"kernelpath": "/sys/devices/virtual/"}, None),
    "pciBusID": ({"pciBusID": "0000:01:00.0"}, "0000:01:00.0"),
    "virtio": ({"pciBusID": "0000:02:00.0"}, "0000:02:00.0"),
    "device ID": ({"runtimeConfig": {"deviceID": "0000:01:00.0"}}, "0000:01:00.0"),
    "device ID before pciBusID": ({"runtimeConfig": {"deviceID": "0000:01:00.0"}, "pciBusID": "0000:03:00.0"}, "0000:01:00.0"),
}


@case("host-device:place")
@pytest.mark.parametrize("what", PLACES)
def test_place(node, container, what):
    """The device is found by its place in sysfs, and a PCI device is named in the result"""
    conf, pci = PLACES[what]
    node.ip("link", "add", "ens9", "address", MAC, "type", "veth", "peer", "name", "zfar")
    place = OnSysfs(node)
    r = place.call("ADD", conf, container).result
    assert r["interfaces"] == [{"mac": MAC, "name": "eth0", "sandbox": container.path, **({"pciID": pci} if pci else {})}]
    assert place.call("CHECK", conf, container, r).ok
    assert place.call("DEL", conf, container, r).ok and place.call("DEL", conf, container, r).ok
    assert node.link("ens9") and container.link("eth0") is None


@case("host-device:dpdk")
@pytest.mark.parametrize("more", [{}, {"device": "ens9"}], ids=str)
def test_dpdk(node, container, more):
    """A device of a driver in user space: no interface moves, there is a lease and a result without a MAC"""
    cable(node)
    place = OnSysfs(node)
    conf = {"pciBusID": "0000:03:00.0", "ipam": node.host_local("10.7.0.0/24"), **more}
    r = place.call("ADD", conf, container).result
    assert r["interfaces"] == [{"name": "eth0", "sandbox": container.path, "pciID": "0000:03:00.0"}]
    assert r["ips"] == [{"address": "10.7.0.2/24", "gateway": "10.7.0.1", "interface": 0}]
    assert node.link("ens9") and sorted(container.links()) == ["lo"]
    assert place.call("CHECK", conf, container, r).ok
    container.ip("link", "add", "eth0", "type", "bridge")
    container.ip("link", "set", "eth0", "alias", "somebody0")
    for _ in range(2):
        assert place.call("DEL", conf, container, r).ok and node.leases() == {}
    assert container.link("eth0")


@case("host-device:dpdk-key")
def test_dpdk_by_key(node, container):
    """DPDKMode says so without a PCI device"""
    cable(node)
    r = node.add({**L2, "DPDKMode": True}, container)
    assert r["interfaces"] == [{"name": "eth0", "sandbox": container.path}] and node.link("ens9")


MISSING = {
    "no such place": ({"kernelpath": "/sys/devices/nowhere"}, "/sys/devices/nowhere"), "no device": ({"pciBusID": "0000:09:00.0"}, "does not exist"),
    "no driver": ({"pciBusID": "0000:04:00.0"}, "has no driver"),
    "device ID": ({"runtimeConfig": {"deviceID": "mlx5_core.sf.9"}}, "runtime config DeviceID mlx5_core.sf.9 not found or unsupported"),
    "no interface": ({"pciBusID": "0000:01:00.0"}, "ens9"),
}


@case("host-device:place-missing")
@pytest.mark.parametrize("what", MISSING)
def test_missing(node, container, what):
    """What is not there is named, and nothing has happened"""
    conf, words = MISSING[what]
    before = state(node, container)
    reply = OnSysfs(node).call("ADD", conf, container)
    assert not reply.ok and words in reply.text, reply
    assert changed(before, state(node, container)) == []


@case("host-device:place-elsewhere")
def test_foreign_sysfs(node, container):
    """A /sys that shows another namespace's interfaces is not believed, even where the names agree"""
    cable(node)
    reply = OnSysfs(node, fresh=False).call("ADD", {"pciBusID": "0000:01:00.0"}, container)
    assert not reply.ok and "another network namespace" in reply.text, reply
    assert up(node, "ens9")


# ---- there and back

def make_tap(node):
    node.run("ip", "tuntap", "add", "mode", "tap", "name", "ens9")


def make_macvlan(node):
    cable(node, name="base")
    node.ip("link", "add", "link", "base", "name", "ens9", "type", "macvlan", "mode", "bridge")


def make_ifb(node):
    node.ip("link", "add", "ens9", "type", "ifb")


KINDS = {"veth": cable, "tap": make_tap, "macvlan": make_macvlan, "ifb": make_ifb}


@case("host-device:kind")
@needs("ifb", "macvlan")
@pytest.mark.parametrize("kind", KINDS)
def test_kinds(node, container, kind):
    """Interfaces of any kind go there and come back, down and under their name"""
    KINDS[kind](node)
    r = node.add(L2, container)
    assert up(container, "eth0")
    node.check(L2, container, prev=r)
    node.delete(L2, container, prev=r)
    assert node.link("ens9") and not up(node, "ens9") and container.link("eth0") is None


@case("host-device:same-name")
def test_same_name(node, container):
    """A device that keeps its name"""
    cable(node)
    r = node.add(L2, container, ifname="ens9")
    node.check(L2, container, ifname="ens9", prev=r)
    node.delete(L2, container, ifname="ens9", prev=r)
    assert node.link("ens9") and sorted(container.links()) == ["lo"]


@case("host-device:namesakes")
def test_namesakes(node, container):
    """The container has an interface of the old name, the node one of the new: neither is in the way"""
    cable(node)
    container.ip("link", "add", "ens9", "type", "bridge")
    node.ip("link", "add", "eth0", "type", "bridge")
    r = node.add(L2, container)
    node.check(L2, container, prev=r)
    node.delete(L2, container, prev=r)
    assert node.mac("ens9") == MAC and node.link("eth0")["linkinfo"]["info_kind"] == "bridge"
    assert container.link("ens9")["linkinfo"]["info_kind"] == "bridge" and "ifalias" not in node.link("ens9")


@case("host-device:events")
def test_events(node, container):
    """On the node nobody sees another name than the device's own, there or back"""
    cable(node)
    log = node.dir / "events"
    with open(log, "w", encoding="utf-8") as f:
        watcher = node.spawn("ip", "-o", "monitor", "link", stdout=f)
        node.run("sleep", "0.3")
        node.add(L2, container)
        node.delete(L2, container)
        node.run("sleep", "0.3")
        watcher.kill()
    names = {part.split(":")[1].strip().split("@")[0] for line in log.read_text().splitlines()
             for part in [line.removeprefix("Deleted ")] if part[:1].isdigit()}
    assert "ens9" in names and names <= {"ens9", "ens9far"}, log.read_text()


@case("host-device:name-taken-there")
def test_name_taken_on_the_node(node, container):
    """A stranger on the node keeps the name: the device comes back under another, and its alias says whose it was"""
    cable(node)
    r = node.add(L2, container)
    node.ip("link", "add", "ens9", "type", "bridge")
    for _ in range(2):
        node.delete(L2, container, prev=r)
    back = node.link(temporary("testnet", container.id, "eth0"))
    assert back["address"] == MAC and back["ifalias"] == "ens9"
    assert node.link("ens9")["linkinfo"]["info_kind"] == "bridge" and sorted(container.links()) == ["lo"]


@case("host-device:renamed")
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
def test_renamed_inside(node, container, prev):
    """A device that was renamed in the container is found by the MAC of prevResult; CHECK misses it"""
    cable(node)
    r = node.add(L2, container)
    container.ip("link", "set", "eth0", "down")
    container.ip("link", "set", "eth0", "name", "net7")
    assert "eth0" in node.refuses("CHECK", {**L2, "prevResult": r}, container)["msg"]
    node.delete(L2, container, prev=r if prev else None)
    assert node.mac("ens9") == MAC if prev else container.mac("net7") == MAC


@case("host-device:renamed-hwaddr")
def test_renamed_inside_by_address(node, container):
    """Found by hwaddr it is found again by the address that prevResult has"""
    cable(node)
    conf = {"type": "host-device", "hwaddr": MAC}
    r = node.add(conf, container)
    container.ip("link", "set", "eth0", "down")
    container.ip("link", "set", "eth0", "name", "net7")
    node.delete(conf, container, prev=r)
    assert node.mac("ens9") == MAC


def outlived(node):
    """As the kernel leaves hardware: the container's name, our alias."""
    cable(node, up=False)
    node.ip("link", "set", "ens9", "name", "eth0")
    node.ip("link", "set", "eth0", "alias", "ens9")
    return {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "mac": MAC, "sandbox": "/run/netns/nowhere"}]}


NOWHERE = {"CNI_NETNS": "/run/netns/nowhere"}


@case("host-device:outlived")
def test_outlived_its_namespace(node):
    """Hardware outlives the namespace and is put on the node under the container's name: DEL gives it its own again"""
    prev = outlived(node)
    node.delete(L2, node.container(), prev=prev, env=NOWHERE)
    assert node.mac("ens9") == MAC and "ifalias" not in node.link("ens9") and node.link("eth0") is None


@case("host-device:outlived-temporary")
def test_outlived_temporary(node, container):
    """What came back under the attachment's own name gets its name as soon as that is free, without prevResult"""
    name = temporary("testnet", container.id, "eth0")
    outlived(node)
    node.ip("link", "set", "eth0", "name", name)
    node.delete(L2, container, env=NOWHERE)
    assert node.mac("ens9") == MAC and "ifalias" not in node.link("ens9") and node.link(name) is None


@case("host-device:stranger")
@pytest.mark.parametrize("env", [{"CNI_NETNS": None}, NOWHERE], ids=["no namespace", "gone"])
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
def test_strangers_of_the_node(node, container, prev, env):
    """DEL without a namespace leaves the node's interfaces alone, whatever their aliases"""
    for name in "eth0", "wan0":
        node.ip("link", "add", name, "type", "bridge")
        node.ip("link", "set", name, "alias", "ens9")
    # A bond or bridge has the MAC of the device below it.
    node.ip("link", "add", "br7", "address", MAC, "type", "bridge")
    node.ip("link", "set", "br7", "alias", "uplink")
    before = state(node, container)
    r = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "mac": MAC, "sandbox": container.path}]}
    node.delete(L2, container, prev=r if prev else None, env=env)
    assert changed(before, state(node, container)) == []


NET_B = {"device absent": {"device": "ens8"}, "the same device": {"device": "ens9"}, "hwaddr": {"hwaddr": "02:00:00:00:00:08"},
         "hwaddr absent": {"hwaddr": "02:00:00:00:00:07"}, "kernelpath": {"kernelpath": "/sys/devices/virtual"}}


@case("host-device:two-networks")
@pytest.mark.parametrize("what, ifname", [(w, i) for w in NET_B for i in ("eth0", "eth1") if (w, i) != ("the same device", "eth0")])
def test_two_networks(node, container, what, ifname):
    """DEL of a network whose ADD was refused leaves the device of another network in the container"""
    cable(node)
    r = node.add(L2, container)
    node.ip("link", "add", "other", "address", "02:00:00:00:00:08", "type", "veth", "peer", "name", "zother")
    # The fake one fails an ADD that would succeed.
    node.fake("ipam").fails("ADD", 11, "try again")
    place, conf = OnSysfs(node), {"name": "netb", "ipam": {"type": "ipam"}, **NET_B[what]}
    env = {"ifname": ifname}
    assert not place.call("ADD", conf, container, **env).ok
    assert place.call("DEL", conf, container, **env).ok
    node.check(L2, container, prev=r)
    assert node.mac("other") == "02:00:00:00:00:08"


@case("host-device:mac-changed")
def test_mac_changed_inside(node, container):
    """A device whose MAC was changed in the container comes back: the alias is the configured device"""
    cable(node)
    r = node.add(L2, container)
    container.ip("link", "set", "eth0", "address", "02:00:00:00:00:55")
    node.delete(L2, container, prev=r)
    assert node.mac("ens9") == "02:00:00:00:00:55" and container.link("eth0") is None


@case("host-device:not-ours")
@pytest.mark.parametrize("alias", ["", "ens9", "uplink 7"])
def test_del_leaves_what_is_not_ours(node, container, alias):
    """DEL after an ADD that was refused: what took the name stays, whatever its alias, as the device is on the node"""
    cable(node)
    container.ip("link", "add", "eth0", "type", "bridge")
    container.ip("link", "set", "eth0", "alias", alias if alias != "ens9" else "other0")
    assert "eth0" in node.refuses("ADD", L2, container)["msg"]
    node.delete(L2, container)
    assert container.link("eth0")["linkinfo"]["info_kind"] == "bridge" and up(node, "ens9")


# ---- undo

@case("host-device:undo")
@pytest.mark.parametrize("how", FAILING)
def test_failing(node, how):
    """A failed ADD leaves the device as it was: name, up"""
    endpoints.failing(node, DEVICE, how)


@case("host-device:undo-all")
def test_undo(node, container):
    """After a failed ADD the device is the bridge's port again, has its alias, and is up"""
    cable(node)
    node.ip("link", "add", "br7", "type", "bridge")
    node.ip("link", "set", "ens9", "master", "br7")
    node.ip("link", "set", "ens9", "alias", "uplink of rack 7")
    node.fake("ipam").fails("ADD", 11, "try again")
    before = state(node, container)
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert changed(before, state(node, container)) == []
    assert node.link("ens9")["ifalias"] == "uplink of rack 7" and node.link("ens9")["master"] == "br7"


@case("host-device:undo-addresses")
def test_no_ipam_plugin(node, container):
    """Where the IPAM plugin is missing the device never moves: it keeps addresses and routes"""
    cable(node)
    node.ip("addr", "add", "192.0.2.1/24", "dev", "ens9")
    node.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.9")
    before = state(node, container)
    assert "nowhere" in node.refuses("ADD", {**L2, "ipam": {"type": "nowhere"}}, container)["msg"]
    assert changed(before, state(node, container)) == []
    assert node.route("198.51.100.0/24") and node.addresses("ens9", 4) == ["192.0.2.1/24"]


@case("host-device:undo-down")
def test_undo_down(node, container):
    """A device that was down is down again, and has no alias"""
    cable(node, up=False)
    node.fake("ipam").fails("ADD", 11, "try again")
    node.refuses("ADD", {**L2, "ipam": {"type": "ipam"}}, container, code=11)
    assert not up(node, "ens9") and "ifalias" not in node.link("ens9")


@case("host-device:repeated")
def test_repeated(node):
    """An ADD of what is there is refused, and the attachment lives on"""
    DEVICE.far(node)
    container = node.container()
    conf = DEVICE.conf(node)
    r = node.add(conf, container)
    before = state(node, container)
    assert "failed to find host device" in node.refuses("ADD", conf, container)["msg"]
    assert changed(before, state(node, container)) == []
    node.check(conf, container, prev=r)


# ---- CHECK, DEL, GC, STATUS

@case("host-device:check")
@pytest.mark.parametrize("what", [d for d in DAMAGE if d != "another kind"])
def test_check(node, what):
    """CHECK names what is not as ADD made it"""
    endpoints.damaged(node, DEVICE, what)


@case("host-device:check-alias")
@pytest.mark.parametrize("alias, words", [("", "lost its alias"), ("a b", "a b")])
def test_check_alias(node, container, alias, words):
    """CHECK misses the alias that leads back"""
    cable(node)
    r = node.add(L2, container)
    container.ip("link", "set", "eth0", "alias", alias)
    assert words in node.refuses("CHECK", {**L2, "prevResult": r}, container)["msg"]


@case("host-device:check-prev")
def test_check_wants_a_result(node):
    """CHECK without prevResult, with another namespace's, with another MAC"""
    endpoints.without_result(node, DEVICE)


@case("host-device:del")
@pytest.mark.parametrize("prev", [False, True], ids=["", "prevResult"])
@pytest.mark.parametrize("how", [h for h in DELETING if "master" not in h])
def test_del(node, how, prev):
    """DEL releases the lease and succeeds whatever is gone, and succeeds again"""
    endpoints.deleting(node, DEVICE, how, prev)


@case("host-device:del-broken-conf")
@pytest.mark.parametrize("more", [{"device": 5}, {"device": "x" * 200}, {"pciBusID": "0000:09:00.0"}, {"hwaddr": "x"}, {"device": None}],
                         ids=["number", "long", "no such PCI device", "hwaddr", "nothing"])
def test_del_with_a_configuration_no_add_accepts(node, container, more):
    """DEL with keys that ADD would refuse brings the device back"""
    cable(node)
    r = node.add(L2, container)
    node.delete({**L2, **more}, container, prev=r)
    assert node.mac("ens9") == MAC


@case("host-device:gc")
def test_gc(node, container):
    """GC releases the leases of who is no more"""
    cable(node)
    conf = {**L2, "ipam": node.host_local("10.7.0.0/24")}
    node.add(conf, container)
    assert node.plugin("GC", conf).ok and len(node.leases()) == 1
    node.gc(conf, [(container, "eth0")])
    assert len(node.leases()) == 1
    node.gc(conf, [])
    assert node.leases() == {}


@case("host-device:status")
def test_status(node, container):
    """STATUS is code 50 when the device is not on the node; one that comes by device ID is not known yet"""
    assert "ens9" in node.refuses("STATUS", L2, code=50)["msg"]
    assert "0000:09:00.0" in node.refuses("STATUS", {"type": "host-device", "pciBusID": "0000:09:00.0"}, code=50)["msg"]
    cable(node)
    node.status(L2)
    node.add(L2, container)
    node.refuses("STATUS", L2, code=50)
    node.status({"type": "host-device", "capabilities": {"deviceID": True}})
    node.fake("ipam").fails("STATUS", 51, "half full")
    node.delete(L2, container)
    node.refuses("STATUS", {**L2, "ipam": {"type": "ipam"}}, code=51)


INVALID = {
    **INVALID_COMMON,
    "nothing": ({"device": None}, 7, ["device", "hwaddr", "kernelpath", "pciBusID"]),
    "all empty": ({"device": "", "hwaddr": "", "kernelpath": "", "pciBusID": ""}, 7, ["specify either"]),
    "device number": ({"device": 5}, 6, ["device", "number"]), "device slash": ({"device": "a/b"}, 7, ["device", "a/b"]),
    "device dots": ({"device": ".."}, 7, ["device", ".."]), "device long": ({"device": "x" * 128}, 7, ["device", "too long"]),
    "device blank": ({"device": "a b"}, 7, ["a b"]), "device absent": ({"device": "ens8"}, 999, ["failed to find host device", "ens8"]),
    "loopback": ({"device": "lo"}, 999, ["lo"]),
    "hwaddr number": ({"device": None, "hwaddr": 5}, 6, ["hwaddr"]), "hwaddr": ({"device": None, "hwaddr": "nonsense"}, 7, ["hwaddr", "nonsense"]),
    "hwaddr short": ({"hwaddr": "02:00:00"}, 7, ["02:00:00"]), "hwaddr zero": ({"hwaddr": "00:00:00:00:00:00"}, 7, ["00:00:00:00:00:00"]),
    "hwaddr absent": ({"device": None, "hwaddr": "02:00:00:00:00:77"}, 999, ["02:00:00:00:00:77"]),
    "kernelpath number": ({"kernelpath": 5}, 6, ["kernelpath"]),
    "kernelpath elsewhere": ({"kernelpath": "/sys/class/net"}, 7, ["/sys/class/net", "must be absolute and begin with /sys/devices/"]),
    "kernelpath relative": ({"kernelpath": "sys/devices/virtual"}, 7, ["sys/devices/virtual", "/sys/devices/"]),
    "kernelpath dots": ({"kernelpath": "/sys/devices/../class"}, 7, ["/sys/devices/../class", ".."]),
    "pciBusID number": ({"pciBusID": 5}, 6, ["pciBusID"]), "pciBusID path": ({"pciBusID": "../../class/net/ens9"}, 7, ["pciBusID", "../../class"]),
    "pciBusID dots": ({"pciBusID": ".."}, 7, ["pciBusID", ".."]), "pciBusID absent": ({"pciBusID": "0000:77:00.0"}, 999, ["0000:77:00.0"]),
    "DPDKMode text": ({"DPDKMode": "yes"}, 6, ["DPDKMode"]), "enabledad text": ({"enabledad": "no"}, 6, ["enabledad"]),
    "deviceID number": ({"runtimeConfig": {"deviceID": 5}}, 6, ["runtimeConfig", "deviceID"]),
    "deviceID path": ({"runtimeConfig": {"deviceID": "../x"}}, 7, ["DeviceID", "../x"]),
    "deviceID absent": ({"runtimeConfig": {"deviceID": "nowhere"}}, 999, ["runtime config DeviceID nowhere not found or unsupported"]),
}


@case("host-device:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, what):
    """A configuration that cannot be is refused with the key, the value and the right code, and nothing has happened"""
    endpoints.invalid(node, DEVICE, *INVALID[what])
