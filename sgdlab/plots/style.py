"""How every figure looks: colours that colour-blind readers tell apart, lines, spines, ticks, numbers.

Styles are set on each figure, never through matplotlib's global rcParams.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

INK = "#262626"  # text, spines, reference lines; svg_text turns it into currentColor
GRID = "#808080"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe & Ito 2008
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (6, 2, 1.5, 2)), (0, (1.5, 1.5)), (0, (8, 2, 3, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TEXT, SMALL, TITLE = 10.5, 9.5, 11.5  # points
DPI = 150
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, *, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """A white figure of width x height inches at 150 dpi, and its axes in sgdlab's style, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = list(figure.subplots(rows, columns, sharey=share_y, squeeze=False).flat)
    for each in axes:
        _style_axes(each)
    return figure, axes


def _style_axes(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(linewidth=0.8, color=INK)
    axes.tick_params(colors=INK, labelsize=SMALL, width=0.8, length=3.5)
    axes.grid(axis="y", color=GRID, alpha=0.22, linewidth=0.7)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def name_axes(axes: Axes, x: str = "", y: str = "", title: str = "") -> None:
    """Write the axis labels and the axes' own title (left-aligned)."""
    if x:
        axes.set_xlabel(x, fontsize=TEXT, color=INK)
    if y:
        axes.set_ylabel(y, fontsize=TEXT, color=INK)
    if title:
        axes.set_title(title, fontsize=SMALL, color=INK, loc="left", pad=6)


def look(index: int) -> dict[str, Any]:
    """Colour and line style of curve `index`; the pairs repeat only after 30 curves."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index % len(LINES)]}


def marker(index: int) -> str:
    """Marker of curve `index`, a second sign beside its colour."""
    return MARKERS[index % len(MARKERS)]


def number(value: float, digits: int = 6) -> str:
    """A number as a reader writes it: 0.25, 20,000, 3×10⁻⁵, to so many significant digits."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    if 1e-3 <= abs(rounded) < 1e6:
        text = f"{rounded:,.0f}" if abs(rounded) >= 1e4 else f"{rounded:.10g}"
    else:
        mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
        text = power if mantissa == "1" else f"{mantissa}×{power}"
    return text.replace("-", "−")


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """The values as float64, with everything infinite made NaN (matplotlib leaves a gap there)."""
    array = np.array(values, dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    return array


def set_log(axis: Axis, low: float, high: float, ticks: Sequence[float] | None = None) -> None:
    """Make an axis logarithmic from low to high (both > 0), with few ticks and plain numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    vertical = axis is axis.axes.yaxis
    (axis.axes.set_yscale if vertical else axis.axes.set_xscale)("log")
    (axis.axes.set_ylim if vertical else axis.axes.set_xlim)(low, high)
    axis.set_major_locator(FixedLocator(list(ticks) if ticks is not None else log_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def log_ticks(low: float, high: float) -> list[float]:
    """Between two and about seven round numbers in [low, high], low > 0, for a logarithmic axis."""
    from matplotlib.ticker import MaxNLocator

    decades = math.log10(high / low)
    if decades < 1:
        found = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return [float(value) for value in found if low <= value <= high]
    digits = (1, 2, 5) if decades < 1.7 else (1, 3) if decades < 3 else (1,)
    stride = max(1, math.ceil(decades / 6))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [d * 10.0**p for p in powers if p % stride == 0 for d in digits]
    return [value for value in values if low <= value <= high]


def set_batch_axis(axes: Axes, sizes: Iterable[float], include: Iterable[float] = ()) -> None:
    """A logarithmic batch-size axis with ticks at the sizes themselves (thinned where they are close)."""
    ticks = sorted({float(size) for size in sizes if size > 0}) or [1.0]
    ends = [*ticks, *include]
    low, high = min(ends) / 1.35, max(ends) * 1.35
    gap = math.log(high / low) / 9
    kept = ticks[:1]
    for size in ticks[1:]:
        if math.log(size / kept[-1]) >= gap:
            kept.append(size)
    set_log(axes.xaxis, low, high, kept)


def log_limits(*values: ArrayLike, pad: float = 1.4) -> tuple[float, float]:
    """Limits of a logarithmic axis that holds every finite positive value, padded by a factor."""
    together = np.concatenate([finite(each).ravel() for each in values]) if values else np.empty(0)
    positive = together[together > 0]
    if not positive.size:
        return 0.1, 10.0
    return float(max(positive.min() / pad, 1e-300)), float(min(positive.max() * pad, 1e300))


def say_nothing_to_draw(axes: Axes, reason: str = "nothing to draw yet") -> None:
    """Say in the middle of empty axes why they are empty; ticks would say something, so they go."""
    axes.set_xticks([])
    if len(axes.get_shared_y_axes().get_siblings(axes)) == 1:
        axes.set_yticks([])
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", fontsize=TEXT, color=INK)
