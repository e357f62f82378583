# SPDX-License-Identifier: Apache-2.0
"""The table of what the tests have executed, plugin by plugin, from the lines that coverage.py keeps.

    python3 -m lib.table [--check] FILE       print it; --check: fail when a cell is empty or a key was never given
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

from . import peers
from .plugin import BIN, TOP

# Plugins that the reference never had: nothing to compare with, and nothing to take over.
OURS_ONLY = frozenset()
VERBS = ("ADD", "CHECK", "DEL", "GC", "STATUS")
COLUMNS = ("plugin", "keys", *VERBS, "Go, then ours", "ours, then Go", "differential", "kernels")


def keys_of(plugin):
    """Every key that the plugin's manual page names: heads of lists, but those that explain verbs."""
    page = (TOP / "man" / f"crimp-{plugin}.8").read_text()
    heads = [part for head in re.findall(r"^\.It Cm (.*)$", page, re.M) for part in head.split("Cm ")]
    words = {w for head in heads for w in re.split(r"[ ,]+", re.split(r" [A-Z][a-z]\b", head)[0]) if w}
    return {w for w in words if re.fullmatch(r"\w+", w) and w not in (*VERBS, "VERSION")}


def ours_only(plugin):
    """It is said so, and no program of the reference says otherwise."""
    return plugin in OURS_ONLY and not [*peers.PEERS.glob(f"*/bin/{plugin}")]


class Row:
    def __init__(self, plugin):
        self.plugin, self.keys, self.verbs = plugin, set(), collections.Counter()
        self.taken, self.cases, self.kernels = collections.Counter(), set(), set()
        self.without = "-" if ours_only(plugin) else "skipped" if peers.missing(plugin) else ""

    def add(self, line, call):
        folded = {k.lower() for k in call["keys"]}
        if call["who"] == "ours":
            self.keys |= folded
            self.verbs[call["verb"]] += 1
            if call["verb"] == "ADD" and call["ok"]:
                self.kernels.add(line["kernel"])
        if call["verb"] == "DEL" and call["ok"] and call["made"] and call["made"] != call["who"]:
            self.taken[call["made"]] += 1

    def cells(self):
        named = keys_of(self.plugin)
        self.missing = sorted(k for k in named if k.lower() not in self.keys)
        own = {"loopback"}      # the only plugin without a key
        yield f"{len(named) - len(self.missing)} of {len(named)}" if named or self.plugin in own else ""
        yield from (str(self.verbs[v] or "") for v in VERBS)
        yield from (self.take(who) for who in ("go", "ours"))
        yield str(len(self.cases) or self.without)
        yield ", ".join(sorted(self.kernels))

    def take(self, who):
        return str(self.taken[who] or self.without)


def rows(file):
    names = subprocess.run([BIN / "crimp", "--plugins"], capture_output=True, text=True, check=True).stdout.split()
    table = {name: Row(name) for name in names}
    for line in map(json.loads, pathlib.Path(file).read_text().splitlines()):
        if line.get("module") in table:
            table[line["module"]].cases.add(line["case"])
        for call in line["calls"]:
            if call["plugin"] in table:
                table[call["plugin"]].add(line, call)
    return list(table.values())


def main(argv):
    strict = "--check" in argv
    found = rows(argv[-1])
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    empty = []
    for row in found:
        cells = list(row.cells())
        print("| " + " | ".join([row.plugin, *cells]) + " |")
        empty += [f"{row.plugin}: {name}" for name, cell in zip(COLUMNS[1:], cells) if not cell]
        empty += [f"{row.plugin}: key {k}" for k in row.missing]
    for row in found:
        if row.without:
            print(f"skipped: {row.plugin}: {peers.missing(row.plugin)}", file=sys.stderr)
    for cell in empty:
        print(f"empty: {cell}", file=sys.stderr)
    return 1 if strict and empty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
