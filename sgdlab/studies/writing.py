"""The files that a study leaves: tuning.csv, results.csv, study.json and the figures."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.recommend import Recommendation, recommend
from sgdlab.analysis.tradeoff import Tradeoff
from sgdlab.runs.files import write_json, write_table
from sgdlab.runs.names import ANSWER, RESULTS, TUNING
from sgdlab.studies.question import Question
from sgdlab.studies.result import Result, fit_in_words, notes, table_of, target_in_words
from sgdlab.studies.tuning import Trials

if TYPE_CHECKING:
    import pandas as pd

FIGURES = ("steps_to_target", "best_rate", "seconds_to_target")


def write_all(path: Path, result: Result, trials: Trials, machine: str) -> None:
    """Write the tables, the answer and the figures of what is known so far. machine: what the seconds are of."""
    write_table(path / TUNING, tuning_table(result.question, trials))
    write_table(path / RESULTS, table_of(result))
    write_json(path / ANSWER, answer(result, machine))
    if result.rows:
        draw(path, result, machine)


def tuning_table(question: Question, trials: Trials) -> "pd.DataFrame":
    """A row for each tuning run: stage, batch size, rate, seed, how it ended, best value, steps to the target."""
    import pandas as pd

    rows = []
    for (stage, size, rate, seed), trial in sorted(trials.items(), key=lambda item: (item[0][1], item[0])):
        if stage == "measure":
            continue
        target = question.target
        arrival = None if target is None else trial.arrival(target.value, question.lower_is_better)
        best = trial.best(question.lower_is_better)
        rows.append(
            {
                "batch_size": size,
                "stage": stage,
                "learning_rate": rate,
                "seed": seed,
                "status": trial.status,
                f"best_{question.metric}": best if math.isfinite(best) else None,
                "steps": trial.steps_done,
                "steps_to_target": None if arrival is None else arrival.steps,
                "train_seconds": trial.train_seconds,
            }
        )
    return pd.DataFrame(rows)


def answer(result: Result, machine: str) -> dict[str, Any]:
    """study.json: target, what was held equal, the rows, the fit with intervals, the recommendations."""
    q = result.question
    return {
        "target": None if q.target is None else {"metric": q.metric, "value": q.target.value, "from": q.target_from},
        "target_in_words": target_in_words(q),
        "budget": str(q.budget),
        "tuning_budget": str(q.tuning_budget),
        "seeds": list(q.seeds),
        "tuning_seeds": list(q.tuning_seeds),
        "seconds_are": machine,
        "rows": table_of(result).to_dict(orient="records"),
        "fit": None if result.fit is None else fit_values(result.fit),
        "fit_in_words": fit_in_words(result.fit),
        "recommended": {goal: advice_values(advice) for goal, advice in recommendations(result).items()},
        "notes": notes(result),
    }


def recommendations(result: Result) -> dict[str, Recommendation]:
    """For least time and for least computation; empty while nothing is measured."""
    rows = [row.study for row in result.rows]
    return {"time": recommend(rows, "seconds"), "computation": recommend(rows, "examples")} if rows else {}


def advice_values(advice: Recommendation) -> dict[str, Any]:
    """A recommendation as plain values."""
    best = advice.best
    return {
        "batch_size": None if best is None else best.batch_size,
        "learning_rate": None if best is None else best.learning_rate,
        "cost": None if advice.cost is None else interval_values(advice.cost),
        "unit": advice.unit,
        "sure": advice.sure,
        "rivals": list(advice.rivals),
        "would_settle_it": list(advice.settle),
        "in_words": advice.text,
    }


def fit_values(fit: Tradeoff) -> dict[str, Any]:
    """A fit as plain values. Where it cannot tell, only its reason should be shown."""
    return {
        "can_tell": fit.can_tell,
        "reason": fit.reason,
        "s_min": None if fit.s_min is None else interval_values(fit.s_min),
        "e_min": None if fit.e_min is None else interval_values(fit.e_min),
        "b_crit": None if fit.b_crit is None else interval_values(fit.b_crit),
        "runs": fit.runs,
        "censored": fit.censored,
        "scatter": fit.scatter,
        "misfit": fit.misfit,
    }


def interval_values(interval: Interval) -> dict[str, float]:
    """Estimate, low, high, level."""
    return {name: getattr(interval, name) for name in ("estimate", "low", "high", "level")}


def draw(path: Path, result: Result, machine: str) -> list[Path]:
    """Steps to target with perfect scaling and the fit; best rate with guides; seconds to target."""
    from sgdlab import plots

    q, table, fit = result.question, table_of(result), _fit_for_figure(result.fit)
    target = str(q.target)
    note = f"rate tuned at each batch size; median of {len(q.seeds)} seeds; budget {q.budget}"
    figures = {
        "steps_to_target": plots.steps_to_target_figure(table, fit, target=target, note=note),
        "best_rate": plots.best_rate_figure(table, note=f"fewest steps to {target}"),
        "seconds_to_target": plots.seconds_to_target_figure(table, target=target, note=machine),
    }
    return [plots.save_figure(figure, path / f"{name}.png") for name, figure in figures.items()]


def _fit_for_figure(fit: Tradeoff | None) -> dict[str, float] | None:
    """What the figure draws; nothing where the fit cannot tell."""
    if fit is None or not fit.can_tell or fit.s_min is None or fit.e_min is None or fit.b_crit is None:
        return None
    b = fit.b_crit
    return {
        "s_min": fit.s_min.estimate,
        "e_min": fit.e_min.estimate,
        "b_crit": b.estimate,
        "b_crit_low": b.low,
        "b_crit_high": b.high,
    }
