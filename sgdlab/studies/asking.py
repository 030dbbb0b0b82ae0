"""From a config and options to a study's question: everything that can be refused is refused here."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import (
    Budget,
    Config,
    Document,
    build_config,
    locate,
    portable_values,
    set_initial,
    set_value,
    without_grid,
)
from sgdlab.errors import ConfigError
from sgdlab.runs.environment import available_cores
from sgdlab.studies.folder import read_question
from sgdlab.studies.question import (
    Question,
    TargetFrom,
    checked_sizes,
    default_batch_sizes,
    extended,
    tuning_budget,
    tuning_seeds,
)
from sgdlab.studies.rates import rate_grid
from sgdlab.sweeps.plan import option_setting

if TYPE_CHECKING:
    from sgdlab.data import PreparedData


def ask(
    document: Document,
    batch_sizes: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    target: str | None = None,
    budget: str | None = None,
) -> Question:
    """The question of a new study. learning_rates: None for the automatic grid. budget: of each run; the
    config's own unless given. Raises ConfigError, DataError or EngineError before anything is written."""
    from sgdlab.data import load

    document, came_from = _with_options(document, target, budget)
    if not seeds:
        raise ConfigError("--seeds: a study needs one seed at least, and five for intervals that mean something")
    config = build_config(document)
    if config.batch_size.every is not None:
        raise ConfigError("batch_size.every: a study compares constant batch sizes; drop it")
    for key, option in (("batch_size", "--batch-sizes"), ("seed", "--seeds")):
        if (setting := option_setting(document, key)) is not None:
            raise ConfigError(f"{setting}: a study varies it; use {option}")
    with locate(document):
        data = load(config.dataset, seeds[0])
    rows = len(data.train)
    sizes = checked_sizes(tuple(batch_sizes) or default_batch_sizes(rows), rows)
    rate_grid(config, learning_rates, rows)
    question = Question(
        base=_base(document),
        rows=rows,
        data=data.checksum,
        batch_sizes=sizes,
        learning_rates=None if learning_rates is None else tuple(sorted(map(float, learning_rates))),
        seeds=tuple(seeds),
        tuning_seeds=tuning_seeds(tuple(seeds)),
        budget=config.total_budget,
        tuning_budget=config.total_budget,
        target=config.stop_at,
        target_from=came_from,
        metric=config.stop_at.metric if config.stop_at else "val_loss" if data.validation else "train_loss",
    )
    _check_runs(document, question, data)
    return replace(question, tuning_budget=tuning_budget(question))


def ask_more(
    path: Path,
    document: Document | None,
    batch_sizes: Sequence[Any] = (),
    learning_rates: Sequence[float] | None = None,
    seeds: Sequence[int] = (),
    target: str | None = None,
    budget: str | None = None,
) -> Question:
    """The question of the study in `path` with more batch sizes and seeds; ConfigError where what is asked
    besides is not what that study asked. document: None leaves the config unquestioned."""
    known = read_question(path)
    differing = {  # option -> whether it differs, and what that study has
        "--learning-rates": (
            learning_rates is not None and _rates(learning_rates) != known.learning_rates,
            known.learning_rates or "auto",
        ),
        "--target": (target is not None and _target(target) != str(known.target), str(known.target)),
        "--budget": (budget is not None and str(_budget(budget)) != str(known.budget), str(known.budget)),
    }
    for option, (differs, there) in differing.items():
        if differs:
            raise ConfigError(f"--into {path}: that study has {option} {there}; a study keeps it, start a new one")
    if document is not None:
        _check_same_config(path, known, _base(_with_options(document, None, budget)[0]))
    sizes = [known.rows if size == "full" else size for size in batch_sizes]
    sizes = list(checked_sizes(tuple(dict.fromkeys([*known.batch_sizes, *sizes])), known.rows))
    question = extended(known, tuple(sizes), tuple(seeds))
    for size in question.batch_sizes:
        question.config(size)
    return question


def _with_options(document: Document, target: str | None, budget: str | None) -> tuple[Document, TargetFrom]:
    """A copy with --target and --budget applied, and where the target is from."""
    document = copy.deepcopy(without_grid(document))
    came_from: TargetFrom = "tuning" if document.values.get("stop_at") is None else "config"
    if target is not None:
        set_value(document, "stop_at", target, f"--target {target}")
        came_from = "given"
    if budget is not None:
        set_value(document, "budget", budget, f"--budget {budget}")
    return document, came_from


def _base(document: Document) -> dict[str, Any]:
    """What all runs share: the config without what the study itself sets."""
    values = portable_values(document)
    return {key: value for key, value in values.items() if key not in ("stop_at", "evaluate_every", "seed")}


def _check_runs(document: Document, question: Question, data: "PreparedData") -> None:
    """Every batch size resolves, and the target is not met before the first step."""
    from sgdlab.training.resolve import resolve

    for size in question.batch_sizes:
        changed = copy.deepcopy(document)
        set_initial(changed, "batch_size", size, f"--batch-sizes {size}")
        with locate(changed):
            resolved = resolve(build_config(changed), data, available_cores()).config
    if question.target is not None:
        value = _untrained(resolved.model_copy(update={"seed": question.seeds[0]}), data, question.metric)
        if question.target.reached(value):
            raise ConfigError(
                f"--target {question.target}: is met before the first step ({question.metric} is {value:.4g} then); "
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


def _check_same_config(path: Path, known: Question, base: dict[str, Any]) -> None:
    """ConfigError naming the keys in which two configs differ."""
    ours, theirs = (_comparable(replace(known, base=each)) for each in (base, known.base))
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if keys:
        shown = ", ".join(f"{key} {theirs.get(key)} there, {ours.get(key)} here" for key in keys[:3])
        raise ConfigError(f"--into {path}: that is a study of another config: {shown}; start a new one")


def _comparable(question: Question) -> dict[str, Any]:
    """Config keys with their values, flat, defaults filled in."""
    found: dict[str, Any] = {}

    def walk(values: dict[str, Any], prefix: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    walk(question.config(question.batch_sizes[0]).model_dump(mode="json"), "")
    return found


def _rates(rates: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted(map(float, rates)))


def _target(text: str) -> str:
    return str(build_config(_with_options(Document({"epochs": 1}), text, None)[0]).stop_at)


def _budget(text: str) -> Budget:
    return build_config(_with_options(Document({}), None, text)[0]).total_budget
