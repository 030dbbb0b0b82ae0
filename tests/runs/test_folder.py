"""Run folders: names, collisions, status, and what is refused as a name."""

import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.errors import ConfigError, RunFolderError
from sgdlab.runs.files import write_json
from sgdlab.runs.folder import RunFolder, is_run, runs_in
from sgdlab.runs.new_folder import checked_name, create_folder, run_name, slug, stamped
from tests.support import make_config, sgdlab


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    names = [create_folder(tmp_path / "runs", "a", "").name for _ in range(4)]
    assert names == ["a", "a-2", "a-3", "a-4"]


def _create(parent: Path) -> str:
    return create_folder(parent, "a", "").name


def test_twenty_at_once_get_twenty_folders(tmp_path):
    with multiprocessing.get_context("fork").Pool(20) as pool:
        names = pool.map(_create, [tmp_path / "runs"] * 20, chunksize=1)
    assert len(set(names)) == 20 == len(list((tmp_path / "runs").iterdir()))


def test_run_is_named_by_time_data_optimiser_and_batch():
    assert run_name(make_config(batch_size=8)) == "mnist-10k-adam-bs8"
    assert (
        run_name(make_config(dataset={"name": "csv", "path": "x/My houses.csv", "target": "y"}))
        == "My-houses-adam-bs64"
    )
    assert run_name(make_config(dataset={"name": "pkg.mod:rows"}, batch_size="full")) == "rows-adam-bsfull"
    assert stamped("x", 0.0)[8:9] == "-" and stamped("x", 0.0).endswith("-x")


@given(st.text(max_size=300))
def test_slug_is_a_plain_file_name(text):
    name = slug(text)
    assert 0 < len(name) <= 100 and "/" not in name and name.isascii() and name.isprintable() and name[0] not in ".-"


@pytest.mark.parametrize(
    "name", ["", " ", "../up", "a/b", "a\\b", "..", ".", ".hidden", "a\nb", "a\x1b[31m", "a\0b", "x" * 300, "é" * 100]
)
def test_hostile_names_are_refused_and_leave_nothing(name, tiny, runs):
    with pytest.raises(ConfigError, match="--name"):
        checked_name(name)
    if "\0" not in name:
        answer = sgdlab("train", tiny, "--runs-dir", runs, "--name", name)
        assert (answer.code, runs.exists()) == (2, False)
        assert answer.err.startswith("error: --name") and answer.err.count("\n") == 1 and answer.err[:-1].isprintable()


@pytest.mark.parametrize(
    "name", ["plain", "with space", "Ümläut", "🚀", "a" * 180, "-dash", "per%cent", "[bold]", ":100:"]
)
def test_odd_names_work_as_they_stand(name, tiny, runs):
    answer = sgdlab("train", tiny, "--quiet", f"--runs-dir={runs}", f"--name={name}")
    assert (answer.code, answer.out) == (0, f"{runs / name}\n")
    assert (runs / name / "summary.json").exists()


def test_folder_that_says_running_while_nobody_holds_it_was_interrupted(tmp_path):
    folder = RunFolder(create_folder(tmp_path, "a", ""))
    write_json(folder.path / "summary.json", {"status": "running"})
    assert folder.summary()["status"] == "interrupted"
    with folder.held():
        assert folder.summary()["status"] == "running" and RunFolder(folder.path).is_held()
    assert folder.summary()["status"] == "interrupted"


def test_two_cannot_hold_one_folder(tmp_path):
    folder = RunFolder(create_folder(tmp_path, "a", ""))
    with folder.held(), pytest.raises(RunFolderError, match="is at work on it"), RunFolder(folder.path).held():
        pass
    with folder.held():
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '"running"', "{}", '{"status": "fine"}', '{"status": 3}', "\0"])
def test_damaged_summary_is_told_with_its_name(tmp_path, content):
    folder = RunFolder(create_folder(tmp_path, "a", ""))
    (folder.path / "summary.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"summary.json: damaged"):
        folder.summary()
    assert is_run(folder.path)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    write_json(path, {"status": "running"})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_json(path, {"status": "completed"})
    assert json.loads(path.read_text()) == {"status": "running"} and list(tmp_path.iterdir()) == [path]


def test_json_holds_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_runs_are_found_in_a_run_a_sweep_and_a_folder_of_runs(tmp_path, tiny, runs):
    sgdlab("train", tiny, "--runs-dir", runs, "--name", "one", "-q")
    sgdlab("sweep", tiny, "--batch-sizes", "8,16", "--runs-dir", runs, "--name", "grid", "-q")
    assert [folder.name for folder in runs_in(runs)] == ["one"]
    assert [folder.name for folder in runs_in(runs / "one")] == ["one"]
    assert len(runs_in(runs / "grid")) == 2
    with pytest.raises(RunFolderError, match="cannot be listed"):
        runs_in(tmp_path / "nowhere")
