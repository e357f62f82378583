# SPDX-License-Identifier: Apache-2.0
"""Hosts with firewalls of every kind, and pods behind a bridge that the plugin firewall lets through."""

import os
import pathlib
import shutil
import signal

from lib.netns import until
from lib.plugin import run_plugin

DUAL = ("10.7.0.0/24", "fd00:7::/64")
FAMILIES = {4: ("iptables", "icmp-port-unreachable"), 6: ("ip6tables", "icmp6-port-unreachable")}


def saved(node, legacy=False):
    """iptables-save of table filter, both families, without comments and counters. Asking changes nothing: who has no
    table in nf_tables is not asked."""
    found = []
    for family, (tool, _) in FAMILIES.items():
        name = "ip filter" if family == 4 else "ip6 filter"
        if legacy or name in node.nft_tables():
            text = node.run(f"{tool}-{'legacy' if legacy else 'nft'}-save", "-t", "filter").out
            found += [f"{family} {line.split(' [')[0]}" for line in text.splitlines() if line[:1] in (":", "-")]
    return found


def dropping(node, legacy=False):
    """A host that forwards nothing by itself."""
    for tool, _ in FAMILIES.values():
        node.run(f"{tool}-{'legacy' if legacy else 'nft'}", "-w", "-P", "FORWARD", "DROP")


def docker(node, legacy=False):
    """FORWARD as Docker leaves it, with a rule of the operator's own."""
    for tool, _ in FAMILIES.values():
        def ipt(*args):
            node.run(f"{tool}-{'legacy' if legacy else 'nft'}", "-w", *args)
        ipt("-P", "FORWARD", "DROP")
        for chain in ("DOCKER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2", "DOCKER-USER"):
            ipt("-N", chain)
        ipt("-A", "DOCKER-USER", "-m", "comment", "--comment", "operator", "-p", "tcp", "--dport", "23", "-j", "DROP")
        ipt("-A", "DOCKER-USER", "-j", "RETURN")
        ipt("-A", "FORWARD", "-j", "DOCKER-USER")
        ipt("-A", "FORWARD", "-j", "DOCKER-ISOLATION-STAGE-1")
        ipt("-A", "FORWARD", "-o", "docker0", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT")
        ipt("-A", "FORWARD", "-o", "docker0", "-j", "DOCKER")
        ipt("-A", "FORWARD", "-i", "docker0", "!", "-o", "docker0", "-j", "ACCEPT")
        ipt("-A", "DOCKER-ISOLATION-STAGE-1", "-i", "docker0", "!", "-o", "docker0", "-j", "DOCKER-ISOLATION-STAGE-2")
        ipt("-A", "DOCKER-ISOLATION-STAGE-1", "-j", "RETURN")
        ipt("-A", "DOCKER-ISOLATION-STAGE-2", "-o", "docker0", "-j", "DROP")
        ipt("-A", "DOCKER-ISOLATION-STAGE-2", "-j", "RETURN")


def ufw(node, legacy=False):
    """FORWARD as ufw leaves it: all in chains, reject at the end, policy DROP."""
    for tool, unreachable in FAMILIES.values():
        def ipt(*args):
            node.run(f"{tool}-{'legacy' if legacy else 'nft'}", "-w", *args)
        ipt("-P", "FORWARD", "DROP")
        for chain in ("ufw-before-forward", "ufw-user-forward", "ufw-after-forward", "ufw-reject-forward"):
            ipt("-N", chain)
            ipt("-A", "FORWARD", "-j", chain)
        ipt("-A", "ufw-before-forward", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        ipt("-A", "ufw-before-forward", "-j", "ufw-user-forward")
        ipt("-A", "ufw-reject-forward", "-j", "REJECT", "--reject-with", unreachable)


class Firewalld:
    """A real firewalld on a bus of its own, both inside the node's network namespace."""

    BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context="default">
<allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow user="*"/></policy></busconfig>"""

    def __init__(self, node):
        self.node, self.dir = node, node.dir / "firewalld"
        self.dir.mkdir()
        self.address = f"unix:path={self.dir}/bus"
        self.env = {"DBUS_SYSTEM_BUS_ADDRESS": self.address}
        (self.dir / "bus.conf").write_text(self.BUS.format(self.dir / "bus"))
        node.spawn("dbus-daemon", f"--config-file={self.dir}/bus.conf", "--nofork", "--nopidfile")
        assert until((self.dir / "bus").exists), "no dbus-daemon"
        shutil.copytree("/etc/firewalld", self.dir / "etc")
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = self.node.spawn("firewalld", "--nofork", "--nopid", "--system-config", self.dir / "etc", "--log-file",
                                      self.dir / "log", env={**os.environ, **self.env})
        assert until(lambda: self.call("getDefaultZone", check=False).ok, 20), "no firewalld"

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait()

    def call(self, method, *args, check=True):
        return self.node.run("dbus-send", "--system", "--print-reply", "--dest=org.fedoraproject.FirewallD1",
                             "/org/fedoraproject/FirewallD1", f"org.fedoraproject.FirewallD1.{method}", *(f"string:{a}" for a in args),
                             env={**os.environ, **self.env}, check=check)

    def sources(self, zone="trusted"):
        return sorted(line.split('"')[1] for line in self.call("zone.getSources", zone).out.splitlines() if "string" in line)


class Pod:
    """A container behind a bridge and firewall; add() again is the ADD of firewall alone."""

    def __init__(self, node, id=None, bridge="cni0", subnets=DUAL, network="testnet", env=None, bindir=None, version="1.1.0", **keys):
        self.node, self.env, self.bindir = node, env or {}, pathlib.Path(bindir or node.bin)
        self.container = node.container(id=id)
        self.names = {"cniVersion": version, "name": network}
        self.bridge = {**self.names, "type": "bridge", "bridge": bridge, "isGateway": True, "isDefaultGateway": True,
                       "ipam": node.host_local(*subnets)}
        self.keys = keys
        self.prev = node.add(self.bridge, self.container)
        self.result = self.add()

    def conf(self, prev=True, **more):
        return {**self.names, "type": "firewall", **self.keys, **({"prevResult": self.prev} if prev else {}), **more}

    def call(self, command, prev=True, bindir=None, **more):
        bindir = pathlib.Path(bindir or self.bindir)
        return run_plugin("firewall", command, self.conf(prev, **more), netns=self.node.path, bindir=bindir, path=str(bindir),
                          container_id=self.container.id, container_netns=self.container.path, ifname="eth0", env=self.env)

    def add(self, **more):
        return self.call("ADD", **more).result

    def check(self, **more):
        return self.call("CHECK", **more).result

    def delete(self, whole=False, **more):
        answer = self.call("DEL", **more).result
        if whole:
            self.node.delete(self.bridge, self.container, prev=self.prev)
        return answer

    @property
    def addresses(self):
        return [ip["address"].split("/")[0] for ip in self.prev["ips"]]

    @property
    def address(self):
        return self.addresses[0]
