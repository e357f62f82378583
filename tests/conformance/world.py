# SPDX-License-Identifier: Apache-2.0
"""What a test of libcni needs at hand: doubles as plugins, configuration files, a cache, runtimes."""

import json
import pathlib

import pytest

from conformance import libcni
from conformance.libcni import At, CniError


class World:
    """
    world.bin, .conf, .cache   folders
    world.plugin(name, ...)    a double (conformance/doubles.py)
    world.list(...)            the text of a configuration list
    world.rt(...)              a runtime over them; options as libcni.Runtime
    """

    def __init__(self, dir, plugins):
        self.dir, self.plugins, self.bin = pathlib.Path(dir), plugins, plugins.bin
        self.conf, self.cache = self.dir / "net.d", self.dir / "cache"
        self.conf.mkdir()

    def plugin(self, name, program="noop", **script):
        return self.plugins.make(name, program, **script)

    @property
    def log(self):
        return self.plugins.log

    def rt(self, *, dirs=None, cache=None, **kw):
        return libcni.Runtime([self.bin] if dirs is None else dirs, cache or self.cache, **kw)

    @staticmethod
    def list(*plugins, version="1.1.0", name="net", **more):
        """Plugins by type or as objects; version None leaves cniVersion out."""
        conf = {} if version is None else {"cniVersion": version}
        entries = [{"type": p} if isinstance(p, str) else p for p in plugins]
        return json.dumps({**conf, "name": name, **more, "plugins": entries})

    def net(self, rt, *plugins, **kw):
        """A network from memory."""
        return rt.load_bytes(self.list(*plugins, **kw))

    def write(self, path, conf):
        """A configuration file in world.conf; conf is an object or a text."""
        file = self.conf / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(conf if isinstance(conf, str) else json.dumps(conf))
        return file

    @property
    def results(self):
        return self.cache / "results"

    def cache_files(self):
        """Names of the attachments in the cache; files of locks and the like begin with a dot or lie elsewhere."""
        return sorted(p.name for p in self.results.iterdir() if is_entry(p)) if self.results.is_dir() else []

    def cache_file(self, network="net", id="c1", ifname="eth0"):
        return self.results / f"{network}-{id}-{ifname}"

    def cached(self, **kw):
        return json.loads(self.cache_file(**kw).read_text())

    def put_cache(self, text, **kw):
        """Something that another runtime left in the cache."""
        self.results.mkdir(parents=True, exist_ok=True)
        self.cache_file(**kw).write_text(text if isinstance(text, str) else json.dumps(text))


def is_entry(path):
    return path.is_file() and not path.name.startswith(".") and not path.name.endswith(".lock")


def refused(call, *args, code=None, says=()):
    """The call must raise CniError, with this code and these words if given; the error."""
    with pytest.raises(CniError) as caught:
        call(*args)
    e = caught.value
    assert code is None or e.code == code, f"code {code} was expected: {e}"
    for word in [says] if isinstance(says, str) else says:
        assert word in e.text or word in e.details, f"{word!r} was expected: {e}"
    return e


RESULT = {
    "cniVersion": "1.1.0",
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 0}],
    "routes": [{"dst": "0.0.0.0/0"}],
}

__all__ = ["At", "CniError", "RESULT", "World", "refused"]
