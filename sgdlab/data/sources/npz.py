"""npz: two arrays of a numpy archive."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sgdlab.schema.dataset import SOURCES, SourceFacts, TableDataset

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.raw import RawTable


@SOURCES.member
class NpzDataset(TableDataset):
    """A numpy archive with an array of features and one of targets."""

    name: Literal["npz"]
    features: str = Field("x", description="the array [rows, ...] of features")
    target: str = Field("y", description="the array [rows] or [rows, outputs] of targets")
    facts: ClassVar[dict[str, SourceFacts]] = {"npz": SourceFacts("a numpy archive with features and targets")}

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read."""
        from sgdlab.data.tables.npz_arrays import load_npz

        return load_npz(self, folder)
