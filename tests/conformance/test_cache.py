# SPDX-License-Identifier: Apache-2.0
"""What the cache answers."""

import base64
import json

import pytest

from conformance.each import each
from conformance.world import RESULT, At, refused
from lib.case import case


@pytest.fixture
def rt(world):
    return world.rt()


@pytest.fixture
def one(world):
    return world.plugin("one").also("ADD", result=RESULT)


def keys(entries):
    return sorted(e.key for e in entries)


def entry(network="net", id="c1", ifname="eth0", **more):
    """A cache file as the reference writes it."""
    return {
        "kind": "cniCacheV1",
        "containerId": id,
        "config": base64.b64encode(b'{"a":1}').decode(),
        "ifName": ifname,
        "networkName": network,
        "netns": "/run/netns/x",
        "result": RESULT,
        **more,
    }


@case("RT23[no folder]")
def test_no_cache_at_all(world, rt):
    assert rt.attachments() == [] and rt.attachments("c1") == []


@case("RT23")
def test_cached_attachments(world, rt, one):
    a, b = world.net(rt, "one", name="a"), world.net(rt, "one", name="b")
    for net, id, ifname in ((a, "c1", "eth0"), (b, "c1", "eth1"), (a, "c2", "eth0"), (a, "c11", "eth0")):
        rt.add(net, At(id=id, ifname=ifname, args=[("K", id)], caps={"mac": ifname}))
    assert keys(rt.attachments()) == [
        ("a", "c1", "eth0"),
        ("a", "c11", "eth0"),
        ("a", "c2", "eth0"),
        ("b", "c1", "eth1"),
    ]
    assert keys(rt.attachments("c1")) == [("a", "c1", "eth0"), ("b", "c1", "eth1")] and rt.attachments("c") == []
    [e] = rt.attachments("c2")
    assert (e.netns, e.args, e.caps, e.result) == (At().netns, [("K", "c2")], {"mac": "eth0"}, RESULT)
    assert e.config == a.bytes and e.path == str(world.cache_file("a", "c2"))


@case("RT23[alien]")
def test_alien_files(world, rt, one):
    """What is not an attachment is passed over."""
    rt.add(world.net(rt, "one"), At())
    for name, text in (
        ("net-c1-x", "no JSON"),
        ("net-c1-y", json.dumps(entry(ifname="y", kind="other"))),
        ("net-c1-empty", ""),
        ("net-c1-bare", json.dumps(RESULT)),
        ("net-c1-noif", json.dumps({**entry(), "ifName": ""})),
        ("net-c1-nonet", json.dumps({**entry(), "networkName": ""})),
        ("net-c1-list", "[]"),
        ("README", "read me"),
    ):
        (world.results / name).write_text(text)
    (world.results / "net-c1-folder").mkdir()
    (world.results / "net-c1-broken").symlink_to("nowhere")
    assert keys(rt.attachments()) == keys(rt.attachments("c1")) == [("net", "c1", "eth0")]


@case("RT23[reference]")
def test_entries_of_the_reference(world, rt):
    world.put_cache(entry(cniArgs=[["A", "B"]], capabilityArgs={"m": [1]}), id="c1")
    world.put_cache(json.dumps(entry(id="c2"), indent=1) + "\n", id="c2")
    first, second = rt.attachments()
    assert first.key == ("net", "c1", "eth0") and (first.args, first.caps, first.config) == (
        [("A", "B")],
        {"m": [1]},
        b'{"a":1}',
    )
    assert second.key == ("net", "c2", "eth0") and (second.args, second.caps, second.result) == ([], None, RESULT)


@case("RT23[cross-talk]")
def test_names_that_share_a_file(world, rt, one):
    """a-b + c and a + b-c have the same file name: neither touches what is the other's.

    An ADD that would have to is refused before anything runs.
    """
    ab, a = world.net(rt, "one", name="a-b"), world.net(rt, "one", name="a")
    rt.add(ab, At(id="c"))
    assert rt.cached_config("a", "b-c", "eth0") is None and rt.cached_result(a, At(id="b-c")) is None
    assert rt.attachments("b-c") == [] and keys(rt.attachments("c")) == [("a-b", "c", "eth0")]
    rt.check(a, At(id="b-c"))
    assert "prevResult" not in one.calls[-1].conf
    rt.delete(a, At(id="b-c"))
    assert "prevResult" not in one.calls[-1].conf and keys(rt.attachments()) == [("a-b", "c", "eth0")]
    before = len(one.calls)
    refused(rt.add, a, At(id="b-c"), says=["a-b"])
    assert len(one.calls) == before and keys(rt.attachments()) == [("a-b", "c", "eth0")]


@case("RT24")
def test_cached_configurations(world, rt, one):
    text = '{ "cniVersion":"1.1.0", "name":"net", "plugins":[{"type":"one","x":1.50}]}\n'
    net = rt.load_bytes(text)
    assert rt.cached_config("net", "c1", "eth0") is None
    rt.add(net, At(args=[("A", "B"), ("A", "C")], caps={"mac": "x"}))
    e = rt.cached_config("net", "c1", "eth0")
    assert e.config.decode() == text and e.args == [("A", "B"), ("A", "C")] and e.caps == {"mac": "x"}
    assert e.key == ("net", "c1", "eth0") and rt.cached_config("net", "c1", "eth1") is None
    again = rt.load_bytes(e.config)
    rt.delete(again, At(args=e.args, caps=e.caps))
    assert rt.cached_config("net", "c1", "eth0") is None


@case("RT24[corrupt]")
@each("text", ["", "{", "[]", '{"kind":"other"}', json.dumps(RESULT), json.dumps({**entry(), "config": "%%"})])
def test_configurations_that_are_corrupt(world, rt, text):
    world.put_cache(text)
    refused(rt.cached_config, "net", "c1", "eth0")


@case("RT24[names]")
@each("key", [("", "c1", "eth0"), ("net", "", "eth0"), ("net", "c1", ""), ("", "", "")])
def test_questions_that_are_incomplete(world, rt, key):
    e = refused(rt.cached_config, *key)
    assert all(
        any(word in e.text.lower() for word in words)
        for words in (("network",), ("container",), ("interface", "ifname"))
    )


@case("RT24[path]")
@each("key", [("../x", "c1", "eth0"), ("net", "../../x", "eth0"), ("net", "c1", "a/../../x")])
def test_questions_that_leave_the_folder(world, rt, key):
    """A name cannot be used to read a file elsewhere."""
    world.results.mkdir(parents=True)
    for path in ("x-c1-eth0", "net-x-eth0", "x"):
        (world.cache / path).write_text(json.dumps(entry()))
    refused(rt.cached_config, *key)


@case("RT3[atomic]")
def test_the_cache_is_never_half_written(world, rt, one):
    """A new file takes the place of the old one: who holds the old one open still reads it whole."""
    net = world.net(rt, "one")
    rt.add(net, At())
    with open(world.cache_file()) as held:
        inode = world.cache_file().stat().st_ino
        world.plugins.again(one, "ADD", result={**RESULT, "routes": [{"dst": "10.0.0.0/8"}]})
        rt.add(net, At())
        assert json.loads(held.read())["result"] == RESULT
    assert world.cache_file().stat().st_ino != inode and world.cached()["result"]["routes"] == [{"dst": "10.0.0.0/8"}]
    assert [p for p in world.results.iterdir() if "tmp" in p.name] == []
