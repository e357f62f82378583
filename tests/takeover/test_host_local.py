# SPDX-License-Identifier: Apache-2.0
"""host-local on a node whose leases the Go plugins keep as well: both at once, in any order, with the same answers."""

import concurrent.futures

import pytest
from lib import peers
from lib.case import case

STEPS = """ADD a, ADD b, ADD b, DEL a, ADD c, ADD d, CHECK c, CHECK x, ADD e, ADD f, DEL c, ADD g, ADD h, DEL h, DEL h, ADD a,
           ADD i, DEL b, ADD j, ADD k, DEL j, DEL x, ADD l""".replace("\n", " ").split(",")


class Pod:
    path = "/nonexistent/netns"

    def __init__(self, id):
        self.id = id


def conf(node):
    ranges = [[{"subnet": "10.1.0.0/28", "rangeEnd": "10.1.0.5"}, {"subnet": "10.2.0.0/30"}], [{"subnet": "fd00:1::/125"}]]
    return {"cniVersion": "1.0.0", "type": "host-local", "ipam": node.host_local(ranges=ranges, routes=[{"dst": "0.0.0.0/0"}])}


def store(node, modes):
    return {p.name: (p.read_bytes(), modes and p.stat().st_mode) for p in (node.data / "testnet").iterdir()}


def play(node, programs, modes):
    """Run the steps, each with the next of the programs; what each answered, and the store at the end."""
    answers = []
    for i, step in enumerate(STEPS):
        verb, pod = step.split()
        reply = node.plugin(verb, conf(node), Pod(pod), type=programs[i % len(programs)])
        result = reply.result if reply.ok else reply.error["msg"]
        if isinstance(result, dict) and not result.get("dns"):
            result.pop("dns", None)      # old ones print it empty
        answers.append((step, result))
    return answers, store(node, modes)


@case("TKHL1")
@pytest.mark.parametrize("version", peers.versions())
def test_same(new_node, version):
    """Ours alone, the Go plugin alone and both in turn give the same addresses, errors and files"""
    go = str(peers.bindir(version) / "host-local")
    modes = version == peers.versions()[-1]      # old ones let everybody read
    wanted = play(new_node("go"), [go], modes)
    for programs in (["host-local"], ["host-local", go], [go, "host-local", "host-local"]):
        assert play(new_node("ours"), programs, modes) == wanted


@case("TKHL2")
def test_at_once(node):
    """Forty ADDs of both kinds at once get forty addresses, and any of the two releases them"""
    c = {"type": "host-local", "ipam": node.host_local("10.7.0.0/24")}
    kinds = ["host-local", str(peers.bindir() / "host-local")]

    def each(verb, shift):
        def one(i):
            return node.plugin(verb, c, Pod(f"pod{i}"), type=kinds[(i + shift) % 2]).result
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(40)))

    assert len({r["ips"][0]["address"] for r in each("ADD", 0)}) == 40
    assert len(node.leases()) == 40
    each("DEL", 1)
    assert node.leases() == {}
