"""Figures of learning rates: the range test, and the largest stable rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots import axis
from sgdlab.plots.layout import LegendEntries, arrange
from sgdlab.plots.scales import finite, log_limits, set_batch_axis, set_log
from sgdlab.plots.style import COLOURS, INK, LINES, look, name_axes, new_figure, ring, say_nothing_to_draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def lr_range_figure(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    suggestions: Mapping[str, float | None] | None = None,
    *,
    log_y: bool = False,
    title: str = "",
    note: str = "one step at each rate",
) -> Figure:
    """Smoothed loss of the range test against the learning rate, which is raised geometrically.

    curves: label (`batch 64`) -> (rates [steps], smoothed losses [steps]). suggestions: label -> rate,
    ringed on its curve; None there says `no suggestion` in the legend. The y axis ends at 1.5 times the
    loss at the start, where a curve that diverges leaves it.
    """
    figure, (axes,) = new_figure(7.4, 4.4)
    drawn = {label: axis.Curve(finite(x), finite(y)) for label, (x, y) in curves.items()}
    limits = axis.loss_limits(list(drawn.values()), log_y=log_y)
    entries: LegendEntries = []
    for i, (label, each) in enumerate(drawn.items()):
        (line,) = axes.plot(each.x, axis.tame(each, limits), lw=1.7, **look(i))
        words = label
        if suggestions is not None:
            rate = suggestions.get(label)
            words += f": {typeset(rate, 2)}" if rate else ": no suggestion"
            if rate and each.drawable:
                loss = np.interp(np.log(rate), np.log(each.x), axis.tame(each, limits))
                ring(axes, rate, loss, 10, zorder=4)
        entries.append((line, words))
    set_log(axes.xaxis, *log_limits(*(each.x for each in drawn.values()), pad=1.1))
    axis.set_loss_y(axes, limits, log_y=log_y)
    if not any(each.drawable for each in drawn.values()):
        say_nothing_to_draw(axes)
    name_axes(axes, "learning rate", "smoothed minibatch loss")
    if suggestions:
        note = "; ".join(part for part in (note, "ring: suggested rate") if part)
    return arrange(figure, title=title, note=note, legend=entries, legend_at="auto")


def stability_figure(
    batch_sizes: ArrayLike,
    rates: ArrayLike,
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    limit: float | None = None,
    title: str = "",
    note: str = "",
) -> Figure:
    """The largest stable rate η (left), and the same per example η/B (right), against B, log-log.

    batch_sizes, rates: [sizes]; rates NaN where bisection found none. low, high: the last rates found
    stable and unstable. limit: 2/λmax, which η approaches as B grows.
    """
    figure, (left, right) = new_figure(9.6, 4.0, 1, 2)
    sizes, found = finite(batch_sizes), finite(rates)
    entries: LegendEntries = []
    for axes, scale in ((left, np.ones_like(sizes)), (right, sizes)):
        (line,) = axes.plot(sizes, found / scale, "o-", color=COLOURS[0], lw=1.5, ms=6)
        bounds = [found / scale]
        if low is not None and high is not None:
            ends = finite(low) / scale, finite(high) / scale
            axes.vlines(sizes, *ends, color=COLOURS[0], linewidth=1.6)
            bounds += ends
        if axes is left:
            entries.append((line, "largest stable rate"))
            bounds.append(finite([limit] if limit else []))
        set_log(axes.yaxis, *log_limits(*bounds, pad=1.5))
        set_batch_axis(axes, sizes)
        if not np.isfinite(found).any():
            say_nothing_to_draw(axes, "no stable rate was found")
    if limit:
        entries.append((left.axhline(limit, color=INK, linestyle=LINES[1], lw=1.1),
                        f"2/λmax = {typeset(limit, 3)}"))  # fmt: skip
    name_axes(left, "batch size B (examples)", "learning rate η")
    name_axes(right, "batch size B (examples)", "rate per example η/B")
    return arrange(figure, title=title, note=note, legend=entries)
