"""`module:function`: data from a function of the user's own that returns (features, targets)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.config.references import error_place, load_reference
from sgdlab.data.raw import RawTable
from sgdlab.data.tables.arrays import Named, array_table
from sgdlab.errors import ConfigError, DataError, SgdlabError

if TYPE_CHECKING:
    from sgdlab.config.schema import FunctionDataset


def load_function(dataset: "FunctionDataset", folder: Path | None = None) -> RawTable:
    """Call the function with `options`; its arrays may be numpy's, torch's or pandas's.

    ConfigError where there is no such function; DataError, raised from the user's exception, where it
    fails, and for a result that is not (features [rows, ...], targets [rows] or [rows, outputs]).
    """
    function = load_reference(dataset.name, folder)
    if not callable(function):
        raise ConfigError(f"dataset.name: {dataset.name} is {type(function).__name__}, not a function")
    try:
        result = function(**dataset.options)
    except SgdlabError:
        raise
    except (Exception, SystemExit) as fault:
        inside = fault.__traceback__ is not None and fault.__traceback__.tb_next is not None
        file = Path(dataset.name.rpartition(":")[0])
        place = f" at {error_place(fault, file)}" if inside else ""  # else the call itself did not fit
        raise DataError(f"{dataset.name}: {type(fault).__name__}{place}: {fault}") from fault
    if not isinstance(result, tuple | list) or len(result) != 2:
        kind = f"{len(result)} values" if isinstance(result, tuple | list) else type(result).__name__
        raise DataError(f"{dataset.name}: must return (features, targets), not {kind}")
    features = Named(f"{dataset.name} features", _as_array(result[0], f"{dataset.name}: features"))
    targets = Named(f"{dataset.name} targets", _as_array(result[1], f"{dataset.name}: targets"))
    names = tuple(str(name) for name in getattr(result[0], "columns", ()))
    return array_table(features, targets, dataset, names)


def _as_array(values: Any, label: str) -> NDArray[Any]:
    """A numpy array of whatever the user's function returned; a tensor leaves its graph and device."""
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
        return np.asarray(values)
    except Exception as fault:  # whatever a foreign type's conversion raises
        raise DataError(f"{label}: cannot be made a numpy array ({fault})") from fault
