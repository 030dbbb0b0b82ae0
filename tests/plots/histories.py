"""Histories as figures are drawn from, made up."""

import numpy as np
import pandas as pd

ROWS = 21


def a_history(seed: int = 0, *, batch: int = 64, regression: bool = False, rows: int = ROWS) -> pd.DataFrame:
    """A history whose validation loss is lowest at epoch 12 (13 rows and more)."""
    noise = np.random.default_rng(seed)
    epoch = np.arange(rows, dtype=float)
    train = 0.05 + 2.25 * np.exp(-epoch / 2)
    val = 0.2 + 2.1 * np.exp(-epoch / 2) + 0.002 * np.abs(epoch - 12) + noise.uniform(0, 1e-3, rows)
    if rows > 12:
        val[12] = 0.2 + 0.001 * noise.uniform()
    frame = pd.DataFrame(
        {
            "epoch": epoch,
            "step": (epoch * (8000 // batch)).astype(int),
            "examples": (epoch * 8000).astype(int),
            "learning_rate": 1e-3,
            "batch_size": batch,
            "batch_loss": np.where(epoch == 0, np.nan, train * noise.lognormal(0, 0.5, rows)),
            "mean_batch_loss": np.where(epoch == 0, np.nan, train * 1.05),
            "train_loss": train,
            "val_loss": val,
            "train_accuracy": 1 - train / 2.6,
            "val_accuracy": 0.96 - val / 2.6,
            "train_seconds": epoch * 0.4 * (1 + seed / 50),
            "wall_seconds": epoch * 0.5,
        }
    )
    if regression:
        frame[["train_accuracy", "val_accuracy"]] = np.nan
    return frame


def a_diverged_history(rows: int = 4) -> pd.DataFrame:
    frame = a_history(rows=rows)
    frame["train_loss"] = frame["val_loss"] = np.array([2.3, 40, 1e30, np.nan])[:rows]
    return frame
