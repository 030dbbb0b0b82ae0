"""What summary.json says of a run: its status, its best and last results, the scores of its best model."""

import copy
import math
from typing import Any

import torch
from torch import nn

from sgdlab.data.prepared import PreparedData
from sgdlab.runs.folder import Status
from sgdlab.runs.history import Record
from sgdlab.training.engines.base import DeviceSplit
from sgdlab.training.loop import Best, Training
from sgdlab.training.losses import evaluate, predict
from sgdlab.training.models import parameter_count

_RESULTS = ("epoch", "step", "batch_loss", "train_loss", "val_loss", "train_accuracy", "val_accuracy")


def summary_of(training: Training, data: PreparedData, status: Status, engine_reason: str) -> dict[str, Any]:
    """The run as it stands; the best model is scored once it is complete."""
    position, workload = training.position, training.workload
    summary: dict[str, Any] = {"status": status}
    if position.diverged_at is not None:
        summary["reason"] = f"the loss was no longer finite at step {position.diverged_at}"
    if position.best is not None:
        summary |= {f"best_{name}": value for name, value in _results(position.best.record).items()}
    if status == "completed" and position.best is not None:
        summary |= _best_model_scores(training, data, position.best)
    if position.last is not None:
        summary |= {f"final_{name}": value for name, value in _results(position.last).items()}
    return summary | {
        "steps": position.step,
        "examples": training.batches.examples_at(position.step),
        "target_reached": position.reached if workload.config.stop_at is not None else None,
        "train_seconds": round(position.train_seconds, 6),
        "wall_seconds": round(position.wall_seconds, 6),
        "parameters": parameter_count(workload.model),
        "train_rows": len(data.train),
        "engine": training.engine.name,
        "engine_reason": engine_reason,
        "device": str(workload.device),
        "threads": workload.config.threads,
        "seed": workload.config.seed,
    }


def _best_model_scores(training: Training, data: PreparedData, best: Best) -> dict[str, float]:
    """What is measured once, at the end, on the best model: the test split, and a regression's
    root mean squared errors in the target's own units."""
    workload = training.workload
    model = copy.deepcopy(workload.model)
    model.load_state_dict(best.state)
    scores: dict[str, float] = {}
    for name, rows in {"val": workload.validation, "test": workload.test}.items():
        if rows is None:
            continue
        if name == "test":
            test = evaluate(model, workload.config.loss, rows.x, rows.y)
            scores |= {"test_loss": test.loss, "test_accuracy": test.accuracy}
        if data.task == "regression":
            scores[f"best_{name}_rmse" if name == "val" else "test_rmse"] = _rmse(model, rows, data)
    return {name: value for name, value in scores.items() if not math.isnan(value)}


def _rmse(model: nn.Module, rows: DeviceSplit, data: PreparedData) -> float:
    """Root of the mean squared error over rows and outputs, in the target's own units."""
    scale = torch.from_numpy(data.preprocess.target_scale)
    error = (predict(model, rows.x) - rows.y).cpu().double() * scale
    return float(error.square().mean().sqrt())


def _results(record: Record) -> dict[str, float]:
    """The record's results, without those that were not measured."""
    values = {name: getattr(record, name) for name in _RESULTS}
    return {name: value for name, value in values.items() if not math.isnan(value)}
