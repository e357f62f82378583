# SPDX-License-Identifier: Apache-2.0
"""Running plugins: deadlines, programs being written, what is inherited, where they are found."""

import ctypes
import json
import os
import shutil
import subprocess
import threading
import time

import pytest

from conformance.cli import private_cache
from conformance.doubles import DOUBLES
from conformance.each import each
from conformance.libcni import CniError, libc
from conformance.world import RESULT, At, refused
from lib.case import case
from lib.netns import until
from lib.process import clean_env
from lib.plugin import BIN

BOUND = 20  # seconds; what must end does so in far less, what must not goes on for a minute


@pytest.fixture
def rt(world):
    return world.rt()


def alive(pid):
    """Is the process there, and not only a zombie?"""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def ends(pid):
    return until(lambda: not alive(pid), BOUND)


def verbs(rt, net, at):
    return {
        "ADD": lambda: rt.add(net, at),
        "CHECK": lambda: rt.check(net, at),
        "DEL": lambda: rt.delete(net, at),
        "GC": lambda: rt.gc(net, [at]),
        "STATUS": lambda: rt.status(net),
        "VERSION": lambda: rt.versions("one"),
        "VALIDATE": lambda: rt.validate(net),
    }


# ---- deadlines


@case("RT19")
@each("verb", ["ADD", "CHECK", "DEL", "GC", "STATUS", "VERSION", "VALIDATE"])
@each("script", [{"sleep": 60}, {"sleep": 60, "fork": 60}], ids=["sleeper", "with a child"])
def test_deadlines(world, verb, script):
    """A plugin that ignores SIGTERM is gone after the deadline and the grace, with all it has started."""
    one = world.plugin("one", **script)
    rt = world.rt(timeout_ms=200, grace_ms=100)
    start = time.monotonic()
    refused(verbs(rt, world.net(rt, "one"), At())[verb], says="one")
    assert time.monotonic() - start < BOUND
    [call] = one.all_calls
    assert ends(call.pid) and ("fork" not in script or ends(call.child))


@case("RT19[term]")
def test_the_deadline_begins_with_term(world):
    """A plugin that heeds SIGTERM has the whole grace to clean up."""
    (world.bin / "one").write_text(
        '#!/bin/sh\ntrap \'echo cleaned > "$0.note"; exit 1\' TERM\necho ready > "$0.ready"\n'
        "while :; do sleep 0.05; done\n"
    )
    (world.bin / "one").chmod(0o755)
    rt = world.rt(timeout_ms=1500, grace_ms=BOUND * 1000)
    refused(rt.add, world.net(rt, "one"), At(), says="one")
    assert (world.bin / "one.ready").exists() and (world.bin / "one.note").read_text() == "cleaned\n"


@case("RT19[forker]")
@each("script", [{"result": RESULT}, {"error": "7 no"}], ids=["success", "failure"])
def test_a_child_that_holds_the_outputs(world, rt, script):
    """The answer counts when the plugin has ended, though its child holds stdout; the child is ended too."""
    one = world.plugin("one", fork=60, **script)
    start = time.monotonic()
    try:
        result = rt.add(world.net(rt, "one"), At()).json
    except CniError as e:
        result = e.code
    assert result == script.get("result", 7) and time.monotonic() - start < BOUND
    assert ends(one.calls[0].child)


@case("RT19[chain]")
def test_the_deadline_is_for_each_plugin(world):
    """What follows the slow plugin is not run, and nothing is cached."""
    world.plugin("one", result=RESULT), world.plugin("two", sleep=60), world.plugin("three")
    rt = world.rt(timeout_ms=300, grace_ms=50)
    refused(rt.add, world.net(rt, "one", "two", "three"), At(), says="two")
    assert world.log == ["one ADD", "two ADD"] and world.cache_files() == []


# ---- a program being written


@pytest.fixture
def busy(world):
    """A plugin whose file somebody holds open for writing; the descriptor."""
    one = world.plugin("one", result=RESULT)
    one.path.unlink()
    shutil.copy(DOUBLES / "noop", one.path)
    fd = os.open(one.path, os.O_RDWR | os.O_CLOEXEC)
    held = [fd]
    yield one, held
    for fd in held:
        os.close(fd)


