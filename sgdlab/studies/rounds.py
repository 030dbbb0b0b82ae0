"""The rounds of a study: from what has been run to what is still to be run, until nothing is. Pure."""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from sgdlab.config import StopRule
from sgdlab.errors import RunFailed
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.study_run import RunSpec, StudyRuns
from sgdlab.studies.tuning import (
    check,
    checked_losses,
    evaluate_every,
    not_run,
    scan,
    target_spec,
    tuned_rate,
)

TARGET_DIGITS = 2


@dataclass(frozen=True)
class Round:
    """What comes next: runs to be done, or a target that tuning has found, or neither: the study is complete."""

    specs: tuple[RunSpec, ...]
    target: StopRule | None = None


def next_round(plan: StudyPlan, runs: StudyRuns) -> Round:
    """Every run that can be done now. A function of the runs that have ended alone: so a study that was
    interrupted goes on where it stopped, and one that is extended repeats nothing."""
    towards = _towards_target if plan.target is None else _towards_measurement
    specs = tuple(spec for size in plan.batch_sizes for spec in towards(plan, size, runs))
    return Round(specs, automatic_target(plan, runs) if plan.target is None and not specs else None)


def automatic_target(plan: StudyPlan, runs: StudyRuns) -> StopRule:
    """The worst of the best losses that the batch sizes reached in tuning, over the tuning seeds as well,
    rounded up to two digits. Raises RunFailed where every run diverged."""
    scans = {size: scan(plan, size, runs).best for size in plan.batch_sizes}
    losses = [loss for size, rate in scans.items() if rate for loss in checked_losses(size, rate, runs).values()]
    reached = [loss for loss in losses if math.isfinite(loss)]
    if not reached:
        raise RunFailed("at no batch size and no rate did a run stay finite; give smaller --learning-rates")
    return StopRule(plan.metric, rounded_up(max(reached)))


def rounded_up(loss: float) -> float:
    """The least number of TARGET_DIGITS digits that is not below `loss`: 0.2263 -> 0.23."""
    exact = Decimal(repr(float(loss)))
    if exact == 0:
        return 0.0
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - TARGET_DIGITS + 1), rounding=ROUND_CEILING))


def _towards_target(plan: StudyPlan, size: int, runs: StudyRuns) -> tuple[RunSpec, ...]:
    """The grid at a batch size, then its best rate on the other tuning seeds."""
    scanned = scan(plan, size, runs)
    return scanned.missing if scanned.best is None else check(plan, size, scanned.best, runs)


def _towards_measurement(plan: StudyPlan, size: int, runs: StudyRuns) -> tuple[RunSpec, ...]:
    """What tunes a batch size, then its measuring runs at the tuned rate."""
    tuned = tuned_rate(plan, size, runs)
    if tuned.rate is None:
        return tuned.missing
    every = evaluate_every(tuned.steps)
    return not_run([target_spec(plan, "measure", size, tuned.rate, seed, every) for seed in plan.seeds], runs)
