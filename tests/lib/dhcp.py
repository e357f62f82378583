# SPDX-License-Identifier: Apache-2.0
"""DHCP in tests: a server (dnsmasq) on a cable, and the daemon that keeps leases."""

import contextlib
import pathlib
import socket
import subprocess
import time

from .netns import Netns, connect, until

OPTIONS = ("option:router,10.9.0.1", "option:dns-server,10.9.0.53", "option:domain-name,example.org",
           "option:domain-search,a.example,b.example")


class Server(Netns):
    """dnsmasq at 10.9.0.1/24, in a namespace of its own. plug() leads a cable to it."""

    def __init__(self, folder, *options, range="10.9.0.10,10.9.0.99,255.255.255.0,2m", address="10.9.0.1/24", label="dhcpd"):
        super().__init__(label)
        self.folder = pathlib.Path(folder)
        self.log, self.file = self.folder / f"{self.name}.log", self.folder / f"{self.name}.leases"
        self.range, self.options, self.dnsmasq = range, options or OPTIONS, None
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("link", "set", "br0", "up")
        self.ip("addr", "add", address, "dev", "br0")
        self.cables = 0
        self.start()

    def start(self):
        self.file.touch()
        log = self.log.open("a")
        self.dnsmasq = self.spawn(
            "dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--port=0", "--interface=br0",
            "--bind-interfaces", "--no-ping", "--dhcp-authoritative", "--log-dhcp", "--log-facility=-", "--no-resolv", "--no-hosts",
            f"--dhcp-leasefile={self.file}", f"--dhcp-range={self.range}", "--pid-file=", *[f"--dhcp-option={o}" for o in self.options],
            stdout=log, stderr=subprocess.STDOUT)
        assert until(lambda: "DHCP, IP range" in self.log.read_text()), self.log.read_text()

    def stop(self):
        self.dnsmasq.kill()
        self.dnsmasq.wait()

    def plug(self, ns, name="eth0", up=True):
        """A cable from here to an interface of ns."""
        self.cables += 1
        port = f"port{self.cables}"
        connect(self, port, ns, name)
        self.ip("link", "set", port, "master", "br0")
        if not up:
            ns.ip("link", "set", name, "down")

    def leases(self):
        """{address: (name of the host, identifier of the client)}"""
        rows = [line.split() for line in self.file.read_text().splitlines()]
        return {r[2]: (r[3], r[4]) for r in rows if len(r) == 5}

    def said(self):
        return self.log.read_text()


class Daemon:
    """`dhcp daemon` on a node, ours or another."""

    def __init__(self, node, *flags, program=None, socket=None):
        self.node, self.program, self.flags = node, program or node.bin / "dhcp", flags
        self.socket = pathlib.Path(socket or node.dir / "dhcp.sock")
        self.log = node.dir / "dhcp.log"
        self.process = None
        self.start()

    def start(self):
        self.process = self.node.spawn(self.program, "daemon", "-socketpath", self.socket, *self.flags,
                                       stdout=self.log.open("a"), stderr=subprocess.STDOUT)
        assert until(self.listens), self.log.read_text()

    def listens(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            return s.connect_ex(str(self.socket)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(5)

    def kill(self):
        self.process.kill()
        self.process.wait(5)

    def ipam(self, **more):
        """An ipam section that leads here."""
        return {"type": "dhcp", "daemonSocketPath": str(self.socket), **more}


def hanging(path):
    """A socket where somebody listens who never says anything. Close it."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(path))
    s.listen(8)
    return s


def took(question):
    """(seconds, answer)"""
    began = time.monotonic()
    answer = question()
    return time.monotonic() - began, answer