@case("RT20")
@each("verb", ["ADD", "DEL"])
def test_a_program_being_written(world, rt, busy, verb):
    """It is run, once, when the writer is done."""
    one, held = busy
    done = threading.Thread(target=verbs(rt, world.net(rt, "one"), At())[verb])
    failure = []
    threading.excepthook, before = (lambda args: failure.append(args.exc_value)), threading.excepthook
    try:
        done.start()
        done.join(0.7)
        assert done.is_alive() and one.calls == [], "it waits for the writer"
        os.close(held.pop())
        done.join(BOUND)
    finally:
        threading.excepthook = before
    assert not done.is_alive() and failure == [] and one.commands == [verb]


@case("RT20[never]")
def test_a_program_that_is_never_done(world, busy):
    """Waiting ends with a failure, never with a success of something that did not run."""
    one, _ = busy
    rt = world.rt()
    world.put_cache(RESULT)
    refused(rt.delete, world.net(rt, "one"), At(), says="one")
    assert one.calls == [] and world.cache_files() == ["net-c1-eth0"]


@case("RT20[deadline]")
@each("verb", ["ADD", "CHECK", "GC", "STATUS", "VERSION"])
def test_a_program_that_is_busy_until_the_deadline(world, busy, verb):
    one, _ = busy
    rt = world.rt(timeout_ms=300, grace_ms=50)
    refused(verbs(rt, world.net(rt, "one"), At())[verb], says="one")
    assert one.calls == []


# ---- what is inherited


@case("RT21")
def test_what_plugins_inherit(world, rt, monkeypatch):
    for name, value in (
        ("CNI_COMMAND", "JUNK"),
        ("CNI_CONTAINERID", "junk"),
        ("CNI_NETNS", "junk"),
        ("CNI_IFNAME", "junk"),
        ("CNI_ARGS", "JUNK=1"),
        ("CNI_PATH", "/junk"),
        ("CNI_NETNS_OVERRIDE", "1"),
        ("OTHER", "a=b"),
    ):
        monkeypatch.setenv(name, value)
    one = world.plugin("one", result=RESULT)
    rt.add(world.net(rt, "one"), At())
    call = one.calls[0]
    assert {k: v for k, v in call.env.items() if k.startswith("CNI_") or k == "OTHER"} == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": At().netns,
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "",
        "CNI_PATH": str(world.bin),
        "CNI_NETNS_OVERRIDE": "1",
        "OTHER": "a=b",
    }
    assert len(call.pairs) == len(call.env)


@case("RT21[duplicates]")
def test_variables_that_are_there_twice(world):
    """A name that the runtime's own environment has twice arrives once, and CNI_* are the runtime's."""
    one = world.plugin("one", result=RESULT)
    world.write("10.conflist", world.list("one"))
    env = clean_env(CNI_PATH=world.bin, NETCONFPATH=world.conf, CNI_COMMAND="JUNK")
    done = subprocess.run(
        [
            DOUBLES / "dupenv",
            "CNI_COMMAND=JUNK2",
            "TWICE=1",
            "TWICE=2",
            "--",
            BIN / "cnitool",
            "add",
            "net",
            "/run/netns/nowhere",
        ],
        env=env,
        capture_output=True,
        text=True,
        **private_cache(world.cache),
    )
    assert done.returncode == 0, done.stderr
    [call] = one.calls
    assert call.env["CNI_COMMAND"] == "ADD" and len([p for p in call.pairs if p.startswith("CNI_COMMAND=")]) == 1
    assert [p for p in call.pairs if p.startswith("TWICE=")] == ["TWICE=2"]


# ---- finding


@case("RT26")
def test_finding_plugins(world):
    second = world.dir / "second"
    second.mkdir()
    world.plugin("one")
    for name in ("two", "one"):
        (second / name).symlink_to(DOUBLES / "noop")
    rt = world.rt(dirs=[world.dir / "absent", world.bin, second])
    assert rt.find("one") == str(world.bin / "one") and rt.find("two") == str(second / "two")
    refused(rt.find, "three", says=["three", str(world.bin), str(second)])


@case("RT26[no paths]")
def test_finding_without_folders(world):
    refused(world.rt(dirs=[]).find, "one")


