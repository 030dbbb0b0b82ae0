"""`sgdlab lesson`: a text's experiments carried out, its claims judged one by one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import console, duration, printable, say
from sgdlab.cli.progress import SweepDisplay
from sgdlab.lessons import LESSONS

if TYPE_CHECKING:
    from sgdlab.lessons.run import FinishedLesson

WIDTH = 120
STYLES = {"reproduced": "green", "not reproduced": "red", "cannot tell": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lesson", rich_help_panel=panels.LOOK)(lesson)


def lesson(
    text: Annotated[
        str,
        typer.Argument(
            metavar="|".join(LESSONS),
            help="; ".join(f"{name}: {words}" for name, words in LESSONS.items()) + ".",
            autocompletion=lambda: list(LESSONS),
        ),
    ],
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="Seeds, as 0-4 or 0,7; the lesson's own unless given.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few seeds and short runs; verdicts may be: cannot tell.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Runs at once; as many as the cores carry.", rich_help_panel=opt.OUTPUT),
    ] = None,
    runs_dir: opt.RunsDir = Path("runs"),
    name: opt.Name = None,
    quiet: opt.Quiet = False,
) -> None:
    """Run a text's experiments, draw its figures, and judge its claims: reproduced, not reproduced, cannot tell.

    Examples:

    sgdlab lesson d2l

    sgdlab lesson parr --seeds 0-9

    sgdlab lesson parr --quick
    """
    from sgdlab.lessons.run import run_lesson
    from sgdlab.sweeps.plan import parse_seeds

    @contextmanager
    def watch(words: str, entries: list[Any]) -> Iterator[Any]:
        started = time.monotonic()
        # without a terminal a line for each sweep is enough
        with SweepDisplay(entries, quiet or not console().is_terminal) as display:
            yield display
        tell(f"{words}: {len(entries)} runs, {duration(time.monotonic() - started)}")

    def tell(line: str) -> None:
        if not quiet:
            say(line)

    chosen = parse_seeds(seeds) if seeds is not None else None
    done = run_lesson(text, seeds=chosen, quick=quick, jobs=jobs, runs_dir=runs_dir, name=name, watch=watch, tell=tell)
    if not quiet:
        show(done)
    say(str(done.path))
    raise typer.Exit(1 if done.failed else 0)


def show(done: "FinishedLesson") -> None:
    """A row for each claim: verdict; words, numbers and meaning below each other."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from sgdlab.lessons.writing import in_short

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_lines=False, padding=(0, 1, 1, 0))
    table.add_column("#", justify="right")
    table.add_column("verdict", no_wrap=True)
    table.add_column("claim, what was measured, what it means", overflow="fold")
    for number, each in enumerate(done.claims, 1):
        words = Text(printable(each.claim.words), style="bold")
        words.append(f"\n{printable(each.finding.numbers)}", style="not bold")
        words.append(f"\n→ {printable(each.meaning)}", style="not bold italic")
        table.add_row(str(number), Text(each.finding.verdict, style=STYLES[each.finding.verdict]), words)
    console().print(table, width=min(console().width, WIDTH))
    say(in_short(done.claims))
    for note in done.notes:
        say(note)
