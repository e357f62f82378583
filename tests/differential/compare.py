# SPDX-License-Identifier: Apache-2.0
"""Run a case on two sides and say where they differ: "go: LINE" for what only the Go plugins have, "ours: LINE"."""

import json
import os
import re
import time

from .observe import MAC, Seen, flat
from .side import Side

VERBS = ("ADD", "CHECK", "DEL", "GC", "STATUS", "VERSION")
# Names with random parts; numbers in order of their appearance stand for them.
RANDOM = [r"\bveth[0-9a-f]{8}\b"]
# How long both sides may take to agree on what happens in the background, and how long nothing may change meanwhile.
PATIENCE, REST = 2.0, float(os.environ.get("CRIMP_REST", 0.5))


def steps_of(text):
    """[(container or "node", mark, words), ...]"""
    for part in re.split(r"\n|,\s(?=[A-Z]{2}|[a-z]?[$&?] |gone )", text):
        part = part.strip().rstrip(",")
        if not part:
            continue
        command = re.match(r"([a-z]?)([$&?]) (.*)", part)
        if command:
            yield command[1] or "node", command[2], command[3]
        else:
            verb, *words = part.split()
            assert verb in (*VERBS, "gone"), f"{verb} is no step"
            yield next((w for w in words if re.fullmatch("[a-z]", w)), "a"), verb, words


class Run:
    """One case on one side."""

    def __init__(self, case, side):
        self.case, self.side = case, side
        self.results, self.names = {}, {}
        self.literal = json.dumps([case.conf, case.capabilities, case.args, case.prepare, case.steps, case.env]).lower()

    def prepare(self):
        self.side.container("a")
        for path, text in self.case.files.items():
            self.side.run("mkdir", "-p", path.rpartition("/")[0])
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        for where, mark, words in steps_of(self.case.prepare):
            self.side.command(where, mark, words)

    def step(self, where, verb, words):
        """Do it; what the plugins said, as raw (plugin, status, answer)."""
        self.said = []
        if verb == "gone":
            self.side.drop(where)
        elif verb in "$&?":
            self.side.command(where, verb, words)
        else:
            self.side.container(where) if verb in ("ADD", "CHECK") else None
            self.call(where, verb, words)

    def call(self, where, verb, words):
        ifname = next((w for w in words if re.fullmatch(r"[a-z]+[0-9]+", w)), self.case.ifname)
        args = next((w for w in words if "=" in w), self.case.args)
        env = {**self.case.env, **({"CNI_NETNS": ""} if "nonetns" in words else {})}
        prev = None if verb == "ADD" or "noprev" in words else self.results.get((where, ifname))
        for plugin in reversed(self.case.chain) if verb == "DEL" else self.case.chain:
            conf = self.conf(plugin, verb, prev)
            name = self.case.plugin or plugin["type"]
            attached = (where, ifname, args) if verb in ("ADD", "CHECK", "DEL") else ()
            rc, out, err = self.side.plugin(name, verb, conf, *attached, env=env)
            try:
                answer = json.loads(out) if out.strip() else None
            except ValueError:
                answer = out
            self.said.append((name, rc, answer, err))
            if verb == "ADD":
                if rc:
                    break
                prev = self.results[where, ifname] = answer

    def conf(self, plugin, verb, prev):
        conf = {"cniVersion": self.case.version, "name": self.case.name, **plugin}
        wanted = {k: v for k, v in self.case.capabilities.items() if plugin.get("capabilities", {}).get(k)}
        if wanted:
            conf["runtimeConfig"] = wanted
        if prev is not None:
            conf["prevResult"] = prev
        if verb == "GC":
            conf["cni.dev/valid-attachments"] = [{"containerID": f"pod-{w}", "ifname": i} for w, i in self.results]
        return conf

    def look(self, careful=False):
        """The lines of the step: what was said, and what is there now."""
        seen = Seen(self.side, self.case.watch.split(), self.literal, careful)
        said = [line for one in self.said for line in self.sayings(seen, *one)]
        return [self.canonical(seen, line) for line in said + seen.lines]

    def sayings(self, seen, name, rc, answer, err):
        yield f"{name} {'fails' if rc else 'succeeds'}"
        if rc == 0 and answer is not None:
            yield from (f"{name} result.{line}" for line in flat(self.interfaces(seen, answer)))
        elif rc and isinstance(answer, dict):
            yield f"{name} error code {answer.get('code')}"
            if self.case.words:
                yield f"{name} error words {answer.get('msg')} {answer.get('details', '')}"
        elif rc:
            yield f"{name} error without an object {answer!r} {err}"

    def interfaces(self, seen, answer):
        """A result whose MACs say whether they are true."""
        if not isinstance(answer, dict) or not isinstance(answer.get("interfaces"), list):
            return answer
        out = json.loads(json.dumps(answer))
        for i in out["interfaces"]:
            space = i.get("sandbox", "").rpartition("/pod-")[2] or "node"
            if i.get("mac") and i["mac"].lower() not in self.literal:
                i["mac"] = "its own" if seen.macs.get((space, i["name"])) == i["mac"].lower() else "another"
        return out

    def canonical(self, seen, line):
        for pattern in RANDOM:
            line = re.sub(pattern, lambda m: self.names.setdefault(m[0], f"{m[0][:4]}#{len(self.names) + 1}"), line)
        owners = {mac: self.canonical_name(name) for (space, name), mac in reversed(seen.macs.items()) if mac}
        return MAC.sub(lambda m: m[0] if m[0] in self.literal or len(set(m[0])) <= 2 else f"mac({owners.get(m[0], '?')})", line)

    def canonical_name(self, name):
        return self.names.get(name, name)


