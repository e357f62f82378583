# SPDX-License-Identifier: Apache-2.0
"""GC and STATUS of a list."""

import os
import threading

import pytest

from conformance.each import each
from conformance.world import RESULT, At, refused
from lib.case import case

BOTH = "cni.dev/valid-attachments", "cni.dev/attachments"


@pytest.fixture
def rt(world):
    return world.rt()


@pytest.fixture
def two(world):
    """Two plugins; the first answers."""
    return [world.plugin("one").also("ADD", result=RESULT), world.plugin("two")]


def keys(entries):
    return sorted(e.key for e in entries)


def attach(world, rt, net, *ats):
    for at in ats:
        rt.add(net, at)
    world.plugins.forget()


@case("GC1")
@each("value", [True, "true"])
def test_gc_that_is_disabled(world, rt, two, value):
    net = world.net(rt, "one", "two", disableGC=value)
    attach(world, rt, net, At())
    rt.gc(net, []), rt.gc(net, None), rt.gc_all(net)
    assert world.log == [] and world.cache_files() == ["net-c1-eth0"]


@case("GC2")
def test_what_is_not_valid_goes(world, rt, two):
    net = world.net(rt, {"type": "one", "capabilities": {"mac": True}}, "two")
    gone = At(ifname="eth1", netns="/run/netns/other", args=[("K", "V")], caps={"mac": "x"})
    attach(world, rt, net, At(), gone)
    rt.gc(net, [At(netns=None)])
    assert world.log == ["two DEL", "one DEL", "one GC", "two GC"] and world.cache_files() == ["net-c1-eth0"]
    delete, gc = two[0].calls[-2:]
    assert {k: delete.env[f"CNI_{k}"] for k in ("CONTAINERID", "NETNS", "IFNAME", "ARGS")} == {
        "CONTAINERID": "c1",
        "NETNS": "/run/netns/other",
        "IFNAME": "eth1",
        "ARGS": "K=V",
    }
    assert delete.conf["runtimeConfig"] == {"mac": "x"} and delete.conf["prevResult"] == RESULT
    valid = [{"containerID": "c1", "ifname": "eth0"}]
    assert gc.conf == {"type": "one", "name": "net", "cniVersion": "1.1.0", BOTH[0]: valid, BOTH[1]: valid}
    assert all(gc.env.get(f"CNI_{k}", "") == "" for k in ("CONTAINERID", "NETNS", "IFNAME", "ARGS"))
    assert gc.env["CNI_PATH"] == str(world.bin)


@case("GC2[identity]")
def test_validity_is_container_and_interface(world, rt, two):
    net = world.net(rt, "one", "two")
    attach(world, rt, net, At(id="c1"), At(id="c2"), At(id="c2", ifname="eth1"))
    rt.gc(net, [At(id="c2", ifname="eth1"), At(id="c1", ifname="eth1"), At(id="unknown")])
    assert keys(rt.attachments()) == [("net", "c2", "eth1")]
    assert len(two[1].calls[-1].conf[BOTH[0]]) == 3


@case("GC3")
@each("valid", [None, []], ids=["null", "empty"])
def test_nothing_is_valid(world, rt, two, valid):
    net = world.net(rt, "one", "two")
    attach(world, rt, net, At(), At(id="c2"))
    rt.gc(net, valid)
    assert world.log[:4].count("one DEL") == 2 and world.log[4:] == ["one GC", "two GC"] and rt.attachments() == []
    assert all(not two[0].calls[-1].conf[key] and key in two[0].calls[-1].conf for key in BOTH)


@case("GC3[all]")
def test_gc_of_everything(world, rt, two):
    net = world.net(rt, "one", "two")
    attach(world, rt, net, At(), At(id="c2"))
    rt.gc_all(net)
    assert world.log[4:] == ["one GC", "two GC"] and rt.attachments() == []
    assert all(key not in p.calls[-1].conf for key in BOTH for p in two)


@case("GC4")
@each("version", ["0.3.1", "0.4.0", "1.0.0", None])
def test_gc_below_110(world, rt, two, version):
    net = world.net(rt, "one", "two", version=version)
    world.plugins.again(two[0], "ADD", stdout='{"ip4":{"ip":"10.0.0.1/8"}}')
    attach(world, rt, net, At(), At(id="c2"))
    rt.gc(net, [At()])
    assert world.log == ["two DEL", "one DEL"] and keys(rt.attachments()) == [("net", "c1", "eth0")]


@case("GC5")
def test_gc_leaves_other_networks_alone(world, rt, two):
    net, other = world.net(rt, "one", "two"), world.net(rt, "one", name="net-c1")
    attach(world, rt, other, At(), At(id="c2"))
    attach(world, rt, net, At(id="c3"))
    rt.gc(net, [])
    assert keys(rt.attachments()) == [("net-c1", "c1", "eth0"), ("net-c1", "c2", "eth0")]
    assert world.log == ["two DEL", "one DEL", "one GC", "two GC"]


@case("GC6")
def test_gc_with_failing_plugins(world, rt, two):
    """Everybody is asked all the same, and every failure is reported."""
    net = world.net(rt, "one", "two")
    attach(world, rt, net, At(), At(id="c2"))
    world.plugins.again(two[0], "GC", error="100 first").also("DEL", error="11 stuck")
    world.plugins.again(two[1], "GC", error="101 second")
    refused(rt.gc, net, [At(id="c2")], says=["first", "second", "stuck"])
    assert world.log == ["two DEL", "one DEL", "one GC", "two GC"] and len(rt.attachments()) == 2


