"""`sgdlab resume`: go on with a run, or complete a sweep or study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.cli import study, sweep, train
from sgdlab.cli.commands import TRAIN, app
from sgdlab.cli.console import warn
from sgdlab.cli.options import Epochs, Jobs, Quiet
from sgdlab.cli.progress import run_display
from sgdlab.cli.sweep_display import SweepDisplay

if TYPE_CHECKING:
    from sgdlab.results.opened import Run, Sweep


@app.command("resume", rich_help_panel=TRAIN)
def resume(
    path: Annotated[Path, typer.Argument(metavar="RUN_OR_SWEEP", help="Folder of a run, sweep or study.")],
    epochs: Epochs = None,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Continue an interrupted run from its last checkpoint, or complete a sweep or study.

    Examples:

    sgdlab resume runs/20261121-194503-mnist-10k-adam-bs8

    sgdlab resume runs/my-run --epochs 100
    """
    from sgdlab import api
    from sgdlab.errors import UserError
    from sgdlab.results.opened import Run
    from sgdlab.studies.folder import is_study

    opened = None if is_study(path) else api.open_run(path)
    if isinstance(opened, Run):
        _resume_run(opened, epochs, quiet)
    elif epochs is not None:
        kept = "a study keeps its budget" if opened is None else "a sweep is completed as it was planned"
        raise UserError(f"--epochs extends single runs; {kept}")
    elif opened is None:
        study.go_on(path, jobs, quiet)
    else:
        _resume_sweep(opened, jobs, quiet)


def _resume_run(run: "Run", epochs: float | None, quiet: bool) -> None:
    from sgdlab import api

    with run_display(quiet) as observe:
        done = api.resume_run(run.folder, epochs, observe, tell=warn)
    train.close(done, quiet)


def _resume_sweep(opened: "Sweep", jobs: int | None, quiet: bool) -> None:
    from sgdlab import api
    from sgdlab.sweeps.create import jobs_at_once, unfinished

    todo = unfinished(opened.manifest)
    at_once = jobs_at_once((entry.resolved for entry in todo), jobs)
    with SweepDisplay(opened.manifest.entries, quiet) as display:
        done = api.run_planned(opened.manifest, todo, at_once, display)
    sweep.close(done, quiet)
