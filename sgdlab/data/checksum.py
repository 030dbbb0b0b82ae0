"""Checksum of a table as loaded, before any preparation: resume refuses data that has changed."""

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.data.raw import RawTable


def table_checksum(table: RawTable) -> str:
    """sha256:<hex> over shapes, types, values, classes and column names; no file name, no time."""
    arrays = [table.x, table.y, *(table.official_test or ())]
    header = {
        "arrays": [[str(a.dtype.newbyteorder("<")), a.shape] for a in arrays],
        "classes": table.classes,
        "columns": [[column.name, column.categories] for column in table.columns],
        "unit": table.unit,
    }
    digest = hashlib.sha256(json.dumps(header).encode())
    for array in arrays:
        digest.update(_little_endian(array).data)
    return f"sha256:{digest.hexdigest()}"


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    """The same values in the byte order that every machine hashes alike; -0.0 becomes 0.0."""
    array = array + 0 if array.dtype.kind == "f" else array
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
