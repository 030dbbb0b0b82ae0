"""What one worker process of a sweep does: take a run, carry it out, tell how it goes."""

import os
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sgdlab.config import Config
from sgdlab.data import Problem, load
from sgdlab.history import Record
from sgdlab.loop import Training
from sgdlab.resolve import Resolved
from sgdlab.runs import RunFolder, create_run_folder
from sgdlab.session import Session
from sgdlab.signals import StopRequest

LOG = "log.txt"


@dataclass(frozen=True)
class Order:
    """One run to carry out. resume: the folder stands already and is to be continued."""

    name: str
    config: Config
    engine_reason: str
    parent: Path
    resume: bool


@dataclass(frozen=True)
class Report:
    """How a run stands. record: its newest one; total_steps: None for a budget in seconds."""

    name: str
    step: int
    total_steps: int | None
    record: Record | None
    summary: dict[str, Any] | None = None
    failure: str | None = None


class _ParentsWish(StopRequest):
    """Stop when the parent says so through the shared flag, or is no longer there."""

    def __init__(self, flag: Any) -> None:
        self._flag, self._parent = flag, os.getppid()

    @property
    def requested(self) -> bool:  # type: ignore[override]
        return bool(self._flag.value) or os.getppid() != self._parent


class Problems:
    """Data sets as they are asked for; keeps the last one, since runs of one seed follow each other."""

    def __init__(self) -> None:
        self._key: tuple[Any, int] | None = None
        self._problem: Problem | None = None

    def get(self, config: Config) -> Problem:
        """The prepared data of a config."""
        key = (config.dataset, config.seed)
        if self._problem is None or key != self._key:
            self._key, self._problem = key, load(config.dataset, config.seed)
        return self._problem


def work(connection: Connection, flag: Any) -> None:
    """Carry out orders until None comes. Signals are the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop, problems = _ParentsWish(flag), Problems()
    try:
        while (order := connection.recv()) is not None:
            connection.send(carry_out(order, problems, connection, stop))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone; the run's files are whole


def carry_out(order: Order, problems: Problems, connection: Connection, stop: StopRequest) -> Report:
    """One run, whatever becomes of it; an exception becomes a failed run with its log."""

    def observe(training: Training, record: Record | None) -> None:
        connection.send(Report(order.name, training.position.step, training.total_steps, record))

    folder = RunFolder(order.parent / order.name)
    try:
        session = Session(Resolved(order.config, order.engine_reason), problems.get(order.config))
        if order.resume:
            summary = session.resume(folder, observe, stop)
        else:
            folder = create_run_folder(order.parent, order.name)
            summary = session.start(folder, observe, stop)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        mark_failed(folder, reason, traceback.format_exc())
        return Report(order.name, 0, None, None, failure=reason)
    return Report(order.name, session.training.position.step, None, None, summary=summary)


def mark_failed(folder: RunFolder, reason: str, log: str) -> None:
    """Leave a summary that says failed and why, keeping what an earlier one knew, and the log."""
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_text(LOG, log)
    folder.write_summary({"status": "failed", "reason": reason})
