# SPDX-License-Identifier: Apache-2.0
"""Version strings, their order, and how plugins say which they support."""

import subprocess

from conformance.doubles import DOUBLES, SOURCES
from conformance.each import each
from conformance.world import refused
from lib.case import case


def probe(*args):
    done = subprocess.run([DOUBLES / "probe", *args], capture_output=True, text=True, timeout=20)
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout.strip()


@case("VE1")
@each(
    "text, numbers",
    [("1.2.3", "1 2 3"), ("", "0 1 0"), ("1", "1 0 0"), ("1.0", "1 0 0"), ("0.3.1", "0 3 1"), ("10.20.30", "10 20 30")],
)
def test_version_strings(text, numbers):
    assert probe("version-parse", text) == (0, numbers)


@case("VE2")
@each(
    "text",
    [
        "asdf",
        "asdf.",
        ".asdf",
        ".1",
        "0.",
        "1.0.",
        "..",
        ".",
        "1.2.3.4",
        "1.2.3.4.5",
        "1.0.0-rc1",
        "1.0.0+x",
        "1..0",
        " 1.0.0",
        "1.0.0 ",
        "1.0.x",
        "99999999999999999999",
    ],
)
def test_texts_that_are_no_version(world, text):
    code, said = probe("version-parse", text)
    assert code == 1 and said
    refused(world.rt().load_bytes, world.list("one", cniVersions=["1.0.0", text]))


@case("VE3")
@each(
    "a, b, order",
    [
        ("1.1.0", "1.1.0", "="),
        ("1.0.0", "0.4.0", ">"),
        ("0.4.0", "0.3.1", ">"),
        ("0.3.1", "0.3.0", ">"),
        ("0.3.0", "0.3.1", "<"),
        ("1.2.34", "1.2.14", ">"),
        ("2.5.4", "2.4.4", ">"),
        ("1.2.3", "0.2.3", ">"),
        ("0.10.0", "0.9.0", ">"),
        ("1.0", "1.0.0", "="),
        ("", "0.1.0", "="),
        ("1", "0.99.99", ">"),
        ("x", "0.1.0", "<"),
    ],
)
def test_order(a, b, order):
    assert probe("version-cmp", a, b) == (0, order)
    assert probe("version-cmp", b, a) == (0, {"<": ">", ">": "<", "=": "="}[order])


@case("VE3[selection]")
@each(
    "versions, chosen",
    [
        (["1.0.0", "0.4.0"], "1.0.0"),
        (["0.10.0", "0.9.0"], "0.10.0"),
        (["0.3.1", "0.3.0"], "0.3.1"),
        (["1"], "1"),
        (["0.4", "0.3.1"], "0.4"),
    ],
)
def test_order_decides_the_version_of_a_list(world, versions, chosen):
    assert world.net(world.rt(), "one", version=None, cniVersions=versions).version == chosen


@case("VE4")
@each(
    "reply, versions",
    [
        ('{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}', ["0.4.0", "1.0.0"]),
        ('{"CNIVERSION":"1.0.0","SupportedVersions":["1.0.0"]}', ["1.0.0"]),
        ('{"cniVersion":"1.1.0","supportedVersions":["0.-42.0","1.1.0"]}', ["0.-42.0", "1.1.0"]),
        ('{"supportedVersions":["1.0.0"]}', None),
        ('{"cniVersion":"","supportedVersions":["1.0.0"]}', None),
        ('{"cniVersion":"0.2.0"}', ["0.1.0", "0.2.0"]),
        ('{"cniVersion":"0.2.0","supportedVersions":[]}', ["0.1.0", "0.2.0"]),
        ('{"cniVersion":"0.3.0"}', None),
        ('{"cniVersion":"1.1.0","supportedVersions":[]}', None),
        ("garbage", None),
        ("", None),
        ("[]", None),
        ('{"cniVersion":"1.0.0","supportedVersions":"1.0.0"}', None),
        ('{"cniVersion":"1.0.0","supportedVersions":[1]}', None),
    ],
)
def test_answers_to_version(world, reply, versions):
    one = world.plugin("one", version_reply=reply)
    if versions is None:
        refused(world.rt().versions, "one", says="one")
    else:
        assert world.rt().versions("one") == versions
    assert [c.command for c in one.all_calls] == ["VERSION"]


@case("VE4[question]")
def test_how_version_is_asked(world):
    """The dummy variables that plugins of 0.1.0 demand are set, and stdin holds only the newest version."""
    one = world.plugin("one")
    world.rt().versions("one")
    call = one.all_calls[0]
    assert call.conf == {"cniVersion": "1.1.0"}
    assert all(call.env[f"CNI_{k}"] for k in ("NETNS", "IFNAME", "PATH"))


@case("VE4[absent]")
def test_version_of_an_absent_plugin(world):
    refused(world.rt().versions, "one", says="one")


@case("VE5")
def test_versions_from_one_on():
    code, said = probe("version-list")
    every = "0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0".split()
    assert code == 0 and said.splitlines() == [
        f"{name} {' '.join(every[i:])}" for name, i in (("all", 0), ("030", 2), ("031", 3), ("040", 4))
    ]


@case("VE6")
def test_a_plugin_that_does_not_know_version(world):
    world.plugin("one").also("VERSION", error="4 unknown CNI_COMMAND: VERSION")
    assert world.rt().versions("one") == ["0.1.0"]


@case("VE6[real]")
def test_a_plugin_of_the_days_of_010(world):
    (world.bin / "old").write_text((SOURCES / "old.sh").read_text())
    (world.bin / "old").chmod(0o755)
    assert world.rt().versions("old") == ["0.1.0"]
    assert world.rt().validate(world.net(world.rt(), "old", version=None)) == []


@case("VE6[other failure]")
@each("error", ["4 unknown CNI_COMMAND", "4 unknown CNI_COMMAND: VERSION!", "7 no"])
def test_other_failures_of_version(world, error):
    world.plugin("one").also("VERSION", error=error)
    refused(world.rt().versions, "one", says=error[2:])
