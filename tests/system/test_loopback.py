# SPDX-License-Identifier: Apache-2.0
"""loopback: lo of a container goes up and down."""

from lib.case import case, rootless

CONF = {"type": "loopback"}


def up(container):
    return "UP" in container.link("lo")["flags"]


@case("LO1")
@rootless
def test_life(node, container):
    """ADD sets lo up and reports it, CHECK sees when it is down, DEL sets it down"""
    container.ip("link", "set", "lo", "down")
    result = node.add(CONF, container, "lo")
    assert up(container)
    assert result["interfaces"] == [{"name": "lo", "mac": "00:00:00:00:00:00", "sandbox": container.path}]
    assert result["ips"] == [{"address": "127.0.0.1/8", "interface": 0}, {"address": "::1/128", "interface": 0}]
    node.check(CONF, container, "lo", prev=result)
    node.delete(CONF, container, "lo")
    assert not up(container)
    assert node.refuses("CHECK", CONF, container, "lo")["msg"].endswith("loopback interface is down")
    node.status(CONF)
    node.gc(CONF, [])


@case("LO2")
@rootless
def test_chained(node, container):
    """A previous result comes out as it went in"""
    prev = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0", "mtu": 1400}], "ips": [{"address": "10.7.0.5/24", "interface": 0}]}
    assert node.add({**CONF, "prevResult": prev}, container, "lo") == prev
    assert up(container)


@case("LO3")
@rootless
def test_foreign_address(node, container):
    """An address on lo that is no loopback address is an error"""
    for address in ("10.7.0.5", "fd07::5"):
        container.ip("addr", "add", address, "dev", "lo")
        assert f'non-loopback address "{address}"' in node.refuses("ADD", CONF, container, "lo")["msg"]
        container.ip("addr", "del", address, "dev", "lo")
    node.add(CONF, container, "lo")


@case("LO4")
@rootless
def test_gone(node):
    """DEL succeeds when the namespace is gone, with the folder it was in, or was never named, or only its file is left"""
    class Pod:
        id, path = "pod", "/nonexistent/netns"
    node.delete(CONF, Pod, "lo")
    node.delete(CONF, Pod, "lo", env={"CNI_NETNS": None})
    left = node.dir / "left"
    left.write_text("")
    Pod.path = str(left / "below")
    node.delete(CONF, Pod, "lo")
    Pod.path = str(left)
    node.delete(CONF, Pod, "lo")
    assert "is not a network namespace" in node.refuses("ADD", CONF, Pod, "lo")["msg"]
