# SPDX-License-Identifier: Apache-2.0
"""host-device: the end of a cable, a bridge, an ifb and a tap interface as devices of the host."""

from differential.case import Case, Expect, each, versions

V4 = {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}]]}
DUAL = {"type": "host-local", "ranges": [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]], "routes": [{"dst": "0.0.0.0/0"}]}
FIXED = {"type": "static", "addresses": [{"address": "10.7.0.9/24", "gateway": "10.7.0.1"}], "routes": [{"dst": "0.0.0.0/0"}]}
MAC = "02:11:22:33:44:55"
DEV = {"type": "host-device", "device": "ens9"}
L3 = {**DEV, "ipam": DUAL}
CABLE = f"""$ ip link add ens9 address {MAC} type veth peer name far0
$ ip link set far0 up
"""
UP = CABLE + "$ ip link set ens9 up\n"
SYSFS = CABLE + "$ mount -t sysfs sysfs /sys\n"
# A PCI device, a virtio one, one of DPDK and an auxiliary one, as sysfs would show them.
FAKE = SYSFS + """$ mkdir -p /run/pci/0000:01:00.0/net/ens9 /run/pci/0000:02:00.0/virtio3/net/ens9 /run/pci/0000:03:00.0 /run/pci/0000:04:00.0
$ mkdir -p /run/drivers/ixgbe /run/drivers/vfio-pci /run/case/x
$ ln -s /run/drivers/ixgbe /run/pci/0000:01:00.0/driver
$ ln -s /run/drivers/ixgbe /run/pci/0000:02:00.0/driver
$ ln -s /run/drivers/vfio-pci /run/pci/0000:03:00.0/driver
$ mount --bind /run/pci /sys/bus/pci/devices
"""
ID = {"type": "host-device", "capabilities": {"deviceID": True}}


def by(**more):
    return {"type": "host-device", **more}


