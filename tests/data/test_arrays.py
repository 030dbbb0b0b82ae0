"""npz and module:function: arrays of a user's own, right, wrong and hostile."""

import io
import json
import struct
import textwrap
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.data.sources.function import FunctionDataset
from sgdlab.data.sources.npz import NpzDataset
from sgdlab.data.tables import npz_arrays as archive
from sgdlab.errors import ConfigError, DataError, UserError

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def npz(tmp_path, monkeypatch):
    """npz(bytes or arrays, **options) -> PreparedData, from a file my.npz in the working directory."""
    monkeypatch.chdir(tmp_path)

    def read(content, **options):
        if isinstance(content, dict):
            np.savez(tmp_path / "my.npz", **content)
        else:
            (tmp_path / "my.npz").write_bytes(content)
        defaults = {"validation": 0.0, "standardize": False}
        return load(NpzDataset(name="npz", path="my.npz", **{**defaults, **options}), seed=0)

    return read


@pytest.fixture
def function(tmp_path):
    """function(body, **options) -> PreparedData, from `def rows(**options)` with that body."""
    count = iter(range(1000))

    def call(body, **keys):
        file = tmp_path / f"mine{next(count)}.py"
        file.write_text("import numpy as np\n\ndef rows(**options):\n" + textwrap.indent(body, "    ") + "\n")
        return load(FunctionDataset(name=f"{file}:rows", validation=0.0, **keys), seed=0)

    return call


def test_images_keep_their_shape_and_integers_are_classes(npz):
    images = np.random.default_rng(0).integers(0, 256, (6, 1, 4, 5)).astype(np.uint8)
    data = npz({"x": images, "y": Y})
    assert data.input_shape == (1, 4, 5) and data.features == 20
    assert np.array_equal(data.train.x, images.reshape(6, 20))
    assert data.preprocess.classes == ("0", "1", "2") and data.train.y.tolist() == Y.tolist()


def test_floats_are_regressed_with_as_many_outputs_as_columns(npz):
    assert npz({"x": X, "y": X[:, 0]}).outputs == 1
    data = npz({"a": X[:, 0], "b": X}, features="a", target="b", standardize=True)
    assert (data.task, data.outputs, data.features, data.input_shape) == (
        "regression",
        2,
        1,
        (1,),
    )


def test_text_labels_are_numbered_in_sorted_order(npz):
    data = npz({"x": X, "y": np.array(["b", "a", "b", "c", "a", "a"])})
    assert data.preprocess.classes == ("a", "b", "c") and data.train.y.tolist() == [1, 0, 1, 2, 0, 0]


def test_a_class_that_no_row_has_is_allowed(npz):
    assert npz({"x": X, "y": Y * 2}).outputs == 5


@pytest.mark.parametrize("dtype", [bool, np.int8, ">i4", np.uint64, np.float16, ">f4", np.longdouble])
def test_every_kind_of_number_is_read_by_value(npz, dtype):
    x = (np.arange(12).reshape(6, 2) % 2).astype(dtype)
    assert np.array_equal(npz({"x": x, "y": Y}).train.x, x.astype(np.float32))
    assert np.array_equal(npz({"x": np.asfortranarray(x), "y": Y}).train.x, x.astype(np.float32))


