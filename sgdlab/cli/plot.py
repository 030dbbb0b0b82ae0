"""`sgdlab plot`: figures of runs and sweeps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from sgdlab.cli.commands import LOOK, app
from sgdlab.cli.console import say, warn
from sgdlab.results.figure_kinds import KINDS
from sgdlab.runs.names import FigureFormat


def _kinds(incomplete: str) -> list[tuple[str, str]]:
    """What completion offers."""
    return [(kind.name, kind.help) for kind in KINDS.values() if kind.name.startswith(incomplete)]


@dataclass(frozen=True)
class Axes:
    """What is drawn along which axis."""

    x: Annotated[Literal["epoch", "step", "examples", "seconds"], typer.Option("--x", help="The x axis.")] = "epoch"
    column: Annotated[str, typer.Option(help="Which column an overlay draws.")] = "val_loss"
    log_x: Annotated[bool, typer.Option("--log-x", help="Logarithmic x axis.")] = False
    log_y: Annotated[bool, typer.Option("--log-y", help="Logarithmic loss axis.")] = False


@app.command("plot", rich_help_panel=LOOK)
def plot(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Run or sweep folders.")],
    axes: Axes,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="; ".join(f"{kind.name}: {kind.help}" for kind in KINDS.values()),
            autocompletion=_kinds,
        ),
    ] = None,
    format: Annotated[FigureFormat, typer.Option(help="Kind of file.")] = "png",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write; its suffix decides the format.")
    ] = None,
) -> None:
    """Draw a run, a sweep, or several of them together.

    Examples:

    sgdlab plot runs/20261121-194503-mnist-10k-adam-bs8

    sgdlab plot runs/examples/parr --kind overlay --x seconds --log-x --format svg

    sgdlab plot runs/first runs/second --out both.pdf
    """
    from sgdlab import api, plots
    from sgdlab.results.figures import figure_of

    for path in paths:
        api.open_run(path)
    figure, name = figure_of(paths, kind, _left_out, x=axes.x, column=axes.column, log_x=axes.log_x, log_y=axes.log_y)
    where = out or (paths[0] if len(paths) == 1 else Path.cwd()) / f"{name}.{format}"
    say(str(plots.save_figure(figure, where)))


def _left_out(reason: str) -> None:
    warn(f"left out: {reason}")
