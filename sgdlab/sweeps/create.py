"""A new sweep: every run resolved and checked, with a forecast of its cost, then a folder with the plan."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import Config, Document, locate, portable_values, without_grid
from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import RunFolderError
from sgdlab.runs.environment import available_cores
from sgdlab.runs.folder import ENDED, is_sweep
from sgdlab.runs.locks import held
from sgdlab.runs.names import LOCK
from sgdlab.runs.new_folder import create_folder, group_name
from sgdlab.sweeps.manifest import RESOLVED_KEYS, Entry, Manifest, plan_differences, read_manifest
from sgdlab.sweeps.plan import Axis, PlannedRun, own_axes, plan_runs

if TYPE_CHECKING:
    from sgdlab.data.download import Progress


@dataclass(frozen=True)
class SweepPlan:
    """The runs of a sweep, and of each, in the same order: what was resolved, why its engine, and its forecast.

    updates: of all runs together; None where a budget is in seconds.
    """

    document: Document
    runs: Sequence[PlannedRun]
    resolved: Sequence[Mapping[str, Any]]
    reasons: Sequence[str]
    seconds: Sequence[float]
    updates: int | None

    def jobs(self, wanted: int | None) -> int:
        """Runs at once: as asked for, or as many as the cores carry."""
        return jobs_at_once(self.resolved, wanted)

    def wall_seconds(self, jobs: int) -> float:
        """About how long all runs take, so many at once."""
        return max(sum(self.seconds) / jobs, max(self.seconds))


def plan_sweep(document: Document, axes: Sequence[Axis], progress: "Progress | None" = None) -> SweepPlan:
    """Resolve every run of a grid before any of them starts; ConfigError or DataError otherwise.

    The config's own grid (its key `sweep`) is used for the keys that `axes` does not name.
    """
    axes = own_axes(document, {axis.key for axis in axes}) + list(axes)
    document = without_grid(document)
    runs = plan_runs(document, axes)

    from sgdlab.sweeps.cost import estimated_seconds, updates  # torch is loaded once the configs are right
    from sgdlab.training.resolve import resolve

    data_sets: dict[Any, PreparedData] = {}
    resolved, reasons, seconds, steps = [], [], [], []
    with locate(document):
        for run in runs:
            data = run.config.dataset.model_dump_json()  # options of a user's own function do not hash
            if data not in data_sets:  # a seed changes which rows are drawn, not how many
                data_sets[data] = load(run.config.dataset, run.config.seed, progress=progress)
            answer = resolve(run.config, data_sets[data], len(runs))
            resolved.append(resolved_values(answer.config))
            reasons.append(answer.engine_reason)
            seconds.append(estimated_seconds(answer.config, data_sets[data]))
            steps.append(updates(answer.config, data_sets[data]))
    compile_engines(resolved)
    known = [count for count in steps if count is not None]
    return SweepPlan(document, runs, resolved, reasons, seconds, sum(known) if len(known) == len(steps) else None)


def create_sweep(plan: SweepPlan, runs_dir: Path, name: str | None = None) -> Manifest:
    """A new folder for the sweep with its plan on disk, before any run."""
    return _write_plan(plan, create_folder(runs_dir, name, group_name(plan.runs[0].config, "sweep")))


def sweep_into(plan: SweepPlan, path: Path) -> Manifest:
    """The sweep in `path` if it has this plan, a new one there if nothing is; RunFolderError otherwise."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path}: cannot hold a sweep: {getattr(error, 'strerror', None) or error}") from None
    with held(path):
        if not is_sweep(path):
            if any(child.name != LOCK for child in path.iterdir()):
                raise RunFolderError(f"{path}: holds something else than a sweep; name another folder")
            return _write_plan(plan, path)
        manifest = read_manifest(path)
    differences = plan_differences(manifest, plan.runs)
    if differences:
        shown = "; ".join(differences[:5]) + (f"; and {len(differences) - 5} more" if len(differences) > 5 else "")
        raise RunFolderError(f"{path}: holds a sweep of another plan: {shown}")
    return manifest


def _write_plan(plan: SweepPlan, path: Path) -> Manifest:
    entries = [
        Entry(run.name, dict(run.varied), dict(values), "planned", reason)
        for run, values, reason in zip(plan.runs, plan.resolved, plan.reasons, strict=True)
    ]
    manifest = Manifest(path, portable_values(plan.document), entries)
    manifest.write(durable=True)
    return manifest


def longest_first(plan: SweepPlan, manifest: Manifest) -> list[Entry]:
    """Unfinished runs in the order that keeps all cores busy to the end; those of one seed stay together."""
    cost = {entry.name: seconds for entry, seconds in zip(manifest.entries, plan.seconds, strict=True)}
    return sorted(unfinished(manifest), key=lambda entry: -cost[entry.name])


def unfinished(manifest: Manifest) -> list[Entry]:
    """The runs that are still to be carried out: all but those that have ended."""
    return [entry for entry in manifest.entries if entry.status not in ENDED]


def resolved_values(config: Config) -> dict[str, Any]:
    """What a plan keeps of a resolved config."""
    return {key: getattr(config, key) for key in RESOLVED_KEYS}


def compile_engines(resolved: Iterable[Mapping[str, Any]]) -> None:
    """Compile the engines that runs will use, before the workers are forked, which inherit it."""
    from sgdlab.training.engines.select import ENGINES

    for name in {str(values["engine"]) for values in resolved}:
        ENGINES[name].compile()


def jobs_at_once(resolved: Iterable[Mapping[str, Any]], wanted: int | None) -> int:
    """Runs at once, given the resolved values of each: as asked for, or as many as the cores carry."""
    threads = [int(values["threads"]) for values in resolved]
    return max(min(wanted or available_cores() // max(threads, default=1), len(threads)), 1)