NAN, INF = X.copy(), X.copy()
NAN[4, 1], INF[2, 0] = np.nan, np.inf


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"x": NAN, "y": Y}, {}, r'my\.npz "x"\[4, 1\]: nan; set dataset\.missing'),
        ({"x": INF, "y": Y}, {"missing": "mean"}, r'my\.npz "x"\[2, 0\]: inf is not a finite number'),
        ({"x": X, "y": INF}, {}, r'my\.npz "y"\[2, 0\]: inf'),
        ({"x": X, "y": NAN[:, 1]}, {"missing": "mean"}, r'"y"\[4\]: nan; set dataset\.missing: drop'),
        ({"x": X, "y": Y - 1}, {}, r'my\.npz "y"\[0\]: -1 is not a class index'),
        ({"x": X, "y": Y + 0.5}, {"task": "classification"}, r'"y"\[0\]: 0\.5 is not a class index'),
        ({"x": X, "y": Y * 0}, {}, 'every row has the same class "0"'),
        ({"x": X, "y": Y * 10**9}, {}, "2000000001 classes"),
        ({"x": X, "y": np.eye(6, dtype=int)}, {}, "argmax"),
        ({"x": X, "y": Y[:5]}, {}, r'"x" has 6 rows, but my\.npz "y" has 5'),
        ({"x": X, "y": X[:, :, None]}, {}, r"expected targets .* found shape \(6, 2, 1\)"),
        ({"x": X[:0], "y": Y[:0]}, {}, r"found shape \(0, 2\)"),
        ({"x": np.float64(3), "y": Y}, {}, r"found shape \(\)"),
        ({"x": X.astype(complex), "y": Y}, {}, "expected numbers, found complex128"),
        ({"x": X.astype(str), "y": Y}, {}, "expected numbers, found <U"),
        ({"x": X, "y": Y.astype(str)}, {"task": "regression"}, "holds text"),
        ({"x": X, "y": Y.astype("M8[s]")}, {}, "expected numbers or text, found datetime64"),
        ({"x": np.array([{}] * 6), "y": Y}, {}, "pickled objects, which are never loaded"),
        ({"x": np.zeros(6, [("a", int)]), "y": Y}, {}, "plain array"),
        ({"features": X, "y": Y}, {}, r'"x": there is no such array; the archive has "features", "y"'),
    ],
)
def test_unfit_arrays_are_refused_with_name_and_place(npz, arrays, options, words):
    with pytest.raises(DataError, match=words):
        npz(arrays, **options)


def test_missing_is_dropped_or_filled_as_asked(npz):
    assert npz({"x": NAN, "y": Y}, missing="drop").train.x.tolist() == np.delete(X, 4, axis=0).tolist()
    filled = npz({"x": NAN, "y": Y}, missing="mean").train.x
    assert filled[4].tolist() == [8, np.float32(np.nanmean(NAN[:, 1]))]
    with pytest.raises(DataError, match="leaves nothing"):
        npz({"x": X * np.nan, "y": Y}, missing="drop")
    large = NAN.copy()
    large[5, 0] = 1e300
    with pytest.raises(DataError, match=r'my\.npz "x"\[5, 0\]: 1e\+300 becomes too large'):
        npz({"x": large, "y": Y}, missing="drop")


