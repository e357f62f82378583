# SPDX-License-Identifier: Apache-2.0
"""The life of a plugin process: environment, stdin, the order of checks, stdout."""

import json
import os
import re
import socket
import subprocess

import pytest

from conformance.calls import NOWHERE, OWN, addresses, conf, execute, one_object, static
from conformance.each import each
from lib.case import case
from lib.netns import Netns
from lib.plugin import BIN, run_plugin
from lib.process import clean_env

ALL = "0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0".split()
GONE = {"CONTAINERID": None, "NETNS": None, "IFNAME": None, "PATH": None}


@pytest.fixture
def skel(plugins):
    """A plugin of our skeleton whose callbacks are scripted."""
    return plugins.make("skelnoop", "skelnoop")


@pytest.fixture
def leases(tmp_path):
    """host-local with a store of its own: whether a callback ran can be seen."""

    class Leases:
        conf = {
            "cniVersion": "1.1.0",
            "name": "net",
            "type": "host-local",
            "ipam": {
                "type": "host-local",
                "dataDir": str(tmp_path / "leases"),
                "ranges": [[{"subnet": "10.1.2.0/24"}]],
            },
        }

        @property
        def taken(self):
            return sorted(p.name for p in (tmp_path / "leases" / "net").glob("10.*"))

    return Leases()


def ran(double):
    return any(c.stdin is not None for c in double.calls)


# ---- the environment


@case("SK1")
@each("command", ["ADD", "CHECK"])
@each("name", ["CONTAINERID", "NETNS", "IFNAME", "PATH"])
@each("how", ["missing", "empty"])
def test_a_missing_variable_is_named(skel, leases, command, name, how):
    value = {name: None if how == "missing" else ""}
    for reply in execute(skel, command, conf("skelnoop"), **value), execute(
        "host-local", command, leases.conf, **value
    ):
        assert reply.code == 4
        assert set(re.findall(r"CNI_\w+", reply.text)) == {f"CNI_{name}"}
    assert not ran(skel) and leases.taken == []


@case("SK1[COMMAND]")
def test_a_missing_command_is_named(skel):
    skel.script()
    reply = execute(skel, None, conf("skelnoop"))
    assert reply.code == 4 and set(re.findall(r"CNI_\w+", reply.text)) == {"CNI_COMMAND"} and not ran(skel)


@case("SK1[none missing]")
def test_nothing_is_missing(leases):
    """With all variables the same calls succeed."""
    assert addresses(execute("host-local", "ADD", leases.conf)) == ["10.1.2.2/24"] and leases.taken == ["10.1.2.2"]
    assert execute("host-local", "CHECK", leases.conf).ok


@case("SK2")
@each("command", ["ADD", "CHECK"])
def test_missing_variables_are_named_together(skel, command):
    reply = execute(skel, command, conf("skelnoop"), NETNS=None, IFNAME=None, PATH=None)
    assert reply.code == 4 and "CNI_NETNS,CNI_IFNAME,CNI_PATH" in reply.text and not ran(skel)
    one_object(reply.out)


@case("SK2[no command]")
def test_without_a_command_only_that_is_named(skel):
    reply = execute(skel, None, conf("skelnoop"), **GONE)
    assert reply.code == 4 and re.findall(r"CNI_\w+", reply.text) == ["CNI_COMMAND"]


@case("SK3")
def test_del_needs_no_netns_and_no_arguments(skel, leases):
    assert execute(skel, "DEL", conf("skelnoop"), NETNS=None, ARGS=None).ok and ran(skel)
    execute("host-local", "ADD", leases.conf)
    assert execute("host-local", "DEL", leases.conf, NETNS=None).ok and leases.taken == []


@case("SK3[missing]")
@each("name", ["CONTAINERID", "IFNAME", "PATH"])
def test_del_needs_the_others(skel, leases, name):
    execute("host-local", "ADD", leases.conf)
    for reply in execute(skel, "DEL", conf("skelnoop"), **{name: None}), execute(
        "host-local", "DEL", leases.conf, **{name: None}
    ):
        assert reply.code == 4 and f"CNI_{name}" in reply.text
    assert not ran(skel) and leases.taken == ["10.1.2.2"]


