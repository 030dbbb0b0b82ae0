"""What lies in a study's folder, read with care: an unfinished or damaged study is reported too.

The files are another module's; they are read here by their names, without its classes, which would refuse.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import read_document
from sgdlab.errors import RunFolderError, UserError
from sgdlab.results.opened import Sweep
from sgdlab.runs.folder import is_sweep
from sgdlab.runs.names import ANSWER, RESULTS, STUDY, TUNING

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Found:
    """What could be read of a study, and what could not."""

    path: Path
    question: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    results: "pd.DataFrame | None" = None
    tuning: "pd.DataFrame | None" = None
    runs: Sweep | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """`val_loss=0.25`, or empty while it is not known."""
        target = self.question.get("target")
        return "" if target is None else str(target)


def is_study(path: Path) -> bool:
    """Whether `path` looks like a study's folder; it holds a sweep's plan as well."""
    return any((path / name).exists() for name in (STUDY, ANSWER))


def read_study(path: Path) -> Found:
    """Everything of a study that can be read; `faults` says what cannot."""
    found = Found(path)
    try:
        found.question = read_document(path / STUDY).values
    except UserError as error:
        found.faults.append(f"What was asked cannot be read: {error}")
    found.answer = _json(path / ANSWER, found.faults)
    found.results, found.tuning = _csv(path / RESULTS, found.faults), _csv(path / TUNING, found.faults)
    if is_sweep(path):
        try:
            found.runs = Sweep(path)
            found.runs.manifest  # noqa: B018  (read now, so that damage is known)
        except RunFolderError as error:
            found.runs = None
            found.faults.append(f"The list of runs is damaged: {error}")
    return found


def _json(path: Path, faults: list[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        faults.append(f"{path.name} is damaged: {str(error)[:100]}")
        return {}
    if not isinstance(content, dict):
        faults.append(f"{path.name} is damaged: it holds no mapping")
        return {}
    return content


def _csv(path: Path, faults: list[str]) -> "pd.DataFrame | None":
    """A table with a batch size in every row; None where there is none, or no such table."""
    import pandas as pd

    if not path.exists() or not path.stat().st_size > 1:
        return None
    try:
        read = pd.read_csv(path)
        sizes = pd.to_numeric(read["batch_size"], errors="coerce").replace([float("inf"), float("-inf")], float("nan"))
    except (OSError, ValueError, KeyError) as error:
        faults.append(f"{path.name} is damaged: {str(error).splitlines()[0][:100] or 'it cannot be read'}")
        return None
    if sizes.isna().any():
        faults.append(f"{path.name} is damaged: a row has no batch size")
        return None
    return read.assign(batch_size=sizes)
