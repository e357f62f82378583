# SPDX-License-Identifier: Apache-2.0
"""Broken input and broken surroundings: one clear sentence, the right code, exit status 1, and an unchanged host."""

import json
import os
import re

import pytest

from lib.case import case, rootless
from system.world import changed, state

pytestmark = rootless
GOOD = {"cniVersion": "1.1.0", "name": "testnet", "type": "bridge", "isGateway": True}


def judge(reply, code, *words):
    """One error object on stdout and nothing else; msg one line that says what is wrong."""
    assert reply.rc == 1 and reply.code == code, reply
    assert set(reply.json) <= {"cniVersion", "code", "msg", "details"} and "\n" not in reply.text, reply
    for word in words:
        assert word in reply.text, f"{word} is not in: {reply.text}"


TEXTS = {
    "empty": ("", 6, []), "not JSON": ("hello", 6, ["line 1", "column 1"]), "truncated": ('{"name": "x", "type":', 6, ["line 1"]),
    "broken in line 3": ('{\n  "name": "x",\n  "type": bridge\n}', 6, ["line 3", "column 11"]),
    "missing comma": ('{"cniVersion": "1.1.0"\n"name": "x"}', 6, ["line 2", "column 1"]), "two documents": ('{"name":"x"} {}', 6, ["line 1"]),
    "an array": ("[]", 6, []), "a string": ('"bridge"', 6, []), "null": ("null", None, []), "control character": ('{"name": "a\tb"}', 6, ["line 1"]),
    "bad escape": (r'{"name": "\x"}', 6, ["line 1"]), "deep": ("[" * 100000, 6, []), "huge number": ('{"name":"x","cniVersion":1e999999}', 6, ["cniVersion"]),
    "nothing but blanks": (" \n\t ", 6, []), "binary": ("\x00\x01\x02", 6, []),
}


@case("input:text")
@pytest.mark.parametrize("what", TEXTS)
def test_text_that_is_no_configuration(node, container, what):
    """Text that is no JSON object: code 6, with line and column"""
    text, code, words = TEXTS[what]
    before = state(node, container)
    reply = node.plugin("ADD", text, container, type="bridge")
    assert reply.rc == 1 and "\n" not in reply.text
    if code:
        judge(reply, code, *words)
    assert changed(before, state(node, container)) == []


TYPES = {
    "name": ({"name": 5}, 6, ["name"]), "cniVersion": ({"cniVersion": 1}, 6, ["cniVersion"]),
    "ipam": ({"ipam": "host-local"}, 6, ["ipam"]), "ipam.type": ({"ipam": {"type": 5}}, 6, ["ipam", "type"]),
    "dns": ({"dns": []}, 6, ["dns"]), "dns.nameservers": ({"dns": {"nameservers": "x"}}, 6, ["dns", "nameservers"]),
    "runtimeConfig": ({"runtimeConfig": 5}, 6, ["runtimeConfig"]),
    "bridge": ({"bridge": True}, 6, ["bridge"]), "isGateway": ({"isGateway": "true"}, 6, ["isGateway", "string"]),
    "mtu": ({"mtu": "1500"}, 6, ["mtu", "string"]), "vlan": ({"vlan": 1e99}, 6, ["vlan"]),
}


@case("input:type")
@pytest.mark.parametrize("what", TYPES)
def test_wrong_types(node, container, what):
    """A value of the wrong type: code 6, with the path of the key"""
    more, code, words = TYPES[what]
    before = state(node, container)
    reply = node.plugin("ADD", json.dumps({**GOOD, **more}), container, type="bridge")
    judge(reply, code, *words)
    assert changed(before, state(node, container)) == []


NAMES = {
    "unknown version": ({"cniVersion": "9.9.9"}, 1, ["incompatible CNI versions", "9.9.9", "1.1.0"]),
    "no version at all": ({"cniVersion": "hello"}, 1, ["hello"]), "no name": ({"name": ""}, 7, ["missing network name"]),
    "name with a slash": ({"name": "a/b"}, 7, ["invalid characters", "a/b"]), "name with a blank": ({"name": "a b"}, 7, ["a b"]),
    "name with dots": ({"name": "../x"}, 7, ["../x"]),
}


