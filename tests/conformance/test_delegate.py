# SPDX-License-Identifier: Apache-2.0
"""A plugin that has another one do part of its work."""

import json
import subprocess

from conformance.calls import NOWHERE, execute
from conformance.doubles import DOUBLES
from conformance.each import each
from lib.case import case
from lib.process import clean_env

VERBS = ["ADD", "CHECK", "DEL", "GC", "STATUS"]
RESULT = {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]}
# White space, order, numbers and escapes that any rewriting would change.
ODD = '{ "type":"outer",\n "cniVersion":"1.1.0", "x": 1.50, "big": 12345678901234567890, "name":"net", "x": "\\u003c<", "ipam":{"type":"inner"} }'


def delegate(verb, type, stdin, path, **env):
    """delegate_VERB() from a process whose own CNI_COMMAND is NOPE."""
    variables = {
        "COMMAND": "NOPE",
        "CONTAINERID": "c1",
        "NETNS": NOWHERE,
        "IFNAME": "eth7",
        "ARGS": "A=b",
        "PATH": path,
        **env,
    }
    return subprocess.run(
        [DOUBLES / "probe", "delegate", verb, type],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        env=clean_env(OTHER="yes", **{f"CNI_{k}": v for k, v in variables.items()}),
    )


@case("DG1")
@each("verb", VERBS)
def test_what_a_delegate_sees(plugins, verb):
    inner = plugins.make("inner").also("ADD", result=RESULT)
    done = delegate(verb, "inner", ODD, plugins.bin)
    assert (done.returncode, done.stdout) == (0, "10.1.2.3/24\n" if verb == "ADD" else ""), done
    [call] = inner.calls
    assert call.stdin == ODD
    seen = {k: v for k, v in call.env.items() if k.startswith("CNI_") or k == "OTHER"}
    assert seen == {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": NOWHERE,
        "CNI_IFNAME": "eth7",
        "CNI_ARGS": "A=b",
        "CNI_PATH": str(plugins.bin),
        "OTHER": "yes",
    }
    assert len(call.pairs) == len(call.env), "no variable twice"


@case("DG1[skeleton]")
@each("verb", VERBS)
def test_a_plugin_and_its_delegate(plugins, verb):
    """From the plugin's callback the delegate gets the plugin's own stdin, and its answer becomes the plugin's."""
    inner = plugins.make("inner").also("ADD", result=RESULT)
    outer = plugins.make("outer", "skelnoop").also(delegate="inner")
    reply = execute(outer, verb, ODD)
    assert reply.ok and reply.json == (RESULT if verb == "ADD" else None)
    assert [c.stdin for c in inner.calls] == [ODD] and inner.commands == [verb]
    assert plugins.log == [f"outer {verb}", f"inner {verb}"]


@case("DG1[version]")
def test_a_delegates_result_without_version(plugins):
    """A result that names no version has the configuration's, not 0.1.0."""
    plugins.make("inner").also("ADD", result={"ips": [{"address": "10.1.2.3/24"}]})
    outer = plugins.make("outer", "skelnoop").also("ADD", delegate="inner")
    assert execute(outer, "ADD", ODD).result == RESULT


