"""Files that are whole or absent: write beside, flush, rename.

That holds however a process ends. Against a power cut a file is safe only where it is written
`durable`: waiting for the disk takes some 5 ms a file, which a sweep of short runs would feel.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sgdlab.errors import RunFolderError

if TYPE_CHECKING:
    import pandas as pd

PART = ".part"


@contextmanager
def whole_file(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` only when the block ends well.

    Until then it stands beside it under a hidden name, which is removed when the block fails.
    durable: it is on the disk before it appears. OSErrors name `path`.
    """
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=PART, dir=path.parent)
    except OSError as error:
        raise named(error, path) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except OSError as error:
        _remove(beside)
        raise named(error, path) from None
    except BaseException:
        _remove(beside)
        raise


def named(error: OSError, path: Path) -> OSError:
    """The same error with `path` as the file at fault: a full disk alone says no place."""
    return OSError(error.errno or EIO, error.strerror or str(error), str(path))


def remove_parts(folder: Path, names: Iterable[str]) -> None:
    """Remove what a killed process left of files that it was writing under one of `names`."""
    for name in names:
        for part in folder.glob(f".{name}.*{PART}"):
            _remove(part)


def _remove(path: str | Path) -> None:
    with suppress(OSError):  # on a disk that fails, the first error is the one to tell
        os.unlink(path)


def read_bytes(path: Path) -> bytes:
    """The content of a file that belongs to a run; RunFolderError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in UTF-8, whole."""
    with whole_file(path) as file:
        file.write(text.encode())


def write_table(path: Path, table: "pd.DataFrame") -> Path:
    """Replace `path` by the table as CSV, whole; returns the path."""
    write_text(path, table_text(table))
    return path


def table_text(table: "pd.DataFrame") -> str:
    """A table as CSV without its index, its lines ended by newlines alone on every system."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON; NaN and infinity become null."""
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """`value` with every non-finite float replaced by None, which JSON can hold."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
