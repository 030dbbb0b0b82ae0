"""The check of a scaling rule: both configs trained over the seeds, their validation curves compared by epoch."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sgdlab import plots
from sgdlab.analysis.intervals import Interval, mean_interval
from sgdlab.analysis.wording import number
from sgdlab.config import Document, build_config, set_value, without_grid
from sgdlab.probes.scaling_rule import ScaledConfig
from sgdlab.results.figures import draw_run
from sgdlab.runs.files import write_table, write_text
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.names import SCALED_CONFIG, SCALED_FIGURE, SCALED_TABLE
from sgdlab.runs.new_folder import create_folder, run_name
from sgdlab.runs.selection import selection_split
from sgdlab.training.start import new_session

if TYPE_CHECKING:
    import pandas as pd

    from sgdlab.training.session import RunObserver

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RuleCheck:
    """The folder with the runs, and the verdict line by line; interrupted: it was stopped before there was one."""

    path: Path
    verdict: list[str]
    interrupted: bool = False


def check_rule(
    document: Document,
    scaled: ScaledConfig,
    seeds: Sequence[int],
    runs_dir: Path,
    name: str | None,
    watching: "Callable[[], AbstractContextManager[RunObserver]]",
) -> RuleCheck:
    """Train a config and its scaled form over the seeds as ordinary runs in one new folder, and compare them there.

    seeds: the config's own where empty;  watching: who observes a run, asked anew for each.
    """
    config = build_config(without_grid(document))
    folder = create_folder(runs_dir, name, f"{run_name(config)}-scale-{scaled.rule}")
    write_text(folder / SCALED_CONFIG, scaled.yaml())
    labels = {"original": f"batch {config.batch_size.initial}", "scaled": scaled.label}
    drawn: dict[str, list[pd.DataFrame]] = {label: [] for label in labels.values()}
    ended: dict[str, dict[int, pd.DataFrame]] = {name: {} for name in labels}
    verdict = []
    for seed in seeds or (scaled.config.seed,):
        for which, source in (("original", document), ("scaled", scaled.document)):
            run = _train(source, seed, RunFolder(create_folder(folder, f"{which}-seed{seed}", "")), watching)
            summary = run.summary()
            if summary["status"] == "interrupted":
                return RuleCheck(folder, [], interrupted=True)
            history = run.history()
            drawn[labels[which]].append(history)
            if summary["status"] == "diverged":
                verdict.append(f"{labels[which]}, seed {seed}: {summary['reason']}; the seed is left out")
            else:
                ended[which][seed] = history
    found = agreement(ended["original"], ended["scaled"])
    _write(found, drawn, folder)
    none = ["no seed is left in which both runs can be compared"]
    return RuleCheck(folder, verdict + (none if found is None else found.in_words(*labels.values())))


def _train(
    document: Document, seed: int, folder: RunFolder, watching: "Callable[[], AbstractContextManager[RunObserver]]"
) -> RunFolder:
    seeded = copy.deepcopy(document)
    set_value(seeded, "seed", seed, f"--seeds {seed}")
    with watching() as observe:
        new_session(seeded).run(folder, observe)
    draw_run(folder.path)
    return folder


@dataclass(frozen=True)
class Agreement:
    """second − first, by epoch, over the seeds in which both runs came to their end.

    column: what is compared;  epochs, gap: [K], gap the mean over seeds;  largest, at_epoch: the gap of
    largest size and where;  spread: the seeds' standard deviation there of (first, second), NaN for one seed;
    final: the gap at the last common epoch with its paired t interval.
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

    def in_words(self, first: str, second: str) -> list[str]:
        """The verdict line by line."""
        name, last = self.column.replace("_", " "), f"at epoch {number(self.epochs[-1])}"
        gap = f"{self.largest:+.3g} at epoch {number(self.at_epoch)} ({second} - {first})"
        if len(self.seeds) == 1:
            alone = f"{self.final.estimate:+.3g}; one seed has no interval, use --seeds 0-4"
            return [f"largest gap in {name} by epoch: {gap}", f"{last}: {alone}"]
        spread = f"seeds spread by {self.spread[0]:.2g} and {self.spread[1]:.2g} (std) there"
        inside = self.final.low <= 0 <= self.final.high
        verdict = "the seeds cannot tell them apart" if inside else "they differ"
        return [
            f"largest gap in {name} by epoch: {gap}; {spread}",
            f"{last}: {self.final}, n = {len(self.seeds)}, paired t: {verdict}",
        ]


def agreement(first: Mapping[int, "pd.DataFrame"], second: Mapping[int, "pd.DataFrame"]) -> Agreement | None:
    """Compare histories by seed on the epochs of the coarser one, linearly between records.

    Compared is val_loss, or train_loss without validation, over the seeds that both have. Row 0, before any
    update, is left out. None where no seed is shared, or the histories share no epoch.
    """
    seeds = tuple(seed for seed in first if seed in second)
    if not seeds:
        return None
    column = f"{selection_split(first[seeds[0]])}_loss"
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
        mean_interval((b - a)[:, -1].tolist()), seeds,
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


def _write(found: Agreement | None, groups: Mapping[str, Sequence["pd.DataFrame"]], folder: Path) -> None:
    """The table of gaps, where there is one, and the overlay of the two curves."""
    import pandas as pd

    if found is not None:
        columns = {"epoch": found.epochs, "original": found.first_mean, "scaled": found.second_mean, "gap": found.gap}
        write_table(folder / SCALED_TABLE, pd.DataFrame(columns))
    column = found.column if found is not None else "val_loss"
    plots.save_figure(plots.overlay_figure(groups, column, x="epoch"), folder / SCALED_FIGURE)
