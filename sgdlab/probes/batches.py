"""Batches drawn for measuring: independent of each other and of the batches that training sees."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sgdlab.engine.base import Task
from sgdlab.streams import generator


def drawn_batches(task: Task, size: int, count: int, *position: int) -> Iterator[NDArray[np.int64]]:
    """`count` batches of `size` training rows, each drawn anew; the same for the same position.

    With replacement where the config samples so, else without.
    """
    rng, n = generator(task.config.seed, "probe", *position, size), len(task.train.x)
    replacement = with_replacement(task)
    for _ in range(count):
        if replacement:
            yield rng.integers(0, n, size)
        else:
            yield rng.choice(n, size, replace=False, shuffle=False)


def with_replacement(task: Task) -> bool:
    """Whether the config draws its rows with replacement."""
    return task.config.sampling == "replacement"
