# SPDX-License-Identifier: Apache-2.0
"""libcni.so as Python sees it: <cni/types.h> and <cni/runtime.h> by ctypes, failures as CniError."""

import ctypes
import functools
import json
import os
import weakref
from ctypes import POINTER, Structure, byref, c_bool, c_char, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p

from conformance.doubles import OUT

ROLLBACK, DEL_CONTINUE, STRICT_LOAD, NO_LOCKS, KEEP_CAPABILITIES = (1 << i for i in range(5))


class Error(Structure):
    _fields_ = [("size", c_size_t), ("code", c_int), ("num", c_int), ("text", c_char * 1024), ("details", c_char * 512)]


class Interface(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("mac", c_char_p),
        ("sandbox", c_char_p),
        ("socket_path", c_char_p),
        ("pci_id", c_char_p),
        ("mtu", c_uint32),
    ]


class Ip(Structure):
    _fields_ = [("size", c_size_t), ("address", c_char_p), ("gateway", c_char_p), ("interface", c_int)]


class Route(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("dst", c_char_p),
        ("gw", c_char_p),
        ("mtu", c_uint32),
        ("advmss", c_uint32),
        ("priority", c_uint32),
        ("table", c_uint32),
        ("scope", c_int),
    ]


class Exec(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("path", c_char_p),
        ("env", POINTER(c_char_p)),
        ("input", c_void_p),
        ("input_len", c_size_t),
        ("deadline_ms", c_int64),
    ]


class ExecEnd(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("status", c_int),
        ("out", c_void_p),
        ("err", c_void_p),
        ("out_len", c_size_t),
        ("err_len", c_size_t),
        ("timed_out", c_bool),
    ]


ExecFn = ctypes.CFUNCTYPE(c_bool, c_void_p, POINTER(Exec), POINTER(ExecEnd), POINTER(Error))
StderrFn = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_void_p, c_size_t)
WarnFn = ctypes.CFUNCTYPE(None, c_void_p, c_char_p)


class RuntimeOpts(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("plugin_dirs", POINTER(c_char_p)),
        ("cache_dir", c_char_p),
        ("flags", ctypes.c_uint),
        ("timeout_ms", c_int),
        ("grace_ms", c_int),
        ("lock_timeout_ms", c_int),
        ("exec", ExecFn),
        ("on_stderr", StderrFn),
        ("on_warn", WarnFn),
        ("arg", c_void_p),
    ]


