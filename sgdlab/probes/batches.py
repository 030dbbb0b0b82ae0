"""Batches drawn for measuring: independent of each other and of the batches that training sees."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sgdlab.streams import generator
from sgdlab.training.engines.base import Workload


def drawn_batches(workload: Workload, size: int, count: int, *position: int) -> Iterator[NDArray[np.int64]]:
    """`count` batches of `size` training rows, each drawn anew; the same for the same position.

    With replacement where the config samples so, else without.
    """
    rng, n = generator(workload.config.seed, "probe", *position, size), len(workload.train.x)
    replacement = with_replacement(workload)
    for _ in range(count):
        if replacement:
            yield rng.integers(0, n, size)
        else:
            yield rng.choice(n, size, replace=False, shuffle=False)


def with_replacement(workload: Workload) -> bool:
    """Whether the config draws its rows with replacement."""
    return workload.config.sampling == "replacement"
