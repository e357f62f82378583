# SPDX-License-Identifier: Apache-2.0
"""What must not be lost when calls are repeated, overlap, are killed, or find the cache in disorder."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from conformance.each import each
from conformance.libcni import ROLLBACK
from conformance.test_gc import BOTH, Held, keys
from conformance.world import RESULT, At, refused
from lib.case import case


@pytest.fixture
def rt(world):
    return world.rt()


@pytest.fixture
def one(world):
    return world.plugin("one").also("ADD", result=RESULT)


@pytest.fixture
def fifo(world, one):
    """`one` waits on ADD until somebody has opened and closed it."""
    path = world.dir / "fifo"
    os.mkfifo(path)
    world.plugins.again(one, "ADD", wait=path, result=RESULT)
    return path


class Aside:
    """A call in a thread of its own, which has had the time to wait for something when this returns."""

    def __init__(self, call, *args):
        self.failure = None
        self.thread = threading.Thread(target=self._run, args=[call, *args])
        self.thread.start()
        time.sleep(0.3)

    def _run(self, call, *args):
        try:
            call(*args)
        except Exception as e:
            self.failure = e

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.failure


# ---- repeated


@case("RT4[repeated]")
def test_rollback_leaves_the_first_attachment(world, one):
    rt = world.rt(flags=ROLLBACK)
    net = world.net(rt, "one")
    rt.add(net, At())
    before = world.cache_file().read_text()
    world.plugins.again(one, "ADD", error="11 later")
    refused(rt.add, net, At(), code=11)
    assert one.commands == ["ADD", "ADD"] and world.cache_file().read_text() == before
    assert len(rt.warnings) == 1 and "c1" in rt.warnings[0] and "repeated" in rt.warnings[0]
    refused(rt.add, net, At(id="c2"), code=11)
    assert one.commands[2:] == ["ADD", "DEL"]


# ---- overlapping


@case("GC7[attached meanwhile]")
def test_gc_spares_what_was_attached_while_it_waited(world, rt, one):
    """Its list of valid attachments is older than they are; plugins are told of them, too."""
    net, collector = world.net(rt, "one"), world.rt()
    rt.add(net, At(id="old"))
    held = Held(world, one, "ADD", lambda: rt.add(net, At(id="new")))
    gc = Aside(collector.gc, world.net(collector, "one"), [At(id="unknown")])
    held.release()
    assert gc.end() is None and keys(rt.attachments()) == [("net", "new", "eth0")]
    told = [{"containerID": "unknown", "ifname": "eth0"}, {"containerID": "new", "ifname": "eth0"}]
    assert one.commands[-1] == "GC" and all(one.calls[-1].conf[key] == told for key in BOTH)
    rt.gc(net, [])
    assert rt.attachments() == []


@case("GC7[attached again meanwhile]")
def test_gc_spares_what_was_attached_again_while_it_waited(world, rt, one):
    net, collector = world.net(rt, "one"), world.rt()
    rt.add(net, At())
    held = Held(world, one, "ADD", lambda: rt.add(net, At()))
    gc = Aside(collector.gc, world.net(collector, "one"), [])
    held.release()
    assert gc.end() is None and keys(rt.attachments()) == [("net", "c1", "eth0")] and "DEL" not in one.commands


@case("GC7[all]")
def test_gc_of_everything_is_of_everything(world, rt, one):
    net, collector = world.net(rt, "one"), world.rt()
    held = Held(world, one, "ADD", lambda: rt.add(net, At()))
    gc = Aside(collector.gc_all, world.net(collector, "one"))
    held.release()
    assert gc.end() is None and rt.attachments() == []


@case("RT23[cross-talk at once]")
def test_names_that_share_a_file_at_the_same_time(world, rt, one):
    """The second ADD waits for the first, and is refused then; nothing of it has run."""
    a, ab, other = world.net(rt, "one", name="a"), world.net(rt, "one", name="a-b"), world.rt()
    held = Held(world, one, "ADD", lambda: rt.add(a, At(id="b-c")))
    second = Aside(other.add, world.net(other, "one", name="a-b"), At(id="c"))
    assert second.thread.is_alive()
    held.release()
    assert "belongs to container b-c" in str(second.end()) and one.commands == ["ADD"]
    world.plugins.again(one)
    rt.delete(ab, At(id="c"))
    assert keys(rt.attachments()) == [("a", "b-c", "eth0")]


# ---- killed

ADD = """
import sys
sys.path.insert(0, sys.argv[1])
from conformance.libcni import At, Runtime
rt = Runtime([sys.argv[2]], sys.argv[3])
rt.add(rt.load_bytes(sys.argv[4]), At())
"""


def killed_runtime(world, fifo):
    """A runtime is killed while its plugin waits for @fifo; the end of it that makes the plugin go on."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    runtime = subprocess.Popen([sys.executable, "-c", ADD, tests, world.bin, world.cache, world.list("one")])
    writer = open(fifo, "w")
    runtime.kill()
    assert runtime.wait() == -signal.SIGKILL
    return writer


