# SPDX-License-Identifier: Apache-2.0
"""The rows of the differential tests: a case, and a difference that is meant.

A case is run on two equal fresh nodes, one with the Go plugins and one with ours. Its steps are a text, separated by
commas or lines:

    ADD CHECK DEL GC STATUS VERSION     by every plugin of the chain (DEL in reverse order)
      b                                 for container b instead of a
      eth1                              for this interface instead of case.ifname
      noprev nonetns                    without prevResult, without CNI_NETNS
      X=Y;Z=W                           with these CNI_ARGS
    gone a                              the namespace of a is no more, its path is neither
    $ COMMAND                           run on the node; must succeed. "a$ COMMAND" runs in container a
    & COMMAND                           start on the node, ends with the case
    ? COMMAND                           repeat on the node until it succeeds (5 s); "a? COMMAND" in container a

{bin} in a command is the folder of the plugins.
"""

import dataclasses
import re

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
USUAL = "ADD, CHECK, DEL, DEL"


@dataclasses.dataclass
class Case:
    id: str
    conf: object                    # a plugin's configuration, or a list of them: a chain
    steps: str = USUAL
    version: str = "1.0.0"
    prepare: str = ""               # steps before the first that counts
    capabilities: dict = dataclasses.field(default_factory=dict)    # runtimeConfig, for plugins that ask for it
    args: str = None                # CNI_ARGS
    env: dict = dataclasses.field(default_factory=dict)
    ifname: str = "eth0"
    plugin: str = None              # the program, where it is not the type of the configuration
    name: str = "testnet"
    needs: tuple = ()               # kinds of links, see lib/kernel.py
    only: str = None                # "newest", "uml" or "6.12": on this kernel of the lab only
    watch: str = ""                 # "nft", "iptables": compare rule sets; "node:net.x.y", "a:net.x.y": and this knob
    files: dict = dataclasses.field(default_factory=dict)           # {path: text} to be there before
    words: bool = False             # compare the words of errors, too

    @property
    def chain(self):
        return self.conf if isinstance(self.conf, list) else [self.conf]

    def with_(self, **more):
        return dataclasses.replace(self, **more)


@dataclasses.dataclass
class Expect:
    """A difference that is meant. id is that of its entry in docs/differences.md; line is a regular expression for
    "go: ..." (only the Go plugins have it) or "ours: ...". Where it needs kinds of links, it must be seen only there."""
    id: str
    line: str
    needs: tuple = ()
    shared: bool = False            # may be seen, need not
    case: str = ""                  # a regular expression for the cases it may be seen in

    def __post_init__(self):
        self.matches = re.compile(self.line).search
        self.in_case = re.compile(self.case).search


def versions(case, *which):
    """The case in these versions, by default in all."""
    return [case.with_(id=f"{case.id} {v}", version=v) for v in which or VERSIONS]


def each(id, confs, **more):
    """A case per configuration: {what is special: configuration}."""
    return [Case(f"{id} {name}".strip(), conf, **more) for name, conf in confs.items()]
