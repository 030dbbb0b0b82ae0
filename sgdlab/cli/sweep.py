"""`sgdlab sweep`: a grid of runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from sgdlab.analysis.wording import count
from sgdlab.cli.commands import TRAIN, app
from sgdlab.cli.console import INTERRUPTED, leave, say, show_table
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigChanges, ConfigNameOrDefault, DryRun, Grid, Jobs, Output, output_option
from sgdlab.cli.result import say_forecast
from sgdlab.cli.sweep_display import SweepDisplay

if TYPE_CHECKING:
    from sgdlab.results.opened import Sweep
    from sgdlab.sweeps.create import SweepPlan

Into = Annotated[
    Path | None,
    output_option(
        metavar="FOLDER", help="Complete the sweep in FOLDER, which must have this plan; begin it if nothing is there."
    ),
]


@app.command("sweep", rich_help_panel=TRAIN)
def sweep(
    grid: Grid, changes: ConfigChanges, output: Output, config: ConfigNameOrDefault = "default", jobs: Jobs = None,
    into: Into = None, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Train on a grid of batch sizes, learning rates, seeds and any config key.

    Examples:

    sgdlab sweep --batch-sizes 8,64,128,256

    sgdlab sweep my.yaml --batch-sizes 16,64 --learning-rates 0.001,0.003 --seeds 0-4

    sgdlab sweep --vary model.hidden=[[50],[100,50]] --vary optimizer=sgd,adam --dry-run
    """
    from sgdlab import api
    from sgdlab.errors import ConfigError
    from sgdlab.results.figure_process import FigureProcess
    from sgdlab.sweeps.create import create_sweep, longest_first, plan_sweep, sweep_into

    if into is not None and output.name is not None:
        raise ConfigError("--into names the folder; drop --name")
    with FigureProcess() as figure_process:
        with downloading() as progress:
            plan = plan_sweep(changes.document(config), grid.axes(), progress)
        at_once = plan.jobs(jobs)
        if not output.quiet:
            show_plan(plan, at_once)
        if dry_run:
            say_forecast(len(plan.runs), plan.updates, plan.wall_seconds(at_once))
            return
        manifest = sweep_into(plan, into) if into is not None else create_sweep(plan, output.runs_dir, output.name)
        with SweepDisplay(manifest.entries, output.quiet) as display:
            done = api.run_planned(manifest, longest_first(plan, manifest), at_once, display, figure_process.draw)
    close(done, output.quiet)


def show_plan(plan: "SweepPlan", jobs: int) -> None:
    """How many runs, over what, by which engine."""
    runs = plan.runs
    keys = ", ".join(f"{key} ({len({str(run.varied[key]) for run in runs})})" for key in runs[0].varied) or "no key"
    engines = sorted({str(values["engine"]) for values in plan.resolved})
    say(f"{count(len(runs), 'run')} over {keys}; {jobs} at once; engine {', '.join(engines)}")


def close(done: "Sweep", quiet: bool) -> None:
    """The closing table, where everything lies, and the exit code."""
    if not quiet:
        show_results(done)
    statuses = {entry.status for entry in done.manifest.entries}
    failed = 1 if statuses & {"failed", "damaged"} else 0
    leave(done.path, INTERRUPTED if statuses & {"interrupted", "planned"} else failed, quiet)


def show_results(done: "Sweep") -> None:
    """A row for each setting: how its run ended, or means over seeds where there are several."""
    from sgdlab.sweeps.plan import without_seed

    table, keys = done.results, list(without_seed(done.manifest.entries[0].varied))
    validated = table["best_val_loss"].notna().any()
    shown = {"best_val_loss": "best val loss"} if validated else {"final_train_loss": "final train loss"}
    if table["best_val_accuracy"].notna().any():
        shown["best_val_accuracy"] = "accuracy there"
    if (table["status"] == "completed").any() and len(done.summary) < len(table):
        headers = [*keys, "n"] + [text for title in shown.values() for text in (title, "± std")]
        rows: list[list[Any]] = [
            [*(row[key] for key in keys), f"{int(row['n'])}/{int(row['runs'])}"]
            + [value for name in shown for value in (row[f"{name}_mean"], row[f"{name}_std"])]
            for _, row in done.summary.iterrows()
        ]
    else:
        headers = [*(keys or ["run"]), "status", *shown.values(), "at epoch", "train seconds"]
        columns = [*(keys or ["run"]), "status", *shown, "best_epoch", "train_seconds"]
        rows = [[row[name] for name in columns] for _, row in table.iterrows()]
    show_table(headers, rows)
    for _, row in table[table["status"].isin(["failed", "diverged"])].iterrows():
        say(f"{row['run']}: {row['status']}: {row['reason']}")
