# SPDX-License-Identifier: Apache-2.0
"""ADD, CHECK and DEL of a list through the library: requests, results, failures, the cache."""

import base64
import json
import threading

import pytest

from conformance.calls import NOWHERE, execute, one_object, static
from conformance.doubles import SOURCES
from conformance.each import each
from conformance.libcni import DEL_CONTINUE, NO_LOCKS, ROLLBACK
from conformance.world import RESULT, At, refused
from lib.case import case

CAPS = {"portMappings": [{"hostPort": 80, "containerPort": 8080}], "mac": "02:00:00:00:00:09", "other": 1}


@pytest.fixture
def rt(world):
    return world.rt()


@pytest.fixture
def chain(world):
    """Three plugins: one answers, two hands on, three adds a name server."""
    return [
        world.plugin("one").also("ADD", result=RESULT),
        world.plugin("two").also("ADD", passthrough=True),
        world.plugin("three").also("ADD", inject_dns=True),
    ]


ENTRIES = [
    {"type": "one", "capabilities": {"portMappings": True}, "x": 1},
    {"type": "two", "capabilities": {"mac": True, "other": False}},
    {"type": "three"},
]
FINAL = {**RESULT, "dns": {"nameservers": ["1.2.3.4"]}}


def variables(command, at):
    return {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": at.id,
        "CNI_NETNS": at.netns or "",
        "CNI_IFNAME": at.ifname,
        "CNI_ARGS": ";".join(f"{k}={v}" for k, v in at.args),
    }


def seen(call):
    return {k: v for k, v in call.env.items() if k.startswith("CNI_") and k != "CNI_PATH"}


# ---- ADD


@case("RT1")
def test_add_of_a_chain(world, rt, chain):
    at = At(args=[("IgnoreUnknown", "1"), ("K", "V")], caps=CAPS)
    result = rt.add(world.net(rt, *ENTRIES), at)
    assert result.json == FINAL and result.version == "1.1.0"
    assert world.log == ["one ADD", "two ADD", "three ADD"]
    common = {"name": "net", "cniVersion": "1.1.0"}
    one, two, three = [p.calls[0] for p in chain]
    assert one.conf == {**common, "type": "one", "x": 1, "runtimeConfig": {"portMappings": CAPS["portMappings"]}}
    assert two.conf == {**common, "type": "two", "runtimeConfig": {"mac": CAPS["mac"]}, "prevResult": RESULT}
    assert three.conf == {**common, "type": "three", "prevResult": RESULT}
    for call in one, two, three:
        assert seen(call) == variables("ADD", at) and call.env["CNI_PATH"] == str(world.bin)


@case("RT1[path]")
def test_the_path_that_plugins_get(world, chain):
    """CNI_PATH is the list of folders, joined with colons."""
    (world.dir / "empty").mkdir()
    rt = world.rt(dirs=[world.dir / "empty", world.bin])
    rt.add(world.net(rt, "one"), At())
    assert chain[0].calls[0].env["CNI_PATH"] == f"{world.dir / 'empty'}:{world.bin}"


@case("RT1[prevResult in the configuration]")
def test_a_prev_that_is_written_in_the_configuration(world, rt, chain):
    """What stands there for the first plugin is not taken for a result of this list when there is one."""
    rt.add(world.net(rt, "one", {"type": "two", "prevResult": {"cniVersion": "1.1.0", "ips": []}}), At())
    assert chain[1].calls[0].conf["prevResult"] == RESULT


@case("RT2")
@each(
    "declared, supplied, injected",
    [
        ({"mac": True}, {"mac": "x"}, {"mac": "x"}),
        ({"mac": True}, None, None),
        ({"mac": True}, {}, None),
        ({"mac": False}, {"mac": "x"}, None),
        (None, {"mac": "x"}, None),
        ({"mac": True, "ips": True}, {"ips": ["1.1.1.1/8"], "dns": {}}, {"ips": ["1.1.1.1/8"]}),
        (
            {"io.kubernetes.cri.pod-annotations": True},
            {"io.kubernetes.cri.pod-annotations": {"a/b": "<c>"}},
            {"io.kubernetes.cri.pod-annotations": {"a/b": "<c>"}},
        ),
    ],
)
def test_capabilities(world, rt, chain, declared, supplied, injected):
    entry = {"type": "one", **({} if declared is None else {"capabilities": declared})}
    at = At(caps=supplied)
    net = world.net(rt, entry)
    rt.add(net, at), rt.check(net, at), rt.delete(net, at)
    assert [c.conf.get("runtimeConfig") for c in chain[0].calls] == [injected] * 3
    assert all(("runtimeConfig" in c.conf) == (injected is not None) for c in chain[0].calls)


