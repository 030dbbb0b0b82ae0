"""What a history is drawn against, the y limits that divergence cannot spoil, and the budget in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.analysis.wording import typeset
from sgdlab.plots.scales import finite, log_limits, set_log

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

X_AXES = {
    "epoch": ("epoch", "epoch"),
    "step": ("step", "steps (updates)"),
    "examples": ("examples", "examples seen"),
    "seconds": ("train_seconds", "training time [s], evaluation excluded"),
}


@dataclass(frozen=True)
class Curve:
    """x, y: [rows] float64; y is NaN where there is no value. start: y where the run began, drawn or
    not (NaN: the first of y). With skip_start, row 0 sets no limit of the axes."""

    x: Array
    y: Array
    start: float = float("nan")
    skip_start: bool = False

    @property
    def began_at(self) -> float:
        """`start`, or the first finite y; NaN where there is neither."""
        known = self.y[np.isfinite(self.y)]
        return self.start if np.isfinite(self.start) or not known.size else float(known[0])

    @property
    def drawable(self) -> bool:
        return bool(np.isfinite(self.y).any())


def x_label(x: str) -> str:
    """The label of the x axis named by `epoch | step | examples | seconds`."""
    return _x_axis(x)[1]


def _x_axis(x: str) -> tuple[str, str]:
    if x not in X_AXES:
        raise ValueError(f"x is {x!r}; it may be {', '.join(X_AXES)}")
    return X_AXES[x]


def curve(history: pd.DataFrame, column: str, x: str, *, log_x: bool, skip_start: bool = False) -> Curve:
    """A column of a history against x; a logarithmic axis has no place for x = 0, so row 0 falls away."""
    xs, ys = finite(history[_x_axis(x)[0]]), finite(history[column])
    keep = xs > 0 if log_x else np.isfinite(xs)
    starts_at_zero = bool(len(xs) and xs[0] == 0 and not log_x)
    known = ys[np.isfinite(ys)]
    start = float(known[0]) if known.size else float("nan")
    return Curve(xs[keep], ys[keep], start, skip_start and starts_at_zero)


def set_x(axes: Axes, curves: Iterable[Curve], *, log_x: bool) -> None:
    """Fit the x axis to the curves."""
    xs = [each.x[np.isfinite(each.y)] for each in curves]
    if log_x:
        set_log(axes.xaxis, *log_limits(*xs, pad=1.15))
        return
    high = max((float(x.max()) for x in xs if x.size), default=0.0)
    axes.set_xlim(-0.02 * high, 1.03 * high) if high > 0 else axes.set_xlim(-0.5, 1)


def loss_limits(curves: Sequence[Curve], *, log_y: bool = False) -> tuple[float, float]:
    """y limits that hold every curve up to 1.5 times where it began (log: 100 times), so that a run
    that diverges does not flatten the others. Curves that end above their beginning do not count, unless
    there are no others."""
    curves = [each for each in curves if each.drawable]
    curves = [each for each in curves if not _rises(each)] or curves
    seen = np.concatenate([_limiting(each) for each in curves]) if curves else np.empty(0)
    seen = seen[np.isfinite(seen) & ((seen > 0) | (not log_y))]
    if not seen.size:
        return (0.1, 1.0) if log_y else (0.0, 1.0)
    start, low = max(each.began_at for each in curves), float(seen.min())
    cap = start * 100 if log_y else start + 0.5 * max(abs(start), start - low)
    high = float(seen[seen <= cap].max(initial=low))
    high = cap if high == low else high
    if log_y:
        return log_limits([low, high], pad=1.1)
    pad = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return low - pad, high + pad


def accuracy_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """y limits from the lowest to the highest accuracy, without row 0 where that is to set no limit."""
    parts = [each.y[1:] if each.skip_start and len(each.y) > 1 else each.y for each in curves]
    seen = np.concatenate([part[np.isfinite(part)] for part in parts] or [np.empty(0)])
    if not seen.size:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    pad = 0.06 * (high - low) or 0.05
    return max(low - pad, -0.02), min(high + pad, 1 + pad / 3)


def _rises(each: Curve) -> bool:
    return bool(each.y[np.isfinite(each.y)][-1] > each.began_at)


def _limiting(each: Curve) -> Array:
    """y without row 0, where that is to set no limit and the loss fell from there."""
    skip = each.skip_start and np.isfinite(each.y[1:]).any() and not _rises(each)
    return each.y[1:] if skip else each.y


def set_loss_y(axes: Axes, limits: tuple[float, float], *, log_y: bool) -> None:
    """Set y limits of a loss axis."""
    if log_y:
        set_log(axes.yaxis, *limits)
    else:
        axes.set_ylim(*limits)


def mark_escape(axes: Axes, each: Curve, limits: tuple[float, float], colour: str) -> bool:
    """An arrowhead at the upper edge where a curve leaves the axes for good, or stops being finite.

    Returns whether there was one to draw."""
    y = each.y
    ok = np.isfinite(y)
    if not ok.any():
        return False
    last = int(np.flatnonzero(ok)[-1])
    above = last > 0 and y[last] > limits[1]
    if not above and last == len(y) - 1:
        return False
    inside = np.flatnonzero(ok & (y <= limits[1]))
    where = min(int(inside[-1]) + 1, last) if above and inside.size else last
    axes.plot([each.x[where]], [1], "^", transform=axes.get_xaxis_transform(), color=colour, clip_on=False, ms=7)
    return True


def tame(each: Curve, limits: tuple[float, float]) -> Array:
    """y for drawing: beyond a million times the limit the value is cut, which the eye cannot tell."""
    ceiling = limits[1] + 1e6 * max(abs(limits[1]), limits[1] - limits[0])
    return np.minimum(each.y, ceiling)


def equal_budget(histories: Sequence[pd.DataFrame]) -> str:
    """What the runs had in common: `50 epochs each`, else steps or examples; `up to` if some ended early."""
    names = {"epoch": "epochs", "step": "steps", "examples": "examples"}
    runs = [history for history in histories if len(history)]
    ends = {column: finite([history[column].iloc[-1] for history in runs]) for column in names}
    if not runs or ends["step"].max() <= 0:
        return ""
    each = " each" if len(runs) > 1 else ""
    for needed, words in ((1.0, ""), (0.51, "up to ")):
        for column, name in names.items():
            longest = float(ends[column].max())
            if np.isclose(ends[column], longest, rtol=0.01).mean() >= needed:
                return f"{words}{typeset(longest, 4)} {name}{each}"
    return "differs from run to run"
