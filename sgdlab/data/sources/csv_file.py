"""csv: a user's table, numeric columns as they are, categories one-hot."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sgdlab.schema.dataset import SOURCES, SourceFacts, TableDataset

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.raw import RawTable


@SOURCES.member
class CsvDataset(TableDataset):
    """A CSV file with a header line."""

    name: Literal["csv"]
    target: str = Field(description="name of the column to predict")
    ignore: tuple[str, ...] = Field((), strict=False, description="columns that are neither feature nor target")
    categorical: tuple[str, ...] = Field(
        (), strict=False, description="columns whose cells are categories even where they look like numbers"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="what stands between two cells")
    facts: ClassVar[dict[str, SourceFacts]] = {"csv": SourceFacts("a CSV file with a header line")}

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read."""
        from sgdlab.data.tables.csv_columns import load_csv

        return load_csv(self, folder)
