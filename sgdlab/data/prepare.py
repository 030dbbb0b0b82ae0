"""From a raw table to prepared data, in this order: whiten, limit, resample, split, repeat, standardise."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.checksum import table_checksum
from sgdlab.data.prepared import PreparedData, Preprocess, Split
from sgdlab.data.raw import RawTable
from sgdlab.data.scaling import Affine, moments, to_model
from sgdlab.errors import DataError
from sgdlab.streams import generator

if TYPE_CHECKING:
    from sgdlab.schema.dataset import Dataset

RowIndices = NDArray[np.intp]
MAX_NUMBERS = 1 << 32  # 16 GiB of float32


def prepare(table: RawTable, dataset: "Dataset", seed: int) -> PreparedData:
    """`table` prepared under the options of `dataset`; rows are moved by index, copied once.

    Splits keep the order of the table, so `sampling: fixed` sees the rows as they stand. A source's
    official test rows are the test split unless `dataset.test` asks for a share of its own.
    """
    rows = _rows_in_play(len(table.x), dataset, seed)
    train, validation, test = _split(rows, dataset, seed)
    fill = _fill(table, train)
    inputs, targets = _fit(table, dataset, train, fill)
    train = _repeated(train, dataset.repeat, table.x.shape[1])

    def rows_as_split(chosen: RowIndices) -> Split:
        x = to_model(table.x, chosen, inputs, table.place, fill)
        return Split(x, _targets(table, chosen, targets))

    return PreparedData(
        train=rows_as_split(train),
        validation=rows_as_split(validation) if len(validation) else None,
        test=rows_as_split(test) if len(test) else _official_test(table, inputs),
        input_shape=table.shape,
        preprocess=_preprocess(table, inputs, targets, fill),
        checksum=table_checksum(table),
    )


def _rows_in_play(n: int, dataset: "Dataset", seed: int) -> RowIndices:
    """Indices of the rows after `limit` and `resample`."""
    rows = np.arange(min(n, dataset.limit or n))
    if dataset.resample == "bootstrap":
        rows = rows[generator(seed, "resample").integers(len(rows), size=len(rows))]
    return rows


def _split(rows: RowIndices, dataset: "Dataset", seed: int) -> tuple[RowIndices, RowIndices, RowIndices]:
    """training, validation, test rows: round(n * share) rows are held out, one at least."""
    n = len(rows)
    held_out = [max(1, round(n * share)) if share > 0 else 0 for share in (dataset.validation, dataset.test)]
    if sum(held_out) >= n:
        raise DataError(
            f"dataset {dataset.name}: {n} {'row' if n == 1 else 'rows'}, of which validation "
            f"{dataset.validation:g} and test {dataset.test:g} take {sum(held_out)}, leave none for "
            "training; use more rows, or smaller shares (0 holds out nothing)"
        )
    if sum(held_out) == 0:
        return rows, rows[:0], rows[:0]
    order = generator(seed, "split").permutation(n)
    first, second = held_out[0], sum(held_out)
    return rows[np.sort(order[second:])], rows[np.sort(order[:first])], rows[np.sort(order[first:second])]


def _repeated(train: RowIndices, times: int, features: int) -> RowIndices:
    """Every training row `times` times, its copies side by side."""
    if len(train) * times * features > MAX_NUMBERS:
        raise DataError(
            f"dataset.repeat: {len(train)} training rows of {features} features, {times} times each, are more "
            f"than fit into memory (at most {MAX_NUMBERS} numbers); use a smaller repeat"
        )
    return np.repeat(train, times)


def _fit(
    table: RawTable, dataset: "Dataset", train: RowIndices, fill: NDArray[np.float64] | None
) -> tuple[Affine, Affine]:
    """The maps of features and targets: whitened over the whole table, standardised over `train`.

    Missing cells do not count in whitening, and stand filled in standardisation.
    """
    whole = np.arange(len(table.x))
    inputs = Affine.unit(table.x.shape[1], table.unit)
    y = _as_columns(table.y)
    targets = Affine.unit(y.shape[1])
    steps = ((dataset.whiten and not table.whitened, whole, None), (dataset.standardize, train, fill))
    for rows, known in ((rows, known) for asked, rows, known in steps if asked):
        inputs = inputs.normalised(moments(table.x, rows, table.place, known))
        if table.classes is None:
            targets = targets.normalised(moments(y, rows, lambda row, column: f"{table.source}: targets"))
    return inputs, targets


def _fill(table: RawTable, train: RowIndices) -> NDArray[np.float64] | None:
    """Mean of each feature over the training rows, where missing cells are to be filled with it."""
    if not table.fill_missing:
        return None
    means = moments(table.x, train, table.place).mean
    for column in np.flatnonzero(np.isnan(means))[:1]:
        raise DataError(
            f"{table.place(int(train[0]), int(column))}: no training row has a value in this column, so "
            "there is no mean to fill in; leave the column out (dataset.ignore)"
        )
    return means


def _as_columns(y: NDArray[Any]) -> NDArray[Any]:
    return y if y.ndim == 2 else y[:, None]


def _targets(table: RawTable, rows: RowIndices, targets: Affine) -> NDArray[np.int64] | NDArray[np.float32]:
    if table.classes is not None:
        return table.y[rows].astype(np.int64)
    return to_model(table.y, rows, targets, lambda row, column: f"{table.source}: target of row {row + 1}")


def _official_test(table: RawTable, inputs: Affine) -> Split | None:
    if table.official_test is None:
        return None
    x, y = table.official_test
    return Split(to_model(x, np.arange(len(x)), inputs, table.place), y.astype(np.int64))


def _preprocess(table: RawTable, inputs: Affine, targets: Affine, fill: NDArray[np.float64] | None) -> Preprocess:
    columns, first = [], 0
    for column in table.columns:
        numeric = column.categories is None
        columns.append(replace(column, fill=float(fill[first])) if numeric and fill is not None else column)
        first += 1 if column.categories is None else len(column.categories)
    regression = table.classes is None
    return Preprocess(
        source=table.source,
        task=table.task,
        columns=tuple(columns),
        target_names=table.target_names,
        classes=table.classes,
        shift=inputs.shift,
        scale=inputs.scale,
        target_shift=targets.shift if regression else np.zeros(1),
        target_scale=targets.scale if regression else np.ones(1),
    )
