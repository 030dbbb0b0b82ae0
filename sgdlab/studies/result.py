"""What a study found: a row for each batch size, the fit, what it held equal and what is doubtful."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.intervals import Interval, censored_median_interval
from sgdlab.analysis.recommend import StudyRow
from sgdlab.analysis.steps_to_target import RunToTarget, StepsSummary, summarise_steps
from sgdlab.analysis.tradeoff import Tradeoff, fit_tradeoff
from sgdlab.studies.question import Question
from sgdlab.studies.rates import Edge
from sgdlab.studies.rounds import choice_at
from sgdlab.studies.trial import Arrival, Trial
from sgdlab.studies.tuning import Trials

if TYPE_CHECKING:
    import pandas as pd

COARSE = 0.05  # evaluations further apart than this share of the steps to target blur it


@dataclass(frozen=True)
class Row:
    """One batch size, measured. edge: on which edge of its grid the rate lies after all widening.

    resolution: steps between two evaluations / median steps; budget_steps: updates that the budget allows.
    examples_per_second: median over runs, training only.
    """

    study: StudyRow
    summary: StepsSummary
    edge: Edge | None
    budget_steps: float
    resolution: float | None
    examples_per_second: float


@dataclass(frozen=True)
class Result:
    """All that is known so far. fit is None until two batch sizes were measured.

    met_at_start: measured runs that are left out, because they met the target before their first step.
    """

    question: Question
    rows: tuple[Row, ...]
    fit: Tradeoff | None
    met_at_start: int = 0


def result_of(question: Question, trials: Trials) -> Result:
    """The result of the trials that there are; sizes without a measured run are left out."""
    if question.target is None:
        return Result(question, (), None)
    found = [
        (key[1], trial)
        for key, trial in trials.items()
        if key[0] == "measure" and key[1] in question.batch_sizes and key[3] in question.seeds
    ]
    at_start = sum(trial.met_at_start for _, trial in found)
    measured: dict[int, list[Trial]] = {}
    for size, trial in found:
        if not trial.met_at_start:
            measured.setdefault(size, []).append(trial)
    sizes = sorted(measured)
    runs = [run for size in sizes for run in _runs_to_target(question, size, measured[size])]
    if not runs:
        return Result(question, (), None, at_start)
    summaries = summarise_steps(runs)
    rows = tuple(_row(question, trials, s, measured[s.batch_size]) for s in summaries)
    return Result(question, rows, fit_tradeoff(runs) if len(sizes) > 1 else None, at_start)


def table_of(result: Result) -> "pd.DataFrame":
    """results.csv: a row for each batch size.

    steps, examples, seconds: median over seeds, empty where it is censored (then steps_at_least bounds it);
    _low, _high: its order-statistic interval at `level`, high inf where nothing bounds it.
    """
    import pandas as pd

    return pd.DataFrame([_cells(row) for row in result.rows])


def notes(result: Result) -> list[str]:
    """What was held equal, where the target is from, and what a reader should doubt; a line each."""
    q = result.question
    lines = [
        f"held equal: a budget of {q.budget} for each run, the target {q.target}; the rate tuned at each batch size "
        f"on seeds {_seeds(q.tuning_seeds)}, measured on seeds {_seeds(q.seeds)}"
    ]
    lines.append(target_in_words(q))
    lines += _doubts(result)
    return lines


def _doubts(result: Result) -> Iterator[str]:
    rows, of = result.rows, result.question.rows
    if edges := [f"{row.study.batch_size} ({row.edge})" for row in rows if row.edge]:
        yield (
            f"edge: at batch size {', '.join(edges)} the best rate is on the edge of its grid after all widening; "
            "a better one may lie beyond"
        )
    if coarse := [row for row in rows if row.resolution is not None and row.resolution > COARSE]:
        yield (
            f"coarse: at batch size {_sizes(coarse)} evaluations are more than 5 % of the steps to target apart; "
            "read these as rounded up"
        )
    if uneven := [row for row in rows if _uneven(row.study.batch_size, of)]:
        yield f"uneven: at batch size {_sizes(uneven)} a small last batch makes the mean batch over 5 % smaller"
    if result.met_at_start:
        yield (
            f"left out: {result.met_at_start} runs met the target before their first step; "
            "a target that has to be trained for would count them"
        )
    if censored := sum(row.study.runs - row.study.reached for row in rows):
        yield (
            f"censored: {censored} of {sum(row.study.runs for row in rows)} runs did not reach the target in their "
            "budget; they count as later than all others"
        )


def target_in_words(question: Question) -> str:
    """Where the target is from."""
    if question.target_from == "given":
        return f"target {question.target}: as asked for"
    if question.target_from == "config":
        return f"target {question.target}: the config's stop_at"
    return (
        f"target {question.target}: the worst of the best losses that the batch sizes reached in tuning "
        f"(over {len(question.tuning_seeds)} seeds, in {question.tuning_budget}), rounded up; --target sets another"
    )


def fit_in_words(fit: Tradeoff | None) -> str:
    """The fit in a line, or why there is none."""
    if fit is None:
        return "fit: needs at least two batch sizes"
    if not fit.can_tell or fit.s_min is None or fit.e_min is None or fit.b_crit is None:
        return f"fit: {fit.reason}"
    values = f"S_min {_rounded(fit.s_min)} steps, E_min {_rounded(fit.e_min)} examples, B_crit {_rounded(fit.b_crit)}"
    return f"fit S = S_min (1 + B_crit/B): {values}"


def _runs_to_target(question: Question, size: int, runs: Sequence[Trial]) -> list[RunToTarget]:
    budget = budget_steps(question, size, runs)
    found = [(run, _arrival(question, run)) for run in runs]
    return [
        RunToTarget(
            size, run.seed, _bound(question, run, budget) if arrival is None else arrival.steps, arrival is not None
        )
        for run, arrival in found
    ]


def budget_steps(question: Question, size: int, runs: Sequence[Trial]) -> float:
    """Updates that the budget allows; for one in seconds, the most that a run at this size has done."""
    steps = question.steps_in(question.budget, size)
    return float(steps) if steps is not None else float(max(1, *(run.steps_done for run in runs), 1))


def _bound(question: Question, run: Trial, budget: float) -> float:
    """Updates within which the run did not arrive: the budget's; where that is in seconds, its own.

    A run that diverged would not have arrived with any budget, so it counts with the whole.
    """
    in_seconds = question.budget.unit == "seconds" and not run.diverged
    return float(max(run.steps_done, 1)) if in_seconds else budget


def _arrival(question: Question, run: Trial) -> Arrival | None:
    assert question.target is not None
    return run.arrival(question.target.value, question.lower_is_better)


def _row(question: Question, trials: Trials, summary: StepsSummary, runs: Sequence[Trial]) -> Row:
    size = summary.batch_size
    choice = choice_at(question, size, trials)
    arrivals = [_arrival(question, run) for run in runs]
    budget = budget_steps(question, size, runs)
    reached = [arrival is not None for arrival in arrivals]
    pairs = list(zip(runs, arrivals, strict=True))
    bounds = [_bound(question, run, budget) for run in runs]
    examples = [bound * size if a is None else a.examples for bound, a in zip(bounds, arrivals, strict=True)]
    seconds = [_spent(run, bound) if a is None else a.seconds for bound, (run, a) in zip(bounds, pairs, strict=True)]
    gaps = [a.steps - a.after for a in arrivals if a is not None]
    known = math.isfinite(summary.steps.estimate)
    rates = sorted(run.examples[-1] / run.train_seconds for run in runs if len(run.examples) and run.train_seconds)
    study = StudyRow(
        batch_size=size,
        learning_rate=runs[0].key[2],
        edge=choice.edge is not None,
        reached=summary.reached,
        runs=summary.runs,
        steps=summary.steps,
        examples=censored_median_interval(examples, reached),
        seconds=censored_median_interval(seconds, reached),
    )
    resolution = max(gaps) / summary.steps.estimate if known and gaps else None
    throughput = float(rates[len(rates) // 2]) if rates else math.nan
    return Row(study, summary, choice.edge, budget, resolution, throughput)


def _spent(run: Trial, budget: float) -> float:
    """Training seconds that the whole budget takes, at the pace of this run; it may have diverged early."""
    return run.step_seconds * budget if run.steps_done else 0.0


def _cells(row: Row) -> dict[str, Any]:
    study = row.study
    cells: dict[str, Any] = {
        "batch_size": study.batch_size,
        "learning_rate": study.learning_rate,
        "edge": row.edge is not None,
        "edge_side": row.edge or "",
        "runs": study.runs,
        "reached": study.reached,
    }
    for name, interval in (("steps", study.steps), ("examples", study.examples), ("seconds", study.seconds)):
        estimate = interval.estimate if math.isfinite(interval.estimate) else math.nan
        cells |= {name: estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return cells | {
        "level": study.steps.level,
        "steps_at_least": row.summary.at_least,
        "budget_steps": row.budget_steps,
        "efficiency": row.summary.efficiency,
        "reference": row.summary.reference,
        "resolution": row.resolution,
        "examples_per_second": row.examples_per_second,
    }


def _sizes(rows: Sequence[Row]) -> str:
    return ", ".join(str(row.study.batch_size) for row in rows)


def _uneven(size: int, rows: int) -> bool:
    batches = -(-rows // size)
    return rows / batches < 0.95 * size


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


def _rounded(interval: Interval) -> str:
    return "{:,.10g} [{:,.10g}, {:,.10g}]".format(
        *(float(f"{x:.3g}") for x in (interval.estimate, interval.low, interval.high))
    )
