"""The recommendation: the batch size for least time or least computation, its cost, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sgdlab.analysis.intervals import Interval

CostUnit = Literal["seconds", "examples"]
LEAST_LEVEL = 0.9  # an interval attained by fewer than 5 seeds is too weak to tell sizes apart


@dataclass(frozen=True)
class StudyRow:
    """One batch size of a study at its tuned rate.

    edge: the best rate lies at an edge of its grid;  reached, runs: how many arrived of how many;
    steps, examples, seconds: to the target, median over seeds, order-statistic interval, inf = censored.
    """

    batch_size: int
    learning_rate: float
    edge: bool
    reached: int
    runs: int
    steps: Interval
    examples: Interval
    seconds: Interval


@dataclass(frozen=True)
class Recommendation:
    """best: the row of least median cost in `unit`, None where no batch size has a median.

    rivals: other batch sizes whose interval is not wholly above the best one's, so that they may be as good;
    sure: no rivals, and intervals that mean something;  settle: what would settle it ("" when sure).
    """

    unit: CostUnit
    best: StudyRow | None
    rivals: tuple[int, ...]
    sure: bool
    settle: tuple[str, ...]
    text: str

    @property
    def cost(self) -> Interval | None:
        """Cost of the best row in its unit."""
        return None if self.best is None else _cost(self.best, self.unit)


def recommend(rows: Sequence[StudyRow], unit: CostUnit) -> Recommendation:
    """The batch size with the least median cost, in `unit`, to the target, among those at which most runs arrived.

    Intervals that do not overlap are a strict (conservative) sign of a difference; others make rivals. A
    size whose best rate stands on the edge of its grid is not tuned: its cost is an upper bound only, so no
    answer is sure while another one than the best is such.
    Raises ValueError for no rows or a batch size that stands twice.
    """
    if not rows or len({row.batch_size for row in rows}) < len(rows):
        raise ValueError("needs one row for each batch size")
    arrived = [row for row in rows if math.isfinite(_cost(row, unit).estimate)]
    if not arrived:
        remedies = ("an easier target", "a larger budget")
        text = "cannot tell: at no batch size did most runs reach the target; " + " or ".join(remedies)
        return Recommendation(unit, None, (), False, remedies, text + " would settle it")
    best = min(arrived, key=lambda row: (_cost(row, unit).estimate, row.batch_size))
    ceiling = _cost(best, unit).high
    others = sorted((row for row in rows if row is not best), key=lambda row: row.batch_size)
    rivals = [row for row in others if _cost(row, unit).low <= ceiling]
    settle = _settle(best, rivals, rows, unit)
    tuned = not any(row.edge for row in others)
    sure = not rivals and tuned and _cost(best, unit).level >= LEAST_LEVEL and len(others) > 0
    return Recommendation(
        unit, best, tuple(row.batch_size for row in rivals), sure, settle, _text(best, rivals, unit, sure, settle)
    )


def _settle(best: StudyRow, rivals: Sequence[StudyRow], rows: Sequence[StudyRow], unit: CostUnit) -> tuple[str, ...]:
    """What would make the answer surer, most telling first."""
    todo: list[str] = []
    names = ", ".join(str(row.batch_size) for row in sorted([best, *rivals], key=lambda row: row.batch_size))
    if any(_cost(row, unit).level < LEAST_LEVEL for row in (best, *rivals)):
        todo.append(f"at least 5 seeds at batch size {names}")
    elif rivals:
        todo.append(f"{_seeds(best, rivals, unit)} at batch size {names}")
    todo += [
        f"rates beyond {row.learning_rate:g} at batch size {row.batch_size}, the edge of its grid"
        for row in rows
        if row.edge
    ]
    sizes = [row.batch_size for row in rows]
    if best.batch_size == max(sizes) and unit == "seconds":
        todo.append(f"batch sizes above {max(sizes)}")
    if best.batch_size == min(sizes) > 1:
        todo.append(f"batch sizes below {min(sizes)}")
    return tuple(todo)


def _seeds(best: StudyRow, rivals: Sequence[StudyRow], unit: CostUnit) -> str:
    """n ((half-widths towards each other)/gap)², in log cost, for the closest rival: widths go as 1/√n."""
    a = _cost(best, unit)
    b = _cost(min(rivals, key=lambda row: _cost(row, unit).estimate), unit)
    if not math.isfinite(b.estimate) or not math.isfinite(a.high) or min(a.estimate, b.low) <= 0:
        return "more seeds"
    gap = math.log(b.estimate / a.estimate)
    towards = math.log(a.high / a.estimate) + math.log(b.estimate / b.low)
    n = max(a.n, b.n)
    needed = n * (towards / gap) ** 2 if gap > 0 else math.inf
    return f"about {max(math.ceil(needed), n + 1)} seeds" if needed <= 100 else "more than 100 seeds"


def _text(best: StudyRow, rivals: Sequence[StudyRow], unit: CostUnit, sure: bool, settle: Sequence[str]) -> str:
    cost = _cost(best, unit).estimate
    what, named = ("time", f"{cost:.3g} s") if unit == "seconds" else ("computation", f"{cost:.0f} examples")
    head = f"least {what}: batch size {best.batch_size}, rate {best.learning_rate:.3g}, {named} to the target"
    head += f" ({best.reached} of {best.runs} runs reached it)"
    if sure:
        return head + (f"; still open: {'; '.join(settle)}" if settle else "")
    apart = f" from {', '.join(str(row.batch_size) for row in rivals)}" if rivals else ""
    return f"{head}; cannot tell it{apart}: {'; '.join(settle) or 'add batch sizes'} would settle it"


def _cost(row: StudyRow, unit: CostUnit) -> Interval:
    return row.seconds if unit == "seconds" else row.examples
