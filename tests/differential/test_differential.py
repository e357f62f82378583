# SPDX-License-Identifier: Apache-2.0
"""Every case of cases_*.py on two equal nodes, one with the Go plugins and one with ours: what they answer and what they
leave in the kernel and on disk is the same, or a difference that docs/differences.md explains.

Cases run several at a time, as the reference sleeps a lot; each test waits for its own.
"""

import concurrent.futures
import importlib
import os
import pathlib
import re

import pytest

from differential.compare import differences
from lib import coverage, kernel, peers
from lib.case import case
from lib.plugin import BIN, TOP

HERE = pathlib.Path(__file__).parent
MODULES = {p.stem.removeprefix("cases_"): importlib.import_module(f"differential.{p.stem}") for p in sorted(HERE.glob("cases_*.py"))}
ENTRIES = {m for m in re.findall(r"^(?:- |\| )`([\w-]+:[\w-]+)`", (TOP / "docs/differences.md").read_text(), re.M)}
ran, seen = {name: 0 for name in MODULES}, set()
AT_ONCE = 3 * os.cpu_count()


def rows():
    for name, module in MODULES.items():
        for one in module.CASES:
            marks = [pytest.mark.needs(*one.needs)] if one.needs else []
            marks += [pytest.mark.only(one.only)] if one.only else []
            yield pytest.param(name, one, id=f"{name.replace('_', '-')}:{one.id}", marks=marks)


def expected_in(module, one):
    return [e for e in getattr(MODULES[module], "EXPECTED", []) if e.in_case(one.id)]


@pytest.fixture(scope="session")
def outcomes(request):
    """{id of a case: what will be found}"""
    def find(module, one):
        expected = expected_in(module, one)
        return differences(one, peers.bindir(), BIN, lambda line: any(e.matches(line) for e in expected))

    rows = [i.callspec.params for i in request.session.items if i.get_closest_marker("differential")]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {(r["module"], r["one"].id): pool.submit(find, **r) for r in rows if all(map(kernel.has, r["one"].needs))}


@case("differential")
@pytest.mark.differential
@pytest.mark.parametrize("module, one", rows())
def test_same(outcomes, module, one):
    """Answers, kernel state and files are the same as the reference's, step by step"""
    expected = expected_in(module, one)
    ran[module] += 1
    unmeant = []
    found, notes = outcomes[module, one.id].result()
    coverage.notes.extend(notes)
    for step, line in found:
        meant = [e for e in expected if e.matches(line)]
        seen.update((module, e.id, e.line) for e in meant)
        if not meant:
            unmeant.append(f"{step}: {line}")
    if unmeant:
        pytest.fail("\n".join(unmeant), pytrace=False)


@case("differential:documented")
@pytest.mark.parametrize("module", MODULES, ids=str)
def test_documented(module):
    """Every difference that is meant has its entry in docs/differences.md"""
    ids = {e.id for e in getattr(MODULES[module], "EXPECTED", [])}
    assert ids <= ENTRIES, ids - ENTRIES


@case("differential:seen")
@pytest.mark.parametrize("module", MODULES, ids=str)
def test_seen(module):
    """Every difference that is meant was seen in a case that ran here"""
    possible = [c for c in MODULES[module].CASES if all(map(kernel.has, c.needs))]
    if ran[module] < len(possible):
        pytest.skip("not all cases of the plugin have run")
    missing = [f"{e.id}: {e.line}" for e in getattr(MODULES[module], "EXPECTED", [])
               if not e.shared and (module, e.id, e.line) not in seen and all(map(kernel.has, e.needs)) and any(e.in_case(c.id) for c in possible)]
    assert not missing, missing