@case("SK4")
@each("command", ["GC", "STATUS"])
def test_gc_and_status_need_only_command_and_path(skel, command):
    reply = execute(skel, command, conf("skelnoop"), **{**GONE, "PATH": str(BIN)})
    assert reply.ok and reply.out == "" and ran(skel)


@case("SK4[no path]")
@each("command", ["GC", "STATUS"])
def test_gc_and_status_need_a_path(skel, command):
    reply = execute(skel, command, conf("skelnoop"), **GONE)
    assert reply.code == 4 and re.findall(r"CNI_\w+", reply.text) == ["CNI_PATH"] and not ran(skel)


@case("SK4[others ignored]")
@each("command", ["GC", "STATUS"])
def test_gc_and_status_do_not_look_at_the_container(skel, command):
    assert execute(skel, command, conf("skelnoop"), CONTAINERID="%%", IFNAME="a/b", NETNS=NOWHERE).ok and ran(skel)


# ---- VERSION


def version_with(stdin, **kw):
    env = clean_env(CNI_COMMAND="VERSION")
    return subprocess.run([BIN / "static"], env=env, stdin=stdin, capture_output=True, text=True, timeout=20, **kw)


@case("SK5")
@each("how", ["null", "directory", "closed", "blocking"])
def test_version_needs_nothing(how):
    held = []
    if how == "null":
        stdin = subprocess.DEVNULL
    elif how == "directory":
        stdin = os.open("/", os.O_RDONLY)
    elif how == "blocking":
        stdin, other = os.pipe()
        held.append(other)
    else:
        stdin = None
    done = version_with(stdin, preexec_fn=(lambda: os.close(0)) if how == "closed" else None)
    for fd in held + ([stdin] if isinstance(stdin, int) and stdin > 2 else []):
        os.close(fd)
    assert done.returncode == 0
    reply = one_object(done.stdout)
    assert reply == {"cniVersion": "1.1.0", "supportedVersions": ALL}
    assert done.stdout.count("\n") == 1 and done.stdout.endswith("\n"), "one line"


@case("SK5[unread]")
def test_version_does_not_read_stdin():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"here")
        assert version_with(theirs).returncode == 0
        assert theirs.recv(16, socket.MSG_DONTWAIT) == b"here"


@case("SK5[all plugins]")
def test_every_plugin_answers_version():
    """Every plugin answers VERSION; the oldest version of those that need a newer one is the reference's."""
    names = subprocess.run([BIN / "crimp", "--plugins"], capture_output=True, text=True, check=True).stdout.split()
    since = {"firewall": "0.4.0", "bandwidth": "0.3.0", "vrf": "0.3.1"}
    got = {n: run_plugin(n, "VERSION", "", env={"CNI_PATH": None}).result["supportedVersions"] for n in names}
    assert got == {n: ALL[ALL.index(since.get(n, "0.1.0")) :] for n in names} and "bridge" in got


@case("SK5[its own list]")
def test_version_prints_the_plugins_list(skel):
    skel.script(versions="0.4.0 1.0.0")
    reply = execute(skel, "VERSION", "", **GONE)
    assert reply.result == {"cniVersion": "1.1.0", "supportedVersions": ["0.4.0", "1.0.0"]} and not ran(skel)


# ---- commands


@case("SK6[about]")
def test_called_by_a_person(skel):
    """Without a command a plugin says what it is on stderr and exits 0."""
    skel.script(about="do nothing well", versions="0.4.0 1.0.0")
    reply = execute(skel, None, "", **GONE)
    assert reply.rc == 0 and reply.out == ""
    assert "do nothing well" in reply.err and "0.4.0, 1.0.0" in reply.err
    reply = execute("static", None, "", **GONE)
    assert reply.rc == 0 and reply.out == "" and ", ".join(ALL) in reply.err


