# SPDX-License-Identifier: Apache-2.0
"""The pictures of a run, as SVG."""

import statistics

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "svg.fonttype": "none",         # text stays text
    "svg.hashsalt": "crimp",        # the same figures, the same file
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.frameon": False,
})
import matplotlib.pyplot as pyplot  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

from figures import OURS, PEER, percentile  # noqa: E402

COLOURS = {OURS: "#0b62a4", PEER: "#d1701c", "floor": "#8a8a8a"}
NAMES = {OURS: "crimp", PEER: "Go plugins", "floor": "kernel's floor"}
MARKS = {OURS: "o", PEER: "s", "floor": "^"}
OPS = {"VERSION": "#b8b8b8", "ADD": "#0b62a4", "CHECK": "#6fb1de", "DEL": "#d1701c"}


def plain(axis):
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))


def line(axes, xs, series, set_):
    """Medians over positions, with a band from the least to the 95th percentile"""
    there = [(x, s) for x, s in zip(xs, series) if s]
    if not there:
        return
    xs = [x for x, _ in there]
    style = {"color": COLOURS[set_], "marker": MARKS[set_], "label": NAMES[set_]}
    axes.plot(xs, [statistics.median(s) / 1e3 for _, s in there], linestyle="--" if set_ == "floor" else "-", **style)
    axes.fill_between(xs, [min(s) / 1e3 for _, s in there], [percentile(s, 95) / 1e3 for _, s in there], color=COLOURS[set_], alpha=0.15, linewidth=0)


def over(axes, numbers, title, label):
    axes.set_title(title, loc="left")
    axes.set_xlabel(label)
    axes.set_xticks(range(len(numbers)), [f"{n:,}" for n in numbers])
    axes.set_yscale("log")
    plain(axes.yaxis)


def leases(run):
    numbers = [n for _, n in run.names("leases")]
    if len(numbers) < 2:
        return None
    figure, panels = pyplot.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
    for axes, op in zip(panels, ("ADD", "CHECK", "DEL")):
        over(axes, numbers, f"host-local {op}", "addresses already taken")
        for set_ in (PEER, OURS, "floor"):
            series = [run.get("leases", "host-local", op, set_, n=n) for n in numbers]
            line(axes, range(len(numbers)), [s and s.wall for s in series], set_)
    panels[0].set_ylabel("milliseconds")
    panels[0].legend()
    return figure


def present(run):
    numbers = [n for _, n in run.names("present")]
    if len(numbers) < 2:
        return None
    figure, axes = pyplot.subplots(figsize=(6, 3.8), layout="constrained")
    over(axes, numbers, "Kubernetes chain, ADD of one more pod", "attachments already there")
    for set_ in (PEER, OURS):
        series = [run.get("present", "Kubernetes chain", "ADD", set_, "whole chain", n) for n in numbers]
        line(axes, range(len(numbers)), [s and s.wall for s in series], set_)
    axes.set_ylabel("milliseconds")
    axes.set_ylim(bottom=1)
    axes.legend()
    return figure


def crowd(run):
    if not run.crowds:
        return None
    workers = sorted({k.n for k in run.crowds})
    figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for axes, op in zip(panels, ("ADD", "DEL")):
        over(axes, workers, f"Kubernetes chain, {op}", "pods at the same time")
        for set_ in (OURS, PEER):
            rates = [(i, sum(1 for us in c["pods_us"] if us) / c["wall_us"] * 1e6) for i, n in enumerate(workers)
                     for k, c in run.crowds.items() if (k.n, k.op, k.set) == (n, op, set_)]
            axes.plot([i for i, _ in rates], [r for _, r in rates], color=COLOURS[set_], marker=MARKS[set_], label=NAMES[set_])
            for i, rate in rates:
                axes.annotate(f"{rate:.0f}", (i, rate), textcoords="offset points", xytext=(0, 6), ha="center", color=COLOURS[set_], fontsize=8)
    panels[0].set_ylabel("pods per second")
    panels[0].legend()
    return figure


# Where a plugin's figures are taken from: part, what, step.
HOMES = {
    "bandwidth": ("lives", "Kubernetes chain", "bandwidth"), "firewall": ("lives", "Kubernetes chain", "firewall"),
    "portmap": ("lives", "Kubernetes chain", "portmap"), "tuning": ("lives", "Kubernetes chain", "tuning"),
    "host-local": ("leases", "host-local", "host-local"),
}


def ratios(run):
    plugins = [what for what, _ in run.names("versions") if not what.startswith("(")]
    bars = {}
    for plugin in plugins:
        part, what, step = HOMES.get(plugin, ("lives", plugin, plugin))
        found = {op: run.ratio(part, what, op, step) for op in ("ADD", "CHECK", "DEL")}
        found["VERSION"] = run.ratio("versions", plugin, "VERSION")
        bars[plugin] = {op: r for op in OPS if (r := found[op]) is not None}
    bars = {p: b for p, b in bars.items() if b}
    if not bars:
        return None
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.48 * len(bars)), layout="constrained")
    height = 0.8 / len(OPS)
    for i, (plugin, found) in enumerate(bars.items()):
        for j, op in enumerate(OPS):
            if op in found:
                y = i + (j - 1.5) * height
                axes.barh(y, found[op], height, color=OPS[op], label=op if i == 0 else None)
                axes.annotate(f"{found[op]:.2f}" if found[op] >= 0.1 else f"{found[op]:.3f}", (found[op], y), textcoords="offset points",
                              xytext=(3, 0), va="center", fontsize=6)
    axes.set_yticks(range(len(bars)), bars)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_xlim(left=0)
    axes.set_title("crimp's median as a part of the Go plugin's", loc="left")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=c) for c in OPS.values()]
    axes.legend(handles, OPS, loc="lower right", ncols=len(OPS))
    return figure


PICTURES = {
    "ratios.svg": (ratios, "Medians per plugin, as a part of the Go plugin's"),
    "leases.svg": (leases, "host-local over the addresses already taken"),
    "present.svg": (present, "ADD of the Kubernetes chain over the attachments already there"),
    "crowd.svg": (crowd, "Pods per second over the number of workers"),
}


def draw(run, folder):
    """Writes what there are figures for; [(file, title)]"""
    written = []
    for name, (picture, title) in PICTURES.items():
        figure = picture(run)
        if figure is None:
            continue
        figure.savefig(folder / name, format="svg", metadata={"Date": None})
        pyplot.close(figure)
        written.append((name, title))
    return written
