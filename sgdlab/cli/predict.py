"""`sgdlab predict`: a CSV in, predictions out."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sgdlab.cli.commands import TRAIN, app
from sgdlab.cli.console import say


@app.command("predict", rich_help_panel=TRAIN)
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    csv: Annotated[Path, typer.Argument(metavar="CSV", help="Rows with the columns that the run was trained on.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")
    ] = None,
) -> None:
    """Predict the target of new rows with the best model of a run.

    Rows are treated as the run fitted them: columns by name, categories, filling, standardisation.
    A classification gives the class and the probability of each class, a regression the value in its own units.

    Example: sgdlab predict runs/my-run new-houses.csv --out predictions.csv
    """
    from sgdlab.results.prediction import predict_csv
    from sgdlab.runs.files import table_text, write_text
    from sgdlab.runs.folder import RunFolder

    table = table_text(predict_csv(RunFolder(run), csv))
    if out is None:
        sys.stdout.write(table)
    else:
        write_text(out, table)
        say(str(out))
