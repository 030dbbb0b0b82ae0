"""What a study found: a row for each batch size, the fit, what it held equal and what is doubtful."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sgdlab.analysis.intervals import Interval, censored_median_interval
from sgdlab.analysis.recommend import Recommendation, StudyRow, recommend
from sgdlab.analysis.steps_to_target import RunToTarget, StepsSummary, summarise_steps
from sgdlab.analysis.tradeoff import Tradeoff, fit_tradeoff
from sgdlab.analysis.wording import count, median_with_interval, seed_list
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.rates import Edge
from sgdlab.studies.study_run import Arrival, StudyRun, StudyRuns
from sgdlab.studies.tuning import tuned_rate

if TYPE_CHECKING:
    import pandas as pd

Cost = Literal["steps", "examples", "seconds"]
COSTS: tuple[Cost, ...] = ("steps", "examples", "seconds")
Goal = Literal["time", "computation"]
GOALS: dict[Goal, Literal["seconds", "examples"]] = {"time": "seconds", "computation": "examples"}
"""What a recommendation makes least, and the cost that measures it."""
COARSE = 0.05  # evaluations further apart than this share of the steps to target blur it


@dataclass(frozen=True)
class MeasuredRow(StudyRow):
    """One batch size, measured. edge_side: on which edge of its grid the rate lies after all widening.

    steps_at_least: the bound on the median that censored runs give. budget_steps: updates that the budget allows.
    efficiency: against perfect scaling from `reference`, the smallest batch size whose median is known.
    resolution: steps between two evaluations / median steps. examples_per_second: median over runs, training only.
    """

    edge_side: Edge | None
    steps_at_least: float
    budget_steps: float
    efficiency: float | None
    reference: int | None
    resolution: float | None
    examples_per_second: float | None

    def in_words(self, cost: Cost) -> str:
        """`340 [310, 390]`, the median over seeds; `> 20,000` where half or more of the runs never arrived."""
        interval: Interval = getattr(self, cost)
        bounds = {"steps": self.steps_at_least, "examples": self.steps_at_least * self.batch_size}
        return median_with_interval(interval.estimate, interval.low, interval.high, bounds.get(cost, interval.low))


@dataclass(frozen=True)
class StudyResult:
    """All that is known so far. fit: None until two batch sizes were measured. notes: what was held equal, where
    the target is from, what a reader should doubt; a line each. seconds_are: of what processor."""

    rows: tuple[MeasuredRow, ...] = ()
    fit: Tradeoff | None = None
    notes: tuple[str, ...] = ()
    seconds_are: str = ""

    @property
    def table(self) -> "pd.DataFrame":
        """results.csv: a row for each batch size.

        steps, examples, seconds: median over seeds, empty where it is censored (then steps_at_least bounds it);
        _low, _high: its order-statistic interval at `level`, high inf where nothing bounds it.
        """
        import pandas as pd

        return pd.DataFrame([cells_of(row) for row in self.rows])

    def recommend(self, goal: Goal) -> Recommendation:
        """The batch size and rate of least cost. Raises ValueError while nothing is measured."""
        return recommend(self.rows, GOALS[goal])


def result_of(plan: StudyPlan, runs: StudyRuns, seconds_are: str = "") -> StudyResult:
    """The result of the runs that there are; sizes without a measured run are left out."""
    measured = [
        run
        for key, run in runs.items()
        if key.stage == "measure" and key.batch_size in plan.batch_sizes and key.seed in plan.seeds
    ]
    counted = [run for run in measured if not run.met_at_start]
    runs_at = {size: [run for run in counted if run.key.batch_size == size] for size in plan.batch_sizes}
    ends_at = {size: _ends(plan, size, of_size) for size, of_size in runs_at.items()}
    points = [
        RunToTarget(size, run.key.seed, end.steps, arrived)
        for size, of_size in runs_at.items()
        for run, (end, arrived) in zip(of_size, ends_at[size], strict=True)
    ]
    summaries = summarise_steps(points) if points else ()
    rows = tuple(_row(plan, runs, at, runs_at[at.batch_size], ends_at[at.batch_size]) for at in summaries)
    notes = (_held_equal(plan), plan.target_in_words(), *_doubts(plan, rows, len(measured) - len(counted)))
    return StudyResult(rows, fit_tradeoff(points) if len(rows) > 1 else None, notes, seconds_are)


def known_fit(fit: Tradeoff | None) -> dict[str, Interval] | None:
    """S_min in steps, E_min and B_crit in examples under s_min, e_min, b_crit; None where the fit cannot tell."""
    if fit is None or not fit.can_tell or fit.s_min is None or fit.e_min is None or fit.b_crit is None:
        return None
    return {"s_min": fit.s_min, "e_min": fit.e_min, "b_crit": fit.b_crit}


def fit_in_words(fit: Tradeoff | None) -> str:
    """The fit in a line, or why there is none."""
    known = known_fit(fit)
    if known is None:
        return "fit: needs at least two batch sizes" if fit is None else f"fit: {fit.reason}"
    s_min, e_min, b_crit = (median_with_interval(x.estimate, x.low, x.high, x.low) for x in known.values())
    return f"fit S = S_min (1 + B_crit/B): S_min {s_min} steps, E_min {e_min} examples, B_crit {b_crit}"


def budget_steps(plan: StudyPlan, size: int, runs: Sequence[StudyRun]) -> float:
    """Updates that the budget allows; for one in seconds, the most that a run at this size has done."""
    steps = plan.steps_in(plan.budget, size)
    return float(steps) if steps is not None else float(max(1, *(run.steps_done for run in runs), 1))


def _ends(plan: StudyPlan, size: int, runs: Sequence[StudyRun]) -> list[tuple[Arrival, bool]]:
    """For each run where it arrived, and True; else the bound beyond which it would have, and False.

    The bound is the whole budget, at the run's own pace; where that is in seconds, what the run has done. A run
    that diverged would not have arrived with any budget, so it counts with the whole.
    """
    budget, ends = budget_steps(plan, size, runs), []
    for run in runs:
        arrival = run.arrival(plan.target)
        if arrival is not None:
            ends.append((arrival, True))
            continue
        own = plan.budget.unit == "seconds" and not run.diverged
        steps = float(max(run.steps_done, 1)) if own else budget
        seconds = run.train_seconds / run.steps_done * steps if run.steps_done else 0.0
        ends.append((Arrival(steps, steps, steps * size, seconds, math.nan), False))
    return ends


def _row(
    plan: StudyPlan,
    all_runs: StudyRuns,
    summary: StepsSummary,
    runs: Sequence[StudyRun],
    ends: Sequence[tuple[Arrival, bool]],
) -> MeasuredRow:
    edge = tuned_rate(plan, summary.batch_size, all_runs).edge
    reached = [arrived for _, arrived in ends]
    gaps = [end.steps - end.after for end, arrived in ends if arrived]
    rates = sorted(run.examples[-1] / run.train_seconds for run in runs if len(run.examples) and run.train_seconds)
    return MeasuredRow(
        batch_size=summary.batch_size,
        learning_rate=runs[0].key.learning_rate,
        edge=edge is not None,
        edge_side=edge,
        runs=summary.runs,
        reached=summary.reached,
        steps=summary.steps,
        examples=censored_median_interval([end.examples for end, _ in ends], reached),
        seconds=censored_median_interval([end.seconds for end, _ in ends], reached),
        steps_at_least=summary.at_least,
        budget_steps=budget_steps(plan, summary.batch_size, runs),
        efficiency=summary.efficiency,
        reference=summary.reference,
        resolution=max(gaps) / summary.steps.estimate if gaps and math.isfinite(summary.steps.estimate) else None,
        examples_per_second=float(rates[len(rates) // 2]) if rates else None,
    )


def cells_of(row: MeasuredRow) -> dict[str, Any]:
    """A row as plain values; an unknown median is NaN."""
    cells: dict[str, Any] = {
        "batch_size": row.batch_size,
        "learning_rate": row.learning_rate,
        "edge": row.edge,
        "edge_side": row.edge_side or "",
        "runs": row.runs,
        "reached": row.reached,
    }
    for name in COSTS:
        interval: Interval = getattr(row, name)
        estimate = interval.estimate if math.isfinite(interval.estimate) else math.nan
        cells |= {name: estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
    cells["level"] = row.steps.level
    plain = ("steps_at_least", "budget_steps", "efficiency", "reference", "resolution", "examples_per_second")
    return cells | {name: getattr(row, name) for name in plain}


def _held_equal(plan: StudyPlan) -> str:
    target = plan.target or "that tuning finds"
    return (
        f"held equal: a budget of {plan.budget} for each run, the target {target}; the rate "
        f"tuned at each batch size on seeds {seed_list(plan.tuning_seeds)}, measured on seeds {seed_list(plan.seeds)}"
    )


def _doubts(plan: StudyPlan, rows: Sequence[MeasuredRow], met_at_start: int) -> Iterator[str]:
    if edges := [f"{row.batch_size} ({row.edge_side})" for row in rows if row.edge]:
        yield (
            f"edge: at batch size {', '.join(edges)} the best rate is on the edge of its grid after all widening; "
            "a better one may lie beyond"
        )
    if coarse := _sizes(row for row in rows if row.resolution is not None and row.resolution > COARSE):
        yield (
            f"coarse: at batch size {coarse} evaluations are more than 5 % of the steps to target apart; "
            "read these as rounded up"
        )
    if uneven := _sizes(row for row in rows if plan.rows / -(-plan.rows // row.batch_size) < 0.95 * row.batch_size):
        yield f"uneven: at batch size {uneven} a small last batch makes the mean batch over 5 % smaller"
    if met_at_start:
        yield (
            f"left out: {count(met_at_start, 'run')} met the target before their first step; "
            "a target that has to be trained for would count them"
        )
    if censored := sum(row.runs - row.reached for row in rows):
        yield (
            f"censored: {censored} of {sum(row.runs for row in rows)} runs did not reach the target in their "
            "budget; they count as later than all others"
        )


def _sizes(rows: Iterable[MeasuredRow]) -> str:
    return ", ".join(str(row.batch_size) for row in rows)
