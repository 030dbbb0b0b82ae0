"""Keeping the whole process on one core; to be called before numpy and torch count the cores."""

import os

from sgdlab.errors import UserError


def pin(core: int) -> None:
    """Keep this process, and all threads that it starts from now on, on one core; UserError where it cannot."""
    if not hasattr(os, "sched_setaffinity"):
        raise UserError(f"--pin {core}: this system cannot pin a process to a core; leave --pin out")
    allowed = sorted(os.sched_getaffinity(0))
    if core not in allowed:
        raise UserError(f"--pin {core}: no such core for this process; it may use {', '.join(map(str, allowed))}")
    os.sched_setaffinity(0, {core})
