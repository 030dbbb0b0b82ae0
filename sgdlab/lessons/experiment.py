"""The sweeps that a lesson needs: shipped configs with their grids, each carried out as an ordinary sweep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sgdlab.config import Document, document_of
from sgdlab.results.figures import draw_sweep
from sgdlab.results.opened import Sweep
from sgdlab.sweeps.create import SweepPlan, create_sweep, longest_first, plan_sweep
from sgdlab.sweeps.plan import grid
from sgdlab.sweeps.run import run_sweep
from sgdlab.sweeps.watch import Watch


@dataclass(frozen=True)
class Experiment:
    """One sweep: its folder, a shipped config, the seeds, what is varied and what is changed.

    changes: as options of `document_of`.  only: the (batch size, rate) pairs of the grid that are run, all where
    None.
    """

    folder: str
    config: str
    seeds: Sequence[int]
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    only: frozenset[tuple[Any, float]] | None = None

    def document(self) -> Document:
        """The config with its changes."""
        return document_of(self.config, **self.changes)

    def plan(self) -> SweepPlan:
        """Every run resolved and checked; ConfigError or DataError otherwise."""
        plan = plan_sweep(self.document(), grid((), (), self.seeds, self.vary))
        return plan if self.only is None else _chosen(plan, self.only)


@dataclass
class ExperimentRunner:
    """Carries experiments out in a lesson's folder.

    jobs: runs at once;  watch: who watches each sweep;  tell: is told what goes on besides, a line each.
    failed: runs that failed so far.
    """

    folder: Path
    jobs: int | None
    watch: Watch
    tell: Callable[[str], None]
    failed: int = 0

    def run(self, experiments: Mapping[str, Experiment]) -> dict[str, Sweep]:
        """Each experiment as a sweep, by the name given; what can be refused is refused before the first begins.

        ConfigError or DataError then; KeyboardInterrupt where a sweep was stopped on the way.
        """
        plans = {name: experiment.plan() for name, experiment in experiments.items()}
        return {name: self._sweep(plan, experiments[name].folder) for name, plan in plans.items()}

    def _sweep(self, plan: SweepPlan, name: str) -> Sweep:
        manifest = create_sweep(plan, self.folder, name)
        with self.watch(name, manifest.entries) as watcher:
            draw = partial(partial, draw_sweep)  # in this process, once the tables are written
            run_sweep(manifest, longest_first(plan, manifest), plan.jobs(self.jobs), draw, watcher)
        if {"interrupted", "planned"} & {entry.status for entry in manifest.entries}:
            raise KeyboardInterrupt
        sweep = Sweep(manifest.path)
        self.failed += sum(entry.status in ("failed", "damaged") for entry in sweep.manifest.entries)
        return sweep


def _chosen(plan: SweepPlan, pairs: frozenset[tuple[Any, float]]) -> SweepPlan:
    """The plan with only those runs whose (batch size, rate) is among `pairs`."""
    kept = [
        i for i, run in enumerate(plan.runs) if (run.varied["batch_size"], float(run.varied["learning_rate"])) in pairs
    ]
    columns = ("runs", "resolved", "reasons", "seconds")
    chosen: dict[str, Any] = {name: [getattr(plan, name)[i] for i in kept] for name in columns}
    return replace(plan, updates=None, **chosen)
