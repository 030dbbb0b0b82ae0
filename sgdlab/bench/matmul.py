"""The chapter's four methods of one matrix product: element by element, by columns, in blocks, whole."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.timing import OnDone, interleaved, seconds_per_call, spread, unseen

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 64  # columns in a block
SAMPLE_SECONDS = 0.02
"""A sample: as many products as take so long, or of element by element so many rows of one."""

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


Product = Callable[[Tensor, Tensor, Tensor], None]
PRODUCTS: dict[str, Product] = {
    "element by element": element_by_element,
    "column by column": column_by_column,
    "in blocks": in_blocks,
    "whole": whole,
}


def product_flops(m: int, n: int, k: int) -> int:
    """2·m·n·k: a multiplication and an addition for each of the k terms of the m·n elements."""
    return 2 * m * n * k


def matmul_table(size: int, repeats: int, threads: int, on_done: OnDone = unseen) -> "pd.DataFrame":
    """A row for each method; seconds are medians per product, timed as in `product_seconds`.

    Columns: method, size, rows_timed, repeats, seconds with quartiles, gflops, ratio_to_whole, threads, and at the
    chapter's size what it printed.
    """
    import pandas as pd

    found, rows = product_seconds(size, repeats, threads, on_done)
    table = pd.DataFrame([_row(name, size, rows[name], values) for name, values in found.items()])
    table["ratio_to_whole"] = table["gflops"] / float(table.loc[table["method"] == "whole", "gflops"].iloc[0])
    return table.assign(threads=threads)


def product_seconds(
    size: int, rounds: int, threads: int = 1, on_done: OnDone = unseen
) -> tuple[dict[str, NDArray[np.float64]], dict[str, int]]:
    """Method -> seconds of a product [size, size] x [size, size], float32, [rounds] interleaved; method -> rows timed.

    The clock includes Python's own loop over elements, columns or blocks and the writing of the result; it
    excludes making the matrices and a warm-up. A sample takes about 20 ms: fast methods repeat the product,
    element by element is timed on as many rows as take so long and scaled to all of them.
    """
    generator = torch.Generator().manual_seed(0)
    a, b, c = torch.zeros(size, size), *torch.randn(2, size, size, generator=generator)
    with torch_threads(threads):
        row_seconds = min(seconds_per_call(partial(element_by_element, a[:1], b[:1], c), 0.0) for _ in range(5))
        rows = dict.fromkeys(PRODUCTS, size)
        rows["element by element"] = max(min(int(SAMPLE_SECONDS / row_seconds), size), 1)
        calls = [partial(product, a[: rows[name]], b[: rows[name]], c) for name, product in PRODUCTS.items()]
        for call in calls:
            call()
        found = interleaved([partial(seconds_per_call, call, SAMPLE_SECONDS) for call in calls], rounds, on_done)
    return {name: values * size / rows[name] for name, values in zip(PRODUCTS, found, strict=True)}, rows


def _row(name: str, size: int, rows: int, seconds: NDArray[np.float64]) -> dict[str, Any]:
    row: dict[str, Any] = {"method": name, "size": size, "rows_timed": rows, "repeats": len(seconds)}
    row |= spread(seconds).columns("seconds")
    row["gflops"] = product_flops(size, size, size) / row["seconds"] / 1e9
    if size == CHAPTER_SIZE:
        printed = CHAPTER_GFLOPS[name]
        row["chapter_printed"] = printed
        row["chapter_corrected"] = printed * product_flops(size, size, size) / CHAPTER_FLOPS
    return row
