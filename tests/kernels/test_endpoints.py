# SPDX-License-Identifier: Apache-2.0
"""ipvlan, vlan and dummy: what they have in common, with macvlan, too (tests/system/test_macvlan.py)."""

import pytest

from lib import kernel, peers
from lib.case import case
from lib.plugin import BIN
from system import endpoints
from system.endpoints import DAMAGE, OTHERS

STACKED = ["ipvlan", "vlan"]


@pytest.fixture
def kind(request):
    name = request.param
    if not kernel.has(name):
        pytest.skip(f"this kernel has no {name}")
    return OTHERS[name]


each = pytest.mark.parametrize("kind", list(OTHERS), indirect=True)
stacked = pytest.mark.parametrize("kind", STACKED, indirect=True)


@case("endpoint:life")
@each
def test_life(node, kind):
    """Two containers reach each other and a host outside in both families; after DEL the node is as before"""
    endpoints.life(node, kind)


@case("endpoint:version")
@each
def test_versions(node, kind):
    """Results in the shapes of old versions, and CHECK in the first that has it"""
    for version in "0.2.0", "0.3.1", "0.4.0":
        endpoints.spoken(node, kind, version)


@case("endpoint:check")
@each
def test_check(node, kind):
    """CHECK names what is not as ADD made it, and wants the result of this interface"""
    for what in DAMAGE:
        endpoints.damaged(node, kind, what)
    endpoints.without_result(node, kind)


@case("endpoint:check-master")
@stacked
def test_check_master(node, kind):
    """CHECK sees that the master is another"""
    endpoints.moved(node, kind)


@case("endpoint:del")
@each
def test_del(node, kind):
    """DEL removes the interface and the lease, leaves another kind alone, and succeeds without the master"""
    for how in "alive", "interface missing", "name taken", "master gone", "nonsense":
        if how != "master gone" or "master" in kind.more:
            endpoints.deleting(node, kind, how, how == "master gone")


@case("endpoint:failing")
@each
def test_failing(node, kind):
    """A failed ADD leaves nothing"""
    for how in "IPAM fails", "impossible route", "name taken":
        endpoints.failing(node, kind, how)


@case("endpoint:repeated")
@each
def test_repeated(node, kind):
    """An ADD of what is there is refused, and the attachment lives on"""
    endpoints.repeated(node, kind)


@case("endpoint:killed")
@stacked
def test_killed(node, kind):
    """DEL removes what a killed ADD has left under a temporary name"""
    def make(n, c, name):
        more = ["id", "5"] if kind.name == "vlan" else []
        n.ip("link", "add", "link", "up0", "name", name, "netns", c.name, "type", kind.name, *more)
    endpoints.killed(node, kind, make)


@case("endpoint:status")
@each
def test_status(node, kind):
    """STATUS is code 50 with the master's name when it is missing; IPAM's word counts"""
    endpoints.status(node, kind)


@case("endpoint:in-container")
@stacked
def test_in_container(node, kind):
    """linkInContainer: the master is an interface of the container"""
    endpoints.inside(node, kind)


@case("endpoint:announce")
@stacked
def test_announce(node, kind):
    """A neighbour with an old MAC in its table knows the new one at once"""
    endpoints.heard(node, kind)


@case("endpoint:enabledad")
@pytest.mark.parametrize("kind", ["vlan"], indirect=True)
def test_duplicates(node, kind):
    """enabledad finds out that somebody has the address; without it nobody asks"""
    endpoints.probed(node, kind)


@case("endpoint:takeover")
@each
def test_takeover(node, kind):
    """CHECK and DEL of what the reference has made, in both directions, and without the master"""
    endpoints.taken_over(node, kind, peers.bindir(), BIN)
