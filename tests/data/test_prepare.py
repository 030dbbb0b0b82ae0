"""Preparation: the order of the steps, splits, standardisation, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sgdlab.config.schema import AirfoilDataset, CsvDataset, Dataset, ImageDataset
from sgdlab.data import load
from sgdlab.data.checksum import table_checksum
from sgdlab.data.prepare import prepare
from sgdlab.data.raw import RawTable
from sgdlab.data.scaling import moments
from sgdlab.data.sources.mnist_10k import load_mnist_10k
from sgdlab.errors import DataError


def options(**keys):
    """Options of the steps alone; `name` is only for messages."""
    return AirfoilDataset(name="airfoil-twin", **{"standardize": False, "validation": 0.0, **keys})


def table(x, y=None, **keys):
    x = np.ascontiguousarray(x)
    y = x[:, :1].astype(float) if y is None else np.asarray(y)
    return RawTable("a test", x, y, lambda row, column: f"row {row} column {column}", **keys)


def numbered(n, **keys):
    """Rows whose only feature is their number."""
    return table(np.arange(n, dtype=float)[:, None], **keys)


def rows_of(split):
    return [] if split is None else split.x[:, 0].astype(int).tolist()


def test_mnist_10k_is_the_published_sample_in_256ths():
    data = load(ImageDataset(name="mnist-10k", validation=0.0), seed=0)
    raw = load_mnist_10k()
    assert data.train.x.shape == (10_000, 784) and data.input_shape == (1, 28, 28)
    assert data.train.x.dtype == np.float32 and data.train.x.flags.c_contiguous
    assert data.train.y.dtype == np.int64 and data.outputs == 10
    assert_array_equal(data.train.x.astype(float) * 256, raw.x)
    assert data.train.y[:10].tolist() == [3, 8, 6, 9, 6, 4, 5, 3, 8, 4]  # rows 50000.. of the official set
    assert (data.preprocess.scale == 256).all() and not data.preprocess.shift.any()


@settings(deadline=None)
@given(
    n=st.integers(1, 300),
    validation=st.floats(0, 0.7),
    test=st.floats(0, 0.29),
    seed=st.integers(0, 2**63 - 1),
)
def test_every_row_stands_in_exactly_one_split(n, validation, test, seed):
    sizes = [max(1, round(n * share)) if share else 0 for share in (validation, test)]
    if sum(sizes) >= n:
        with pytest.raises(DataError, match="leave none for training"):
            prepare(numbered(n), options(validation=validation, test=test), seed)
        return
    data = prepare(numbered(n), options(validation=validation, test=test), seed)
    parts = [rows_of(split) for split in (data.train, data.validation, data.test)]
    assert sorted(parts[0] + parts[1] + parts[2]) == list(range(n))
    assert [len(parts[1]), len(parts[2])] == sizes
    assert parts[0] == sorted(parts[0]), "training rows keep the table's order"


def test_split_depends_on_the_seed_alone():
    first, again, other = (prepare(numbered(50), options(validation=0.5), seed) for seed in (1, 1, 2))
    assert rows_of(first.train) == rows_of(again.train) != rows_of(other.train)


def test_one_row_trains_without_validation_and_is_refused_with_it():
    assert len(prepare(numbered(1), options(standardize=True), 0).train) == 1
    with pytest.raises(DataError, match=r"1 row, of which validation 0\.2"):
        prepare(numbered(1), options(validation=0.2), 0)


def test_limit_keeps_the_first_rows_and_comes_after_whitening():
    rows = numbered(100)
    data = prepare(rows, options(whiten=True, limit=10), 0)
    assert_allclose(data.train.x[:, 0], (np.arange(10) - 49.5) / np.arange(100).std(), rtol=1e-6)
    assert_allclose(data.train.y, data.train.x, rtol=1e-6)
    assert len(prepare(rows, options(limit=1000), 0).train) == 100


def test_bootstrap_comes_before_the_split_so_rows_stand_in_both():
    data = prepare(numbered(200), options(resample="bootstrap", validation=0.5), 3)
    train, validation = rows_of(data.train), rows_of(data.validation)
    assert len(train) == len(validation) == 100
    assert set(train) & set(validation)
    assert len(set(train + validation)) == pytest.approx(200 * (1 - np.exp(-1)), abs=15)


def test_repeat_doubles_training_rows_only():
    once = prepare(numbered(10), options(validation=0.3, standardize=True), 0)
    twice = prepare(numbered(10), options(validation=0.3, standardize=True, repeat=2), 0)
    assert_array_equal(twice.train.x, np.repeat(once.train.x, 2, axis=0))
    assert_array_equal(twice.train.y, np.repeat(once.train.y, 2, axis=0))
    assert_array_equal(twice.validation.x, once.validation.x)


def test_standardisation_is_fitted_on_training_rows_and_kept():
    rng = np.random.default_rng(0)
    raw = table(rng.normal(5, 3, (200, 4)), rng.normal(-2, 7, (200, 2)))
    data = prepare(raw, options(standardize=True, validation=0.25, whiten=True), 0)
    assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-6)
    assert_allclose(data.train.x.std(axis=0), 1, atol=1e-6)
    assert_allclose(data.train.y.std(axis=0), 1, atol=1e-6)
    assert abs(data.validation.x.mean(axis=0)).max() > 1e-3
    fitted = data.preprocess
    back = np.concatenate([data.train.y, data.validation.y]) * fitted.target_scale + fitted.target_shift
    assert_allclose(np.sort(back, axis=0), np.sort(raw.y, axis=0), rtol=1e-5, atol=1e-5)


def test_a_repeat_beyond_all_memory_is_refused():
    with pytest.raises(DataError, match=r"dataset\.repeat: 10 training rows of 1 features, 1000000000 times"):
        prepare(numbered(10), options(repeat=10**9), 0)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e12, 1e-300])
def test_constant_columns_become_zero_and_never_divide_by_zero(value):
    x = np.column_stack([np.full(9, value), np.arange(9.0)])
    for keys in ({"standardize": True}, {"whiten": True}, {"whiten": True, "standardize": True}):
        data = prepare(table(x, np.full((9, 1), value)), options(**keys), 0)
        assert not data.train.x[:, 0].any() and not data.train.y.any()
        assert data.preprocess.scale[0] == 1 and data.preprocess.target_scale[0] == 1


def test_whitening_leaves_class_indices_alone():
    raw = table(np.arange(8.0)[:, None], np.arange(8) % 2, classes=("a", "b"))
    data = prepare(raw, options(whiten=True, standardize=True), 0)
    assert data.train.y.tolist() == [0, 1] * 4


def test_missing_cells_are_filled_with_the_mean_of_training_rows():
    x = np.arange(20.0)[:, None]
    y = x.copy()
    x[[3, 11]] = np.nan
    data = prepare(table(x, y, fill_missing=True), options(validation=0.25, standardize=True), 1)
    train = data.train.y[:, 0].astype(float) * data.preprocess.target_scale + data.preprocess.target_shift
    known = [row for row in np.rint(train).astype(int) if row not in (3, 11)]
    filled = np.where(np.isin(np.rint(train), (3, 11)), np.mean(known), train)
    assert_allclose(data.train.x[:, 0], (filled - filled.mean()) / filled.std(), atol=1e-6)


@pytest.mark.parametrize("keys", [{}, {"whiten": True}, {"standardize": True}])
def test_numbers_beyond_float32_are_refused_with_their_place(keys):
    x = np.array([[1.0, 1.0], [1.0, 1e300], [2.0, -1e300]])
    with pytest.raises(DataError, match=r"row \d column 1.*too large"):
        prepare(table(x, np.ones((3, 1))), options(**keys), 0)


def test_checksum_follows_the_data_and_nothing_else():
    raw = np.arange(12.0).reshape(6, 2)
    base = table_checksum(table(raw, raw))
    assert table_checksum(table(raw.copy(), raw)) == base
    for row in range(6):
        changed = raw.copy()
        changed[row, 1] += 1e-9
        assert table_checksum(table(changed)) != base
        assert table_checksum(table(raw, changed)) != base
    assert table_checksum(table(raw, raw, unit=2.0)) != base
    assert table_checksum(table(raw.reshape(4, 3))) != base
    data_sets = [prepare(table(raw, raw), options(limit=limit, validation=v), 0) for limit, v in ((3, 0.0), (6, 0.3))]
    assert [data.checksum for data in data_sets] == [base, base]


@settings(deadline=None)
@given(st.data())
def test_moments_in_blocks_equal_numpy_on_any_rows(data):
    x = np.random.default_rng(data.draw(st.integers(0, 99))).normal(3, 2, (data.draw(st.integers(2, 40)), 3))
    rows = np.array(data.draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=60)))
    found = moments(x, rows, lambda row, column: "")
    assert_allclose(found.mean, x[rows].mean(axis=0), rtol=1e-12)
    assert_allclose(found.std, x[rows].std(axis=0), rtol=1e-9, atol=1e-12)


def test_images_standardise_like_floats_whatever_their_type():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (50, 6)).astype(np.uint8)
    small, wide = (
        prepare(table(x, np.ones((50, 1))), options(standardize=True, validation=0.2), 0)
        for x in (pixels, pixels.astype(np.float64))
    )
    assert_array_equal(small.train.x, wide.train.x)


def test_every_dataset_section_has_a_reader():
    from sgdlab.data.sources.reading import load_raw

    with pytest.raises(DataError, match="no reader"):
        load_raw(Dataset())  # type: ignore[arg-type]  # as a section without a reader would be
    with pytest.raises(DataError, match="no such file"):
        load(CsvDataset(name="csv", path="/nowhere/at/all.csv", target="y"), 0)
