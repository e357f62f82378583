# SPDX-License-Identifier: Apache-2.0
"""Network configurations: which file, what is in it, and what of it reaches a plugin."""

import json

import pytest

from conformance.each import each
from conformance.libcni import STRICT_LOAD
from conformance.world import At, refused
from lib.case import case


@pytest.fixture
def rt(world):
    return world.rt()


def single(type, name="net", **more):
    return {"cniVersion": "1.1.0", "name": name, "type": type, **more}


# ---- which file


@case("CF1")
def test_a_list_goes_before_a_single_configuration(world, rt):
    file = world.write("90-net.conflist", world.list("fromlist"))
    world.write("10-net.conf", single("fromconf"))
    net = rt.load(world.conf, "net")
    assert net.types == ["fromlist"] and net.file == str(file) and not net.single
    file.unlink()
    net = rt.load(world.conf, "net")
    assert net.types == ["fromconf"] and net.name == "net" and net.version == "1.1.0" and net.single


@case("CF1[order]")
def test_the_first_list_in_order(world, rt):
    """Of several lists with the name the first by file name is taken; without a name the first of all."""
    world.write("20.conflist", world.list("second"))
    world.write("10.conflist", world.list("other", name="other"))
    world.write("15.conflist", world.list("first"))
    assert rt.load(world.conf, "net").types == ["first"] and rt.load(world.conf, None).name == "other"


@case("CF1[all]")
def test_all_networks(world, rt):
    world.write("20.conflist", world.list("b", name="b"))
    world.write("10.conf", single("c", name="c"))
    world.write("30.conflist", world.list("a", name="a"))
    world.write("15.conflist", "{")
    assert dict(rt.load_all(world.conf)) == {"a": ["a"], "b": ["b"], "c": ["c"]}
    assert len(rt.warnings) == 1 and "15.conflist" in rt.warnings[0]


@case("CF2")
def test_json_files(world, rt):
    world.write("20.json", single("second"))
    assert rt.load(world.conf, "net").types == ["second"]
    world.write("10.conf", single("first"))
    assert rt.load(world.conf, "net").types == ["first"]
    world.write("05.json", single("zeroth"))
    assert rt.load(world.conf, "net").types == ["zeroth"]


@case("CF3")
def test_nothing_found(world, rt):
    """No file at all and no file with that name are different failures, both naming the folder."""
    missing = refused(rt.load, world.dir / "nowhere", "net", says=str(world.dir / "nowhere")).text
    empty = refused(rt.load, world.conf, "net", says=str(world.conf)).text
    assert missing.replace(str(world.dir / "nowhere"), "X") == empty.replace(str(world.conf), "X")
    world.write("10.conf", single("x", name="other"))
    other = refused(rt.load, world.conf, "net", says=["net", str(world.conf)]).text
    (world.conf / "10.conf").unlink()
    world.write("10.conflist", world.list("x", name="another"))
    assert refused(rt.load, world.conf, "net").text == other != empty


@case("CF4")
@each(
    "broken",
    ["{", '{"cniVersion":"1.1.0","name":"broken","plugins":[]}', '{"plugins":[{"type":"x"}]}'],
    ids=["no JSON", "no plugins", "no name"],
)
@each("name", ["05.conflist", "05.conf"])
def test_broken_files_beside_the_wanted_one(world, broken, name):
    """One that sorts before is passed over with a warning, or a failure when strictness is asked for.

    One that sorts after is not read.
    """
    wanted = "10.conflist" if name.endswith("list") else "10.conf"
    world.write(wanted, world.list("good") if name.endswith("list") else single("good"))
    world.write(name, broken)
    lenient, strict = world.rt(), world.rt(flags=STRICT_LOAD)
    assert lenient.load(world.conf, "net").types == ["good"]
    assert [name in w for w in lenient.warnings] == [True]
    refused(strict.load, world.conf, "net", says=name)
    (world.conf / name).rename(world.conf / name.replace("05", "15"))
    lenient, strict = world.rt(), world.rt(flags=STRICT_LOAD)
    assert strict.load(world.conf, "net").types == lenient.load(world.conf, "net").types == ["good"]
    assert lenient.warnings == strict.warnings == []