@case("RT2[raw]")
def test_capability_values_keep_their_tokens(world, rt, chain):
    at = At(caps='{"x":{ "big":12345678901234567890, "m": 1.50}}')
    rt.add(world.net(rt, {"type": "one", "capabilities": {"x": True}}), at)
    assert "12345678901234567890" in chain[0].calls[0].stdin and "1.50" in chain[0].calls[0].stdin


@case("RT2[bad]")
@each("caps", ["[]", "x", "5", '{"a":'])
def test_capability_arguments_that_are_no_object(world, rt, chain, caps):
    refused(rt.add, world.net(rt, "one"), At(caps=caps))
    assert world.log == []


@case("RT3")
@each("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_the_cache_after_add(world, rt, version):
    answer = {**RESULT, "cniVersion": version}
    if version < "1.0.0":
        answer = {**answer, "ips": [{**RESULT["ips"][0], "version": "4"}], "dns": {}}
    world.plugin("one").also("ADD", result=answer)
    text = f'{{ "name":"net", "cniVersion":"{version}",\n "plugins":[ {{"type":"one", "x": 1.50}} ] }}\n'
    at = At(args=[("A", "B"), ("C", "")], caps={"mac": "x"})
    net = rt.load_file(world.write("10.conflist", text))
    result = rt.add(net, at)
    assert result.json == answer
    assert world.cache_files() == ["net-c1-eth0"]
    entry = world.cached()
    assert base64.b64decode(entry.pop("config")).decode() == text
    assert entry == {
        "kind": "cniCacheV1",
        "containerId": "c1",
        "ifName": "eth0",
        "networkName": "net",
        "netns": at.netns,
        "cniArgs": [["A", "B"], ["C", ""]],
        "capabilityArgs": {"mac": "x"},
        "result": answer,
    }
    assert rt.cached_result(net, at).json == answer
    assert world.cache_file().stat().st_mode & 0o777 == 0o600 and world.results.stat().st_mode & 0o777 == 0o700


@case("RT3[little]")
def test_the_cache_leaves_out_what_is_not_there(world, rt, chain):
    rt.add(world.net(rt, "one"), At())
    text = world.cache_file().read_text()
    assert list(json.loads(text)) == ["kind", "containerId", "config", "ifName", "networkName", "netns", "result"]
    assert not text.endswith("\n") and "\n" not in text


@case("RT4")
@each("flags, dels", [(0, []), (ROLLBACK, ["three DEL", "two DEL", "one DEL"])], ids=["plain", "rollback"])
def test_a_plugin_fails(world, chain, flags, dels):
    rt = world.rt(flags=flags)
    world.plugins.again(chain[1], "ADD", error="1234 potato")
    e = refused(rt.add, world.net(rt, *ENTRIES), At(), code=1234, says=["potato", "two", "ADD"])
    assert e.details == ""
    assert world.log == ["one ADD", "two ADD"] + dels and world.cache_files() == []


@case("RT4[details]")
def test_the_details_of_a_failure(world, rt):
    world.plugin("one", stdout='{"cniVersion":"0.1.0","code":7,"msg":"m","details":"d"}', exit=1)
    e = refused(rt.add, world.net(rt, "one"), At(), code=7, says=["m"])
    assert e.details == "d"


@case("RT5")
def test_a_plugin_is_missing(world, rt, chain):
    """Nothing is run when a plugin further down is missing; the reference finds out halfway."""
    refused(rt.add, world.net(rt, "one", "unknown", "three"), At(), says=["unknown", str(world.bin)])
    assert world.log == [] and world.cache_files() == []


@case("RT6")
@each(
    "what, code",
    [
        ({"id": "some-%%container"}, 4),
        ({"id": ""}, 3),
        ({"id": None}, 3),
        ({"id": "-a"}, 4),
        ({"name": "te%%st"}, 7),
        ({"name": "a/b"}, 7),
        ({"name": ""}, 7),
        ({"ifname": "a" * 16}, 4),
        ({"ifname": ""}, 4),
        ({"ifname": "."}, 4),
        ({"ifname": ".."}, 4),
        ({"ifname": "a/b"}, 4),
        ({"ifname": "a:b"}, 4),
        ({"ifname": "a b"}, 4),
        ({"ifname": "é" * 8}, 4),
    ],
)
def test_names_that_are_refused(world, rt, chain, what, code):
    at = At(id=what.get("id", "c1"), ifname=what.get("ifname", "eth0"))
    refused(rt.add, world.net(rt, "one", name=what.get("name", "net")), at, code=code)
    assert world.log == [] and world.cache_files() == []


@case("RT7")
@each("how", ["file", "long name", "proc"])
def test_a_cache_that_cannot_be_written(world, chain, how):
    """It is found out before anything runs."""
    cache = world.cache
    if how == "file":
        world.cache.mkdir()
        world.results.write_text("not a folder")
    elif how == "proc":
        cache = "/proc/nowhere"
    rt = world.rt(cache=cache, flags=NO_LOCKS)
    at = At(id="c" * 250) if how == "long name" else At()
    refused(rt.add, world.net(rt, "one", "two"), at)
    assert world.log == []


@case("RT7[folder]")
def test_a_folder_where_the_cache_file_belongs(world, rt, chain):
    world.cache_file().mkdir(parents=True)
    (world.cache_file() / "x").mkdir()
    refused(rt.add, world.net(rt, "one", "two"), At())
    assert world.log == []


@case("RT7[late]")
def test_a_cache_that_turns_out_unwritable(world, rt, chain):
    """When it is found out only afterwards, what was added is taken back."""
    (world.bin / "spoiler").write_text(
        f"#!/bin/sh\necho \"spoiler $CNI_COMMAND\" >> '{world.plugins.log_file}'\n[ $CNI_COMMAND = ADD ] || exit 0\n"
        f"rm -rf '{world.results}'\necho > '{world.results}'\necho '{{}}'\n"
    )
    (world.bin / "spoiler").chmod(0o755)
    refused(rt.add, world.net(rt, "one", "spoiler"), At())
    assert world.log == ["one ADD", "spoiler ADD", "spoiler DEL", "one DEL"]


# ---- DEL


@case("RT8")
@each("version", ["0.3.1", "0.4.0", "1.1.0"])
def test_del_again_and_again(world, rt, chain, version):
    net, at = world.net(rt, *ENTRIES, version=version), At(caps=CAPS, args=[("K", "V")])
    rt.delete(net, at)
    assert world.log == ["three DEL", "two DEL", "one DEL"] and "prevResult" not in chain[0].calls[0].conf
    rt.delete(net, at)
    world.plugins.forget()
    if version == "1.1.0":
        rt.add(net, at)
        world.plugins.forget()
        rt.delete(net, at)
        assert [p.calls[-1].conf.get("prevResult") for p in chain] == [FINAL] * 3
        assert all(seen(p.calls[-1]) == variables("DEL", at) for p in chain)
        assert chain[0].calls[-1].conf["runtimeConfig"] == {"portMappings": CAPS["portMappings"]}
        assert world.log == ["three DEL", "two DEL", "one DEL"] and world.cache_files() == []
        rt.delete(net, at)
        assert "prevResult" not in chain[0].calls[-1].conf


OLD_RESULT = {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "dns": {}}


@case("RT8[legacy]")
def test_del_with_a_bare_result_in_the_cache(world, rt, chain):
    """The cache of the days before cniCacheV1 is a bare result."""
    world.put_cache(OLD_RESULT)
    rt.delete(world.net(rt, "one", version="0.4.0"), At())
    assert chain[0].calls[0].conf["prevResult"] == OLD_RESULT and world.cache_files() == []


@case("RT8[converted]")
def test_del_converts_what_is_cached(world, rt, chain):
    world.put_cache(OLD_RESULT)
    rt.delete(world.net(rt, "one"), At())
    assert chain[0].calls[0].conf["prevResult"] == {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]}


