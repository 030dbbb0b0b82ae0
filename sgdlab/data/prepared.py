"""What a data source and its preparation hand to training: arrays, names, and what was fitted."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Split:
    """Rows of one purpose.

    x: [rows, features] float32, C-contiguous.
    y: [rows] int64 class indices, or [rows, outputs] float32.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64] | NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Column:
    """How one column of a user's table became features: numbers as they are, categories one-hot."""

    name: str
    categories: tuple[str, ...] | None = None  # None: numeric
    fill: float | None = None  # mean of the training rows, where missing: mean


@dataclass(frozen=True)
class Preprocess:
    """All that was fitted or decided on the data, so that new rows can be treated alike.

    The model's inputs are (raw - shift) / scale per feature; a regression's targets in their own
    units are prediction * target_scale + target_shift. Shifts and scales include whitening.
    """

    source: str
    task: Task
    columns: tuple[Column, ...]  # empty where the source has no named columns
    target_names: tuple[str, ...]
    classes: tuple[str, ...] | None  # label of each class index; None for regression
    shift: NDArray[np.float64]  # [features]
    scale: NDArray[np.float64]  # [features], never zero
    target_shift: NDArray[np.float64]  # [outputs]; zeros for classification
    target_scale: NDArray[np.float64]  # [outputs]; ones for classification


@dataclass(frozen=True)
class PreparedData:
    """A data set, prepared: what training needs to know of it.

    input_shape: natural shape of one row, e.g. (1, 28, 28); its product is the number of features.
    checksum: of the data as loaded, before any preparation; equal data give equal checksums.
    """

    train: Split
    validation: Split | None
    test: Split | None
    input_shape: tuple[int, ...]
    preprocess: Preprocess
    checksum: str

    @property
    def task(self) -> Task:
        """classification or regression."""
        return self.preprocess.task

    @property
    def features(self) -> int:
        """Numbers in one row."""
        return int(self.train.x.shape[1])

    @property
    def outputs(self) -> int:
        """Classes of a classification, or targets of a regression."""
        classes = self.preprocess.classes
        return len(classes) if classes is not None else int(self.train.y.shape[1])
