"""`sgdlab plot`: figures of runs and sweeps."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sgdlab.cli import panels
from sgdlab.cli.console import say, warn

if TYPE_CHECKING:
    from sgdlab.results.opened import Run, Sweep

Kind = Literal["curves", "loss", "accuracy", "panels", "overlay"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plot", rich_help_panel=panels.LOOK)(plot)


def plot(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Run or sweep folders.")],
    kind: Annotated[
        Kind | None,
        typer.Option("--kind", help="For runs curves, loss, accuracy; for sweeps panels, overlay."),
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

    opened = [api.open_run(path) for path in paths]
    options: dict[str, Any] = {"x": x, "log_x": log_x, "log_y": log_y}
    if kind in ("overlay", None) and (len(opened) > 1 or kind == "overlay"):
        options["column"] = column
    figure, name = _draw(opened, kind, options)
    where = out or (opened[0].path if len(opened) == 1 else Path.cwd()) / f"{name}.{format}"
    say(str(plots.save_figure(figure, where)))


def _draw(opened: "list[Run | Sweep]", kind: Kind | None, options: dict[str, Any]) -> tuple[Any, str]:
    """The figure and the name of its file."""
    from sgdlab.results import figures
    from sgdlab.results import opened as results

    def left_out(reason: str) -> None:
        warn(f"left out: {reason}")

    first = opened[0]
    if len(opened) == 1 and isinstance(first, results.Run) and kind not in figures.GROUP_KINDS:
        kind = kind or "curves"
        return figures.run_figure(first.folder, kind, **options), kind
    if len(opened) == 1 and isinstance(first, results.Sweep):
        kind = kind or "panels"
        groups = figures.sweep_groups(first.manifest, left_out)
    else:
        kind = kind or "overlay"
        groups = figures.named_groups([each.path for each in opened], left_out)
    return figures.groups_figure(groups, kind, **options), kind
