"""What the terminal shows: errors, tables, numbers; plain text where nobody watches."""

import re
import shlex
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from sgdlab.analysis.wording import MISSING, table_value

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

INTERRUPTED = 130
PIPE_WIDTH = 1000
"""Columns of a line where nobody watches: wide enough that no table wraps."""


@cache
def console(stderr: bool = False) -> "Console":
    """Standard output (or error); without colours and control codes unless it is a terminal."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH, no_color=True)


def say(text: str = "") -> None:
    """One line of plain text; nothing in it is markup."""
    lines = map(printable, text.split("\n"))
    console().out("\n".join(lines), highlight=False)  # out: no markup, no emoji for :100:, no line broken


def show_error(message: str) -> None:
    """The one message of a failure, on standard error."""
    lines = message.splitlines() or ["unknown error"]
    for line in lines:
        console(stderr=True).print("[red]error:[/red] ", end="")
        console(stderr=True).out(printable(line), highlight=False)


def warn(text: str) -> None:
    """One line on standard error that stops nothing: what was left out or repaired."""
    console(stderr=True).out(printable(text), highlight=False)


def leave(path: Path, code: int, quiet: bool) -> NoReturn:
    """Say where the results lie, and how to go on with what was interrupted; exit with this code."""
    say(str(path))
    if code == INTERRUPTED and not quiet:
        say(f"continue with: sgdlab resume {shlex.quote(str(path))}")
    raise typer.Exit(code)


def printable(text: str) -> str:
    """`text` without control characters, which a hostile name could send to the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def new_table(title: str | None = None, **options: Any) -> "Table":
    """An empty table as all of them look."""
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, **options)


def show_table(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; text to the left, numbers to the right."""
    from rich.text import Text

    table, cells = new_table(), [[table_value(value) for value in row] for row in rows]
    for i, header in enumerate(headers):
        numeric = bool(cells) and all(_is_number(row[i]) for row in cells)
        # a name must stay in one piece, to be copied into the next command
        table.add_column(Text(header), justify="right" if numeric else "left", overflow="fold", no_wrap=i == 0)
    for row in cells:
        table.add_row(*(Text(printable(value)) for value in row))
    console().print(table)


def _is_number(text: str) -> bool:
    return text == MISSING or re.fullmatch(r"[-+0-9.,e]+", text) is not None