@case("SK6[no about]")
def test_called_by_a_person_without_about(skel):
    assert execute(skel, None, "", **GONE).code == 4


@case("SK7")
@each("command", ["NOPE", "add", "UPDATE", "ADD "])
def test_unknown_commands(skel, command):
    reply = execute(skel, command, conf("skelnoop"), **GONE)
    assert reply.code == 4 and reply.error["msg"] == f"unknown CNI_COMMAND: {command}" and not ran(skel)


@case("SK7[malformed]")
@each("stdin", ["", "{", "garbage"])
def test_configuration_is_decoded_before_the_command(skel, stdin):
    assert execute(skel, "NOPE", stdin).code == 6


# ---- names


@case("SK8")
@each("id", ["some-%%container-id", "a b", "-a", ".a", "_a", "a/b", "a\n", "é"])
def test_invalid_container_ids(skel, id):
    for more in {}, {"NETNS": None, "IFNAME": None, "PATH": None}:
        reply = execute(skel, "ADD", conf("skelnoop"), CONTAINERID=id, **more)
        assert reply.code == 4 and id.strip() in reply.error["details"] and "CNI_PATH" not in reply.text
    assert not ran(skel)


@case("SK8[valid]")
@each("id", ["a", "0", "a-b_c.d", "A" * 300])
def test_valid_container_ids(skel, id):
    assert execute(skel, "ADD", conf("skelnoop"), CONTAINERID=id).ok and ran(skel)


@case("SK9")
@each(
    "ifname, code",
    [
        pytest.param("a" * 16, 4, id="sixteen bytes"),
        pytest.param("a" * 15, 0, id="fifteen bytes"),
        pytest.param(".", 4, id="dot"),
        pytest.param("..", 4, id="dot dot"),
        pytest.param("a/b", 4, id="slash"),
        pytest.param("a:b", 4, id="colon"),
        pytest.param("a b", 4, id="blank"),
        pytest.param("a\tb", 4, id="tab"),
        pytest.param("a\u00a0b", 4, id="no-break space"),
        pytest.param("a\u0085b", 4, id="next line"),
        pytest.param("a\u1680b", 4, id="ogham space"),
        pytest.param("a\u2003b", 4, id="em space"),
        pytest.param("a\u2029b", 4, id="paragraph separator"),
        pytest.param("a\u202fb", 4, id="narrow space"),
        pytest.param("a\u3000b", 4, id="ideographic space"),
        pytest.param("é" * 8, 4, id="eight two-byte letters"),
        pytest.param("é" * 7, 0, id="seven two-byte letters"),
        pytest.param("a%b", 4, id="percent"),
        pytest.param("...", 0, id="three dots"),
    ],
)
def test_interface_names(skel, ifname, code):
    for command in "ADD", "DEL", "CHECK":
        reply = execute(skel, command, conf("skelnoop"), IFNAME=ifname)
        assert (reply.code if code else reply.rc) == code, command
    assert ran(skel) == (code == 0)


# ---- the configuration


@case("SK10")
@each("command", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
@each("stdin", ["{", "", "[]", '{"name":5}', '"net"', '{"name":"net"} x'])
def test_configurations_that_cannot_be_decoded(skel, command, stdin):
    assert execute(skel, command, stdin).code == 6 and not ran(skel)


@case("SK11")
@each("stdin", ["null", "{}", '{"name":"te%%st"}', '{"name":""}', '{"name":null}', '{"name":"a/b"}', '{"name":"-a"}'])
def test_configurations_without_a_usable_name(skel, stdin):
    reply = execute(skel, "ADD", stdin)
    assert reply.code == 7 and not ran(skel)
    if "te%%st" in stdin:
        assert "te%%st" in reply.text


# ---- versions


@case("SK12[0.1.0]")
@each("version", ["missing", "empty", "null"])
def test_a_missing_version_is_the_oldest(skel, version):
    skel.script(versions="0.1.0", result={"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.1/8"}]})
    reply = execute(
        skel,
        "ADD",
        {
            **conf("skelnoop", None),
            **{"missing": {}, "empty": {"cniVersion": ""}, "null": {"cniVersion": None}}[version],
        },
    )
    assert reply.result["cniVersion"] == "0.1.0" and reply.result["ip4"] == {"ip": "10.0.0.1/8"} and ran(skel)


