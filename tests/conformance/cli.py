# SPDX-License-Identifier: Apache-2.0
"""cnitool with a cache of its own: it knows no folder for it but /var/lib/cni."""

import ctypes
import os
import subprocess

from lib.plugin import BIN
from lib.process import clean_env

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
libc = ctypes.CDLL(None)


def private_cache(cache):
    """Arguments for subprocess: run in a mount namespace where /var/lib/cni is this folder."""
    cache.mkdir(exist_ok=True)
    os.makedirs("/var/lib/cni", exist_ok=True)

    def enter():
        for failed in (
            libc.unshare(CLONE_NEWNS),
            libc.mount(b"none", b"/", None, MS_PRIVATE | MS_REC, None),
            libc.mount(os.fsencode(cache), b"/var/lib/cni", None, MS_BIND, None),
        ):
            if failed:
                os._exit(99)

    return {"preexec_fn": enter}


def cnitool(world, *args, env=None):
    variables = {"CNI_PATH": world.bin, "NETCONFPATH": world.conf, **(env or {})}
    return subprocess.run(
        [BIN / "cnitool", *map(str, args)],
        env=clean_env(**variables),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        **private_cache(world.cache)
    )
