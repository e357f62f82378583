# SPDX-License-Identifier: Apache-2.0
"""Run a program, perhaps inside a network namespace, and keep what it said."""

import json
import os
import shlex
import subprocess


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


def entering(netns, argv):
    """The command line that runs argv in the namespace at this path. It is nsenter and not `ip netns exec`,
    which would hide the cgroup mounts behind a fresh /sys."""
    argv = [str(a) for a in argv]
    return ["nsenter", f"--net={netns}", "--", *argv] if netns else argv


def run(*argv, netns=None, stdin="", env=None, cwd=None, check=True, timeout=60):
    argv = entering(netns, argv)
    try:
        p = subprocess.run(argv, input=stdin, env=env, cwd=cwd, timeout=timeout, text=True, errors="replace",
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        done = Done(argv, p.returncode, p.stdout, p.stderr)
    except FileNotFoundError as e:
        done = Done(argv, 127, "", f"{e}")
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