@case("RT8[no netns]")
@each("netns", [None, ""])
def test_del_without_a_namespace(world, rt, chain, netns):
    net = world.net(rt, "one")
    rt.add(net, At())
    rt.delete(net, At(netns=netns))
    assert chain[0].calls[-1].env["CNI_NETNS"] == "" and world.cache_files() == []


@case("RT9")
def test_del_of_an_old_list(world, rt):
    old = {"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "dns": {}}
    one = world.plugin("one").also("ADD", result=old)
    net = world.net(rt, "one", version="0.3.1")
    rt.add(net, At())
    assert world.cache_files() == ["net-c1-eth0"]
    rt.delete(net, At())
    assert "prevResult" not in one.calls[-1].conf and world.cache_files() == []


USELESS = {
    "empty": "",
    "cut": '{"kind":"cniCacheV1","con',
    "no object": "[]",
    "other kind": '{"kind":"other"}',
    "unknown version": '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"net","result":{"cniVersion":"9.9.9"}}',
    "no result": '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"net"}',
    "bad result": '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"net","result":{"cniVersion":"1.1.0","ips":5}}',
}


@case("RT10")
@each("what", USELESS)
def test_del_with_a_useless_cache(world, rt, chain, what):
    world.put_cache(USELESS[what])
    rt.delete(world.net(rt, "one"), At())
    assert chain[0].commands == ["DEL"] and "prevResult" not in chain[0].calls[0].conf and world.cache_files() == []


@case("RT11")
def test_del_with_a_failing_plugin(world, rt, chain):
    net = world.net(rt, *ENTRIES)
    rt.add(net, At())
    world.plugins.forget()
    world.plugins.again(chain[1], "DEL", error="11 not now")
    refused(rt.delete, net, At(), code=11, says=["not now", "two", "DEL"])
    assert world.log == ["three DEL", "two DEL"] and world.cache_files() == ["net-c1-eth0"]
    world.plugins.again(chain[1])
    rt.delete(net, At())
    assert world.log[2:] == ["three DEL", "two DEL", "one DEL"] and world.cache_files() == []
    assert chain[0].calls[-1].conf["prevResult"] == FINAL


@case("RT11[going on]")
def test_del_that_goes_on(world, chain):
    rt = world.rt(flags=DEL_CONTINUE)
    net = world.net(rt, *ENTRIES)
    rt.add(net, At())
    world.plugins.forget()
    world.plugins.again(chain[2], "DEL", error="11 not now")
    world.plugins.again(chain[1], "DEL", error="100 never")
    refused(rt.delete, net, At(), code=11, says=["not now", "never"])
    assert world.log == ["three DEL", "two DEL", "one DEL"] and world.cache_files() == ["net-c1-eth0"]


@case("RT11[missing plugin]")
def test_del_with_a_missing_plugin(world, chain):
    """With CNI_DEL_CONTINUE a missing chained plugin does not keep the main one from giving its address back."""
    rt = world.rt(flags=DEL_CONTINUE)
    refused(rt.delete, world.net(rt, "one", "absent"), At(), says="absent")
    assert world.log == ["one DEL"]


# ---- CHECK


@case("RT12[good]")
def test_check(world, rt, chain):
    net, at = world.net(rt, *ENTRIES), At(caps=CAPS, args=[("K", "V")])
    rt.add(net, at)
    world.plugins.forget()
    rt.check(net, at)
    assert world.log == ["one CHECK", "two CHECK", "three CHECK"]
    for p in chain:
        assert p.calls[-1].conf["prevResult"] == FINAL and seen(p.calls[-1]) == variables("CHECK", at)
    assert set(chain[0].calls[-1].conf) == {"type", "x", "name", "cniVersion", "prevResult", "runtimeConfig"}
    assert world.cache_files() == ["net-c1-eth0"]


@case("RT12[cache]")
@each(
    "cached, version, prev",
    [
        (OLD_RESULT, "0.4.0", OLD_RESULT),
        (OLD_RESULT, "1.0.0", {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}),
        (None, "1.1.0", None),
    ],
    ids=["legacy", "converted", "none"],
)
def test_check_and_its_prev(world, rt, chain, cached, version, prev):
    if cached:
        world.put_cache(cached)
    rt.check(world.net(rt, "one", version=version), At())
    assert chain[0].calls[0].conf.get("prevResult") == prev


@case("RT12[useless]")
@each("what", ["cut", "empty", "no object", "other kind", "unknown version", "bad result"])
def test_check_with_a_useless_cache(world, rt, chain, what):
    world.put_cache(USELESS[what])
    refused(rt.check, world.net(rt, "one"), At())
    assert chain[0].commands == [] and world.cache_files() == ["net-c1-eth0"]


@case("RT12[failure]")
def test_check_that_fails(world, rt, chain):
    net = world.net(rt, *ENTRIES)
    rt.add(net, At())
    world.plugins.forget()
    world.plugins.again(chain[1], "CHECK", error="1234 gone")
    refused(rt.check, net, At(), code=1234, says=["gone", "two"])
    assert world.log == ["one CHECK", "two CHECK"]


@case("RT13")
@each(
    "version, disabled, ok",
    [("0.3.1", False, False), ("1.1.0", True, True), ("0.3.1", True, False), (None, False, False)],
)
def test_check_that_is_not_for_this_network(world, rt, chain, version, disabled, ok):
    net = world.net(rt, "one", version=version, disableCheck=disabled)
    if ok:
        rt.check(net, At())
    else:
        refused(rt.check, net, At(), says="CHECK")
    assert world.log == []


# ---- results and failures


@case("RT14")
@each(
    "stdout, version, result",
    [
        ('{"ips":[]}', "1.0.0", {"cniVersion": "1.0.0"}),
        ('{"cniVersion":"","ips":[]}', "1.0.0", {"cniVersion": "1.0.0"}),
        ('{"cniVersion":null}', "1.1.0", {"cniVersion": "1.1.0"}),
        ('{"cniVersion":5}', "1.1.0", {"cniVersion": "1.1.0"}),
        ("null", "1.1.0", {"cniVersion": "1.1.0"}),
        ("{}", "0.4.0", {"cniVersion": "0.4.0", "dns": {}}),
        ("{}", None, {"cniVersion": "0.1.0", "dns": {}}),
        ('  {"cniVersion":"1.1.0"}\n\n', "1.1.0", {"cniVersion": "1.1.0"}),
    ],
)
def test_odd_results(world, rt, stdout, version, result):
    world.plugin("one", stdout=stdout)
    assert rt.add(world.net(rt, "one", version=version), At()).json == result


@case("RT14[any case]")
def test_results_with_keys_in_any_case(world, rt):
    world.plugin("one", stdout='{"CNIVERSION":"1.1.0","IPS":[{"Address":"10.0.0.1/8"}]}')
    result = rt.add(world.net(rt, "one"), At())
    assert result.version == "1.1.0" and [x["address"] for x in result.ips] == ["10.0.0.1/8"]


@case("RT14[bad]")
@each(
    "stdout",
    [
        "",
        "some log\n{}",
        "{} trailing",
        "[]",
        '"x"',
        '{"cniVersion":"0.9.0"}',
        '{"cniVersion":"1.1.0","ips":[{}]}',
        "{",
        '{"cniVersion":"1.1.0"}{"code":8,"msg":"x"}',
    ],
)
def test_results_that_are_none(world, rt, stdout):
    world.plugin("one", **({"stdout": stdout} if stdout.count("\n") == 0 else {"stdout_file": note(world, stdout)}))
    refused(rt.add, world.net(rt, "one"), At(), says="one")
    assert world.cache_files() == []


def note(world, text):
    (world.dir / "note").write_text(text)
    return world.dir / "note"


@case("RT14[quiet]")
@each("stdout", ["", "noise"])
def test_what_others_print_does_not_matter(world, rt, stdout):
    """Only ADD has a result."""
    world.plugin("one").also("ADD", result=RESULT).also("DEL", stdout=stdout).also("CHECK", stdout=stdout).also(
        "GC", stdout=stdout
    ).also("STATUS", stdout=stdout)
    net = world.net(rt, "one")
    rt.add(net, At()), rt.check(net, At()), rt.gc(net, [At()]), rt.status(net), rt.delete(net, At())


@case("RT15")
@each("middle", ["noop", "skelnoop"])
def test_results_of_an_older_version_between_plugins(world, rt, middle):
    """The next plugin gets its prevResult in the list's version, whatever the one before it spoke."""
    world.plugin("one").also("ADD", result=OLD_RESULT)
    two = world.plugin("two", middle).also(
        "ADD", **({"passthrough": True} if middle == "noop" else {"prev_required": True})
    )
    result = rt.add(world.net(rt, "one", "two"), At())
    assert two.calls[0].conf["prevResult"] == {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]}
    assert result.json == {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]}


