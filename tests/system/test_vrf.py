# SPDX-License-Identifier: Apache-2.0
"""vrf, as far as it goes on any kernel; tests/kernels/test_vrf.py has the rest."""

import concurrent.futures
import fcntl
import time

import pytest

from lib import kernel
from lib.case import case

PREV = {"cniVersion": "1.1.0", "interfaces": [{"name": "eth0"}], "ips": [{"address": "10.1.0.2/24", "interface": 0}]}


@case("vrf:absent")
@pytest.mark.skipif(kernel.has("vrf"), reason="this kernel has VRFs")
def test_absent(node, container):
    """Without VRFs in the kernel STATUS has code 50, ADD says so and leaves nothing, DEL succeeds"""
    conf = {"type": "vrf", "vrfname": "blue"}
    assert "vrf" in node.refuses("STATUS", conf, code=50)["msg"]
    net = node.network({"type": "bridge", "ipam": node.host_local("10.1.0.0/24")})
    at = net.add(container)
    before = container.state()
    assert "vrf" in node.refuses("ADD", {**conf, "prevResult": at.result}, container)["msg"]
    assert container.state() == before
    node.delete(conf, container, prev=at.result)
    container.close()
    node.delete(conf, container, prev=at.result)
    node.delete(conf, container, env={"CNI_NETNS": None})


@case("vrf:lock")
@pytest.mark.parametrize("plugin", ["vrf", "sbr"])
def test_lock(node, container, plugin):
    """DEL waits for whoever is at work on the routing of the same container"""
    with open(container.path) as namespace, concurrent.futures.ThreadPoolExecutor() as pool:
        fcntl.flock(namespace, fcntl.LOCK_EX)
        waiting = pool.submit(node.delete, {"type": plugin, "vrfname": "blue"}, container)
        time.sleep(0.5)
        assert not waiting.done()
        fcntl.flock(namespace, fcntl.LOCK_UN)
        waiting.result(timeout=10)


INVALID = {
    "vrfname absent": ({"vrfname": None}, 7, "configuration is expected to have a valid vrf name"),
    "vrfname empty": ({"vrfname": ""}, 7, "configuration is expected to have a valid vrf name"),
    "vrfname number": ({"vrfname": 5}, 6, "vrfname"),
    "vrfname list": ({"vrfname": ["blue"]}, 6, "vrfname"),
    "vrfname too long": ({"vrfname": "a-name-of-16-let"}, 7, "vrfname: \"a-name-of-16-let\""),
    "vrfname with a slash": ({"vrfname": "a/b"}, 7, "vrfname: \"a/b\""),
    "vrfname with a blank": ({"vrfname": "a b"}, 7, "vrfname: \"a b\""),
    "vrfname dots": ({"vrfname": ".."}, 7, "vrfname"),
    "table text": ({"table": "5"}, 6, "table"),
    "table fraction": ({"table": 1.5}, 6, "table"),
    "table negative": ({"table": -1}, 6, "table"),
    "table too big": ({"table": 4294967296}, 6, "table"),
    "table bool": ({"table": True}, 6, "table"),
    "table main": ({"table": 254}, 7, "table: 254"),
    "table local": ({"table": 255}, 7, "table: 255"),
    "table default": ({"table": 253}, 7, "table: 253"),
    "no prevResult": ({"prevResult": None}, 7, "missing prevResult from earlier plugin"),
    "prevResult text": ({"prevResult": "x"}, 6, "prevResult"),
    "version": ({"cniVersion": "0.3.0"}, 1, "incompatible CNI versions"),
}


@case("vrf:invalid")
@pytest.mark.parametrize("what", INVALID)
def test_invalid(node, container, what):
    """Wrong values are refused by name before anything is touched"""
    more, code, says = INVALID[what]
    before = container.state()
    error = node.refuses("ADD", {"type": "vrf", "vrfname": "blue", "prevResult": PREV, **more}, container, code=code)
    assert says in error["msg"], error
    assert container.state() == before