def difference(go, ours):
    """Lines of one side only. A code that the reference left at 999 or 100 says nothing, so it is not held against ours."""
    vague = {line.rpartition(" ")[0] for line in go if re.search(r" error code (999|100)$", line)}
    a = {line for line in go if line.rpartition(" ")[0] not in vague}
    b = {line for line in ours if line.rpartition(" ")[0] not in vague}
    return [f"go: {x}" for x in short(go, a - b)] + [f"ours: {x}" for x in short(ours, b - a)]


def short(lines, only):
    """The lines that only one side has, in order; of an interface that only it has, one."""
    links = {tuple(line.split()[:3:2]) for line in only if re.match(r"\S+ link \S+ kind ", line)}
    return [line for line in lines if line in only and (" kind " in line or not any(
        line.startswith((f"{space} link {name} ", f"{space} address {name} ")) or (line.startswith(f"{space} knob") and f"/{name}/" in line)
        for space, name in links))]


def differences(case, go_bin, our_bin, meant=lambda line: False):
    """([(step, line), ...] over all steps of the case, what was executed). meant says of a line that waiting will not
    mend it."""
    found = []
    with Side("go", go_bin) as go, Side("ours", our_bin) as ours:
        runs = Run(case, go), Run(case, ours)
        both(runs, Run.prepare)
        for number, (where, verb, words) in enumerate(steps_of(case.steps), 1):
            both(runs, Run.step, where, verb, words)
            differ = settled(runs, meant, 10 if verb == "gone" else REST)     # the kernel takes down namespaces one by one
            label = f"{number} {verb} {words if isinstance(words, str) else ' '.join(words)}".strip()
            found += [(label, line) for line in differ]
    return found, go.notes + ours.notes


def settled(runs, meant, rest):
    """The difference when it no longer changes."""
    began = changed = time.monotonic()
    last = None
    while True:
        differ = difference(*both(runs, Run.look, last is not None))
        now = time.monotonic()
        if differ != last:
            last, changed = differ, now
        if all(map(meant, differ)) or now - changed >= rest or now - began > max(rest, PATIENCE):
            return differ
        time.sleep(0.05)


def both(runs, method, *args):
    futures = [run.side.do(method, run, *args) for run in runs]
    return [f.result() for f in futures]
