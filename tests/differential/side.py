# SPDX-License-Identifier: Apache-2.0
"""One of the two nodes of a differential test.

DOC: Theory of operation

A side is a thread. Namespaces of networks and of mounts belong to threads, not to processes, so a thread that has
unshared both is a node of its own: what it starts runs there, the files of /proc/sys/net that it opens are those of its
namespace, and /run and /var/lib are empty folders that nobody else sees. Hence the paths are the same on both sides
(/run/netns/pod-a, /var/lib/cni/networks), nothing needs to be translated before results are compared, and there is
nothing to clean up: when the thread ends, the kernel takes everything.

It also saves an execution of nsenter and one of `ip netns` for each question, which is most of the time of a case.
"""

import concurrent.futures
import ctypes
import json
import os
import pathlib
import shlex
import socket
import subprocess
import time

from lib.process import CLONE_NEWNET, clean_env, libc
from lib.process import libc_call as call

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2


def mount(source, target, kind, flags=0, data=None):
    texts = [t if t is None else str(t).encode() for t in (source, target, kind)]
    call("mount", *texts, ctypes.c_ulong(flags), data and data.encode())


class Side:
    def __init__(self, name, bindir):
        self.name, self.bin = name, pathlib.Path(bindir)
        self.spaces, self.children, self.notes = {}, [], []
        self.ears, self.looks = {}, {}      # what the kernel tells of each namespace, what observe.py found there last
        self.worker = concurrent.futures.ThreadPoolExecutor(1)

    def __enter__(self):
        self.do(self.begin).result()
        return self

    def __exit__(self, *_):
        self.do(self.end).result()
        self.worker.shutdown()

    def do(self, function, *args):
        """Let the side's thread do this; a future."""
        return self.worker.submit(function, *args)

    # ---- what follows runs in the thread

    def begin(self):
        call("unshare", CLONE_NEWNS)
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        for path in "/run", "/var/lib":
            mount("tmpfs", path, "tmpfs", 0, "mode=755")
        for path in "/run/netns", "/run/lock", "/run/case", "/var/lib/cni":
            os.mkdir(path)
        self.space("node")
        for key in "ipv4/ip_forward", "ipv6/conf/all/forwarding":
            pathlib.Path("/proc/sys/net", key).write_text("1")

    def end(self):
        for child in self.children:
            child.kill()
            child.wait()
        for name in list(self.spaces):
            self.drop(name)

    def space(self, name):
        """A new network namespace, and be in it."""
        path = f"/run/netns/{'node' if name == 'node' else f'pod-{name}'}"
        call("unshare", CLONE_NEWNET)
        pathlib.Path(path).touch()
        mount("/proc/thread-self/ns/net", path, "none", MS_BIND)
        self.spaces[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        ear = self.ears[name] = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        ear.bind((0, 0xffffffff))
        self.run("ip", "link", "set", "lo", "up")

    def quiet(self, name):
        """Has rtnetlink told of no change in this namespace since the last question?"""
        told = False
        while True:
            try:
                self.ears[name].recv(1 << 16)
            except BlockingIOError:
                return not told
            except OSError:     # more than fits
                pass
            told = True

    def container(self, name):
        """Be sure that there is such a container."""
        if name not in self.spaces:
            self.space(name)
            self.enter("node")

    def enter(self, name):
        call("setns", self.spaces[name], CLONE_NEWNET)

    def drop(self, name):
        """This namespace is no more, its path is neither."""
        path = f"/run/netns/{'node' if name == 'node' else f'pod-{name}'}"
        os.close(self.spaces.pop(name))
        self.ears.pop(name).close()
        self.looks.pop(name, None)
        libc.umount2(path.encode(), MNT_DETACH)
        pathlib.Path(path).unlink(missing_ok=True)

    def run(self, *argv, stdin="", env=None, check=True, timeout=60):
        p = subprocess.run(argv, input=stdin, env=env, timeout=timeout, text=True, errors="replace", capture_output=True)
        assert not check or p.returncode == 0, f"{self.name}: {shlex.join(argv)}: {p.stderr or p.stdout}"
        return p

    def command(self, where, mark, text):
        """A step that is a command: "$" run it, "&" start it, "?" repeat it until it succeeds."""
        argv = ["/bin/sh", "-c", text.replace("{bin}", str(self.bin))]
        self.container(where)
        self.enter(where)
        try:
            if mark == "$":
                self.run(*argv)
            elif mark == "&":
                self.children.append(subprocess.Popen(argv[:2] + ["exec " + argv[2]], stdin=subprocess.DEVNULL,
                                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            else:
                end = time.monotonic() + 5
                while self.run(*argv, check=False).returncode and time.monotonic() < end:
                    time.sleep(0.02)
                self.run(*argv)
        finally:
            self.enter("node")

    def plugin(self, name, command, conf, container=None, ifname=None, args=None, env=None):
        """One execution; (status, stdout, stderr)."""
        variables = {"CNI_COMMAND": command, "CNI_PATH": str(self.bin), "CNI_ARGS": args}
        if container:
            variables |= {"CNI_CONTAINERID": f"pod-{container}", "CNI_NETNS": f"/run/netns/pod-{container}", "CNI_IFNAME": ifname}
        stdin = conf if isinstance(conf, str) else json.dumps(conf)
        p = self.run(str(self.bin / name), stdin=stdin, env=clean_env(**{**variables, **(env or {})}), check=False)
        self.notes.append((name, command, conf, str(self.bin), p.returncode, container and f"pod-{container}", ifname, args))
        return p.returncode, p.stdout, p.stderr