@case("CF4[conflist]")
def test_a_list_stored_as_single(world, rt):
    """A list in a file called .conf is not taken for a plugin without a type by silence."""
    world.write("05.conf", world.list("one"))
    refused(world.rt(flags=STRICT_LOAD).load, world.conf, "net", says="05.conf")


@case("CF5")
def test_nested_folders(world, rt):
    world.write("sub/10.conflist", world.list("nested"))
    (world.conf / "20.conflist").mkdir()
    refused(rt.load, world.conf, "net")
    world.write("30.conflist", world.list("top"))
    assert rt.load(world.conf, "net").types == ["top"]


@case("CF5[names]")
def test_which_names_count(world, rt):
    """Dotfiles count, backups and other letter case do not."""
    for name in ("10.conflist~", "10.conflist.bak", "10.CONFLIST", "conflist", "10.conf~", "10.Json"):
        world.write(name, world.list("wrong"))
    refused(rt.load, world.conf, "net")
    world.write(".hidden.conflist", world.list("hidden"))
    assert rt.load(world.conf, "net").types == ["hidden"]


@case("CF5[links]")
def test_links_to_files_are_followed(world, rt):
    (world.dir / "elsewhere").write_text(world.list("linked"))
    (world.conf / "10.conflist").symlink_to(world.dir / "elsewhere")
    assert rt.load(world.conf, "net").types == ["linked"]


# ---- flags


FLAGS = [(True, True), (False, False), ("true", True), ("false", False), ("TRUE", True), ("False", False)]


@case("CF6")
@each("value, means", FLAGS)
def test_flags(world, rt, value, means):
    assert world.net(rt, "one", disableCheck=value).disable_check is means
    assert world.net(rt, "one", disableGC=value).disable_gc is means
    file = world.write("10.conflist", world.list("one", loadOnlyInlinedPlugins=value))
    world.write("net/20.conf", {"type": "two"})
    assert rt.load_file(file).types == (["one"] if means else ["one", "two"])


@case("CF6[bad]")
@each("flag", ["disableCheck", "disableGC", "loadOnlyInlinedPlugins"])
@each("value", [1, 0, None, "adsf", "", "1", [], {}])
def test_flags_that_are_none(world, rt, flag, value):
    refused(rt.load_bytes, world.list("one", **{flag: value}), says=flag)


@case("CF7")
@each("value", [True, "true"])
def test_only_inlined_plugins_that_are_not_there(world, rt, value):
    file = world.write("10.conflist", {"cniVersion": "1.1.0", "name": "net", "loadOnlyInlinedPlugins": value})
    world.write("net/20.conf", {"type": "two"})
    refused(rt.load_file, file, says="loadOnlyInlinedPlugins")


# ---- drop-ins


@case("CF8")
def test_only_drop_ins(world, rt):
    file = world.write("10.conflist", {"cniVersion": "1.1.0", "name": "net"})
    refused(rt.load_file, file)
    (world.conf / "net").mkdir()
    refused(rt.load_file, file)
    world.write("net/20.conf", {"type": "two"})
    assert rt.load_file(file).types == ["two"] and rt.load(world.conf, "net").types == ["two"]


@case("CF9")
def test_plugins_and_drop_ins(world, rt):
    file = world.write("10.conflist", world.list("one", "two"))
    for name, type in (("30.conf", "four"), ("20.conf", "three"), ("40.conf", "five")):
        world.write(f"net/{name}", {"type": type})
    world.write("other/10.conf", {"type": "wrong"})
    assert rt.load_file(file).types == ["one", "two", "three", "four", "five"]
    assert rt.load_bytes(file.read_text()).types == ["one", "two"], "from memory they are not looked for"
    world.write("10.conflist", world.list("one", "two", loadOnlyInlinedPlugins=True))
    assert rt.load_file(file).types == ["one", "two"]


@case("CF9[run]")
def test_a_drop_in_runs_under_the_lists_name_and_version(world, rt):
    one, two = world.plugin("one", result={"ips": []}), world.plugin("two")
    file = world.write("10.conflist", world.list("one"))
    world.write("net/20.conf", {"type": "two", "name": "mine", "cniVersion": "0.3.1", "x": 1})
    rt.add(rt.load_file(file), At())
    assert {k: two.calls[0].conf[k] for k in ("name", "cniVersion", "x")} == {
        "name": "net",
        "cniVersion": "1.1.0",
        "x": 1,
    }
    assert one.commands == two.commands == ["ADD"]


