"""The rounds of a study: from what has been run to what is still to be run, until nothing is. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import cast

from sgdlab.config import StopRule
from sgdlab.errors import RunFailed
from sgdlab.schema.quantities import Metric
from sgdlab.studies.question import Question
from sgdlab.studies.trial import Request
from sgdlab.studies.tuning import Choice, Trials, check, choose, evaluate_every, scan

TARGET_DIGITS = 2


@dataclass(frozen=True)
class Round:
    """What comes next: runs to be done, or a target that tuning has found, or neither: the study is complete."""

    requests: tuple[Request, ...]
    target: StopRule | None = None


def next_round(question: Question, trials: Trials) -> Round:
    """Every run that can be asked for now. A function of the outcomes alone: so a study that was interrupted
    goes on where it stopped, and one that is extended repeats nothing."""
    if question.target is None:
        missing = tuple(_towards_target(question, trials))
        return Round(missing) if missing else Round((), automatic_target(question, trials))
    return Round(tuple(_towards_answer(question, trials)))


def automatic_target(question: Question, trials: Trials) -> StopRule:
    """The worst of the best losses that the batch sizes reached in tuning, over the tuning seeds as well,
    rounded up to two digits. Raises RunFailed where every run diverged."""
    reached = []
    for size in question.batch_sizes:
        best = scan(question, size, trials).best
        if best is None:
            continue
        runs = [trials.get((stage, size, best, s)) for stage in ("scan", "check") for s in question.tuning_seeds]
        losses = [run.best(True) for run in runs if run is not None]
        reached += [loss for loss in losses if math.isfinite(loss)]
    if not reached:
        raise RunFailed("at no batch size and no rate did a run stay finite; give smaller --learning-rates")
    return StopRule(cast(Metric, question.metric), rounded_up(max(reached)))


def rounded_up(loss: float, digits: int = TARGET_DIGITS) -> float:
    """The least number of so many digits that is not below `loss`: 0.2263 -> 0.23."""
    exact = Decimal(repr(float(loss)))
    if exact == 0:
        return 0.0
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), rounding=ROUND_CEILING))


def measuring(question: Question, size: int, choice: Choice) -> tuple[Request, ...]:
    """The runs of the measurement at one batch size: the tuned rate, the whole budget, stopping at the target."""
    assert choice.rate is not None
    every = evaluate_every(choice.steps)
    return tuple(
        Request("measure", size, choice.rate, seed, str(question.budget), every, str(question.target))
        for seed in question.seeds
    )


def choice_at(question: Question, size: int, trials: Trials) -> Choice:
    """The tuned rate at a batch size, or the runs that it still needs; the target is known."""
    scanned = scan(question, size, trials)
    if scanned.missing:
        return Choice(scanned.missing, None, None, math.nan)
    return choose(question, size, scanned, trials)


def _towards_target(question: Question, trials: Trials) -> Iterator[Request]:
    for size in question.batch_sizes:
        scanned = scan(question, size, trials)
        yield from scanned.missing
        if scanned.best is not None:
            yield from check(question, size, scanned.best, trials)


def _towards_answer(question: Question, trials: Trials) -> Iterator[Request]:
    for size in question.batch_sizes:
        choice = choice_at(question, size, trials)
        yield from choice.missing
        if choice.rate is not None:
            yield from (request for request in measuring(question, size, choice) if request.key not in trials)
