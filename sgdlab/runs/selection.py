"""Which loss selects the best model of a run: of validation, or of training where there is no validation split."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from sgdlab.runs.history import Record

if TYPE_CHECKING:
    import pandas as pd


def selection_loss(record: Record) -> float:
    """The loss of an evaluation that selects."""
    return record.train_loss if math.isnan(record.val_loss) else record.val_loss


def selection_split(history: "pd.DataFrame") -> str:
    """`val` or `train`: the split whose loss selects, as history.csv tells."""
    return "val" if history["val_loss"].notna().any() else "train"


def selecting_loss_name(validated: bool) -> Literal["val_loss", "train_loss"]:
    """The name in history.csv of the loss that selects, with or without a validation split."""
    return "val_loss" if validated else "train_loss"


def best_split(summary: Mapping[str, Any]) -> Literal["val", "train"]:
    """The split whose loss selected the best model, as summary.json tells."""
    return "train" if summary.get("best_val_loss") is None else "val"


def untrained_loss(history: "pd.DataFrame") -> float:
    """The selecting loss before the first update; NaN where row 0 is not there."""
    return float(history[f"{selection_split(history[:1])}_loss"].iloc[0]) if len(history) else math.nan


def best_loss(summary: Mapping[str, Any]) -> float | None:
    """The best model's selecting loss, as summary.json tells; None without a best model."""
    value: float | None = summary.get("best_val_loss", summary.get("best_train_loss"))
    return value


def selection_metric(summaries: Iterable[Mapping[str, Any]]) -> str:
    """`best_val_loss` where any run has one or none has a best model, else `best_train_loss`."""
    found = list(summaries)
    has = {
        name: any(summary.get(name) is not None for summary in found) for name in ("best_val_loss", "best_train_loss")
    }
    return "best_train_loss" if has["best_train_loss"] and not has["best_val_loss"] else "best_val_loss"
