# SPDX-License-Identifier: Apache-2.0
"""Which tests run on which kernel.

./test runs most tests on the machine's own kernel, tests/kernels on those of the lab, and on the quicker ones also what
of other folders needs a kind of link which the machine lacks. Two variables say where we are:

    CRIMP_LACKS   kinds that the machine's own kernel lacks, when some lane runs what needs them; they are left out here
    CRIMP_KERNEL  we are in this guest, "newest", "uml" or "6.12"
"""

import os

from . import kernel

KERNEL = os.environ.get("CRIMP_KERNEL")
# Guests that borrow from other folders, the one first that runs every row of every table.
BORROWERS = ("newest", "uml")
LACKS = {*os.environ.get("CRIMP_LACKS", "").split()}


def needs(item):
    return {f for mark in item.iter_markers("needs") for f in mark.args}


def only(item):
    mark = item.get_closest_marker("only")
    return mark.args if mark else ()


def of_all_guests(item):
    """Does it belong to the lab whatever the machine can do?"""
    return KERNEL in only(item) if only(item) else "kernels" in item.path.parts


def runs_here(item):
    """
    in a guest:         @only() of this kernel; without it tests/kernels and, in a borrower, what the machine lacks
    on the machine:     what no guest will run; all that is possible when there are none
    """
    if KERNEL:
        borrowed = KERNEL in BORROWERS and LACKS & needs(item)
        borrowed = borrowed or (KERNEL == BORROWERS[0] and item.get_closest_marker("in_guest"))
        return bool(of_all_guests(item) or (borrowed and not only(item)))
    if only(item):
        return False
    return not (LACKS & needs(item)) or all(map(kernel.has, needs(item)))