@case("GC6[missing plugin]")
def test_gc_with_a_missing_plugin(world, rt, two):
    refused(rt.gc, world.net(rt, "one", "absent", "two"), [], says="absent")
    assert world.log == ["one GC", "two GC"]


@case("GC6[cache]")
def test_gc_with_corrupt_entries(world, rt, two):
    """What cannot be read is passed over."""
    net = world.net(rt, "one", "two")
    attach(world, rt, net, At())
    world.put_cache("{", id="c2")
    rt.gc(net, [])
    assert world.log == ["two DEL", "one DEL", "one GC", "two GC"]


class Held:
    """A call in a thread of its own whose plugin waits until release()."""

    def __init__(self, world, double, verb, call):
        self.fifo = world.dir / f"fifo{len(list(world.dir.glob('fifo*')))}"
        os.mkfifo(self.fifo)
        world.plugins.again(double, verb, wait=self.fifo, result=RESULT)
        self.failure = None
        self.thread = threading.Thread(target=self._run, args=[call])
        self.thread.start()
        self.writer = open(self.fifo, "w")  # goes on when the plugin has opened it, so it runs by then

    def _run(self, call):
        try:
            call()
        except Exception as e:
            self.failure = e

    def release(self):
        self.writer.close()
        self.thread.join(20)
        assert not self.thread.is_alive() and self.failure is None, self.failure


@case("GC7")
def test_gc_beside_add(world, rt, two):
    """While an ADD runs, GC of its network waits: it fails at its deadline, nobody asked, and works afterwards."""
    net = world.net(rt, "one", "two")
    held = Held(world, two[0], "ADD", lambda: rt.add(net, At()))
    other = world.rt(lock_timeout_ms=300)
    second = world.net(other, "one", "two")
    try:
        refused(other.gc, second, [])
        assert world.log == ["one ADD"]
    finally:
        held.release()
    world.plugins.again(two[0])
    other.gc(second, [At()])
    assert world.log[1:] == ["two ADD", "one GC", "two GC"] and keys(other.attachments()) == [("net", "c1", "eth0")]


@case("GC7[reverse]")
def test_add_beside_gc(world, rt, two):
    """While GC runs, an ADD to its network waits."""
    net = world.net(rt, "one", "two")
    held = Held(world, two[0], "GC", lambda: rt.gc(net, []))
    other = world.rt(lock_timeout_ms=300)
    second = world.net(other, "one", "two")
    try:
        refused(other.add, second, At())
        refused(other.delete, second, At())
        assert world.log == ["one GC"]
    finally:
        held.release()
    world.plugins.again(two[0], "ADD", result=RESULT)
    other.add(second, At())


@case("GC7[attachments]")
def test_one_attachment_at_a_time(world, rt, two):
    """Calls for one attachment exclude each other, those for another one do not."""
    net = world.net(rt, "one", "two")
    held = Held(world, two[0], "ADD", lambda: rt.add(net, At()))
    other = world.rt(lock_timeout_ms=300)
    second = world.net(other, "two")
    try:
        refused(other.delete, second, At())
        refused(other.check, second, At())
        other.delete(second, At(id="c2"))
        assert world.log == ["one ADD", "two DEL"]
    finally:
        held.release()
    other.delete(second, At())


@case("GC7[networks]")
def test_gc_of_another_network_goes_on(world, rt, two):
    held = Held(world, two[0], "ADD", lambda: rt.add(world.net(rt, "one"), At()))
    other = world.rt(lock_timeout_ms=5000)
    try:
        other.gc(world.net(other, "two", name="other"), [])
        assert world.log == ["one ADD", "two GC"]
    finally:
        held.release()


# ---- STATUS


@case("ST1")
def test_status_asks_everyone(world, rt, two):
    rt.status(world.net(rt, {"type": "one", "x": 1, "capabilities": {"mac": True}}, "two"))
    assert world.log == ["one STATUS", "two STATUS"]
    call = two[0].calls[0]
    assert call.conf == {"type": "one", "x": 1, "name": "net", "cniVersion": "1.1.0"}
    assert all(call.env.get(f"CNI_{k}", "") == "" for k in ("CONTAINERID", "NETNS", "IFNAME", "ARGS")) and call.env[
        "CNI_PATH"
    ] == str(world.bin)
    assert world.cache_files() == []


@case("ST2")
@each("code", [50, 51])
def test_the_first_that_is_not_ready(world, rt, two, code):
    world.plugin("three")
    world.plugins.again(two[1], "STATUS", error=f"{code} no addresses")
    refused(rt.status, world.net(rt, "one", "two", "three"), code=code, says=["no addresses", "two"])
    assert world.log == ["one STATUS", "two STATUS"]


@case("ST2[missing]")
def test_status_of_a_missing_plugin(world, rt, two):
    refused(rt.status, world.net(rt, "absent", "two"), says="absent")


@case("ST3")
@each("version", ["1.0.0", "0.4.0", "0.1.0", None, "whatever"])
def test_status_below_110(world, rt, two, version):
    rt.status(world.net(rt, "one", "absent", version=version))
    assert world.log == []
