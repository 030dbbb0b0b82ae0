"""From targets to class indices: which labels there are, and whether a target is one at all."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.raw import MAX_CLASSES, quote
from sgdlab.errors import DataError

Place = Callable[[int], str]
"""Names the target of a row for a message."""


def looks_like_classes(values: NDArray[np.float64]) -> bool:
    """Whether numbers in a text file are class labels: few distinct integers.

    At most 2 of them in twice as many rows, or at most 20 and fewer than 5 % of the rows.
    """
    if not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        return False
    distinct = len(np.unique(values))
    return len(values) >= 2 * distinct and (distinct <= 2 or (distinct <= 20 and distinct < 0.05 * len(values)))


def distinct_labels(
    labels: Sequence[str] | NDArray[np.float64], source: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Class index of each row, and the sorted distinct labels: numbers by value, text by letter."""
    if isinstance(labels, np.ndarray):
        values, y = np.unique(labels, return_inverse=True)
        classes = tuple(_shortest(float(value)) for value in values)
    else:
        classes = tuple(sorted(set(labels)))
        index = {label: i for i, label in enumerate(classes)}
        y = np.fromiter((index[label] for label in labels), np.int64, len(labels))
    if len(classes) == len(labels) > 10:
        raise DataError(
            f"{source}: the target has a label of its own in every row ({quote(classes[0])}, "
            f"{quote(classes[1])}, ...), so there is nothing to classify; name another column, or "
            "set task: regression"
        )
    check_number(len(classes), len(classes), classes[0], source)
    return y.reshape(-1).astype(np.int64), classes


def class_indices(values: NDArray[np.float64], place: Place, source: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels that are class indices already: integers from 0; the classes are 0 to the largest one.

    A class between that no row has is allowed: the model has an output for it.
    """
    wrong = np.flatnonzero(~((values >= 0) & (values == np.floor(values)) & np.isfinite(values)))
    if len(wrong):
        raise DataError(
            f"{place(int(wrong[0]))}: {_shortest(float(values[wrong[0]]))} is not a class index; classes are "
            "numbered 0, 1, 2, ... (for numbers to predict set task: regression)"
        )
    largest = int(values.max())
    check_number(largest + 1, len(np.unique(values)), str(largest), source)
    return values.astype(np.int64), tuple(map(str, range(largest + 1)))


def check_number(classes: int, distinct: int, example: str, source: str) -> None:
    """DataError for one class only, or for more than a model should have outputs."""
    if distinct < 2:
        raise DataError(
            f"{source}: every row has the same class {quote(example)}; two at least are needed (for numbers to "
            "predict set task: regression)"
        )
    if classes > MAX_CLASSES:
        raise DataError(
            f"{source}: {classes} classes (at most {MAX_CLASSES}); number them 0, 1, 2, ... without gaps, or "
            "set task: regression"
        )


def _shortest(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
