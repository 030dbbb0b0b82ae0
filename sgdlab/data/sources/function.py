"""`module:function`: data from a function of the user's own that returns (features, targets)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from sgdlab.errors import ConfigError, DataError, SgdlabError
from sgdlab.schema.dataset import SOURCES, Dataset, Missing, SourceFacts, TaskChoice
from sgdlab.schema.models.base import REFERENCE
from sgdlab.schema.references import error_place, load_reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdlab.data.download import Progress
    from sgdlab.data.raw import RawTable


@SOURCES.member
class FunctionDataset(Dataset):
    """A function of the user's own that returns (features, targets)."""

    name: str = Field(pattern=REFERENCE, description="module:function or path/file.py:function")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments for the function")
    task: TaskChoice = "auto"
    missing: Missing = "error"
    facts: ClassVar[dict[str, SourceFacts]] = {
        "module:function": SourceFacts("a Python function that returns (features, targets)")
    }

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read: calls the function with `options`; its arrays may be numpy's, torch's or pandas's.

        Also raises DataError, from the user's exception, where the function fails, and for a result that is not
        (features [rows, ...], targets [rows] or [rows, outputs]).
        """
        from sgdlab.data.tables.arrays import Named, array_table

        function = load_reference(self.name, folder)
        if not callable(function):
            raise ConfigError(f"dataset.name: {self.name} is {type(function).__name__}, not a function")
        try:
            result = function(**self.options)
        except SgdlabError:
            raise
        except (Exception, SystemExit) as fault:
            inside = fault.__traceback__ is not None and fault.__traceback__.tb_next is not None
            file = Path(self.name.rpartition(":")[0])
            place = f" at {error_place(fault, file)}" if inside else ""  # else the call itself did not fit
            raise DataError(f"{self.name}: {type(fault).__name__}{place}: {fault}") from fault
        if not isinstance(result, tuple | list) or len(result) != 2:
            kind = f"{len(result)} values" if isinstance(result, tuple | list) else type(result).__name__
            raise DataError(f"{self.name}: must return (features, targets), not {kind}")
        features = Named(f"{self.name} features", _as_array(result[0], f"{self.name}: features"))
        targets = Named(f"{self.name} targets", _as_array(result[1], f"{self.name}: targets"))
        names = tuple(str(name) for name in getattr(result[0], "columns", ()))
        return array_table(features, targets, self, names)


def _as_array(values: Any, label: str) -> "NDArray[Any]":
    """A numpy array of whatever the user's function returned; a tensor leaves its graph and device."""
    import numpy as np

    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
        return np.asarray(values)
    except Exception as fault:  # whatever a foreign type's conversion raises
        raise DataError(f"{label}: cannot be made a numpy array ({fault})") from fault
