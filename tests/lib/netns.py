# SPDX-License-Identifier: Apache-2.0
"""Network namespaces that cannot outlive the test run.

Every name is crt-PID-N-LABEL. A namespace goes when its owner closes it, when the interpreter ends, and, should that be
killed, at the start of the next run: sweep() removes whatever bears the number of a process that is no more.
"""

import atexit
import itertools
import os
import pathlib
import re
import signal
import subprocess
import time

from .process import entering, run

PREFIX = "crt-"
RUN = pathlib.Path("/run/netns")

_count = itertools.count(1)
_open = {}


class Netns:
    """A network namespace, with the questions that tests ask of one."""

    def __init__(self, label="ns"):
        self.name = f"{PREFIX}{os.getpid()}-{next(_count)}-{label}"
        self.path = str(RUN / self.name)
        self._spawned = []
        self._undo = []
        run("ip", "netns", "add", self.name)
        _open[self.name] = self
        run("ip", "-n", self.name, "link", "set", "lo", "up")

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
        p = subprocess.Popen(entering(self.path, argv), **kw)
        self._spawned.append(p)
        return p

    # ---- links, addresses, routes

    def ip(self, *args, check=True):
        """`ip ARGS` here. A show or a get answers with data, everything else with nothing."""
        done = run("ip", "-j", "-d", "-n", self.name, *args, check=check)
        return done.json if done.ok else []

    def links(self):
        """{name: what ip says about it}"""
        return {link["ifname"]: link for link in self.ip("link", "show") if link}

    def link(self, name):
        """What ip says about the link, None when there is none."""
        return self.links().get(name)

    def addresses(self, dev, family=None):
        """["10.1.0.2/16", ...] without link-local ones."""
        found = [x for x in self.ip("addr", "show", "dev", dev, check=False) if x and x.get("ifname") == dev]
        return [f'{a["local"]}/{a["prefixlen"]}' for x in found for a in x["addr_info"]
                if a.get("scope") != "link" and family in (None, 4 if a["family"] == "inet" else 6)]

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
        if value is None:
            return self.run("cat", path).out.strip()
        return self.run("sh", "-c", f"echo {value} > {path}")

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

    def state(self):
        """Everything a plugin could have changed here, for before == after comparisons."""
        return {
            "links": sorted(self.links()),
            "addresses": {name: sorted(self.addresses(name)) for name in self.links()},
            "routes": {f: [r for r in self.routes(f, "all") if r.get("type") not in ("local", "broadcast", "multicast",
                                                                                     "anycast")] for f in (4, 6)},
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
            run("ip", "-n", ns.name, "addr", "add", one, "dev", name, *(["nodad"] if ":" in one else []))
        run("ip", "-n", ns.name, "link", "set", name, "up")


def remove(name):
    for pid in run("ip", "netns", "pids", name, check=False).out.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    run("ip", "netns", "del", name, check=False)


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
