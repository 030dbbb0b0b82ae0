"""A run or a sweep on disk, opened: its history, summary, figures, model."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import Config
from sgdlab.errors import RunFolderError
from sgdlab.results import figures
from sgdlab.runs.folder import RunFolder, is_run, is_sweep
from sgdlab.sweeps.manifest import Manifest, read_manifest
from sgdlab.sweeps.summary import results, summarize, varied_keys

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from torch import nn


class Run:
    """A run on disk."""

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder(Path(path))

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @cached_property
    def history(self) -> "pd.DataFrame":
        """history.csv, a row for each evaluation; columns in sgdlab.runs.history.COLUMNS."""
        return self.folder.history()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json; `status` first of all."""
        return self.folder.summary()

    @cached_property
    def config(self) -> Config:
        """The resolved config."""
        return self.folder.config()

    def plot(self, kind: str = "curves", **options: Any) -> "Figure":
        """The run's figure: one of sgdlab.results.figure_kinds; options as in sgdlab.plots."""
        return figures.run_figure(self.folder, kind, **options)

    def load_model(self) -> "nn.Module":
        """The best model of the run, in evaluation mode, on the CPU."""
        from sgdlab.results.prediction import load_model

        return load_model(self.folder)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.summary.get('status')})"


class Sweep:
    """A sweep on disk."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def manifest(self) -> Manifest:
        """The plan, with the status of each run."""
        return read_manifest(self.path)

    @cached_property
    def runs(self) -> list[Run]:
        """The runs that have a folder, in the order of the plan."""
        return [Run(f.path) for e in self.manifest.entries if is_run((f := self.manifest.folder(e)).path)]

    @cached_property
    def results(self) -> "pd.DataFrame":
        """A row for each run of the plan."""
        return results(self.manifest)

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """Means and standard deviations over seeds for each setting."""
        return summarize(self.results, varied_keys(self.manifest))

    def plot(self, kind: str = "panels", **options: Any) -> "Figure":
        """The sweep's figure: one of sgdlab.results.figure_kinds; options as in sgdlab.plots."""
        return figures.groups_figure(figures.sweep_groups(self.manifest), kind, **options)

    def __repr__(self) -> str:
        return f"Sweep({str(self.path)!r}, {len(self.manifest.entries)} runs)"


def open_run(path: str | Path) -> Run | Sweep:
    """What lies at `path`; RunFolderError when it is neither a run nor a sweep."""
    path = Path(path)
    if is_sweep(path):
        return Sweep(path)
    if is_run(path):
        return Run(path)
    reason = "is neither a run nor a sweep" if os.path.exists(path) else "does not exist"
    raise RunFolderError(f"{path}: {reason}; `sgdlab ls` lists what there is")
