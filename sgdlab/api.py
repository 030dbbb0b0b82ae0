"""The notebook API, which the command line calls too: train, sweep, resume, open what they left."""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab import figures
from sgdlab.config import (
    Config,
    Document,
    build_config,
    find_config,
    locate,
    set_initial,
    set_text,
    set_value,
)
from sgdlab.data import load
from sgdlab.environment import available_cores
from sgdlab.errors import ConfigError, RunFailed, RunFolderError
from sgdlab.locks import held
from sgdlab.results import Run, Sweep, open_run
from sgdlab.runs import (
    RunFolder,
    checked_name,
    create_run_folder,
    run_name,
    stamped,
)
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.plan import Axis, without_grid
from sgdlab.sweeps.ready import (
    SweepPlan,
    create_sweep,
    jobs_at_once,
    longest_first,
    plan_sweep,
    sweep_into,
    unfinished,
)

if TYPE_CHECKING:
    from sgdlab.data import Progress
    from sgdlab.session import Observer, Session
    from sgdlab.signals import StopRequest

RUNS_DIR = Path("runs")
Draw = Callable[[Callable[[Path], Any], Path], Callable[[], Any]]
"""Begins a drawing in a folder and gives what waits for its end: `Artist.draw`, or `partial` to draw in place."""

Source = str | Path | Mapping[str, Any]
_INITIAL = ("batch_size", "learning_rate")


def document_of(source: Source, overrides: Iterable[str] = (), **options: Any) -> Document:
    """A config file, shipped name or mapping, with KEY=VALUE overrides and options applied.

    options: config keys with dots as double underscores; None leaves the config's value. A batch
    size or learning rate sets the initial one and keeps its schedule.
    """
    document = Document(plain(source)) if isinstance(source, Mapping) else find_config(str(source))
    for assignment in overrides:
        set_text(document, assignment)
    for key, value in options.items():
        if value is not None:
            put = set_initial if key in _INITIAL and not isinstance(value, Mapping) else set_value
            put(document, key.replace("__", "."), plain(value), f"--{key.replace('_', '-')} {value}")
    return document