def ended_holders_are_listed():
    """In a PID namespace of its own /proc/locks leaves out the locks of processes that have ended: nobody can tell there."""
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"


@case("RT4[killed]")
def test_the_lock_of_a_killed_runtime_lasts_as_long_as_its_plugin(world, one, fifo):
    writer = killed_runtime(world, fifo)
    hasty, patient = world.rt(lock_timeout_ms=200, timeout_ms=3000), world.rt()
    refused(hasty.add, world.net(hasty, "one"), At(), says="c1")
    says = "has ended, but what it started holds it" if ended_holders_are_listed() else "another process holds it"
    e = refused(hasty.check, world.net(hasty, "one"), At(), says=says)
    assert e.num == errno.ETIMEDOUT
    assert one.commands == ["ADD"]
    delete = Aside(patient.delete, world.net(patient, "one"), At())
    assert one.commands == ["ADD"]
    writer.close()
    assert delete.end() is None and one.commands == ["ADD", "DEL"] and patient.warnings == []


@case("RT4[killed, daemon]")
def test_what_a_killed_runtime_has_left_does_not_keep_del_away_for_ever(world, one, fifo):
    world.plugins.again(one, "ADD", wait=fifo, fork=30, result=RESULT)
    killed_runtime(world, fifo).close()
    rt = world.rt(lock_timeout_ms=500, timeout_ms=3000)
    try:
        refused(rt.add, world.net(rt, "one"), At())
        if not ended_holders_are_listed():
            refused(rt.delete, world.net(rt, "one"), At())
            assert one.commands == ["ADD"]
            return
        rt.delete(world.net(rt, "one"), At())
        assert one.commands == ["ADD", "DEL"] and any("goes on without a lock" in w for w in rt.warnings)
    finally:
        os.kill(one.calls[0].child, signal.SIGKILL)


@case("RT4[daemon]")
def test_a_daemon_of_a_plugin_holds_no_lock(world):
    """Its runtime has let go of it before."""
    plugin, pid = world.bin / "daemon", world.dir / "pid"
    plugin.write_text(
        "#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND = ADD ] || exit 0\n"
        f"setsid sleep 30 </dev/null >/dev/null 2>&1 &\necho $! >'{pid}'\necho '{{}}'\n"
    )
    plugin.chmod(0o755)
    rt = world.rt(lock_timeout_ms=300)
    net = world.net(rt, "daemon")
    rt.add(net, At())
    try:
        rt.check(net, At())
        rt.gc(net, [At()])
        rt.delete(net, At())
        assert rt.warnings == []
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


# ---- a cache in disorder


def spoil(file, how):
    file.parent.mkdir(parents=True)
    {"folder": file.mkdir, "loop": lambda: file.symlink_to(file), "fifo": lambda: os.mkfifo(file)}[how]()


