# SPDX-License-Identifier: Apache-2.0
"""Networks of every kind that leaves something behind, written so that both versions of the Go plugins accept them."""

from lib.plugin import BIN

DUAL = ("10.7.0.0/24", "fd00:7::/64")
PORTS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                          {"hostPort": 5353, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"}]}


def bridge(node, *subnets, **more):
    return {"type": "bridge", "isDefaultGateway": True, "ipam": node.host_local(*(subnets or DUAL)), **more}


def portmap(**more):
    return {"type": "portmap", "capabilities": {"portMappings": True}, **more}


# name: (plugins of a node, capabilities, whether version 1.1.1 has it)
KINDS = {
    "bridge": (lambda n: [bridge(n)], {}, True),
    "bridge L2": (lambda n: [{"type": "bridge"}], {}, True),
    "one family": (lambda n: [bridge(n, "10.7.0.0/24", ipMasq=True)], {}, True),
    "masquerade": (lambda n: [bridge(n, ipMasq=True)], {}, True),
    "masquerade nftables": (lambda n: [bridge(n, ipMasq=True, ipMasqBackend="nftables")], {}, False),
    "guard": (lambda n: [bridge(n, macspoofchk=True)], {}, True),
    "ports": (lambda n: [bridge(n, ipMasq=True), portmap()], PORTS, True),
    "ports without snat": (lambda n: [bridge(n), portmap(snat=False)], PORTS, True),
    "ports nftables": (lambda n: [bridge(n), portmap(backend="nftables")], PORTS, False),
    "everything": (lambda n: [bridge(n, ipMasq=True, macspoofchk=True, hairpinMode=True), portmap(masqAll=True)], PORTS, True),
}


def network(node, kind, bindir, version="1.0.0"):
    """(network operated by the plugins of bindir, capabilities); None when that version has no such thing."""
    plugins, capabilities, old_too = KINDS[kind]
    if not old_too and "1.1.1" in str(bindir):
        return None
    return node.network(*plugins(node), version=version).using(bindir), capabilities


OURS = BIN
