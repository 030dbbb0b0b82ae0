"""One run from its resolved config to a complete run folder: history, checkpoints, summary."""

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import torch

from sgdlab.config import Config, config_to_yaml
from sgdlab.data import PreparedData, preprocess_to_json
from sgdlab.errors import DataError, EngineError, RunFailed, RunFolderError, is_out_of_memory
from sgdlab.runs.environment import environment
from sgdlab.runs.folder import RunFolder, Status
from sgdlab.runs.history import HistoryMark, HistoryWriter, Record
from sgdlab.runs.names import BEST, CONFIG, ENVIRONMENT, HISTORY, LAST, PREPROCESS, SUMMARY
from sgdlab.streams import torch_seed
from sgdlab.training import checkpoint
from sgdlab.training.engines.base import Workload, build_workload
from sgdlab.training.engines.select import build_engine
from sgdlab.training.loop import Best, Stopped, Training, train
from sgdlab.training.resolve import Resolved
from sgdlab.training.signals import StopRequest, stop_on_signals
from sgdlab.training.summary import summary_of

Observer = Callable[[Training, Record | None], None]
"""Told after every segment: the run in progress, and the record where one was made."""


class Session:
    """A run made ready: everything that can be refused has been refused before a folder exists."""

    def __init__(self, resolved: Resolved, data: PreparedData) -> None:
        self.resolved, self.data = resolved, data
        torch.set_num_threads(int(resolved.config.threads))
        try:
            self.workload: Workload = build_workload(resolved.config, data)
            self.engine = build_engine(self.workload)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            device = resolved.config.device
            raise EngineError(f"model and data do not fit into the memory of {device}: {str(error)[:200]}") from None
        self.training = Training(self.workload, self.engine)
        self.notes: list[str] = []
        self._noise: dict[str, torch.Tensor] | None = None
        self._best_saved: Best | None = None

    @property
    def config(self) -> Config:
        """The resolved config."""
        return self.resolved.config

    def run(self, folder: RunFolder, observe: Observer, stop: StopRequest | None = None) -> dict[str, Any]:
        """Carry the run to its end from what `folder` holds: nothing yet, or what an earlier process left.

        Returns the summary. RunFailed where the disk or the memory refuses, RunFolderError or DataError
        where the folder does not go with this session; `notes` tells what was repaired or begun again.
        """
        try:
            with folder.held():
                begun = any((folder.path / name).exists() for name in (CONFIG, LAST))
                kept = self._take_up(folder) if begun else None
                if not begun:
                    self._set_up(folder)
                with HistoryWriter(folder.path / HISTORY, kept) as history:
                    return self._run(folder, history, observe, stop)
        except BrokenPipeError:
            raise  # whoever watched has gone; the CLI knows what to do
        except OSError as error:
            place = error.filename or f"{folder.path}: the run stopped"
            later = f"; continue later with: sgdlab resume {folder.path}" if (folder.path / CONFIG).exists() else ""
            raise RunFailed(f"{place}: {error.strerror or error}{later}") from error

    def _set_up(self, folder: RunFolder) -> None:
        """The files that say what the run is; config.yaml comes last and makes the folder a run."""
        folder.write_json(ENVIRONMENT, self._environment())
        folder.write_json(PREPROCESS, self._preprocess())
        folder.write_text(CONFIG, config_to_yaml(self.config))

    def _take_up(self, folder: RunFolder) -> HistoryMark | None:
        """Go back to the last checkpoint, and mend the files around it; the part of the history that stays."""
        content = checkpoint.load_if_any(folder.path / LAST)
        if content is None and folder.status() == "completed":
            raise RunFolderError(f"{folder.path / LAST}: is not there; a completed run cannot be continued without it")
        self._repair(folder, content)
        mark = None
        if content is None:
            self.notes.append(f"{folder.path}: had no checkpoint yet and begins again from its first step")
        else:
            mark = self._restore(content, folder)
        folder.write_text(CONFIG, config_to_yaml(self.config))
        return mark

    def _restore(self, content: dict[str, Any], folder: RunFolder) -> HistoryMark:
        """Model, optimiser, noise and position as the checkpoint holds them."""
        remedy = f"delete {LAST} to begin this run again"
        changed = checkpoint.changed_keys(content, self.config)
        if changed:
            raise RunFolderError(
                f"{folder.path / CONFIG}: differs from that of the checkpoint in {', '.join(changed)}; {remedy}"
            )
        try:
            position, mark = checkpoint.restore(content, self.training)
        except ValueError as error:
            raise RunFolderError(f"{folder.path / LAST}: damaged: {error}; {remedy}") from None
        self._noise = content["noise"]
        self.training = Training(self.workload, self.engine, position)
        return mark

    def _repair(self, folder: RunFolder, content: dict[str, Any] | None) -> None:
        """Refuse other data; write anew what is damaged and can be known without it."""
        wanted = {ENVIRONMENT: self._environment(), PREPROCESS: self._preprocess()}
        for name, value in wanted.items():
            try:
                found = folder.read_json(name)
            except RunFolderError as error:
                self.notes.append(f"{error}; written anew")
                folder.write_json(name, value)
                found = {}
            if name == ENVIRONMENT:
                self._check_data(folder, (content or {}).get("data", found.get("data")))
        for name in (SUMMARY, BEST):
            try:
                folder.summary() if name == SUMMARY else checkpoint.load_if_any(folder.path / BEST)
            except RunFolderError as error:
                self.notes.append(f"{error}; written anew")

    def _check_data(self, folder: RunFolder, known: Any) -> None:
        if known not in (None, self.data.checksum):
            raise DataError(f"{folder.path}: the data set has changed since this run; start a new one")

    def _environment(self) -> dict[str, Any]:
        return environment() | {"threads": self.config.threads, "data": self.data.checksum}

    def _preprocess(self) -> dict[str, Any]:
        return {"input_shape": list(self.data.input_shape)} | preprocess_to_json(self.data.preprocess)

    def _run(
        self, folder: RunFolder, history: HistoryWriter, observe: Observer, stop: StopRequest | None
    ) -> dict[str, Any]:
        """Train; whatever ends it, the summary says how."""
        folder.write_summary(self._summary("running"))
        try:
            with (
                torch.random.fork_rng(devices=[self.workload.device] if self.workload.device.type == "cuda" else []),
                stop_on_signals() if stop is None else nullcontext(stop) as request,
            ):
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

    def _train(self, folder: RunFolder, history: HistoryWriter, observe: Observer, request: StopRequest) -> None:
        """Iterate the algorithm; write each record as it comes, a checkpoint now and then and at the end."""

        def look_up() -> None:
            if request.requested:
                raise Stopped

        self._seed_noise()
        self.engine.warm_up()
        self.training.between_chunks = look_up
        began = saved = self._come_so_far()
        with suppress(Stopped):
            for record in train(self.training):
                if record is not None:
                    history.append(record)
                observe(self.training, record)
                look_up()
                if self._come_so_far() - saved >= self.config.checkpoint_every.amount:
                    self._save(folder, history, durable=True)
                    folder.write_summary(self._summary("running"))
                    saved = self._come_so_far()
        self._save(folder, history, durable=saved > began)

    def _status(self) -> Status:
        if self.training.position.diverged_at is not None:
            return "diverged"
        return "completed" if self.training.finished() and not self.training.position.due else "interrupted"

    def _come_so_far(self) -> float:
        """How far the run is, in the unit of checkpoint_every."""
        step, batches = self.training.position.step, self.training.batches
        match self.config.checkpoint_every.unit:
            case "steps":
                return step
            case "examples":
                return batches.examples_at(step)
            case "epochs":
                return batches.examples_at(step) / batches.rows
        return time.perf_counter()

    def _seed_noise(self) -> None:
        """Dropout and the like draw from torch's own streams: seeded, or as the checkpoint left them."""
        if self._noise is None:
            torch.manual_seed(torch_seed(self.config.seed, "noise"))
        else:
            checkpoint.set_noise_states(self._noise, self.workload.device)

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
