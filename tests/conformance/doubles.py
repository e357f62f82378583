# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/doubles, put into a plugin folder under any name and told what to do (control.h there)."""

import json
import os
import pathlib
import subprocess

from lib.plugin import BIN, TOP

# The folder that make builds into: what ./test says, else the one that the programs under test lie in.
# build/bin is tested with build/doubles, build/asan/bin with build/asan/doubles.
VARIANT = "asan" if BIN.parent.name == "asan" else "dev"
OUT = (
    TOP / os.environ["O"] if "O" in os.environ else BIN.parents[1] if BIN.parent.name in ("asan", "dev") else BIN.parent
)
DOUBLES = (OUT / "asan" if VARIANT == "asan" else OUT) / "doubles"
SOURCES = TOP / "tests" / "doubles"


def build():
    """make the doubles and libcni; it is a second when nothing has to be done."""
    out = OUT.relative_to(TOP) if OUT.is_relative_to(TOP) else OUT
    subprocess.run(
        [
            "make",
            "-s",
            "-C",
            TOP,
            "-f",
            "Makefile",
            "-f",
            "tests/doubles/doubles.mk",
            f"O={out}",
            f"DOUBLES={VARIANT}",
            "doubles",
            "lib",
        ],
        check=True,
        env={**os.environ, "MAKEFLAGS": ""},
    )


class Call:
    """One execution: .command, .env, .stdin (text, None when unread), .conf (the same as data), .pid."""

    def __init__(self, path):
        self.path = path
        pairs = (path / "env").read_bytes().decode(errors="surrogateescape").split("\0")
        self.pairs = [p for p in pairs if p]
        self.env = dict(p.split("=", 1) for p in self.pairs if "=" in p)

    def _read(self, name):
        file = self.path / name
        return file.read_text() if file.exists() else None

    @property
    def command(self):
        return self.env.get("CNI_COMMAND")

    @property
    def stdin(self):
        return self._read("stdin")

    @property
    def conf(self):
        return json.loads(self.stdin)

    @property
    def args(self):
        """What skelnoop read from CNI_ARGS."""
        text = self._read("args")
        return None if text is None else dict(line.split("=", 1) for line in text.splitlines())

    @property
    def pid(self):
        return int(self._read("pid"))

    @property
    def child(self):
        return int(self._read("child"))

    def __repr__(self):
        return f"{self.command} < {self.stdin}"


class Double:
    """A plugin `name` in folder `bin` that is one of the doubles: Double(bin, "first").script(result={...})"""

    def __init__(self, bin, name, program="noop", **script):
        self.name, self.path = name, pathlib.Path(bin) / name
        self.dir = pathlib.Path(bin) / f"{name}.d"
        self.dir.mkdir()
        self.path.symlink_to(DOUBLES / program)
        self.script(**script)

    def script(self, command=None, **settings):
        """Replace what it does: script("DEL", error="5 no") for one command, script(...) for all; script() forgets."""
        lines = []
        for key, value in settings.items():
            key = key.replace("_", "-")
            if isinstance(value, (dict, list)):
                value = json.dumps(value)
            if value is not None and value is not False:
                lines.append(f"{command}.{key} " if command else f"{key} ")
                lines[-1] = lines[-1].rstrip() if value is True else lines[-1] + str(value)
        (self.dir / "script").write_text("".join(line + "\n" for line in lines))
        return self

    def also(self, command=None, **settings):
        """Add to what it does."""
        before = (self.dir / "script").read_text()
        self.script(command, **settings)
        (self.dir / "script").write_text(before + (self.dir / "script").read_text())
        return self

    @property
    def all_calls(self):
        return [Call(p) for p in sorted(self.dir.glob("call.*"), key=lambda p: int(p.suffix[1:]))]

    @property
    def calls(self):
        """All calls but VERSION, in order."""
        return [c for c in self.all_calls if c.command != "VERSION"]

    @property
    def commands(self):
        return [c.command for c in self.calls]


class Doubles:
    """A plugin folder of doubles with one log over all of them."""

    def __init__(self, dir):
        self.bin = pathlib.Path(dir)
        self.bin.mkdir(exist_ok=True)
        self.log_file = self.bin.with_name(self.bin.name + ".log")

    def make(self, name, program="noop", **script):
        return Double(self.bin, name, program, log=self.log_file, **script)

    def again(self, double, command=None, **script):
        """Script anew, the log stays."""
        return double.script(log=self.log_file).also(command, **script)

    @property
    def log(self):
        """["first ADD", "second ADD", ...] without VERSION"""
        text = self.log_file.read_text() if self.log_file.exists() else ""
        return [line for line in text.splitlines() if not line.endswith(" VERSION")]

    def forget(self):
        self.log_file.unlink(missing_ok=True)
