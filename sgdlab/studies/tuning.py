"""Tuning: which runs the choice of a learning rate still needs, and the choice. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sgdlab.config import Period
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.rates import Edge, edge_of
from sgdlab.studies.study_run import RunKey, RunSpec, Stage, StudyRun, StudyRuns

SCAN_EVALUATIONS = 50
"""Evaluations of a scanning run: at least so many within its budget."""
SHARE_OF_STEPS = 0.04
"""Steps between two evaluations as a share of the steps to target: below the 5 % of Shallue et al. 2019."""
SEEDS_TO_CHOOSE = 3


@dataclass(frozen=True)
class Scan:
    """The grid at one batch size. missing: runs still to be done; best, edge: once there are none."""

    rates: tuple[float, ...]
    missing: tuple[RunSpec, ...] = ()
    best: float | None = None
    edge: Edge | None = None


@dataclass(frozen=True)
class TunedRate:
    """The tuned rate at one batch size, once `missing` is empty.

    steps: that the target takes at that rate at least, so far as tuning knows: what the evaluations of the
    measurement are set by.
    """

    missing: tuple[RunSpec, ...] = ()
    rate: float | None = None
    edge: Edge | None = None
    steps: float = math.nan


def scan(plan: StudyPlan, size: int, runs: StudyRuns) -> Scan:
    """The grid on the first tuning seed, widened beyond the edge on which its best lies.

    Judged by the best loss at equal budget while there is no target, by steps to target once there is one.
    A run that diverged counts as worst. After plan.widenings more rates the edge stays flagged.
    """
    start, seed = plan.grid.start(size), plan.tuning_seeds[0]
    rates = sorted({*start, *_tried("scan", size, runs)})
    while True:
        if missing := not_run([scan_spec(plan, size, rate, seed) for rate in rates], runs):
            return Scan(tuple(rates), missing)
        best = _best_rate(plan, runs, "scan", size, rates, [seed])
        edge = edge_of(best, rates)
        if edge is None or len(rates) - len(start) >= plan.widenings:
            return Scan(tuple(rates), (), best, edge)
        rates = sorted({*rates, plan.grid.beyond(rates, edge)})


def check(plan: StudyPlan, size: int, rate: float, runs: StudyRuns) -> tuple[RunSpec, ...]:
    """The best rate on the other tuning seeds, so that the target does not hang on one split."""
    return not_run([scan_spec(plan, size, rate, seed, "check") for seed in plan.tuning_seeds[1:]], runs)


def checked_losses(size: int, rate: float, runs: StudyRuns) -> dict[int, float]:
    """Tuning seed -> the best loss that a rate reached on it, scanned or checked."""
    return {
        key.seed: run.best
        for key, run in runs.items()
        if key.stage in ("scan", "check") and (key.batch_size, key.learning_rate) == (size, rate)
    }


def tuned_rate(plan: StudyPlan, size: int, runs: StudyRuns) -> TunedRate:
    """The grid, then a finer search on several tuning seeds with finer evaluations, judged by steps to target.

    The search begins at the best rate of the grid, its near rates, and the rate of the best loss, which reaches
    an automatic target on every tuning seed; then near rates of the best are added until it has them all.
    """
    scanned = scan(plan, size, runs)
    if scanned.best is None:
        return TunedRate(scanned.missing)
    near = partial(plan.grid.near, scanned.rates)
    rates, seeds = {*near(scanned.best)}, plan.tuning_seeds[:SEEDS_TO_CHOOSE]
    if checked := _tried("check", size, runs):
        rates |= {min(checked)}
        seeds = _hardest_seeds(checked_losses(size, min(checked), runs))
    every = evaluate_every(_least_steps(plan, [runs[RunKey("scan", size, scanned.best, plan.tuning_seeds[0])]]))
    for _ in range(plan.widenings + 1):
        specs = [target_spec(plan, "refine", size, rate, seed, every) for rate in sorted(rates) for seed in seeds]
        if missing := not_run(specs, runs):
            return TunedRate(missing)
        best = _best_rate(plan, runs, "refine", size, rates, seeds)
        if rates >= {*near(best)}:
            break
        rates |= {*near(best)}
    steps = _least_steps(plan, [runs[RunKey("refine", size, best, seed)] for seed in seeds])
    return TunedRate((), best, edge_of(best, sorted({*_tried("refine", size, runs), *scanned.rates})), steps)


def _hardest_seeds(losses: dict[int, float]) -> tuple[int, ...]:
    """The tuning seeds whose loss stayed highest, ascending.

    Splits differ in how hard they are: decided on these, a rate is not chosen that reaches the target on easy
    ones only.
    """
    return tuple(sorted(sorted(losses, key=lambda seed: (-losses[seed], seed))[:SEEDS_TO_CHOOSE]))


def _best_rate(
    plan: StudyPlan, runs: StudyRuns, stage: Stage, size: int, rates: Iterable[float], seeds: Sequence[int]
) -> float:
    """The rate whose runs rank first; of equal ones the smallest."""
    return min(rates, key=lambda rate: (_rank(plan, [runs[RunKey(stage, size, rate, seed)] for seed in seeds]), rate))


def _rank(plan: StudyPlan, runs: Sequence[StudyRun]) -> tuple[int, float, float]:
    """How good a rate is, the least being the best: runs that missed the target, mean log S of the others, and
    the mean of the metric there, which parts equal steps of coarse evaluations. Before there is a target, and
    where no run met it, the mean of the best values decides. Accuracies are negated."""
    sign = 1.0 if plan.metric.endswith("loss") else -1.0
    arrivals = [arrival for run in runs if not run.diverged and (arrival := run.arrival(plan.target)) is not None]
    if not arrivals:
        return len(runs), math.inf, _mean([sign * run.best for run in runs])
    log_steps = _mean([math.log(arrival.steps) for arrival in arrivals])
    return len(runs) - len(arrivals), log_steps, _mean([sign * arrival.value for arrival in arrivals])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _tried(stage: Stage, size: int, runs: StudyRuns) -> set[float]:
    """The rates of the runs that a batch size has seen in a stage."""
    return {key.learning_rate for key in runs if (key.stage, key.batch_size) == (stage, size)}


def _least_steps(plan: StudyPlan, runs: Sequence[StudyRun]) -> float:
    """A lower bound of the steps to target: the least over runs of the evaluation before the arrival, of a
    quarter of the first evaluation where the target was met there already, or of what a run spent in vain."""
    arrivals = [(run, run.arrival(plan.target)) for run in runs]
    return min(float(run.steps_done) if a is None else max(a.after, a.steps / 4) for run, a in arrivals)


def evaluate_every(steps: float) -> str:
    """`20 steps`: the interval between evaluations for a target that takes so many steps."""
    return str(Period(max(1, int(SHARE_OF_STEPS * steps)), "steps"))


def not_run(specs: Iterable[RunSpec], runs: StudyRuns) -> tuple[RunSpec, ...]:
    """Those of the runs that have not ended yet."""
    return tuple(spec for spec in specs if spec.key not in runs)


def scan_spec(plan: StudyPlan, size: int, rate: float, seed: int, stage: Stage = "scan") -> RunSpec:
    """A run over the tuning budget, evaluated SCAN_EVALUATIONS times; it stops at a target that is known."""
    budget, steps = plan.tuning_budget, plan.steps_in(plan.tuning_budget, size)
    if steps is None:
        every = f"{budget.amount / SCAN_EVALUATIONS:.6g} seconds"
    else:
        every = str(Period(max(1, steps // SCAN_EVALUATIONS), "steps"))
    return RunSpec(stage, size, rate, seed, str(budget), every, plan.stop_at if stage == "scan" else None)


def target_spec(plan: StudyPlan, stage: Stage, size: int, rate: float, seed: int, every: str) -> RunSpec:
    """A run that stops at the target: within the tuning budget, or to be measured within the whole one."""
    budget = plan.budget if stage == "measure" else plan.tuning_budget
    return RunSpec(stage, size, rate, seed, str(budget), every, plan.stop_at)
