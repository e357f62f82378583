# SPDX-License-Identifier: Apache-2.0
"""Marks for tests: @case("SK9") gives the ID that ./test --list prints and results are reported under."""

import pytest


def case(id):
    """The ID of a test. A parametrised test gets its parameters appended: SK9[16 bytes]."""
    return pytest.mark.case(id)


def needs(*links):
    """Kernel link kinds (or "nft flowtable"-like features, see kernel.py) without which the test is skipped."""
    return pytest.mark.needs(*links)


def only(*kernels):
    """The test runs on these kernels of the lab only ("newest", "uml", "6.12"), there with every row."""
    return pytest.mark.only(*kernels)


rootless = pytest.mark.rootless
