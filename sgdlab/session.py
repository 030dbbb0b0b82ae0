"""One run from its resolved config to a complete run folder: history, checkpoints, summary."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from sgdlab.config import Config, config_to_yaml
from sgdlab.data import Problem, preprocess_to_json
from sgdlab.engine.base import Rows, Task, prepare
from sgdlab.engine.select import build_engine
from sgdlab.environment import environment
from sgdlab.errors import DataError, RunFolderError
from sgdlab.files import write_json
from sgdlab.history import HistoryWriter, Record
from sgdlab.loop import Best, Position, Training, train
from sgdlab.losses import evaluate, predict
from sgdlab.models import parameter_count
from sgdlab.resolve import Resolved
from sgdlab.runs import BEST, CONFIG, ENVIRONMENT, HISTORY, LAST, PREPROCESS, RunFolder, Status
from sgdlab.signals import StopRequest, stop_on_signals
from sgdlab.streams import torch_seed

Observer = Callable[[Training, Record | None], None]
"""Told after every stretch: the run in progress, and the record where one was made."""


class Session:
    """A run made ready: everything that can be refused has been refused before a folder exists."""

    def __init__(self, resolved: Resolved, problem: Problem) -> None:
        self.resolved, self.problem = resolved, problem
        torch.set_num_threads(int(resolved.config.threads))
        self.task: Task = prepare(resolved.config, problem)
        self.engine = build_engine(self.task)
        self.training = Training(self.task, self.engine)

    @property
    def config(self) -> Config:
        """The resolved config."""
        return self.resolved.config

    def start(self, folder: RunFolder, observe: Observer, stop: StopRequest | None = None) -> dict[str, Any]:
        """Run from the first step; returns the summary. `folder` is new and empty."""
        with folder.held():
            folder.write_text(CONFIG, config_to_yaml(self.config))
            write_json(
                folder.path / ENVIRONMENT,
                environment() | {"threads": self.config.threads, "data": self.problem.checksum},
            )
            shape = {"input_shape": list(self.problem.input_shape)}
            write_json(folder.path / PREPROCESS, shape | preprocess_to_json(self.problem.preprocess))
            return self._run(folder, observe, stop)

    def resume(self, folder: RunFolder, observe: Observer, stop: StopRequest | None = None) -> dict[str, Any]:
        """Continue from last.pt, or from the start where a run had none yet; returns the summary."""
        known = folder.environment().get("data")
        if known != self.problem.checksum:
            raise DataError(f"{folder.path}: the data set has changed since this run; start a new one")
        with folder.held():
            if (folder.path / LAST).exists():
                self._restore(folder.load_checkpoint(LAST), folder)
            folder.write_text(CONFIG, config_to_yaml(self.config))
            return self._run(folder, observe, stop)

    def _run(self, folder: RunFolder, observe: Observer, stop: StopRequest | None) -> dict[str, Any]:
        """Iterate the algorithm; write each record as it comes, a checkpoint now and then."""
        folder.write_summary(self._summary("running"))
        status: Status = "failed"
        try:
            with (
                torch.random.fork_rng(devices=[]),
                stop_on_signals() if stop is None else nullcontext(stop) as request,
                HistoryWriter(folder.path / HISTORY, self.training.position.records) as history,
            ):
                self._seed_noise()
                self.engine.warm_up()
                saved = time.perf_counter()
                status = "interrupted"  # whatever ends the loop early, unless it is an error
                for record in train(self.training):
                    if record is not None:
                        history.append(record)
                    observe(self.training, record)
                    if request.requested:
                        break
                    if self._checkpoint_is_due(saved):
                        self._save(folder)
                        saved = time.perf_counter()
                self._save(folder)
                status = self._status()
        except KeyboardInterrupt:
            status = "interrupted"
        except Exception as error:
            folder.write_summary(self._summary("failed") | {"reason": f"{type(error).__name__}: {error}"})
            raise
        summary = self._summary(status)
        folder.write_summary(summary)
        return summary

    def _status(self) -> Status:
        if self.training.position.diverged_at is not None:
            return "diverged"
        return "completed" if self.training.finished() else "interrupted"

    def _checkpoint_is_due(self, saved: float) -> bool:
        every = self.config.checkpoint_every
        return every.unit == "seconds" and time.perf_counter() - saved >= every.amount

    def _seed_noise(self) -> None:
        """Dropout and the like draw from torch's own stream: seeded, or as the checkpoint left it."""
        if self._noise is None:
            torch.manual_seed(torch_seed(self.config.seed, "noise"))
        else:
            torch.set_rng_state(self._noise)

    _noise: torch.Tensor | None = None

    def _save(self, folder: RunFolder) -> None:
        """best.pt and last.pt; a diverged model is not worth a checkpoint."""
        position = self.training.position
        if position.best is not None:
            folder.save_checkpoint(BEST, position.best.state)
        if position.diverged_at is not None:
            return
        best = position.best
        content = {
            "model": self.task.model.state_dict(),
            "optimizer": self.engine.optimizer_state(),
            "noise": torch.get_rng_state(),
            "best": None if best is None else {"record": asdict(best.record), "state": best.state},
            "last": None if position.last is None else asdict(position.last),
            "pending": torch.from_numpy(position.pending),
            "pending_sizes": torch.from_numpy(position.pending_sizes),
            **{name: getattr(position, name) for name in _COUNTERS},
        }
        folder.save_checkpoint(LAST, content)

    def _restore(self, content: dict[str, Any], folder: RunFolder) -> None:
        """Model, optimiser, noise and position as a checkpoint holds them."""
        try:
            self.task.model.load_state_dict(content["model"])
            self.engine.load_optimizer_state(content["optimizer"])
            self._noise = content["noise"]
            best = content["best"]
            position = Position(
                pending=content["pending"].numpy(),
                pending_sizes=content["pending_sizes"].numpy(),
                best=None if best is None else Best(Record(**best["record"]), best["state"]),
                last=None if content["last"] is None else Record(**content["last"]),
                **{name: content[name] for name in _COUNTERS},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = str(error).splitlines()[0][:200]
            raise RunFolderError(f"{folder.path / LAST}: does not fit this run's config: {reason}") from None
        self.training = Training(self.task, self.engine, position)

    def _summary(self, status: Status) -> dict[str, Any]:
        """What summary.json says of the run as it stands."""
        position, config = self.training.position, self.config
        summary: dict[str, Any] = {"status": status}
        if position.diverged_at is not None:
            summary["reason"] = f"the loss was no longer finite at step {position.diverged_at}"
        if position.best is not None:
            summary |= {f"best_{name}": value for name, value in _outcome(position.best.record).items()}
        if status == "completed" and position.best is not None:
            summary |= self._best_model_scores(position.best)
        if position.last is not None:
            summary |= {f"final_{name}": value for name, value in _outcome(position.last).items()}
        return summary | {
            "steps": position.step,
            "examples": self.training.batches.examples_at(position.step),
            "target_reached": position.reached if config.stop_at is not None else None,
            "train_seconds": round(position.train_seconds, 6),
            "wall_seconds": round(position.wall_seconds, 6),
            "parameters": parameter_count(self.task.model),
            "train_rows": len(self.problem.train),
            "engine": self.engine.name,
            "engine_reason": self.resolved.engine_reason,
            "device": str(self.task.device),
            "threads": config.threads,
            "seed": config.seed,
        }

    def _best_model_scores(self, best: Best) -> dict[str, float]:
        """What is measured once, at the end, on the best model: the test split, and a regression's
        root mean squared errors in the target's own units."""
        model = copy.deepcopy(self.task.model)
        scores: dict[str, float] = {}
        model.load_state_dict(best.state)
        splits = {"val": self.task.validation, "test": self.task.test}
        for name, rows in splits.items():
            if rows is None:
                continue
            if name == "test":
                test = evaluate(model, self.config.loss, rows.x, rows.y)
                scores |= {"test_loss": test.loss, "test_accuracy": test.accuracy}
            if self.problem.task == "regression":
                scores[f"best_{name}_rmse" if name == "val" else "test_rmse"] = self._rmse(model, rows)
        return {name: value for name, value in scores.items() if not math.isnan(value)}

    def _rmse(self, model: nn.Module, rows: Rows) -> float:
        """Root of the mean squared error over rows and outputs, in the target's own units."""
        scale = torch.from_numpy(self.problem.preprocess.target_scale)
        error = (predict(model, rows.x) - rows.y).cpu().double() * scale
        return float(error.square().mean().sqrt())


_COUNTERS = ("step", "records", "train_seconds", "wall_seconds", "measured_seconds", "reached")
_OUTCOME = ("epoch", "step", "batch_loss", "train_loss", "val_loss", "train_accuracy", "val_accuracy")


def _outcome(record: Record) -> dict[str, float]:
    """The record's results, without those that were not measured."""
    values = {name: getattr(record, name) for name in _OUTCOME}
    return {name: value for name, value in values.items() if not math.isnan(value)}
