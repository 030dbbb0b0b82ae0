"""The history of a run: its records, their columns, appending them whole, reading them back."""

import math
import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sgdlab.errors import RunFolderError

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


class HistoryWriter:
    """Appends records to history.csv, each whole: a write that fails is taken back.

    rows: rows that stand in the file and are kept; anything after them is cut off.
    Raises OSError when the disk refuses.
    """

    def __init__(self, path: Path, rows: int = 0) -> None:
        self.path = path
        kept = _first_lines(path, rows + 1) if rows else (",".join(COLUMNS) + "\n").encode()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not rows:
                self._length = 0
                self._append(kept)
            self._length = len(kept)
            os.ftruncate(self._file, self._length)
        except BaseException:
            os.close(self._file)
            raise

    def append(self, record: Record) -> None:
        """Add one row."""
        self._append(format_row(record).encode())

    def _append(self, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._file, line[written:], self._length + written)
        except OSError:
            os.ftruncate(self._file, self._length)
            raise
        self._length += len(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_history(path: Path) -> "pd.DataFrame":
    """history.csv as a DataFrame with COLUMNS; a last line that was cut short is left out.

    Raises RunFolderError when the file is absent or is no history.
    """
    import io

    import pandas as pd

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None
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


def _first_lines(path: Path, count: int) -> bytes:
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None
    if len(lines) < count or not lines[count - 1].endswith(b"\n"):
        raise RunFolderError(f"{path}: damaged: holds fewer rows than the checkpoint; the run cannot be continued")
    return b"".join(lines[:count])
