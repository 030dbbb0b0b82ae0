"""Data: named sources behind one `load(dataset, seed)`; no torch, and cheap to import.

A source (embedded, downloaded, CSV, npz, a function of the user's own) reads a RawTable; `prepare` takes it to
PreparedData: whiten, limit, resample, split, repeat, standardise. Whatever is wrong with the data is a DataError.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.prepared import Column, PreparedData, Preprocess, Split, Task
    from sgdlab.data.preprocess_file import preprocess_from_json, preprocess_to_json
    from sgdlab.data.tables.new_rows import apply_preprocess
    from sgdlab.data.tables.text_file import CsvText, read_csv
    from sgdlab.schema.dataset import Dataset

_HOMES = {
    "Progress": "download",
    "apply_preprocess": "tables.new_rows",
    "preprocess_from_json": "preprocess_file",
    "preprocess_to_json": "preprocess_file",
    "Column": "prepared",
    "Preprocess": "prepared",
    "PreparedData": "prepared",
    "Split": "prepared",
    "Task": "prepared",
    "CsvText": "tables.text_file",
    "read_csv": "tables.text_file",
}

__all__ = [
    "Column",
    "CsvText",
    "PreparedData",
    "Preprocess",
    "Progress",
    "Split",
    "Task",
    "apply_preprocess",
    "load",
    "preprocess_from_json",
    "preprocess_to_json",
    "read_csv",
]


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


def __getattr__(name: str) -> Any:
    """The other public names, imported on first use: help and completion need none of them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"sgdlab.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdlab.data' has no attribute {name!r}")
