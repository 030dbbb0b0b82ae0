"""`sgdlab train`: one run."""

from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import count, duration, number
from sgdlab.cli.commands import TRAIN, app
from sgdlab.cli.console import leave, say
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigChanges, ConfigName, DryRun, Output
from sgdlab.cli.progress import run_display
from sgdlab.cli.result import EXIT_CODES, result_in_words, rows_in_words, say_forecast

if TYPE_CHECKING:
    from sgdlab.results.opened import Run
    from sgdlab.training.session import Session


@app.command("train", rich_help_panel=TRAIN)
def train(config: ConfigName, changes: ConfigChanges, output: Output, dry_run: DryRun = False) -> None:
    """Train one model and keep everything in a run folder.

    Examples:

    sgdlab train parr/minibatch-8

    sgdlab train my.yaml --batch-size 32 --learning-rate 0.01 --seed 1

    sgdlab train d2l/sgd --set dataset=airfoil-twin --dry-run
    """
    from sgdlab import api
    from sgdlab.results.figure_process import FigureProcess
    from sgdlab.training.start import new_session

    with FigureProcess() as figure_process:
        with downloading() as progress:
            session = new_session(changes.document(config), progress)
        if not output.quiet:
            show_header(session)
        if dry_run:
            show_forecast(session)
            return
        with run_display(output.quiet) as observe:
            run = api.run_session(session, output.runs_dir, output.name, observe, draw=figure_process.draw)
    close(run, output.quiet)


def show_header(session: "Session") -> None:
    """What is about to be trained, and by what."""
    from sgdlab.training.models import parameter_count

    config, data = session.config, session.data
    target = f"{data.outputs} classes" if data.task == "classification" else "regression"
    say(f"data    {config.dataset.name}: {rows_in_words(data)}; {count(data.features, 'feature')}, {target}")
    say(f"model   {config.model.name}, {parameter_count(session.workload.model):,} parameters, loss {config.loss}")
    rate, size = config.learning_rate, config.batch_size.initial
    say(
        f"train   {config.optimizer.name}, learning rate {number(rate.initial)} ({rate.schedule}), batch size {size}, "
        f"{config.total_budget}, seed {config.seed}"
    )
    place = f"{config.engine} on {config.device}, {count(int(config.threads), 'thread')}"
    say(f"engine  {place}: {session.resolved.engine_reason}")


def show_forecast(session: "Session") -> None:
    """What --dry-run adds: updates and about how long."""
    from sgdlab.sweeps.cost import estimated_seconds

    say_forecast(1, session.training.total_steps, estimated_seconds(session.config, session.data))


def close(run: "Run", quiet: bool) -> None:
    """Say how the run ended and where it lies; leave with its exit code."""
    summary = run.summary
    if not quiet:
        steps = f"{count(summary['steps'], 'step')} in {duration(summary['train_seconds'])} of training"
        say(f"{summary['status']}: {result_in_words(summary)}; {steps}")
        for line in _remarks(run, summary):
            say(line)
    leave(run.path, EXIT_CODES[summary["status"]], quiet)


def _remarks(run: "Run", summary: dict[str, Any]) -> list[str]:
    """What else a reader should know of a result, where there is anything."""
    from sgdlab.runs.selection import best_loss, untrained_loss

    lines, start, best = [], untrained_loss(run.history), best_loss(summary)
    if best is not None and best > start:
        lines.append(f"that is worse than the untrained network, {number(start)}: a lower learning rate is called for")
    if summary.get("best_val_rmse") is not None:
        error = number(summary["best_val_rmse"])
        lines.append(f"root mean squared error on validation, in the target's units: {error}")
    if summary.get("test_loss") is not None:
        accuracy = f", accuracy {number(summary['test_accuracy'])}" if "test_accuracy" in summary else ""
        lines.append(f"best model on the test rows: loss {number(summary['test_loss'])}{accuracy}")
    return lines
