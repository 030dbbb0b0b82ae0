"""Named data sources behind one `load(dataset, seed) -> Problem`; no torch, and cheap to import.

A source (embedded, downloaded, CSV, npz, a function of the user's own) gives a RawTable; `prepare`
takes it through DESIGN's steps to a Problem. Whatever is wrong with the data is a DataError.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sgdlab.config.schema import DatasetSection
    from sgdlab.data.catalogue import SOURCES, Source, fetch
    from sgdlab.data.download import Progress
    from sgdlab.data.new_rows import apply_preprocess
    from sgdlab.data.preprocess_file import preprocess_from_json, preprocess_to_json
    from sgdlab.data.problem import Column, Preprocess, Problem, Split, Task
    from sgdlab.data.text_file import CsvText, read_csv

_HOMES = {
    "SOURCES": "catalogue",
    "Source": "catalogue",
    "fetch": "catalogue",
    "Progress": "download",
    "apply_preprocess": "new_rows",
    "preprocess_from_json": "preprocess_file",
    "preprocess_to_json": "preprocess_file",
    "Column": "problem",
    "Preprocess": "problem",
    "Problem": "problem",
    "Split": "problem",
    "Task": "problem",
    "CsvText": "text_file",
    "read_csv": "text_file",
}

__all__ = [
    "SOURCES",
    "Column",
    "CsvText",
    "Preprocess",
    "Problem",
    "Progress",
    "Source",
    "Split",
    "Task",
    "apply_preprocess",
    "fetch",
    "load",
    "preprocess_from_json",
    "preprocess_to_json",
    "read_csv",
]


def load(
    dataset: "DatasetSection", seed: int, *, progress: "Progress | None" = None, folder: "Path | None" = None
) -> "Problem":
    """The data set, loaded and prepared; the same (dataset, seed, files) give the same Problem.

    progress: called as progress(file, bytes_done, bytes_total or None) while a file is downloaded.
    folder: where a user's `module:function` is looked for besides sys.path; relative paths start there.
    Raises DataError for data at fault, ConfigError for a `module:function` that cannot be imported.
    """
    from sgdlab.data.prepare import prepare
    from sgdlab.data.sources import load_raw

    return prepare(load_raw(dataset, progress=progress, folder=folder), dataset, seed)


def __getattr__(name: str) -> Any:
    """The other public names, imported on first use: help and completion need none of them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"sgdlab.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdlab.data' has no attribute {name!r}")