@case("RT7[unreadable]")
@each("how", ["folder", "loop", "fifo"])
def test_a_cache_file_that_cannot_be_read(world, rt, one, how):
    """It is not the same as none: ADD and CHECK refuse, DEL works and leaves it."""
    net = world.net(rt, "one")
    spoil(world.cache_file(), how)
    refused(rt.add, net, At(), says="net-c1-eth0")
    refused(rt.check, net, At(), says="net-c1-eth0")
    refused(rt.cached_result, net, At(), says="net-c1-eth0")
    refused(rt.cached_config, "net", "c1", "eth0", says="net-c1-eth0")
    assert one.commands == [] and rt.attachments() == []
    rt.delete(net, At())
    assert one.commands == ["DEL"] and os.path.lexists(world.cache_file())
    assert any("net-c1-eth0" in w for w in rt.warnings)


@case("RT10[failing]")
def test_a_corrupt_entry_stays_until_del_succeeds(world, rt, one):
    net = world.net(rt, "one")
    world.put_cache('{"kind":')
    world.plugins.again(one, "DEL", error="11 later")
    refused(rt.delete, net, At(), code=11)
    assert world.cache_files() == ["net-c1-eth0"]
    world.plugins.again(one)
    rt.delete(net, At())
    assert world.cache_files() == []


@case("RT23[rests]")
def test_rests_of_interrupted_writes_are_no_attachments(world, rt, one):
    net = world.net(rt, "one")
    rt.add(net, At())
    text = world.cache_file().read_text()
    old, new, copy = (world.results / name for name in (".crimp-" + "0" * 16, ".crimp-" + "1" * 16, "net-c1-eth0.bak"))
    for file in (old, new, copy):
        file.write_text(text)
    os.utime(old, (time.time() - 86400,) * 2)
    assert keys(rt.attachments()) == keys(rt.attachments("c1")) == [("net", "c1", "eth0")]
    rt.gc(net, [])
    assert one.commands.count("DEL") == 1 and not old.exists() and new.exists() and copy.exists()


@case("RT8[names]")
@each("what, code", [({"id": ""}, 3), ({"id": "a/b"}, 4), ({"ifname": ""}, 4), ({"args": [("K", "a;b")]}, 4)])
def test_del_and_check_look_before_they_run(world, rt, one, what, code):
    refused(rt.delete, world.net(rt, "one"), At(**what), code=code)
    refused(rt.check, world.net(rt, "one"), At(**what), code=code)
    assert one.commands == []


@case("CF13[fifo]")
def test_a_fifo_among_the_configurations(world, rt, one):
    """Nobody waits for it to be written."""
    os.mkfifo(world.conf / "10.conflist")
    world.write("20.conflist", world.list("one"))
    assert rt.load(world.conf, "net").types == ["one"] and rt.load_all(world.conf) == [("net", ["one"])]
    assert any("10.conflist is not a regular file" in w for w in rt.warnings)
    (world.conf / "net").mkdir()
    os.mkfifo(world.conf / "net" / "b.conf")
    refused(rt.load, world.conf, "net")
    assert any("net/b.conf is not a regular file" in w for w in rt.warnings)


@case("CF13[pipe]")
def test_a_pipe_that_was_named(world, rt):
    """As a shell's <(command) gives it."""
    end, writer = os.pipe()
    os.write(writer, world.list("one").encode())
    os.close(writer)
    assert rt.load_file(f"/dev/fd/{end}").types == ["one"]
    os.close(end)


# ---- much


@case("RT18[too much]")
def test_more_output_than_is_taken(world, rt):
    world.plugin("one", flood=9, result=RESULT)
    refused(rt.add, world.net(rt, "one"), At(), says=["8388608 bytes", "one"])


@case("RT18[values]")
def test_small_values_by_the_million(world, rt):
    """What they cost is not what they look like; a failure, and not all of the memory."""
    text = world.dir / "text"
    text.write_text('{"ips":[],"x":[' + "0," * 3_500_000 + "0]}")
    one = world.plugin("one").also("ADD", stdout_file=text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(rt.add, world.net(rt, "one"), At(), code=6, says=["one", "too many values"])
    assert one.commands == ["ADD"] and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
    text.write_text(json.dumps({**RESULT, "x": [0] * 400_000}))
    assert len(rt.add(world.net(rt, "one"), At()).json["x"]) == 400_000
