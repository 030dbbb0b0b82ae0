"""`sgdlab train`: one run."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import duration, say
from sgdlab.cli.progress import downloading, outcome, run_display
from sgdlab.results.figure_process import FigureProcess

if TYPE_CHECKING:
    from sgdlab.results.opened import Run
    from sgdlab.training.session import Session

EXIT_CODES = {"completed": 0, "diverged": 1, "failed": 1, "interrupted": 130}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", rich_help_panel=panels.TRAIN)(train)


def train(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")],
    overrides: opt.Set = [],  # noqa: B006  typer reads it as "none given"
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    epochs: opt.Epochs = None,
    seed: opt.Seed = None,
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    runs_dir: opt.RunsDir = Path("runs"),
    name: opt.Name = None,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
) -> None:
    """Train one model and keep everything in a run folder.

    Examples:

    sgdlab train parr/minibatch-8

    sgdlab train my.yaml --batch-size 32 --learning-rate 0.01 --seed 1

    sgdlab train d2l/sgd --set dataset=airfoil-twin --dry-run
    """
    from sgdlab import api
    from sgdlab.config import document_of
    from sgdlab.training.start import new_session

    changed = opt.changes(batch_size, learning_rate, epochs, seed, device, engine, threads)
    with FigureProcess() as figure_process:
        with downloading() as progress:
            session = new_session(document_of(config, overrides, **changed), progress)
        if not quiet:
            show_header(session)
        if dry_run:
            show_forecast(session)
            return
        with run_display(quiet) as observe:
            run = api.run_session(session, runs_dir, name, observe, draw=figure_process.draw)
    close(run, quiet)


def show_header(session: "Session") -> None:
    """What is about to be trained, and by what."""
    from sgdlab.training.models import parameter_count

    config, data = session.config, session.data
    rows = [f"{len(data.train):,} training"]
    rows += [f"{len(s):,} {n}" for s, n in ((data.validation, "validation"), (data.test, "test")) if s is not None]
    target = f"{data.outputs} classes" if data.task == "classification" else "regression"
    size = config.batch_size.initial
    say(f"data    {config.dataset.name}: {', '.join(rows)} rows; {data.features} features, {target}")
    say(f"model   {config.model.name}, {parameter_count(session.workload.model):,} parameters, loss {config.loss}")
    say(
        f"train   {config.optimizer.name}, learning rate {config.learning_rate.initial:g} "
        f"({config.learning_rate.schedule}), batch size {size}, {config.total_budget}, seed {config.seed}"
    )
    place = f"{config.engine} on {config.device}, {threads_text(int(config.threads))}"
    say(f"engine  {place}: {session.resolved.engine_reason}")


def threads_text(threads: int) -> str:
    """`1 thread`, `2 threads`."""
    return f"{threads} thread{'s' if threads != 1 else ''}"


def show_forecast(session: "Session") -> None:
    """What --dry-run adds: updates and about how long."""
    from sgdlab.sweeps.cost import estimated_seconds

    steps = session.training.total_steps
    seconds = duration(estimated_seconds(session.config, session.data))
    updates = f"{steps:,} updates" if steps is not None else "updates as time allows"
    say(f"1 run, {updates}, about {seconds}; nothing was written")


def untrained_loss(run: "Run") -> float:
    """The loss of row 0 by which the best model is chosen; NaN where it is not there."""
    from sgdlab.runs.selection import selection_split

    first = run.history.iloc[:1]
    column = f"{selection_split(first)}_loss"
    return float(first[column].iloc[0]) if len(first) else float("nan")


def close(run: "Run", quiet: bool) -> None:
    """Say how the run ended and where it lies; leave with its exit code."""
    from sgdlab.runs.selection import best_loss

    summary: dict[str, Any] = run.summary
    status = summary["status"]
    if quiet:
        say(str(run.path))
    else:
        seconds = duration(summary["train_seconds"])
        say(f"{status}: {outcome(summary)}; {summary['steps']:,} steps in {seconds} of training")
        start, best = untrained_loss(run), best_loss(summary)
        if best is not None and best > start:
            say(f"that is worse than the untrained network, {start:.4g}: a lower learning rate is called for")
        if summary.get("best_val_rmse") is not None:
            say(f"root mean squared error on validation, in the target's units: {summary['best_val_rmse']:.4g}")
        if summary.get("test_loss") is not None:
            accuracy = f", accuracy {summary['test_accuracy']:.4g}" if "test_accuracy" in summary else ""
            say(f"best model on the test rows: loss {summary['test_loss']:.4g}{accuracy}")
        say(str(run.path))
        if status == "interrupted":
            say(f"continue with: sgdlab resume {shlex.quote(str(run.path))}")
    raise typer.Exit(EXIT_CODES[status])
