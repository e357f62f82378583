# SPDX-License-Identifier: Apache-2.0
"""What the project allows itself, held against a run."""

import statistics

from figures import OURS

# part, what (None: all), step (None: any), operation: the largest ratio of medians, ours over the Go plugin's
RATIOS = {
    ("versions", None, None, "VERSION"): 0.12,
    ("lives", "loopback", None, "ADD"): 0.20,
    ("lives", "static", None, "ADD"): 0.20,
    ("lives", "bridge", None, "ADD"): 0.15,
    ("lives", "bridge", None, "DEL"): 0.10,
    ("lives", "bridge, dual stack", None, "ADD"): 0.15,
    ("lives", "bridge, dual stack", None, "DEL"): 0.10,
    ("lives", "bridge, masquerade", None, "ADD"): 0.06,
    ("lives", "bridge, masquerade", None, "DEL"): 0.05,
    ("lives", "bridge, masquerade by nftables", None, "ADD"): 0.06,
    ("lives", "bridge, masquerade by nftables", None, "DEL"): 0.05,
    ("lives", "Kubernetes chain", "whole chain", "ADD"): 0.03,
    ("lives", "Kubernetes chain", "whole chain", "DEL"): 0.03,
    ("netavark", "bridge, masquerade, 2 ports", None, "ADD"): 0.15,
    ("netavark", "bridge, masquerade, 2 ports", None, "DEL"): 0.15,
}
LEASES, LEASES_RATIO, LEASES_FLAT = 50000, 0.003, 1.5
CROWD, CROWD_RATIO = 32, 0.03
FLOOR = 1.3
MIB = 1 << 20
SIZE_RATIO = 0.02


def ratio_for(part, what, step, op, n=0):
    """The budget of one row of a table, or None"""
    if part == "leases":
        return LEASES_RATIO if (n, op) == (LEASES, "ADD") else None
    for (p, w, s, o), most in RATIOS.items():
        if p == part and o == op and w in (None, what) and s in (None, step):
            return most
    return None


def rows(run):
    """(what, measured, allowed) of every budget for which there are figures; measured and allowed in the same unit"""
    found = []
    for (part, what, step, op), most in RATIOS.items():
        peer = "netavark" if part == "netavark" else "go"
        names = [what] if what else [w for w, _ in run.names(part)]
        ratios = [r for r in (run.ratio(part, w, op, step, peer=peer) for w in names) if r is not None]
        if ratios:
            name = f"{what or 'any plugin, the worst'}: {op}"
            found.append((f"{name}, against {peer}", max(ratios), most))
    return found + leases(run) + crowd(run) + floor(run) + sizes(run)


def leases(run):
    found = []
    ratio = run.ratio("leases", "host-local", "ADD", n=LEASES)
    if ratio is not None:
        found.append((f"host-local with {LEASES} taken: ADD, against go", ratio, LEASES_RATIO))
    medians = {n: statistics.median(s.wall) for _, n in run.names("leases") if (s := run.get("leases", "host-local", "ADD", OURS, n=n))}
    if len(medians) > 1:
        found.append((f"host-local ADD with {max(medians)} taken, against none", medians[max(medians)] / medians[min(medians)], LEASES_FLAT))
    return found


def crowd(run):
    walls = {(k.n, k.op, k.set): c["wall_us"] for k, c in run.crowds.items()}
    found = []
    if (CROWD, "ADD", "go") in walls:
        found.append((f"the crowd at {CROWD} workers: wall of ADD, against go", walls[CROWD, "ADD", OURS] / walls[CROWD, "ADD", "go"], CROWD_RATIO))
    ours = [walls[n, "ADD", OURS] for n in sorted({n for n, op, s in walls if (op, s) == ("ADD", OURS)})]
    if len(ours) > 1:
        worst = max(b / a for a, b in zip(ours, ours[1:]))
        found.append(("the crowd: wall of ADD with more workers, against fewer", worst, 1.0))
    return found


def floor(run):
    ratio = run.ratio("lives", "bridge", "ADD", peer="floor")
    return [("bridge: ADD, against the kernel's floor", ratio, FLOOR)] if ratio else []


def sizes(run):
    peaks = [s.peak_kib for k, s in run.series.items() if k.set == OURS and s.peak_kib]
    ours, theirs = (run.programs.get(n, {}).get("bytes") for n in (OURS, "go"))
    found = [("peak memory of any plugin, MiB", max(peaks) / 1024, 1.0)] if peaks else []
    found.append(("the binary, MiB", ours / MIB, 1.0))
    if theirs:
        found.append(("the binary, against all Go plugins", ours / theirs, SIZE_RATIO))
    return found
