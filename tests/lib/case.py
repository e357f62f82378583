# SPDX-License-Identifier: Apache-2.0
"""Marks for tests: @case("SK9") gives the ID that ./test --list prints and results are reported under."""

import pytest


def case(id):
    """The ID of a test. A parametrised test gets its parameters appended: SK9[16 bytes]."""
    return pytest.mark.case(id)


def needs(*links):
    """Kernel link kinds (or "nft flowtable"-like features, see kernel.py) without which the test is skipped."""
    return pytest.mark.needs(*links)


def only(kernel):
    """The test runs on this kernel of the lab only: "uml" or "6.12"."""
    return pytest.mark.only(kernel)


rootless = pytest.mark.rootless
