# SPDX-License-Identifier: Apache-2.0
"""Differences that meet several plugins: EXPECTED = [*HOST_LOCAL, ...]. Their own plugin's cases demand that they are seen."""

from differential.case import Expect

HOST_LOCAL = [
    Expect("host-local:index", r"^ours: file /var/lib/cni/networks(/\.crimp| 0o755|/testnet 0o755)", shared=True),
    Expect("host-local:del-makes-nothing", r"^go: file /var/lib/cni/networks", shared=True),
]
