"""Carrying out a study: round after round of ordinary runs on all cores, until nothing is missing."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.config import Config
from sgdlab.data import PreparedData, load
from sgdlab.errors import RunFailed, RunFolderError
from sgdlab.runs.environment import available_cores
from sgdlab.runs.locks import held
from sgdlab.runs.names import PLAN
from sgdlab.studies.folder import read_question, write_question
from sgdlab.studies.question import Question
from sgdlab.studies.rounds import Round, next_round
from sgdlab.studies.trial import ENDED, Key, Request, Trial, read_trial
from sgdlab.sweeps.create import jobs_at_once
from sgdlab.sweeps.manifest import RESOLVED_KEYS, Entry, Manifest, read_manifest
from sgdlab.sweeps.watch import Watch, unwatched

if TYPE_CHECKING:
    from sgdlab.training.signals import StopRequest


def conduct(path: Path, jobs: int | None = None, watch: Watch = unwatched, stop: "StopRequest | None" = None) -> bool:
    """Do every run that the study in `path` still needs. Whether it is complete; False when it was stopped.

    jobs: runs at once, as many as the cores carry unless given. Raises RunFailed where runs failed, which
    `resume` tries again, and RunFolderError where the data are no longer those of the study.
    """
    from sgdlab.training.signals import stop_on_signals

    with held(path), nullcontext(stop) if stop is not None else stop_on_signals() as request:
        question = read_question(path)
        manifest, data = manifest_of(path, question), data_of(question, path)
        trials: dict[Key, Trial] = {}
        while True:
            read_trials(manifest, question, trials)
            following = next_round(question, trials)
            if following.target is not None:
                question = replace(question, target=following.target)
                write_question(path, question)
            elif not following.requests:
                return True
            else:
                _carry_out(manifest, question, data, following, jobs, watch, request)
                if request.requested:
                    return False


def data_of(question: Question, path: Path | None = None) -> PreparedData:
    """The study's data; RunFolderError where they have changed since it began."""
    config = question.config(question.batch_sizes[0])
    data = load(config.dataset, question.seeds[0])
    if question.data and data.checksum != question.data:
        raise RunFolderError(f"{path}: the data set has changed since this study began; start a new one")
    return data


def manifest_of(path: Path, question: Question) -> Manifest:
    """The runs of a study, as sweep.yaml in its folder lists them."""
    return read_manifest(path) if (path / PLAN).exists() else Manifest(path, question.base, [])


def key_of(entry: Entry) -> Key:
    """The key of an entry, from its name and what it varies."""
    varied, stage = entry.varied, entry.name.partition("-")[0]
    return stage, varied["batch_size"], float(varied["learning_rate"]), varied["seed"]  # type: ignore[return-value]


def read_trials(manifest: Manifest, question: Question, trials: dict[Key, Trial]) -> None:
    """Add every run that has ended to `trials`."""
    for entry in manifest.entries:
        key = key_of(entry)
        if key not in trials and (trial := read_trial(manifest.folder(entry), key, question.metric)) is not None:
            trials[key] = trial


def entry_for(request: Request, question: Question, data: PreparedData) -> tuple[Entry, float]:
    """The planned run of a request, resolved, and about how many seconds it takes.

    It has one core unless the config says otherwise, however many runs are at work: all are timed alike.
    """
    from sgdlab.sweeps.cost import estimated_seconds
    from sgdlab.training.resolve import resolve

    config = config_for(request, question)
    answer = resolve(config, data, available_cores())
    resolved = {key: getattr(answer.config, key) for key in RESOLVED_KEYS}
    entry = Entry(request.name, request.varied, resolved, "planned", answer.engine_reason)
    return entry, estimated_seconds(answer.config, data)


def config_for(request: Request, question: Question) -> Config:
    """The config of a request, not yet resolved."""
    changes = {key: value for key, value in request.varied.items() if key not in ("batch_size", "learning_rate")}
    return question.config(request.batch_size, **changes | {"learning_rate.initial": request.learning_rate})


def in_words(requests: Sequence[Request]) -> str:
    """`40 runs: 32 scan, 8 refine`."""
    counts: dict[str, int] = {}
    for request in requests:
        counts[request.stage] = counts.get(request.stage, 0) + 1
    parts = ", ".join(f"{count} {stage}" for stage, count in counts.items())
    return f"{len(requests)} run{'s' if len(requests) != 1 else ''}: {parts}"


def _carry_out(
    manifest: Manifest,
    question: Question,
    data: PreparedData,
    following: Round,
    jobs: int | None,
    watch: Watch,
    stop: "StopRequest",
) -> None:
    """One round, its longest runs first; RunFailed where a run failed."""
    from sgdlab.sweeps.execute import execute
    from sgdlab.training.engines.select import ENGINES

    known = {key_of(entry): entry for entry in manifest.entries}
    planned = [entry_for(request, question, data) for request in following.requests]
    costs = {entry.name: seconds for entry, seconds in planned}
    todo = [known.get(key_of(entry), entry) for entry, _ in planned]
    manifest.entries += [entry for entry in todo if key_of(entry) not in known]
    manifest.write()
    for name in {str(entry.resolved["engine"]) for entry in todo}:
        ENGINES[name].compile()  # before the workers are forked, which inherit it
    todo.sort(key=lambda entry: -costs[entry.name])
    at_once = jobs_at_once([int(entry.resolved["threads"]) for entry in todo], jobs)
    with watch(in_words(following.requests), todo) as watcher:
        execute(manifest, todo, at_once, available_cores(), watcher, stop)
    failed = [entry for entry in todo if entry.status not in ENDED]
    if failed and not stop.requested:
        reason = _reason(manifest, failed[0])
        raise RunFailed(
            f"{len(failed)} of {len(todo)} runs failed; the first, {manifest.folder(failed[0]).path}: {reason}\n"
            f"mend it, then continue with: sgdlab resume {manifest.path}"
        )


def _reason(manifest: Manifest, entry: Entry) -> str:
    try:
        return str(manifest.folder(entry).summary().get("reason", entry.status))
    except RunFolderError as error:
        return str(error)
