"""How well two configs' validation curves agree by epoch, over seeds: the check of a scaling rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab import plots
from sgdlab.analysis.intervals import Interval, mean_interval
from sgdlab.runs.files import write_table
from sgdlab.runs.selection import selection_split

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
TABLE, FIGURE = "scale-check.csv", "scale-check.png"


@dataclass(frozen=True)
class Agreement:
    """second − first, by epoch, over the seeds in which both runs came to their end.

    column: what is compared;  epochs, gap: [K], gap the mean over seeds;  largest, at_epoch: the gap of
    largest size and where;  spread: the seeds' standard deviation there of (first, second), NaN for one seed;
    final: the gap at the last common epoch with its paired t interval;  diverged: seeds of (first, second).
    """

    column: str
    epochs: Floats
    gap: Floats
    first_mean: Floats
    second_mean: Floats
    largest: float
    at_epoch: float
    spread: tuple[float, float]
    final: Interval
    seeds: tuple[int, ...]
    diverged: tuple[tuple[int, ...], tuple[int, ...]]

    def in_words(self, first: str, second: str) -> list[str]:
        """The verdict line by line."""
        name = self.column.replace("_", " ")
        gap = f"{self.largest:+.3g} at epoch {self.at_epoch:.4g} ({second} - {first})"
        spread = f"; seeds spread by {self.spread[0]:.2g} and {self.spread[1]:.2g} (std) there"
        lines = [f"largest gap in {name} by epoch: {gap}{spread if len(self.seeds) > 1 else ''}"]
        if len(self.seeds) > 1:
            inside = self.final.low <= 0 <= self.final.high
            verdict = "the seeds cannot tell them apart" if inside else "they differ"
            lines.append(f"at epoch {self.epochs[-1]:.4g}: {self.final}, n = {len(self.seeds)}, paired t: {verdict}")
        else:
            alone = f"{self.final.estimate:+.3g}; one seed has no interval, use --seeds 0-4"
            lines.append(f"at epoch {self.epochs[-1]:.4g}: {alone}")
        return lines


def agreement(
    first: Mapping[int, "pd.DataFrame"], second: Mapping[int, "pd.DataFrame"],
    diverged: tuple[Sequence[int], Sequence[int]] = ((), ()), column: str | None = None,
) -> Agreement | None:  # fmt: skip
    """Compare histories by seed on the epochs of the coarser one, linearly between records.

    column: val_loss, or train_loss without validation, unless given. Row 0, before any update, is left out.
    None where no seed is left, or the histories share no epoch.
    """
    lost = {*diverged[0], *diverged[1]}
    seeds = tuple(seed for seed in first if seed in second and seed not in lost)
    if not seeds:
        return None
    column = column or f"{selection_split(first[seeds[0]])}_loss"
    epochs = _common_epochs([table for seed in seeds for table in (first[seed], second[seed])])
    if not len(epochs):
        return None
    a = np.array([_at(first[seed], column, epochs) for seed in seeds])
    b = np.array([_at(second[seed], column, epochs) for seed in seeds])
    gap = (b - a).mean(axis=0)
    worst = int(np.abs(gap).argmax())
    many = len(seeds) > 1
    spread = (float(a[:, worst].std(ddof=1)), float(b[:, worst].std(ddof=1))) if many else (math.nan, math.nan)
    return Agreement(
        column, epochs, gap, a.mean(axis=0), b.mean(axis=0), float(gap[worst]), float(epochs[worst]), spread,
        mean_interval((b - a)[:, -1].tolist()), seeds, (tuple(diverged[0]), tuple(diverged[1])),
    )  # fmt: skip


def _common_epochs(tables: Sequence["pd.DataFrame"]) -> Floats:
    """Epochs of the history with the fewest records, within those that all reach and after all first records."""
    after = [table["epoch"].to_numpy(float)[1:] for table in tables]
    if any(len(epochs) == 0 for epochs in after):
        return np.empty(0)
    begin, end = max(epochs[0] for epochs in after), min(epochs[-1] for epochs in after)
    coarsest = min(after, key=len)
    return np.asarray(coarsest[(coarsest >= begin - 1e-9) & (coarsest <= end + 1e-9)])


def _at(table: "pd.DataFrame", column: str, epochs: Floats) -> Floats:
    return np.asarray(np.interp(epochs, table["epoch"].to_numpy(float)[1:], table[column].to_numpy(float)[1:]))


def write_check(
    found: Agreement | None, groups: Mapping[str, Sequence["pd.DataFrame"]], folder: Path, note: str = ""
) -> Path:
    """The table of gaps (where there is one) and the overlay of the two curves; returns the figure's path."""
    import pandas as pd

    if found is not None:
        columns: dict[str, Any] = {"epoch": found.epochs, "original": found.first_mean, "scaled": found.second_mean}
        table = pd.DataFrame(columns | {"gap": found.gap})
        write_table(folder / TABLE, table)
    column = found.column if found is not None else "val_loss"
    return plots.save_figure(plots.overlay_figure(groups, column, x="epoch", title=note), folder / FIGURE)
