"""From a config and options to a study's plan and folder: everything that can be refused is refused here."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import (
    Config,
    Document,
    build_config,
    differing,
    flat_keys,
    locate,
    portable_values,
    set_key,
    set_value,
    without_grid,
)
from sgdlab.errors import ConfigError
from sgdlab.runs.environment import available_cores
from sgdlab.runs.new_folder import create_folder, group_name
from sgdlab.runs.selection import selecting_loss_name
from sgdlab.studies.folder import read_plan, write_plan
from sgdlab.studies.plan import (
    StudyPlan,
    TargetFrom,
    checked_sizes,
    default_batch_sizes,
    extended,
    tuning_budget,
    tuning_seeds,
)
from sgdlab.studies.rates import rate_grid
from sgdlab.sweeps.plan import option_setting
from sgdlab.training.sampling import batch_rows

if TYPE_CHECKING:
    from sgdlab.data.prepared import PreparedData


def create_study(plan: StudyPlan, runs_dir: Path, name: str | None = None) -> Path:
    """The study's folder with its plan on disk, before any run."""
    config = plan.config(plan.batch_sizes[0])
    path = create_folder(runs_dir, name, group_name(config, "study"))
    write_plan(path, plan)
    return path


def plan_study(
    document: Document,
    batch_sizes: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    stop_at: str | None = None,
    budget: str | None = None,
) -> StudyPlan:
    """The plan of a new study. learning_rates: None for the automatic grid. budget: of each run; the
    config's own unless given. Raises ConfigError, DataError or EngineError before anything is written."""
    from sgdlab.training.start import config_and_data

    came_from: TargetFrom = "tuning" if document.values.get("stop_at") is None else "config"
    if stop_at is not None:
        came_from = "given"
    document = _with_options(document, stop_at, budget)
    if not seeds:
        raise ConfigError("--seeds: a study needs one seed at least, and five for intervals that mean something")
    config, data = config_and_data(document, seed=seeds[0])
    if config.batch_size.every is not None:
        raise ConfigError("batch_size.every: a study compares constant batch sizes; drop it")
    for key, option in (("batch_size", "--batch-sizes"), ("seed", "--seeds")):
        if (setting := option_setting(document, key)) is not None:
            raise ConfigError(f"{setting}: a study varies it; use {option}")
    rows = len(data.train)
    plan = StudyPlan(
        base=_base(document),
        rows=rows,
        data=data.checksum,
        batch_sizes=checked_sizes(tuple(batch_sizes) or default_batch_sizes(rows), rows),
        learning_rates=rate_grid(config, learning_rates, rows).given,
        seeds=tuple(seeds),
        tuning_seeds=tuning_seeds(tuple(seeds)),
        budget=config.total_budget,
        tuning_budget=config.total_budget,
        target=config.stop_at,
        target_from=came_from,
        metric=config.stop_at.metric if config.stop_at else selecting_loss_name(bool(data.validation)),
    )
    _check_runs(document, plan, data)
    return replace(plan, tuning_budget=tuning_budget(plan))


def extend_plan(
    path: Path,
    document: Document | None,
    batch_sizes: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    seeds: Sequence[int] = (),
    stop_at: str | None = None,
    budget: str | None = None,
) -> StudyPlan:
    """The plan of the study in `path` with more batch sizes and seeds; ConfigError where what is given besides
    is not what that study has. document: None leaves the config unquestioned."""
    plan = read_plan(path)
    given = build_config(_with_options(Document({"epochs": 1}), stop_at, budget))
    rates = None if learning_rates is None else rate_grid(given, learning_rates, plan.rows).given
    kept = {  # option -> what is given now, and what that study has
        "--learning-rates": (rates, plan.learning_rates or "auto"),
        "--stop-at": (given.stop_at, plan.target),
        "--budget": (given.total_budget if budget is not None else None, plan.budget),
    }
    for option, (now, there) in kept.items():
        if now is not None and now != there:
            raise ConfigError(f"--into {path}: that study has {option} {there}; a study keeps it, start a new one")
    if document is not None:
        _check_same_config(path, plan, _base(_with_options(document, None, budget)))
    sizes = dict.fromkeys([*plan.batch_sizes, *(batch_rows(size, plan.rows) for size in batch_sizes)])
    plan = extended(plan, checked_sizes(tuple(sizes), plan.rows), tuple(seeds))
    for size in plan.batch_sizes:
        plan.config(size)
    return plan


def _with_options(document: Document, stop_at: str | None, budget: str | None) -> Document:
    """A copy with --stop-at and --budget applied, and without the grid of a sweep."""
    document = copy.deepcopy(without_grid(document))
    for key, value in (("stop_at", stop_at), ("budget", budget)):
        if value is not None:
            set_value(document, key, value, f"--{key.replace('_', '-')} {value}")
    return document


def _base(document: Document) -> dict[str, Any]:
    """What all runs share: the config without what the study itself sets."""
    values = portable_values(document)
    return {key: value for key, value in values.items() if key not in ("stop_at", "evaluate_every", "seed")}


def _check_runs(document: Document, plan: StudyPlan, data: "PreparedData") -> None:
    """Every batch size resolves, and the target is not met before the first step."""
    from sgdlab.training.resolve import resolve

    for size in plan.batch_sizes:
        changed = copy.deepcopy(document)
        set_key(changed, "batch_size", size, f"--batch-sizes {size}")
        with locate(changed):
            resolved = resolve(build_config(changed), data, available_cores()).config
    if plan.target is not None:
        value = _untrained(resolved.model_copy(update={"seed": plan.seeds[0]}), data, plan.metric)
        if plan.target.reached(value):
            raise ConfigError(
                f"--stop-at {plan.target}: is met before the first step ({plan.metric} is {value:.4g} then); "
                "choose one that has to be trained for"
            )


def _untrained(config: Config, data: "PreparedData", metric: str) -> float:
    """The metric before the first update. On one thread: processes are forked after this one."""
    import torch

    from sgdlab.training.engines.base import build_workload
    from sgdlab.training.losses import evaluate

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        workload = build_workload(config, data)
        rows = workload.validation if metric.startswith("val") else workload.train
        assert rows is not None
        scores = evaluate(workload.model, config.loss, rows.x, rows.y)
    finally:
        torch.set_num_threads(threads)
    return scores.loss if metric.endswith("loss") else scores.accuracy


def _check_same_config(path: Path, plan: StudyPlan, base: dict[str, Any]) -> None:
    """ConfigError naming the keys in which two configs differ."""
    ours, theirs = (flat_keys(replace(plan, base=each).config(plan.batch_sizes[0])) for each in (base, plan.base))
    keys = sorted(differing(theirs, ours))
    if keys:
        shown = ", ".join(f"{key} {theirs.get(key)} there, {ours.get(key)} here" for key in keys[:3])
        raise ConfigError(f"--into {path}: that is a study of another config: {shown}; start a new one")
