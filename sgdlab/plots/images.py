"""A grid of images with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.plots.style import DPI, INK, SMALL, TITLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

TILE, STRIP, GAP, PAD = 0.74, 0.19, 0.08, 0.1  # inches: image, its label above, between tiles, edge


def image_grid(images: ArrayLike, labels: Sequence[Any], rows: int = 8, columns: int = 8, *, title: str = "") -> Figure:
    """The first rows x columns images, row by row, each with its label above it.

    images: [n, h, w] grey (drawn dark on white, scaled from the lowest to the highest value), or
    [n, h, w, 3] colour in 0..1 or 0..255. labels: [n], anything that has a text. Fewer images leave
    the grid shorter.
    """
    from matplotlib.figure import Figure

    pixels = _to_rgb(np.asarray(images)[: rows * columns])
    n = len(pixels)
    columns = max(1, min(columns, n))
    rows = max(1, -(-n // columns))
    head = 0.34 if title else 0.0
    width = columns * TILE + (columns - 1) * GAP + 2 * PAD
    height = rows * (TILE + STRIP) + (rows - 1) * GAP + 2 * PAD + head
    width = max(width, 0.09 * len(title) + 2 * PAD)
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    if title:
        axes.text(PAD, PAD, title, fontsize=TITLE, color=INK, ha="left", va="top", parse_math=False)
    for i, (image, label) in enumerate(zip(pixels, labels, strict=False)):
        x = PAD + (i % columns) * (TILE + GAP)
        y = PAD + head + (i // columns) * (TILE + STRIP + GAP) + STRIP
        axes.imshow(image, extent=(x, x + TILE, y + TILE, y), interpolation="nearest", aspect="auto")
        axes.text(x, y - 0.03, _fit(str(label)), fontsize=SMALL, color=INK, ha="left", va="bottom", parse_math=False)
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


def _to_rgb(images: NDArray[Any]) -> NDArray[np.float64]:
    """[n, h, w] or [n, h, w, 3] to [n, h, w, 3] in 0..1; grey images become dark on white."""
    values = images.astype(np.float64)
    if values.ndim == 3:
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        grey = 1 - (np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0)
        return np.repeat(grey[..., None], 3, axis=3)
    if values.ndim != 4 or values.shape[3] != 3:
        raise ValueError(f"images have shape {images.shape}; wanted [n, h, w] or [n, h, w, 3]")
    scale = 255.0 if values.size and values.max() > 1 else 1.0
    return np.clip(values / scale, 0, 1)


def _fit(label: str) -> str:
    room = int((TILE + GAP) * 72 / (SMALL * 0.57))
    return label if len(label) <= room else label[: room - 1] + "…"
