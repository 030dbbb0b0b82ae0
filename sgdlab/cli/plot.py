"""`sgdlab plot`: figures of runs and sweeps."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sgdlab.cli import panels
from sgdlab.cli.console import say, warn
from sgdlab.results.figure_kinds import KINDS


def _kinds(incomplete: str) -> list[tuple[str, str]]:
    """What completion offers."""
    return [(kind.name, kind.help) for kind in KINDS.values() if kind.name.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plot", rich_help_panel=panels.LOOK)(plot)


def plot(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Run or sweep folders.")],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="; ".join(f"{kind.name}: {kind.help}" for kind in KINDS.values()),
            autocompletion=_kinds,
        ),
    ] = None,
    x: Annotated[Literal["epoch", "step", "examples", "seconds"], typer.Option("--x", help="The x axis.")] = "epoch",
    column: Annotated[str, typer.Option(help="Which column an overlay draws.")] = "val_loss",
    log_x: Annotated[bool, typer.Option("--log-x", help="Logarithmic x axis.")] = False,
    log_y: Annotated[bool, typer.Option("--log-y", help="Logarithmic loss axis.")] = False,
    format: Annotated[Literal["png", "pdf", "svg"], typer.Option("--format", help="Kind of file.")] = "png",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write; its suffix decides the format."),
    ] = None,
) -> None:
    """Draw a run, a sweep, or several of them together.

    Examples:

    sgdlab plot runs/20261121-194503-mnist-10k-adam-bs8

    sgdlab plot runs/examples/parr --kind overlay --x seconds --log-x --format svg

    sgdlab plot runs/first runs/second --out both.pdf
    """
    from sgdlab import api, plots
    from sgdlab.results import figures

    for path in paths:
        api.open_run(path)
    figure, name = figures.figure_of(
        paths, kind, lambda reason: warn(f"left out: {reason}"), x=x, column=column, log_x=log_x, log_y=log_y
    )
    where = out or (paths[0] if len(paths) == 1 else Path.cwd()) / f"{name}.{format}"
    say(str(plots.save_figure(figure, where)))
