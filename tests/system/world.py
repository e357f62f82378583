# SPDX-License-Identifier: Apache-2.0
"""What several tests of the system and takeover lanes share: all that a plugin could have changed on a host, a host
outside, frames with forged senders."""

import pathlib
import subprocess

from lib.netns import Netns, connect
from lib.process import inside

BROADCAST = "ff:ff:ff:ff:ff:ff"
FRAMES = pathlib.Path(__file__).with_name("frames.py")
# Where host-local goes on next time, and our index of its leases: neither holds an address.
ADVICE = ("last_reserved_ip.", "lock")


def files(*folders, advice=True):
    """{path: (mode, content)} of everything below these folders; without advice only what holds something."""
    found = {}
    for folder in map(pathlib.Path, folders):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or (not advice and (path.name.startswith(ADVICE) or ".crimp" in path.parts)):
                continue
            found[str(path)] = (oct(path.stat().st_mode), path.read_bytes() if path.is_file() else None)
    return found


def legacy(ns):
    """The rules of iptables-legacy. Asking makes the tables, so where nobody has used them nothing is asked."""
    found = {}
    for family, names in ((4, "ip_tables_names"), (6, "ip6_tables_names")):
        with inside(ns.path):
            names = pathlib.Path("/proc/thread-self/net", names)
            tables = names.read_text(encoding="utf-8").split() if names.exists() else []
        tool = "iptables-legacy" if family == 4 else "ip6tables-legacy"
        found[family] = {t: ns.run(tool, "-t", t, "-S").out.splitlines() for t in tables}
    return found


def state(node, *containers, advice=True):
    """Everything that a plugin could have changed: links, addresses, routes, rules, filters, knobs, files."""
    def one(ns):
        links = ns.links("addr")
        return {
            **ns.state(links),
            "ports": sorted((link["ifname"], link.get("master"), "UP" in link["flags"]) for link in links.values()),
            "rules": ns.ip("rule", "show"),
            "legacy": legacy(ns),
            "knobs": {k: ns.sysctl(k) for k in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")},
        }
    return {
        "node": one(node),
        "containers": {c.name: one(c) for c in containers},
        "files": files(node.data, node.cache, advice=advice),
    }


def changed(before, after, where="state"):
    """What differs between two such states, as readable lines; [] when nothing does."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(k for k in after if k not in before)]
        return [line for k in keys for line in changed(before.get(k), after.get(k), f"{where}.{k}")]
    if isinstance(before, str) and isinstance(after, str) and before.count("\n") > 1:
        return changed(before.splitlines(), after.splitlines(), where)
    if isinstance(before, list) and isinstance(after, list):
        return [f"{where}: - {x}" for x in before if x not in after] + [f"{where}: + {x}" for x in after if x not in before]
    return [] if before == after else [f"{where}: {before} -> {after}"]


def outside(node, routes=()):
    """A host beyond the node, 192.0.2.9 and 2001:db8:f::9, that knows no way to containers but these routes."""
    host = Netns("outside")
    node.on_close(host.close)
    for end in node, host:      # else the link-local addresses of the cable take a second to become usable
        end.sysctl("net.ipv6.conf.default.accept_dad", 0)
    connect(node, "up0", host, "eth0", ["192.0.2.1/24", "2001:db8:f::1/64"], ["192.0.2.9/24", "2001:db8:f::9/64"])
    node.sysctl("net.ipv6.conf.default.accept_dad", 1)
    for dst in routes:
        host.ip("-6" if ":" in dst else "-4", "route", "add", dst, "via", "2001:db8:f::1" if ":" in dst else "192.0.2.1")
    return host


def send_frame(ns, text, source=None, target=BROADCAST, ifname="eth0"):
    ns.run("/usr/bin/python3", FRAMES, "send", ifname, source or ns.mac(ifname), target, text)


class Ear:
    """Frames that arrive from now on: Ear(container) ... heard("last") -> [(source, text), ...] without the last."""

    def __init__(self, ns, last="last", ifname="eth0"):
        self.last = last
        self.p = ns.spawn("/usr/bin/python3", FRAMES, "hear", ifname, last, stdout=subprocess.PIPE, text=True)
        assert self.p.stdout.readline() == "ready\n"

    @property
    def heard(self):
        lines = [line.split(" ", 1) for line in self.p.stdout.read().splitlines()]
        return [(source, text) for source, text in lines if text != self.last]

    @property
    def texts(self):
        return [text for _, text in self.heard]


def port_of(node, result):
    """Name of the container's port on the node."""
    return result["interfaces"][1]["name"]


def slave(node, name):
    """What the bridge says about its port."""
    return node.link(name)["linkinfo"]["info_slave_data"]
