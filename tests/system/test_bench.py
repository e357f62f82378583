# SPDX-License-Identifier: Apache-2.0
"""The benchmark runs to its end and writes what bench/README.md promises. Nothing here looks at how long anything took."""

import fcntl
import json
import os
import pathlib
import signal
import subprocess
import time
import xml.etree.ElementTree as xml

import pytest

from lib import peers
from lib.case import case
from lib.plugin import TOP

OUT = pathlib.Path(os.environ.get("O", "build"))
PARTS = {"versions", "lives", "leases", "syscalls", "crowd", "present"}


@pytest.fixture(scope="module")
def programs():
    """The measuring program, compiled"""
    (TOP / OUT / "test").mkdir(parents=True, exist_ok=True)
    with open(TOP / OUT / "test" / ".build", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", f"O={OUT}", "bench-programs"], cwd=TOP, check=True)


def listen():
    """Whoever has started us may have told us to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(results, *options):
    return subprocess.Popen([TOP / "bench/run", "--scale", "smoke", "--results", results, *options], cwd=TOP, text=True,
                            env={**os.environ, "O": str(OUT)}, preexec_fn=listen, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def left():
    """What a run could leave: its folder, and mounts and interfaces of the namespace that we are in"""
    return ([p.name for p in (TOP / OUT / "bench").glob("work.*")],
            pathlib.Path("/proc/self/mountinfo").read_text().count("\n"), os.listdir("/sys/class/net"))


@case("BENCH1")
def test_one_round(programs, tmp_path):
    """make bench, with one round of everything, writes figures, tables and pictures, and leaves nothing"""
    before = left()
    fetched = (peers.PEERS / "go" / "bin").is_dir() and (peers.PEERS / "netavark" / "version").exists()
    run = start(tmp_path, *([] if fetched else ["--alone"]))
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said
    assert left() == before

    raw = json.loads((tmp_path / "raw.json").read_text())
    assert PARTS <= {f["part"] for f in raw["figures"]} | {"syscalls"} | {c["part"] for c in raw["crowds"]}
    assert {"ADD", "CHECK", "DEL", "STATUS", "VERSION"} == {f["op"] for f in raw["figures"]}
    assert {"crimp", "floor"} | ({"go", "netavark"} if fetched else set()) == {f["set"] for f in raw["figures"]}
    assert not [f for f in raw["failures"] if f["set"] == "crimp"]
    assert raw["noise"]["verdict"] in ("quiet", "not quite quiet", "noisy")

    report = (tmp_path / "README.md").read_text()
    for title in ("## Budgets", "## VERSION", "## Plugins and chains", "## host-local", "## One pod more", "## Many pods"):
        assert title in report
    pictures = {p.name for p in tmp_path.glob("*.svg")}
    assert {"leases.svg", "present.svg", "crowd.svg"} | ({"ratios.svg"} if fetched else set()) == pictures
    for picture in pictures:
        assert picture in report
        xml.parse(tmp_path / picture)


@case("BENCH2")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_interrupted(programs, tmp_path, number):
    """A benchmark that is interrupted leaves nothing"""
    before = left()
    run = start(tmp_path, "--alone")
    end = time.monotonic() + 30
    while not any(any((TOP / OUT / "bench" / name).glob("pod-*")) for name in set(left()[0]) - set(before[0])) and time.monotonic() < end:
        time.sleep(0.05)
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode != 0
    assert left() == before
