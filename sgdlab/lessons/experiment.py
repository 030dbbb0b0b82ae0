"""The sweeps that a lesson needs: shipped configs with their grids, each carried out as an ordinary sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sgdlab.config import document_of
from sgdlab.results.figures import draw_sweep
from sgdlab.results.opened import Sweep
from sgdlab.sweeps.create import SweepPlan, create_sweep, longest_first, plan_sweep
from sgdlab.sweeps.plan import grid
from sgdlab.sweeps.run import run_sweep
from sgdlab.sweeps.watch import Watch


@dataclass(frozen=True)
class Experiment:
    """One sweep: a shipped config, the seeds, what is varied and what is changed.

    only: the (batch size, rate) pairs of the grid that are run, all where None.
    """

    name: str
    config: str
    seeds: Sequence[int]
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    only: frozenset[tuple[Any, float]] | None = None

    def plan(self) -> SweepPlan:
        """Every run resolved and checked; ConfigError or DataError otherwise."""
        options = {key.replace(".", "__"): value for key, value in self.changes.items()}
        axes = grid((), (), self.seeds, self.vary)
        plan = plan_sweep(document_of(self.config, **options), axes)
        return plan if self.only is None else _chosen(plan, self.only)


def run_experiment(experiment: Experiment, folder: Path, jobs: int | None, watch: Watch) -> Sweep:
    """Run an experiment as a sweep in `folder`; KeyboardInterrupt where it was stopped on the way."""
    plan = experiment.plan()
    manifest = create_sweep(plan, folder, experiment.name)
    with watch(experiment.name, manifest.entries) as watcher:
        run_sweep(manifest, longest_first(plan, manifest), plan.jobs(jobs), partial(partial, draw_sweep), watcher)
    if {"interrupted", "planned"} & {entry.status for entry in manifest.entries}:
        raise KeyboardInterrupt
    return Sweep(manifest.path)


def _chosen(plan: SweepPlan, pairs: frozenset[tuple[Any, float]]) -> SweepPlan:
    """The plan with only those runs whose (batch size, rate) is among `pairs`."""
    kept = [
        i for i, run in enumerate(plan.runs) if (run.varied["batch_size"], float(run.varied["learning_rate"])) in pairs
    ]
    return replace(
        plan,
        runs=[plan.runs[i] for i in kept],
        resolved=[plan.resolved[i] for i in kept],
        reasons=[plan.reasons[i] for i in kept],
        seconds=[plan.seconds[i] for i in kept],
        updates=None,
    )