FAILURES = {
    "error object": ({"error": "1234 potato"}, 1234, ["potato"]),
    "error object and stderr": ({"error": "11 potato", "stderr": "a long story"}, 11, ["potato", "a long story"]),
    "stderr only": ({"stderr": "a long story", "exit": 1}, None, ["a long story", "exit status 1"]),
    "silent exit": ({"exit": 3}, None, ["exit status 3"]),
    "signal": ({"signal": 11}, None, ["signal", "Segmentation fault"]),
    "empty object": ({"stdout": "{}", "exit": 1}, None, ["exit status 1"]),
    "two objects": ({"stdout": '{"cniVersion":"1.1.0"}{"code":8,"msg":"twofold"}', "exit": 1}, None, ["twofold"]),
    "negative code": ({"stdout": '{"code":-3,"msg":"negative"}', "exit": 1}, None, ["negative"]),
    "code in quotes": ({"stdout": '{"code":"3","msg":"quoted"}', "exit": 1}, None, ["quoted"]),
    "text": ({"stdout": "out of cheese", "exit": 1}, None, ["out of cheese"]),
    "text and stderr": (
        {"stdout": "out of cheese", "stderr": "redo from start", "exit": 1},
        None,
        ["out of cheese", "redo from start"],
    ),
    "no code": ({"stdout": '{"msg":"codeless"}', "exit": 1}, None, ["codeless"]),
}


