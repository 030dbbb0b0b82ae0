"""Figures of gradient noise: the noise scale along training, and the law of the minibatch gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots.layout import LegendEntries, arrange
from sgdlab.plots.scales import finite, log_limits, set_batch_axis, set_log
from sgdlab.plots.style import COLOURS, INK, LINES, marker, name_axes, new_figure, say_nothing_to_draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def noise_scale_figure(table: pd.DataFrame, *, b_crit: float | None = None, title: str = "", note: str = "") -> Figure:
    """|G|² and tr Σ (left), and the noise scale tr Σ / |G|² (right), along training, on log axes.

    table: step, grad_sq_norm, trace_sigma, noise_scale, and for estimates each with _low and _high (drawn
    as bands; exact values have none). A row whose noise_scale is NaN is unresolved: a cross at the upper
    edge. noise_scale is in examples. b_crit: a study's B_crit, as a line to compare with.
    """
    figure, (left, right) = new_figure(10.0, 4.1, 1, 2)
    entries = _draw_quantity(left, table, "grad_sq_norm", 0, "|G|², squared gradient norm")
    entries += _draw_quantity(left, table, "trace_sigma", 1, "tr Σ, variance of one example's gradient")
    entries += _draw_quantity(right, table, "noise_scale", 2, "noise scale tr Σ / |G|²")
    entries += _draw_unresolved(right, table)
    more = []
    if b_crit is not None and np.isfinite(b_crit):
        line = right.axhline(b_crit, color=INK, linestyle=LINES[1], lw=1.1)
        entries.append((line, f"B_crit of the study: {typeset(b_crit, 3)}"))
        more.append(b_crit)
    set_log(left.yaxis, *_limits(table, "grad_sq_norm", "trace_sigma"))
    set_log(right.yaxis, *_limits(table, "noise_scale", also=more))
    steps = finite(table["step"])
    high = float(np.nanmax(steps, initial=1.0))
    for axes in (left, right):
        axes.set_xlim(-0.03 * high, 1.03 * high)
    if not len(table):
        say_nothing_to_draw(left)
    name_axes(left, "steps (updates)", "|G|², tr Σ")
    name_axes(right, "steps (updates)", "noise scale (examples)")
    return arrange(figure, title=title, note=note, legend=entries)


def _draw_quantity(axes: Axes, table: pd.DataFrame, column: str, index: int, label: str) -> LegendEntries:
    steps, values = finite(table["step"]), finite(table[column])
    style = {"color": COLOURS[index], "linestyle": LINES[index], "marker": marker(index), "markersize": 4.5}
    if f"{column}_low" in table:
        low, high = finite(table[f"{column}_low"]), finite(table[f"{column}_high"])
        bottom = log_limits(values)[0] / 100
        low = np.where(np.isnan(low), low, np.fmax(low, bottom))  # an interval that reaches 0 goes off the axis
        axes.fill_between(steps, low, high, color=COLOURS[index], alpha=0.18, linewidth=0)
    (line,) = axes.plot(steps, np.where(values > 0, values, np.nan), **style)
    return [(line, label)] if np.isfinite(values).any() else []


def _draw_unresolved(axes: Axes, table: pd.DataFrame) -> LegendEntries:
    steps = finite(table["step"])[np.isnan(finite(table["noise_scale"]))]
    if not steps.size:
        return []
    high_up, across = np.full(len(steps), 0.97), axes.get_xaxis_transform()
    (crosses,) = axes.plot(steps, high_up, "x", color=COLOURS[2], transform=across, clip_on=False, ms=6, ls="none")
    return [(crosses, "unresolved: interval of |G|² reaches 0")]


def _limits(table: pd.DataFrame, *columns: str, also: Sequence[float] = ()) -> tuple[float, float]:
    """Hold the values and the bands, but follow a band at most three times as far as the values go."""
    low, high = log_limits(*(finite(table[column]) for column in columns), finite(list(also)), pad=1.0)
    names = [f"{column}{end}" for column in columns for end in ("_low", "_high") if f"{column}{end}" in table]
    outer = log_limits(finite([low, high]), *(finite(table[name]) for name in names), pad=1.0)
    return max(outer[0], low / 3) / 1.3, min(outer[1], high * 3) * 1.5


def gradient_std_figure(
    batch_sizes: ArrayLike,
    stds: ArrayLike,
    predicted: ArrayLike,
    *,
    std_low: ArrayLike | None = None,
    std_high: ArrayLike | None = None,
    prediction: str = "predicted, √(tr Σ / b)",
    title: str = "",
    note: str = "",
) -> Figure:
    """Standard deviation of the minibatch gradient against the batch size b, log-log (D's b^(−1/2) law).

    batch_sizes, stds, predicted: [sizes]; std of the gradient vector in the gradient's unit, and what
    theory says at each size (√(tr Σ/b), times √(1 − b/N) without replacement). std_low, std_high: interval.
    """
    figure, (axes,) = new_figure(6.4, 4.4)
    sizes, measured, theory = finite(batch_sizes), finite(stds), finite(predicted)
    entries: LegendEntries = []
    ends = [finite(std_low), finite(std_high)] if std_low is not None and std_high is not None else []
    if ends:
        axes.vlines(sizes, ends[0], ends[1], color=COLOURS[0], linewidth=1.6)
    order = np.argsort(sizes)
    drawn = np.where(theory > 0, theory, np.nan)[order]
    (line,) = axes.plot(sizes[order], drawn, color=COLOURS[1], linestyle=LINES[1], lw=1.5)
    (dots,) = axes.plot(sizes, np.where(measured > 0, measured, np.nan), "o", color=COLOURS[0], ms=6.5)
    entries += [(dots, "measured"), (line, prediction)]
    set_log(axes.yaxis, *log_limits(measured, drawn, *ends))
    set_batch_axis(axes, sizes)
    if not np.isfinite(measured).any():
        say_nothing_to_draw(axes, "nothing measured")
    name_axes(axes, "batch size b (examples)", "std of the minibatch gradient")
    return arrange(figure, title=title, note=note, legend=entries)
