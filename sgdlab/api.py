"""What notebooks and the command line call: train, sweep, study, and what they left opened again."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import ConfigSource, document_of
from sgdlab.results import figures
from sgdlab.results.opened import Run, Sweep, open_run
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.names import RUNS_DIR
from sgdlab.runs.new_folder import create_folder, run_name
from sgdlab.studies.create import create_study, extend_plan, plan_study
from sgdlab.studies.execute import run_study
from sgdlab.studies.folder import write_plan
from sgdlab.studies.opened import Study
from sgdlab.sweeps.create import create_sweep, longest_first, plan_sweep
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.plan import grid
from sgdlab.training.start import new_session, reopen_session

if TYPE_CHECKING:
    from sgdlab.sweeps.watch import Watcher
    from sgdlab.training.session import RunObserver, Session

__all__ = ["Run", "Study", "Sweep", "extend_study", "open_run", "study", "sweep", "train"]

Draw = Callable[[Callable[[Path], Any], Path], Callable[[], Any]]
"""Begins a drawing in a folder, gives what waits for its end: `FigureProcess.draw`, or `partial` to draw in place."""


def run_session(
    session: "Session",
    runs_dir: Path = RUNS_DIR,
    name: str | None = None,
    observe: "RunObserver | None" = None,
    draw: Draw = partial,
) -> Run:
    """Carry out a prepared run in a new folder and draw its figures."""
    folder = RunFolder(create_folder(runs_dir, name, run_name(session.config)))
    session.run(folder, observe or _unobserved)
    return _finished(folder, draw)


def train(
    config: ConfigSource = "default",
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
    return run_session(new_session(document_of(config, overrides, **options)), Path(runs_dir), name)


def resume_run(
    folder: RunFolder,
    epochs: float | None = None,
    observe: "RunObserver | None" = None,
    tell: Callable[[str], None] | None = None,
) -> Run:
    """Continue a run from its last checkpoint; `epochs` extends its budget.

    tell: hears of every repair, and of a run that begins again because it had no checkpoint yet.
    """
    session = reopen_session(folder, epochs)
    try:
        session.run(folder, observe or _unobserved)
    finally:
        for note in session.notes:
            (tell or _unobserved)(note)
    return _finished(folder, partial)


def sweep(
    config: ConfigSource = "default",
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
    return run_planned(manifest, longest_first(plan, manifest), plan.jobs(jobs))


def run_planned(
    manifest: Manifest, todo: list[Entry], jobs: int, watcher: "Watcher | None" = None, draw: Draw = partial
) -> Sweep:
    """Carry out those runs of a sweep that are not finished yet, its tables and figures with them."""
    from sgdlab.sweeps.run import run_sweep

    run_sweep(manifest, todo, jobs, partial(draw, figures.draw_sweep), watcher)
    return Sweep(manifest.path)


def study(
    config: ConfigSource = "default",
    *,
    batch_sizes: Iterable[Any] = (),
    learning_rates: Iterable[float] | None = None,
    seeds: Iterable[int] = range(5),
    stop_at: str | None = None,
    budget: str | None = None,
    jobs: int | None = None,
    overrides: Iterable[str] = (),
    runs_dir: str | Path = RUNS_DIR,
    name: str | None = None,
    **options: Any,
) -> Study:
    """Tune the rate at each batch size, measure steps to target over seeds, and return the study.

    >>> study = sgdlab.study(batch_sizes=[8, 32, 128, 512], seeds=range(5))
    >>> study.table, study.fit, study.recommend()

    stop_at: the target, as "val_loss=0.25"; without it the worst of the best losses that the batch sizes reach in
    tuning. budget: of each run, as "200 epochs"; the config's own unless given. options: config keys, as for train.
    """
    rates = None if learning_rates is None else list(learning_rates)
    plan = plan_study(document_of(config, overrides, **options), list(batch_sizes), rates, list(seeds), stop_at, budget)
    return run_study(create_study(plan, Path(runs_dir), name), jobs)


def extend_study(
    path: str | Path, batch_sizes: Iterable[Any] = (), seeds: Iterable[int] = (), jobs: int | None = None
) -> Study:
    """Add batch sizes and seeds to a study; only the runs that are missing are done."""
    path = Path(path)
    write_plan(path, extend_plan(path, None, list(batch_sizes), None, list(seeds)))
    return run_study(path, jobs)


def _finished(folder: RunFolder, draw: Draw) -> Run:
    draw(figures.draw_run, folder.path)()
    return Run(folder.path)


def _unobserved(*_: object) -> None:
    """Nobody watches."""