@case("RT16")
@each("what", FAILURES)
@each("verb", ["ADD", "DEL"])
def test_ways_of_failing(world, rt, what, verb):
    """Every failure names the plugin and the verb, and keeps what the plugin said on either output."""
    script, code, says = FAILURES[what]
    world.plugin("one", **script)
    e = refused({"ADD": rt.add, "DEL": rt.delete}[verb], world.net(rt, "one"), At(), says=["one", verb, *says])
    assert code is None or e.code == code
    assert world.log == [f"one {verb}"]


@case("RT16[not executable]")
def test_a_plugin_that_may_not_be_executed(world, rt):
    (world.bin / "one").write_text("#!/bin/sh\necho {}\n")
    refused(rt.add, world.net(rt, "one"), At(), says="one")


@case("RT16[bad interpreter]")
@each("text", ["#!/nowhere/sh\n", "neither script nor program\n", ""])
def test_a_plugin_that_cannot_be_executed(world, rt, text):
    (world.bin / "one").write_text(text)
    (world.bin / "one").chmod(0o755)
    refused(rt.add, world.net(rt, "one"), At(), says="one")
    refused(rt.delete, world.net(rt, "one"), At(), says="one")


@case("RT16[stderr]")
@each("script", [{"result": RESULT}, {"error": "7 no"}], ids=["success", "failure"])
def test_who_wants_it_gets_stderr(world, script):
    world.plugin("one", stderr="a long story", **script)
    rt = world.rt(keep_stderr=True)
    if "error" in script:
        refused(rt.add, world.net(rt, "one"), At(), code=7)
    else:
        rt.add(world.net(rt, "one"), At())
    assert rt.stderr == [("one", "a long story")]


