"""Who looks on while the runs of a sweep go; by default nobody."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgdlab.sweeps.manifest import Entry
    from sgdlab.sweeps.worker import RunProgress


class Watcher:
    """Looks away; a display overrides what it wants to see."""

    def observe(self, entry: "Entry", progress: "RunProgress | None") -> None:
        """A run begins (None), moves on, or ends."""

    def tick(self) -> None:
        """About ten times a second."""


Watch = Callable[[str, "list[Entry]"], AbstractContextManager[Watcher]]
"""Given several runs and what they are in words, who watches them."""


def unwatched(words: str, entries: "list[Entry]") -> AbstractContextManager[Watcher]:
    """Nobody watches."""
    return nullcontext(Watcher())
