"""Tuning: which runs the choice of a learning rate still needs, and the choice. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sgdlab.config import Budget
from sgdlab.studies.question import Question
from sgdlab.studies.rates import Edge, edge_of
from sgdlab.studies.trial import Key, Request, Stage, Trial

Trials = Mapping[Key, Trial]
SCAN_EVALUATIONS = 50
"""Evaluations of a scanning run: at least so many within its budget."""
SHARE_OF_STEPS = 0.04
"""Steps between two evaluations as a share of the steps to target: below the 5 % of Shallue et al. 2019."""
SEEDS_TO_CHOOSE = 3


@dataclass(frozen=True)
class Scan:
    """The grid at one batch size. missing: runs still to be done; best, edge: once there are none."""

    rates: tuple[float, ...]
    missing: tuple[Request, ...]
    best: float | None
    edge: Edge | None


@dataclass(frozen=True)
class Choice:
    """The tuned rate at one batch size, once `missing` is empty.

    steps: that the target takes at the chosen rate at least, so far as tuning knows: what the evaluations of
    the measurement are set by.
    """

    missing: tuple[Request, ...]
    rate: float | None
    edge: Edge | None
    steps: float


def scan(question: Question, size: int, trials: Trials) -> Scan:
    """The grid on the first tuning seed, widened beyond the edge on which its best lies.

    Judged by the best loss at equal budget while there is no target, by steps to target once there is one.
    A run that diverged counts as worst. After question.widenings more rates the edge stays flagged.
    """
    start = question.grid.start(size)
    seed = question.tuning_seeds[0]
    tried = {key[2] for key in trials if key[0] == "scan" and key[1] == size}
    rates = tuple(sorted({*start, *tried}))
    while True:
        missing = tuple(
            scan_request(question, size, rate, seed) for rate in rates if ("scan", size, rate, seed) not in trials
        )
        if missing:
            return Scan(rates, missing, None, None)
        best = best_rate(question, trials, "scan", size, rates, [seed])
        edge = edge_of(best, rates)
        if edge is None or len(rates) - len(start) >= question.widenings:
            return Scan(rates, (), best, edge)
        rates = tuple(sorted({*rates, question.grid.beyond(rates, edge)}))


def check(question: Question, size: int, rate: float, trials: Trials) -> tuple[Request, ...]:
    """The best rate on the other tuning seeds, so that the target does not hang on one split."""
    requests = [scan_request(question, size, rate, seed, "check") for seed in question.tuning_seeds[1:]]
    return tuple(request for request in requests if request.key not in trials)


def choose(question: Question, size: int, scanned: Scan, trials: Trials) -> Choice:
    """A finer search, on several tuning seeds with finer evaluations, judged by steps to target.

    It begins at the best rate of the scan, its near rates, and the rate of the best loss, which reaches an
    automatic target on every tuning seed; then near rates of the best are added until it has them all.
    """
    assert scanned.best is not None
    seeds, at_loss = deciding_seeds(question, size, trials)
    every = evaluate_every(least_steps(question, [trials["scan", size, scanned.best, question.tuning_seeds[0]]]))
    rates = {*question.grid.near(scanned.rates, scanned.best), *at_loss}
    for _ in range(question.widenings + 1):
        requests = [refine_request(question, size, rate, seed, every) for rate in sorted(rates) for seed in seeds]
        if missing := tuple(request for request in requests if request.key not in trials):
            return Choice(missing, None, None, math.nan)
        best = best_rate(question, trials, "refine", size, sorted(rates), seeds)
        near = question.grid.near(scanned.rates, best)
        if rates >= set(near):
            break
        rates |= set(near)
    tried = {key[2] for key in trials if key[0] == "refine" and key[1] == size} | set(scanned.rates)
    steps = least_steps(question, [trials["refine", size, best, seed] for seed in seeds])
    return Choice((), best, edge_of(best, sorted(tried)), steps)


def deciding_seeds(question: Question, size: int, trials: Trials) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The tuning seeds on which the rate is decided, and the rate that was checked on all of them.

    Splits differ in how hard they are: those on which the checked rate did worst, so that a rate is not
    chosen that reaches the target on easy ones only. Without a check the first ones, and no rate.
    """
    checked = sorted({key[2] for key in trials if key[0] == "check" and key[1] == size})
    seeds = question.tuning_seeds
    if not checked:
        return seeds[:SEEDS_TO_CHOOSE], ()
    rate = checked[0]
    runs = [trials.get(("scan" if seed == seeds[0] else "check", size, rate, seed)) for seed in seeds]
    losses = {run.seed: run.best(True) for run in runs if run is not None}
    hardest = sorted(losses, key=lambda seed: -losses[seed])[:SEEDS_TO_CHOOSE]
    return tuple(sorted(hardest)), (rate,)


def best_rate(
    question: Question, trials: Trials, stage: Stage, size: int, rates: Sequence[float], seeds: Sequence[int]
) -> float:
    """The rate with the fewest runs that missed the target, then the least mean log S, then the best value of
    the metric; without a target by that alone. Of equal rates the smallest."""
    return min(rates, key=lambda rate: (*_badness(question, [trials[stage, size, rate, s] for s in seeds]), rate))


def _badness(question: Question, runs: Sequence[Trial]) -> tuple[int, float, float]:
    sign = 1.0 if question.lower_is_better else -1.0
    value = sum(sign * run.best(question.lower_is_better) for run in runs) / len(runs)
    if question.target is None:
        return 0, 0.0, value
    found = [None if run.diverged else run.arrival(question.target.value, question.lower_is_better) for run in runs]
    steps = [math.log(arrival.steps) for arrival in found if arrival is not None]
    at_arrival = [
        sign * arrival.value for arrival in found if arrival is not None
    ]  # parts equal steps of coarse evaluations
    mean = sum(steps) / len(steps) if steps else math.inf
    return found.count(None), mean, sum(at_arrival) / len(at_arrival) if at_arrival else value


def least_steps(question: Question, runs: Sequence[Trial]) -> float:
    """A lower bound of the steps to target: the least over runs of the evaluation before the arrival, of a
    quarter of the first evaluation where the target was met there already, or of what a run spent in vain."""
    assert question.target is not None
    bounds = []
    for run in runs:
        arrival = run.arrival(question.target.value, question.lower_is_better)
        bounds.append(float(run.steps_done) if arrival is None else max(arrival.after, arrival.steps / 4))
    return min(bounds)


def evaluate_every(steps: float) -> str:
    """`20 steps`: the interval between evaluations for a target that takes so many steps."""
    every = max(1, int(SHARE_OF_STEPS * steps))
    return f"{every} {'step' if every == 1 else 'steps'}"


def scan_request(question: Question, size: int, rate: float, seed: int, stage: Stage = "scan") -> Request:
    """A run over the tuning budget, evaluated SCAN_EVALUATIONS times; it stops at a target that is known."""
    budget = question.tuning_budget
    steps = question.steps_in(budget, size)
    if steps is None:
        every = f"{budget.amount / SCAN_EVALUATIONS:.6g} seconds"
    else:
        every = f"{max(1, steps // SCAN_EVALUATIONS)} steps"
    stop = str(question.target) if question.target is not None and stage == "scan" else None
    return Request(stage, size, rate, seed, str(budget), every, stop)


def refine_request(question: Question, size: int, rate: float, seed: int, every: str) -> Request:
    """A run that stops at the target, within the tuning budget."""
    budget: Budget = question.tuning_budget
    return Request("refine", size, rate, seed, str(budget), every, str(question.target))
