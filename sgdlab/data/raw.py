"""Raw tables: what every source hands to `prepare`, and how its rows and cells are named in messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.prepared import Column, Task

MAX_CLASSES = 10_000
"""More classes than this are taken for a mistake: the model would need as many outputs."""


def quote(value: object, width: int = 40) -> str:
    """`value` in double quotes, shortened, with control characters escaped: safe on a terminal."""
    text = str(value)
    text = text if len(text) <= width else text[: width - 3] + "..."
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + '"'


@dataclass(frozen=True)
class RawTable:
    """A source's rows as loaded; sources refuse infinity and, unless `fill_missing`, NaN.

    x: [rows, features] uint8, float32 or float64, C-contiguous; NaN where `prepare` is to fill in.
    y: [rows] int64 class indices, or [rows, outputs] float64.
    unit: the model sees x / unit (256 for pixels); whitened: whitening is in the numbers already.
    official_test: x and y of rows that the source's authors set aside for testing.
    place: names the cell (row, feature) for a message.
    """

    source: str
    x: NDArray[Any]
    y: NDArray[np.int64] | NDArray[np.float64]
    place: Callable[[int, int], str]
    classes: tuple[str, ...] | None = None
    input_shape: tuple[int, ...] = ()
    columns: tuple[Column, ...] = ()
    target_names: tuple[str, ...] = ("target",)
    unit: float = 1.0
    whitened: bool = False
    fill_missing: bool = False
    official_test: tuple[NDArray[Any], NDArray[np.int64]] | None = None

    @property
    def task(self) -> Task:
        """classification where there are classes, else regression."""
        return "regression" if self.classes is None else "classification"

    @property
    def shape(self) -> tuple[int, ...]:
        """Natural shape of one row."""
        return self.input_shape or (self.x.shape[1],)
