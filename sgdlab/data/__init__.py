"""Data: named sources behind one `load(dataset, seed)`; no torch, and cheap to import.

A source (embedded, downloaded, CSV, npz, a function of the user's own) reads a raw table; `prepare` makes prepared
data of it: whiten, limit, resample, split, repeat, standardise. Whatever is wrong with the data is a DataError.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.prepared import PreparedData
    from sgdlab.schema.dataset import Dataset


def load(
    dataset: "Dataset", seed: int, *, progress: "Progress | None" = None, folder: Path | None = None
) -> "PreparedData":
    """The data set, loaded and prepared; the same (dataset, seed, files) give the same data.

    progress: called as progress(file, bytes_done, bytes_total or None) while a file is downloaded.
    folder: where a user's `module:function` is looked for besides sys.path; relative paths start there.
    Raises DataError for data at fault, ConfigError for a `module:function` that cannot be imported.
    """
    from sgdlab.data.prepare import prepare

    return prepare(dataset.read(progress, folder), dataset, seed)
