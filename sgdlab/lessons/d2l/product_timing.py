"""The chapter's four ways to one matrix product, timed round by round so that their ratios have intervals."""

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.matmul import CHAPTER_SIZE, WAYS, Way
from sgdlab.bench.timing import interleaved

SAMPLE_SECONDS = 0.01
ELEMENT_ROWS = 8  # element by element takes as long for each row


def product_rounds(rounds: int, size: int = CHAPTER_SIZE) -> dict[str, NDArray[np.float64]]:
    """Way -> seconds per product [size, size] x [size, size], [rounds]; float32, one thread.

    Interleaved; Python's own loop is on the clock. Element by element is timed on 8 rows and scaled.
    """
    generator = torch.Generator().manual_seed(0)
    a, b, c = torch.zeros(size, size), *torch.randn(2, size, size, generator=generator)
    rows = {name: min(ELEMENT_ROWS, size) if name.startswith("element") else size for name in WAYS}
    with torch_threads(1):
        works = [_timed(way, a[: rows[name]], b[: rows[name]], c) for name, way in WAYS.items()]
        found = interleaved(works, rounds, lambda done, total: None)
    return {name: values * size / rows[name] for name, values in zip(WAYS, found, strict=True)}


def _timed(way: Way, a: Tensor, b: Tensor, c: Tensor) -> Callable[[], float]:
    """Seconds of one product, the mean of as many as take SAMPLE_SECONDS; a first one is warm-up."""

    def products(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            way(a, b, c)
        return (time.perf_counter() - started) / count

    products(1)
    count = max(int(SAMPLE_SECONDS / products(3)), 1)
    return lambda: products(count)
