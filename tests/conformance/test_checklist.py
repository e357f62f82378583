# SPDX-License-Identifier: Apache-2.0
"""The checklist is complete, and the binding that tests call libcni with is right."""

import ctypes
import pathlib
import re
import subprocess

from conformance import libcni
from conformance.checklist import CASES
from conformance.doubles import DOUBLES, Call
from lib.case import case

HERE = pathlib.Path(__file__).parent


def covered():
    """IDs that @case names in this folder: SK9 of @case("SK9") and of @case("SK9[sixteen bytes]")."""
    return {
        found
        for file in HERE.glob("test_*.py")
        for found in re.findall(r'^@case\("([A-Z]{2}\d+)', file.read_text(), re.M)
    }


@case("XX1")
def test_every_case_has_a_test():
    assert sorted(CASES.keys() - covered()) == []


@case("XX2")
def test_every_test_is_on_the_list():
    assert sorted(x for x in covered() - CASES.keys() if not x.startswith("XX")) == []


@case("XX3")
def test_the_binding_has_the_layout_of_the_headers():
    lines = subprocess.run([DOUBLES / "abi"], capture_output=True, text=True, check=True).stdout.split("\n")
    said = {}
    for words in (line.split() for line in lines if line):
        said[words[0]] = (int(words[1]), dict(zip(words[2::2], map(int, words[3::2]))))
    bound = {
        name: (ctypes.sizeof(s), {k: getattr(s, k).offset for k, _ in s._fields_ if k != "size"})
        for name, s in libcni.STRUCTS.items()
    }
    bound["cni_arg"] = (ctypes.sizeof(libcni.Arg), {"key": libcni.Arg.key.offset, "value": libcni.Arg.value.offset})
    assert said == bound


@case("XX4")
def test_the_binding_has_every_function_of_the_headers():
    """Each function of the headers is in the binding, and in the library."""
    declared = set()
    for header in ("types.h", "runtime.h"):
        text = (HERE.parents[1] / "include" / "cni" / header).read_text()
        declared |= set(re.findall(r"^CNI_API\b[^(]*?\b(cni_\w+)\(", text, re.M))
    assert declared == set(libcni.FUNCTIONS)
    for name in declared:
        assert hasattr(libcni.library(), name)


@case("XX5")
def test_a_double_notes_what_it_saw(plugins):
    d = plugins.make("one").also("DEL", error="5 no")
    env = {"CNI_COMMAND": "DEL", "X": "a=b"}
    done = subprocess.run([d.path], input='{"a": 1}', env=env, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == '{"cniVersion":"1.1.0","code":5,"msg":"no"}'
    call = d.calls[0]
    assert isinstance(call, Call) and call.env == env and call.conf == {"a": 1} and plugins.log == ["one DEL"]
