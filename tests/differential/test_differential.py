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
from lib import coverage, kernel, lab, peers
from lib.case import case
from lib.plugin import BIN, TOP

HERE = pathlib.Path(__file__).parent
# CRIMP_CASES="bridge vlan" reads these only.
NAMES = os.environ.get("CRIMP_CASES", "").split() or sorted(p.stem.removeprefix("cases_") for p in HERE.glob("cases_*.py"))
MODULES, BROKEN = {}, {}
for _name in NAMES:
    try:
        MODULES[_name] = importlib.import_module(f"differential.cases_{_name}")
    except Exception as e:      # one broken table does not hide the others, test_readable reports it
        BROKEN[_name] = e
ENTRIES = {m for m in re.findall(r"^(?:- |\| )`([\w-]+:[\w-]+)`", (TOP / "docs/differences.md").read_text(), re.M)}
ran, seen = {name: 0 for name in MODULES}, set()
AT_ONCE = 3 * os.cpu_count()


def rows():
    for name, module in MODULES.items():
        without = peers.missing(name)
        for one in module.CASES:
            marks = [pytest.mark.skip(without)] if without else []
            marks += [pytest.mark.needs(*one.needs)] if one.needs else []
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
        yield {(r["module"], r["one"].id): pool.submit(find, **r) for r in rows
               if all(map(kernel.has, r["one"].needs)) and not peers.missing(r["module"])}


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


@case("differential:readable")
@pytest.mark.parametrize("name", NAMES)
def test_readable(name):
    """The table of cases can be read"""
    assert name not in BROKEN, repr(BROKEN[name])


def runs_here(one):
    """Is the case run by this kernel? lib/lab.py says the same of tests."""
    if lab.KERNEL:
        return one.only in (None, lab.KERNEL) and (one.only or lab.LACKS & {*one.needs}) and (lab.KERNEL in lab.BORROWERS or one.only)
    return not one.only and all(map(kernel.has, one.needs))


@case("differential:seen")
@pytest.mark.in_guest
@pytest.mark.parametrize("module", MODULES, ids=str)
def test_seen(module):
    """Every difference that is meant was seen in a case that ran here"""
    cases = MODULES[module].CASES
    here, elsewhere = [c for c in cases if runs_here(c)], [c for c in cases if not runs_here(c)]
    if ran[module] < len(here):
        pytest.skip("not all cases of the plugin have run")
    missing = []
    for e in getattr(MODULES[module], "EXPECTED", []):
        demanded = any(e.in_case(c.id) for c in here) and all(map(kernel.has, e.needs))
        if lab.KERNEL:
            demanded &= bool(lab.LACKS & {*e.needs}) or not any(e.in_case(c.id) for c in elsewhere)
        if demanded and not e.shared and (module, e.id, e.line) not in seen:
            missing.append(f"{e.id}: {e.line}")
    assert not missing, missing
