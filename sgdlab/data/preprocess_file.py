"""preprocess.json: what was fitted on the data, written and read back without losing a bit."""

from typing import Any

import numpy as np

from sgdlab.data.prepared import Column, Preprocess
from sgdlab.errors import DataError

_ARRAYS = ("shift", "scale", "target_shift", "target_scale")


def preprocess_to_json(preprocess: Preprocess) -> dict[str, Any]:
    """Plain lists, strings and floats for `json.dumps`, whose floats read back equal."""
    return {
        "source": preprocess.source,
        "task": preprocess.task,
        "columns": [
            {
                "name": column.name,
                "categories": None if column.categories is None else list(column.categories),
                "fill": column.fill,
            }
            for column in preprocess.columns
        ],
        "target_names": list(preprocess.target_names),
        "classes": None if preprocess.classes is None else list(preprocess.classes),
        **{name: getattr(preprocess, name).tolist() for name in _ARRAYS},
    }


def preprocess_from_json(values: Any) -> Preprocess:
    """The Preprocess that was written; DataError where `values` is something else."""
    try:
        preprocess = _read(values)
    except (KeyError, TypeError, ValueError, OverflowError) as fault:
        raise DataError(f"preprocess.json is damaged ({type(fault).__name__}: {fault}); train again") from None
    return preprocess


def _read(values: Any) -> Preprocess:
    classes = values["classes"]
    arrays = {name: np.array([float(number) for number in values[name]]) for name in _ARRAYS}
    columns = tuple(
        Column(
            _text(column["name"]),
            None if column["categories"] is None else _texts(column["categories"]),
            None if column["fill"] is None else float(column["fill"]),
        )
        for column in values["columns"]
    )
    preprocess = Preprocess(
        source=_text(values["source"]),
        task=values["task"],
        columns=columns,
        target_names=_texts(values["target_names"]),
        classes=None if classes is None else _texts(classes),
        **arrays,
    )
    width = sum(len(column.categories or ("",)) for column in columns)
    sizes = (len(preprocess.shift), len(preprocess.target_shift))
    if (
        preprocess.task not in ("classification", "regression")
        or (preprocess.task == "classification") != (classes is not None)
        or sizes != (len(preprocess.scale), len(preprocess.target_scale))
        or (columns and width != sizes[0])
        or not all(np.isfinite(array).all() for array in arrays.values())
        or not (preprocess.scale.all() and preprocess.target_scale.all())
    ):
        raise ValueError("its parts do not fit together")
    return preprocess


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {type(value).__name__}")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"expected a list, found {type(values).__name__}")
    return tuple(_text(value) for value in values)
