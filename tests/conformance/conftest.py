# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the conformance lane: the doubles, a folder of plugins, a runtime with a cache of its own."""

import pytest

from conformance import doubles, libcni
from conformance.world import World


@pytest.fixture(scope="session", autouse=True)
def built():
    """The doubles, compiled once."""
    doubles.build()


@pytest.fixture
def plugins(tmp_path):
    """A plugin folder to put doubles into."""
    return doubles.Doubles(tmp_path / "bin")


@pytest.fixture
def world(tmp_path, plugins):
    """Doubles, configurations, a cache and runtimes over them."""
    return World(tmp_path, plugins)


@pytest.fixture
def cni():
    """libcni.so without a runtime."""
    return libcni
