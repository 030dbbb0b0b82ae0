"""Named data sources behind one `load(dataset, seed) -> PreparedData`; no torch, and cheap to import.

A source (embedded, downloaded, CSV, npz, a function of the user's own) gives a RawTable; `prepare`
makes a PreparedData of it, step by step. Whatever is wrong with the data is a DataError.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sgdlab.config import Config, Document
    from sgdlab.config.schema import DatasetSection
    from sgdlab.data.catalogue import SOURCES, Source, fetch
    from sgdlab.data.download import Progress
    from sgdlab.data.prepared import Column, PreparedData, Preprocess, Split, Task
    from sgdlab.data.preprocess_file import preprocess_from_json, preprocess_to_json
    from sgdlab.data.tables.new_rows import apply_preprocess
    from sgdlab.data.tables.text_file import CsvText, read_csv

_HOMES = {
    "SOURCES": "catalogue",
    "Source": "catalogue",
    "fetch": "catalogue",
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
    "SOURCES",
    "Column",
    "CsvText",
    "PreparedData",
    "Preprocess",
    "Progress",
    "Source",
    "Split",
    "Task",
    "apply_preprocess",
    "config_and_data",
    "fetch",
    "load",
    "preprocess_from_json",
    "preprocess_to_json",
    "read_csv",
]


def load(
    dataset: "DatasetSection", seed: int, *, progress: "Progress | None" = None, folder: "Path | None" = None
) -> "PreparedData":
    """The data set, loaded and prepared; the same (dataset, seed, files) give the same PreparedData.

    progress: called as progress(file, bytes_done, bytes_total or None) while a file is downloaded.
    folder: where a user's `module:function` is looked for besides sys.path; relative paths start there.
    Raises DataError for data at fault, ConfigError for a `module:function` that cannot be imported.
    """
    from sgdlab.data.prepare import prepare
    from sgdlab.data.sources.reading import load_raw

    return prepare(load_raw(dataset, progress=progress, folder=folder), dataset, seed)


def config_and_data(
    document: "Document", progress: "Progress | None" = None, seed: int | None = None
) -> "tuple[Config, PreparedData]":
    """The config of one run and its data, on the split of its seed or of `seed`; faults name file and line."""
    from sgdlab.config import build_config, locate, without_grid

    config = build_config(without_grid(document))
    with locate(document):
        return config, load(config.dataset, config.seed if seed is None else seed, progress=progress)


def __getattr__(name: str) -> Any:
    """The other public names, imported on first use: help and completion need none of them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"sgdlab.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgdlab.data' has no attribute {name!r}")
