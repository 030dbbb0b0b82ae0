"""idx files: what is read, and headers and gzip streams that lie."""

import gzip
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sgdlab.data.idx import read_idx
from sgdlab.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx(values, shape=None, kind=8):
    """An idx file of `values`; its header may announce another shape."""
    shape = values.shape if shape is None else shape
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


@pytest.fixture
def read(tmp_path):
    def from_bytes(content, row_shape=(3, 4)):
        (tmp_path / "file").write_bytes(content)
        return read_idx(tmp_path / "file", row_shape)

    return from_bytes


def test_raw_and_gzipped_files_read_alike(read):
    assert np.array_equal(read(idx(IMAGES)), IMAGES)
    assert np.array_equal(read(gzip.compress(idx(IMAGES))), IMAGES)
    assert read(idx(np.arange(5, dtype=np.uint8)), ()).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an idx file of uint8 in 3 dimensions .its header is empty"),
        (b"\x1f\x8b", "damaged gzip file"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-9], "damaged gzip file"),
        (gzip.compress(idx(IMAGES), mtime=0)[:20] + b"\0" * 20, "damaged gzip file"),
        (idx(IMAGES, kind=9), "not an idx file of uint8"),
        (idx(IMAGES[0]), "not an idx file of uint8 in 3 dimensions"),
        (idx(IMAGES)[:9], "not an idx file"),
        (idx(IMAGES)[:-1], "cut short: its header announces 24 values, it holds 23"),
        (idx(IMAGES) + b"\0", "holds more than the 24 values"),
        (idx(IMAGES, (2, 4, 3)), r"announces the shape \(2, 4, 3\)"),
        (idx(IMAGES, (0, 3, 4)), r"announces the shape \(0, 3, 4\)"),
        (idx(IMAGES, (2**32 - 1, 3, 4)), "with 1 to 1000000 rows"),
        (idx(IMAGES, (2, 2**32 - 1, 2**32 - 1)), "announces the shape"),
    ],
)
def test_files_that_lie_or_are_damaged_are_refused(read, content, words):
    with pytest.raises(DataError, match=words):
        read(content)


def test_a_gzip_bomb_is_never_expanded(read):
    bomb = gzip.compress(idx(IMAGES) + bytes(200 << 20), compresslevel=1)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="holds more than the 24 values"):
            read(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_missing_file_or_a_folder_is_a_data_error(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DataError, match="cannot be read"):
            read_idx(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, 39),
    value=st.integers(0, 255),
    length=st.integers(0, 60),
    zipped=st.booleans(),
    tail=st.binary(max_size=8),
)
def test_any_damage_gives_images_or_a_data_error(read, position, value, length, zipped, tail):
    content = bytearray(gzip.compress(idx(IMAGES)) if zipped else idx(IMAGES))
    content[position % len(content)] = value
    with suppress(DataError):
        assert read(bytes(content[:length]) + tail).shape[1:] == (3, 4)
