"""Under which conditions a benchmark ran: core, threads, hardware, versions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sgdlab.analysis.wording import count
from sgdlab.runs.environment import environment


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """torch on so many threads inside the block, as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def conditions(pinned: int | None) -> dict[str, Any]:
    """The columns that every CSV of a benchmark carries. cores: those that the process may use."""
    facts = environment()
    versions = {"sgdlab": facts["sgdlab"], "python": facts["python"]}
    versions |= {name: facts["packages"][name] for name in ("torch", "numpy", "numba")}
    return {
        "cpu": facts["cpu"],
        "cores": facts["cores"],
        "pinned_core": pinned,
        "platform": facts["platform"],
        "git_commit": facts["git_commit"],
        **versions,
    }


def in_words(facts: dict[str, Any]) -> str:
    """The conditions as one line under a table or figure."""
    pinned = facts["pinned_core"]
    where = count(facts["cores"], "core") if pinned is None else f"pinned to core {pinned}"
    versions = ", ".join(f"{name} {facts[name]}" for name in ("sgdlab", "python", "torch", "numba"))
    return f"{facts['cpu']}, {where}; {versions}"
