# SPDX-License-Identifier: Apache-2.0
"""Run a program, perhaps inside a network namespace, and keep what it said.

A network namespace belongs to a thread: the one that starts a program goes there for the moment and comes back. In a
guest, where most of the time of a test goes into execve(), this is half of what `nsenter` would cost.
"""

import contextlib
import ctypes
import json
import os
import shlex
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Done:
    """A program that has ended."""

    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err

    @property
    def ok(self):
        return self.rc == 0

    @property
    def json(self):
        """stdout as JSON; nothing printed is an empty list, the way iproute2 answers about nothing."""
        return json.loads(self.out) if self.out.strip() else []

    def __str__(self):
        return f"$ {shlex.join(self.argv)}\nexit status {self.rc}\nstdout: {self.out}\nstderr: {self.err}"


def libc_call(name, *args):
    if getattr(libc, name)(*args) != 0:
        e = ctypes.get_errno()
        raise OSError(e, f"{name}: {os.strerror(e)}")


@contextlib.contextmanager
def inside(netns):
    """The thread is in the network namespace at this path, where it was when there is none."""
    if not netns:
        yield
        return
    with open("/proc/thread-self/ns/net", "rb") as home, open(netns, "rb") as there:
        libc_call("setns", there.fileno(), CLONE_NEWNET)
        try:
            yield
        finally:
            libc_call("setns", home.fileno(), CLONE_NEWNET)


def start(argv, netns=None, **kw):
    """A program that begins to run in the namespace at this path."""
    with inside(netns):
        return subprocess.Popen([str(a) for a in argv], **kw)


def run(*argv, netns=None, stdin="", env=None, cwd=None, check=True, timeout=60):
    # A failure is told as something to type.
    said = [*(["nsenter", f"--net={netns}", "--"] if netns else []), *map(str, argv)]
    try:
        with start(argv, netns, env=env, cwd=cwd, text=True, errors="replace", stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            try:
                out, err = p.communicate(stdin, timeout)
            except BaseException:
                p.kill()
                raise
        done = Done(said, p.returncode, out, err)
    except OSError as e:
        done = Done(said, 127 if isinstance(e, FileNotFoundError) else 126, "", f"{e}")
    if check:
        assert done.ok, f"the command failed:\n{done}"
    return done


def clean_env(**extra):
    """A small environment: nothing of CNI_* leaks in from outside, the sanitizers' options do."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    env = {k: v for k, v in os.environ.items() if k in keep}
    env.setdefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    for key, value in extra.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = str(value)
    return env
