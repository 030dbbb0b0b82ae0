"""`sgdlab ls`, `compare`, `resume`: what lies in the run folders."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli import sweep as sweep_command
from sgdlab.cli import train as train_command
from sgdlab.cli.console import say, show_table, warn
from sgdlab.cli.progress import SweepDisplay, run_display

if TYPE_CHECKING:
    from sgdlab.results.verdicts import Comparison
    from sgdlab.runs.folder import RunFolder


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ls", rich_help_panel=panels.LOOK)(ls)
    app.command("compare", rich_help_panel=panels.LOOK)(compare)
    app.command("resume", rich_help_panel=panels.TRAIN)(resume)


def ls(
    runs_dir: Annotated[Path, typer.Argument(metavar="RUNS_DIR", help="Where the folders are.")] = Path("runs"),
) -> None:
    """List runs and sweeps with status and best result.

    Example: sgdlab ls runs
    """
    from sgdlab.errors import RunFolderError
    from sgdlab.results.listing import list_folder

    if not os.path.isdir(runs_dir):
        raise RunFolderError(f"{runs_dir}: no such folder; `sgdlab train` makes it, or name another one")
    rows = list_folder(runs_dir)
    if not rows:
        say(f"{runs_dir}: no runs yet; begin with: sgdlab sweep --batch-sizes 8,64,128,256")
        return
    show_table(["name", "kind", "status", "best val loss", "accuracy", "epochs", "seconds"], rows)


def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Run or sweep folders, or folders that hold them.")
    ],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table, without verdicts.")] = False,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to judge, as best_val_accuracy; else best_val_loss.")
    ] = None,
) -> None:
    """Put runs side by side, and say which differences between settings are real.

    Runs that differ in their seed alone are one setting; seeds are paired, and Holm's correction is over all
    pairs of settings.

    Examples:

    sgdlab compare runs/examples/parr

    sgdlab compare runs/first runs/second --metric best_val_accuracy
    """
    from sgdlab.results.listing import side_by_side
    from sgdlab.results.verdicts import compare_runs

    headers, rows = side_by_side(paths)
    if csv:
        import csv as csv_module
        import sys

        csv_module.writer(sys.stdout, lineterminator="\n").writerows([headers, *rows])
        return
    comparison = compare_runs(paths, metric)
    show_table(headers, rows)
    if len(comparison.settings) > 1 or comparison.left_out:
        show_comparison(comparison)


def show_comparison(comparison: "Comparison") -> None:
    """A row for each setting, then pair by pair what can be told."""
    if any(len(setting.values) > 1 for setting in comparison.settings):
        rows = [
            [setting.label, f"{len(setting.finite)}/{len(setting.runs)}", setting.interval]
            for setting in comparison.settings
        ]
        say()
        show_table(["setting", "seeds", f"mean {comparison.metric} [95 %]"], rows)
    for line in comparison.lines():
        say(line)


def resume(
    path: Annotated[Path, typer.Argument(metavar="RUN_OR_SWEEP", help="Folder of a run, sweep or study.")],
    epochs: opt.Epochs = None,
    jobs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Runs at once, for a sweep or study.")] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Continue an interrupted run from its last checkpoint, or complete a sweep or study.

    Examples:

    sgdlab resume runs/20261121-194503-mnist-10k-adam-bs8

    sgdlab resume runs/my-run --epochs 100
    """
    from sgdlab import api
    from sgdlab.results import opened as results
    from sgdlab.studies.folder import is_study

    if is_study(path):
        _resume_study(path, epochs, jobs, quiet)
        return
    opened = api.open_run(path)
    if isinstance(opened, results.Sweep):
        _resume_sweep(opened, epochs, jobs, quiet)
    else:
        _resume_run(opened.folder, epochs, quiet)


def _resume_study(path: Path, epochs: float | None, jobs: int | None, quiet: bool) -> None:
    from sgdlab.cli import study as study_command
    from sgdlab.errors import UserError

    if epochs is not None:
        raise UserError("--epochs extends single runs; a study keeps its budget")
    study_command.go_on(path, jobs, quiet)


def _resume_run(folder: "RunFolder", epochs: float | None, quiet: bool) -> None:
    from sgdlab import api

    with run_display(quiet) as observe:
        run = api.resume_run(folder, epochs, observe, tell=warn)
    train_command.close(run, quiet)


def _resume_sweep(sweep: Any, epochs: float | None, jobs: int | None, quiet: bool) -> None:
    from sgdlab import api
    from sgdlab.errors import UserError
    from sgdlab.sweeps.create import jobs_at_once, unfinished

    if epochs is not None:
        raise UserError("--epochs extends single runs; a sweep is completed as it was planned")
    todo = unfinished(sweep.manifest)
    at_once = jobs_at_once([int(entry.resolved["threads"]) for entry in todo], jobs)
    with SweepDisplay(sweep.manifest.entries, quiet) as display:
        done = api.run_planned(sweep.manifest, todo, at_once, display)
    sweep_command.close(done, quiet)