class Arg(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Attachment(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("container_id", c_char_p),
        ("netns", c_char_p),
        ("ifname", c_char_p),
        ("args", POINTER(Arg)),
        ("n_args", c_size_t),
        ("capability_args", c_char_p),
    ]


class Cached(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("network", c_char_p),
        ("container_id", c_char_p),
        ("ifname", c_char_p),
        ("netns", c_char_p),
        ("config", c_void_p),
        ("config_len", c_size_t),
        ("args", POINTER(Arg)),
        ("n_args", c_size_t),
        ("capability_args", c_char_p),
        ("result", c_char_p),
        ("path", c_char_p),
    ]


# What abi.c prints, and what the cross-check compares.
STRUCTS = {
    "cni_error": Error,
    "cni_interface": Interface,
    "cni_ip": Ip,
    "cni_route": Route,
    "cni_exec": Exec,
    "cni_exec_end": ExecEnd,
    "cni_runtime_opts": RuntimeOpts,
    "cni_arg": Arg,
    "cni_attachment": Attachment,
    "cni_cached": Cached,
}

H, OUTPUT = c_void_p, POINTER(c_void_p)
# name: (what it returns, what it takes); functions that take an error last return success.
FUNCTIONS = {
    "cni_result_json": (c_char_p, [H]),
    "cni_result_json_as": (c_void_p, [H, c_char_p, POINTER(Error)]),
    "cni_result_version": (c_char_p, [H]),
    "cni_result_interfaces": (c_size_t, [H]),
    "cni_result_ips": (c_size_t, [H]),
    "cni_result_routes": (c_size_t, [H]),
    "cni_result_interface": (c_bool, [H, c_size_t, POINTER(Interface)]),
    "cni_result_ip": (c_bool, [H, c_size_t, POINTER(Ip)]),
    "cni_result_route": (c_bool, [H, c_size_t, POINTER(Route)]),
    "cni_result_parse": (c_bool, [c_char_p, c_size_t, c_char_p, OUTPUT, POINTER(Error)]),
    "cni_result_free": (None, [H]),
    "cni_library_version": (c_char_p, []),
    "cni_spec_version": (c_char_p, []),
    "cni_runtime_new": (c_bool, [POINTER(RuntimeOpts), OUTPUT, POINTER(Error)]),
    "cni_runtime_free": (None, [H]),
    "cni_network_load": (c_bool, [H, c_char_p, c_char_p, OUTPUT, POINTER(Error)]),
    "cni_network_load_file": (c_bool, [H, c_char_p, OUTPUT, POINTER(Error)]),
    "cni_network_load_bytes": (c_bool, [H, c_char_p, c_size_t, OUTPUT, POINTER(Error)]),
    "cni_network_free": (None, [H]),
    "cni_network_name": (c_char_p, [H]),
    "cni_network_version": (c_char_p, [H]),
    "cni_network_file": (c_char_p, [H]),
    "cni_network_plugins": (c_size_t, [H]),
    "cni_network_plugin_type": (c_char_p, [H, c_size_t]),
    "cni_network_plugin_json": (c_char_p, [H, c_size_t]),
    "cni_network_json": (c_void_p, [H, POINTER(c_size_t)]),
    "cni_network_is_single": (c_bool, [H]),
    "cni_network_disable_check": (c_bool, [H]),
    "cni_network_disable_gc": (c_bool, [H]),
    "cni_networks_load": (c_bool, [H, c_char_p, POINTER(POINTER(c_void_p)), POINTER(c_size_t), POINTER(Error)]),
    "cni_networks_free": (None, [POINTER(c_void_p), c_size_t]),
    "cni_add": (c_bool, [H, H, POINTER(Attachment), OUTPUT, POINTER(Error)]),
    "cni_check": (c_bool, [H, H, POINTER(Attachment), POINTER(Error)]),
    "cni_del": (c_bool, [H, H, POINTER(Attachment), POINTER(Error)]),
    "cni_gc": (c_bool, [H, H, POINTER(Attachment), c_size_t, POINTER(Error)]),
    "cni_gc_all": (c_bool, [H, H, POINTER(Error)]),
    "cni_status": (c_bool, [H, H, POINTER(Error)]),
    "cni_validate": (c_bool, [H, H, POINTER(POINTER(c_char_p)), POINTER(Error)]),
    "cni_plugin_versions": (c_bool, [H, c_char_p, POINTER(POINTER(c_char_p)), POINTER(Error)]),
    "cni_plugin_find": (c_bool, [H, c_char_p, POINTER(c_void_p), POINTER(Error)]),
    "cni_strings_free": (None, [POINTER(c_char_p)]),
    "cni_cached_result": (c_bool, [H, H, POINTER(Attachment), OUTPUT, POINTER(Error)]),
    "cni_cached_attachments": (c_bool, [H, c_char_p, OUTPUT, POINTER(Error)]),
    "cni_cached_list_len": (c_size_t, [H]),
    "cni_cached_list_get": (c_bool, [H, c_size_t, POINTER(Cached)]),
    "cni_cached_list_free": (None, [H]),
    "cni_cached_config": (c_bool, [H, c_char_p, c_char_p, c_char_p, OUTPUT, POINTER(Error)]),
}


class CniError(Exception):
    def __init__(self, e):
        self.code, self.num = e.code, e.num
        self.text, self.details = e.text.decode(errors="replace"), e.details.decode(errors="replace")
        super().__init__(f"code {self.code}, errno {self.num}: {self.text} / {self.details}")


@functools.cache
def library():
    path = os.environ.get("CRIMP_LIB") or OUT / "lib" / "libcni.so"
    assert os.path.exists(path), f"{path} is not built (make lib, or set CRIMP_LIB)"
    so = ctypes.CDLL(os.fspath(path))
    for name, (returns, takes) in FUNCTIONS.items():
        getattr(so, name).restype = returns
        getattr(so, name).argtypes = takes
    return so


libc = ctypes.CDLL(None)
libc.free.argtypes = [c_void_p]
libc.malloc.argtypes, libc.malloc.restype = [c_size_t], c_void_p


def call(name, *args):
    """Call and raise CniError for a false answer. A handle or string list out comes first among its outputs."""
    e = Error(size=ctypes.sizeof(Error))
    if not getattr(library(), name)(*args, byref(e)):
        raise CniError(e)


def data(text):
    """str or object as bytes for C; None stays."""
    if text is None or isinstance(text, bytes):
        return text
    return (
        text if isinstance(text, str) else os.fspath(text) if hasattr(text, "__fspath__") else json.dumps(text)
    ).encode()


def strings(array):
    found = []
    while array[len(found)] is not None:
        found.append(array[len(found)].decode())
    library().cni_strings_free(array)
    return found


class Result:
    def __init__(self, handle):
        self.handle = handle
        weakref.finalize(self, library().cni_result_free, handle)

    @property
    def text(self):
        return library().cni_result_json(self.handle).decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def version(self):
        return library().cni_result_version(self.handle).decode()

    def text_as(self, version):
        e = Error(size=ctypes.sizeof(Error))
        p = library().cni_result_json_as(self.handle, version.encode(), byref(e))
        if not p:
            raise CniError(e)
        text = ctypes.string_at(p).decode()
        libc.free(p)
        return text

    def as_(self, version):
        """The result in another version, as data."""
        return json.loads(self.text_as(version))

    def _all(self, kind, struct):
        found = []
        while True:
            s = struct(size=ctypes.sizeof(struct))
            if not getattr(library(), f"cni_result_{kind}")(self.handle, len(found), byref(s)):
                break
            found.append(
                {k: v.decode() if isinstance(v := getattr(s, k), bytes) else v for k, _ in struct._fields_[1:]}
            )
        assert len(found) == getattr(library(), f"cni_result_{kind}s")(self.handle)
        return found

    interfaces = property(lambda self: self._all("interface", Interface))
    ips = property(lambda self: self._all("ip", Ip))
    routes = property(lambda self: self._all("route", Route))


def parse_result(text, fallback="1.1.0"):
    raw, handle = data(text), c_void_p()
    call("cni_result_parse", raw, len(raw), data(fallback), byref(handle))
    return Result(handle)


class Net:
    def __init__(self, handle, runtime, owned=True):
        self.handle, self.runtime = handle, runtime
        if owned:
            weakref.finalize(self, library().cni_network_free, handle)

    name = property(lambda self: library().cni_network_name(self.handle).decode())
    version = property(lambda self: library().cni_network_version(self.handle).decode())
    file = property(lambda self: library().cni_network_file(self.handle).decode())
    single = property(lambda self: library().cni_network_is_single(self.handle))
    disable_check = property(lambda self: library().cni_network_disable_check(self.handle))
    disable_gc = property(lambda self: library().cni_network_disable_gc(self.handle))

    @property
    def types(self):
        n = library().cni_network_plugins(self.handle)
        assert library().cni_network_plugin_type(self.handle, n) is None
        return [library().cni_network_plugin_type(self.handle, i).decode() for i in range(n)]

    def plugin_json(self, i):
        return library().cni_network_plugin_json(self.handle, i).decode()

    @property
    def bytes(self):
        n = c_size_t()
        p = library().cni_network_json(self.handle, byref(n))
        return ctypes.string_at(p, n.value)


class At:
    """Who is attached: At("c1", netns="/run/netns/x", ifname="eth0", args=[("K", "V")], caps={...})"""

    def __init__(self, id="c1", netns="/run/netns/nowhere", ifname="eth0", args=(), caps=None):
        self.id, self.netns, self.ifname, self.args, self.caps = id, netns, ifname, list(args), caps
        array = (Arg * max(len(self.args), 1))(*[Arg(data(k), data(v)) for k, v in self.args])
        self.c = Attachment(
            size=ctypes.sizeof(Attachment),
            container_id=data(id),
            netns=data(netns),
            ifname=data(ifname),
            args=array,
            n_args=len(self.args),
            capability_args=data(caps),
        )


class Entry:
    """An attachment as the cache remembers it."""

    def __init__(self, c):
        self.network, self.id, self.ifname, self.netns = (
            x.decode() for x in (c.network, c.container_id, c.ifname, c.netns)
        )
        self.config = ctypes.string_at(c.config, c.config_len) if c.config else None
        self.args = [(c.args[i].key.decode(), c.args[i].value.decode()) for i in range(c.n_args)]
        self.caps = json.loads(c.capability_args) if c.capability_args else None
        self.result = json.loads(c.result) if c.result else None
        self.path = c.path.decode()

    key = property(lambda self: (self.network, self.id, self.ifname))


def entries(handle):
    n = library().cni_cached_list_len(handle)
    found = []
    for i in range(n):
        c = Cached(size=ctypes.sizeof(Cached))
        assert library().cni_cached_list_get(handle, i, byref(c))
        found.append(Entry(c))
    assert not library().cni_cached_list_get(handle, n, byref(Cached(size=ctypes.sizeof(Cached))))
    library().cni_cached_list_free(handle)
    return found


class Runtime:
    """A runtime. .stderr collects (type, text) of plugins, .warnings the library's."""

    def __init__(
        self, dirs=(), cache=None, flags=0, timeout_ms=0, grace_ms=0, lock_timeout_ms=0, exec=None, keep_stderr=False
    ):
        self.stderr, self.warnings, self.cache = [], [], cache
        array = (c_char_p * (len(dirs) + 1))(*[data(d) for d in dirs], None)
        self._keep = (
            array,
            StderrFn(self._on_stderr) if keep_stderr else StderrFn(),
            WarnFn(self._on_warn),
            ExecFn(exec) if exec else ExecFn(),
        )
        opts = RuntimeOpts(
            size=ctypes.sizeof(RuntimeOpts),
            plugin_dirs=array,
            cache_dir=data(cache),
            flags=flags,
            timeout_ms=timeout_ms,
            grace_ms=grace_ms,
            lock_timeout_ms=lock_timeout_ms,
            exec=self._keep[3],
            on_stderr=self._keep[1],
            on_warn=self._keep[2],
        )
        self.handle = c_void_p()
        call("cni_runtime_new", byref(opts), byref(self.handle))
        weakref.finalize(self, library().cni_runtime_free, self.handle)

    def _on_stderr(self, _, type, text, n):
        self.stderr.append((type.decode(), ctypes.string_at(text, n).decode()))

    def _on_warn(self, _, text):
        self.warnings.append(text.decode())

    def load(self, dir, name=None):
        handle = c_void_p()
        call("cni_network_load", self.handle, data(dir), data(name), byref(handle))
        return Net(handle, self)

    def load_file(self, path):
        handle = c_void_p()
        call("cni_network_load_file", self.handle, data(path), byref(handle))
        return Net(handle, self)

    def load_bytes(self, text):
        raw, handle = data(text), c_void_p()
        call("cni_network_load_bytes", self.handle, raw, len(raw), byref(handle))
        return Net(handle, self)

    def load_all(self, dir):
        array, n = POINTER(c_void_p)(), c_size_t()
        call("cni_networks_load", self.handle, data(dir), byref(array), byref(n))
        found = [(net.name, net.types) for net in (Net(c_void_p(array[i]), self, owned=False) for i in range(n.value))]
        library().cni_networks_free(array, n)
        return found

    def add(self, net, at):
        handle = c_void_p()
        call("cni_add", self.handle, net.handle, byref(at.c), byref(handle))
        return Result(handle)

    def check(self, net, at):
        call("cni_check", self.handle, net.handle, byref(at.c))

    def delete(self, net, at):
        call("cni_del", self.handle, net.handle, byref(at.c))

    def gc(self, net, valid):
        """valid: a list of At, or None for a null list."""
        array = (Attachment * max(len(valid or ()), 1))(*[a.c for a in valid or ()])
        call("cni_gc", self.handle, net.handle, None if valid is None else array, len(valid or ()))

    def gc_all(self, net):
        call("cni_gc_all", self.handle, net.handle)

    def status(self, net):
        call("cni_status", self.handle, net.handle)

    def validate(self, net):
        array = POINTER(c_char_p)()
        call("cni_validate", self.handle, net.handle, byref(array))
        return strings(array)

    def versions(self, type):
        array = POINTER(c_char_p)()
        call("cni_plugin_versions", self.handle, data(type), byref(array))
        return strings(array)

    def find(self, type):
        p = c_void_p()
        call("cni_plugin_find", self.handle, data(type), byref(p))
        path = ctypes.string_at(p).decode()
        libc.free(p)
        return path

    def cached_result(self, net, at):
        """None when nothing is cached."""
        handle = c_void_p()
        call("cni_cached_result", self.handle, net.handle, byref(at.c), byref(handle))
        return Result(handle) if handle.value else None

    def attachments(self, id=None):
        handle = c_void_p()
        call("cni_cached_attachments", self.handle, data(id), byref(handle))
        return entries(handle)

    def cached_config(self, network, id, ifname):
        """None when nothing is cached."""
        handle = c_void_p()
        call("cni_cached_config", self.handle, data(network), data(id), data(ifname), byref(handle))
        return entries(handle)[0] if handle.value else None
