"""`sgdlab study` and `sgdlab recommend`: which batch size and learning rate, with the evidence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import console, duration, say, short_number, show_table
from sgdlab.cli.progress import SweepDisplay

if TYPE_CHECKING:
    from sgdlab.studies.opened import Study
    from sgdlab.studies.plan import StudyPlan
    from sgdlab.studies.result import MeasuredRow

ASK = "The question"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("study", rich_help_panel=panels.CHOOSE)(study)
    app.command("recommend", rich_help_panel=panels.CHOOSE)(recommend)


def study(
    config: Annotated[
        str | None, typer.Argument(metavar="CONFIG", help="A YAML file or shipped config; without it mnist-10k.")
    ] = None,
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="Batch sizes; powers of 2 up to 1,024.", rich_help_panel=ASK)
    ] = None,
    learning_rates: Annotated[
        str, typer.Option(metavar="auto|X1,X2", help="Rates tried first at each size.", rich_help_panel=ASK)
    ] = "auto",
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="Seeds of the measurement; 0-4.", rich_help_panel=ASK)
    ] = None,
    stop_at: Annotated[
        str | None, typer.Option(metavar="M=X", help="As val_loss=0.25; else tuning finds it.", rich_help_panel=ASK)
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TEXT", help='Of a run: "200 epochs", "60 s".', rich_help_panel=ASK)
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Add sizes and seeds to a study.", rich_help_panel=ASK)
    ] = None,
    overrides: opt.Set = [],  # noqa: B006
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Runs at once; all cores.", rich_help_panel=opt.OUTPUT)
    ] = None,
    runs_dir: opt.RunsDir = Path("runs"),
    name: opt.Name = None,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
) -> None:
    """Tune the learning rate at each batch size, then measure steps, examples and seconds to a target.

    Examples:

    sgdlab study

    sgdlab study my.yaml --batch-sizes 8,32,128,512 --stop-at val_loss=0.25 --budget "50 epochs"

    sgdlab study --batch-sizes 16,2048 --seeds 0-9 --into runs/my-study
    """
    from sgdlab.studies.create import create_study
    from sgdlab.studies.folder import write_plan

    changed = opt.changes(None, None, None, None, device, engine, threads)
    asked = _ask(config, into, overrides, changed, batch_sizes, learning_rates, seeds, stop_at, budget)
    if not quiet:
        show_question(asked, into is not None)
    if dry_run:
        show_forecast(asked, jobs)
        return
    if into is None:
        path = create_study(asked, runs_dir, name)
    else:
        path = into
        write_plan(path, asked)
    go_on(path, jobs, quiet)


def go_on(path: Path, jobs: int | None, quiet: bool) -> None:
    """Carry out what a study still needs, then show what it found; `sgdlab resume` ends here too."""
    from sgdlab.studies.execute import run_study

    @contextmanager
    def watch(words: str, entries: list[Any]) -> Iterator[Any]:
        started = time.monotonic()
        # without a terminal a line for each round is enough
        with SweepDisplay(entries, quiet or not console().is_terminal) as display:
            yield display
        if not quiet:
            say(f"{words}; {duration(time.monotonic() - started)}")

    close(run_study(path, jobs, watch), quiet)


def recommend(
    path: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")],
    goal: Annotated[Literal["time", "computation"], typer.Option(help="Whose config is written.")] = "time",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the config is written.")] = None,
) -> None:
    """Say which batch size and rate a study recommends, what it costs, how sure; write the config.

    Examples:

    sgdlab recommend runs/my-study

    sgdlab recommend runs/my-study --goal computation --out best.yaml
    """
    from sgdlab.runs.files import write_text
    from sgdlab.runs.names import RECOMMENDED
    from sgdlab.studies.opened import Study
    from sgdlab.studies.writing import recommended_yaml

    done = Study(path)
    advice = {"time": done.recommend("time"), "computation": done.recommend("computation")}
    for each in advice.values():
        say(each.text)
    say(f"target {done.plan.target}, {len(done.plan.seeds)} seeds")
    if not done.complete:
        say(f"the study is not complete; continue with: sgdlab resume {path}")
    chosen = advice[goal]
    if chosen.best is None:
        say("no config was written")
        return
    where = out or path / RECOMMENDED
    write_text(where, recommended_yaml(done.plan, chosen, path.name))
    say(f"{where}: train it with: sgdlab train {where}")


def close(done: "Study", quiet: bool) -> None:
    """The table, the fit, what was held equal, where everything lies; 130 where the study was stopped."""
    if not quiet:
        show_results(done)
    say(str(done.path))
    if not done.complete:
        if not quiet:
            say(f"continue with: sgdlab resume {done.path}")
        raise typer.Exit(130)
    if not quiet and done.result.rows:
        say(f"which to use: sgdlab recommend {done.path}")


def show_results(done: "Study") -> None:
    """One row for each batch size, the fit, the notes."""
    from sgdlab.studies.result import fit_in_words

    if not done.result.rows:
        say("nothing is measured" + ("" if done.complete else " yet"))
        for note in done.notes if done.complete else ():
            say(note)
        return
    headers = ["B", "best rate", "edge", "reached", "median steps", "examples", "seconds", "efficiency"]
    show_table(headers, [_cells(row) for row in done.result.rows])
    say(fit_in_words(done.fit))
    for note in done.notes:
        say(note)


def show_question(asked: "StudyPlan", more: bool) -> None:
    """What is about to be studied."""
    sizes = ", ".join(map(str, asked.batch_sizes))
    rates = "auto" if asked.learning_rates is None else ", ".join(f"{rate:g}" for rate in asked.learning_rates)
    say(f"{'extends' if more else 'asks   '} batch sizes {sizes}; rates {rates}; {len(asked.seeds)} seeds")
    target = "from tuning" if asked.target is None else str(asked.target)
    say(f"target  {target}; budget of a run {asked.budget}, in tuning {asked.tuning_budget}")


def show_forecast(asked: "StudyPlan", jobs: int | None) -> None:
    """What --dry-run adds."""
    from sgdlab.studies.forecast import forecast

    runs, seconds = forecast(asked, jobs)
    say(f"about {runs} runs, {duration(seconds)} at most; nothing was written")


def _ask(
    config: str | None,
    into: Path | None,
    overrides: list[str],
    changed: dict[str, Any],
    batch_sizes: str | None,
    learning_rates: str,
    seeds: str | None,
    stop_at: str | None,
    budget: str | None,
) -> "StudyPlan":
    from sgdlab.config import document_of
    from sgdlab.studies.create import extend_plan, plan_study
    from sgdlab.sweeps.plan import parse_list, parse_seeds

    sizes = parse_list(batch_sizes, "--batch-sizes") if batch_sizes is not None else ()
    rates = None if learning_rates == "auto" else parse_list(learning_rates, "--learning-rates")
    numbers = parse_seeds(seeds) if seeds is not None else ()
    named = config is not None or bool(overrides) or any(value is not None for value in changed.values())
    document = document_of(config or "default", overrides, **changed) if named or into is None else None
    if into is not None:
        return extend_plan(into, document, sizes, rates, numbers, stop_at, budget)
    assert document is not None
    return plan_study(document, sizes, rates, numbers if seeds is not None else tuple(range(5)), stop_at, budget)


def _cells(row: "MeasuredRow") -> list[str]:
    return [
        f"{row.batch_size:,}",
        short_number(row.learning_rate),
        row.edge_side or "",
        f"{row.reached}/{row.runs}",
        row.in_words("steps"),
        row.in_words("examples"),
        row.in_words("seconds"),
        "–" if row.efficiency is None else f"{row.efficiency:.2f}",
    ]
