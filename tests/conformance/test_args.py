# SPDX-License-Identifier: Apache-2.0
"""CNI_ARGS as plugins read it."""

from conformance.calls import addresses, conf, execute, static
from conformance.each import each
from lib.case import case

KEYS = "IP MAC K8S_POD_NAME"


def read(plugins, text, command="ADD"):
    """What a plugin that knows KEYS makes of it: a dict, or None when it refuses."""
    skel = plugins.make("skelnoop", "skelnoop").also(args=KEYS)
    reply = execute(skel, command, conf("skelnoop"), ARGS=text)
    if reply.ok:
        return skel.calls[-1].args
    assert "ARGS" in reply.text and reply.error["code"] != 0
    return None


@case("AR1")
@each("text", ["", None])
def test_empty(plugins, text):
    assert read(plugins, text) == {}
    assert addresses(execute("static", "ADD", static(), ARGS=text)) == ["10.1.2.3/24"]


@case("AR2")
@each("command", ["ADD", "DEL", "CHECK"])
def test_a_known_key(plugins, command):
    assert read(plugins, "IP=1.2.3.4", command) == {"IP": "1.2.3.4"}


@case("AR2[static]")
def test_a_known_key_of_static():
    assert addresses(execute("static", "ADD", static(), ARGS="IP=10.9.9.9/16")) == ["10.1.2.3/24", "10.9.9.9/16"]
    reply = execute("static", "ADD", static(), ARGS="IP=10.9.9.9/16,2001:db8::1/64;GATEWAY=10.9.0.1,2001:db8::9")
    assert [(ip["address"], ip.get("gateway")) for ip in reply.result["ips"]] == [
        ("10.1.2.3/24", None),
        ("10.9.9.9/16", "10.9.0.1"),
        ("2001:db8::1/64", "2001:db8::9"),
    ]


@case("AR2[host-local]")
def test_a_known_key_of_host_local(tmp_path):
    ipam = {"type": "host-local", "dataDir": str(tmp_path), "subnet": "10.1.2.0/24"}
    assert addresses(execute("host-local", "ADD", conf("host-local", ipam=ipam), ARGS="IP=10.1.2.77")) == [
        "10.1.2.77/24"
    ]


@case("AR2[Kubernetes]")
def test_what_kubernetes_runtimes_send(plugins):
    text = "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_UID=u"
    assert read(plugins, text) == {"K8S_POD_NAME": "pod"}
    assert addresses(execute("static", "ADD", static(), ARGS=text)) == ["10.1.2.3/24"]


@case("AR3")
@each("text", ["ip=1.2.3.4", " IP=1.2.3.4", "IP =1.2.3.4", "Ip=1.2.3.4"])
def test_keys_are_exact(plugins, text):
    assert read(plugins, text) is None
    assert not execute("static", "ADD", static(), ARGS=text).ok


@case("AR4")
def test_an_empty_value(plugins):
    assert read(plugins, "IP=") == {"IP": ""}
    assert read_again(plugins, "IP=;IgnoreUnknown=1") == {"IP": ""}


def read_again(plugins, text):
    plugins = type(plugins)(plugins.bin / "again")
    return read(plugins, text)


@case("AR5")
def test_a_bad_value(tmp_path):
    ipam = {"type": "host-local", "dataDir": str(tmp_path), "subnet": "10.1.2.0/24"}
    for text in "IP=x", "IP=10.1.2.3.4", "IP=x;IgnoreUnknown=1":
        assert execute("host-local", "ADD", conf("host-local", ipam=ipam), ARGS=text).error["code"] != 0
        assert execute("static", "ADD", static(), ARGS=text).error["code"] != 0
    assert list((tmp_path).glob("net/10.*")) == []


@case("AR6")
def test_an_unknown_key(plugins):
    assert read(plugins, "A=1") is None
    reply = execute("static", "ADD", static(), ARGS="IP=10.9.9.9/16;A=1;B=2")
    assert "A=1" in reply.text and "B=2" in reply.text and "IP=" not in reply.text


@case("AR7")
@each(
    "text",
    [
        "A=1;IgnoreUnknown=true",
        "IgnoreUnknown=true;A=1",
        "IgnoreUnknown=1;A=1",
        "A=1;IgnoreUnknown=TRUE",
        "A=1;IgnoreUnknown=True;B=",
    ],
)
def test_ignore_unknown(plugins, text):
    assert read(plugins, text) == {}
    assert execute("static", "ADD", static(), ARGS=text).ok


@case("AR8")
@each("text", ["IgnoreUnknown=1;A=1;", ";IgnoreUnknown=1", "IP=1.2.3.4;", ";"])
def test_a_trailing_separator(plugins, text):
    assert read(plugins, text) is None
    assert not execute("static", "ADD", static(), ARGS=text).ok


@case("AR9")
@each("text", ["IgnoreUnknown=1;A", "A", "IP"])
def test_a_word_without_a_value(plugins, text):
    assert read(plugins, text) is None


@case("AR10")
@each("text", ["A=b=c", "IgnoreUnknown=1;A=b=c", "IP=1.2.3.4=x", "=="])
def test_two_equals_signs(plugins, text):
    assert read(plugins, text) is None


@case("AR11")
@each("value", ["yes", "", "2", "t", "10"])
def test_ignore_unknown_that_is_no_boolean(plugins, value):
    assert read(plugins, f"IgnoreUnknown={value}") is None


@case("AR12")
@each("value", ["0", "false", "FALSE"])
def test_unknown_keys_are_not_to_be_ignored(plugins, value):
    assert read(plugins, f"IgnoreUnknown={value};Unk=nown") is None


@case("AR12[alone]")
def test_ignore_unknown_false_with_nothing_unknown(plugins):
    assert read(plugins, "IgnoreUnknown=0;IP=1.2.3.4") == {"IP": "1.2.3.4"}


@case("AR13")
@each(
    "text, got",
    [
        ("IgnoreUnknown=1;IgnoreUnknown=0;A=1", None),
        ("IgnoreUnknown=0;A=1;IgnoreUnknown=1", {}),
        ("IP=1.1.1.1;IP=2.2.2.2", {"IP": "2.2.2.2"}),
    ],
)
def test_the_last_of_a_repeated_key(plugins, text, got):
    assert read(plugins, text) == got
