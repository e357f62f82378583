# SPDX-License-Identifier: Apache-2.0
"""@each("a, b", [...]): pytest's parametrize, with IDs that a person can read and type."""

import json

import pytest

LONGEST = 48


def short(value):
    """The value as JSON, a text as it stands; the middle of long ones left out."""
    if value == "":
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=True, default=str)
    text = " ".join(text.split()) or "blank"
    return text if len(text) <= LONGEST else f"{text[:LONGEST - 12]}...{len(text)} long"


def each(names, values, ids=short):
    return pytest.mark.parametrize(names, values, ids=ids)
