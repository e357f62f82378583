# SPDX-License-Identifier: Apache-2.0
"""What the tests have really executed.

Every execution of a plugin is noted; the notes of a test are kept when it has passed, a line of JSON per test in the file
that CRIMP_COVERAGE names (in a guest: on its way out with the results). scripts/coverage makes the table of them.
"""

import json
import os
import pathlib
import platform

notes = []


def begin():
    """A test begins."""
    notes.clear()


def note(plugin, command, conf, bindir, rc, container=None, ifname=None, args=None):
    """A plugin has been executed. bindir is the folder of its binary."""
    notes.append((plugin, command, conf, str(bindir), rc, container, ifname, args))


def keys(value):
    """All the keys of a configuration, whatever they are below."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def document(conf):
    try:
        conf = conf if isinstance(conf, dict) else json.loads(conf)
    except (ValueError, RecursionError):
        conf = {}
    return conf if isinstance(conf, dict) else {}


def whose(bindir):
    """A script that plays a plugin is nobody's."""
    folder = pathlib.Path(bindir).resolve()
    return "go" if "peers" in folder.parts else "ours" if (folder / "crimp").exists() else None


def calls():
    """The notes as what the table needs, each once."""
    found, made = {}, {}
    for plugin, command, conf, bindir, rc, container, ifname, args in notes:
        conf, side = dict(document(conf)), whose(bindir)
        conf.pop("prevResult", None)
        if not side:
            continue
        asked = keys(conf) | {pair.partition("=")[0] for pair in (args or "").split(";") if pair}
        attachment = (plugin, conf.get("name"), container, ifname)
        if command == "ADD" and rc == 0:
            made.setdefault(attachment, side)    # a repeated ADD finds what the first has made
        row = {"plugin": plugin, "verb": command, "who": side, "ok": rc == 0,
               "made": made.get(attachment) if command == "DEL" else None}
        if command == "DEL" and rc == 0:
            made.pop(attachment, None)
        seen = found.setdefault(json.dumps(row), set())
        seen |= asked
        ipam = (conf.get("ipam") or {}) if isinstance(conf.get("ipam"), dict) else {}
        if isinstance(ipam.get("type"), str) and ipam["type"] != plugin and rc == 0:
            row = {"plugin": ipam["type"], "verb": command, "who": side, "ok": True, "made": row["made"]}
            found.setdefault(json.dumps(row), set()).update(asked)
    return [{**json.loads(row), "keys": sorted(k)} for row, k in found.items()]


def keep(case, item):
    """The test has passed."""
    file = os.environ.get("CRIMP_COVERAGE")
    if not file or not notes:
        return
    line = {"case": case, "differential": bool(item.get_closest_marker("differential")),
            "kernel": os.environ.get("CRIMP_KERNEL") or platform.release().split("-")[0], "calls": calls()}
    if line["differential"]:
        line["module"] = item.callspec.params["module"].replace("_", "-")
    with open(file, "a", encoding="utf-8") as f:
        f.write(json.dumps(line) + "\n")
