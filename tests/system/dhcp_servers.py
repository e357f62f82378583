# SPDX-License-Identifier: Apache-2.0
"""Real DHCP servers in a namespace of their own, on a cable to a bridge of the node; and the daemon under test."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

from lib.netns import Netns, connect, until

SUBNET, SUBNET6 = "10.9.0", "fd00:9"


class Lan:
    """
    A node's bridge lan0 and, at the other end of a cable, a server namespace with 10.9.0.1/24. The node's second cable,
    up0, leads to the same server and serves as a master for macvlan.
    """

    def __init__(self, node):
        self.node, self.server = node, Netns("dhcp")
        node.on_close(self.server.close)
        # A server binds its link-local address at once, and the kernel may take long to try that out.
        self.server.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.server.ip("link", "add", "br0", "type", "bridge", "forward_delay", "0")
        self.server.ip("addr", "add", f"{SUBNET}.1/24", "dev", "br0")
        self.server.ip("link", "set", "br0", "up")
        node.ip("link", "add", "lan0", "type", "bridge", "forward_delay", "0")
        node.ip("link", "set", "lan0", "up")
        for ours, theirs in (("port0", "lan"), ("up0", "second")):
            connect(node, ours, self.server, theirs)
            self.server.ip("link", "set", theirs, "master", "br0")
        node.ip("link", "set", "port0", "master", "lan0")


class Lan6(Lan):
    """With fd00:9::1/64, too."""

    def __init__(self, node):
        super().__init__(node)
        self.server.ip("addr", "add", f"{SUBNET6}::1/64", "dev", "br0", "nodad")
        assert until(lambda: "tentative" not in str(self.server.ip("-6", "addr", "show", "dev", "br0")), 5)


class Server:
    """start() and stop(); the file self.log is what it says."""

    def __init__(self, lan):
        self.lan, self.ns, self.dir, self.process = lan, lan.server, lan.node.dir, None
        self.log = self.dir / f"{self.name}.log"
        lan.node.on_close(self.stop)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def run(self, *argv, ready, env=None):
        before = self.said(ready)
        with open(self.log, "ab") as out:
            self.process = self.ns.spawn(*argv, stdout=out, stderr=out, env={**os.environ, **(env or {})})
        assert until(lambda: self.said(ready) > before, 15), self.text()
        return self

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def said(self, pattern):
        """How many lines of its log match?"""
        return len(re.findall(pattern, self.text()))

    def count(self, message):
        """How many messages of this name has it received?"""
        return self.said(self.received % message)


class Dnsmasq(Server):
    name, received = "dnsmasq", r" %s\(br0\)"

    def start(self, first=50, renew=None, *options):
        """At most ten addresses from 10.9.0.FIRST on; T1 of 2 s and less is not taken from us."""
        times = ([f"--dhcp-option-force=option:T1,{renew}", f"--dhcp-option-force=option:T2,{renew + 60}"]
                 if renew else [])
        return self.run("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=br0",
                        "--bind-interfaces", "--user=root", "--no-ping",
                        f"--dhcp-range={SUBNET}.{first},{SUBNET}.{first + 9},255.255.255.0,120",
                        "--dhcp-authoritative", "--log-dhcp", "--leasefile-ro" if first != 50 else
                        f"--dhcp-leasefile={self.dir}/dnsmasq.leases", *times, *options, ready="sockets bound")

    def leases(self):
        """{address: client identifier}"""
        lines = (self.dir / "dnsmasq.leases").read_text().splitlines()
        return {line.split()[2]: line.split()[4] for line in lines}


class Kea(Server):
    name, received = "kea", r"%s \(type \d+\) received"

    def start(self, first=50, renew=2, rebind=4, valid=6, pool=10, options=()):
        log = {"name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 55, "output_options": [{"output": "stdout"}]}
        (self.dir / "kea.json").write_text(json.dumps({"Dhcp4": {
            "interfaces-config": {"interfaces": ["br0"], "dhcp-socket-type": "raw"}, "authoritative": True,
            "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                               "name": str(self.dir / "kea.csv")},
            "renew-timer": renew, "rebind-timer": rebind, "valid-lifetime": valid, "loggers": [log],
            "expired-leases-processing": {"hold-reclaimed-time": 3600},
            "subnet4": [{"id": 1, "subnet": f"{SUBNET}.0/24", "option-data": [
                {"name": "routers", "data": f"{SUBNET}.1"}, *options],
                "pools": [{"pool": f"{SUBNET}.{first} - {SUBNET}.{first + pool - 1}"}]}]}}))
        return self.run("kea-dhcp4", "-c", self.dir / "kea.json", ready="DHCP4_STARTED",
                        env={"KEA_PIDFILE_DIR": str(self.dir), "KEA_LOCKFILE_DIR": str(self.dir)})

    def leases(self):
        """{address: client identifier} of what is in force: the last line about it has a valid time."""
        rows = [line.split(",") for line in (self.dir / "kea.csv").read_text().splitlines()[1:]]
        last = {row[0]: row for row in rows}
        return {address: row[2] for address, row in last.items() if row[3] != "0"}


class Scripted(Server):
    """Says what it is told to: dhcp_scripted.py."""
    name, received = "scripted", r"%s received"

    def start(self, **say):
        return self.run(sys.executable, pathlib.Path(__file__).with_name("dhcp_scripted.py"), "br0", json.dumps(say), ready="ready")


class Scripted6(Server):
    """The same for IPv6: dhcp6_scripted.py."""
    name, received = "scripted6", r"%s received"

    def start(self, **say):
        program = pathlib.Path(__file__).with_name("dhcp6_scripted.py")
        return self.run(sys.executable, program, "br0", json.dumps(say), ready="ready")


class Dnsmasq6(Server):
    """IPv6, and IPv4 with both=True. dnsmasq gives no lease for less than two minutes."""

    name, received = "dnsmasq6", r" %s\(br0\)"

    def start(self, both=False):
        range4 = [f"--dhcp-range={SUBNET}.50,{SUBNET}.59,255.255.255.0,120"] if both else []
        return self.run("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=br0",
                        "--bind-interfaces", "--user=root", "--no-ping", "--log-dhcp",
                        f"--dhcp-leasefile={self.dir}/dnsmasq6.leases", *range4,
                        f"--dhcp-range={SUBNET6}::100,{SUBNET6}::1ff,64,120",
                        f"--dhcp-option=option6:dns-server,[{SUBNET6}::53]",
                        "--dhcp-option=option6:domain-search,a.example.org,b.example.org", ready="sockets bound")

    def leases(self):
        """The IPv6 addresses in force."""
        words = [line.split() for line in (self.dir / "dnsmasq6.leases").read_text().splitlines()]
        return {w[2] for w in words if len(w) == 5 and ":" in w[2]}


class Kea6(Server):
    name, received = "kea6", r"%s \(type \d+\) received"

    def start(self, renew=2, rebind=4, valid=6, pool=10, first=0x50, options=()):
        log = {"name": "kea-dhcp6", "severity": "DEBUG", "debuglevel": 55, "output_options": [{"output": "stdout"}]}
        (self.dir / "kea6.json").write_text(json.dumps({"Dhcp6": {
            "interfaces-config": {"interfaces": ["br0"]},
            "lease-database": {"type": "memfile", "persist": True, "lfc-interval": 0,
                               "name": str(self.dir / "kea6.csv")},
            "server-id": {"type": "LL", "persist": False, "identifier": "020000000001", "htype": 1},
            "renew-timer": renew, "rebind-timer": rebind, "preferred-lifetime": valid - 1, "valid-lifetime": valid,
            "loggers": [log],
            "expired-leases-processing": {"hold-reclaimed-time": 3600},
            "subnet6": [{"id": 1, "subnet": f"{SUBNET6}::/64", "interface": "br0", "option-data": list(options),
                         "pools": [{"pool": f"{SUBNET6}::{first:x} - {SUBNET6}::{first + pool - 1:x}"}]}]}}))
        return self.run("kea-dhcp6", "-c", self.dir / "kea6.json", ready="DHCP6_STARTED",
                        env={"KEA_PIDFILE_DIR": str(self.dir), "KEA_LOCKFILE_DIR": str(self.dir)})

    def leases(self):
        rows = [line.split(",") for line in (self.dir / "kea6.csv").read_text().splitlines()[1:]]
        last = {row[0]: row for row in rows}
        return {address for address, row in last.items() if row[2] != "0"}


class Daemon:
    """`dhcp daemon` on a node."""

    def __init__(self, node, *flags, binary=None):
        self.node, self.flags, self.binary = node, flags, binary or node.bin / "dhcp"
        self.socket, self.log = node.dir / "dhcp.sock", node.dir / "daemon.log"
        self.store = node.dir / "dhcp.sock.leases"
        self.process = None
        self.start()

    def start(self):
        before = len(self.said())
        with open(self.log, "ab") as out:
            self.process = self.node.spawn(self.binary, "daemon", "-socketpath", self.socket, *self.flags,
                                           stdout=out, stderr=out)
        assert until(self.listens), self.said()[before:]
        return self

    def listens(self):
        return self.process.poll() is not None or str(self.socket) in self.node.run("ss", "-xlnH", check=False).out

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        assert until(lambda: self.process.poll() is not None)
        return self.process.returncode

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def files(self):
        """The leases on disk."""
        return sorted(p.name for p in self.store.glob("*.json"))

    def ipam(self, **more):
        return {"type": "dhcp", "daemonSocketPath": str(self.socket), **more}


def spawn_plugin(node, conf, container, ifname="eth0", command="ADD"):
    """A plugin call that goes on while the test does."""
    full = node.conf(conf)
    env = {"CNI_COMMAND": command, "CNI_CONTAINERID": container.id, "CNI_NETNS": container.path, "CNI_IFNAME": ifname,
           "CNI_PATH": str(node.bin), "PATH": os.environ["PATH"]}
    p = node.spawn(node.bin / full["type"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    p.stdin.write(json.dumps(full).encode())
    p.stdin.close()
    return p
