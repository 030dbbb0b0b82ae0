"""Which reader serves which dataset section."""

from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.data.raw import RawTable
from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.config.schema import DatasetSection
    from sgdlab.data.download import Progress


def load_raw(dataset: "DatasetSection", *, progress: "Progress | None" = None, folder: Path | None = None) -> RawTable:
    """The rows of the source that `dataset` names, before any preparation."""
    from sgdlab.config import schema

    match dataset:
        case schema.ImageDataset(name="mnist-10k"):
            from sgdlab.data.sources.mnist_10k import load_mnist_10k

            return load_mnist_10k()
        case schema.ImageDataset(name=name):
            from sgdlab.data.sources.images import load_images

            return load_images(name, progress)
        case schema.AirfoilDataset(name="airfoil"):
            from sgdlab.data.sources.airfoil import load_airfoil

            return load_airfoil(progress)
        case schema.AirfoilDataset():
            from sgdlab.data.sources.airfoil_twin import load_airfoil_twin

            return load_airfoil_twin()
        case schema.CsvDataset():
            from sgdlab.data.sources.csv_file import load_csv

            return load_csv(dataset, folder)
        case schema.NpzDataset():
            from sgdlab.data.sources.npz import load_npz

            return load_npz(dataset, folder)
        case schema.FunctionDataset():
            from sgdlab.data.sources.function import load_function

            return load_function(dataset, folder)
    raise DataError(f"dataset {dataset!r}: no reader for it")
