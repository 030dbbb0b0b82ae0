"""Writing a figure: a whole file or none, the same bytes for the same figure; or SVG text for a report."""

from __future__ import annotations

import hashlib
import html
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.errors import UserError
from sgdlab.plots.style import DPI, INK
from sgdlab.runs.files import whole_file
from sgdlab.runs.names import FIGURE_SUFFIXES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# No date and no version in the file: the same figure gives the same bytes.
_OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"dpi": DPI, "metadata": {"Software": None}, "pil_kwargs": {"compress_level": 4}},
    "pdf": {"metadata": {"CreationDate": None, "Producer": None, "Creator": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure as png (150 dpi), pdf or svg, by the suffix of path; returns the path.

    The file is written beside under a hidden name and renamed: it is whole or absent. Missing parent
    folders are made. UserError: another suffix.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in FIGURE_SUFFIXES:
        kinds = ", ".join(FIGURE_SUFFIXES)
        raise UserError(f"{target}: a figure is written as {kinds}; end the name in one of them")
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as stream:
        _render(figure, stream, suffix[1:])
    return target


def _render(figure: Figure, stream: Any, kind: str, **more: Any) -> None:
    if kind == "png":
        figure.savefig(stream, format="png", **_OPTIONS["png"])
        return
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "sgdlab", "pdf.fonttype": 42} | more.pop("rc", {})):
        figure.savefig(stream, format=kind, **_OPTIONS[kind], **more)


def svg_text(figure: Figure, *, alt: str = "") -> str:
    """The figure as one `<svg>` element for an HTML page, to be read on light and on dark ground.

    Text and axes take the page's colour (`currentColor`), the ground is transparent, letters stay
    letters. It shrinks with the page. Ids are prefixed by a hash of the content, so several figures
    live in one page. alt: what a screen reader says.
    """
    stream = io.StringIO()
    _render(figure, stream, "svg", transparent=True, rc={"svg.fonttype": "none"})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*</defs>\s*", "", text)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # groups are never referred to
    text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text)
    text = re.sub(r"font-family: [^;]*sans-serif", "font-family: 'DejaVu Sans', Verdana, sans-serif", text)
    text = text.replace(INK, "currentColor")
    prefix = "f" + hashlib.sha256(text.encode()).hexdigest()[:10] + "-"
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}\1"', text)
    return _root(figure, alt) + text[text.index(">") + 1 :].strip()


def _root(figure: Figure, alt: str) -> str:
    width, height = figure.get_figwidth() * 72, figure.get_figheight() * 72
    label = f' aria-label="{html.escape(alt)}"' if alt else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'role="img"{label} viewBox="0 0 {width:g} {height:g}" '
        f'style="width:100%;max-width:{width * 4 / 3:.0f}px;height:auto;'
        'stroke-linejoin:round;stroke-linecap:butt">\n'
    )