@case("SK12[4.3.2]")
def test_a_missing_version_is_not_any(skel):
    skel.script(versions="4.3.2")
    reply = execute(skel, "ADD", conf("skelnoop", None))
    assert reply.code == 1 and "0.1.0" in reply.error["details"] and "4.3.2" in reply.error["details"] and not ran(skel)


@case("SK13[number]")
@each("command", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
def test_a_version_that_is_a_number(skel, command):
    assert execute(skel, command, {**conf("skelnoop"), "cniVersion": 1}).code == 6 and not ran(skel)


@case("SK13[string]")
@each("command, code", [("ADD", 1), ("DEL", 1), ("CHECK", 6), ("GC", 6), ("STATUS", 6)])
@each("version", ["x", "1.0.0-rc1", "1.0.0.0"])
def test_a_version_that_is_none(skel, command, code, version):
    assert execute(skel, command, conf("skelnoop", version)).code == code and not ran(skel)


@case("SK13[near]")
@each("version", ["1.0", "0.4.5", "1", "0.5.0", "1.1.1", "2.0.0"])
def test_versions_match_exactly(skel, version):
    reply = execute(skel, "ADD", conf("skelnoop", version))
    assert reply.code == 1 and version in reply.error["details"] and "1.1.0" in reply.error["details"] and not ran(skel)


@case("SK14")
@each(
    "config, supported, code",
    [
        ("0.3.0", None, 1),
        ("0.3.1", None, 1),
        ("0.4.0", "0.1.0 0.3.0", 1),
        ("0.4.0", "garbage 0.4.0", 6),
        ("0.4.0", None, 0),
        ("1.1.0", None, 0),
        ("0.4.0", "1.0.0", 1),
    ],
)
def test_check_needs_a_version(skel, config, supported, code):
    skel.script(versions=supported)
    reply = execute(skel, "CHECK", conf("skelnoop", config))
    assert (reply.code if code else reply.rc) == code and ran(skel) == (code == 0)


@case("SK15")
@each("command", ["GC", "STATUS"])
@each("version, code", [("0.3.0", 1), ("1.0.0", 1), ("1.2.0", 1), ("1.1.0", 0)])
def test_gc_and_status_need_a_version(skel, command, version, code):
    reply = execute(skel, command, conf("skelnoop", version))
    assert (reply.code if code else reply.rc) == code and ran(skel) == (code == 0)


# ---- the callback


@case("SK16[typed]")
@each("command", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
def test_a_code_of_the_callback(skel, command):
    skel.script(command, error="1234 potato", details="of all sorts")
    error = execute(skel, command, conf("skelnoop")).error
    assert (error["code"], error["msg"], error["details"]) == (1234, "potato", "of all sorts")


@case("SK16[wrapped]")
def test_a_code_survives_context(skel):
    skel.script("ADD", error="11 potato", wrap="while peeling")
    error = execute(skel, "ADD", conf("skelnoop")).error
    assert error["code"] == 11 and error["msg"] == "while peeling: potato" and "details" not in error


@case("SK16[plain]")
@each("command", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
def test_a_failure_without_code(skel, command):
    skel.script(command, error="0 potato")
    assert execute(skel, command, conf("skelnoop")).error["code"] == 999


@case("SK16[nil]")
@each("command", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
def test_no_callback(skel, command):
    skel.script(nil=True)
    reply = execute(skel, command, conf("skelnoop"))
    assert (reply.rc, reply.out) == (0, "")


@case("SK16[quiet]")
@each("command", ["DEL", "CHECK", "GC", "STATUS"])
def test_only_add_answers(skel, command):
    reply = execute(skel, command, conf("skelnoop"))
    assert (reply.rc, reply.out) == (0, "") and ran(skel)


# ---- namespaces


@case("SK17")
@each("command", ["ADD", "DEL"])
@each("how", ["proc", "bind mount"])
def test_the_own_namespace_is_refused(skel, leases, command, how):
    if command == "DEL":
        execute("host-local", "ADD", leases.conf)
    before = leases.taken
    with Netns("own") as ns:
        at = {"netns": ns.path, "NETNS": OWN if how == "proc" else ns.path}
        for reply in execute(skel, command, conf("skelnoop"), **at), execute("host-local", command, leases.conf, **at):
            assert reply.code == 8
            one_object(reply.out)
    assert not ran(skel) and leases.taken == before


@case("SK17[loopback]")
def test_the_own_namespace_is_left_alone():
    with Netns("own") as ns:
        ns.run("ip", "link", "set", "lo", "down")
        before = ns.state()
        assert execute("loopback", "ADD", conf("loopback"), netns=ns.path, NETNS=ns.path).code == 8
        assert ns.state() == before and "UP" not in ns.link("lo")["flags"]


@case("SK17[others]")
@each("command", ["CHECK", "GC", "STATUS"])
def test_other_commands_do_not_compare(skel, command):
    assert execute(skel, command, conf("skelnoop"), NETNS=OWN).ok and ran(skel)


@case("SK18")
@each("value, code", [("1", 0), ("TRUE", 0), ("TrUe", 0), ("true", 0), ("yes", 8), ("", 8), ("0", 8), ("T", 8)])
@each("command", ["ADD", "DEL"])
def test_the_own_namespace_on_purpose(skel, command, value, code):
    reply = execute(skel, command, conf("skelnoop"), NETNS=OWN, NETNS_OVERRIDE=value)
    assert (reply.code if code else reply.rc) == code and ran(skel) == (code == 0)


@case("SK19")
@each(
    "command, netns",
    [("DEL", ""), ("DEL", NOWHERE), ("ADD", NOWHERE), ("ADD", "/proc/version"), ("DEL", "/"), ("ADD", "relative/path")],
)
def test_namespaces_that_are_gone(skel, leases, command, netns):
    assert execute(skel, command, conf("skelnoop"), NETNS=netns).ok and ran(skel)
    assert execute("host-local", command, leases.conf, NETNS=netns).ok


@case("SK19[loopback]")
def test_a_plugin_decides_about_a_namespace_that_is_gone():
    assert execute("loopback", "ADD", conf("loopback"), NETNS=NOWHERE).code != 8
    assert execute("loopback", "DEL", conf("loopback"), NETNS=NOWHERE).ok
    assert execute("loopback", "DEL", conf("loopback"), NETNS=None).ok


# ---- keys


@case("SK20")
@each(
    "text",
    [
        '{"CniVersion":"1.1.0","NAME":"net","Type":"static","IPAM":{"TYPE":"static","Addresses":[{"ADDRESS":"10.9.8.7/24"}]}}',
        '{"cniversion":"1.1.0","naMe":"net","type":"static","ipam":{"type":"static"},"RuntimeConfig":{"IPs":["10.9.8.7/24"]}}',
        '{"cniVersion":"1.1.0","name":"net","type":"static","ipam":{"type":"static"},"Args":{"CNI":{"IPS":["10.9.8.7/24"]}}}',
        '{"cniVer\u017fion":"1.1.0","name":"net","type":"static","ipam":{"type":"static"},"runtimeConfig":{"ip\u017f":["10.9.8.7/24"]}}',
    ],
    ids=["config", "runtimeConfig", "args", "long s"],
)
def test_keys_in_any_case(text):
    reply = execute("static", "ADD", text)
    assert addresses(reply) == ["10.9.8.7/24"] and reply.result["cniVersion"] == "1.1.0"


@case("SK20[last]")
@each("first, last", [("ADDRESS", "address"), ("address", "Address")])
def test_the_last_spelling_wins(first, last):
    text = (
        '{"cniVersion":"0.1.0","CNIVERSION":"1.1.0","Name":"%%","name":"net","type":"static","ipam":{"type":"static",'
        f'"addresses":[{{"{first}":"10.0.0.1/8","{last}":"10.0.0.2/8"}}]}}}}'
    )
    reply = execute("static", "ADD", text)
    assert addresses(reply) == ["10.0.0.2/8"] and reply.result["cniVersion"] == "1.1.0"


@case("SK20[name]")
def test_the_last_name_wins():
    assert execute("static", "ADD", '{"name":"net","NAME":"%%","cniVersion":"1.1.0"}').code == 7


@case("SK20[HostPort]")
def test_port_mappings_as_containerd_writes_them(node, container):
    """A runtime without JSON tags sends HostPort; the port is published all the same."""
    result = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "eth0", "sandbox": container.path}],
        "ips": [{"address": "10.1.2.3/24", "interface": 0}],
    }
    mapping = {"HostPort": 8099, "ContainerPort": 80, "Protocol": "tcp", "HostIP": ""}
    text = {
        "type": "portmap",
        "backend": "nftables",
        "capabilities": {"portMappings": True},
        "prevResult": result,
        "runtimeConfig": {"portMappings": [mapping]},
    }
    before = node.run("nft", "list", "ruleset").out
    node.add(text, container)
    after = node.run("nft", "list", "ruleset").out
    assert "8099" in after and "8099" not in before and "10.1.2.3" in after
    node.delete(text, container)
    assert "8099" not in node.run("nft", "list", "ruleset").out


# ---- failures


FAILURES = {
    "missing variable": ("ADD", "1.1.0", {"IFNAME": None}),
    "bad container": ("ADD", "1.1.0", {"CONTAINERID": "%"}),
    "unknown command": ("NOPE", "1.1.0", {}),
    "version": ("ADD", "9.9.9", {}),
    "own namespace": ("ADD", "1.1.0", {"NETNS": OWN}),
    "too old": ("STATUS", "1.0.0", {}),
    "callback": ("ADD", "0.4.0", {}),
    "callback without code": ("DEL", "0.3.1", {}),
}


@case("SK21")
@each("what", FAILURES)
def test_every_failure_is_one_object(skel, what):
    skel.script("ADD", error='100 potato "quoted"').also("DEL", error="0 potato")
    command, version, env = FAILURES[what]
    reply = execute(skel, command, conf("skelnoop", version), **env)
    assert reply.rc == 1
    error = one_object(reply.out)
    assert set(error) <= {"cniVersion", "code", "msg", "details"} and error["msg"] and isinstance(error["code"], int)
    assert error.get("details", "x") != ""
    assert error["cniVersion"] in (version, "1.1.0")
    if what.startswith("callback"):
        assert error["cniVersion"] == version


@case("SK21[undecodable]")
@each("stdin", ["", "{", "[]", '{"name":5}', "null", '{"cniVersion":{},"name":"net"}'])
def test_a_failure_without_version(skel, stdin):
    reply = execute(skel, "ADD", stdin)
    assert reply.rc == 1 and one_object(reply.out)["cniVersion"] == "1.1.0"


@case("SK21[unreadable]")
def test_stdin_that_cannot_be_read(skel):
    """stdin that cannot be read is code 5."""
    env = clean_env(CNI_COMMAND="ADD", CNI_CONTAINERID="c1", CNI_NETNS=NOWHERE, CNI_IFNAME="eth0", CNI_PATH=BIN)
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    done = subprocess.run([skel.path], stdin=fd, env=env, capture_output=True, text=True)
    os.close(fd)
    assert done.returncode == 1 and one_object(done.stdout)["code"] == 5


@case("SK21[stdout closed]")
@each("command, rc", [("ADD", 1), ("VERSION", 1)])
def test_nobody_reads_stdout(command, rc):
    """A result that cannot be written is a failure."""
    env = clean_env(CNI_COMMAND=command, CNI_CONTAINERID="c1", CNI_NETNS=NOWHERE, CNI_IFNAME="eth0", CNI_PATH=BIN)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BIN / "static"], input=json.dumps(static()), env=env, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == rc
