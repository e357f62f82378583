# SPDX-License-Identifier: Apache-2.0
"""The report of a run, in Markdown."""

import statistics

import budgets
from figures import OURS, PEER, interval, percentile

TITLES = {
    "versions": "VERSION: the cost of starting",
    "lives": "Plugins and chains",
    "leases": "host-local, over the addresses already taken",
    "netavark": "netavark, beside the same network of ours",
}
PEERS = {"netavark": "netavark"}
OPS = ("VERSION", "STATUS", "ADD", "CHECK", "DEL")
CUT = 160
LEFT_BEHIND = 1.05     # an operation that goes on this much longer than its answer takes gets a row more


def times(values):
    if not values:
        return "-"
    return f"**{statistics.median(values) / 1e3:.2f}** ({min(values) / 1e3:.2f}, {percentile(values, 95) / 1e3:.2f})"


def compare(ours, theirs):
    """Ratio of medians with its interval"""
    if not ours or not theirs:
        return None, "-"
    ratio = statistics.median(ours) / statistics.median(theirs)
    low, high = interval(ours, theirs)
    return ratio, f"**{ratio:.3f}** [{low:.3f}, {high:.3f}]"


def verdict(ratio, most):
    if most is None or ratio is None:
        return "-"
    return f"{most:g} {'kept' if ratio <= most else 'MISSED'}"


def heading(columns):
    return ["| " + " | ".join(columns) + " |", "|---" * 2 + "|" + "--:|" * (len(columns) - 2)]


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def cell_of(run, part, what, n, step, op, set_):
    """(Series or None, text)"""
    series = run.get(part, what, op, set_, step, n)
    if series:
        return series, times(series.wall)
    failed = any(k[:3] == (part, what, n) and (k.op, k.set) == (op, set_) for k in run.failures)
    return None, "it fails" if failed else "-"


def operation(run, part, what, n, step, op, name):
    """The rows of one operation: to the answer, and of a DEL until the last process is gone"""
    peer = PEERS.get(part, PEER)
    ours, our_text = cell_of(run, part, what, n, step, op, OURS)
    theirs, their_text = cell_of(run, part, what, n, step, op, peer)
    floor = run.get(part, what, op, "floor", step, n)
    if not ours and not theirs and "it fails" not in (our_text, their_text):
        return []
    ratio, ratio_text = compare(ours and ours.wall, theirs and theirs.wall)
    peaks = [str(s.peak_kib) if s and s.peak_kib else "-" for s in (ours, theirs)]
    rows = [row(name, op, len((ours or theirs).wall) if ours or theirs else 0, our_text, their_text, ratio_text, verdict(ratio, budgets.ratio_for(part, what, step, op, n)),
                times(floor.wall) if floor else "-", f"{statistics.median(ours.cpu) / 1e3:.2f}" if ours else "-",
                f"{statistics.median(ours.faults):.0f}" if ours else "-", f"{peaks[0]} ({peaks[1]})")]
    if ours and ours.gone and statistics.median(ours.gone) > LEFT_BEHIND * statistics.median(ours.wall):
        gone = [s.gone if s else [] for s in (ours, theirs, floor)]
        rows.append(row(name, f"{op}, last process gone", len(gone[0]), times(gone[0]), times(gone[1]), compare(gone[0], gone[1])[1], "-", times(gone[2]),
                        "", "", ""))
    return rows


def part(run, name):
    peer = PEERS.get(name, PEER)
    found = sorted(run.names(name)) if name == "netavark" else run.names(name)
    if not found:
        return []
    lines = ["", f"## {TITLES[name]}", "",
             *heading(["what", "operation", "rounds", "crimp ms (min, p95)", f"{peer} ms (min, p95)", "ratio [90 %]", "budget", "floor ms (min, p95)",
                       "crimp CPU ms", "faults", f"peak KiB ({peer})"])]
    for what, n in found:
        for step in run.steps(name, what, n):
            title = f"{n} taken" if name == "leases" else what
            if len(run.steps(name, what, n)) > 1:
                title += f": {step}"
            for op in OPS:
                lines += operation(run, name, what, n, step, op, title)
    lines += [row(k.what, k.op, 0, f"not measured: {why}", *[""] * 7) for k, why in run.skipped.items() if k.part == name]
    return lines