@case("CF9[cache]")
def test_the_cache_has_the_drop_ins(world, rt):
    """What is cached attaches and detaches the same plugins when it is loaded again from the cache alone."""
    world.plugin("one", result={"ips": []}), world.plugin("two")
    file = world.write("10.conflist", world.list("one"))
    world.write("net/20.conf", {"type": "two"})
    rt.add(rt.load_file(file), At())
    again = rt.load_bytes(rt.cached_config("net", "c1", "eth0").config)
    assert again.types == ["one", "two"]
    assert json.loads(again.bytes)["loadOnlyInlinedPlugins"] is True
    rt.delete(again, At())
    assert world.log == ["one ADD", "two ADD", "two DEL", "one DEL"]


@case("CF9[single]")
def test_a_single_configuration_has_no_drop_ins(world, rt):
    world.write("10.conf", single("one"))
    world.write("net/20.conf", {"type": "two"})
    assert rt.load(world.conf, "net").types == ["one"]


@case("CF10[no type]")
@each("content", ["{}", '{"type":""}', "{", "", "[]", "null", '{"type":5}'])
def test_a_drop_in_without_type(world, rt, content):
    file = world.write("10.conflist", world.list("one"))
    world.write("net/20.conf", content)
    refused(rt.load_file, file, says="20.conf")


@case("CF10[unreadable]")
def test_a_drop_in_folder_that_is_none(world, rt):
    """A drop-in folder that cannot be listed is a failure, not an absence."""
    file = world.write("10.conflist", world.list("one"))
    (world.conf / "net").write_text("a file")
    refused(rt.load_file, file, says="net")
    (world.conf / "net").unlink()
    (world.conf / "net").symlink_to("net")
    refused(rt.load_file, file, says="net")


@case("CF10[folder]")
def test_a_link_to_a_folder_among_drop_ins(world, rt):
    file = world.write("10.conflist", world.list("one"))
    (world.conf / "net").mkdir()
    (world.conf / "net" / "10.conf").mkdir()
    assert rt.load_file(file).types == ["one"], "a folder is passed over"
    (world.conf / "net" / "20.conf").symlink_to(world.dir)
    refused(rt.load_file, file, says="20.conf")


@case("CF10[names]")
def test_which_drop_ins_count(world, rt):
    file = world.write("10.conflist", world.list("one"))
    world.write("net/.hidden.conf", {"type": "hidden"})
    for name in ("20.conf~", "20.conflist", "20.json", "20.CONF", "x"):
        world.write(f"net/{name}", {"type": "wrong"})
    assert rt.load_file(file).types == ["one", "hidden"]


# ---- versions


@case("CF11")
@each(
    "version, versions, chosen",
    [
        (None, ["1.1.0", "0.4.0", "1.0.0"], "1.1.0"),
        (None, ["99.0.0", "1.1.0"], "1.1.0"),
        ("1.2.3", None, "1.2.3"),
        ("0.4.0", ["0.3.1", "1.0.0"], "1.0.0"),
        ("1.0.0", ["0.3.1", "0.4.0"], "1.0.0"),
        (None, [], ""),
        (None, None, ""),
        ("0.3.1", [], "0.3.1"),
        (None, ["99.0.0"], ""),
        ("99.0.0", ["98.0.0"], "99.0.0"),
        ("99.0.0", ["0.4.0"], "0.4.0"),
        (None, ["0.7.7"], "0.7.7"),
        ("", ["0.4.0"], "0.4.0"),
        ("anything", None, "anything"),
    ],
)
def test_which_version(world, rt, version, versions, chosen):
    more = {} if versions is None else {"cniVersions": versions}
    assert world.net(rt, "one", version=version, **more).version == chosen


@case("CF11[bad]")
@each(
    "version, versions",
    [
        (None, ["1.1.0", "1.0.f"]),
        ("1.0.f", ["1.1.0"]),
        (None, "1.1.0"),
        (None, None),
        (None, {}),
        (None, [1]),
        (None, ["1.1.0", None]),
    ],
)
def test_versions_that_are_none(world, rt, version, versions):
    refused(rt.load_bytes, world.list("one", version=version, cniVersions=versions), says="cniVersion")


