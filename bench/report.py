# SPDX-License-Identifier: Apache-2.0
"""report.py --raw FILE --results DIR --set NAME=PLUGIN_DIR... : what bench/bench has measured, as raw.json, README.md and pictures."""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import plots  # noqa: E402
import tables  # noqa: E402
from figures import OURS, PEER, Run  # noqa: E402


def size(folder):
    """(bytes, files) of a folder of programs; links are no programs"""
    files = [p for p in pathlib.Path(folder).iterdir() if p.is_file() and not p.is_symlink() and not p.name.startswith(".")]
    return sum(p.stat().st_size for p in files), len(files)


def programs(sets, versions):
    found = {}
    for text in sets:
        name, folder = text.split("=", 1)
        total, files = size(folder)
        found[name] = {"version": versions[name], "bytes": total, "files": files}
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--raw", required=True)
    parser.add_argument("--results", required=True, type=pathlib.Path)
    parser.add_argument("--scale", default="full")
    parser.add_argument("--set", action="append", required=True)
    parser.add_argument("--go-version", default="")
    parser.add_argument("--netavark-version", default="")
    args = parser.parse_args()

    top = pathlib.Path(__file__).parent.parent
    versions = {OURS: (top / "VERSION").read_text().strip(), PEER: args.go_version}
    run = Run(args.raw, programs(args.set, versions))
    run.system |= {"scale": args.scale, "netavark": args.netavark_version}
    args.results.mkdir(parents=True, exist_ok=True)
    pictures = plots.draw(run, args.results)
    (args.results / "raw.json").write_text(json.dumps(run.json(), separators=(",", ":")) + "\n")
    (args.results / "README.md").write_text(tables.report(run, pictures))
    print("\n".join(tables.head(run)[5:6] + tables.summary(run)))
    print(f"\n{args.results}/README.md")


main()