CASES = [
    *versions(Case("name", DEV, prepare=UP)),
    *versions(Case("addresses", L3, prepare=UP)),
    *versions(Case("static", {**DEV, "ipam": FIXED}, prepare=UP)),
    *versions(Case("status and gc", L3, "STATUS, ADD, GC, DEL, VERSION", prepare=UP)),
    *each("by", {"hwaddr": by(hwaddr=MAC), "hwaddr capital": by(hwaddr=MAC.upper()), "hwaddr dashes": by(hwaddr=MAC.replace(":", "-")),
                 "name before hwaddr": by(device="ens9", hwaddr="02:00:00:00:00:01"), "case folded": by(Device="ens9"),
                 "empty others": by(device="ens9", hwaddr="", kernelpath="", pciBusID="")}, prepare=UP),
    *each("by alternative", {"name": by(device="some-alternative-name")},
          prepare=UP + "$ ip link property add dev ens9 altname some-alternative-name"),
    *each("by place", {"kernelpath": by(kernelpath="/sys/devices/virtual"), "kernelpath before pciBusID": by(kernelpath="/sys/devices/virtual"),
                       "no such place": by(kernelpath="/sys/devices/nowhere")}, prepare=SYSFS),
    *each("pci", {"device": by(pciBusID="0000:01:00.0"), "virtio": by(pciBusID="0000:02:00.0"), "addresses": by(pciBusID="0000:01:00.0", ipam=V4),
                  "name first": by(device="ens9", pciBusID="0000:02:00.0"), "dpdk": by(pciBusID="0000:03:00.0"),
                  "dpdk with addresses": by(pciBusID="0000:03:00.0", ipam=DUAL), "name of dpdk": by(device="ens9", pciBusID="0000:03:00.0"),
                  "no driver": by(pciBusID="0000:04:00.0"), "absent": by(pciBusID="0000:09:00.0")}, prepare=FAKE),
    Case("device ID", ID, prepare=FAKE, capabilities={"deviceID": "0000:01:00.0"}),
    Case("device ID of dpdk", {**ID, "ipam": V4}, prepare=FAKE, capabilities={"deviceID": "0000:03:00.0"}),
    Case("device ID before pciBusID", {**ID, "pciBusID": "0000:03:00.0"}, prepare=FAKE, capabilities={"deviceID": "0000:01:00.0"}),
    Case("device ID absent", ID, "ADD, DEL", prepare=FAKE, capabilities={"deviceID": "mlx5_core.sf.2"}),
    *each("kind", {"down": DEV, "addresses": L3}, prepare=CABLE),
    Case("has addresses", DEV, prepare=UP + "$ ip addr add 192.0.2.1/24 dev ens9"),
    Case("of a bridge", DEV, prepare=UP + "$ ip link add br7 type bridge, $ ip link set ens9 master br7"),
    Case("has an alias", DEV, prepare=UP + "$ ip link set ens9 alias uplink"),
    Case("a tap", {**DEV, "device": "tap7"}, prepare="$ ip tuntap add mode tap name tap7"),
    Case("an ifb", {**DEV, "device": "ifb7"}, prepare="$ ip link add ifb7 type ifb", needs=("ifb",)),
    Case("a macvlan", {**DEV, "device": "mac7"}, prepare=UP + "$ ip link add link ens9 name mac7 type macvlan mode bridge"),
    Case("same name", DEV, prepare=UP, ifname="ens9"),
    Case("mtu stays", DEV, prepare=UP + "$ ip link set ens9 mtu 1400"),
    Case("name taken in the container", DEV, "ADD, DEL", prepare=UP + "a$ ip link add eth0 type bridge"),
    Case("old name in the container", DEV, prepare=UP + "a$ ip link add ens9 type bridge"),
    Case("new name on the node", DEV, prepare=UP + "$ ip link add eth0 type bridge"),
    Case("moved on", L3, "ADD, DEL, ADD b, CHECK b, DEL b", prepare=UP),
    Case("repeated ADD", {**DEV, "ipam": V4}, "ADD, ADD, CHECK, DEL", prepare=UP),
    Case("ipam fails", {**DEV, "ipam": {"type": "host-local"}}, "ADD, DEL", prepare=UP),
    Case("ipam unknown", {**DEV, "ipam": {"type": "no-such-plugin"}}, "ADD, DEL", prepare=UP),
    Case("impossible route", {**DEV, "ipam": {**V4, "routes": [{"dst": "10.9.0.0/16", "gw": "192.0.2.1"}]}}, "ADD, DEL", prepare=UP),
    Case("no device", DEV, "ADD, DEL, STATUS"),
    *each("invalid", {
        "nothing": {"type": "host-device"}, "device number": by(device=5), "hwaddr": by(hwaddr="nonsense"), "hwaddr number": by(hwaddr=5),
        "hwaddr absent": by(hwaddr="02:00:00:00:00:01"), "kernelpath": by(kernelpath="/sys/class/net"), "kernelpath relative": by(kernelpath="x"),
        "kernelpath list": by(kernelpath=[]), "pciBusID number": by(pciBusID=1), "loopback": by(device="lo"), "dns": {**DEV, "dns": 7},
        "runtimeConfig": {**DEV, "runtimeConfig": []}, "deviceID number": {**DEV, "runtimeConfig": {"deviceID": 5}},
    }, steps="ADD, DEL", prepare=UP),
    Case("dns", {**L3, "dns": {"nameservers": ["10.0.0.1"]}}, prepare=UP),
    Case("dns of l2", {**DEV, "dns": {"nameservers": ["10.0.0.1"]}}, prepare=UP),
    Case("no namespace given", L3, "ADD, DEL nonetns, DEL noprev", prepare=UP),
    Case("no previous result", L3, "ADD, CHECK noprev, DEL noprev", prepare=UP),
    Case("never added", L3, "DEL, CHECK", prepare=UP),
    Case("namespace gone", L3, "ADD, gone a, DEL", prepare=UP),
    Case("renamed inside", DEV, "ADD, a$ ip link set eth0 down, a$ ip link set eth0 name net7, CHECK, DEL", prepare=UP),
    Case("alias gone", DEV, "ADD, a$ ip link set eth0 alias '', CHECK, DEL", prepare=UP),
    Case("name taken on the node", DEV, "ADD, $ ip link add ens9 type bridge, DEL", prepare=UP),
    Case("another MAC", DEV, "ADD, a$ ip link set eth0 address 02:00:00:00:00:07, CHECK, DEL", prepare=UP),
    Case("address is gone", L3, "ADD, a$ ip addr flush dev eth0, CHECK, DEL", prepare=UP),
    Case("chained", [DEV, {"type": "portmap", "capabilities": {"portMappings": True}}], prepare=UP),
]

MOVED = r"(node link (far0|ens9|cni\w+)|a link|a route4)"
EXPECTED = [
    Expect("host-device:del", r"^(go: host-device fails|ours: host-device succeeds)"),
    Expect("host-device:pci-id", r"^ours: host-device result\.interfaces\[0\]\.pciID"),
    Expect("host-device:undo", rf"^(go|ours): {MOVED}", case=r"^(name 0\.[12]|ipam|impossible)"),
    Expect("host-device:lease", r"^go: file /var/lib/cni/networks/testnet/", case="^(no namespace given|namespace gone)"),
    Expect("host-device:renamed", rf"^(go|ours): {MOVED}", case="^renamed inside"),
    Expect("host-device:name-taken", rf"^(go|ours): {MOVED}", case="^name taken on the node"),
    Expect("host-device:alias", r"^(go: host-device succeeds|ours: host-device (fails|error))", case="^alias gone"),
    Expect("host-device:dns", r"^ours: host-device result\.dns", case="^dns of l2"),
    Expect("host-device:nodad", r"^(go|ours): [ab] address eth[01] fd00:7::"),
    Expect("host-device:notify", r"^(go|ours): [ab] knob ipv[46]/conf/eth[01]/(ndisc|arp)_notify"),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks", case="^never added"),
    Expect("host-local:index", r"^ours: file /var/lib/cni/networks/\.crimp"),
]