@case("CF11[run]")
def test_the_chosen_version_is_what_plugins_get(world, rt):
    one = world.plugin("one", result={"ips": []})
    rt.add(world.net(rt, "one", version="0.3.1", cniVersions=["0.4.0", "1.0.0"]), At())
    assert one.calls[0].conf["cniVersion"] == "1.0.0" and "cniVersions" not in one.calls[0].conf


# ---- the whole table


GOOD = {
    "path-like name": '{"name":"a/b","plugins":[{"type":"one"}]}',
    "empty name": '{"name":"","plugins":[{"type":"one"}]}',
    "odd version": '{"name":"net","cniVersion":"whatever","plugins":[{"type":"one"}]}',
    "no version": '{"name":"net","plugins":[{"type":"one"}]}',
    "entry with its keys in any case": '{"name":"net","plugins":[{"Type":"one"}]}',
    "duplicate keys": '{"name":"first","name":"net","plugins":[{"type":"x"}],"plugins":[{"type":"one"}]}',
    "good entry": '{"name":"net","plugins":[{"type":"one","capabilities":{"a":true,"b":false},"ipam":{"type":"x"},"dns":{"nameservers":["1.1.1.1"]}'
    ',"prevResult":{}}]}',
    "white space": ' \n{"name" : "net" , "plugins" : [ { "type" : "one" } ] }\n ',
}
BAD = {
    "no name": '{"plugins":[{"type":"one"}]}',
    "name in another case": '{"Name":"net","plugins":[{"type":"one"}]}',
    "name a number": '{"name":5,"plugins":[{"type":"one"}]}',
    "name null": '{"name":null,"plugins":[{"type":"one"}]}',
    "version a number": '{"name":"net","cniVersion":1,"plugins":[{"type":"one"}]}',
    "version null": '{"name":"net","cniVersion":null,"plugins":[{"type":"one"}]}',
    "plugins null": '{"name":"net","plugins":null}',
    "plugins an object": '{"name":"net","plugins":{}}',
    "plugins empty": '{"name":"net","plugins":[]}',
    "entry without type": '{"name":"net","plugins":[{}]}',
    "entry with empty type": '{"name":"net","plugins":[{"type":""}]}',
    "entry null": '{"name":"net","plugins":[null]}',
    "entry a string": '{"name":"net","plugins":["one"]}',
    "second entry bad": '{"name":"net","plugins":[{"type":"one"},{}]}',
    "entry type a number": '{"name":"net","plugins":[{"type":1}]}',
    "capability a string": '{"name":"net","plugins":[{"type":"one","capabilities":{"a":"true"}}]}',
    "capabilities a list": '{"name":"net","plugins":[{"type":"one","capabilities":[]}]}',
    "ipam a string": '{"name":"net","plugins":[{"type":"one","ipam":"x"}]}',
    "ipam type a number": '{"name":"net","plugins":[{"type":"one","ipam":{"type":1}}]}',
    "dns a list": '{"name":"net","plugins":[{"type":"one","dns":[]}]}',
    "dns nameservers a string": '{"name":"net","plugins":[{"type":"one","dns":{"nameservers":"x"}}]}',
    "dns domain a number": '{"name":"net","plugins":[{"type":"one","dns":{"domain":1}}]}',
    "prevResult a string": '{"name":"net","plugins":[{"type":"one","prevResult":"x"}]}',
    "comment": '{"name":"net",/* x */"plugins":[{"type":"one"}]}',
    "trailing data": '{"name":"net","plugins":[{"type":"one"}]} x',
    "trailing comma": '{"name":"net","plugins":[{"type":"one"},]}',
    "empty": "",
    "null": "null",
    "a list": "[]",
    "cut": '{"name":"net","plugins":[{"type":"on',
}


@case("CF12[good]")
@each("what", GOOD)
def test_right_lists(rt, what):
    net = rt.load_bytes(GOOD[what])
    assert net.types == ["one"] and net.name == json.loads(GOOD[what])["name"]


@case("CF12[bad]")
@each("what", BAD)
def test_wrong_lists(world, rt, what):
    refused(rt.load_bytes, BAD[what])
    refused(rt.load_file, world.write("10.conflist", BAD[what]), says="10.conflist")


