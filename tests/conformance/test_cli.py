# SPDX-License-Identifier: Apache-2.0
"""cnitool, called the way the reference's is."""

import hashlib
import json
import os

import pytest

from conformance.cli import cnitool
from conformance.each import each
from conformance.world import RESULT
from lib.case import case

NETNS = "/var/run/netns/foo"


@pytest.fixture
def one(world):
    """A network `net` of one plugin; the plugin."""
    world.write("10-net.conflist", world.list({"type": "one", "capabilities": {"mac": True}}))
    return world.plugin("one").also("ADD", result=RESULT)


def container_id(path):
    return "cnitool-" + hashlib.sha512(path.encode()).hexdigest()[:20]


@case("CL1")
@each("netns, path", [(NETNS, NETNS), ("/var/run/../run/netns//foo/", NETNS), ("foo", None)])
def test_container_ids(world, one, netns, path):
    """From the absolute path of the namespace, which need not exist."""
    assert cnitool(world, "add", "net", netns).returncode == 0
    path = path or os.path.join(os.getcwd(), netns)
    env = one.calls[0].env
    assert env["CNI_CONTAINERID"] == container_id(path) and env["CNI_NETNS"] == path
    if path == NETNS:
        assert env["CNI_CONTAINERID"] == "cnitool-0e6b52a07b770f1e750c"


@case("CL2")
@each(
    "flag, variable, ifname",
    [
        ([], None, "eth0"),
        ([], "", "eth0"),
        ([], "net1", "net1"),
        (["-i", "net2"], "net1", "net2"),
        (["--ifname", "net2"], None, "net2"),
        (["--ifname=net2"], "net1", "net2"),
    ],
)
@each("first", [True, False], ids=["flag first", "flag last"])
def test_where_the_interface_name_comes_from(world, one, flag, variable, ifname, first):
    args = ["add", "net", NETNS]
    done = cnitool(world, *(flag + args if first else args + flag), env={"CNI_IFNAME": variable})
    assert done.returncode == 0, done.stderr
    assert one.calls[0].env["CNI_IFNAME"] == ifname


@case("CL3")
@each("args", ["a=", "a", "a=b=c", "a=b;", "=b", ";", "a=b;;c=d"])
def test_arguments_that_are_none(world, one, args):
    done = cnitool(world, "add", "net", NETNS, env={"CNI_ARGS": args})
    assert done.returncode == 1 and done.stdout == "" and done.stderr and one.calls == []


@case("CL3[good]")
@each("args", ["", "a=b", "a=b;c=d"])
def test_arguments_are_handed_on(world, one, args):
    assert cnitool(world, "add", "net", NETNS, env={"CNI_ARGS": args}).returncode == 0
    assert one.calls[0].env["CNI_ARGS"] == args


@case("CL4")
@each("caps", ["[]", "5", "x", '"mac"', "{", '{"mac":"x"} x'])
def test_capability_arguments_that_are_no_object(world, one, caps):
    done = cnitool(world, "add", "net", NETNS, env={"CAP_ARGS": caps})
    assert done.returncode == 1 and done.stdout == "" and done.stderr and one.calls == []


@case("CL4[good]")
@each("caps, injected", [('{"mac":"x","other":1}', {"mac": "x"}), ("{}", None), ("", None), (None, None)])
def test_capability_arguments_are_handed_on(world, one, caps, injected):
    assert cnitool(world, "add", "net", NETNS, env={"CAP_ARGS": caps}).returncode == 0
    assert one.calls[0].conf.get("runtimeConfig") == injected


@case("CL5")
def test_only_a_result_is_printed(world, one):
    done = cnitool(world, "add", "net", NETNS)
    assert (
        json.loads(done.stdout) == RESULT
        and done.stdout.startswith('{\n    "cniVersion"')
        and done.stdout.endswith("\n}")
    )
    assert done.stderr == ""
    for verb in "check", "status", "del", "gc":
        done = cnitool(world, verb, "net", NETNS)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), verb
    assert one.commands == ["ADD", "CHECK", "STATUS", "DEL", "GC"]


@case("CL5[failure]")
@each("verb", ["add", "check", "del", "gc", "status"])
def test_failures_are_on_stderr(world, one, verb):
    world.plugins.again(one, error="1234 potato")
    done = cnitool(world, verb, "net", NETNS)
    assert done.returncode == 1 and done.stdout == "" and "potato" in done.stderr


@case("CL5[stderr]")
def test_what_plugins_say_on_stderr(world, one):
    world.plugins.again(one, "ADD", result=RESULT, stderr="a long story")
    done = cnitool(world, "add", "net", NETNS)
    assert json.loads(done.stdout) == RESULT and "a long story" in done.stderr


@case("CL6")
@each(
    "args, status",
    [
        (["add", "net", NETNS], 0),
        (["add", "net", NETNS, "more"], 0),
        (["add", "net"], 1),
        (["add"], 1),
        (["nope", "net", NETNS], 1),
        (["add", "absent", NETNS], 1),
        (["ADD", "net", NETNS], 1),
        (["--nope", "add", "net", NETNS], 1),
        (["--ifname", "eth1"], 1),
        (["--"], 1),
    ],
)
def test_exit_status(world, one, args, status):
    done = cnitool(world, *args)
    assert done.returncode == status and (status == 0 or done.stderr and not done.stdout)
    assert len(one.calls) == (1 if status == 0 else 0)


@case("CL6[help]")
@each("args", [["help"], ["--help"], ["-h"]])
def test_help(world, one, args):
    done = cnitool(world, *args)
    assert done.returncode == 0 and all(
        verb in done.stdout + done.stderr for verb in ("add", "check", "del", "gc", "status", "NETCONFPATH", "CAP_ARGS")
    )


@case("CL6[codes]")
@each("code", [50, 51, 11])
def test_codes_are_not_exit_statuses(world, one, code):
    world.plugins.again(one, "STATUS", error=f"{code} not ready")
    assert cnitool(world, "status", "net", NETNS).returncode == 1


@case("CL6[no path]")
def test_without_plugin_folders(world, one):
    for env in {"CNI_PATH": ""}, {"CNI_PATH": None}:
        assert cnitool(world, "add", "net", NETNS, env=env).returncode == 1


@case("CL6[conf dir]")
def test_without_configurations(world, one):
    """NETCONFPATH says where networks are; without it they are in /etc/cni/net.d."""
    done = cnitool(world, "add", "net", NETNS, env={"NETCONFPATH": str(world.dir / "nowhere")})
    assert done.returncode == 1 and str(world.dir / "nowhere") in done.stderr
    done = cnitool(world, "add", "surely-not-there", NETNS, env={"NETCONFPATH": None})
    assert done.returncode == 1 and "/etc/cni/net.d" in done.stderr


@case("CL7")
def test_gc(world, one):
    """Every cached attachment of the network goes, and plugins get no list of valid ones."""
    world.write("20-other.conflist", world.list("one", name="other"))
    for net, netns in (("net", "/a"), ("net", "/b"), ("other", "/a")):
        assert cnitool(world, "add", net, netns).returncode == 0
    done = cnitool(world, "gc", "net", "/nowhere")
    assert done.returncode == 0, done.stderr
    assert sorted(one.commands) == ["ADD"] * 3 + ["DEL"] * 2 + ["GC"]
    assert not [k for k in one.calls[-1].conf if k.startswith("cni.dev/")]
    assert world.cache_files() == [f"other-{container_id('/a')}-eth0"]
