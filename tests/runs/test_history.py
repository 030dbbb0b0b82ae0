"""history.csv: rows whole or absent, read back as written, damage told."""

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.errors import RunFolderError
from sgdlab.runs.history import COLUMNS, HistoryWriter, Record, format_row, read_history

NUMBERS = st.floats(allow_infinity=False, width=32)


def record(step: int, **values) -> Record:
    return Record(**(dict.fromkeys(COLUMNS, 0.5) | {"step": step, "examples": 8 * step, "batch_size": 8} | values))


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_what_is_written_is_read_back(tmp_path, losses):
    """Nine significant digits hold every float32 exactly; an empty cell is NaN."""
    path = tmp_path / "history.csv"
    with HistoryWriter(path) as history:
        for step, loss in enumerate(losses):
            history.append(record(step, train_loss=loss))
    table = read_history(path)
    assert tuple(table.columns) == COLUMNS and list(table["step"]) == list(range(len(losses)))
    assert np.array_equal(table["train_loss"].astype("float32"), np.float32(losses), equal_nan=True)
    assert table["step"].dtype == table["examples"].dtype == table["batch_size"].dtype == "int64"


def test_columns_are_the_contracts():
    assert ",".join(COLUMNS) == (
        "epoch,step,examples,learning_rate,batch_size,batch_loss,mean_batch_loss,train_loss,val_loss,"
        "train_accuracy,val_accuracy,train_seconds,wall_seconds"
    )


def test_unmeasured_cells_are_empty():
    assert format_row(record(3, batch_loss=math.nan)).split(",")[5] == ""


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_loses_its_last_line_at_most(tmp_path, cut):
    path = tmp_path / "history.csv"
    with HistoryWriter(path) as history:
        for step in range(3):
            history.append(record(step))
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    if b"\n" not in content:
        with pytest.raises(RunFolderError, match=r"history\.csv: damaged"):
            read_history(path)
    else:
        assert len(read_history(path)) == content.count(b"\n") - 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "hello\n",
        lambda text: text.replace("step", "stop"),
        lambda text: text + "1,2\n",
        lambda text: text + text.splitlines()[-1] + "\n",  # a row that stands twice
        lambda text: text.replace(",16,", ",inf,"),
        lambda text: text.replace(",16,", ",1.5,"),
        lambda text: text.replace(",16,", ",-16,"),
        lambda text: text + "\0\0\0\n",
        lambda text: text + "a" * 200 + "\n",
    ],
)
def test_what_is_no_history_is_refused_with_its_name(tmp_path, damage):
    path = tmp_path / "history.csv"
    with HistoryWriter(path) as history:
        for step in range(3):
            history.append(record(step))
    path.write_text(damage(path.read_text()))
    with pytest.raises(RunFolderError, match=r"history\.csv: damaged"):
        read_history(path)


def test_absent_history_is_told():
    from pathlib import Path

    with pytest.raises(RunFolderError, match="cannot be read: No such file"):
        read_history(Path("nowhere/history.csv"))


def test_rows_after_the_mark_are_cut_off_and_those_before_stay(tmp_path):
    path = tmp_path / "history.csv"
    with HistoryWriter(path) as history:
        history.append(record(0))
        mark = history.mark()
        history.append(record(1))
        history.append(record(2))
    with HistoryWriter(path, mark) as history:
        history.append(record(1, train_loss=7.0))
    assert list(read_history(path)["train_loss"]) == [0.5, 7.0]


def test_a_history_that_is_not_the_checkpoints_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "history.csv"
    with HistoryWriter(path) as history:
        history.append(record(0))
        mark = history.mark()
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    before = path.read_bytes()
    with pytest.raises(RunFolderError, match="not those that were there"):
        HistoryWriter(path, mark)
    assert path.read_bytes() == before


def test_a_write_that_fails_halfway_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    written = os.pwrite

    def full_disk(file, data, offset):
        if len(data) > 10:
            return written(file, data[:10], offset)
        raise OSError(28, "No space left on device")

    with HistoryWriter(path) as history:
        history.append(record(0))
        before = path.read_bytes()
        monkeypatch.setattr(os, "pwrite", full_disk)
        with pytest.raises(OSError, match="No space left"):
            history.append(record(1))
        assert path.read_bytes() == before
        monkeypatch.setattr(os, "pwrite", written)
        history.append(record(1))
    assert list(read_history(path)["step"]) == [0, 1]


def test_every_row_is_on_the_file_as_soon_as_it_is_appended(tmp_path):
    with HistoryWriter(tmp_path / "history.csv") as history:
        for step in range(3):
            history.append(record(step))
            assert list(read_history(tmp_path / "history.csv")["step"]) == list(range(step + 1))
