"""The chapter's four ways to one matrix product: element by element, by columns, in blocks, whole."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sgdlab.bench.conditions import conditions, torch_threads
from sgdlab.bench.timing import TellRounds, interleaved, spread

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 64  # columns in a block
SAMPLE_SECONDS = 0.02  # a fast way repeats its product until a sample takes so long
ELEMENT_SECONDS = 0.5  # element by element as many rows as take so long
ELEMENT_EVERY = 10  # and in every tenth round only

CHAPTER_SIZE = 256
CHAPTER_FLOPS = 2e9  # what the chapter counts for its product of 2 · 256³ = 0.0336e9
CHAPTER_GFLOPS = {"element by element": 1.413, "column by column": 104.015, "whole": 927.430, "in blocks": 2295.105}
"""GFLOP/s as the chapter's PyTorch version prints them."""


def element_by_element(a: Tensor, b: Tensor, c: Tensor) -> None:
    """A_ij = B_i: · C_:j   (a [m, n], b [m, k], c [k, n])."""
    for i in range(len(b)):
        for j in range(c.shape[1]):
            a[i, j] = torch.dot(b[i, :], c[:, j])


def column_by_column(a: Tensor, b: Tensor, c: Tensor) -> None:
    """A_:j = B C_:j."""
    for j in range(c.shape[1]):
        a[:, j] = torch.mv(b, c[:, j])


def in_blocks(a: Tensor, b: Tensor, c: Tensor) -> None:
    """A_:J = B C_:J for blocks J of 64 columns."""
    for j in range(0, c.shape[1], BLOCK):
        a[:, j : j + BLOCK] = torch.mm(b, c[:, j : j + BLOCK])


def whole(a: Tensor, b: Tensor, c: Tensor) -> None:
    """A = B C."""
    torch.mm(b, c, out=a)


Way = Callable[[Tensor, Tensor, Tensor], None]
WAYS: dict[str, Way] = {
    "element by element": element_by_element,
    "column by column": column_by_column,
    "in blocks": in_blocks,
    "whole": whole,
}


def product_flops(m: int, n: int, k: int) -> int:
    """2·m·n·k: a multiplication and an addition for each of the k terms of the m·n elements."""
    return 2 * m * n * k


def matmul_table(
    size: int, repeats: int, threads: int, pinned: int | None = None, tell: TellRounds = lambda done, total: None
) -> "pd.DataFrame":
    """A row for each way; seconds are medians per product [size, size] x [size, size], float32.

    The clock includes Python's own loop over elements, columns or blocks and the writing of the result;
    it excludes making the matrices and one warm-up of each way. Fast ways repeat the product until a sample
    takes 20 ms. Element by element is timed in every tenth round only, and on as many rows as take 0.5 s
    (`rows_timed`), scaled to all of them.
    """
    import pandas as pd

    generator = torch.Generator().manual_seed(0)
    a, b, c = torch.zeros(size, size), *torch.randn(2, size, size, generator=generator)
    with torch_threads(threads):
        rows = {name: _rows_to_time(way, a, b, c) if way is element_by_element else size for name, way in WAYS.items()}
        works = [_timed(way, a[: rows[name]], b[: rows[name]], c) for name, way in WAYS.items()]
        every = [ELEMENT_EVERY if way is element_by_element else 1 for way in WAYS.values()]
        found = interleaved(works, repeats, tell, every)
    table = pd.DataFrame(
        [_row(name, size, rows[name], values * size / rows[name]) for name, values in zip(WAYS, found, strict=True)]
    )
    table["ratio_to_whole"] = table["gflops"] / float(table.loc[table["method"] == "whole", "gflops"].iloc[0])
    return table.assign(threads=threads, **conditions(pinned))


def _row(name: str, size: int, rows: int, seconds: Any) -> dict[str, Any]:
    taken = spread(seconds)
    row: dict[str, Any] = {"method": name, "size": size, "rows_timed": rows, "repeats": len(seconds)}
    row |= {"seconds": taken.median, "seconds_low": taken.low, "seconds_high": taken.high}
    row["gflops"] = product_flops(size, size, size) / taken.median / 1e9
    if size == CHAPTER_SIZE:
        printed = CHAPTER_GFLOPS[name]
        row["chapter_printed"] = printed
        row["chapter_corrected"] = printed * product_flops(size, size, size) / CHAPTER_FLOPS
    return row


def _timed(way: Way, a: Tensor, b: Tensor, c: Tensor) -> Callable[[], float]:
    """Seconds of one product, as the mean of as many as take SAMPLE_SECONDS."""

    def products(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            way(a, b, c)
        return (time.perf_counter() - started) / count

    count = max(int(SAMPLE_SECONDS / products(1)), 1)
    if count > 1:  # the first product was warm-up
        count = max(int(SAMPLE_SECONDS / products(min(count, 100))), 1)
    return lambda: products(count)


def _rows_to_time(way: Way, a: Tensor, b: Tensor, c: Tensor) -> int:
    way(a[:1], b[:1], c)
    started = time.perf_counter()
    way(a[:1], b[:1], c)
    return max(min(int(ELEMENT_SECONDS / (time.perf_counter() - started)), len(b)), 1)
