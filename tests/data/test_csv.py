"""csv: columns by name, tasks, missing cells, and every way in which a file can be wrong."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.data.sources.csv_file import CsvDataset
from sgdlab.errors import DataError

GOOD = "age,city,price\n31,Rome,10.5\n42,Paris,20\n53,Rome,31.5\n64,Oslo,40\n75,Oslo,51\n"


@pytest.fixture
def csv(tmp_path, monkeypatch):
    """csv(text, **options) -> PreparedData, from a file my.csv in the working directory."""
    monkeypatch.chdir(tmp_path)

    def read(content, **options):
        (tmp_path / "my.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        defaults = {"target": "price", "validation": 0.0, "standardize": False}
        return load(CsvDataset(name="csv", path="my.csv", **{**defaults, **options}), seed=0)

    return read


def test_numbers_stay_and_categories_become_one_feature_each(csv):
    data = csv(GOOD)
    assert data.task == "regression" and data.outputs == 1
    assert [column.name for column in data.preprocess.columns] == ["age", "city"]
    assert data.preprocess.columns[1].categories == ("Oslo", "Paris", "Rome")
    assert data.train.x[:2].tolist() == [[31, 0, 0, 1], [42, 0, 1, 0]]
    assert data.train.y[:, 0].tolist() == [10.5, 20, 31.5, 40, 51]


def test_text_target_is_classified_in_sorted_order(csv):
    data = csv(GOOD, target="city")
    assert data.preprocess.classes == ("Oslo", "Paris", "Rome")
    assert data.train.y.tolist() == [2, 1, 2, 0, 0] and data.train.y.dtype == np.int64


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 4, "classification"),
        ([5], "regression"),
        ([5, 6], "regression"),
        ([3, 7] * 50, "classification"),
        (list(range(10)) * 30, "classification"),
        (list(range(10)) * 10, "regression"),  # 10 of 100 rows: not fewer than 5 %
        (list(range(21)) * 100, "regression"),
        ([0.5, 1.5] * 50, "regression"),
    ],
)
def test_task_auto_follows_its_rule(csv, values, task):
    rows = "".join(f"{i % 7},{value}\n" for i, value in enumerate(values))
    assert csv("a,y\n" + rows, target="y").task == task
    for named in ("classification", "regression")[len(values) < 2 :]:
        assert csv("a,y\n" + rows, target="y", task=named).task == named


def test_numeric_labels_are_sorted_by_value(csv):
    data = csv("a,y\n1,10\n2,9\n3,9.0\n4,-1\n", target="y", task="classification")
    assert data.preprocess.classes == ("-1", "9", "10")
    assert data.train.y.tolist() == [2, 1, 1, 0]


def test_integer_codes_can_be_named_categorical(csv):
    data = csv("zip,y\n10,1.5\n20,2.5\n10,3.5\n", target="y", categorical=["zip"])
    assert data.train.x.tolist() == [[1, 0], [0, 1], [1, 0]]


HOLES = "a,b,y\n1,x,1.5\n,x,2.5\n3,NA,3.5\n5,z,4.5\n"


def test_missing_cell_is_an_error_that_names_row_and_column(csv):
    with pytest.raises(DataError, match=r'^my\.csv:3 column "a": missing cell; set dataset\.missing'):
        csv(HOLES, target="y")


def test_missing_drop_leaves_such_rows_out(csv):
    assert csv(HOLES, target="y", missing="drop").train.y[:, 0].tolist() == [1.5, 4.5]
    assert csv("a,y\n1,\n2,3.5\n3,4.5\n", target="y", missing="drop").train.y[:, 0].tolist() == [3.5, 4.5]
    with pytest.raises(DataError, match='no row is without a missing cell; column "a" lacks 2 of 2'):
        csv("a,b,y\n,1,2\n,2,\n", target="y", missing="drop")


def test_places_are_those_of_the_file_after_rows_were_dropped(csv):
    with pytest.raises(DataError, match=r'my\.csv:4 column "a": 1e\+300 becomes too large'):
        csv("a,y\n1,1.5\n,2.5\n1e300,3.5\n", target="y", missing="drop")


def test_missing_mean_fills_numbers_and_gives_categories_one_of_their_own(csv):
    data = csv(HOLES, target="y", missing="mean")
    assert data.train.x[:, 0].tolist() == [1, 3, 3, 5]
    assert data.preprocess.columns[0].fill == 3
    assert data.preprocess.columns[1].categories == ("", "x", "z")
    with pytest.raises(DataError, match=r'my\.csv:2 column "y": missing cell; a target cannot be filled'):
        csv("a,y\n1,\n2,3.5\n", target="y", missing="mean")
    with pytest.raises(DataError, match='column "a": no training row has a value'):
        csv("a,y\n,1.5\n,2.5\n,3.5\n", target="y", missing="mean")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", r"my\.csv: the file is empty"),
        ("\n\n  \n", r"my\.csv: the file is empty"),
        ("age,price\n", r"my\.csv: a header line but no rows"),
        ("age,price,age\n1,2,3\n", r'my\.csv:1: the columns 1 and 3 are both named "age"'),
        (",age,price\n0,1,2\n1,2,3\n", r"my\.csv:1: column 1 has no name"),
        ("age,price\n1,2\n1,2,3\n", r"my\.csv:3: 3 cells, the header has 2; put text"),
        ("age,price\n1,2\n\n1\n", r"my\.csv:4: 1 cell, the header has 2"),
        ("age,cost\n1,2\n", r'dataset\.target: there is no column "price" \(columns: "age", "cost"\)'),
        ("age,Price\n1,2\n", r'did you mean "Price"\?'),
        ("price\n1.5\n", r"no column is left"),
        ("age,price\n1,2.5\nnan,3.5\n", r'my\.csv:3 column "age": missing cell \("nan"\)'),
        ("age,price\n1,2.5\n2,inf\n", r'my\.csv:3 column "price": "inf" is not a finite number'),
        ("age,price\n1,2.5\n-Infinity,3.5\n", r'my\.csv:3 column "age": "-Infinity" is not a finite'),
        ("age,price\n1,2.5\n1e999,3.5\n", r'my\.csv:3 column "age": "1e999" is not a finite'),
        ("age,price\n1,2.5\n2,3.5\nold,4.5\n", r'my\.csv:4 column "age": "old" is not a number'),
        ("age,price\n1,2.5\n1_000,3.5\n2,4.5\n", r'my\.csv:3 column "age": "1_000" is not a number'),
        ("age,price\n1,2.5\n٣,3.5\n2,4.5\n", r'my\.csv:3 column "age": "٣" is not a number'),
        (
            'age,price\n1,2.5\n"1,234",3.5\n',
            r'my\.csv:3 column "age": "1,234".*thousands separators.*\(1234\)',
        ),
        ('age,price\n1,"2,5"\n2,"3,5"\n', r'my\.csv:2 column "price": "2,5".*decimal point'),
        ('age,price\n1,2.5\n"2,3.5\n3,4.5\n', r"my\.csv:3: a double quote is opened.*never closed"),
        ("age,price\n1,2.5\n" + "9" * 200_000 + ",3\n", r"my\.csv:3: a cell of more than 131072 characters"),
        ('age,price\n1,2.5\n"2"x,3.5\n', r"my\.csv:3: not a CSV row"),
        (b"age,price\n1,2.5\n2,\x00\n", r"my\.csv:3: holds a NUL byte"),
        (b"age,price\n1,2.5\nM\xfcnchen,3\n", r"my\.csv:3: not UTF-8 \(byte 0xfc\)"),
        ("age,price\n1,2.5\n".encode("utf-16"), r"my\.csv: is UTF-16"),
        ("a\x1b[31m,price\n,2.5\n", r'column "a\\x1b\[31m": missing'),
    ],
)
def test_a_broken_file_is_refused_with_place_and_remedy(csv, content, words):
    with pytest.raises(DataError, match=words):
        csv(content)


def test_line_numbers_count_lines_of_the_file_not_rows(csv):
    with pytest.raises(DataError, match=r'^my\.csv:7 column "age": "x" is not a number'):
        csv('age,note,price\n1,"two\nlines",2.5\n\n2,b,3.5\n3,b,4\nx,b,5\n')


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ignore": ["price"]}, r'"price" is the target'),
        ({"ignore": ["aeg"]}, r'dataset\.ignore: there is no column "aeg"; did you mean "age"\?'),
        ({"categorical": ["citi"]}, r'dataset\.categorical: .*did you mean "city"\?'),
        ({"ignore": ["age", "city"]}, "no column is left"),
        ({"delimiter": "\n"}, "cannot separate cells"),
        ({"delimiter": '"'}, r"cannot separate cells|columns"),
        ({"target": "city", "task": "regression"}, r'my\.csv:2 column "city": "Rome" is not a number'),
    ],
)
def test_options_that_do_not_fit_the_file_are_refused(csv, options, words):
    with pytest.raises(DataError, match=words):
        csv(GOOD, **options)


def test_one_class_and_a_class_for_every_row_are_refused(csv):
    with pytest.raises(DataError, match='every row has the same class "Rome"'):
        csv("a,y\n1,Rome\n2,Rome\n", target="y")
    rows = "".join(f"{i},name{i}\n" for i in range(20))
    with pytest.raises(DataError, match="a label of its own in every row"):
        csv("a,y\n" + rows, target="y")


def test_too_many_categories_suggest_to_ignore_the_column(csv):
    rows = "".join(f"name{i % 101},{i}\n" for i in range(300))
    with pytest.raises(DataError, match=r'my\.csv:2 column "a": 101 different texts in 300 rows.*ignore'):
        csv("a,price\n" + rows)
    rows = "".join(f"name{i},{i}\n" for i in range(11))
    with pytest.raises(DataError, match=r"11 different texts in 11 rows"):
        csv("a,price\n" + rows)
    assert len(csv("a,b,price\n" + "".join(f"n{i},1,{i}\n" for i in range(11)), ignore=["a"]).train) == 11


def test_a_million_columns_are_refused_before_cells_are_made_of_them(csv):
    content = ",".join(f"c{i}" for i in range(1_000_000)) + "\n" + "1," * 999_999 + "1\n"
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"my\.csv:1: 1000000 columns; at most 50000"):
            csv(content.encode(), target="c0")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(content)  # a million strings would take seven times the file


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_all_line_ends_and_a_byte_order_mark_are_read(csv, newline):
    content = "\ufeff" + GOOD.replace("\n", newline)
    assert np.array_equal(csv(content).train.x, csv(GOOD).train.x)


def test_other_delimiters_and_blanks_around_cells_are_read(csv):
    expected = csv(GOOD).train.x
    assert np.array_equal(csv(GOOD.replace(",", ";"), delimiter=";").train.x, expected)
    assert np.array_equal(csv(GOOD.replace(",", "\t"), delimiter="\t").train.x, expected)
    assert np.array_equal(csv(GOOD.replace(",", " "), delimiter=" ").train.x, expected)
    assert np.array_equal(csv(GOOD.replace(",", " , ")).train.x, expected)


def test_equal_data_have_equal_checksums_whatever_the_file_looks_like(csv):
    assert csv(GOOD).checksum == csv(GOOD.replace("\n", "\r\n").replace("31,", "31.0,")).checksum
    assert csv(GOOD).checksum != csv(GOOD.replace("31,", "31.5,")).checksum


def test_paths_that_are_no_file_are_refused(tmp_path, monkeypatch):
    def read(path):
        return load(CsvDataset(name="csv", path=str(path), target="y"), 0)

    (tmp_path / "prices.csv").write_text(GOOD)
    with pytest.raises(DataError, match=r'no such file; did you mean "prices\.csv"\?'):
        read(tmp_path / "price.csv")
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match="is not an ordinary file"):
        read("/dev/zero")
    with pytest.raises(DataError, match="cannot be read"):
        read("a" * 5000)
    with pytest.raises(DataError, match="cannot be read"):
        read("a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is not an ordinary file"):
        read(tmp_path / "pipe")


odd = st.one_of(
    st.sampled_from(["", "NA", "nan", "inf", "1e999", "1e300", '"1,234"', '"', "1_0", "é", "\r", "a,b"]),
    st.text(max_size=3),
)
number = st.one_of(st.sampled_from(["0", "1", "2", "-2.5", "1e3"]), st.floats(-1e9, 1e9).map(repr))
word = st.sampled_from(["x", "y", "z z"])


def column(plain, rows):
    """Cells of one kind, or with odd ones among them."""
    cells = st.lists(plain, min_size=rows, max_size=rows)
    return st.one_of(cells, cells, st.lists(st.one_of(plain, plain, odd), min_size=rows, max_size=rows))


tables = (
    st.integers(1, 30)
    .flatmap(
        lambda rows: st.tuples(column(number, rows), column(word, rows), column(number, rows) | column(word, rows))
    )
    .map(lambda columns: "\n".join(["a,b,y", *map(",".join, zip(*columns, strict=True))]).encode("utf-8", "replace"))
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=80).map(b"a,y\n1,2\n".__add__),
        tables,
        tables,
        tables,
    ),
    missing=st.sampled_from(["error", "drop", "mean"]),
    task=st.sampled_from(["auto", "classification", "regression"]),
    keys=st.fixed_dictionaries(
        {"validation": st.sampled_from([0.0, 0.4]), "standardize": st.booleans(), "whiten": st.booleans()}
    ),
)
def test_any_bytes_give_a_finite_problem_or_a_data_error(csv, content, missing, task, keys):
    try:
        data = csv(content, target="y", missing=missing, task=task, **keys)
    except DataError as fault:
        assert str(fault).isprintable() or "\n" in str(fault)
        return
    assert isinstance(data, PreparedData)
    assert np.isfinite(data.train.x).all() and np.isfinite(data.train.y).all()
    assert len(data.train) >= 1 and data.outputs >= 1


values = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(rows=st.lists(st.tuples(values, st.sampled_from(["x", "y z", 'q"u', "c,d"]), values), min_size=1, max_size=30))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(csv, rows):
    text = "n,c,price\n" + "".join('{},"{}",{}\n'.format(n, c.replace('"', '""'), y) for n, c, y in rows)
    data = csv(text, task="regression", ignore=[] if len({c for _, c, _ in rows}) < len(rows) else ["c"])
    assert np.array_equal(data.train.x[:, 0], np.array([n for n, _, _ in rows], np.float32))
    assert np.array_equal(data.train.y[:, 0], np.array([y for _, _, y in rows], np.float32))
