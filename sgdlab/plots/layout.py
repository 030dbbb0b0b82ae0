"""Placing title, legend and note around the axes, from one measurement of the text.

matplotlib's constrained layout measures all text twice and draws once more when it saves; here the
margins are measured once, in inches, and written into the grid.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sgdlab.plots.style import INK, SMALL, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

LegendEntries = list[tuple[Any, str]]
"""What is drawn, and its label."""
PAD = 0.09  # inches around the figure and between its parts
LEGEND_CHARACTERS = 26


@dataclass
class Margins:
    """Inches that the text of the axes needs around them, and between neighbours."""

    left: float
    right: float
    bottom: float
    top: float
    between_columns: float
    between_rows: float


def arrange(
    figure: Figure, *, title: str = "", note: str = "", legend: Sequence[tuple[Any, str]] = (), legend_at: str = "top"
) -> Figure:
    """Give every text of the figure its room; returns the figure.

    legend: (handle, label) pairs, drawn outside the axes: `top` (one or two rows under the title),
    `right`, or `auto` (right if there are more than 4 or they are long). The figure grows in height
    where the legend is taller than it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    renderer: RendererBase = canvas.get_renderer()
    if legend_at == "auto":
        legend_at = "right" if len(legend) > 4 or sum(len(label) + 5 for _, label in legend) > 90 else "top"
    box = _legend(figure, legend, legend_at, renderer) if legend else None
    top = _write(figure, title, TITLE, renderer, top=True)
    bottom = _write(figure, note, SMALL, renderer, top=False)
    right = 0.0
    if box is not None:
        width, height = _size(box, renderer, figure.dpi)
        if legend_at == "right":
            right = width + PAD
            _grow(figure, height + top + bottom + 2 * PAD)
        else:
            _pin(figure, box, PAD / 2, top + PAD)
            top += height + PAD
    _take_literally(figure)
    margins = _measure(figure.axes, renderer, figure.dpi)
    _apply(figure, margins, top + PAD, bottom + PAD, right + PAD)
    if box is not None and legend_at == "right":
        _pin(figure, box, figure.get_figwidth() - right, top + PAD)
    return figure


def wrap_label(label: str, width: int = LEGEND_CHARACTERS) -> str:
    """A long label on several lines, broken at spaces, commas, underscores, dashes and slashes."""
    pieces: list[str] = [""]
    for word in re.split(r"(?<=[ ,_\-/=])", label):
        if pieces[-1] and len(pieces[-1]) + len(word.rstrip()) > width:
            pieces.append("")
        pieces[-1] += word
    lines = [line for piece in pieces for line in textwrap.wrap(piece, width) or [""]]
    return "\n".join(lines)


def _legend(figure: Figure, entries: Sequence[tuple[Any, str]], at: str, renderer: RendererBase) -> Legend:
    handles = [handle for handle, _ in entries]
    labels = [wrap_label(label) if at == "right" else label for _, label in entries]
    columns = 1 if at == "right" else len(entries)
    while True:
        box = figure.legend(
            handles, labels, loc="upper left", ncols=columns, fontsize=SMALL, labelcolor=INK, frameon=False,
            borderpad=0.1, borderaxespad=0, handlelength=2.6, columnspacing=1.6, labelspacing=0.45,
        )  # fmt: skip
        _take_literally(box)
        if columns == 1 or _size(box, renderer, figure.dpi)[0] <= figure.get_figwidth() - 2 * PAD:
            return box
        box.remove()
        columns -= 1


def _take_literally(artist: Any) -> None:
    """Dollar signs in names are dollar signs: matplotlib would read formulas between them, and may fail."""
    from matplotlib.text import Text

    for text in artist.findobj(Text):
        text.set_parse_math(False)


def _size(artist: Any, renderer: RendererBase, dpi: float) -> tuple[float, float]:
    extent = artist.get_window_extent(renderer)
    return extent.width / dpi, extent.height / dpi


def _write(figure: Figure, text: str, size: float, renderer: RendererBase, *, top: bool) -> float:
    """Write text at the left of the top or the bottom edge, wrapped; inches of height that it takes."""
    if not text:
        return 0.0
    fitting = int((figure.get_figwidth() - 2 * PAD) * 72 / (size * 0.6))
    lines = "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, max(fitting, 12)))
    x, y = PAD / figure.get_figwidth(), PAD / figure.get_figheight()
    written = figure.text(
        x, 1 - y if top else y, lines, ha="left", va="top" if top else "bottom", fontsize=size, color=INK
    )
    _take_literally(written)
    return _size(written, renderer, figure.dpi)[1] + PAD


def _grow(figure: Figure, height: float) -> None:
    before = figure.get_figheight()
    if height <= before:
        return
    figure.set_figheight(height)
    for text in figure.texts:
        x, y = text.get_position()
        edge = 1.0 if text.get_verticalalignment() == "top" else 0.0
        text.set_position((x, edge + (y - edge) * before / height))


def _pin(figure: Figure, box: Legend, x: float, y_from_top: float) -> None:
    """Put the legend's upper left corner at x, y inches from the left and the top edge."""
    box.set_bbox_to_anchor((x / figure.get_figwidth(), 1 - y_from_top / figure.get_figheight()))


def _measure(axes: Sequence[Axes], renderer: RendererBase, dpi: float) -> Margins:
    """The largest overhang of text on each side, over the axes that stand at that side."""
    outer = {"left": 0.0, "right": 0.0, "bottom": 0.0, "top": 0.0}
    inner = dict(outer)
    for each in axes:
        tight, box = each.get_tightbbox(renderer), each.get_window_extent(renderer)
        spec = each.get_subplotspec()
        if tight is None or spec is None:
            continue
        sides = {
            "left": (box.x0 - tight.x0, spec.is_first_col()),
            "right": (tight.x1 - box.x1, spec.is_last_col()),
            "bottom": (box.y0 - tight.y0, spec.is_last_row()),
            "top": (tight.y1 - box.y1, spec.is_first_row()),
        }
        for side, (pixels, at_edge) in sides.items():
            kind = outer if at_edge else inner
            kind[side] = max(kind[side], pixels / dpi)
    return Margins(
        **outer,
        between_columns=inner["left"] + inner["right"] + 2 * PAD,
        between_rows=inner["bottom"] + inner["top"] + PAD,
    )


def _apply(figure: Figure, margins: Margins, top: float, bottom: float, right: float) -> None:
    """Write margins in inches into the grid that all axes of the figure share."""
    spec = figure.axes[0].get_subplotspec()
    assert spec is not None
    grid = cast(Any, spec.get_gridspec())
    width, height = figure.get_figwidth(), figure.get_figheight()
    left, right = margins.left + PAD, margins.right + right
    bottom, top = margins.bottom + bottom, margins.top + top
    wide = (width - left - right - (grid.ncols - 1) * margins.between_columns) / grid.ncols
    tall = (height - bottom - top - (grid.nrows - 1) * margins.between_rows) / grid.nrows
    figure.subplots_adjust(
        left=left / width,
        right=max(1 - right / width, (left + 0.1) / width),
        bottom=bottom / height,
        top=max(1 - top / height, (bottom + 0.1) / height),
        wspace=margins.between_columns / max(wide, 0.1),
        hspace=margins.between_rows / max(tall, 0.1),
    )
