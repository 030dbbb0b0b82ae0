"""Figures of the benchmarks: the chapter's matrix products, and the throughput of training steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.analysis.knee import knee
from sgdlab.analysis.wording import measured_time, typeset
from sgdlab.plots.layout import arrange, wrap_label
from sgdlab.plots.scales import finite, log_limits, set_batch_axis, set_log
from sgdlab.plots.style import COLOURS, INK, SMALL, TEXT, look, marker, name_axes, new_figure, ring, say_nothing_to_draw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def matmul_figure(table: pd.DataFrame, *, title: str = "", note: str = "") -> Figure:
    """Bars of GFLOP/s (10⁹ floating-point operations a second, 2·m·n·k to a product) by method.

    table: method, seconds (per product), gflops; a row each, drawn from top to bottom. Logarithmic axis;
    every bar carries its value and its time. note: the conditions (size, hardware).
    """
    figure, (axes,) = new_figure(7.2, 0.46 * max(len(table), 2) + 1.2)
    gflops = finite(table["gflops"])
    low, high = log_limits(gflops, pad=1.0)
    base = low / 4
    y = np.arange(len(table))[::-1]
    axes.barh(y, np.where(gflops > base, gflops, base) - base, left=base, height=0.62, color=COLOURS[0])
    for at, value, seconds in zip(y, gflops, finite(table["seconds"]), strict=True):
        words = f"{typeset(value, 3)}  ({measured_time(seconds)})" if value > 0 else "not measured"
        axes.annotate(words, (value if value > 0 else base, at), (4, 0), textcoords="offset points",
                      va="center", fontsize=SMALL, color=INK)  # fmt: skip
    set_log(axes.xaxis, base, high * (high / base) ** 0.42)
    axes.set_yticks(y, [wrap_label(str(method), 30) for method in table["method"]], fontsize=TEXT)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    if not len(table):
        say_nothing_to_draw(axes, "nothing measured")
    name_axes(axes, "GFLOP/s (time per product)")
    return arrange(figure, title=title, note=note)


def step_figure(table: pd.DataFrame, *, title: str = "", note: str = "") -> Figure:
    """Examples a second, and microseconds a step, against the batch size: one line for each engine.

    table: engine, batch_size, step_us, step_us_low, step_us_high, examples_per_second. The bars on a
    step's time are its interval. The ring marks each engine's knee: the smallest batch within 10 % of
    its best examples a second.
    """
    figure, (left, right) = new_figure(10.0, 4.2, 1, 2)
    entries: list[tuple[Any, str]] = []
    for i, (engine, rows) in enumerate(table.groupby("engine", sort=False)):
        rows = rows.sort_values("batch_size")
        line = _draw_engine(left, right, rows, look(i) | {"marker": marker(i), "markersize": 4.5})
        measured = rows[rows["examples_per_second"] > 0]
        words = str(engine)
        if len(measured):
            at = knee(measured["batch_size"].tolist(), measured["examples_per_second"].tolist())
            ring(left, at.batch_size, at.examples_per_second, 11 + 3 * (i % 3), line.get_color(), clip_on=False)
            words += f": knee at {typeset(at.batch_size)}"
        entries.append((line, words))
    for axes, columns in ((left, ["examples_per_second"]), (right, ["step_us", "step_us_low", "step_us_high"])):
        set_batch_axis(axes, finite(table["batch_size"]))
        set_log(axes.yaxis, *log_limits(*(finite(table[column]) for column in columns)))
        if not entries:
            say_nothing_to_draw(axes, "nothing measured")
    name_axes(left, "batch size", "examples/s")
    name_axes(right, "batch size", "µs per step")
    if entries:
        note = "; ".join(part for part in (note, "ring: smallest batch within 10 % of the best") if part)
    return arrange(figure, title=title, note=note, legend=entries)


def _draw_engine(left: Axes, right: Axes, rows: pd.DataFrame, style: dict[str, Any]) -> Any:
    sizes = finite(rows["batch_size"])
    (line,) = left.plot(sizes, finite(rows["examples_per_second"]), **style)
    right.plot(sizes, finite(rows["step_us"]), **style)
    right.vlines(sizes, finite(rows["step_us_low"]), finite(rows["step_us_high"]), color=style["color"])
    return line
