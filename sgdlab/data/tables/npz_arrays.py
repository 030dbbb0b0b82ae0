"""npz: two arrays of a numpy archive, nothing believed and nothing unpickled.

Sizes are checked three ways before memory is taken: in the zip directory, in each array's own header,
and against each other. Members are read by their exact name and never written anywhere.
"""

import lzma
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sgdlab.data.raw import RawTable, quote
from sgdlab.data.tables.arrays import Named, array_table
from sgdlab.data.tables.text_file import readable_file, shown_path
from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.data.sources.npz import NpzDataset

MAX_FILE_BYTES = 8 << 30
MAX_ARRAY_BYTES = 4 << 30
MAX_EXPANSION = 200  # times the packed size, for arrays above 64 MiB; images compress 5 to 20 times
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # an unknown compression
    OverflowError,
)


def load_npz(dataset: "NpzDataset", folder: Path | None = None) -> RawTable:
    """The arrays that `features` and `target` name; DataError for an archive at fault in any way."""
    path = (folder or Path()) / dataset.path
    shown = shown_path(path)
    readable_file(path, shown, MAX_FILE_BYTES)
    try:
        with zipfile.ZipFile(path) as archive:
            features = _member(archive, dataset.features, shown)
            targets = _member(archive, dataset.target, shown)
    except _DAMAGE as fault:
        raise DataError(f"{shown}: not an npz archive, or a damaged one ({_words(fault)})") from None
    return array_table(features, targets, dataset)


def _member(archive: zipfile.ZipFile, name: str, shown: str) -> Named:
    """The array `name` of the archive."""
    label = f"{shown} {quote(name)}"
    try:
        info = archive.getinfo(f"{name}.npy")
    except KeyError:
        known = [entry.removesuffix(".npy") for entry in archive.namelist()[:10] if entry.endswith(".npy")]
        raise DataError(
            f"{label}: there is no such array; the archive has {', '.join(map(quote, known)) or 'none'} "
            "(name them by dataset.features and dataset.target)"
        ) from None
    if info.file_size > MAX_ARRAY_BYTES:
        raise DataError(f"{label}: {info.file_size >> 20} MiB; at most {MAX_ARRAY_BYTES >> 20} MiB are read")
    if info.file_size > 64 << 20 and info.file_size > MAX_EXPANSION * info.compress_size:
        raise DataError(
            f"{label}: {info.compress_size >> 10} KiB that would expand to {info.file_size >> 20} MiB; "
            "save it with numpy.savez (not compressed) if this is meant"
        )
    with archive.open(info) as file:
        shape, fortran, dtype, header_bytes = _header(file, label)
        expected = math.prod(shape) * dtype.itemsize
        if expected != info.file_size - header_bytes:
            raise DataError(
                f"{label}: its header announces {expected} bytes, the archive holds {info.file_size - header_bytes}"
            )
        values = file.read(expected)
    if len(values) != expected:
        raise DataError(f"{label}: cut short: {len(values)} of {expected} bytes")
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")
    return Named(label, array)


def _header(file: IO[bytes], label: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """shape, Fortran order, dtype and the header's length in bytes."""
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            read = np.lib.format.read_array_header_1_0
        elif version == (2, 0):
            read = np.lib.format.read_array_header_2_0
        else:
            raise ValueError(f"npy version {version}; plain arrays have 1.0 or 2.0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about headers that Python 2 wrote
            shape, fortran, dtype = read(file, max_header_size=10_000)
    except Exception as fault:  # numpy evaluates the header as Python literals: hostile text raises anything
        raise DataError(f"{label}: not a numpy array, or a damaged one ({_words(fault)})") from None
    if dtype.hasobject:
        raise DataError(f"{label}: holds pickled objects, which are never loaded; save it as an array of numbers")
    if dtype.itemsize == 0 or dtype.names or dtype.subdtype or any(size < 0 for size in shape):
        raise DataError(f"{label}: expected a plain array of numbers, found shape {shape} of {dtype}")
    return shape, fortran, dtype, file.tell()


def _words(fault: BaseException) -> str:
    text = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
    return quote(text, 100)[1:-1]
