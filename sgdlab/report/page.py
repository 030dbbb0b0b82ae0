"""The page: what a report is made of, and its rendering into one HTML file that asks nothing of the outside."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdlab.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

Tone = Literal["sure", "unsure", "failed"]
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, what turns the direction of text, and what UTF-8 cannot hold."""
_SHRINK = 0.75  # a figure narrower than this share of its natural width is scrolled, not shrunk


@dataclass(frozen=True)
class Answer:
    """One answer. goal: what it is the answer to; headline: the answer itself; tone, how_sure: how sure, in a
    word or two beside the colour; details: a line each."""

    goal: str
    headline: str
    tone: Tone
    how_sure: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """Paragraphs."""

    kind: ClassVar = "text"
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Bullets:
    """A list; caution marks what a reader must not miss."""

    kind: ClassVar = "bullets"
    lines: tuple[str, ...]
    caution: bool = False


@dataclass(frozen=True)
class Code:
    """Text to be copied: YAML, commands. folded: shown once the reader opens it."""

    kind: ClassVar = "code"
    caption: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and values. caption: what they are of."""

    kind: ClassVar = "facts"
    caption: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Drawing:
    """A figure. words: what it shows, said below it and to those who cannot see it."""

    kind: ClassVar = "drawing"
    figure: "Figure"
    words: str

    @property
    def svg(self) -> str:
        """The figure as an <svg> element."""
        from sgdlab.plots import svg_text

        return svg_text(self.figure, alt=self.words)

    @property
    def width(self) -> int:
        """Its natural width, CSS pixels."""
        return round(float(self.figure.get_figwidth()) * 96)

    @property
    def least_width(self) -> int:
        """CSS pixels below which its letters could not be read."""
        return round(self.width * _SHRINK)


Block = Text | Bullets | Code | Facts | Drawing | Table


@dataclass(frozen=True)
class Chapter:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Page:
    """A report. kind: run, sweep or study; asked: what was asked, in words; cautions: what failed, diverged
    or cannot be read; source: the folder it was made from."""

    kind: str
    name: str
    asked: tuple[str, ...]
    answers: tuple[Answer, ...]
    cautions: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    source: str

    @property
    def filled(self) -> Iterator[Chapter]:
        """The chapters that hold something."""
        return (chapter for chapter in self.chapters if chapter.blocks)


def render(page: Page) -> str:
    """The page as HTML: every text escaped, style and script inside, all else forbidden by its own policy."""
    from jinja2 import Environment, StrictUndefined

    from sgdlab import __version__

    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["words"] = _with_code
    script = _own("sort.js")
    text = made.from_string(_own("report.html")).render(
        page=page, style=_own("style.css"), script=script, script_hash=_hash(script), version=__version__
    )
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _with_code(text: str) -> "Markup":
    """`text`, escaped, with what stands between backticks as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def _own(name: str) -> str:
    """A file of this package."""
    return (files("sgdlab.report") / name).read_text(encoding="utf-8").strip()


def _hash(script: str) -> str:
    """What a content security policy knows the script by; the browser hashes what stands between the tags."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
