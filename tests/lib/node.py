# SPDX-License-Identifier: Apache-2.0
"""A node: a fresh network namespace that plays the host, with folders of its own for everything a host keeps."""

import json
import pathlib
import shutil
import tempfile
import uuid

from . import netns
from .fake import Fake
from .network import Network
from .plugin import BIN, run_plugin
from .process import clean_env

VERSION = "1.1.0"


class Container(netns.Netns):
    """A container as CNI sees one: an id and a network namespace."""

    def __init__(self, label="pod", id=None):
        super().__init__(label)
        self.id = id or f"{label}-{uuid.uuid4().hex[:12]}"


class Node(netns.Netns):
    """
    node.dir      a folder that goes with the node; node.bin, .conf_dir, .cache, .data lie in it
    node.bin      CNI_PATH: the programs under test, fakes can be added (node.fake)
    node.conf_dir network configurations (NETCONFPATH of cnitool)
    node.cache    cached results
    node.data     leases of host-local
    """

    def __init__(self, label="node", bindir=None):
        super().__init__(label)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.on_close(lambda: shutil.rmtree(self.dir, ignore_errors=True))
        self.bin, self.conf_dir = self.dir / "bin", self.dir / "net.d"
        self.cache, self.data = self.dir / "cache", self.dir / "networks"
        for d in (self.bin, self.conf_dir):
            d.mkdir()
        self.under_test = pathlib.Path(bindir or BIN)
        assert self.under_test.is_dir(), f"{self.under_test} does not exist (make, or set CRIMP_BIN)"
        for program in self.under_test.iterdir():
            if not program.name.startswith("."):
                (self.bin / program.name).symlink_to(program)
        self.sysctl("net.ipv4.ip_forward", 1)
        if pathlib.Path("/proc/sys/net/ipv6").exists():
            self.sysctl("net.ipv6.conf.all.forwarding", 1)

    def container(self, label="pod", id=None):
        """A new container on this node."""
        c = Container(label, id)
        self.on_close(c.close)
        return c

    # ---- one plugin

    def conf(self, conf):
        """A configuration with what every one needs filled in."""
        return conf if isinstance(conf, str) else {"cniVersion": VERSION, "name": "testnet", **conf}

    def plugin(self, command, conf, container=None, ifname="eth0", *, type=None, **kw):
        """Run the plugin of conf["type"] on this node; the Reply, whatever it is."""
        full = self.conf(conf)
        name = type or full["type"]
        if container is not None:
            kw.setdefault("container_id", container.id)
            kw.setdefault("container_netns", container.path)
            kw.setdefault("ifname", ifname)
        kw.setdefault("path", str(self.bin))
        return run_plugin(name, command, full, netns=self.path, bindir=self.bin, **kw)

    def add(self, conf, container, ifname="eth0", **kw):
        """ADD that must succeed; the result."""
        return self.plugin("ADD", conf, container, ifname, **kw).result

    def check(self, conf, container, ifname="eth0", prev=None, **kw):
        """CHECK that must succeed. prev is the result of the ADD."""
        return self.plugin("CHECK", with_prev(conf, prev), container, ifname, **kw).result

    def delete(self, conf, container, ifname="eth0", prev=None, **kw):
        """DEL that must succeed."""
        return self.plugin("DEL", with_prev(conf, prev), container, ifname, **kw).result

    def status(self, conf, **kw):
        """STATUS that must succeed."""
        return self.plugin("STATUS", conf, **kw).result

    def gc(self, conf, valid=(), **kw):
        """GC that must succeed. valid lists the attachments to keep as (container, ifname)."""
        keep = [{"containerID": getattr(c, "id", c), "ifname": i} for c, i in valid]
        return self.plugin("GC", {**conf, "cni.dev/valid-attachments": keep}, **kw).result

    def version(self, type):
        """What VERSION answers."""
        return self.plugin("VERSION", {"type": type}).result

    def refuses(self, command, conf, container=None, ifname="eth0", *, code=None, **kw):
        """The command must fail, with this code if given; the error object."""
        reply = self.plugin(command, conf, container, ifname, **kw)
        assert code is None or reply.code == code, f"code {code} was expected\n{reply}"
        return reply.error

    def host_local(self, *subnets, **more):
        """An ipam section for host-local whose leases are this node's own, a range set per subnet."""
        return {"type": "host-local", "dataDir": str(self.data), "ranges": [[{"subnet": s}] for s in subnets], **more}

    def leases(self, network="testnet"):
        """{address: lines of its lease file} as host-local keeps them."""
        d = self.data / network
        return {p.name: p.read_text().splitlines() for p in sorted(d.glob("*"))
                if p.name != "lock" and not p.name.startswith("last_reserved_ip")} if d.exists() else {}

    # ---- whole networks

    def network(self, *plugins, name="testnet", version=VERSION, **more):
        """A network of these plugins, operated by a runtime written here (see network.py), not by ours."""
        return Network(self, {"cniVersion": version, "name": name, **more, "plugins": list(plugins)})

    def write_conf(self, conf, file="10-test.conflist"):
        """Put a configuration (object or text) into node.conf_dir."""
        path = self.conf_dir / file
        path.write_text(conf if isinstance(conf, str) else json.dumps(conf, indent=2))
        return path

    def program(self, name, *args, env=None, **kw):
        """Run crimp or cnitool on this node, pointed at this node's folders; what it did, failed or not."""
        kw.setdefault("check", False)
        variables = {"CNI_PATH": str(self.bin), "NETCONFPATH": str(self.conf_dir), **(env or {})}
        return self.run(self.bin / name, *args, env=clean_env(**variables), **kw)

    def cnitool(self, *args, **kw):
        return self.program("cnitool", *args, **kw)

    def crimp(self, *args, **kw):
        return self.program("crimp", *args, **kw)

    def fake(self, name="fake", **kw):
        """A plugin that notes how it is called and answers what it is told (see fake.py)."""
        return Fake(self, name, **kw)


def with_prev(conf, prev):
    return conf if prev is None else {**conf, "prevResult": prev}
