# SPDX-License-Identifier: Apache-2.0
"""Nodes that the Go plugins operate, and ours on the same node."""

import pytest

from lib import peers
from lib.plugin import BIN


@pytest.fixture(params=peers.versions())
def go(request):
    """The folder of one version of the Go plugins."""
    return peers.bindir(request.param)


@pytest.fixture(scope="session")
def ours():
    return BIN
