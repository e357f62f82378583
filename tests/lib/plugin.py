# SPDX-License-Identifier: Apache-2.0
"""One execution of a CNI plugin, as a runtime does it: environment and stdin in, one JSON document out."""

import json
import os
import pathlib

from . import coverage
from .process import clean_env, run

TOP = pathlib.Path(__file__).resolve().parents[2]
# The programs under test. Another build (asan, valgrind, the Go plugins) is tested by pointing elsewhere.
BIN = pathlib.Path(os.environ.get("CRIMP_BIN") or TOP / "build" / "bin").resolve()

PATH_OF_COMMANDS = ("ADD", "DEL", "CHECK", "STATUS", "GC", "VERSION")


class Reply:
    """What a plugin said."""

    def __init__(self, what, done):
        self.what, self.done = what, done
        self.rc, self.out, self.err = done.rc, done.out, done.err
        try:
            self.json = json.loads(done.out) if done.out.strip() else None
        except ValueError:
            self.json = None

    @property
    def ok(self):
        return self.rc == 0

    @property
    def result(self):
        """The result of a success (None for a verb that has none); a failure fails the test."""
        assert self.ok, f"{self.what} failed\n{self.done}"
        assert self.json is not None or not self.out.strip(), f"{self.what} printed something that is not JSON\n{self.done}"
        return self.json

    @property
    def error(self):
        """The error object of a failure; a success fails the test, so does a failure that prints no proper error."""
        assert not self.ok, f"{self.what} was expected to fail and did not\n{self.done}"
        assert isinstance(self.json, dict) and "code" in self.json and "msg" in self.json, \
            f"{self.what} failed without an error object on stdout\n{self.done}"
        return self.json

    @property
    def code(self):
        return self.error["code"]

    @property
    def text(self):
        """The sentence for people: msg and details together."""
        return "; ".join(x for x in (self.error.get("msg"), self.error.get("details")) if x)

    def __repr__(self):
        return f"{self.what}\n{self.done}"


def run_plugin(name, command, conf="", *, netns=None, container_id=None, container_netns=None, ifname=None, args=None,
               path=None, env=None, bindir=None, timeout=60):
    """Execute plugin `name` and return its Reply.

    conf is an object or a text that goes to stdin as it stands. Parameters that are None are not set. env overrides
    all: a value of None takes a variable away. netns is where the plugin itself runs.
    """
    bindir = pathlib.Path(bindir or BIN)
    variables = {"CNI_COMMAND": command, "CNI_CONTAINERID": container_id, "CNI_NETNS": container_netns,
                 "CNI_IFNAME": ifname, "CNI_ARGS": args, "CNI_PATH": path or str(bindir)}
    variables.update(env or {})
    stdin = conf if isinstance(conf, str) else json.dumps(conf)
    program = name if "/" in str(name) else bindir / name
    assert pathlib.Path(program).exists(), f"{program} is not built (make, or set CRIMP_BIN)"
    done = run(program, netns=netns, stdin=stdin, env=clean_env(**variables), check=False, timeout=timeout)
    coverage.note(pathlib.Path(name).name, command, conf, pathlib.Path(program).resolve().parent, done.rc,
                  container_id, ifname, args)
    return Reply(f"{name} {command} < {stdin}", done)
