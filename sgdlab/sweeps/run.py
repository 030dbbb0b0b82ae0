"""A sweep from its plan on disk to its tables: runs carried out, figures drawn by whom the caller names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sgdlab.errors import RunFailed
from sgdlab.runs.environment import available_cores
from sgdlab.runs.locks import held
from sgdlab.sweeps.create import unfinished
from sgdlab.sweeps.manifest import Entry, Manifest
from sgdlab.sweeps.watch import Watcher
from sgdlab.training.signals import stop_on_signals

DrawSweep = Callable[[Path], Callable[[], Any]]
"""Begins to draw the figures of a sweep's folder, and gives what waits for their end."""


def run_sweep(
    manifest: Manifest,
    todo: list[Entry],
    jobs: int,
    draw: DrawSweep,
    watcher: Watcher | None = None,
) -> None:
    """Carry out those runs of a sweep that are not finished yet, then write its tables and figures.

    RunFolderError where another process is at work on it, RunFailed where the disk refuses.
    """
    from sgdlab.sweeps.execute import execute
    from sgdlab.sweeps.summary import write_tables

    try:
        with held(manifest.path), stop_on_signals() as request:
            manifest.refresh()  # another process may have carried on with it while we waited
            open_still = {entry.name for entry in unfinished(manifest)}
            todo = [entry for entry in todo if entry.name in open_still]
            execute(manifest, todo, jobs, available_cores(), watcher or Watcher(), request)
            wait = draw(manifest.path)
            write_tables(manifest)
            wait()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RunFailed(f"{error.filename or manifest.path}: {error.strerror or error}") from error
