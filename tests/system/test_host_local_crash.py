# SPDX-License-Identifier: Apache-2.0
"""host-local killed at every system call: no torn lease, nothing that DEL or GC leave behind, and the next ADD works."""

import ctypes
import itertools
import json
import os
import signal

import pytest
from lib.case import case
from lib.process import clean_env

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_TRACEME, PTRACE_SYSCALL = 0, 24


class Pod:
    path = "/nonexistent/netns"

    def __init__(self, id):
        self.id = id


def killed_at(stop, program, conf, env):
    """Run the program and kill it at its stop-th entry to or exit from a system call. False: it ended before."""
    stdin, feed = os.pipe()
    os.write(feed, json.dumps(conf).encode())
    os.close(feed)
    null = os.open(os.devnull, os.O_WRONLY)
    pid = os.fork()
    if pid == 0:
        os.dup2(stdin, 0)
        os.dup2(null, 1)
        libc.ptrace(PTRACE_TRACEME, 0, 0, 0)
        os.execve(program, [program], env)
    os.close(stdin)
    os.close(null)
    _, status = os.waitpid(pid, 0)      # the exec
    for _ in range(stop):
        libc.ptrace(PTRACE_SYSCALL, pid, 0, 0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            assert os.WIFEXITED(status), status
            return False
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


@case("HLC")
@pytest.mark.timing
@pytest.mark.parametrize("verb", ["first ADD", "ADD", "DEL", "GC", "CHECK"])
@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.nightly)])
def test_killed_anywhere(new_node, verb, stride):
    """Killed at any moment, the attachment goes with DEL and others keep what they have"""
    node = new_node("crash")
    victim, others = Pod("victim"), [] if verb == "first ADD" else [Pod("one"), Pod("two")]
    command = verb.split()[-1]
    c = node.conf({"type": "host-local", "ipam": node.host_local("10.7.0.0/24", "fd07::/64")})
    if command == "GC":
        c["cni.dev/valid-attachments"] = [{"containerID": o.id, "ifname": "eth0"} for o in others]
    env = clean_env(CNI_COMMAND=command, CNI_CONTAINERID=victim.id, CNI_IFNAME="eth0", CNI_NETNS=victim.path, CNI_PATH=str(node.bin))
    for stop in itertools.count(1, stride):
        for o in others:
            node.add(c, o)
        if command != "ADD":
            node.add(c, victim)
        hit = killed_at(stop, str(node.bin / "host-local"), c, env)
        assert all(lines[-1] == "eth0" for lines in node.leases().values())
        for o in others:
            node.check(c, o)
        if command == "GC":
            node.plugin("GC", c).result
            assert len(node.leases()) == 2 * len(others)
        node.delete(c, victim)
        assert len(node.leases()) == 2 * len(others)
        node.refuses("CHECK", c, victim)
        node.add(c, victim)
        for pod in [victim, *others]:
            node.check(c, pod)
            node.delete(c, pod)
        assert node.leases() == {}
        if verb == "first ADD":
            for p in sorted(node.data.rglob("*"), reverse=True):
                p.rmdir() if p.is_dir() else p.unlink()
            node.data.rmdir()
        if not hit:
            break
    assert stop > 20
