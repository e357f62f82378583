# SPDX-License-Identifier: Apache-2.0
"""One execution of a plugin with every variable set; tests say what differs."""

import json

from lib.plugin import BIN, run_plugin

NOWHERE = "/run/netns/nowhere"
OWN = "/proc/self/ns/net"


def execute(plugin, command, conf, netns=None, **env):
    """Run the plugin (a name of the programs under test, or a Double); CONTAINERID="x" replaces a variable, None
    takes it away."""
    variables = {"CONTAINERID": "c1", "NETNS": NOWHERE, "IFNAME": "eth0", "PATH": BIN, **env}
    name = getattr(plugin, "path", plugin)
    if hasattr(plugin, "path"):
        variables["PATH"] = env.get("PATH", plugin.path.parent)
    return run_plugin(name, command, conf, netns=netns, env={f"CNI_{k}": v for k, v in variables.items()})


def conf(type, version="1.1.0", **more):
    """A configuration without IPAM; version None leaves cniVersion out."""
    return {**({} if version is None else {"cniVersion": version}), "name": "net", "type": type, **more}


def static(version="1.1.0", address="10.1.2.3/24", ipam=None, **more):
    """One that static answers without touching anything."""
    return conf("static", version, ipam={"type": "static", "addresses": [{"address": address}], **(ipam or {})}, **more)


def addresses(reply):
    return [ip["address"] for ip in reply.result["ips"]]


def one_object(text):
    """The text is exactly one JSON object, and this is it."""
    found = json.loads(text)
    assert isinstance(found, dict)
    return found
