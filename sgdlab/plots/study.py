"""Figures of a study: steps and seconds to target, and the best learning rate, against the batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots.layout import LegendEntries, arrange
from sgdlab.plots.scales import finite, log_limits, set_batch_axis, set_log
from sgdlab.plots.style import COLOURS, INK, LINES, SMALL, name_axes, new_figure, ring, say_nothing_to_draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sgdlab.plots.axis import Array


def steps_to_target_figure(
    table: pd.DataFrame,
    fit: Mapping[str, float] | None = None,
    *,
    target: str = "target",
    title: str = "",
    note: str = "",
) -> Figure:
    """Steps to target S against batch size B, log-log, each B at its tuned rate (Shallue et al. 2019).

    table, a row for each batch size: batch_size, steps (median over seeds), steps_low, steps_high (its
    interval), reached, runs, budget_steps. A row without steps, or reached by fewer than half of its
    runs, is censored: an arrow upward from its budget. Dashed: perfect scaling S(B₀)·B₀/B from the
    smallest batch that reached. fit: s_min, e_min, b_crit, b_crit_low, b_crit_high of
    S = s_min (1 + b_crit / B) (McCandlish et al. 2018), drawn dotted with B_crit and its interval.
    """
    figure, (axes,) = new_figure(7.6, 4.8)
    sizes, steps = finite(table["batch_size"]), _resolved(table, "steps")
    scale = np.geomspace(sizes.min(), sizes.max(), 100) if len(sizes) else np.empty(0)
    entries = _draw_points(axes, table, "steps", "median over seeds, with its interval")
    reached = np.flatnonzero(np.isfinite(steps))
    if reached.size:
        first = int(reached[np.argmin(sizes[reached])])
        (line,) = axes.plot(scale, steps[first] * sizes[first] / scale, color=INK, linestyle=LINES[1], lw=1)
        entries.append((line, "perfect scaling"))
    fitted = _fitted(fit, scale)
    if fit is not None and fitted is not None:
        (line,) = axes.plot(scale, fitted, color=COLOURS[1], linestyle=LINES[2], lw=1.6, zorder=1.9)
        entries.append((line, f"fit: {typeset(fit['s_min'], 3)} · (1 + {typeset(fit['b_crit'], 3)}/B)"))
    budget = finite(table["budget_steps"])
    low, high = _y_limits(table, "steps", np.where(np.isnan(steps), budget, np.nan), fitted)
    set_log(axes.yaxis, low, high)
    entries += _draw_censored(axes, sizes, np.where(np.isnan(steps), budget, np.nan), "not reached in its budget")
    set_batch_axis(axes, sizes)
    entries += _draw_b_crit(axes, fit)
    explained = _say_how_many(axes, table, steps, budget, (low, high))
    if not len(table):
        say_nothing_to_draw(axes, "nothing measured")
    name_axes(axes, "batch size B (examples)", f"steps to {target}")
    return arrange(figure, title=title, note="; ".join(filter(None, (note, explained))), legend=entries)


def seconds_to_target_figure(table: pd.DataFrame, *, target: str = "target", title: str = "", note: str = "") -> Figure:
    """Training time to target against batch size, log-log, with intervals; the fastest size is ringed.

    table: as for `steps_to_target_figure`, with seconds, seconds_low, seconds_high (training seconds,
    evaluation excluded). Censored sizes are arrows at the upper edge.
    """
    figure, (axes,) = new_figure(7.2, 4.5)
    sizes, seconds = finite(table["batch_size"]), _resolved(table, "seconds")
    entries = _draw_points(axes, table, "seconds", "median over seeds, with its interval")
    low, high = _y_limits(table, "seconds", np.empty(0), None)
    set_log(axes.yaxis, low, high)
    set_batch_axis(axes, sizes)
    if np.isfinite(seconds).any():
        best = int(np.nanargmin(seconds))
        fastest = ring(axes, sizes[best], seconds[best], 13)
        entries.append((fastest, f"fastest: B = {typeset(sizes[best])}, {typeset(seconds[best], 3)} s"))
    else:
        axes.set_yticks([])
    edge = high / (high / low) ** 0.09
    at = np.where(np.isnan(seconds), edge, np.nan)
    entries += _draw_censored(axes, sizes, at, "not reached in its budget (no value)")
    explained = _say_how_many(axes, table, seconds, at, (low, high))
    if not len(table):
        say_nothing_to_draw(axes, "nothing measured")
    name_axes(axes, "batch size B (examples)", f"training time to {target} [s]")
    return arrange(figure, title=title, note="; ".join(filter(None, (note, explained))), legend=entries)


def best_rate_figure(table: pd.DataFrame, *, title: str = "", note: str = "") -> Figure:
    """Best learning rate against batch size, log-log, with linear and square-root guides.

    table: batch_size, learning_rate (tuned, initial rate), edge (whether the rate stands at the edge of
    its grid, so that the true best may lie beyond: hollow). Both guides start at the smallest batch
    whose rate is not at an edge.
    """
    figure, (axes,) = new_figure(7.2, 4.5)
    sizes, rates = finite(table["batch_size"]), finite(table["learning_rate"])
    edge = np.asarray(table["edge"].fillna(False), dtype=bool)
    entries: LegendEntries = []
    inside = np.flatnonzero(np.isfinite(rates) & ~edge)
    known = inside if inside.size else np.flatnonzero(np.isfinite(rates))
    if known.size:
        first = int(known[np.argmin(sizes[known])])
        scale = np.array([sizes.min(), sizes.max()])
        for name, power, line in (("linear, η ∝ B", 1.0, LINES[1]), ("square root, η ∝ √B", 0.5, LINES[3])):
            (guide,) = axes.plot(
                scale, rates[first] * (scale / sizes[first]) ** power, color=INK, linestyle=line, lw=1.1
            )
            entries.append((guide, name))
    for mask, face, label in ((~edge, COLOURS[0], "best rate"), (edge, "none", "at the edge of its grid")):
        if (mask & np.isfinite(rates)).any():
            entries.append((_dots(axes, sizes[mask], rates[mask], face), label))
    low, high = log_limits(rates, pad=2.5)
    set_log(axes.yaxis, low, high)
    set_batch_axis(axes, sizes)
    if not known.size:
        say_nothing_to_draw(axes, "no rate was found")
    name_axes(axes, "batch size B (examples)", "best learning rate η")
    return arrange(figure, title=title, note=note, legend=entries)


def _dots(axes: Axes, x: Array, y: Array, face: str) -> Any:
    size = 7 if face != "none" else 9
    return axes.plot(x, y, "o", mfc=face, mec=COLOURS[0], mew=1.5, ms=size, ls="none", zorder=3)[0]


def _resolved(table: pd.DataFrame, column: str) -> Array:
    """The column, NaN where the row is censored: reached by fewer than half of its runs."""
    most = finite(table["reached"]) >= finite(table["runs"]) / 2
    return np.where(most, finite(table[column]), np.nan)


def _draw_points(axes: Axes, table: pd.DataFrame, column: str, label: str) -> LegendEntries:
    """Resolved points with their intervals; an interval without an upper end goes off the axes."""
    sizes, values = finite(table["batch_size"]), _resolved(table, column)
    if not np.isfinite(values).any():
        return []
    low = np.fmin(finite(table[f"{column}_low"]), values)
    high = np.array(table[f"{column}_high"], dtype=float)
    high = np.where(np.isposinf(high), np.nanmax(values) * 1e3, np.fmax(high, values))
    axes.vlines(sizes, low, high, color=COLOURS[0], linewidth=1.6)
    (line,) = axes.plot(sizes, values, "o-", color=COLOURS[0], ms=6.5, lw=1.2, zorder=3)
    return [(line, label)]


def _draw_censored(axes: Axes, sizes: Array, at: Array, label: str) -> LegendEntries:
    """Upward arrows: the value is greater than `at`, by how much is not known."""
    if not np.isfinite(at).any():
        return []
    (arrows,) = axes.plot(
        sizes, at, "^", mfc="none", mec=COLOURS[0], mew=1.5, ms=9, linestyle="none", gid="censored", zorder=3
    )
    for x, y in zip(sizes, at, strict=True):
        if np.isfinite(y):
            shaft = {"arrowstyle": "<-", "color": COLOURS[0]}
            axes.annotate("", (x, y), (0, 20), textcoords="offset points", arrowprops=shaft)
    return [(arrows, label)]


def _fitted(fit: Mapping[str, float] | None, sizes: Array) -> Array | None:
    if fit is None or not np.isfinite([fit["s_min"], fit["b_crit"]]).all() or not sizes.size:
        return None
    return np.asarray(fit["s_min"] * (1 + fit["b_crit"] / sizes))


def _draw_b_crit(axes: Axes, fit: Mapping[str, float] | None) -> LegendEntries:
    """B_crit as a vertical line with its interval as a band, cut at the axes."""
    if fit is None or not np.isfinite(fit["b_crit"]):
        return []
    left, right = axes.get_xlim()
    low, high = fit.get("b_crit_low", np.nan), fit.get("b_crit_high", np.nan)
    words = f"B_crit {typeset(fit['b_crit'], 3)}"
    if not (np.isnan(low) or np.isnan(high)):
        words += f" [{typeset(low, 3)}, {typeset(high, 3)}]"
        ends = np.clip([low, high], left, right)
        axes.axvspan(ends[0], ends[1], color=COLOURS[2], alpha=0.13, linewidth=0)
    if left < fit["b_crit"] < right:
        return [(axes.axvline(fit["b_crit"], color=COLOURS[2], lw=1.5, linestyle=LINES[3]), words)]
    from matplotlib.lines import Line2D

    return [(Line2D([], [], color=COLOURS[2], lw=1.5, linestyle=LINES[3]), words + ", off the axis")]


def _y_limits(table: pd.DataFrame, column: str, censored: Array, fitted: Array | None) -> tuple[float, float]:
    values = _resolved(table, column)
    known = np.isfinite(values)
    bounds = [values, finite(table[f"{column}_low"])[known], finite(table[f"{column}_high"])[known], censored]
    if fitted is not None:
        bounds.append(fitted)
    low, high = log_limits(*bounds, pad=1.35)
    return low, high * (2.2 if (~known).any() else 1.25)


def _say_how_many(axes: Axes, table: pd.DataFrame, values: Array, censored: Array, limits: tuple[float, float]) -> str:
    """`3/5` beside every point that not all runs reached; returns what that means, empty without one."""
    said = ""
    reached, runs = table["reached"].to_numpy(), table["runs"].to_numpy()
    for x, y, held, got, of in zip(finite(table["batch_size"]), values, censored, reached, runs, strict=True):
        at = y if np.isfinite(y) else held
        if got < of and np.isfinite(at):
            said = "k/n: k of n runs reached the target"
            below = at / limits[0] > (limits[1] / limits[0]) ** 0.12
            axes.annotate(f"{got:g}/{of:g}", (x, at), (6, -5 if below else 5), textcoords="offset points",
                          ha="left", va="top" if below else "bottom", fontsize=SMALL, color=INK)  # fmt: skip
    return said
