"""`sgdlab compare`: runs side by side, and which differences are real."""

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.cli.commands import LOOK, app
from sgdlab.cli.console import say, show_table

if TYPE_CHECKING:
    from sgdlab.results.verdicts import Comparison


@app.command("compare", rich_help_panel=LOOK)
def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Run or sweep folders, or folders that hold them.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table, without verdicts.")] = False,
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
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([headers, *rows])
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
