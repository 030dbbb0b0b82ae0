"""Run folders: files and their damage, summary and status, listing."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from sgdlab.config import Config, build_config, read_document
from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.files import read_bytes, remove_parts, write_json, write_text
from sgdlab.runs.history import last_step, read_history
from sgdlab.runs.locks import held, is_held
from sgdlab.runs.names import CONFIG, HISTORY, LOG, PLAN, RUN_FILES, RUNS, SUMMARY

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["completed", "diverged", "interrupted", "failed", "running"]
ENDED = ("completed", "diverged")
"""The statuses of a run that has nothing left to do."""

_TEXTS = ("status", "reason", "engine", "engine_reason", "device")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk; every read names the file when it is damaged."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def config(self) -> Config:
        """The resolved config of the run."""
        return build_config(read_document(self.path / CONFIG))

    def summary(self) -> dict[str, Any]:
        """summary.json with the status as it is now: running without a holder means interrupted.

        So does a run that has a config and no summary yet.
        """
        begun = not (self.path / SUMMARY).exists() and (self.path / CONFIG).exists()
        summary = {"status": "running"} if begun else self.read_json(SUMMARY)
        fault = _fault_of(summary)
        if fault is not None:
            raise RunFolderError(f"{self.path / SUMMARY}: damaged: {fault}")
        if summary["status"] == "running" and not self.is_held():
            summary["status"] = "interrupted"
        return summary

    def readable_summary(self, check: bool = False) -> dict[str, Any]:
        """The summary; status damaged, with the reason, where it cannot be read, or with `check` another file."""
        try:
            if check:
                self.check()
            return self.summary()
        except RunFolderError as error:
            return {"status": "damaged", "reason": str(error)}

    def status(self) -> str:
        """The status that the summary tells, or damaged."""
        return str(self.readable_summary()["status"])

    def read_json(self, name: str) -> dict[str, Any]:
        """The mapping in one of the folder's JSON files; RunFolderError where there is none."""
        path = self.path / name
        try:
            content = json.loads(read_bytes(path))
        except (ValueError, RecursionError) as error:
            raise RunFolderError(f"{path}: damaged: not JSON: {str(error)[:100]}") from None
        if not isinstance(content, dict):
            raise RunFolderError(f"{path}: damaged: holds no mapping")
        return content

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Replace one of them, whole."""
        write_json(self.path / name, value)

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Replace summary.json, whole."""
        write_json(self.path / SUMMARY, summary)

    def write_text(self, name: str, text: str) -> None:
        """Replace one of the folder's files, whole."""
        write_text(self.path / name, text)

    def note_failure(self, reason: str, log: str | None = None) -> None:
        """Status failed with its reason, beside what the summary knew; as far as the disk allows."""
        try:
            known = self.summary()
        except RunFolderError:
            known = {}
        with suppress(OSError):
            self.write_summary(known | {"status": "failed", "reason": reason})
            if log is not None:
                self.write_text(LOG, log)

    def history(self) -> "pd.DataFrame":
        """history.csv; RunFolderError where it lacks rows that the summary tells of."""
        least = self._known_step()  # first: while a run goes on, rows are written before the summary
        table = read_history(self.path / HISTORY)
        self._check_rows(int(table["step"].iloc[-1]) if len(table) else -1, least)
        return table

    def check(self) -> None:
        """Look quickly whether summary, history and config can be read; RunFolderError says what cannot."""
        ended = self.summary()["status"] in ENDED
        least = self._known_step()
        if ended or (self.path / HISTORY).exists():
            self._check_rows(last_step(self.path / HISTORY), least)
        try:
            if ended or (self.path / CONFIG).exists():
                self.config()
        except ConfigError as error:
            raise RunFolderError(f"{self.path / CONFIG}: damaged: {error.problems[0]}") from None

    def _known_step(self) -> float:
        """The step of the last row that the summary knows of; -1 where it tells nothing."""
        step = self.readable_summary().get("final_step")
        return -1 if step is None else step

    def _check_rows(self, step: int, least: float) -> None:
        if step < least:
            raise RunFolderError(f"{self.path / HISTORY}: damaged: its rows end at step {step} of {least}")

    def is_held(self) -> bool:
        """Whether a living process is at work in this folder."""
        return is_held(self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder, and clear away what a killed process was about to write."""
        with held(self.path):
            remove_parts(self.path, RUN_FILES)
            yield


def is_run(path: Path) -> bool:
    """Whether `path` looks like a run folder, damaged ones included."""
    return any(os.path.lexists(path / name) for name in (CONFIG, SUMMARY, HISTORY))


def is_sweep(path: Path) -> bool:
    """Whether `path` looks like a sweep folder."""
    return os.path.lexists(path / PLAN)


def runs_in(path: Path) -> list[RunFolder]:
    """The run folders at `path`: itself, those of a sweep, or those directly inside; by name."""
    if is_run(path):
        return [RunFolder(path)]
    inside = path / RUNS if is_sweep(path) else path
    if is_sweep(path) and not inside.exists():
        return []  # planned, and not begun
    try:
        return [RunFolder(child) for child in sorted(inside.iterdir()) if is_run(child)]
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be listed: {error.strerror}") from None


def _fault_of(summary: dict[str, Any]) -> str | None:
    """What is wrong with the content of a summary.json."""
    if summary.get("status") not in get_args(Status):
        return "holds no known status"
    for key, value in summary.items():
        known = isinstance(value, str) if key in _TEXTS else not isinstance(value, str | list | dict)
        if value is not None and not known:
            return f"{key[:60]} is {str(value)[:60]!r}"
    return None
