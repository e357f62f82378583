# SPDX-License-Identifier: Apache-2.0
"""What tests are written with: nodes, containers, plugin calls, networks, fakes. tests/README.md is the tour."""
