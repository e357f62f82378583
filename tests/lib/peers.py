# SPDX-License-Identifier: Apache-2.0
"""Where the Go plugins lie that scripts/peers has fetched."""

import os
import pathlib

from .plugin import TOP

PEERS = pathlib.Path(os.environ.get("CRIMP_PEERS") or TOP / "build" / "peers")


def versions():
    """["1.1.1", "1.9.1"], oldest first; empty when nothing has been fetched."""
    found = [p.parent.name for p in PEERS.glob("*/bin") if p.parent.name != "go" and p.parent.name[0].isdigit()]
    return sorted(found, key=lambda v: [int(n) for n in v.split(".")])


def bindir(version="go"):
    """The folder of one version's plugins; the newest by default."""
    path = PEERS / version / "bin"
    assert path.is_dir(), f"{path} is missing: run scripts/peers"
    return path


def missing(plugin):
    """Why the reference's program of this plugin is not there, where scripts/peers has said so; None otherwise."""
    note = PEERS / plugin / "missing"
    return note.read_text().strip() if note.exists() else None
