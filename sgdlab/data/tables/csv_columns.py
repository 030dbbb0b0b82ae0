"""csv: a user's table, by column names, to numbers: numeric columns as they are, categories one-hot."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.prepared import Column
from sgdlab.data.raw import RawTable, quote
from sgdlab.data.tables import cells as meaning
from sgdlab.data.tables.labels import distinct_labels, looks_like_classes
from sgdlab.data.tables.text_file import MAX_COLUMNS, CsvText, read_csv, unknown_column
from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.data.sources.csv_file import CsvDataset

MAX_CATEGORIES = 100
MAX_NUMBERS = 1 << 29  # 4 GiB of float64


class Parsed(NamedTuple):
    """A column: its numbers (NaN where missing), or None and its text; and which rows lack a value."""

    name: str
    numbers: NDArray[np.float64] | None
    text: Sequence[str]
    missing: NDArray[np.bool_]


def load_csv(dataset: "CsvDataset", folder: Path | None = None) -> RawTable:
    """Features and target of a CSV file with a header line.

    A column is numeric when every cell is a number or missing, categorical when most are not (or when
    `categorical` names it); a stray text among numbers is an error. Categories are those of the whole
    table, one feature each. Missing cells (empty, NA, NaN, null, ...): `error` names the first; `drop`
    drops the row; `mean` fills numbers with the mean of the training rows and gives categories one of
    their own, "". A missing target is dropped or an error, never invented.

    task auto: classification when the target is text, or integers with at most 2 distinct values in
    twice as many rows, or with at most 20 and fewer than 5 % of the rows; else regression. Classes
    are the sorted distinct labels of the whole table.
    """
    text = read_csv((folder or Path()) / dataset.path, dataset.delimiter)
    features = _feature_names(text, dataset)
    columns = [_parse(text, name, name in dataset.categorical) for name in features]
    target = _parse_target(text, dataset)
    for column in [*columns, target]:
        _refuse_infinity(text, column)
    kept = _kept_rows(text, columns, target, dataset)
    y, classes = _targets(target, kept, dataset, text)
    x, described = _features(columns, kept, text)
    owner = [column.name for column in described for _ in column.categories or ("",)]
    return RawTable(
        source=dataset.path,
        x=x,
        y=y,
        place=lambda row, feature: text.place(int(kept[row]), owner[feature]),
        classes=classes,
        columns=described,
        target_names=(dataset.target,),
        fill_missing=dataset.missing == "mean",
    )


def _feature_names(text: CsvText, dataset: "CsvDataset") -> list[str]:
    """Columns that are neither target nor ignored; DataError for names that are not there."""
    for key, names in (
        ("target", (dataset.target,)),
        ("ignore", dataset.ignore),
        ("categorical", dataset.categorical),
    ):
        for name in names:
            if name not in text:
                raise DataError(f"{text.path}:1: dataset.{key}: {unknown_column(name, text.names)}")
    if dataset.target in dataset.ignore:
        raise DataError(f"dataset.ignore: {quote(dataset.target)} is the target; take it off the list")
    features = [name for name in text if name != dataset.target and name not in dataset.ignore]
    if "" in features:
        raise DataError(
            f"{text.path}:1: column {text.names.index('') + 1} has no name (a saved row index?); name it, or "
            'write dataset.ignore: [""]'
        )
    if not features:
        raise DataError(f"{text.path}:1: no column is left to predict {quote(dataset.target)} from")
    return features


def _parse(text: CsvText, name: str, categorical: bool) -> Parsed:
    """A feature column; DataError for stray text among numbers."""
    column = text[name]
    values = None if categorical else meaning.numbers(column)
    if values is not None:
        return Parsed(name, values, column, np.isnan(values))
    if not categorical and meaning.meant_as_numbers(column):
        row = meaning.first_text(column)
        raise DataError(
            f"{text.place(row, name)}: {meaning.not_a_number(column[row])} (for categories list the column "
            "under dataset.categorical)"
        )
    return Parsed(name, None, column, meaning.is_missing(column))


def _parse_target(text: CsvText, dataset: "CsvDataset") -> Parsed:
    """The target column; its numbers are None where its labels are text."""
    column = text[dataset.target]
    values = meaning.numbers(column)
    if values is not None:
        return Parsed(dataset.target, values, column, np.isnan(values))
    mixed = dataset.task == "auto" and meaning.meant_as_numbers(column)
    if dataset.task == "regression" or mixed:
        row = meaning.first_text(column)
        remedy = " (if these are classes, set dataset.task: classification)"
        raise DataError(f"{text.place(row, dataset.target)}: {meaning.not_a_number(column[row])}{remedy}")
    return Parsed(dataset.target, None, column, meaning.is_missing(column))


def _refuse_infinity(text: CsvText, column: Parsed) -> None:
    if column.numbers is not None and len(rows := np.flatnonzero(np.isinf(column.numbers))):
        row = int(rows[0])
        raise DataError(f"{text.place(row, column.name)}: {quote(column.text[row])} is not a finite number")


def _kept_rows(text: CsvText, columns: list[Parsed], target: Parsed, dataset: "CsvDataset") -> NDArray[np.intp]:
    """Indices of the rows to use; missing cells are refused, dropped or left for `prepare` to fill."""
    looked_at = [target] if dataset.missing == "mean" else [*columns, target]
    lacking = np.zeros(len(text), bool)
    for column in looked_at:
        lacking |= column.missing
    if dataset.missing == "drop":
        kept = np.flatnonzero(~lacking)
        if not len(kept):
            emptiest = max(looked_at, key=lambda column: int(column.missing.sum()))
            raise DataError(
                f"{text.path}: no row is without a missing cell; column {quote(emptiest.name)} lacks "
                f"{int(emptiest.missing.sum())} of {len(text)}: list it under dataset.ignore, or set "
                "missing: mean"
            )
        return kept
    if lacking.any():
        row = int(np.argmax(lacking))
        column = next(column for column in looked_at if column.missing[row])
        cell = f" ({quote(column.text[row])})" if column.text[row] else ""
        remedy = "a target cannot be filled in; set dataset.missing: drop to leave such rows out"
        if column is not target:
            remedy = "set dataset.missing: drop to leave such rows out, or mean to fill them in"
            remedy += "" if column.numbers is not None else " with a category of their own"
        raise DataError(f"{text.place(row, column.name)}: missing cell{cell}; {remedy}")
    return np.arange(len(text))


def _targets(
    target: Parsed, kept: NDArray[np.intp], dataset: "CsvDataset", text: CsvText
) -> tuple[NDArray[np.int64] | NDArray[np.float64], tuple[str, ...] | None]:
    """Class indices and labels, or [rows, 1] numbers and None."""
    where = f"{text.path} column {quote(target.name)}"
    if target.numbers is None:
        return distinct_labels([target.text[row] for row in kept], where)
    values = target.numbers[kept]
    if dataset.task == "classification" or (dataset.task == "auto" and looks_like_classes(values)):
        return distinct_labels(values, where)
    return values[:, None], None


def _features(
    columns: list[Parsed], kept: NDArray[np.intp], text: CsvText
) -> tuple[NDArray[np.float64], tuple[Column, ...]]:
    """[rows, features] with one-hot categories, and how each column became features."""
    described = tuple(
        Column(column.name, None if column.numbers is not None else _categories(column, kept, text))
        for column in columns
    )
    width = sum(len(column.categories or ("",)) for column in described)
    if width > MAX_COLUMNS or width * len(kept) > MAX_NUMBERS:
        raise DataError(
            f"{text.path}: {len(kept)} rows of {width} features (categories count one each) are too many "
            f"(at most {MAX_COLUMNS} features, {MAX_NUMBERS} numbers); leave columns out by dataset.ignore"
        )
    x = np.zeros((len(kept), width))
    first = 0
    for parsed, column in zip(columns, described, strict=True):
        if column.categories is None:
            assert parsed.numbers is not None
            x[:, first] = parsed.numbers[kept]
            first += 1
        else:
            index = {category: first + i for i, category in enumerate(column.categories)}
            labels = (parsed.text[row] for row in kept)
            x[np.arange(len(kept)), [index[_category(label)] for label in labels]] = 1.0
            first += len(column.categories)
    return x, described


def _category(label: str) -> str:
    """Missing cells share the category ""."""
    return "" if label in meaning.MISSING else label


def _categories(column: Parsed, kept: NDArray[np.intp], text: CsvText) -> tuple[str, ...]:
    """Sorted distinct categories; DataError where they are too many to be categories."""
    distinct = {_category(column.text[row]) for row in kept}
    if len(distinct) > MAX_CATEGORIES or len(distinct) == len(kept) > 10:
        row = next((row for row, cell in enumerate(column.text) if meaning.number(cell) is None), 0)
        raise DataError(
            f"{text.place(row, column.name)}: {len(distinct)} different texts in {len(kept)} rows, such as "
            f"{meaning.examples(column.text[row : row + 1])}: too many for categories (at most "
            f"{MAX_CATEGORIES}); list the column under dataset.ignore, or write numbers"
        )
    return tuple(sorted(distinct))
