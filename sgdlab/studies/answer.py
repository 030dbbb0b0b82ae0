"""study.json: what a study found, written in full and in words, and read back."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.recommend import Recommendation
from sgdlab.analysis.tradeoff import Tradeoff
from sgdlab.errors import RunFolderError
from sgdlab.runs.files import write_json
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.names import ANSWER
from sgdlab.studies.folder import read_plan
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.rates import Edge
from sgdlab.studies.result import COSTS, GOALS, MeasuredRow, StudyResult, fit_in_words

_FIT = ("can_tell", "reason", "s_min", "e_min", "b_crit", "runs", "censored", "scatter", "misfit")
_DAMAGE = (KeyError, TypeError, ValueError, OverflowError, AttributeError)


def write_answer(path: Path, plan: StudyPlan, result: StudyResult) -> None:
    """Replace study.json: target, what was held equal, the rows, the fit with intervals, the recommendations."""
    target, fit, goals = plan.target, result.fit, GOALS if result.rows else {}
    values = {
        "target": None if target is None else {"metric": plan.metric, "value": target.value, "from": plan.target_from},
        "target_in_words": plan.target_in_words(),
        "budget": str(plan.budget),
        "tuning_budget": str(plan.tuning_budget),
        "seeds": plan.seeds,
        "tuning_seeds": plan.tuning_seeds,
        "seconds_are": result.seconds_are,
        "rows": result.table.to_dict(orient="records"),
        "fit": None if fit is None else {name: _plain(getattr(fit, name)) for name in _FIT},
        "fit_in_words": fit_in_words(fit),
        "recommended": {goal: _advice(result.recommend(goal), unit) for goal, unit in goals.items()},
        "notes": result.notes,
    }
    write_json(path / ANSWER, values)


def read_answer(path: Path) -> StudyResult:
    """What the study in `path` had found when it last came to an end or was stopped; nothing before that.

    Raises RunFolderError where there is no study, or its study.json is damaged.
    """
    if not (path / ANSWER).exists():
        read_plan(path)  # says it where there is no study
        return StudyResult()
    values = RunFolder(path).read_json(ANSWER)
    try:
        rows = tuple(_row(cells) for cells in values["rows"])
        if len({row.batch_size for row in rows}) < len(rows):
            raise ValueError("a batch size stands twice")
        fit = None if values["fit"] is None else _fit(values["fit"], tuple(row.batch_size for row in rows))
        return StudyResult(rows, fit, tuple(map(str, values["notes"])), str(values["seconds_are"]))
    except _DAMAGE as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise RunFolderError(f"{path / ANSWER}: damaged: {what[:100]}") from None


def _plain(value: Any) -> Any:
    """An interval as estimate, low, high and level; anything else as it is."""
    if not isinstance(value, Interval):
        return value
    return {name: getattr(value, name) for name in ("estimate", "low", "high", "level")}


def _advice(advice: Recommendation, unit: str) -> dict[str, Any]:
    best = advice.best
    return {
        "batch_size": None if best is None else best.batch_size,
        "learning_rate": None if best is None else best.learning_rate,
        "cost": _plain(advice.cost),
        "unit": unit,
        "sure": advice.sure,
        "rivals": advice.rivals,
        "would_settle_it": advice.settle,
        "in_words": advice.text,
    }


def _row(cells: Mapping[str, Any]) -> MeasuredRow:
    """A row from the cells that `cells_of` gives, with null for what is not finite."""
    size, runs, reached = (int(_number(cells[name])) for name in ("batch_size", "runs", "reached"))
    if not 0 <= reached <= runs or size < 1:
        raise ValueError("a row's counts cannot be")
    values: dict[str, Any] = {name: _interval(cells, (name, f"{name}_low", f"{name}_high"), runs) for name in COSTS}
    values |= {name: _number(cells[name]) for name in ("learning_rate", "steps_at_least", "budget_steps")}
    for name in ("efficiency", "reference", "resolution", "examples_per_second"):
        values[name] = None if cells[name] is None else _number(cells[name])
    if cells["edge_side"] not in ("", *get_args(Edge)):
        raise ValueError(f"{str(cells['edge_side'])[:40]} is no side of a grid")
    edge = cells["edge_side"] or None
    return MeasuredRow(batch_size=size, runs=runs, reached=reached, edge=edge is not None, edge_side=edge, **values)


def _fit(values: Mapping[str, Any], sizes: tuple[int, ...]) -> Tradeoff:
    known = {name: values[name] for name in _FIT}
    for name in ("s_min", "e_min", "b_crit"):
        if known[name] is not None:
            known[name] = _interval(known[name], ("estimate", "low", "high"), int(known["runs"]))
    return Tradeoff(batch_sizes=sizes, **known)


def _interval(values: Mapping[str, Any], names: tuple[str, str, str], n: int) -> Interval:
    """An interval whose estimate or upper end is infinite where it is null: JSON holds no infinity."""
    estimate, low, high = (values[name] for name in names)
    estimate, high = (math.inf if end is None else _number(end) for end in (estimate, high))
    if not _number(low) <= estimate <= high:
        raise ValueError(f"{names[0]} lies outside its interval")
    return Interval(estimate, low, high, float(values["level"]), n)


def _number(value: Any) -> float:
    """A finite number; ValueError for anything else."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]} is no number")
    return value