@case("RT26[names]")
@each("name", ["", "sub/one", "/bin/true", "../bin/one", ".", ".."])
def test_names_that_are_not_looked_for(world, name):
    (world.bin / "sub").mkdir()
    (world.bin / "sub" / "one").symlink_to(DOUBLES / "noop")
    world.plugin("one")
    refused(world.rt().find, name)


@case("RT26[kinds]")
def test_what_is_a_plugin(world):
    """A link to a program is; a folder, a device and a broken link are not."""
    world.plugin("one")
    (world.bin / "folder").mkdir()
    (world.bin / "device").symlink_to("/dev/null")
    (world.bin / "broken").symlink_to("nowhere")
    rt = world.rt()
    assert rt.find("one") == str(world.bin / "one")
    for name in "folder", "device", "broken":
        refused(rt.find, name)


@case("RT26[not executable]")
def test_a_hit_that_may_not_be_executed(world):
    """It does not hide a good one in a later folder."""
    first = world.dir / "first"
    first.mkdir()
    (first / "one").write_text("#!/bin/sh\n")
    one = world.plugin("one", result=RESULT)
    rt = world.rt(dirs=[first, world.bin])
    assert rt.find("one") == str(world.bin / "one")
    rt.add(world.net(rt, "one"), At())
    assert one.commands == ["ADD"]
    refused(world.rt(dirs=[first]).find, "one", says="one")


@case("RT26[relative]")
@each("dir", [".", "bin", "bin/../bin", "./bin/"])
def test_relative_folders(world, monkeypatch, dir):
    """Found, reported and executed by an absolute path."""
    monkeypatch.chdir(world.bin if dir == "." else world.dir)
    one = world.plugin("one", result=RESULT)
    rt = world.rt(dirs=[dir])
    path = rt.find("one")
    assert path.startswith("/") and os.path.samefile(path, one.path)
    rt.add(world.net(rt, "one"), At())
    (entry,) = [p for p in one.calls]
    assert entry.command == "ADD"


# ---- validation


@case("RT25")
def test_validation(world, rt):
    world.plugin("one"), world.plugin("two")
    net = world.net(
        rt,
        {"type": "one", "capabilities": {"a": True, "b": False}},
        {"type": "two", "capabilities": {"c": True, "a": True}},
    )
    assert sorted(rt.validate(net)) == ["a", "c"] and world.log == []


@case("RT25[missing]")
def test_validation_with_a_missing_plugin(world, rt):
    world.plugin("one")
    refused(rt.validate, world.net(rt, "one", "absent"), says="absent")


@case("RT25[versions]")
def test_validation_of_versions(world, rt):
    """Every plugin that does not speak the version is named."""
    for name in "one", "two", "three":
        world.plugin(name, versions="0.3.0 1.0.0")
    world.plugin("four")
    e = refused(rt.validate, world.net(rt, "one", "four", "two", "three"), says=["one", "two", "three", "1.1.0"])
    assert "four" not in e.text
    assert rt.validate(world.net(rt, "one", "two", version="1.0.0")) == []


@case("RT25[no version]")
def test_validation_without_version(world, rt):
    world.plugin("one", versions="0.1.0"), world.plugin("two", versions="0.2.0")
    assert rt.validate(world.net(rt, "one", version=None)) == []
    refused(rt.validate, world.net(rt, "two", version=None), says="two")


# ---- an executor of the caller's


@case("RT1[executor]")
def test_a_runtime_with_its_own_executor(world):
    """A caller that executes plugins itself gets path, environment and input, and its answer counts."""
    world.plugin("one")
    seen = []

    def execute(_, call, end, error):
        env, i = [], 0
        while call.contents.env[i]:
            env.append(call.contents.env[i].decode())
            i += 1
        seen.append(
            (call.contents.path.decode(), env, ctypes.string_at(call.contents.input, call.contents.input_len).decode())
        )
        text = json.dumps(RESULT).encode()
        end.contents.out = libc.malloc(len(text))
        ctypes.memmove(end.contents.out, text, len(text))
        end.contents.out_len, end.contents.status = len(text), 0
        return True

    rt = world.rt(exec=execute)
    assert rt.add(world.net(rt, "one"), At()).json == RESULT and world.log == []
    [(path, env, conf)] = seen
    assert path == str(world.bin / "one") and "CNI_COMMAND=ADD" in env and json.loads(conf)["name"] == "net"