@case("RT17")
def test_an_error_with_exit_status_0(world, rt):
    """An error object is a failure whatever the exit status says; the reference takes it for an empty success."""
    world.plugin("one", stdout='{"cniVersion":"1.1.0","code":7,"msg":"potato"}')
    refused(rt.add, world.net(rt, "one"), At(), code=7, says=["one", "potato"])
    assert world.cache_files() == []


@case("RT18[input]")
@each("size", [200_000, 3_000_000])
def test_a_plugin_that_never_reads(world, rt, size):
    one = world.plugin("one", noread=True, result=RESULT)
    net = world.net(rt, {"type": "one", "x": "a" * size})
    assert rt.add(net, At()).json == RESULT
    rt.delete(net, At())
    assert one.commands == ["ADD", "DEL"]


@case("RT18[failing]")
def test_a_plugin_that_fails_without_reading(world, rt):
    world.plugin("one", noread=True, error="5 unread")
    refused(rt.add, world.net(rt, {"type": "one", "x": "a" * 1_000_000}), At(), code=5, says="unread")


@case("RT18[output]")
def test_much_on_both_outputs(world):
    """Megabytes on stdout and on stderr at once, after megabytes of stdin."""
    one = world.plugin("one", flood=6, result=RESULT)
    rt = world.rt(keep_stderr=True)
    assert rt.add(world.net(rt, {"type": "one", "x": "a" * 2_000_000}), At()).json == RESULT
    assert len(rt.stderr[0][1]) == 6 << 20 and len(one.calls[0].conf["x"]) == 2_000_000