def plain(value: Any) -> Any:
    """A copy of `value` as YAML could have given it: numpy's numbers as Python's, paths as text."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if getattr(value, "shape", None) == () else value


def prepare(document: Document, progress: "Progress | None" = None) -> "Session":
    """Everything that can be refused is refused here, before any folder exists.

    A config that describes a sweep is trained as it stands, without its grid. progress: told of a
    download as (file, bytes done, bytes in all or None).
    """
    config = build_config(without_grid(document))
    with locate(document):
        problem = load(config.dataset, config.seed, progress=progress)

        from sgdlab.resolve import resolve  # torch is loaded once config and data are right
        from sgdlab.session import Session

        return Session(resolve(config, problem), problem)


def run_session(
    session: "Session",
    runs_dir: Path = RUNS_DIR,
    name: str | None = None,
    observe: "Observer | None" = None,
    stop: "StopRequest | None" = None,
    draw: Draw = partial,
) -> Run:
    """Carry out a prepared run in a new folder and draw its figures."""
    folder = create_run_folder(runs_dir, checked_name(name) if name is not None else stamped(run_name(session.config)))
    session.run(folder, observe or _unobserved, stop)
    return _finished(folder, draw)


def train(
    config: Source = "default",
    *,
    overrides: Iterable[str] = (),
    runs_dir: str | Path = RUNS_DIR,
    name: str | None = None,
    **options: Any,
) -> Run:
    """Train once and return the run.

    >>> run = sgdlab.train("parr/minibatch-8", epochs=5, learning_rate=0.003)
    >>> run.history["val_loss"].min()

    config: file, shipped name or mapping. options: config keys, as batch_size=8, model__hidden=[100].
    Raises ConfigError, DataError or EngineError before anything is written.
    """
    return run_session(prepare(document_of(config, overrides, **options)), Path(runs_dir), name)


def resume_run(
    folder: RunFolder,
    epochs: float | None = None,
    observe: "Observer | None" = None,
    stop: "StopRequest | None" = None,
    tell: Callable[[str], None] | None = None,
) -> Run:
    """Continue a run from its last checkpoint; `epochs` extends its budget.

    tell: hears of every repair, and of a run that begins again because it had no checkpoint yet.
    """
    session = reopen(folder, epochs)
    try:
        session.run(folder, observe or _unobserved, stop)
    finally:
        for note in session.notes:
            (tell or _unobserved)(note)
    return _finished(folder, partial)


def reopen(folder: RunFolder, epochs: float | None = None) -> "Session":
    """A run on disk made ready to go on, on this machine; refusals as in `prepare`."""
    from sgdlab.resolve import Resolved, resolve
    from sgdlab.session import Session

    config = folder.config()
    if epochs is not None:
        config = extended(config, epochs)
    problem = load(config.dataset, config.seed)
    try:
        reason = str(folder.summary().get("engine_reason", ""))
    except RunFolderError:
        reason = ""
    return Session(Resolved(resolve(config, problem).config, reason), problem)


def extended(config: Config, epochs: float) -> Config:
    """The config with a larger budget in epochs; ConfigError where that would change the past."""
    option = f"--epochs {epochs:g}"
    if config.epochs is None:
        raise ConfigError(f"{option}: the run's budget is {config.limit}; start a new run")
    if not config.epochs <= epochs < math.inf:
        raise ConfigError(f"{option}: must be a number of at least the {config.epochs:g} epochs of the run")
    if config.learning_rate.schedule in ("cosine", "one-cycle") and epochs != config.epochs:
        raise ConfigError(
            f"{option}: the {config.learning_rate.schedule} schedule depends on the number of epochs; start a new run"
        )
    return config.model_copy(update={"epochs": float(epochs)})


def run_sweep(
    manifest: Manifest,
    todo: list[Entry],
    jobs: int,
    observe: Callable[[Entry, Any], None] | None = None,
    tick: Callable[[], None] | None = None,
    stop: "StopRequest | None" = None,
    draw: Draw = partial,
) -> Sweep:
    """Carry out those runs of a sweep that are not finished yet, then write its tables and figures.

    RunFolderError where another process is at work on it, RunFailed where the disk refuses.
    """
    from sgdlab.signals import stop_on_signals
    from sgdlab.sweeps.execute import execute
    from sgdlab.sweeps.summary import write_tables

    try:
        with held(manifest.path), nullcontext(stop) if stop is not None else stop_on_signals() as request:
            manifest.refresh()  # another process may have carried on with it while we waited
            open_still = {entry.name for entry in unfinished(manifest)}
            todo = [entry for entry in todo if entry.name in open_still]
            execute(manifest, todo, jobs, available_cores(), observe or _unobserved, tick or _idle, request)
            drawn = draw(figures.draw_sweep, manifest.path)
            write_tables(manifest)
            drawn()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RunFailed(f"{error.filename or manifest.path}: {error.strerror or error}") from error
    return Sweep(manifest.path)


def sweep(
    config: Source = "default",
    *,
    batch_sizes: Iterable[Any] = (),
    learning_rates: Iterable[float] = (),
    seeds: Iterable[int] = (),
    vary: Mapping[str, Iterable[Any]] | None = None,
    jobs: int | None = None,
    overrides: Iterable[str] = (),
    runs_dir: str | Path = RUNS_DIR,
    name: str | None = None,
    **options: Any,
) -> Sweep:
    """Train on a grid and return the sweep.

    >>> sgdlab.sweep(batch_sizes=[8, 64], seeds=range(3)).summary

    vary: any config key with its values. A run that fails or diverges is a row of the results.
    """
    plan = plan_sweep(document_of(config, overrides, **options), grid(batch_sizes, learning_rates, seeds, vary))
    manifest = create_sweep(plan, Path(runs_dir), name)
    return run_sweep(manifest, longest_first(plan, manifest), plan.jobs(jobs))


def grid(
    batch_sizes: Iterable[Any],
    learning_rates: Iterable[float],
    seeds: Iterable[int],
    vary: Mapping[str, Iterable[Any]] | None = None,
) -> list[Axis]:
    """The axes of a sweep in their usual order: other keys, batch size, learning rate, seed."""
    named = {"batch_size": batch_sizes, "learning_rate": learning_rates, "seed": seeds}
    options = {"batch_size": "--batch-sizes", "learning_rate": "--learning-rates", "seed": "--seeds"}
    axes = [Axis(key, tuple(map(plain, values)), f"--vary {key}") for key, values in (vary or {}).items()]
    axes += [Axis(key, tuple(map(plain, values)), options[key]) for key, values in named.items()]
    return [axis for axis in axes if axis.values]


def _finished(folder: RunFolder, draw: Draw) -> Run:
    draw(figures.draw_run, folder.path)()
    return Run(folder.path)


def _unobserved(*_: object) -> None:
    """Nobody watches."""


def _idle() -> None:
    """Nothing to do meanwhile."""


__all__ = [
    "Run",
    "Sweep",
    "SweepPlan",
    "create_sweep",
    "jobs_at_once",
    "longest_first",
    "open_run",
    "plan_sweep",
    "sweep",
    "sweep_into",
    "train",
    "unfinished",
]
