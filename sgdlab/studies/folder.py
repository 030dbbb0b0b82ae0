"""study.yaml: a study's plan on disk."""

import os
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sgdlab.config import read_document, write_values
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.files import write_text
from sgdlab.runs.names import ANSWER, STUDY
from sgdlab.studies.plan import StudyPlan

_HEAD = "# What this study asks. `sgdlab resume` continues it; `sgdlab study --into` adds batch sizes and seeds.\n"
_PLAN = TypeAdapter(StudyPlan)


def is_study(path: Path) -> bool:
    """Whether `path` looks like a study's folder, damaged ones included; it holds a sweep's plan as well."""
    return any(os.path.lexists(path / name) for name in (STUDY, ANSWER))


def write_plan(path: Path, plan: StudyPlan) -> None:
    """Replace study.yaml."""
    values = _PLAN.dump_python(plan, mode="json", by_alias=True)
    values["learning_rates"] = values["learning_rates"] or "auto"
    write_text(path / STUDY, _HEAD + write_values(values))


def read_plan(path: Path) -> StudyPlan:
    """The plan of the study in `path`; RunFolderError where there is none, or it is damaged."""
    if not (path / STUDY).exists():
        reason = f"is no study: it holds no {STUDY}" if path.exists() else "does not exist"
        raise RunFolderError(f"{path}: {reason}; `sgdlab study` makes one")
    try:
        values = read_document(path / STUDY).values
        if values.get("learning_rates") == "auto":
            values["learning_rates"] = None
        plan = _PLAN.validate_python(values)
        plan.config(plan.batch_sizes[0])  # refuses a damaged config here and not in a worker
    except ValidationError as error:
        fault = error.errors()[0]
        raise RunFolderError(f"{path / STUDY}: damaged: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    except ConfigError as error:
        raise RunFolderError(f"{path / STUDY}: damaged: {error}") from None
    return plan