@case("input:name")
@pytest.mark.parametrize("what", NAMES)
def test_bad_names_and_versions(node, container, what):
    """Names and versions that cannot be are refused, and quoted"""
    more, code, words = NAMES[what]
    before = state(node, container)
    judge(node.plugin("ADD", {**GOOD, **more}, container), code, *words)
    assert changed(before, state(node, container)) == []


ENVIRONMENT = {
    "container id": ({"CNI_CONTAINERID": "a b"}, 4, ["invalid characters in containerID", "a b"]),
    "long interface": ({"CNI_IFNAME": "x" * 16}, 4, ["interface name is too long"]),
    "interface with a slash": ({"CNI_IFNAME": "a/b"}, 4, ["/"]), "interface ..": ({"CNI_IFNAME": ".."}, 4, [".."]),
    "no netns": ({"CNI_NETNS": None}, 4, ["CNI_NETNS"]), "no path": ({"CNI_PATH": None}, 4, ["CNI_PATH"]),
    "command": ({"CNI_COMMAND": "ATTACH"}, 4, ["ATTACH"]), "CNI_ARGS": ({"CNI_ARGS": "MAC"}, 4, ["MAC"]),
}


@case("input:environment")
@pytest.mark.parametrize("what", ENVIRONMENT)
def test_bad_environment(node, container, what):
    """A variable that is missing or wrong: code 4, and its name or value"""
    env, code, words = ENVIRONMENT[what]
    before = state(node, container)
    judge(node.plugin("ADD", GOOD, container, env=env), code, *words)
    assert changed(before, state(node, container)) == []


def ordinary_file(node):
    path = node.dir / "file"
    path.write_text("x")
    return str(path)


def nowhere(node):
    return str(node.dir / "nowhere")


def a_folder(node):
    return str(node.dir)


def other_namespace(node):
    return "/proc/self/ns/mnt"


def a_pipe(node):
    path = node.dir / "pipe"
    os.mkfifo(path)
    return str(path)


@case("input:netns")
@pytest.mark.parametrize("make", [ordinary_file, nowhere, a_folder, other_namespace, a_pipe], ids=lambda f: f.__name__)
def test_namespaces_that_are_none(node, container, make):
    """CNI_NETNS that is no network namespace is refused by its path, and nothing is made or leased"""
    path = make(node)
    conf = {**GOOD, "ipam": node.host_local("10.7.0.0/24")}
    before = state(node, container)
    reply = node.plugin("ADD", conf, container, container_netns=path, timeout=10)
    assert path in reply.text and "\n" not in reply.text and reply.rc == 1, reply
    assert changed(before, state(node, container)) == [] and not node.data.exists()


@case("input:netns-own")
@pytest.mark.parametrize("command", ["ADD", "DEL"])
def test_the_hosts_own_namespace(node, container, command):
    """The host's own namespace is refused with code 8 before anything happens"""
    conf = {**GOOD, "ipam": node.host_local("10.7.0.0/24")}
    prev = {"cniVersion": "1.1.0", "interfaces": [], "ips": []}
    before = state(node, container)
    judge(node.plugin(command, {**conf, "prevResult": prev}, container, container_netns=node.path), 8, "same")
    judge(node.plugin(command, {**conf, "prevResult": prev}, container, container_netns="/proc/self/ns/net"), 8, "same")
    assert changed(before, state(node, container)) == [] and not node.data.exists()


# ---- a network whose plugins misbehave, through the command line


def broken(node, kind):
    path = node.bin / "odd"
    text = {
        "garbage": "#!/bin/sh\ncat >/dev/null\necho hello\n",
        "garbage and failure": "#!/bin/sh\ncat >/dev/null\necho hello; echo what happened >&2\nexit 1\n",
        "two objects": "#!/bin/sh\ncat >/dev/null\necho '{\"cniVersion\":\"1.1.0\"}{\"cniVersion\":\"1.1.0\"}'\n",
        "nothing": "#!/bin/sh\ncat >/dev/null\n", "signal": "#!/bin/sh\nkill -SEGV $$\n", "an array": "#!/bin/sh\necho '[]'\n",
        "hangs": "#!/bin/sh\nsleep 60\n", "bad result": "#!/bin/sh\ncat >/dev/null\necho '{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"x\"}]}'\n",
        "no interpreter": "#!/nonexistent/sh\n", "status 77": "#!/bin/sh\ncat >/dev/null\nexit 77\n", "not executable": "#!/bin/sh\n",
        "a folder": None, "missing": "",
    }[kind]
    if kind == "a folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text(text)
        path.chmod(0o644 if kind == "not executable" else 0o755)


