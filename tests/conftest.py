# SPDX-License-Identifier: Apache-2.0
"""Fixtures for all lanes, and the reporting that ./test counts by."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

from lib import coverage, kernel, lab, netns  # noqa: E402
from lib.node import Node  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--results", metavar="FILE", help="append a line per test: ok, not ok or skip, and its ID")
    parser.addoption("--list-cases", action="store_true", help="print every test's ID and sentence, run nothing")
    parser.addoption("--first", action="store_true",
                     help="of a test with parameters the first row only; each plugin's of differential cases")
    parser.addoption("--lane", default="", help="the word before every ID")


def pytest_sessionstart(session):
    if not session.config.option.list_cases:
        netns.sweep()


def pytest_sessionfinish(session):
    netns.close_all()


def name_of(item):
    """The test's ID: what @case says, with the parameters of this instance; the function's path without one."""
    mark = item.get_closest_marker("case")
    params = f"[{item.callspec.id}]" if hasattr(item, "callspec") else ""
    if mark:
        return mark.args[0] + params
    return item.nodeid.removeprefix("tests/")


def table_of(item):
    """The table of which the test is a row. What is for certain kernels has no other place to run, so it runs whole."""
    if lab.only(item):
        return item.nodeid, None
    plugin = item.callspec.params["module"] if item.get_closest_marker("differential") else None
    return item.nodeid.partition("[")[0], plugin


def sentence_of(item):
    """What the test shows: the first line of its docstring, or its name in words."""
    doc = (item.function.__doc__ or "").strip().splitlines()
    return doc[0] if doc else item.originalname.removeprefix("test_").replace("_", " ")


@pytest.hookimpl(trylast=True)  # after -m has chosen
def pytest_collection_modifyitems(config, items):
    lane = config.option.lane
    if not os.environ.get("CRIMP_NIGHTLY"):
        items[:] = [i for i in items if not i.get_closest_marker("nightly")]
    if not config.option.list_cases:
        items[:] = [i for i in items if lab.runs_here(i)]
    elif lab.KERNEL:
        items[:] = [i for i in items if lab.of_all_guests(i)]
    if config.option.first:
        items[:] = list({table_of(i): i for i in reversed(items)}.values())[::-1]
    if config.option.list_cases:
        for item in items:
            print(f"{lane} {name_of(item)} {sentence_of(item)}".strip())
        items.clear()
        return
    ids = [name_of(i) for i in items]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise pytest.UsageError(f"these IDs name more than one test: {', '.join(twice)}")


def pytest_runtest_setup(item):
    coverage.begin()
    for mark in item.iter_markers("needs"):
        missing = [f for f in mark.args if not kernel.has(f)]
        if missing:
            pytest.skip(f"this kernel has no {', '.join(missing)}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.case = name_of(item)
    if report.when == "call" and report.passed:
        coverage.keep(report.case, item)


def why(report):
    """In one line"""
    if report.skipped and isinstance(report.longrepr, tuple):
        return f": {report.longrepr[2]}"
    crash = getattr(report.longrepr, "reprcrash", None)
    return f": {' '.join(crash.message.split())[:600]}" if report.failed and crash else ""


def pytest_runtest_logreport(report):
    """A test is over when it has been called, or when it did not get that far; a failing teardown is a failure more."""
    config = pytest_runtest_logreport.config
    if not config.option.results or (report.passed and report.when != "call"):
        return
    word = "ok" if report.passed else "skip" if report.skipped else "not ok"
    part = " (teardown)" if report.when == "teardown" else ""
    with open(config.option.results, "a", encoding="utf-8") as f:
        f.write(" ".join(f"{word} {report.case}{part}{why(report)}".split("\n")) + "\n")


def pytest_collectreport(report):
    """A file that cannot be read is a failed test, not an absent one."""
    config = pytest_runtest_logreport.config
    if report.failed and config.option.results:
        with open(config.option.results, "a", encoding="utf-8") as f:
            f.write(f"not ok {report.nodeid or 'collection'}: cannot be collected\n")


def pytest_configure(config):
    pytest_runtest_logreport.config = config
    config.addinivalue_line("markers", "case(id): the ID of the test")
    config.addinivalue_line("markers", "needs(*features): skipped where the kernel lacks one of them")
    config.addinivalue_line("markers", "nightly: takes long, ./test nightly runs it")
    config.addinivalue_line("markers", "timing: measures time, so it runs neither under valgrind nor on emulated processors")
    config.addinivalue_line("markers", "only(*kernels): runs on these kernels of the lab only, of newest, uml and 6.12")
    config.addinivalue_line("markers", "in_guest: runs in the quick guest besides what needs it")
    config.addinivalue_line("markers", "differential: compares ours with the Go plugins")
    config.addinivalue_line("markers", "rootless: runs as an ordinary user in a user namespace too")


@pytest.fixture
def node():
    """A fresh node."""
    with Node() as n:
        yield n


@pytest.fixture
def container(node):
    """A container on that node."""
    return node.container()


@pytest.fixture
def new_node():
    """A maker of nodes: new_node("a"), new_node("go", bindir=...)."""
    made = []

    def make(label="node", **kw):
        made.append(Node(label, **kw))
        return made[-1]

    yield make
    for n in reversed(made):
        n.close()