@case("CF12[single]")
@each(
    "text, good",
    [
        ('{"name":"net","type":"one"}', True),
        ('{"NAME":"net","Type":"one"}', True),
        ('{"name":"net"}', False),
        ('{"name":"net","type":""}', False),
        ('{"name":"net","type":"one","ipam":5}', False),
    ],
)
def test_single_configurations(world, rt, text, good):
    file = world.write("10.conf", text)
    if good:
        net = rt.load_file(file)
        assert net.types == ["one"] and net.name == "net" and net.single
    else:
        refused(rt.load_file, file, says="10.conf")


@case("CF12[absent plugins]")
def test_no_plugins_from_memory(world, rt):
    refused(rt.load_bytes, '{"name":"net","cniVersion":"1.1.0"}')


# ---- what a plugin gets


BODY = (
    '"z":1,"big":123456789012345678901234567890,"small":1e21,"money":1.50,"minus":-0,"html":"<&>","esc":"\\u003c\\/","a":{"y":[1.0,[{"x":[]}]],'
    '"dup":1,"dup":2},"long":9007199254740993'
)


@case("CF13")
@each("verb", ["ADD", "CHECK", "DEL", "GC", "STATUS"])
def test_what_a_plugin_gets_is_what_was_written(world, rt, verb):
    """Tokens, order and repetitions of a plugin's own keys arrive as written; only the runtime's keys are added."""
    one = world.plugin("one", result={"ips": []})
    net = rt.load_bytes('{"name":"net","cniVersion":"1.1.0","plugins":[{"type":"one",' + BODY + "}]}")
    at = At()
    if verb != "STATUS":
        rt.add(net, at)
    {
        "ADD": lambda: None,
        "CHECK": lambda: rt.check(net, at),
        "DEL": lambda: rt.delete(net, at),
        "GC": lambda: rt.gc(net, [at]),
        "STATUS": lambda: rt.status(net),
    }[verb]()
    call = one.calls[-1]
    assert call.command == verb and BODY in call.stdin
    assert set(call.conf) - set(json.loads("{" + BODY + "}")) - {
        "prevResult",
        "cni.dev/attachments",
        "cni.dev/valid-attachments",
    } == {"type", "name", "cniVersion"}


@case("CF13[white space]")
def test_white_space_inside_values_stays(world, rt):
    one = world.plugin("one", result={"ips": []})
    rt.add(
        rt.load_bytes('{"name":"net","cniVersion":"1.1.0","plugins":[{"type":"one","x":{ "a" :\n[ 1 , 2 ] }}]}'), At()
    )
    assert '{ "a" :\n[ 1 , 2 ] }' in one.calls[0].stdin


@case("CF13[overwritten]")
@each("name", ["name", "NAME"])
def test_name_and_version_are_the_lists(world, rt, name):
    """name and cniVersion of an entry give way to the list's, in whatever case they are written."""
    one = world.plugin("one", result={"ips": []})
    entry = {name: "wrong", "CniVersion": "0.1.0", "type": "one"}
    rt.add(rt.load_bytes(world.list(entry)), At())
    conf = one.calls[0].conf
    assert conf["name"] == "net" and conf["cniVersion"] == "1.1.0"
    assert [v for k, v in conf.items() if k.lower() == "name"][-1] == "net"
    assert [v for k, v in conf.items() if k.lower() == "cniversion"][-1] == "1.1.0"


@case("CF13[capabilities]")
def test_capabilities_stay_at_home(world):
    """capabilities are for the runtime and not in the request, unless the caller wants them there as the reference does."""
    one = world.plugin("one", result={"ips": []})
    entry = {"type": "one", "capabilities": {"mac": True}}
    for flags, there in ((0, False), (1 << 4, True)):
        rt = world.rt(flags=flags)
        rt.add(world.net(rt, entry), At())
        assert ("capabilities" in one.calls[-1].conf) == there
    rt.add(world.net(rt, entry, version="0.4.0"), At())
    assert "capabilities" in one.calls[-1].conf


@case("CF13[deep]")
def test_deep_nesting(world, rt):
    one = world.plugin("one", result={"ips": []})
    deep = "[" * 125 + "]" * 125  # 128 levels with those around it
    rt.add(rt.load_bytes('{"name":"net","cniVersion":"1.1.0","plugins":[{"type":"one","x":' + deep + "}]}"), At())
    assert deep in one.calls[0].stdin
    for levels in 126, 100000:
        refused(rt.load_bytes, '{"name":"net","plugins":[{"type":"one","x":' + "[" * levels + "]" * levels + "}]}")
