"""The kinds of figure that a run or sweep can be drawn as: one line each, naming the function that draws it.

Nothing is loaded to name them: a kind's function is imported when the first figure of it is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from sgdlab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

DrawnFrom = Literal["run", "groups"]
_OFFERED = ("x", "column", "log_x", "log_y", "loss_label")
"""Options that every kind is offered; it leaves aside those that its function does not take."""


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure.

    drawn_from: `run`, function(history, best epoch, **options), or `groups`, function(label -> histories, **options);
    function: `module.name` in sgdlab.plots;  needs: columns of a history of which one must hold a value;
    unasked: whether it is drawn when a run or sweep ends, of at most so many groups.
    """

    name: str
    drawn_from: DrawnFrom
    help: str
    function: str
    needs: tuple[str, ...] = ()
    unasked: bool = False
    most_groups: int = 10**6

    def draw(self, *data: Any, **options: Any) -> "Figure":
        """The figure of a history and its best epoch, or of groups."""
        module, _, name = self.function.partition(".")
        draw: Callable[..., Figure] = getattr(import_module(f"sgdlab.plots.{module}"), name)
        taken = signature(draw).parameters
        return draw(*data, **{key: value for key, value in options.items() if key in taken or key not in _OFFERED})

    def suits(self, history: "pd.DataFrame") -> bool:
        """Whether a run's history holds what is drawn."""
        return not self.needs or bool(history[list(self.needs)].notna().any(axis=None))


KINDS = {
    kind.name: kind
    for kind in (
        FigureKind("curves", "run", "loss and accuracy of a run side by side", "curves.curves_figure", unasked=True),
        FigureKind("loss", "run", "training and validation loss of a run", "curves.loss_figure", unasked=True),
        FigureKind("accuracy", "run", "training and validation accuracy of a run", "curves.accuracy_figure",
                   needs=("train_accuracy", "val_accuracy"), unasked=True),
        FigureKind("panels", "groups", "a panel for each setting of a sweep", "comparison.panels_figure",
                   unasked=True, most_groups=24),
        FigureKind("overlay", "groups", "a curve for each setting, or for each of several runs",
                   "comparison.overlay_figure", unasked=True),
    )
}  # fmt: skip


def kind_named(name: str, drawn_from: DrawnFrom) -> FigureKind:
    """A kind of what is drawn from runs, or from groups; UserError with the choices where there is none."""
    if name in KINDS and KINDS[name].drawn_from == drawn_from:
        return KINDS[name]
    if name not in KINDS:
        raise UserError(f"--kind {name[:60]}: choose one of {', '.join(KINDS)}")
    choices = ", ".join(kind.name for kind in KINDS.values() if kind.drawn_from == drawn_from)
    raise UserError(f"--kind {name}: choose one of {choices} here")


def drawn_unasked(drawn_from: DrawnFrom) -> list[FigureKind]:
    """The kinds that are drawn when a run, or a sweep, ends."""
    return [kind for kind in KINDS.values() if kind.drawn_from == drawn_from and kind.unasked]
