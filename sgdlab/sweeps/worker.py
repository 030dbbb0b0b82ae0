"""What one worker process of a sweep does: take a run, carry it out, tell how it goes."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sgdlab.config import Config
from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import SgdlabError
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import Record
from sgdlab.runs.locks import FolderHeld
from sgdlab.runs.names import LOG
from sgdlab.training.loop import Training
from sgdlab.training.resolve import Resolved
from sgdlab.training.session import Session
from sgdlab.training.signals import SIGNALS, StopRequest

SECONDS_BETWEEN_MESSAGES = 0.1
"""Of one run, at least; the last message always comes."""


@dataclass(frozen=True)
class Assignment:
    """One run to carry out in the folder `path`, from wherever it stands."""

    name: str
    config: Config
    engine_reason: str
    path: Path


@dataclass(frozen=True)
class RunProgress:
    """How a run stands. record: its newest one; total_steps: None for a budget in seconds."""

    name: str
    step: int = 0
    total_steps: int | None = None
    record: Record | None = None
    summary: dict[str, Any] | None = None
    failure: str | None = None


class _StopByParent(StopRequest):
    """Stop when the parent says so through the shared flag, or is no longer there."""

    def __init__(self, flag: Any) -> None:
        parent = multiprocessing.parent_process()
        self._flag, self._parent = flag, None if parent is None else parent.pid

    @property
    def requested(self) -> bool:  # type: ignore[override]
        return bool(self._flag.value) or os.getppid() != self._parent


class DataCache:
    """Data sets as they are asked for; keeps the last one, since runs of one seed follow each other."""

    def __init__(self) -> None:
        self._key: tuple[Any, int] | None = None
        self._data: PreparedData | None = None

    def get(self, config: Config) -> PreparedData:
        """The prepared data of a config."""
        key = (config.dataset, config.seed)
        if self._data is None or key != self._key:
            self._key, self._data = key, load(config.dataset, config.seed)
        return self._data


def work(connection: Connection, flag: Any, inherited: Sequence[Connection] = ()) -> None:
    """Carry out assigned runs until None comes. Signals are the parent's business.

    inherited: the parent's ends of all channels, which a forked child must close: else no channel
    would break when the parent dies.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for channel in inherited:
        channel.close()
    stop, data_sets = _StopByParent(flag), DataCache()
    try:
        while (assignment := connection.recv()) is not None:
            connection.send(run_assignment(assignment, data_sets, connection, stop))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone; the run's files are whole


def run_assignment(
    assignment: Assignment, data_sets: DataCache, connection: Connection, stop: StopRequest
) -> RunProgress:
    """One run, whatever becomes of it; an exception becomes a failed run with its log."""
    told, newest = time.monotonic(), None

    def observe(training: Training, record: Record | None) -> None:
        nonlocal told, newest
        newest = record or newest
        if time.monotonic() - told >= SECONDS_BETWEEN_MESSAGES:
            told = time.monotonic()
            with suppress(BrokenPipeError, ConnectionResetError):  # the parent is gone: `stop` knows
                connection.send(RunProgress(assignment.name, training.position.step, training.total_steps, newest))

    folder = RunFolder(assignment.path)
    try:
        folder.path.mkdir(exist_ok=True)
        session = Session(Resolved(assignment.config, assignment.engine_reason), data_sets.get(assignment.config))
        summary = session.run(folder, observe, stop)
        if session.notes:
            folder.write_text(LOG, "\n".join(session.notes) + "\n")
    except FolderHeld as error:
        return RunProgress(assignment.name, failure=str(error))
    except Exception as error:
        reason = str(error) if isinstance(error, SgdlabError) else f"{type(error).__name__}: {error}"
        folder.note_failure(reason, traceback.format_exc())
        return RunProgress(assignment.name, failure=reason)
    training = session.training
    return RunProgress(assignment.name, training.position.step, training.total_steps, training.position.last, summary)
