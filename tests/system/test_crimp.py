# SPDX-License-Identifier: Apache-2.0
"""The command line with real networks: what people read and what programs read."""

import json

import pytest

from lib.case import case, rootless

pytestmark = rootless


class Cli:
    def __init__(self, node):
        self.node = node
        self.file = node.write_conf({"cniVersion": "1.1.0", "name": "testnet", "plugins": [
            {"type": "bridge", "isDefaultGateway": True, "ipMasq": True, "ipam": node.host_local("10.7.0.0/24")},
            {"type": "portmap", "capabilities": {"portMappings": True}}]})

    def __call__(self, *args, ok=True):
        done = self.node.crimp(*args, "--cache-dir", self.node.cache)
        assert done.ok is ok, done
        return done

    def json(self, *args, ok=True):
        return json.loads(self(*args, "--json", ok=ok).out)


@pytest.fixture
def cli(node):
    return Cli(node)


@case("crimp:life")
def test_the_life_of_an_attachment(cli, node, container):
    """add, list, show, check, del tell what happens, and it happens"""
    out = cli("add", "testnet", container.path, "-p", "8080:80").out
    assert "attached eth0" in out and "10.7.0.2/24" in out and "gateway 10.7.0.1" in out and "\x1b" not in out
    assert container.ping("10.7.0.1")
    assert "10.7.0.2" in cli("list").out and "bridge, portmap" in cli("list").out
    shown = cli("show", container.path).out
    assert "there" in shown and "missing" not in shown and "8080" in shown
    assert "as it was made" in cli("check", "testnet", container.path).out
    assert "detached eth0" in cli("del", "testnet", container.path).out
    assert container.link("eth0") is None and node.leases() == {} and "nothing is attached" in cli("list").out


@case("crimp:json")
def test_json(cli, node, container):
    """With --json every verb prints one document"""
    r = cli.json("add", "testnet", container.path)
    assert r["ips"][0]["address"] == "10.7.0.2/24" and r["cniVersion"] == "1.1.0"
    listed = cli.json("list")
    assert [n["name"] for n in listed["networks"]] == ["testnet"] and listed["networks"][0]["attached"] == 1
    assert listed["networks"][0]["plugins"] == ["bridge", "portmap"] and listed["networks"][0]["file"] == str(cli.file)
    a, = listed["attachments"]
    assert (a["network"], a["ifname"], a["netns"], a["netnsExists"]) == ("testnet", "eth0", container.path, True) and a["result"] == r
    shown, = cli.json("show", container.path)
    assert shown["kernel"] and all(f["there"] for f in shown["kernel"]) and shown["result"] == r
    assert cli.json("status") == [{"network": "testnet", "ready": True}]
    assert cli.json("validate", "testnet")["plugins"] == ["bridge", "portmap"]
    assert cli.json("check", "testnet", container.path) == {} == cli.json("del", "testnet", container.path)


@case("crimp:show-broken")
def test_show_tells_what_is_missing(cli, container):
    """show tells which address the kernel has no more, and check fails"""
    cli("add", "testnet", container.path)
    container.ip("addr", "del", "10.7.0.2/24", "dev", "eth0")
    assert "missing" in cli("show", container.path).out
    shown, = cli.json("show", container.path)
    assert not all(f["there"] for f in shown["kernel"])
    done = cli("check", "testnet", container.path, ok=False)
    assert done.out == "" and "10.7.0.2/24" in done.err


@case("crimp:show-gone")
def test_show_of_a_container_that_is_gone(cli, container):
    """list and show say that the namespace is gone"""
    cli("add", "testnet", container.path)
    path = container.path
    container.close()
    assert "(gone)" in cli("list").out and "(gone)" in cli("show", path).out
    assert cli.json("list")["attachments"][0]["netnsExists"] is False
    cli("del", "testnet", path)


