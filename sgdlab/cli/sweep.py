"""`sgdlab sweep`: a grid of runs."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import duration, say, show_table
from sgdlab.cli.progress import SweepDisplay, downloading
from sgdlab.results.figure_process import FigureProcess

if TYPE_CHECKING:
    from sgdlab.results.opened import Sweep
    from sgdlab.sweeps.create import SweepPlan

GRID = "The grid"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sweep", rich_help_panel=panels.TRAIN)(sweep)


def sweep(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file or shipped config; without it mnist-10k.")
    ] = "default",
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="Batch sizes, as 8,64,full.", rich_help_panel=GRID)
    ] = None,
    learning_rates: Annotated[
        str | None, typer.Option(metavar="X1,X2", help="Initial learning rates.", rich_help_panel=GRID)
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="Seeds, as 0-4 or 0,7.", rich_help_panel=GRID)
    ] = None,
    vary: Annotated[
        list[str],
        typer.Option(metavar="KEY=V1,V2", help="Any config key; lists as KEY=[[50],[100]].", rich_help_panel=GRID),
    ] = [],  # noqa: B006
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Runs at once; as many as the cores carry.", rich_help_panel=opt.OUTPUT),
    ] = None,
    overrides: opt.Set = [],  # noqa: B006
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    epochs: opt.Epochs = None,
    seed: opt.Seed = None,
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    runs_dir: opt.RunsDir = Path("runs"),
    name: opt.Name = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Complete the sweep in FOLDER, which must have this plan; begin it if nothing is there.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train on a grid of batch sizes, learning rates, seeds and any config key.

    Examples:

    sgdlab sweep --batch-sizes 8,64,128,256

    sgdlab sweep my.yaml --batch-sizes 16,64 --learning-rates 0.001,0.003 --seeds 0-4

    sgdlab sweep --vary model.hidden=[[50],[100,50]] --vary optimizer=sgd,adam --dry-run
    """
    from sgdlab import api
    from sgdlab.config import document_of
    from sgdlab.errors import ConfigError
    from sgdlab.sweeps.create import create_sweep, longest_first, plan_sweep, sweep_into
    from sgdlab.sweeps.plan import grid, parse_axis, parse_list, parse_seeds

    axes = [parse_axis(assignment) for assignment in vary] + grid(
        parse_list(batch_sizes, "--batch-sizes") if batch_sizes is not None else (),
        parse_list(learning_rates, "--learning-rates") if learning_rates is not None else (),
        parse_seeds(seeds) if seeds is not None else (),
    )
    changed = opt.changes(batch_size, learning_rate, epochs, seed, device, engine, threads)
    if into is not None and name is not None:
        raise ConfigError("--into names the folder; drop --name")
    with FigureProcess() as figure_process:
        with downloading() as progress:
            plan = plan_sweep(document_of(config, overrides, **changed), axes, progress)
        at_once = plan.jobs(jobs)
        if not quiet:
            show_plan(plan, at_once)
        if dry_run:
            show_forecast(plan, at_once)
            return
        manifest = sweep_into(plan, into) if into is not None else create_sweep(plan, runs_dir, name)
        todo = longest_first(plan, manifest)
        with SweepDisplay(manifest.entries, quiet) as display:
            done = api.run_planned(manifest, todo, at_once, display, figure_process.draw)
    close(done, quiet)


def show_plan(plan: "SweepPlan", jobs: int) -> None:
    """How many runs, over what, by which engine."""
    runs = plan.runs
    keys = ", ".join(f"{key} ({len({str(run.varied[key]) for run in runs})})" for key in runs[0].varied) or "no key"
    engines = sorted({str(values["engine"]) for values in plan.resolved})
    say(f"{len(runs)} run{'s' if len(runs) != 1 else ''} over {keys}; {jobs} at once; engine {', '.join(engines)}")


def show_forecast(plan: "SweepPlan", jobs: int) -> None:
    """What --dry-run adds: updates and about how long."""
    updates = f"{plan.updates:,} updates" if plan.updates is not None else "updates as time allows"
    seconds = max(sum(plan.seconds) / jobs, max(plan.seconds))
    say(f"{len(plan.runs)} runs, {updates}, about {duration(seconds)}; nothing was written")


def close(done: "Sweep", quiet: bool) -> None:
    """The closing table, where everything lies, and the exit code."""
    if quiet:
        say(str(done.path))
    else:
        show_results(done)
        say(str(done.path))
    statuses = [entry.status for entry in done.manifest.entries]
    if "interrupted" in statuses or "planned" in statuses:
        if not quiet:
            say(f"continue with: sgdlab resume {shlex.quote(str(done.path))}")
        raise typer.Exit(130)
    raise typer.Exit(1 if {"failed", "damaged"} & set(statuses) else 0)


def show_results(done: "Sweep") -> None:
    """A row for each setting: the runs' outcomes, means over seeds where there are several."""
    table, keys = done.results, [key for key in done.manifest.entries[0].varied if key != "seed"]
    validated = table["best_val_loss"].notna().any()
    shown = {"best_val_loss": "best val loss"} if validated else {"final_train_loss": "final train loss"}
    if table["best_val_accuracy"].notna().any():
        shown["best_val_accuracy"] = "accuracy there"
    if table["status"].value_counts().get("completed", 0) and len(done.summary) < len(table):
        grouped = done.summary
        headers = [*keys, "n"] + [text for title in shown.values() for text in (title, "± std")]
        rows: list[list[Any]] = [
            [*(row[key] for key in keys), f"{int(row['n'])}/{int(row['runs'])}"]
            + [value for name in shown for value in (row[f"{name}_mean"], row[f"{name}_std"])]
            for _, row in grouped.iterrows()
        ]
    else:
        headers = [*(keys or ["run"]), "status", *shown.values(), "at epoch", "train seconds"]
        columns = [*(keys or ["run"]), "status", *shown, "best_epoch", "train_seconds"]
        rows = [[row[name] for name in columns] for _, row in table.iterrows()]
    show_table(headers, rows)
    for _, row in table[table["status"].isin(["failed", "diverged"])].iterrows():
        say(f"{row['run']}: {row['status']}: {row['reason']}")
