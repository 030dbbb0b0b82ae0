"""Carrying out a study: round after round of ordinary runs on all cores, until nothing is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.analysis.wording import count
from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import RunFailed, RunFolderError
from sgdlab.runs.environment import available_cores, cpu_name
from sgdlab.runs.folder import ENDED, RunFolder
from sgdlab.runs.locks import held
from sgdlab.studies.folder import read_plan, write_plan
from sgdlab.studies.opened import Study
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import result_of
from sgdlab.studies.rounds import next_round
from sgdlab.studies.study_run import RunSpec, StudyRuns, key_of, manifest_of, read_study_runs
from sgdlab.studies.writing import write_study
from sgdlab.sweeps.create import compile_engines, jobs_at_once, resolved_values
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.watch import Watch, unwatched

if TYPE_CHECKING:
    from sgdlab.training.signals import StopRequest


def run_study(path: Path, jobs: int | None = None, watch: Watch = unwatched) -> Study:
    """Do what the study in `path` still needs, and write its tables and figures, also where it was stopped
    or runs failed. Raises as `run_rounds`."""
    try:
        run_rounds(path, jobs, watch)
    finally:
        plan = read_plan(path)
        manifest = manifest_of(path, plan)
        runs = read_study_runs(manifest, plan.metric, {})
        write_study(path, plan, result_of(plan, runs, machine_in_words(manifest, jobs)), runs)
    return Study(path)


def run_rounds(
    path: Path, jobs: int | None = None, watch: Watch = unwatched, stop: "StopRequest | None" = None
) -> bool:
    """Do every run that the study in `path` still needs. Whether it is complete; False when it was stopped.

    jobs: runs at once, as many as the cores carry unless given. Raises RunFailed where runs failed, which
    `resume` tries again, and RunFolderError where the data are no longer those of the study.
    """
    from sgdlab.training.signals import stop_on_signals

    with held(path), stop_on_signals(stop) as request:
        plan = read_plan(path)
        manifest, data = manifest_of(path, plan), data_of(plan, path)
        runs: StudyRuns = {}
        while True:
            runs = read_study_runs(manifest, plan.metric, runs)
            following = next_round(plan, runs)
            if following.target is not None:
                plan = replace(plan, target=following.target)
                write_plan(path, plan)
            elif not following.specs:
                return True
            else:
                _run_round(manifest, following.specs, data, jobs, watch, request)
                if request.requested:
                    return False


def data_of(plan: StudyPlan, path: Path | None = None) -> PreparedData:
    """The study's data; RunFolderError where they have changed since it began."""
    data = load(plan.config(plan.batch_sizes[0]).dataset, plan.seeds[0])
    if plan.data and data.checksum != plan.data:
        raise RunFolderError(f"{path}: the data set has changed since this study began; start a new one")
    return data


def entry_for(spec: RunSpec, manifest: Manifest, data: PreparedData) -> tuple[Entry, float]:
    """The listed run of a spec, resolved, and about how many seconds it takes.

    It has one core unless the config says otherwise, however many runs are at work: all are timed alike.
    """
    from sgdlab.sweeps.cost import estimated_seconds
    from sgdlab.training.resolve import resolve

    entry = Entry(spec.name, spec.varied, {})
    answer = resolve(manifest.config(entry, resolved=False), data, available_cores())
    entry.resolved = resolved_values(answer.config)
    entry.engine_reason = answer.engine_reason
    return entry, estimated_seconds(answer.config, data)


def machine_in_words(manifest: Manifest, jobs: int | None) -> str:
    """`training seconds on <cpu>, 2 runs at once`: what the seconds are of."""
    measured = [entry for entry in manifest.entries if key_of(entry).stage == "measure"]
    devices = sorted({str(entry.resolved["device"]) for entry in measured}) or ["cpu"]
    at_once = jobs_at_once((entry.resolved for entry in measured), jobs)
    where = cpu_name() if devices == ["cpu"] else ", ".join(devices)
    return f"training seconds on {where}, " + ("one run at a time" if at_once == 1 else f"{at_once} runs at once")


def _run_round(
    manifest: Manifest,
    specs: Sequence[RunSpec],
    data: PreparedData,
    jobs: int | None,
    watch: Watch,
    stop: "StopRequest",
) -> None:
    """One round, its longest runs first; RunFailed where a run failed."""
    from sgdlab.sweeps.execute import execute

    listed = {key_of(entry): entry for entry in manifest.entries}
    planned = [entry_for(spec, manifest, data) for spec in specs]
    costs = {entry.name: seconds for entry, seconds in planned}
    todo = [listed.get(key_of(entry), entry) for entry, _ in planned]
    manifest.entries += [entry for entry in todo if key_of(entry) not in listed]
    manifest.write()
    compile_engines(entry.resolved for entry in todo)
    todo.sort(key=lambda entry: -costs[entry.name])
    at_once = jobs_at_once((entry.resolved for entry in todo), jobs)
    with watch(_in_words(specs), todo) as watcher:
        execute(manifest, todo, at_once, available_cores(), watcher, stop)
    failed = [entry for entry in todo if entry.status not in ENDED]
    if failed and not stop.requested:
        folder = manifest.folder(failed[0])
        raise RunFailed(
            f"{len(failed)} of {len(todo)} runs failed; the first, {folder.path}: {_reason(folder)}\n"
            f"mend it, then continue with: sgdlab resume {manifest.path}"
        )


def _in_words(specs: Sequence[RunSpec]) -> str:
    """`40 runs: 32 scan, 8 refine`."""
    stages = Counter(spec.stage for spec in specs)
    return f"{count(len(specs), 'run')}: {', '.join(f'{runs} {stage}' for stage, runs in stages.items())}"


def _reason(folder: RunFolder) -> str:
    try:
        return str(folder.summary().get("reason", "no reason is known"))
    except RunFolderError as error:
        return str(error)