MISBEHAVIOUR = {
    "missing": ["odd", "{bin}"], "a folder": ["odd"], "not executable": ["odd"], "no interpreter": ["odd"], "garbage": ["odd", "hello"],
    "garbage and failure": ["odd", "hello"], "two objects": ["odd"], "nothing": ["odd"], "signal": ["odd", "signal 11"],
    "an array": ["odd"], "hangs": ["odd", "1"], "bad result": ["odd", "address"], "status 77": ["odd", "77"],
}


@case("input:plugin")
@pytest.mark.parametrize("kind", MISBEHAVIOUR)
def test_plugins_that_misbehave(node, container, kind):
    """A plugin that cannot be run, hangs, dies or prints nonsense is named; what came before it is undone by DEL"""
    broken(node, kind)
    node.write_conf({"cniVersion": "1.1.0", "name": "testnet", "plugins": [
        {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")}, {"type": "odd"}]})
    args = ["testnet", container.path, "--cache-dir", node.cache]
    before = state(node, container, advice=False)
    done = node.crimp("add", *args, "--timeout", "1")
    assert done.rc not in (0, 2) and done.out == "", done
    lines = [line for line in done.err.splitlines() if line != "what happened"]     # the plugin's own words
    first = lines[0]
    assert first.startswith("crimp: ") and len(lines) <= 2, done
    for word in MISBEHAVIOUR[kind]:
        assert word.format(bin=node.bin) in first, f"{word} is not in: {first}"
    if kind in ("missing", "a folder", "not executable"):       # that is seen before anything runs
        assert changed(before, state(node, container, advice=False)) == []
    (node.bin / "odd").rmdir() if kind == "a folder" else (node.bin / "odd").unlink(missing_ok=True)
    node.fake("odd")
    assert node.crimp("del", *args).ok
    assert node.leases() == {} and container.link("eth0") is None and list(node.cache.rglob("testnet*")) == []


@case("input:cache")
@pytest.mark.parametrize("text", ["", "{", "hello", "[]", '{"kind":"other"}', "\0" * 100], ids=["empty", "cut", "text", "array", "other kind", "zeros"])
def test_damaged_cache(node, container, text):
    """A damaged cache file is named by CHECK, stops neither DEL nor list, and is gone after DEL"""
    node.write_conf({"cniVersion": "1.0.0", "name": "testnet", "plugins": [
        {"type": "bridge", "isGateway": True, "ipam": node.host_local("10.7.0.0/24")}]})
    args = ["testnet", container.path, "--cache-dir", node.cache]
    assert node.crimp("add", *args).ok
    file, = [p for p in node.cache.rglob("testnet-*") if p.is_file() and "results" in p.parts]
    file.write_text(text)
    check = node.crimp("check", *args)
    assert check.rc != 0 and check.err.startswith("crimp: ") and check.out == "", check
    assert node.crimp("list", "--cache-dir", node.cache).ok
    done = node.crimp("del", *args)
    assert done.ok, done
    assert node.leases() == {} and container.link("eth0") is None and not file.exists()


@case("input:configuration-file")
def test_configuration_that_cannot_be_read(node, container):
    """A broken file in the folder is named with line and column"""
    path = node.write_conf('{\n "cniVersion": "1.0.0",\n "name": "testnet"\n "plugins": []\n}')
    done = node.crimp("validate", path)
    assert done.rc != 0 and str(path) in done.err and re.search("line 4", done.err) and "column 2" in done.err, done
    done = node.crimp("add", path, container.path, "--cache-dir", node.cache)
    assert done.rc != 0 and "line 4" in done.err, done


@case("input:cache-read-only")
def test_cache_that_cannot_be_written(node, container):
    """When results cannot be remembered, nothing is attached"""
    node.write_conf({"cniVersion": "1.0.0", "name": "testnet", "plugins": [{"type": "bridge"}]})
    (node.dir / "file").write_text("")
    before = state(node, container)
    done = node.crimp("add", "testnet", container.path, "--cache-dir", node.dir / "file")
    assert done.rc != 0 and str(node.dir / "file") in done.err, done
    assert changed(before, state(node, container)) == []
