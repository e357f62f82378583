# SPDX-License-Identifier: Apache-2.0
"""A run's raw lines as figures, and what is said about many of them. Medians first: one scheduler tick must not decide."""

import collections
import json
import os
import random
import statistics

Key = collections.namedtuple("Key", "part what n step op set")
OURS, PEER = "crimp", "go"


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * percent // 100]


def interval(ours, theirs, times=300):
    """Where the ratio of the medians lies nine times of ten when both are drawn again from what was measured"""
    draw = random.Random(1)
    ratios = sorted(statistics.median(draw.choices(ours, k=len(ours))) / statistics.median(draw.choices(theirs, k=len(theirs)))
                    for _ in range(times))
    return ratios[times // 20], ratios[-times // 20 - 1]


class Series:
    """Every measurement of one thing"""

    def __init__(self):
        self.wall, self.gone, self.cpu, self.faults = [], [], [], []
        self.peak_kib = None

    def add(self, line):
        self.wall.append(line["wall_us"])
        self.cpu.append(line["cpu_us"])
        self.faults.append(line["faults"])
        if "gone_us" in line:
            self.gone.append(line["gone_us"])

    def json(self):
        members = {"wall_us": self.wall, "gone_us": self.gone, "cpu_us": self.cpu, "faults": self.faults, "peak_kib": self.peak_kib}
        return {k: v for k, v in members.items() if v and v != [0] * len(self.wall)}


class Run:
    """All of one run"""

    def __init__(self, raw, programs):
        self.series = collections.defaultdict(Series)
        self.crowds, self.failures, self.skipped, self.strace = {}, {}, {}, {}
        self.moments = []
        self.programs = programs
        self.system = system()
        for text in open(raw, encoding="utf-8"):
            self.take(json.loads(text))

    def take(self, line):
        if "machine" in line:
            self.moments.append(line)
            return
        key = Key(line["part"], line["what"], line["n"], line["step"], line["op"], line["set"])
        if "wall_us" in line:
            self.series[key].add(line)
        elif "peak_kib" in line:
            self.series[key].peak_kib = line["peak_kib"]
        for kind, where in (("crowd", self.crowds), ("failure", self.failures), ("skipped", self.skipped), ("strace", self.strace)):
            if kind in line:
                where.setdefault(key, line[kind])

    def get(self, part, what, op, set_, step=None, n=0):
        """The measurements, or None where there are none or some of them failed"""
        for key, series in self.series.items():
            if key[:3] == (part, what, n) and key.op == op and key.set == set_ and step in (None, key.step):
                return None if key in self.failures or not series.wall else series
        return None

    def names(self, part):
        """(what, n) of a part, in the order of the run"""
        return list(dict.fromkeys((k.what, k.n) for k in [*self.series, *self.skipped] if k.part == part))

    def steps(self, part, what, n=0):
        return list(dict.fromkeys(k.step for k in self.series if k[:3] == (part, what, n)))

    def ratio(self, part, what, op, step=None, n=0, peer=PEER):
        """Ours over theirs, of medians"""
        ours, theirs = (self.get(part, what, op, s, step, n) for s in (OURS, peer))
        return statistics.median(ours.wall) / statistics.median(theirs.wall) if ours and theirs else None

    def noise(self):
        """How steady the machine was: a fixed piece of work again and again, and what /proc says"""
        work = [us for m in self.moments for us in m["calibration_us"]]
        medians = [statistics.median(m["calibration_us"]) for m in self.moments]
        first, last = self.moments[0], self.moments[-1]
        ticks = [[int(v) for v in m["stat"].split()[1:9]] for m in (first, last)]
        user, nice, system_, idle, wait, irq, soft, steal = (b - a for a, b in zip(*ticks))
        total = sum((user, nice, system_, idle, wait, irq, soft, steal)) or 1
        own = (last["own_cpu_us"] - first["own_cpu_us"]) / 1e6 * os.sysconf("SC_CLK_TCK")
        noise = {
            "spread": percentile(work, 95) / min(work),
            "drift": max(medians) / min(medians),
            "steal": steal / total,
            "others": max(0.0, (user + nice + system_ + irq + soft - own) / total),
            "load_before": first["loadavg"].split()[:3],
            "load_after": last["loadavg"].split()[:3],
            "seconds": (last["at_us"] - first["at_us"]) / 1e6,
        }
        quiet = noise["spread"] < 1.2 and noise["drift"] < 1.2 and noise["steal"] < 0.01 and noise["others"] < 0.1
        loud = noise["spread"] > 2 or noise["drift"] > 1.5 or noise["steal"] > 0.05 or noise["others"] > 0.25
        return noise | {"verdict": "quiet" if quiet else "noisy" if loud else "not quite quiet"}

    def json(self):
        def rows(what, name):
            return [k._asdict() | {name: v} for k, v in what.items()]

        return {"system": self.system, "programs": self.programs, "noise": self.noise(), "moments": self.moments,
                "figures": [k._asdict() | s.json() for k, s in self.series.items()], "crowds": rows(self.crowds, "crowd"),
                "failures": rows(self.failures, "why"), "skipped": rows(self.skipped, "why"), "strace": rows(self.strace, "table")}


def system():
    def line(path, head):
        for text in open(path, encoding="utf-8"):
            if text.startswith(head):
                return text.split(":", 1)[1].strip()
        return "unknown"

    return {"cpu": line("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "kernel": os.uname().release,
            "iptables": os.popen("iptables --version").read().strip(), "nft": os.popen("nft --version").read().split(" (")[0].strip()}
