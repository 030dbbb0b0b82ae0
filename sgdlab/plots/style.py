"""How every figure looks: colours that colour-blind readers tell apart, lines, spines, markers.

Styles are set on each figure, never through matplotlib's global rcParams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#262626"  # text, spines, reference lines; svg_text turns it into currentColor
GRID = "#808080"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe & Ito 2008
LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (6, 2, 1.5, 2)), (0, (1.5, 1.5)), (0, (8, 2, 3, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TEXT, SMALL, TITLE = 10.5, 9.5, 11.5  # points
DPI = 150


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, *, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """A white figure of width x height inches at 150 dpi, and its axes in sgdlab's style, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = list(figure.subplots(rows, columns, sharey=share_y, squeeze=False).flat)
    for each in axes:
        _style_axes(each)
    return figure, axes


def _style_axes(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(linewidth=0.8, color=INK)
    axes.tick_params(colors=INK, labelsize=SMALL, width=0.8, length=3.5)
    axes.grid(axis="y", color=GRID, alpha=0.22, linewidth=0.7)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: typeset(value)))


def name_axes(axes: Axes, x: str = "", y: str = "", title: str = "") -> None:
    """Write the axis labels and the axes' own title (left-aligned)."""
    if x:
        axes.set_xlabel(x, fontsize=TEXT, color=INK)
    if y:
        axes.set_ylabel(y, fontsize=TEXT, color=INK)
    if title:
        axes.set_title(title, fontsize=SMALL, color=INK, loc="left", pad=6)


def look(index: int) -> dict[str, Any]:
    """Colour and line style of curve `index`; the pairs repeat only after 30 curves."""
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index % len(LINES)]}


def marker(index: int) -> str:
    """Marker of curve `index`, a second sign beside its colour."""
    return MARKERS[index % len(MARKERS)]


def ring(axes: Axes, x: float, y: float, size: float, colour: str = INK, **more: Any) -> Any:
    """A hollow circle around a point, `size` points wide; returns it."""
    look: dict[str, Any] = {"mfc": "none", "mec": colour, "mew": 1.4, "ms": size, "ls": "none"}
    return axes.plot([x], [y], "o", **look | more)[0]


def say_nothing_to_draw(axes: Axes, reason: str = "nothing to draw yet") -> None:
    """Say in the middle of empty axes why they are empty; ticks would say something, so they go."""
    axes.set_xticks([])
    if len(axes.get_shared_y_axes().get_siblings(axes)) == 1:
        axes.set_yticks([])
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", fontsize=TEXT, color=INK)