@case("DG1[older]")
def test_a_delegates_result_of_another_version(plugins):
    plugins.make("inner").also(
        "ADD", result={"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "dns": {}}
    )
    outer = plugins.make("outer", "skelnoop").also("ADD", delegate="inner")
    assert execute(outer, "ADD", ODD).result == RESULT


@case("DG2")
def test_bridge_and_its_ipam(node, container, tmp_path):
    """The same bridge with our static called in process, and with another program called static: the same requests."""
    ipam = {"type": "static", "addresses": [{"address": "10.77.0.5/24"}]}
    net = {"type": "bridge", "bridge": "br0", "ipam": ipam}
    inside = node.add(net, container)
    node.delete(net, container)
    fake = node.fake("static", result={"cniVersion": "1.1.0", "ips": [{"address": "10.77.0.5/24"}]})
    outside = node.add(net, container)
    node.delete(net, container)
    assert inside["ips"] == outside["ips"] and [c.command for c in fake.calls] == ["ADD", "DEL"]
    assert fake.calls[0].stdin == json.dumps(node.conf(net))


@case("DG2[order]")
def test_the_first_hit_decides(node):
    """A foreign plugin that stands in CNI_PATH before ours is the one that is called."""
    ipam = {"type": "static", "addresses": [{"address": "10.77.0.5/24"}]}
    net = {"type": "bridge", "bridge": "br0", "ipam": ipam}
    (node.dir / "first").mkdir()
    (node.dir / "first" / "static").write_text(
        '#!/bin/sh\necho \'{"code":11,"msg":"from the first folder"}\'\nexit 1\n'
    )
    (node.dir / "first" / "static").chmod(0o755)
    assert node.plugin("STATUS", net, path=f"{node.dir / 'first'}:{node.bin}").error["code"] == 11
    assert node.plugin("STATUS", net, path=f"{node.bin}:{node.dir / 'first'}").ok


@case("DG3")
@each("verb", VERBS)
def test_an_absent_delegate(plugins, verb):
    outer = plugins.make("outer", "skelnoop").also(delegate="inner")
    reply = execute(outer, verb, ODD)
    assert "inner" in reply.text and str(plugins.bin) in reply.text and reply.json


@case("DG3[names]")
@each("type", ["../inner", "sub/inner", ".", "..", "inner.d"])
def test_a_delegate_that_is_no_plugin(plugins, type):
    plugins.make("inner")
    (plugins.bin / "sub").mkdir()
    (plugins.bin / "sub" / "inner").symlink_to("../inner")
    outer = plugins.make("outer", "skelnoop").also("ADD", delegate=type)
    assert execute(outer, "ADD", ODD).error["code"] and plugins.log == ["outer ADD"]


@case("DG4")
def test_del_after_a_failed_add(plugins):
    """The outer plugin undoes what the delegate did; the first failure is reported."""
    inner = plugins.make("inner").also("ADD", error="11 come back")
    outer = plugins.make("outer", "skelnoop").also("ADD", delegate="inner", undo="inner")
    error = execute(outer, "ADD", ODD).error
    assert error["code"] == 11 and "come back" in error["msg"]
    assert inner.commands == ["ADD", "DEL"] and [c.stdin for c in inner.calls] == [ODD, ODD]
    assert plugins.log == ["outer ADD", "inner ADD", "inner DEL"]


@case("DG4[bridge]")
def test_bridge_gives_back_what_ipam_gave(node, container):
    """An ADD that fails after the lease was taken returns the lease."""
    fake = node.fake("lease", result={"cniVersion": "1.1.0", "ips": [{"address": "10.77.0.5/24"}]})
    net = {"type": "bridge", "bridge": "br0", "ipam": {"type": "lease"}}
    node.add(net, container)
    assert not node.plugin("ADD", net, container).ok, "eth0 exists already"
    commands = [c.command for c in fake.calls]
    assert commands.count("ADD") == commands.count("DEL") + 1


@case("DG5")
@each("verb", VERBS)
def test_failures_of_a_delegate(plugins, verb):
    plugins.make("inner").also(error="1234 potato")
    outer = plugins.make("outer", "skelnoop").also(delegate="inner")
    error = execute(outer, verb, ODD).error
    assert error["code"] == 1234 and "potato" in error["msg"]
    done = delegate(verb, "inner", ODD, plugins.bin)
    assert done.returncode == 1 and done.stdout.startswith("1234 ") and "potato" in done.stdout


@case("DG5[odd]")
@each(
    "script, says",
    [
        ({"exit": 3}, "3"),
        ({"exit": 3, "stderr": "what it said"}, "what it said"),
        ({"signal": 11}, "signal"),
        ({"stdout": "log\n{}"}, ""),
    ],
)
def test_delegates_that_die(plugins, script, says):
    plugins.make("inner").also(**script)
    outer = plugins.make("outer", "skelnoop").also("ADD", delegate="inner")
    reply = execute(outer, "ADD", ODD)
    assert says in reply.text + reply.err and "inner" in reply.text and reply.json


@case("DG5[status]")
def test_status_of_bridge_asks_its_ipam(node):
    """STATUS 50 of an IPAM plugin is STATUS 50 of the bridge."""
    node.fake("lease").fails("STATUS", 50, "no addresses")
    error = node.refuses("STATUS", {"type": "bridge", "bridge": "br0", "ipam": {"type": "lease"}}, code=50)
    assert "no addresses" in error["msg"]
