"""idx files, raw or gzipped: the format of MNIST. What the header says is checked, never trusted.

Layout: two zero bytes, the type (8: uint8), the number of dimensions, each dimension as a big-endian
uint32, then the values (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sgdlab.errors import DataError

MAX_ROWS = 1_000_000
_UINT8 = 8


def read_idx(path: Path, row_shape: tuple[int, ...] = ()) -> NDArray[np.uint8]:
    """[rows, *row_shape] uint8; DataError for anything else that the file may hold.

    Never reads more than the header announces plus one byte, however much a gzip stream would yield.
    """
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            return _parse(path, file, row_shape)
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DataError(f"{path}: damaged gzip file ({fault}); fetch it again") from None
    except OSError as fault:
        raise DataError(f"{path}: cannot be read ({fault.strerror or fault})") from None


def _parse(path: Path, file: IO[bytes] | gzip.GzipFile, row_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    dimensions = 1 + len(row_shape)
    header = file.read(4 + 4 * dimensions)
    if header[:4] != bytes([0, 0, _UINT8, dimensions]) or len(header) < 4 + 4 * dimensions:
        raise DataError(
            f"{path}: not an idx file of uint8 in {dimensions} dimension{'s' * (dimensions > 1)} "
            f"(its header is {header[:4].hex(' ') or 'empty'}); fetch it again"
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if shape[1:] != row_shape or not 1 <= shape[0] <= MAX_ROWS:
        raise DataError(
            f"{path}: its header announces the shape {shape}, expected {('rows', *row_shape)} with 1 to {MAX_ROWS} rows"
        )
    size = math.prod(shape)
    values = file.read(size)
    if len(values) < size:
        raise DataError(f"{path}: cut short: its header announces {size} values, it holds {len(values)}")
    if file.read(1):
        raise DataError(f"{path}: holds more than the {size} values that its header announces")
    return np.frombuffer(values, np.uint8).reshape(shape)
