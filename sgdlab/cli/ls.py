"""`sgdlab ls`: the runs and sweeps in a folder."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sgdlab.cli.commands import LOOK, app
from sgdlab.cli.console import say, show_table
from sgdlab.runs.names import RUNS_DIR


@app.command("ls", rich_help_panel=LOOK)
def ls(
    runs_dir: Annotated[Path, typer.Argument(metavar="RUNS_DIR", help="Where the folders are.")] = RUNS_DIR,
) -> None:
    """List runs and sweeps with status and best result.

    Example: sgdlab ls runs
    """
    from sgdlab.errors import RunFolderError
    from sgdlab.results.listing import list_folder

    if not os.path.isdir(runs_dir):
        raise RunFolderError(f"{runs_dir}: no such folder; `sgdlab train` makes it, or name another one")
    rows = list_folder(runs_dir)
    if not rows:
        say(f"{runs_dir}: no runs yet; begin with: sgdlab sweep --batch-sizes 8,64,128,256")
        return
    show_table(["name", "kind", "status", "best val loss", "accuracy", "epochs", "seconds"], rows)
