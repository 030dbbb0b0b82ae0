"""From two arrays of a user's own to a raw table: shapes, types, missing and impossible values."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.prepared import Column
from sgdlab.data.raw import RawTable, quote
from sgdlab.data.tables.labels import class_indices, distinct_labels
from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.data.sources.function import FunctionDataset
    from sgdlab.data.sources.npz import NpzDataset


class Named(NamedTuple):
    """An array and the name by which messages know it, such as `my.npz "x"`."""

    name: str
    values: NDArray[Any]

    def at(self, row: int, within: int = 0) -> str:
        """`my.npz "x"[17, 0, 3]`: the cell `within` the flattened row, counted from 0 as numpy does."""
        inner: tuple[Any, ...] = np.unravel_index(within, self.values.shape[1:]) if self.values.ndim > 1 else ()
        return f"{self.name}[{', '.join(str(int(i)) for i in (row, *inner))}]"


def array_table(
    features: Named,
    targets: Named,
    dataset: "NpzDataset | FunctionDataset",
    names: tuple[str, ...] = (),
) -> RawTable:
    """Features [rows, ...] and targets [rows] or [rows, outputs] as a table.

    task auto: classification for targets of integers, booleans or text, regression for floats. Class
    indices are used as they are; text labels are numbered in sorted order. NaN is a missing cell:
    refused, dropped, or (features only) filled, as `missing` says. Infinity is refused. names: of the
    features, where the source knows them.
    """
    x = _features(features)
    _check_rows(features, targets)
    task = dataset.task
    if task == "auto":
        task = "regression" if targets.values.dtype.kind == "f" else "classification"
    y = _numeric_or_text(targets)
    _refuse_infinity(features, x)
    _refuse_infinity(targets, y)
    kept = _kept_rows(features, x, targets, y, dataset.missing)
    if len(kept) < len(x):
        x, y = x[kept], y[kept]
    classes: tuple[str, ...] | None = None
    if task == "classification":
        y, classes = _classes(targets, y, kept)
    elif y.dtype.kind != "f":
        raise DataError(f"{targets.name}: holds text ({quote(y.flat[0])}); a regression needs numbers")
    else:
        y = y.reshape(len(y), -1)
    outputs = 1 if classes is not None else y.shape[1]
    return RawTable(
        source=dataset.name if ":" in dataset.name else features.name,
        x=x,
        y=y,
        place=lambda row, feature: features.at(int(kept[row]), feature),
        classes=classes,
        input_shape=features.values.shape[1:] or (1,),
        columns=tuple(Column(name) for name in names) if len(set(names)) == x.shape[1] else (),
        target_names=("target",) if outputs == 1 else tuple(f"target {i}" for i in range(outputs)),
        fill_missing=dataset.missing == "mean" and x.dtype.kind == "f",
    )


def _features(features: Named) -> NDArray[Any]:
    """[rows, features] uint8, float32 or float64, C-contiguous."""
    values = features.values
    if values.ndim == 0 or values.size == 0:
        raise DataError(f"{features.name}: expected an array [rows, ...] of features, found shape {values.shape}")
    if values.dtype.kind not in "biuf":
        raise DataError(f"{features.name}: expected numbers, found {values.dtype}")
    kind = values.dtype if values.dtype in (np.uint8, np.float32) else np.dtype(np.float64)
    if values.dtype in (np.bool_, np.float16):
        kind = np.dtype(np.uint8 if values.dtype == np.bool_ else np.float32)
    return np.ascontiguousarray(values.reshape(len(values), -1), dtype=kind.newbyteorder("="))


def _check_rows(features: Named, targets: Named) -> None:
    shape = targets.values.shape
    if len(shape) not in (1, 2) or targets.values.size == 0:
        raise DataError(f"{targets.name}: expected targets [rows] or [rows, outputs], found shape {shape}")
    if shape[0] != len(features.values):
        raise DataError(f"{features.name} has {len(features.values)} rows, but {targets.name} has {shape[0]}")


def _numeric_or_text(targets: Named) -> NDArray[Any]:
    """Targets as float64 or as text."""
    values = targets.values
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "U":
        return values
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values.flat):
        return values.astype(str)
    raise DataError(f"{targets.name}: expected numbers or text, found {values.dtype}")


def _refuse_infinity(array: Named, flat: NDArray[Any]) -> None:
    if flat.dtype.kind == "f" and np.isinf(flat).any():
        row, *within = (int(i) for i in np.argwhere(np.isinf(flat))[0])
        raise DataError(f"{array.at(row, *within)}: {flat[(row, *within)]} is not a finite number")


def _kept_rows(features: Named, x: NDArray[Any], targets: Named, y: NDArray[Any], missing: str) -> NDArray[np.intp]:
    """Indices of the rows to use, as `missing` says of NaN."""
    looked_at = [(targets, y)] if missing == "mean" else [(features, x), (targets, y)]
    lacking = np.zeros(len(x), bool)
    for array, flat in ((array, flat) for array, flat in looked_at if flat.dtype.kind == "f"):
        absent = np.isnan(flat)
        if missing != "drop" and absent.any():
            row, *within = (int(i) for i in np.argwhere(absent)[0])
            remedy = "drop to leave such rows out" + (", or mean to fill it in" if array is features else "")
            raise DataError(f"{array.at(row, *within)}: nan; set dataset.missing: {remedy}")
        lacking |= absent.reshape(len(absent), -1).any(axis=1)
    if lacking.all():
        raise DataError(f"{features.name}: no row is without nan, so missing: drop leaves nothing")
    return np.flatnonzero(~lacking)


def _classes(targets: Named, y: NDArray[Any], kept: NDArray[np.intp]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if y.ndim == 2 and y.shape[1] > 1:
        raise DataError(
            f"{targets.name}: a classification needs one class index for each row, found shape {y.shape} "
            "(of one-hot rows take argmax(axis=1)); for several numbers to predict set task: regression"
        )
    labels = y.reshape(-1)
    if labels.dtype.kind != "f":
        return distinct_labels([str(label) for label in labels], targets.name)
    return class_indices(labels, lambda row: targets.at(int(kept[row])), targets.name)
