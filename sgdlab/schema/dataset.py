"""What every data set shares: the steps after loading. The sources themselves register in sgdlab.data.sources."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from sgdlab.schema.registry import Registry
from sgdlab.schema.section import Count, Fraction, Section

if TYPE_CHECKING:
    from sgdlab.data.download import Progress, Remote
    from sgdlab.data.raw import RawTable

TaskChoice = Annotated[
    Literal["auto", "classification", "regression"], Field(description="what is to be predicted; auto finds it out")
]
Missing = Annotated[Literal["error", "drop", "mean"], Field(description="what to do with missing cells")]
Standardize = Annotated[bool, Field(description="mean 0, variance 1, fitted on the training rows")]


@dataclass(frozen=True)
class SourceFacts:
    """What is known of a source without opening it; rows and features are None for a user's own."""

    description: str
    task: str = "either"
    rows: int | None = None
    features: int | None = None
    origin: str = "your own"
    licence: str = "your own"


class Dataset(Section):
    """A source of rows, and what is done with them: whiten, limit, resample, split, repeat, standardise."""

    name: str
    facts: ClassVar[dict[str, SourceFacts]] = {}
    """For each name of the source, as `sgdlab data list` shows it."""

    whiten: bool = Field(False, description="mean 0, variance 1 per column over the whole table, before limit")
    limit: Count | None = Field(None, description="keep the first rows only")
    resample: Literal["none", "bootstrap"] = Field(
        "none", description="bootstrap draws the rows with replacement before the split, which leaks"
    )
    validation: Fraction = Field(0.2, description="share of the rows held out for validation")
    test: Fraction = Field(0.0, description="share of the rows held out and measured once, at the end")
    repeat: Count = Field(1, description="how often every training row stands in the training set")
    standardize: Standardize = False

    @model_validator(mode="after")
    def _rows_are_left_for_training(self) -> "Dataset":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together leave no row for training; their sum must be below 1")
        return self

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """The rows of the source, before any preparation.

        progress: told of downloads; folder: where a user's own relative paths and functions begin. Raises
        DataError for data at fault, ConfigError for a `module:function` that cannot be imported.
        """
        raise NotImplementedError

    @classmethod
    def remote_files(cls, name: str) -> "tuple[Remote, ...]":
        """The files that the source of that name downloads."""
        return ()


class TableDataset(Dataset):
    """What files of the user's own share."""

    path: str = Field(min_length=1, description="the file; relative to the config's folder")
    task: TaskChoice = "auto"
    missing: Missing = "error"
    standardize: Standardize = True


SOURCES: Registry[Dataset] = Registry(own="module:function")
