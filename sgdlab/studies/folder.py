"""study.yaml: what a study asks, on disk; the study's folder and the names of what lies in it."""

import os
from pathlib import Path
from typing import Any

import yaml

from sgdlab.config import Budget, StopRule, read_document
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.files import write_text
from sgdlab.runs.names import STUDY
from sgdlab.studies.question import Question

_HEAD = "# What this study asks. `sgdlab resume` continues it; `sgdlab study --into` adds batch sizes and seeds.\n"


def is_study(path: Path) -> bool:
    """Whether `path` looks like a study's folder."""
    return os.path.exists(path / STUDY)


def write_question(path: Path, question: Question) -> None:
    """Replace study.yaml."""
    values = {
        "batch_sizes": list(question.batch_sizes),
        "learning_rates": "auto" if question.learning_rates is None else list(question.learning_rates),
        "seeds": list(question.seeds),
        "tuning_seeds": list(question.tuning_seeds),
        "budget": str(question.budget),
        "tuning_budget": str(question.tuning_budget),
        "target": None if question.target is None else str(question.target),
        "target_from": question.target_from,
        "metric": question.metric,
        "widenings": question.widenings,
        "rows": question.rows,
        "data": question.data,
        "config": question.base,
    }
    write_text(path / STUDY, _HEAD + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))


def read_question(path: Path) -> Question:
    """What the study in `path` asks; RunFolderError where there is none, or it is damaged."""
    if not is_study(path):
        reason = f"is no study: it holds no {STUDY}" if path.exists() else "does not exist"
        raise RunFolderError(f"{path}: {reason}; `sgdlab study` makes one")
    try:
        return _question(read_document(path / STUDY).values)
    except ConfigError as error:
        raise RunFolderError(f"{path / STUDY}: damaged: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RunFolderError(f"{path / STUDY}: damaged: {error} is missing or of another kind") from None


def _question(values: dict[str, Any]) -> Question:
    rates, target = values["learning_rates"], values["target"]
    question = Question(
        base=dict(values["config"]),
        rows=int(values["rows"]),
        data=str(values["data"]),
        batch_sizes=tuple(int(size) for size in values["batch_sizes"]),
        learning_rates=None if rates == "auto" else tuple(float(rate) for rate in rates),
        seeds=tuple(int(seed) for seed in values["seeds"]),
        tuning_seeds=tuple(int(seed) for seed in values["tuning_seeds"]),
        budget=Budget.parse(values["budget"]),
        tuning_budget=Budget.parse(values["tuning_budget"]),
        target=None if target is None else StopRule.parse(target),
        target_from=values["target_from"],
        metric=str(values["metric"]),
        widenings=int(values["widenings"]),
    )
    question.config(question.batch_sizes[0])  # refuses a damaged config here and not in a worker
    return question
