"""`sgdlab report`: a run, a sweep or a study as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from sgdlab.cli.commands import LOOK, app
from sgdlab.cli.console import say


@app.command("report", rich_help_panel=LOOK)
def report(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of a run, a sweep or a study.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of report.html in the folder.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Write one HTML file with the answer, the tables, the figures and how to repeat it all.

    The file holds everything it shows: it can be mailed, printed and read without a network.

    Examples:

    sgdlab report runs/examples/parr

    sgdlab report runs/my-study --out study.html --open
    """
    from sgdlab.report.writing import write_report

    written = write_report(path, out)
    say(str(written))
    if open_it:
        import webbrowser

        webbrowser.open(written.resolve().as_uri())