def crowd(run):
    if not run.crowds:
        return []
    lines = ["", "## Many pods at once: the Kubernetes chain", "",
             *heading(["set", "operation", "workers", "pods", "wall s", "pods/s", "until the last process is gone, s", "pod ms, median", "pod ms, p95",
                       "failures"])]
    for k, c in sorted(run.crowds.items(), key=lambda item: (item[0].op, item[0].n, item[0].set != OURS)):
        done = [us for us in c["pods_us"] if us]
        lines.append(row(k.set, k.op, k.n, len(c["pods_us"]), f"{c['wall_us'] / 1e6:.2f}", f"**{len(done) / c['wall_us'] * 1e6:.1f}**",
                         f"{c['gone_us'] / 1e6:.2f}" if k.op == "DEL" else "-", f"{statistics.median(done) / 1e3:.1f}" if done else "-",
                         f"{percentile(done, 95) / 1e3:.1f}" if done else "-", c["failures"]))
    return lines


def present(run):
    """One more pod: a column per number of attachments there"""
    numbers = [n for _, n in run.names("present")]
    if not numbers:
        return []
    sets = [s for s in (OURS, PEER) if any(k.set == s for k in run.series if k.part == "present")]
    lines = ["", "## One pod more where many are: the Kubernetes chain", "",
             *heading(["what", "set", *[f"{n} there, ms (min, p95)" for n in numbers]])]
    for op in ("ADD", "DEL"):
        for step in run.steps("present", "Kubernetes chain", numbers[0]):
            for s in sets:
                cells = [cell_of(run, "present", "Kubernetes chain", n, step, op, s)[1] for n in numbers]
                lines.append(row(f"{step} {op}", s, *cells))
        ratios = [run.ratio("present", "Kubernetes chain", op, "whole chain", n) for n in numbers]
        lines.append(row(f"whole chain {op}", "ratio", *[f"**{r:.3f}**" if r else "-" for r in ratios]))
    return lines


def syscalls(run):
    """strace -c counts, the most frequent first"""
    if not run.strace:
        return []
    lines = ["", "## System calls of one bridge ADD", ""]
    for key, text in run.strace.items():
        counts = {}
        for line in text.splitlines():
            words = line.split()
            if len(words) >= 5 and words[3].isdigit():
                counts[words[-1]] = int(words[3])
        total = counts.pop("total", sum(counts.values()))
        usual = ", ".join(f"{name} {n}" for name, n in sorted(counts.items(), key=lambda item: -item[1])[:12])
        lines.append(f"* **{key.set}**: {total} calls, {len(counts)} different ones: {usual}")
    return lines + ["", "Counted by `strace -f -c`, all processes and threads, those that are left behind included; the whole tables are in `raw.json`."]


def head(run):
    noise = run.noise()
    sizes = "; ".join(f"{name} {p['version']}: {p['bytes']:,} bytes in {p['files']} file{'s' if p['files'] > 1 else ''}"
                      for name, p in run.programs.items())
    return ["# A run of the benchmarks", "",
            f"{run.system['cpu']}, {run.system['cores']} cores, Linux {run.system['kernel']}, {run.system['iptables']}, {run.system['nft']}.",
            f"{sizes}.", "",
            f"**The machine was {noise['verdict']}** in these {noise['seconds']:.0f} seconds: a fixed piece of work took {noise['spread']:.2f} times its best "
            f"(95th percentile), its median moved by {100 * (noise['drift'] - 1):.0f} % between scenarios; stolen by the hypervisor {100 * noise['steal']:.1f} %; "
            f"used by others and by the kernel's own threads {100 * noise['others']:.0f} %; load {' '.join(noise['load_before'])} before, "
            f"{' '.join(noise['load_after'])} after.", "", "How to read this: [bench/README.md](../README.md)."]


def summary(run):
    lines = ["", "## Budgets", "", "| what | measured | budget | |", "|---|--:|--:|---|"]
    for what, measured, allowed in budgets.rows(run):
        lines.append(row(what, f"{measured:.3f}", f"{allowed:g}", "kept" if measured <= allowed else "**MISSED**"))
    return lines


def failures(run):
    if not run.failures:
        return []
    lines = ["", "## What failed", ""]
    for k, why in run.failures.items():
        text = " ".join(why.split())
        lines.append(f"* {k.set}: {k.what}, {k.step} {k.op}{f' ({k.n})' if k.n else ''}: {text[:CUT]}{'...' if len(text) > CUT else ''}")
    return lines


def report(run, pictures):
    lines = head(run) + summary(run)
    if pictures:
        lines += ["", *[f"![{title}]({name})" for name, title in pictures]]
    lines += part(run, "versions") + part(run, "lives") + part(run, "leases") + present(run) + crowd(run) + part(run, "netavark")
    lines += syscalls(run) + failures(run)
    return "\n".join(lines) + "\n"
