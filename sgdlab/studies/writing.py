"""What a study leaves for people: results.csv, tuning.csv, the figures, and the recommended config."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.analysis.recommend import Recommendation
from sgdlab.config import config_to_yaml
from sgdlab.runs.files import write_table
from sgdlab.runs.names import RESULTS, TUNING
from sgdlab.studies.answer import write_answer
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import StudyResult, known_fit
from sgdlab.studies.study_run import StudyRuns

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def write_study(path: Path, plan: StudyPlan, result: StudyResult, runs: StudyRuns) -> None:
    """Write the tables, the answer and the figures of what is known so far."""
    from sgdlab import plots

    write_table(path / TUNING, tuning_table(plan, runs))
    write_table(path / RESULTS, result.table)
    write_answer(path, plan, result)
    for name, figure in (study_figures(plan, result) if result.rows else {}).items():
        plots.save_figure(figure, path / f"{name}.png")


def tuning_table(plan: StudyPlan, runs: StudyRuns) -> "pd.DataFrame":
    """tuning.csv: a row for each tuning run, how it ended, its best value, its steps to the target."""
    import pandas as pd

    rows = []
    for key, run in sorted(runs.items(), key=lambda item: (item[0].batch_size, item[0])):
        if key.stage != "measure":
            arrival = run.arrival(plan.target)
            rows.append(
                {
                    "batch_size": key.batch_size,
                    "stage": key.stage,
                    "learning_rate": key.learning_rate,
                    "seed": key.seed,
                    "status": run.status,
                    f"best_{plan.metric}": run.best if math.isfinite(run.best) else None,
                    "steps": run.steps_done,
                    "steps_to_target": None if arrival is None else arrival.steps,
                    "train_seconds": run.train_seconds,
                }
            )
    return pd.DataFrame(rows)


def study_figures(plan: StudyPlan, result: StudyResult) -> "dict[str, Figure]":
    """Steps to target with perfect scaling and the fit; best rate with guides; seconds to target."""
    from sgdlab import plots

    table, target, fit = result.table, str(plan.target), known_fit(result.fit)
    drawn = None
    if fit is not None:
        drawn = {name: interval.estimate for name, interval in fit.items()}
        drawn |= {"b_crit_low": fit["b_crit"].low, "b_crit_high": fit["b_crit"].high}
    note = f"rate tuned at each batch size; median of {len(plan.seeds)} seeds; budget {plan.budget}"
    return {
        "steps_to_target": plots.steps_to_target_figure(table, drawn, target=target, note=note),
        "best_rate": plots.best_rate_figure(table, note=f"fewest steps to {target}"),
        "seconds_to_target": plots.seconds_to_target_figure(table, target=target, note=result.seconds_are),
    }


def recommended_yaml(plan: StudyPlan, advice: Recommendation, source: str) -> str:
    """The study's config at the recommended batch size and rate, with the evidence as a comment.

    Raises ValueError where nothing is recommended.
    """
    if advice.best is None:
        raise ValueError(advice.text)
    config = plan.config(advice.best.batch_size, **{"learning_rate.initial": advice.best.learning_rate})
    head = (f"Recommended by the study {source}.", advice.text, f"To stop at the target: stop_at: {plan.target}")
    return "".join(f"# {line}\n" for line in head) + config_to_yaml(config)
