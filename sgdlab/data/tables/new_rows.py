"""New rows for `predict`: a user's table to model inputs, by what was fitted in training."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.prepared import Column, Preprocess
from sgdlab.data.raw import quote
from sgdlab.data.scaling import Affine, to_model
from sgdlab.data.tables import cells as meaning
from sgdlab.data.tables.text_file import CsvText, unknown_column
from sgdlab.errors import DataError


class Frame(Protocol):
    """Columns by name: a CsvText, a pandas DataFrame or a mapping of lists."""

    def __contains__(self, name: object, /) -> bool: ...
    def __getitem__(self, name: Any, /) -> Any: ...
    def __iter__(self) -> Any: ...


def apply_preprocess(preprocess: Preprocess, frame: Frame | Mapping[str, Sequence[Any]]) -> NDArray[np.float32]:
    """[rows, features] float32, ready for the model.

    Columns are found by name; others, the target among them, do not matter. Where the training data
    had no column names, the columns count in the order of the frame, less one of the target's name.
    DataError names row and column of a missing cell, an unknown category, or text where a number
    belongs, and a column that is not there.
    """
    names = [str(name) for name in frame]
    columns = preprocess.columns or _by_position(preprocess, names)
    for column in columns:
        if column.name not in frame:
            raise DataError(f"{_source(frame)}: {unknown_column(column.name, names)}; the model needs it")
    parts = [_features(column, [_text(cell) for cell in frame[column.name]], frame) for column in columns]
    raw = np.ascontiguousarray(np.concatenate(parts, axis=1))
    if len(raw) == 0:
        raise DataError(f"{_source(frame)}: no rows to predict")
    owner = [column.name for column in columns for _ in column.categories or ("",)]
    affine = Affine(preprocess.shift, preprocess.scale)
    return to_model(raw, np.arange(len(raw)), affine, lambda row, i: _place(frame, row, owner[i]))


def _by_position(preprocess: Preprocess, names: list[str]) -> tuple[Column, ...]:
    used = names
    if len(names) > len(preprocess.shift):
        used = [name for name in names if name not in preprocess.target_names]
    if len(used) != len(preprocess.shift):
        raise DataError(f"{len(used)} columns of features; the model has {len(preprocess.shift)} inputs")
    return tuple(Column(name) for name in used)


def _features(column: Column, cells: list[str], frame: Any) -> NDArray[np.float64]:
    """[rows, 1] numbers, or [rows, categories] one-hot."""
    if column.categories is None:
        return _numbers(column, cells, frame)[:, None]
    index = {category: i for i, category in enumerate(column.categories)}
    out = np.zeros((len(cells), len(index)))
    for row, cell in enumerate(cells):
        category = "" if cell in meaning.MISSING else cell
        if category not in index and category.endswith(".0"):  # pandas made floats of whole numbers
            category = category[:-2]
        if category not in index:
            known = ", ".join(quote(name) for name in column.categories[:20])
            what = f"unknown category {quote(cell)}" if category else "missing cell"
            raise DataError(f"{_place(frame, row, column.name)}: {what}; training knew {known}")
        out[row, index[category]] = 1.0
    return out


def _numbers(column: Column, cells: list[str], frame: Any) -> NDArray[np.float64]:
    values = meaning.numbers(cells)
    if values is None:
        row = meaning.first_text(cells)
        raise DataError(f"{_place(frame, row, column.name)}: {meaning.not_a_number(cells[row])}")
    for row in np.flatnonzero(np.isinf(values))[:1]:
        raise DataError(f"{_place(frame, int(row), column.name)}: {quote(cells[row])} is not a finite number")
    lacking = np.isnan(values)
    if lacking.any() and column.fill is None:
        row = int(np.argmax(lacking))
        raise DataError(
            f"{_place(frame, row, column.name)}: missing cell; fill it in, or train with dataset.missing: mean"
        )
    return np.where(lacking, column.fill if column.fill is not None else 0.0, values)


def _text(cell: Any) -> str:
    """A cell as a CSV would hold it; None and pandas's missing values are empty."""
    if isinstance(cell, str):
        return cell.strip()
    return "" if cell is None or str(cell) in meaning.MISSING or str(cell) == "NaT" else str(cell)


def _source(frame: Any) -> str:
    return frame.path if isinstance(frame, CsvText) else "new rows"


def _place(frame: Any, row: int, name: str) -> str:
    if isinstance(frame, CsvText):
        return frame.place(row, name)
    return f"row {row + 1} column {quote(name)}"
