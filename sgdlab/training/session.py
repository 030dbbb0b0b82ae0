"""One run from its resolved config to a complete run folder: history, checkpoints, summary."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from sgdlab.config import Config, config_to_yaml
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import EngineError, RunFailed, is_out_of_memory
from sgdlab.runs.folder import RunFolder, Status
from sgdlab.runs.history import HistoryWriter, Record
from sgdlab.runs.names import BEST, CONFIG, HISTORY, LAST
from sgdlab.training import checkpoint, generators
from sgdlab.training.engines.base import build_workload
from sgdlab.training.engines.select import build_engine
from sgdlab.training.loop import Best, Stopped, Training, train
from sgdlab.training.resolve import Resolved
from sgdlab.training.resume import describe, resume
from sgdlab.training.signals import StopRequest, stop_on_signals
from sgdlab.training.summary import summary_of

RunObserver = Callable[[Training, Record | None], None]
"""Told after every segment: the run in progress, and the record where one was made."""


class Session:
    """One run before its first step: everything that can be refused has been refused before a folder exists."""

    def __init__(self, resolved: Resolved, data: PreparedData) -> None:
        self.resolved, self.data = resolved, data
        torch.set_num_threads(int(resolved.config.threads))
        try:
            self.workload = build_workload(resolved.config, data)
            self.engine = build_engine(self.workload)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            device = resolved.config.device
            raise EngineError(f"model and data do not fit into the memory of {device}: {str(error)[:200]}") from None
        self.training = Training(self.workload, self.engine)
        self.notes: list[str] = []
        self._best_saved: Best | None = None

    @property
    def config(self) -> Config:
        """The resolved config."""
        return self.resolved.config

    def run(self, folder: RunFolder, observe: RunObserver, stop: StopRequest | None = None) -> dict[str, Any]:
        """Carry the run to its end from what `folder` holds: nothing yet, or what an earlier process left.

        Returns the summary. RunFailed where the disk or the memory refuses, RunFolderError or DataError
        where the folder does not go with this session; `notes` tells what was repaired or begun again.
        """
        try:
            with folder.held():
                begun = any((folder.path / name).exists() for name in (CONFIG, LAST))
                kept = resume(folder, self.training, self.data, self.notes) if begun else None
                if not begun:
                    describe(folder, self.config, self.data)
                folder.write_text(CONFIG, config_to_yaml(self.config))  # last: it makes the folder a run
                with HistoryWriter(folder.path / HISTORY, kept) as history:
                    return self._run(folder, history, observe, stop)
        except BrokenPipeError:
            raise  # whoever watched has gone; the CLI knows what to do
        except OSError as error:
            place = error.filename or f"{folder.path}: the run stopped"
            later = f"; continue later with: sgdlab resume {folder.path}" if (folder.path / CONFIG).exists() else ""
            raise RunFailed(f"{place}: {error.strerror or error}{later}") from error

    def _run(
        self, folder: RunFolder, history: HistoryWriter, observe: RunObserver, stop: StopRequest | None
    ) -> dict[str, Any]:
        """Train; whatever ends it, the summary says how."""
        folder.write_summary(self._summary("running"))
        try:
            with generators.undisturbed(self.workload.device), stop_on_signals(stop) as request:
                self._train(folder, history, observe, request)
            summary = self._summary(self._status())
            folder.write_summary(summary)
        except (KeyboardInterrupt, BrokenPipeError):
            folder.write_summary(self._summary("interrupted"))
            raise
        except Exception as error:
            folder.note_failure(f"{type(error).__name__}: {error}")
            if is_out_of_memory(error):
                raise RunFailed(f"{folder.path}: out of memory: {str(error)[:200]}") from error
            raise
        return summary

    def _train(self, folder: RunFolder, history: HistoryWriter, observe: RunObserver, request: StopRequest) -> None:
        """Iterate the algorithm; write each record as it comes, a checkpoint now and then and at the end."""

        def stop_if_requested() -> None:
            if request.requested:
                raise Stopped

        generators.begin(self.config.seed, self.training.position.generators, self.workload.device)
        self.engine.warm_up()
        self.training.between_chunks = stop_if_requested
        began = saved = self._progress()
        with suppress(Stopped):
            for record in train(self.training):
                if record is not None:
                    history.append(record)
                observe(self.training, record)
                stop_if_requested()
                if self._progress() - saved >= self.config.checkpoint_every.amount:
                    self._save(folder, history, durable=True)
                    folder.write_summary(self._summary("running"))
                    saved = self._progress()
        self._save(folder, history, durable=saved > began)

    def _status(self) -> Status:
        if self.training.position.diverged_at is not None:
            return "diverged"
        return "completed" if self.training.finished() and not self.training.position.due else "interrupted"

    def _progress(self) -> float:
        """How far the run is, in the unit of checkpoint_every."""
        step, batches, unit = self.training.position.step, self.training.batches, self.config.checkpoint_every.unit
        if unit == "seconds":
            return time.perf_counter()
        if unit == "steps":
            return step
        return batches.examples_at(step) / (batches.rows if unit == "epochs" else 1)

    def _save(self, folder: RunFolder, history: HistoryWriter, durable: bool) -> None:
        """best.pt, last.pt and the summary; a diverged model is not worth a checkpoint.

        durable: wait for the disk. Runs that end before their first checkpoint by time do not: they
        are soon made again, should the power fail.
        """
        position = self.training.position
        if durable:
            history.sync()
        if position.best is not None and position.best is not self._best_saved:
            checkpoint.save(folder.path / BEST, position.best.state, durable)
            self._best_saved = position.best
        if position.diverged_at is None:
            content = checkpoint.snapshot(self.training, history.mark(), self.data.checksum)
            checkpoint.save(folder.path / LAST, content, durable)

    def _summary(self, status: Status) -> dict[str, Any]:
        return summary_of(self.training, self.data, status, self.resolved.engine_reason)
