"""The history of a run: its records, their columns, appending them whole, reading them back."""

import hashlib
import math
import os
import re
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sgdlab.errors import RunFolderError
from sgdlab.runs.files import named, read_bytes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Record:
    """One evaluation; its fields are the columns of history.csv.

    Losses are means over examples, in nats for cross-entropy. Seconds: train_seconds is training
    alone, wall_seconds everything since the run began. NaN stands for "not measured", an empty cell.
    """

    epoch: float
    step: int
    examples: int
    learning_rate: float
    batch_size: int
    batch_loss: float
    mean_batch_loss: float
    train_loss: float
    val_loss: float
    train_accuracy: float
    val_accuracy: float
    train_seconds: float
    wall_seconds: float


COLUMNS = tuple(field.name for field in fields(Record))
TIMING_COLUMNS = ("train_seconds", "wall_seconds")
_WHOLE = ("step", "examples", "batch_size")
_NUMBER = rb"(?:-?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|inf))?"
_ROW = re.compile(b",".join(rb"\d{1,18}" if name in _WHOLE else _NUMBER for name in COLUMNS))


def format_row(record: Record) -> str:
    """A record as a line of CSV; the same numbers always give the same bytes."""
    cells = []
    for name, value in zip(COLUMNS, astuple(record), strict=True):
        if name in _WHOLE:
            cells.append(str(value))
        elif math.isnan(value):
            cells.append("")
        else:
            cells.append(f"{value:.6f}" if name in TIMING_COLUMNS else f"{value:.9g}")
    return ",".join(cells) + "\n"


@dataclass(frozen=True)
class HistoryMark:
    """A place in history.csv, as a checkpoint remembers it: so many bytes, with this SHA-256."""

    length: int
    sha256: str


class HistoryWriter:
    """Appends records to history.csv, each whole: a write that fails is taken back.

    kept: what stands in the file and stays; anything after it is cut off. None begins a new history.
    Raises RunFolderError where the file does not hold what is to be kept, OSError when the disk refuses.
    """

    def __init__(self, path: Path, kept: HistoryMark | None = None) -> None:
        self.path = path
        content = b"" if kept is None else _kept(path, kept)
        self._digest, self._length = hashlib.sha256(content), len(content)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise named(error, path) from None
        try:
            if kept is None:
                self._append((",".join(COLUMNS) + "\n").encode())
            os.ftruncate(self._file, self._length)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: Record) -> None:
        """Add one row."""
        self._append(format_row(record).encode())

    def mark(self) -> HistoryMark:
        """The present end of the file."""
        return HistoryMark(self._length, self._digest.hexdigest())

    def sync(self) -> None:
        """Wait until all rows are on the disk."""
        os.fsync(self._file)

    def _append(self, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._length + written)
        except OSError as error:
            os.ftruncate(self._file, self._length)
            raise named(error, self.path) from None
        self._length += len(line)
        self._digest.update(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def last_step(path: Path) -> int:
    """The step of the last whole row, -1 where there is none, after a quick look at all rows.

    Raises RunFolderError when the file is absent or its rows are not those of a history.
    """
    header, _, rows = read_bytes(path).partition(b"\n")
    if header != ",".join(COLUMNS).encode():
        raise RunFolderError(f"{path}: damaged: its first line is not the columns of a history")
    lines = rows.split(b"\n")[:-1]
    well_formed = all(map(_ROW.fullmatch, lines))
    steps = [int(line.split(b",", 2)[1]) for line in lines] if well_formed else []
    if not well_formed or steps != sorted(set(steps)):
        raise RunFolderError(f"{path}: damaged: its rows are not those of a history")
    return steps[-1] if steps else -1


def read_history(path: Path) -> "pd.DataFrame":
    """history.csv as a DataFrame with COLUMNS; a last line that was cut short is left out.

    Raises RunFolderError when the file is absent or is no history.
    """
    import io

    import pandas as pd

    raw = read_bytes(path)
    whole = raw[: raw.rfind(b"\n") + 1]
    try:
        table = pd.read_csv(io.BytesIO(whole), dtype="float64")
    except (ValueError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path}: damaged: {str(error).splitlines()[0][:200]}") from None
    if tuple(table.columns) != COLUMNS:
        raise RunFolderError(f"{path}: damaged: its first line is not the columns of a history")
    whole_numbers = table[list(_WHOLE)]
    exact = ((whole_numbers >= 0) & (whole_numbers < 2**53) & (whole_numbers % 1 == 0)).all(axis=None)
    if not exact or not (table["step"].is_monotonic_increasing and table["step"].is_unique):
        raise RunFolderError(f"{path}: damaged: its rows are not those of a history")
    return table.astype(dict.fromkeys(_WHOLE, "int64"))


def _kept(path: Path, kept: HistoryMark) -> bytes:
    """The part of the file that a checkpoint knows."""
    content = read_bytes(path)[: kept.length]
    if len(content) < kept.length or hashlib.sha256(content).hexdigest() != kept.sha256:
        raise RunFolderError(f"{path}: damaged: its rows are not those that were there at the last checkpoint")
    return content
