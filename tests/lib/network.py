# SPDX-License-Identifier: Apache-2.0
"""A CNI runtime in a hundred lines, independent of ours: the specification's rules for lists of plugins.

It lets a test operate a chain of plugins without trusting our own runtime, and operate the Go plugins in the same way.
"""

import json

from .plugin import run_plugin


class Attachment:
    """A container attached to a network: what a runtime would have in its cache."""

    def __init__(self, container, ifname, result, capabilities, args):
        self.container, self.ifname, self.result = container, ifname, result
        self.capabilities, self.args = capabilities, args

    @property
    def addresses(self):
        """["10.1.0.2", ...] without prefix lengths."""
        return [ip["address"].split("/")[0] for ip in self.result.get("ips", [])]

    @property
    def address(self):
        return self.addresses[0]


class Network:
    def __init__(self, node, conflist, bindir=None):
        self.node, self.conflist, self.bindir = node, conflist, bindir
        self.attachments = {}

    def conf(self, plugin, prev=None, capabilities=None, extra=None):
        """The configuration of one plugin of the list: name and version from the list, what it asked for by
        capability, the result of the plugin before it."""
        conf = {k: v for k, v in plugin.items()}
        conf["cniVersion"], conf["name"] = self.conflist["cniVersion"], self.conflist["name"]
        wanted = {k: v for k, v in (capabilities or {}).items() if plugin.get("capabilities", {}).get(k)}
        if wanted:
            conf["runtimeConfig"] = wanted
        if prev is not None:
            conf["prevResult"] = prev
        conf.update(extra or {})
        return conf

    def call(self, command, plugin, conf, container=None, ifname=None, args=None):
        bindir = self.bindir or self.node.bin
        return run_plugin(plugin["type"], command, conf, netns=self.node.path, bindir=bindir, path=str(bindir),
                          container_id=getattr(container, "id", None), container_netns=getattr(container, "path", None),
                          ifname=ifname, args=args)

    def add(self, container, ifname="eth0", capabilities=None, args=None):
        """ADD the whole chain; the Attachment."""
        result = None
        for plugin in self.conflist["plugins"]:
            reply = self.call("ADD", plugin, self.conf(plugin, result, capabilities), container, ifname, args)
            result = reply.result
            assert result is not None, f"{plugin['type']} answered ADD with nothing"
        made = Attachment(container, ifname, result, capabilities, args)
        self.attachments[container.id, ifname] = made
        return made

    def check(self, attachment):
        """CHECK the whole chain; every plugin must be content."""
        for plugin in self.conflist["plugins"]:
            self.one("CHECK", plugin, attachment).result

    def delete(self, attachment):
        """DEL the whole chain, last plugin first; every plugin must succeed."""
        for plugin in reversed(self.conflist["plugins"]):
            self.one("DEL", plugin, attachment).result
        self.attachments.pop((attachment.container.id, attachment.ifname), None)

    def one(self, command, plugin, attachment):
        """CHECK or DEL by one plugin of the chain; its Reply."""
        a = attachment
        conf = self.conf(plugin, a.result, a.capabilities)
        return self.call(command, plugin, conf, a.container, a.ifname, a.args)

    def gc(self, valid=None):
        """GC by every plugin, keeping these attachments (all that were made and not deleted, if not given)."""
        valid = self.attachments.values() if valid is None else valid
        keep = [{"containerID": a.container.id, "ifname": a.ifname} for a in valid]
        for plugin in self.conflist["plugins"]:
            self.call("GC", plugin, self.conf(plugin, extra={"cni.dev/valid-attachments": keep})).result

    def status(self):
        """STATUS by every plugin; all must be ready."""
        for plugin in self.conflist["plugins"]:
            self.call("STATUS", plugin, self.conf(plugin)).result

    def using(self, bindir):
        """The same network and attachments operated with other programs, for takeover tests."""
        other = Network(self.node, json.loads(json.dumps(self.conflist)), bindir)
        other.attachments = self.attachments
        return other