def packed(**members):
    """An archive of raw members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("_npy", ".npy"), content)
    return out.getvalue()


def npy(header, values=b""):
    """An npy file with a header of our own."""
    text = (header if isinstance(header, str) else repr(header)).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + values


def described(shape, descr="<f8", fortran=False):
    return {"descr": descr, "fortran_order": fortran, "shape": shape}


GOOD_Y = npy(described((2,), "|u1"), b"\0\1")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (npy(described((10**12,))), "announces 8000000000000 bytes, the archive holds 0"),
        (npy(described((2,)), b"\0" * 24), "announces 16 bytes, the archive holds 24"),
        (npy(described((-1, -2)), b"\0" * 16), "plain array"),
        (npy(described((2,), "|O"), b"\0" * 16), "pickled objects"),
        (npy("(" * 9000), "damaged"),
        (npy("__import__('os').abort()"), "damaged"),
        (npy(described((2,), "<f8" * 9)), "damaged"),
        (b"\x93NUMPY\x09\x00", "damaged"),
        (b"not numpy at all", "damaged"),
        (b"", "damaged"),
    ],
)
def test_headers_that_lie_are_refused(npz, x, words):
    with pytest.raises(DataError, match=words):
        npz(packed(x_npy=x, y_npy=GOOD_Y))


def test_a_decompression_bomb_is_refused_unread(npz, monkeypatch):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as member:
        member.write(npy(described((65 << 17,))))
        for _ in range(65):
            member.write(bytes(1 << 20))
    monkeypatch.setattr(archive, "_header", lambda *args: pytest.fail("was opened"))
    with pytest.raises(DataError, match="that would expand to 65 MiB"):
        npz(out.getvalue())


def test_members_that_point_outside_are_never_written(npz, tmp_path):
    inside = {"../../evil.npy": b"x", "/etc/evil.npy": b"x", "x_npy": npy(described((2,)), b"\0" * 16)}
    before = sorted(tmp_path.parent.rglob("*"))
    assert len(npz(packed(**inside, y_npy=GOOD_Y)).train) == 2
    assert set(tmp_path.parent.rglob("*")) - set(before) == {tmp_path / "my.npz"}
    with pytest.raises(DataError, match="there is no such array"):
        npz(packed(y_npy=GOOD_Y), features="../y")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_as_npz_give_a_problem_or_a_data_error(npz, data):
    good = packed(x_npy=npy(described((2, 1)), struct.pack("<2d", 1, 2)), y_npy=GOOD_Y)
    if data.draw(st.booleans()):
        content = bytearray(good[: data.draw(st.integers(0, len(good)))])
        for position in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=4)):
            if content:
                content[position] = data.draw(st.integers(0, 255))
    else:
        header = data.draw(
            st.one_of(
                st.text(max_size=60),
                st.builds(
                    described,
                    st.one_of(st.lists(st.integers(-1, 2**70), max_size=3).map(tuple), st.just(2)),
                    st.one_of(
                        st.sampled_from(["<f8", "|O", "V0", "<U0", "|u1", "<c8", "M8[s]"]),
                        st.text(max_size=4),
                    ),
                    st.booleans(),
                ),
            )
        )
        content = packed(x_npy=npy(header, data.draw(st.binary(max_size=32))), y_npy=GOOD_Y)
    with suppress(DataError):
        assert isinstance(npz(bytes(content)), PreparedData)


def test_a_function_gives_arrays_of_any_library(function):
    assert function("return [[1, 2], [3, 4]], [0.5, 1.5]").task == "regression"
    body = "import pandas as pd\nreturn pd.DataFrame({'a': [1, 2], 'b': [3, 4]}), pd.Series(['x', 'y'])"
    data = function(body)
    assert [column.name for column in data.preprocess.columns] == ["a", "b"]
    assert data.preprocess.classes == ("x", "y")
    body = (
        "class Tensor:\n"
        "    def detach(self): return self\n"
        "    def cpu(self): return np.ones((3, 2, 2))\n"
        "return Tensor(), [1, 0, 1]"
    )
    assert function(body).input_shape == (2, 2)


def test_options_reach_the_function(function):
    data = function("return np.full((options['n'], 1), 2.5), [0.5] * options['n']", options={"n": 7})
    assert data.train.x.tolist() == [[2.5]] * 7


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return np.ones((3, 2))", r"mine\d+\.py:rows: must return \(features, targets\), not ndarray"),
        ("return 1, 2, 3", "must return .* not 3 values"),
        ("return np.ones((3, 2)), np.ones(4)", r"rows features has 3 rows, but .*rows targets has 4"),
        ("return [[1], [2, 3]], [0, 1]", "features: cannot be made a numpy array"),
        ("return np.array([[1, np.nan]]), [0.5]", r"rows features\[0, 1\]: nan"),
        ("return [[1], [2]], [0, -1]", r"rows targets\[1\]: -1 is not a class index"),
        ("raise KeyError('lost')", r"KeyError at .*mine\d+\.py:4: 'lost'"),
        ("import sys\nsys.exit(3)", r"SystemExit at .*:5: 3"),
    ],
)
def test_what_a_function_does_wrong_is_told_with_its_name(function, body, words):
    with pytest.raises(DataError, match=words):
        function(body)


def test_a_failing_function_keeps_its_traceback(function):
    with pytest.raises(DataError) as caught:
        function("return {}['lost']")
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_function_that_is_none_and_options_it_does_not_take(tmp_path):
    (tmp_path / "m.py").write_text("K = 3\ndef rows(): return 1\n")
    with pytest.raises(ConfigError, match="is int, not a function"):
        load(FunctionDataset(name="m:K"), 0, folder=tmp_path)
    with pytest.raises(DataError, match=r"m:rows: TypeError: rows\(\) got an unexpected"):
        load(FunctionDataset(name="m:rows", options={"n": 1}), 0, folder=tmp_path)


arrays = st.one_of(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=8,
    ),
    st.builds(
        lambda shape, fill: np.full(shape, fill).tolist(),
        st.lists(st.integers(0, 4), max_size=3),
        st.one_of(st.integers(0, 3), st.floats()),
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=arrays, y=arrays, missing=st.sampled_from(["error", "drop", "mean"]))
def test_anything_a_function_returns_gives_a_problem_or_a_clear_error(tmp_path, x, y, missing):
    file = tmp_path / "echo.py"
    if not file.exists():
        file.write_text("import json\ndef rows(text): return json.loads(text)\n")
    section = FunctionDataset(
        name=f"{file}:rows",
        options={"text": json.dumps([x, y])},
        validation=0.0,
        missing=missing,
        standardize=True,
    )
    try:
        data = load(section, 0)
    except UserError:
        return
    assert np.isfinite(data.train.x).all() and np.isfinite(data.train.y).all()
