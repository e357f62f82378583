# SPDX-License-Identifier: Apache-2.0
"""Network namespaces that cannot outlive the test run.

Every name is crt-PID-N-LABEL. A namespace goes when its owner closes it, when the interpreter ends, and, should that be
killed, at the start of the next run: sweep() removes whatever bears the number of a process that is no more.
"""

import atexit
import ctypes
import fcntl
import itertools
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

from .process import CLONE_NEWNET, inside, libc, libc_call, run, start

PREFIX = "crt-"
RUN = pathlib.Path("/run/netns")
MS_BIND, MNT_DETACH = 4096, 2
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
KERNELS_OWN = ("local", "broadcast", "multicast", "anycast")     # routes

_count = itertools.count(1)
_open = {}


class Netns:
    """A network namespace, with the questions that tests ask of one."""

    def __init__(self, label="ns"):
        self.name = f"{PREFIX}{os.getpid()}-{next(_count)}-{label}"
        self.path = str(RUN / self.name)
        self._spawned = []
        self._undo = []
        add(self.name)
        _open[self.name] = self

    def close(self):
        if _open.pop(self.name, None) is None:
            return
        for p in self._spawned:
            p.kill()
            p.wait()
        for undo in reversed(self._undo):
            undo()
        remove(self.name)

    def on_close(self, undo):
        """Call undo() when the namespace goes."""
        self._undo.append(undo)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return self.name

    # ---- running programs

    def run(self, *argv, **kw):
        """Run a program here; fails the test when the program fails, unless check=False."""
        return run(*argv, netns=self.path, **kw)

    def spawn(self, *argv, **kw):
        """Start a program here that runs until the namespace goes."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.DEVNULL)
        p = start(argv, self.path, **kw)
        self._spawned.append(p)
        return p

    # ---- links, addresses, routes

    def ip(self, *args, check=True):
        """`ip ARGS` here. A show or a get answers with data, everything else with nothing."""
        done = self.run("ip", "-j", "-d", *args, check=check)
        return done.json if done.ok else []

    def links(self, what="link"):
        """{name: what ip says about it}, with its addresses when what is "addr"."""
        return {link["ifname"]: link for link in self.ip(what, "show") if link}

    def link(self, name):
        """What ip says about the link, None when there is none."""
        return self.links().get(name)

    def addresses(self, dev, family=None):
        """["10.1.0.2/16", ...] without link-local ones."""
        found = [x for x in self.ip("addr", "show", "dev", dev, check=False) if x and x.get("ifname") == dev]
        return [a for x in found for a in addresses_of(x, family)]

    def routes(self, family=4, table="main"):
        """Routes as ip prints them: [{"dst": "default", "gateway": ..., "dev": ...}, ...]"""
        return self.ip(f"-{family}", "route", "show", "table", str(table), check=False)

    def route(self, dst, family=4, table="main"):
        """The route to dst ("default", "10.0.0.0/8"), None when there is none."""
        return next((r for r in self.routes(family, table) if r["dst"] == dst), None)

    def mac(self, dev):
        return self.link(dev)["address"]

    def sysctl(self, key, value=None):
        """Read (or write) net.ipv4.ip_forward and its like, as seen from here."""
        path = "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))
        with inside(self.path):
            if value is None:
                return pathlib.Path(path).read_text(encoding="utf-8").strip()
            return pathlib.Path(path).write_text(f"{value}\n", encoding="utf-8")

    # ---- filters

    def nft(self, *args, check=True):
        """`nft -j ARGS`: the list under "nftables", without the metainfo."""
        done = self.run("nft", "-j", *args, check=check)
        return [x for x in (done.json or {"nftables": []})["nftables"] if "metainfo" not in x] if done.ok else []

    def nft_tables(self):
        """["ip nat", "inet crimp", ...]"""
        return [f'{x["table"]["family"]} {x["table"]["name"]}' for x in self.nft("list", "tables")]

    def nft_elements(self, family, table, name):
        """The elements of a set or a map, [] when it does not exist."""
        for kind in ("map", "set"):
            for x in self.nft("list", kind, family, table, name, check=False):
                if kind in x:
                    return x[kind].get("elem", [])
        return []

    def iptables(self, *args, family=4, check=True):
        """`iptables ARGS`, its stdout as lines."""
        return self.run("iptables" if family == 4 else "ip6tables", "-w", *args, check=check).out.splitlines()

    def iptables_save(self, table="nat", family=4):
        """The rules of a table as lines, comments and counters left out."""
        tool = "iptables-save" if family == 4 else "ip6tables-save"
        return [line for line in self.run(tool, "-t", table).out.splitlines() if line[:1] in (":", "-")]

    def state(self, links=None):
        """Everything a plugin could have changed here, for before == after comparisons."""
        links = links or self.links("addr")
        return {
            "links": sorted(links),
            "addresses": {name: sorted(addresses_of(link)) for name, link in links.items()},
            "routes": {f: [without_carrier(r) for r in self.routes(f, "all") if r.get("type") not in KERNELS_OWN] for f in (4, 6)},
            "nft": self.run("nft", "list", "ruleset", check=False).out,
        }

    # ---- packets

    def ping(self, address, count=1, wait=2):
        """Does a ping come back?"""
        return self.run("ping", "-n", "-q", "-c", count, "-W", wait, "-i", "0.2", address, check=False).ok

    def listen(self, port, proto="tcp", reply=None, address="::"):
        """A server that answers every connection (or datagram) with reply, by default the name of this namespace,
        a space and the address it was called from."""
        here = pathlib.Path(__file__).with_name("echo.py")
        p = self.spawn("/usr/bin/python3", here, "serve", proto, address, port, reply or f"{self.name} %s",
                       stdout=subprocess.PIPE, text=True)
        assert p.stdout.readline() == "ready\n", f"no server on {proto} {address} {port} in {self.name}"
        return p

    def ask(self, address, port, proto="tcp", wait=2, source=None):
        """Connect and return what the server answers, None when nobody does."""
        here = pathlib.Path(__file__).with_name("echo.py")
        done = self.run("/usr/bin/python3", here, "ask", proto, address, port, wait, source or "", check=False)
        return done.out if done.ok else None

    def until(self, question, seconds=5):
        """Repeat question() until it is true; its last answer."""
        return until(question, seconds)


def without_carrier(route):
    """The kernel takes its time to see that a bridge has lost its last port."""
    return {**route, "flags": [f for f in route.get("flags", []) if f != "linkdown"]}


def addresses_of(link, family=None):
    """Those that `ip addr` tells of, without link-local ones."""
    return [f'{a["local"]}/{a["prefixlen"]}' for a in link["addr_info"]
            if a.get("scope") != "link" and family in (None, 4 if a["family"] == "inet" else 6)]


def until(question, seconds=5):
    """Repeat question() until it answers something true, at most for so long; the last answer."""
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


def connect(a, a_name, b, b_name, a_address=None, b_address=None):
    """A cable: a veth pair between two namespaces, up, with addresses if given."""
    run("ip", "link", "add", a_name, "netns", a.name, "type", "veth", "peer", "name", b_name, "netns", b.name)
    for ns, name, address in ((a, a_name, a_address), (b, b_name, b_address)):
        for one in [address] if isinstance(address, str) else address or []:
            ns.run("ip", "addr", "add", one, "dev", name, *(["nodad"] if ":" in one else []))
        ns.run("ip", "link", "set", name, "up")


def add(name):
    """What `ip netns add` and `ip link set lo up` do. The first one is left to ip, which prepares the folder."""
    path = RUN / name
    if RUN.is_mount():
        path.touch()
        with inside("/proc/thread-self/ns/net"):    # and back again
            libc_call("unshare", CLONE_NEWNET)
            libc_call("mount", b"/proc/thread-self/ns/net", str(path).encode(), b"none", ctypes.c_ulong(MS_BIND), None)
    else:
        run("ip", "netns", "add", name)
    with inside(path), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def inhabitants(path):
    """The processes in the namespace at this path."""
    there = os.stat(path)
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.path.samestat(os.stat(process / "ns/net"), there):
                yield int(process.name)
        except OSError:     # it has ended
            pass


def remove(name):
    path = RUN / name
    if not path.exists():
        return
    for pid in inhabitants(path):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    libc.umount2(str(path).encode(), MNT_DETACH)
    path.unlink(missing_ok=True)


def sweep():
    """Remove what runs that were killed have left."""
    for path in RUN.glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-", path.name)
        if owner and not pathlib.Path("/proc", owner[1]).exists():
            remove(path.name)


def close_all():
    for ns in list(_open.values()):
        ns.close()


atexit.register(close_all)
