"""Tables of a report: cells that are shown in one form and sorted by another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sgdlab.analysis.wording import MISSING, table_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cell:
    """text: what is shown; key: the number it is sorted by, None for text; mark: a status to be made visible."""

    text: str
    key: float | None = None
    mark: str = ""

    @property
    def missing(self) -> bool:
        """Whether there is nothing in it: sorted last either way."""
        return self.text == MISSING

    @property
    def sort_key(self) -> str:
        """The whole number as the script reads it; empty for text and for what is missing."""
        if self.key is None or self.missing:
            return ""
        return repr(self.key).replace("inf", "Infinity")


@dataclass(frozen=True)
class Table:
    """columns: titles; rows: a cell for each column, the first one naming the row; note: said below."""

    kind: ClassVar = "table"
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    folded: bool = False

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers: set to the right."""
        cells = [row[column] for row in self.rows if not row[column].missing]
        return bool(cells) and all(cell.key is not None for cell in cells)


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "", **more: Any) -> Table:
    """A table of plain values and cells."""
    return Table(caption, tuple(columns), tuple(tuple(cell(value) for value in row) for row in rows), note, **more)


def table_of(caption: str, frame: "pd.DataFrame", note: str = "", **more: Any) -> Table:
    """A table of a whole data frame, its names in words."""
    names = [str(name) for name in frame.columns]
    rows = [[named_cell(name, row[name]) for name in names] for row in frame.to_dict(orient="records")]
    return table(caption, [name.replace("_", " ") for name in names], rows, note, **more)


def cell(value: Any) -> Cell:
    """A value as a cell: numbers to four digits and sorted whole, None and NaN as a dash."""
    if isinstance(value, Cell):
        return value
    found = number_of(value)
    if found is not None:
        text = table_value(found)
        return Cell(text.replace("-", "−", 1) if found < 0 else text, found)
    return Cell(table_value(None if value is None or value != value or value == "" else value))


def number_of(value: Any) -> float | None:
    """`value` as a float if it is a number (numpy's too) and not NaN."""
    if isinstance(value, str | bytes | bool) or not hasattr(value, "__float__"):
        return None
    found = float(value)
    return None if math.isnan(found) else found


def finite_number(value: Any) -> float | None:
    """`value` if it is a finite number."""
    found = number_of(value)
    return found if found is not None and math.isfinite(found) else None


def count_cell(part: int, whole: int) -> Cell:
    """`4/5`, sorted by the part; marked where not all is there."""
    return Cell(f"{part}/{whole}", float(part), "" if part == whole else "caution")


def named_cell(name: str, value: Any) -> Cell:
    """The cell of a column by its name: a run's status is marked unless it completed."""
    if name != "status":
        return cell(value)
    marks = {"completed": "", "diverged": "bad", "failed": "bad", "damaged": "bad"}
    return Cell(str(value), None, marks.get(str(value), "caution"))