@case("crimp:status")
def test_status_of_a_network_that_is_full(cli, node):
    """status exits with 50 and says why"""
    store = node.data / "testnet"
    store.mkdir(parents=True)
    for i in range(2, 255):
        (store / f"10.7.0.{i}").write_text("x\r\neth0")
    done = cli("status", ok=False)
    assert done.rc == 50 and "no IP addresses available" in done.out
    answer, = cli.json("status", ok=False)
    assert (answer["ready"], answer["code"]) == (False, 50) and "no IP addresses available" in answer["msg"]


@case("crimp:gc")
def test_gc(cli, node):
    """gc removes the attachments of namespaces that are gone and keeps the others"""
    keep, lost = node.container("keep"), node.container("lost")
    cli("add", "testnet", keep.path)
    cli("add", "testnet", lost.path)
    lost.close()
    cli("gc", "testnet")
    assert list(node.leases()) == ["10.7.0.2"] and keep.ping("10.7.0.1")
    cli("check", "testnet", keep.path)


@case("crimp:validate")
@pytest.mark.parametrize("conf, words", [
    ({"cniVersion": "1.1.0", "name": "n", "plugins": [{"type": "no-such"}]}, "no-such"),
    ({"cniVersion": "7.0.0", "name": "n", "plugins": [{"type": "bridge"}]}, "7.0.0"),
    ({"cniVersion": "1.1.0", "plugins": [{"type": "bridge"}]}, "name"),
    ({"cniVersion": "1.1.0", "name": "n", "plugins": []}, "plugins")], ids=["plugin", "version", "name", "plugins"])
def test_validate(cli, node, conf, words):
    """validate names what is wrong and changes nothing"""
    path = node.write_conf(conf, "20-bad.conflist")
    before = node.state()
    done = cli("validate", path, ok=False)
    assert words in done.err and done.out == "" and node.state() == before
    answer = cli.json("validate", path, ok=False)
    assert words in answer["msg"] and answer["code"] > 0


@case("crimp:errors-json")
def test_errors_as_json(cli, container):
    """A failure with --json is an object with code and msg on stdout"""
    answer = cli.json("add", "testnet", "/nowhere", ok=False)
    assert "/nowhere" in answer["msg"] and isinstance(answer["code"], int)
    assert "nothing" in cli.json("show", container.path, ok=False)["msg"]


@case("crimp:advice")
def test_advice(cli, container):
    """A name that does not exist is followed by where such names are found"""
    assert "`ip netns list`" in cli("add", "testnet", "nosuchns", ok=False).err
    for verb in ["add", container.path], ["check", container.path], ["gc"]:
        assert "--conf-dir" in cli(verb[0], "nosuchnet", *verb[1:], ok=False).err
    assert "`crimp add` attaches" in cli("check", "testnet", container.path, ok=False).err


@case("crimp:usage")
@pytest.mark.parametrize("args", [["add"], ["frobnicate"], ["add", "a", "b", "c"], ["list", "--frobnicate"]], ids=" ".join)
def test_usage(node, args):
    """Wrong use: exit status 2, one sentence and how it is meant, on stderr"""
    done = node.crimp(*args)
    assert done.rc == 2 and done.out == "" and done.err.startswith("crimp: ") and len(done.err.splitlines()) == 2


@case("crimp:completion")
def test_completion(node):
    """The completion script parses, and completes verbs and options"""
    script = node.crimp("completion", "bash").out
    assert node.run("bash", "-n", stdin=script).ok
    try_ = script + """
COMP_WORDS=(crimp va) COMP_CWORD=1; _crimp; echo "${COMPREPLY[@]}"
COMP_WORDS=(crimp add x y --pub) COMP_CWORD=4; _crimp; echo "${COMPREPLY[@]}"
"""
    assert node.run("bash", stdin=try_).out.split("\n")[:2] == ["validate", "--publish"]
    for shell in "zsh", "fish":
        assert "crimp" in node.crimp("completion", shell).out
    assert node.run("bash", "-n", stdin=node.crimp("completion", "zsh").out).ok