# ---- several attachments


@case("RT22")
def test_two_interfaces_of_one_container(world, rt, chain):
    net = world.net(rt, "one")
    rt.add(net, At(ifname="eth0")), rt.add(net, At(ifname="eth1"))
    assert world.cache_files() == ["net-c1-eth0", "net-c1-eth1"]
    assert [e.key for e in rt.attachments("c1")] == [("net", "c1", "eth0"), ("net", "c1", "eth1")]
    rt.delete(net, At(ifname="eth0"))
    assert [e.key for e in rt.attachments()] == [("net", "c1", "eth1")]


@case("RT22[at once]")
def test_many_containers_at_once(world, chain):
    """Attachments of different containers run beside each other, from one process and many handles."""
    failures = []

    def one(i):
        try:
            rt = world.rt()
            rt.add(world.net(rt, "one"), At(id=f"c{i}"))
        except Exception as e:
            failures.append(e)

    threads = [threading.Thread(target=one, args=[i]) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == [] and len(world.cache_files()) == 8


# ---- the oldest version


@case("RT27[plugin]")
def test_a_plugin_of_010(world, rt):
    old = world.bin / "old"
    old.write_text((SOURCES / "old.sh").read_text())
    old.chmod(0o755)
    net = world.net(rt, "old", version=None)
    result = rt.add(net, At())
    assert result.json == {
        "cniVersion": "0.1.0",
        "ip4": {"ip": "10.1.0.7/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
        "dns": {},
    }
    assert result.ips == [{"address": "10.1.0.7/16", "gateway": "10.1.0.1", "interface": -1}]
    conf = json.loads((world.bin / "old.ADD.stdin").read_text())
    assert conf["name"] == "net" and conf.get("cniVersion", "") in ("", "0.1.0")
    rt.delete(net, At())
    assert "prevResult" not in json.loads((world.bin / "old.DEL.stdin").read_text()) and world.cache_files() == []


@case("RT27[in a newer list]")
def test_a_plugin_of_010_in_a_newer_list(world, rt):
    """Its result without version counts as one of the list's version, so its old members are unknown keys."""
    (world.bin / "old").write_text((SOURCES / "old.sh").read_text())
    (world.bin / "old").chmod(0o755)
    assert rt.add(world.net(rt, "old", version="0.2.0"), At()).json["ip4"]["ip"] == "10.1.0.7/16"


@case("RT27[runtime]")
@each("version", [None, "0.1.0"])
@each("extra", [{}, {"VERSION": "0.1.0"}])
def test_a_runtime_of_010(version, extra):
    """It sends no version or 0.1.0 (and CNI_VERSION), and reads ip4."""
    reply = execute("static", "ADD", static(version), **extra)
    assert reply.result == {"cniVersion": "0.1.0", "ip4": {"ip": "10.1.2.3/24"}, "dns": {}}
    assert execute("static", "DEL", static(version), NETNS=NOWHERE, **extra).ok
    assert one_object(execute("static", "CHECK", static(version)).out)["code"] == 1
