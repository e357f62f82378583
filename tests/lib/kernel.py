# SPDX-License-Identifier: Apache-2.0
"""What the running kernel can do, found by trying it in a namespace of its own."""

import functools

from .netns import Netns

# What has to be made first, and the arguments of `ip link add x0 ...`.
LINKS = {
    "bond": "type bond", "bridge": "type bridge", "dummy": "type dummy", "geneve": "type geneve id 7 remote 10.0.0.2",
    "gre": "type gre local 10.0.0.1 remote 10.0.0.2", "ifb": "type ifb", "ipip": "type ipip remote 10.0.0.2",
    "ipvlan": "link p0 type ipvlan mode l2", "macvlan": "link p0 type macvlan mode bridge", "tap": "",
    "veth": "type veth peer name x1", "vlan": "link p0 type vlan id 5", "vlan_filtering": "type bridge vlan_filtering 1",
    "vrf": "type vrf table 10", "vxlan": "type vxlan id 5 dstport 4789", "wireguard": "type wireguard",
}


@functools.cache
def has(feature):
    """Can the kernel make such a link (LINKS), or does it have such a file (a path)?"""
    with Netns("probe") as ns:
        if feature.startswith("/"):
            return ns.run("test", "-e", feature, check=False).ok
        if feature == "tap":
            return ns.run("ip", "tuntap", "add", "x0", "mode", "tap", check=False).ok
        if feature == "sctp":
            return ns.run("/usr/bin/python3", "-c", "import socket; socket.socket(2, 1, 132)", check=False).ok
        ns.run("ip", "link", "add", "p0", "type", "veth", "peer", "name", "p1")
        return ns.run("ip", "link", "add", "name", "x0", *LINKS[feature].split(), check=False).ok


if __name__ == "__main__":
    print(*[kind for kind in LINKS if not has(kind)])
