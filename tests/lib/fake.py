# SPDX-License-Identifier: Apache-2.0
"""A plugin that notes how it is called and answers what it is told, to see a runtime from the plugin's side."""

import json
import os

SCRIPT = """#!/bin/sh
# Calls are numbered in the order in which they begin; mkdir decides between two at once.
cd '{dir}' || exit 99
n=1
while ! mkdir "call.$n" 2>/dev/null; do n=$((n + 1)); done
env -0 > "call.$n/env"
cat > "call.$n/stdin"
if [ -e "sleep.$CNI_COMMAND" ]; then sleep "$(cat "sleep.$CNI_COMMAND")"; fi
if [ -e "stderr.$CNI_COMMAND" ]; then cat "stderr.$CNI_COMMAND" >&2; fi
if [ -e "answer.$CNI_COMMAND" ]; then cat "answer.$CNI_COMMAND"; fi
if [ -e "rc.$CNI_COMMAND" ]; then exit "$(cat "rc.$CNI_COMMAND")"; fi
exit 0
"""

VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]


class Call:
    """One execution: .command, .env (CNI_* and the rest), .stdin (text), .conf (stdin as data)."""

    def __init__(self, path):
        pairs = (path / "env").read_bytes().decode(errors="surrogateescape").split("\0")
        self.env = dict(p.split("=", 1) for p in pairs if "=" in p)
        self.stdin = (path / "stdin").read_text()

    @property
    def command(self):
        return self.env.get("CNI_COMMAND")

    @property
    def conf(self):
        return json.loads(self.stdin)

    def __repr__(self):
        return f"{self.command} < {self.stdin}"


class Fake:
    def __init__(self, node, name, result=None, versions=None):
        self.name, self.node = name, node
        self.dir = node.dir / f"fake-{name}"
        self.dir.mkdir()
        self.path = node.bin / name
        if self.path.is_symlink():
            self.path.unlink()
        self.path.write_text(SCRIPT.format(dir=self.dir))
        os.chmod(self.path, 0o755)
        self.answers("VERSION", {"cniVersion": "1.1.0", "supportedVersions": versions or VERSIONS})
        if result is not None:
            self.answers("ADD", result)

    def answers(self, command, what="", rc=0, stderr=None, sleep=None):
        """From now on answer this command so. what is an object, or a text printed as it stands."""
        text = what if isinstance(what, str) else json.dumps(what)
        (self.dir / f"answer.{command}").write_text(text)
        (self.dir / f"rc.{command}").write_text(str(rc))
        for kind, value in (("stderr", stderr), ("sleep", sleep)):
            if value is not None:
                (self.dir / f"{kind}.{command}").write_text(str(value))
        return self

    def fails(self, command, code=100, msg="no", details="", rc=1):
        """From now on fail this command with an error object."""
        return self.answers(command, {"cniVersion": "1.1.0", "code": code, "msg": msg, "details": details}, rc=rc)

    @property
    def calls(self):
        """All calls so far but those of VERSION, in order."""
        return [c for c in self.all_calls if c.command != "VERSION"]

    @property
    def all_calls(self):
        numbered = sorted(self.dir.glob("call.*"), key=lambda p: int(p.suffix[1:]))
        return [Call(p) for p in numbered]
