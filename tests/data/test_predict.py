"""New rows for predict, and preprocess.json."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdlab.data import load
from sgdlab.data.prepared import Column, Preprocess
from sgdlab.data.preprocess_file import preprocess_from_json, preprocess_to_json
from sgdlab.data.sources.csv_file import CsvDataset
from sgdlab.data.sources.mnist_10k import Mnist10k
from sgdlab.data.tables.new_rows import apply_preprocess
from sgdlab.data.tables.text_file import read_csv
from sgdlab.errors import DataError

ROWS = "age,city,price\n31,Rome,10.5\n42,Paris,20\n53,Rome,31.5\n,Oslo,40\n75,Oslo,51\n"


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """fitted(text, **options) -> PreparedData of my.csv in the working directory."""
    monkeypatch.chdir(tmp_path)

    def fit(text=ROWS, **options):
        (tmp_path / "my.csv").write_text(text)
        defaults = {"target": "price", "validation": 0.0, "missing": "mean"}
        return load(CsvDataset(name="csv", path="my.csv", **{**defaults, **options}), 0)

    return fit


def new(tmp_path, text):
    (tmp_path / "new.csv").write_text(text)
    return read_csv("new.csv")


def test_training_rows_come_out_as_they_were_trained_on(fitted):
    data = fitted()
    for frame in (read_csv("my.csv"), pd.read_csv("my.csv"), pd.read_csv("my.csv").to_dict("list")):
        x = apply_preprocess(data.preprocess, frame)
        assert x.dtype == np.float32 and np.array_equal(x, data.train.x)


def test_columns_are_found_by_name_and_others_do_not_matter(fitted, tmp_path):
    data = fitted()
    x = apply_preprocess(data.preprocess, new(tmp_path, "extra,city,age\nfoo,Rome,31\nbar,Oslo,\n"))
    assert np.array_equal(x, data.train.x[[0, 3]])


@pytest.mark.parametrize(
    ("options", "text", "words"),
    [
        ({}, "city\nRome\n", r'new\.csv: there is no column "age".*; the model needs it'),
        ({}, "Age,city\n1,Rome\n", r'did you mean "Age"\?'),
        (
            {},
            "age,city\n1,Rome\n2,Bern\n",
            r'new\.csv:3 column "city": unknown category "Bern"; training knew "Oslo"',
        ),
        ({}, "age,city\n1,Rome\n2,\n", r'new\.csv:3 column "city": missing cell'),
        ({}, "age,city\n1,Rome\nold,Rome\n", r'new\.csv:3 column "age": "old" is not a number'),
        ({}, "age,city\ninf,Rome\n", r'new\.csv:2 column "age": "inf" is not a finite number'),
        ({}, "age,city\n1e300,Rome\n", r'new\.csv:2 column "age": 1e\+300 becomes too large'),
        ({"missing": "drop"}, "age,city\n,Rome\n", r'new\.csv:2 column "age": missing cell; fill it in'),
    ],
)
def test_rows_that_do_not_fit_are_named(fitted, tmp_path, options, text, words):
    preprocess = fitted(**options).preprocess
    with pytest.raises(DataError, match=words):
        apply_preprocess(preprocess, new(tmp_path, text))


def test_frames_name_their_rows_too(fitted):
    with pytest.raises(DataError, match='row 2 column "city": unknown category "Bern"'):
        apply_preprocess(fitted().preprocess, pd.DataFrame({"age": [1, 2], "city": ["Rome", "Bern"]}))


def test_categories_of_numbers_survive_pandas(fitted):
    data = fitted("zip,price\n10,1.5\n20,2.5\n10,3.5\n", categorical=["zip"])
    x = apply_preprocess(data.preprocess, pd.DataFrame({"zip": [10.0, 20.0]}))
    assert np.array_equal(x, data.train.x[:2])


def test_images_are_predicted_by_position():
    preprocess = load(Mnist10k(name="mnist-10k", limit=50), 0).preprocess
    frame = {f"pixel{i}": [i % 256] for i in range(784)}
    expected = np.array([i % 256 for i in range(784)], np.float32) / 256
    assert np.array_equal(apply_preprocess(preprocess, frame)[0], expected)
    assert np.array_equal(apply_preprocess(preprocess, {"digit": [3], **frame})[0], expected)
    with pytest.raises(DataError, match="783 columns of features; the model has 784 inputs"):
        apply_preprocess(preprocess, {name: cells for name, cells in frame.items() if name != "pixel0"})


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(
    shift=st.lists(finite, min_size=3, max_size=3),
    scale=st.lists(finite.filter(bool), min_size=3, max_size=3),
    name=st.text(),
    categories=st.lists(st.text(), min_size=2, max_size=2),
    fill=st.none() | finite,
    classes=st.none() | st.lists(st.text(), min_size=2).map(tuple),
)
def test_preprocess_survives_json_bit_for_bit(shift, scale, name, categories, fill, classes):
    before = Preprocess(
        source=name,
        task="regression" if classes is None else "classification",
        columns=(Column(name, fill=fill), Column("c", tuple(categories))),
        target_names=(name,),
        classes=classes,
        shift=np.array(shift),
        scale=np.array(scale),
        target_shift=np.array(shift[:1]),
        target_scale=np.array(scale[:1]),
    )
    after = preprocess_from_json(json.loads(json.dumps(preprocess_to_json(before))))
    for key, value in vars(before).items():
        if isinstance(value, np.ndarray):
            assert value.tobytes() == getattr(after, key).tobytes()
        else:
            assert value == getattr(after, key)


def edited(key, value):
    preprocess = load(Mnist10k(name="mnist-10k", limit=50), 0).preprocess
    return {**preprocess_to_json(preprocess), key: value}


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        "text",
        edited("shift", [1.0]),
        edited("scale", [0.0] * 784),
        edited("scale", [float("nan")] * 784),
        edited("task", "both"),
        edited("classes", None),
        edited("classes", "0123456789"),
        edited("columns", [{"name": "a", "categories": None, "fill": None}]),
        edited("columns", [{"name": 3, "categories": None, "fill": None}]),
        edited("shift", None),
        edited("shift", [[1.0]] * 784),
    ],
)
def test_a_damaged_preprocess_file_is_refused(values):
    with pytest.raises(DataError, match=r"preprocess\.json is damaged"):
        preprocess_from_json(values)
