"""`sgdlab lesson`: a text's experiments carried out, its claims judged one by one."""

from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.cli.commands import LOOK, app
from sgdlab.cli.console import console, new_table, printable, say
from sgdlab.cli.options import Jobs, Output, seeds_in
from sgdlab.cli.sweep_display import watching
from sgdlab.lessons import LESSONS

if TYPE_CHECKING:
    from sgdlab.lessons.run import FinishedLesson

WIDTH = 120
STYLES = {"reproduced": "green", "not reproduced": "red", "cannot tell": "yellow"}


@app.command("lesson", rich_help_panel=LOOK)
def lesson(
    text: Annotated[
        str,
        typer.Argument(
            metavar="|".join(LESSONS),
            help="; ".join(f"{name}: {words}" for name, words in LESSONS.items()) + ".",
            autocompletion=lambda: list(LESSONS),
        ),
    ],
    output: Output,
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="Seeds, as 0-4 or 0,7; for d2l 0-19 unless given.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few seeds and short runs; verdicts may be: cannot tell.")
    ] = False,
    jobs: Jobs = None,
) -> None:
    """Run a text's experiments, draw its figures, and judge its claims: reproduced, not reproduced, cannot tell.

    Examples:

    sgdlab lesson d2l

    sgdlab lesson parr --seeds 0-9

    sgdlab lesson parr --quick
    """
    from sgdlab.lessons.run import run_lesson

    done = run_lesson(
        text, seeds=seeds_in(seeds), quick=quick, jobs=jobs, runs_dir=output.runs_dir, name=output.name,
        watch=watching(output.quiet), tell=output.tell,
    )  # fmt: skip
    if not output.quiet:
        show(done)
    say(str(done.path))
    raise typer.Exit(1 if done.failed else 0)


def show(done: "FinishedLesson") -> None:
    """A row for each claim: verdict; words, numbers and meaning below each other."""
    from rich.text import Text

    from sgdlab.lessons.writing import in_short

    table = new_table(padding=(0, 1, 1, 0))
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
