"""Shift and scale per feature: fitted in float64, applied in blocks, stored as float32."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.errors import DataError

_BLOCK = 1 << 21  # numbers per block: 16 MiB of float64


@dataclass(frozen=True)
class Moments:
    """mean, std: [features] float64, population moments; std is 0 where all values are equal."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """Model input = (raw - shift) / scale, per feature; scale is never zero."""

    shift: NDArray[np.float64]
    scale: NDArray[np.float64]

    @staticmethod
    def unit(features: int, unit: float = 1.0) -> "Affine":
        """raw / unit."""
        return Affine(np.zeros(features), np.full(features, unit))

    def normalised(self, moments: Moments) -> "Affine":
        """This map, then mean 0 and variance 1; a constant column becomes 0 and keeps its scale.

        Standardising after any shift and scale equals standardising the raw values.
        """
        return Affine(moments.mean, np.where(moments.std > 0, moments.std, self.scale))


def _blocks(
    raw: NDArray[Any], rows: NDArray[np.intp], fill: NDArray[np.float64] | None
) -> Iterator[NDArray[np.float64]]:
    """raw[rows] as float64, some rows at a time, with `fill` in the place of NaN."""
    step = max(1, _BLOCK // raw.shape[1])
    for start in range(0, len(rows), step):
        block = raw[rows[start : start + step]].astype(np.float64)
        yield block if fill is None else np.where(np.isnan(block), fill, block)


def moments(
    raw: NDArray[Any],
    rows: NDArray[np.intp],
    place: Callable[[int, int], str],
    fill: NDArray[np.float64] | None = None,
) -> Moments:
    """Population mean and standard deviation of each column over `rows`.

    `fill` stands for NaN; without it NaN cells do not count, and a column of nothing else has mean
    NaN. DataError where squares overflow float64.
    """
    low = np.full(raw.shape[1], np.nan)
    high, total, count = low.copy(), np.zeros_like(low), np.zeros_like(low)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for block in _blocks(raw, rows, fill):
            low = np.fmin(low, np.fmin.reduce(block, axis=0))
            high = np.fmax(high, np.fmax.reduce(block, axis=0))
            total += np.nansum(block, axis=0)
            count += np.count_nonzero(~np.isnan(block), axis=0)
        mean = total / count
        squares = np.zeros_like(mean)
        for block in _blocks(raw, rows, fill):
            squares += np.nansum((block - mean) ** 2, axis=0)
        std = np.sqrt(squares / count)
    constant = low == high  # by the values: rounding of the mean would leave a tiny std
    mean, std = np.where(constant, low, mean), np.where(constant, 0.0, std)
    for column in np.flatnonzero((count > 0) & ~(np.isfinite(mean) & np.isfinite(std)))[:1]:
        raise DataError(
            f"{place(int(rows[0]), int(column))}: the numbers of this column (up to {high[column]:g}) are "
            "too large to standardise; give them in a larger unit"
        )
    return Moments(mean, std)


def to_model(
    raw: NDArray[Any],
    rows: NDArray[np.intp],
    affine: Affine,
    place: Callable[[int, int], str],
    fill: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """[len(rows), features] float32, C-contiguous: (raw - shift) / scale, `fill` standing for NaN.

    DataError where a number does not fit into float32.
    """
    with np.errstate(over="ignore"):
        if fill is None and _is_power_of_two(affine):
            inverse = np.float32(1 / affine.scale[0])
            out: NDArray[np.float32] = np.multiply(raw[rows], inverse, dtype=np.float32, casting="unsafe")
        else:
            out = np.empty((len(rows), raw.shape[1]), np.float32)
            start = 0
            for block in _blocks(raw, rows, fill):
                out[start : start + len(block)] = (block - affine.shift) / affine.scale
                start += len(block)
    if raw.dtype != np.uint8 and not np.isfinite(out).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(out))[0])
        cell, value = place(int(rows[row]), column), raw[rows[row], column]
        raise DataError(
            f"{cell}: {value:g} becomes too large for float32 (shift {affine.shift[column]:g}, scale "
            f"{affine.scale[column]:g}); mend the value, or give the column in a larger unit"
        )
    return out


def _is_power_of_two(affine: Affine) -> bool:
    """Whether the map is one factor 2^k: then float32 arithmetic is exact and needs no blocks."""
    scale = affine.scale[0] if len(affine.scale) else 1.0
    mantissa, exponent = np.frexp(scale)
    exact = mantissa == 0.5 and abs(int(exponent)) < 64
    return bool(exact and not affine.shift.any() and (affine.scale == scale).all())
