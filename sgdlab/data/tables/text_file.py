"""CSV as text: a header and cells with the file lines they stand on; no meaning given to them yet.

Read by the standard library's csv in strict mode rather than by pandas, which pads short rows without
a word, guesses types cell by cell, and knows no line numbers.
"""

import csv
import io
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgdlab.data.raw import quote
from sgdlab.errors import DataError
from sgdlab.schema.nearest import did_you_mean

MAX_COLUMNS = 50_000
MAX_BYTES = 2 << 30


@dataclass(frozen=True)
class CsvText:
    """The cells of a CSV file, stripped of surrounding blanks; all columns are equally long.

    lines: the line of the file, counted from 1, on which each row begins.
    """

    path: str
    names: tuple[str, ...]
    cells: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, name: object) -> bool:
        return name in self.cells

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, name: str) -> tuple[str, ...]:
        return self.cells[name]

    def place(self, row: int, name: str) -> str:
        """`my.csv:17 column "age"`."""
        return f"{self.path}:{self.lines[row]} column {quote(name)}"


def read_csv(path: str | Path, delimiter: str = ",") -> CsvText:
    """The file as text; DataError naming the line for whatever keeps it from being a CSV file."""
    shown = shown_path(path)
    text = _decode(_read(Path(path), shown), shown)
    ends = [end for end in (text.find("\n"), text.find("\r")) if end >= 0]
    delimiters = text.count(delimiter, 0, min(ends, default=len(text)))
    if delimiters >= MAX_COLUMNS:  # before a million cells are made of them
        raise DataError(f"{shown}:1: {delimiters + 1} columns; at most {MAX_COLUMNS} are read")
    rows, lines = _rows(text, delimiter, shown)
    if not rows:
        raise DataError(f"{shown}: the file is empty; expected a header line and rows")
    names = _names(rows[0], f"{shown}:{lines[0]}")
    if len(rows) == 1:
        raise DataError(f"{shown}: a header line but no rows")
    columns = zip(*rows[1:], strict=True)
    cells = {name: tuple(map(str.strip, column)) for name, column in zip(names, columns, strict=True)}
    return CsvText(shown, names, cells, tuple(lines[1:]))


def unknown_column(name: str, known: Sequence[str]) -> str:
    """`there is no column "ag"; did you mean "age"? (columns: "age", "sex")`."""
    meant = did_you_mean(name, known[:1000], fold=True, quote=quote)
    listed = ", ".join(map(quote, known[:30])) + (", ..." if len(known) > 30 else "")
    return f"there is no column {quote(name)}{meant} (columns: {listed})"


def shown_path(path: str | Path) -> str:
    """The path for messages: relative to the working directory where that is shorter."""
    text = os.fspath(path)
    try:
        relative = os.path.relpath(text)
    except (OSError, ValueError):
        relative = text
    inside = os.path.isabs(text) and not relative.startswith("..")
    return quote(relative if inside else text, 1000)[1:-1]


def readable_file(path: Path, shown: str, max_bytes: int) -> None:
    """DataError unless `path` is an ordinary file of at most `max_bytes` (devices and pipes never end)."""
    try:
        state = path.stat()
    except FileNotFoundError:
        raise DataError(f"{shown}: no such file{_siblings(path)}") from None
    except (OSError, ValueError) as fault:
        raise DataError(f"{shown}: cannot be read ({getattr(fault, 'strerror', None) or fault})") from None
    if stat.S_ISDIR(state.st_mode):
        raise DataError(f"{shown}: is a folder; name a file in it")
    if not stat.S_ISREG(state.st_mode):
        raise DataError(f"{shown}: is not an ordinary file")
    if state.st_size > max_bytes:
        raise DataError(f"{shown}: {state.st_size >> 20} MiB; at most {max_bytes >> 20} MiB are read")


def _siblings(path: Path) -> str:
    try:
        names = [other.name for _, other in zip(range(1000), path.parent.iterdir(), strict=False)]
    except (OSError, ValueError):
        return f"; there is no folder {quote(path.parent, 1000)}"
    return did_you_mean(path.name, names, quote=lambda name: quote(name, 300))


def _read(path: Path, shown: str) -> bytes:
    readable_file(path, shown, MAX_BYTES)
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise DataError(f"{shown}: cannot be read ({fault.strerror or fault})") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{shown}: is UTF-16; save it as UTF-8")
    at = data.find(b"\0")
    if at >= 0:
        raise DataError(f"{shown}:{_line_of(data, at)}: holds a NUL byte; this is not a text file, or a damaged one")
    return data


def _decode(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        bad = data[fault.start : fault.start + 1].hex()
        raise DataError(
            f"{shown}:{_line_of(data, fault.start)}: not UTF-8 (byte 0x{bad}); save the whole file as UTF-8"
        ) from None


def _line_of(data: bytes, position: int) -> int:
    before = data[:position]
    return 1 + (before.count(b"\n") or before.count(b"\r"))


def _rows(text: str, delimiter: str, shown: str) -> tuple[list[tuple[str, ...]], list[int]]:
    """Rows of equal length with the lines on which they begin; blank lines are passed over."""
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    before = 0  # last line of the row before
    if delimiter in ('"', "\r", "\n"):
        raise DataError(f"dataset.delimiter: {quote(delimiter)} cannot separate cells; use , ; or a tab")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        strict=True,
        skipinitialspace=delimiter != " ",
    )
    try:
        for row in reader:
            line, before = before + 1, reader.line_num
            blank = not row or (len(row) == 1 and not row[0].strip() and (not rows or len(rows[0]) > 1))
            if blank:
                continue
            if rows and len(row) != len(rows[0]):
                raise DataError(_ragged(f"{shown}:{line}", len(row), len(rows[0])))
            rows.append(tuple(row))  # unlike lists, tuples of text cost the garbage collector nothing
            lines.append(line)
    except csv.Error as fault:
        raise DataError(f"{shown}:{before + 1}: {_explain(str(fault))}") from None
    return rows, lines


def _ragged(place: str, seen: int, expected: int) -> str:
    more = "; put text that holds the delimiter in double quotes" if seen > expected else ""
    return f"{place}: {seen} cell{'s' * (seen != 1)}, the header has {expected}{more}"


def _explain(fault: str) -> str:
    if "unexpected end of data" in fault:
        return "a double quote is opened in the row that begins here and never closed"
    if "field larger" in fault:
        return f"a cell of more than {csv.field_size_limit()} characters; is a double quote never closed?"
    return f"not a CSV row ({fault})"


def _names(row: Sequence[str], place: str) -> tuple[str, ...]:
    """Column names, each of them once."""
    if len(row) > MAX_COLUMNS:
        raise DataError(f"{place}: {len(row)} columns; at most {MAX_COLUMNS} are read")
    names = tuple(cell.strip() for cell in row)
    first: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if name in first:
            raise DataError(
                f"{place}: the columns {first[name]} and {position} are both named {quote(name)}; rename one"
            )
        first[name] = position
    return names
