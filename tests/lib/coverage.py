# SPDX-License-Identifier: Apache-2.0
"""What the tests have really executed: noted per execution, kept when the test has passed (see conftest.py)."""

notes = []


def note(plugin, command, conf, bindir, rc, container=None, ifname=None):
    notes.append((plugin, command, conf, str(bindir), rc, container, ifname))
