"""Every file of a run or sweep cut short or filled with rubbish: a clear word or a repair, nothing lost unsaid."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sgdlab import plots
from sgdlab.results import figures
from sgdlab.runs.folder import RunFolder
from sgdlab.training import checkpoint
from tests.faults.faulty import FULL, cases, leftovers
from tests.support import Answer, sgdlab, without_clock, write_config

RUN = {
    "dataset": {"name": "airfoil-twin", "limit": 60},
    "model": "linear",
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.02,
    "batch_size": 16,
    "epochs": 4,
    "engine": "native",
}
FILES = ("config.yaml", "history.csv", "summary.json", "environment.json", "preprocess.json", "best.pt", "last.pt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a completed run and a completed sweep of two."""
    folder = tmp_path_factory.mktemp("whole")
    config = write_config(folder / "run.yaml", RUN)
    assert sgdlab("train", config, "--runs-dir", folder, "--name", "run", "--quiet").code == 0
    assert sgdlab("sweep", config, "--seeds", "0-1", "--runs-dir", folder, "--name", "grid", "--quiet").code == 0
    return folder


@pytest.fixture
def quick_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are read for and not drawn: what is damaged is found before drawing."""

    def draw(folder: RunFolder, kind: str = "curves", **options: Any) -> str:
        return f"{len(folder.history())} rows, {folder.summary()['status']}, {figures.loss_label(folder)}"

    monkeypatch.setattr(figures, "run_figure", draw)
    monkeypatch.setattr(figures, "groups_figure", lambda groups, kind, **options: "groups")
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: path)


def damages(content: bytes, number: int, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """So many ways in which a file is no longer what it was."""
    size = len(content)
    yield "emptied", b""
    yield "one byte short", content[:-1]
    yield "NUL bytes", bytes(size)
    for _ in range(number):
        way = chance.randrange(5)
        if way == 0:
            length = chance.randrange(size)
            yield f"cut at {length}", content[:length]
        elif way == 1:
            length = chance.randrange(2000)
            yield f"{length} random bytes", chance.randbytes(length)
        elif way == 2:
            place = chance.randrange(size)
            yield f"random from {place}", content[:place] + chance.randbytes(size - place)
        elif way == 3:
            place = chance.randrange(size)
            yield f"one byte at {place}", content[:place] + chance.randbytes(1) + content[place + 1 :]
        else:
            lines = content.splitlines(keepends=True)
            del lines[chance.randrange(len(lines))]
            yield "a line missing", b"".join(lines)


def checked(answer: Answer, *codes: int) -> Answer:
    """An answer with one of these exit codes, and on a failure with one clear message."""
    assert answer.code in codes, (answer.code, answer.out, answer.err)
    assert "Traceback" not in answer.out + answer.err
    assert (answer.code == 2) <= answer.err.startswith("error: ")
    return answer


@pytest.mark.usefixtures("quick_figures")
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_a_run_gets_a_clear_word_or_a_repair(name: str, whole: Path, tmp_path: Path) -> None:
    chance = random.Random(name)
    content, history = (whole / "run" / name).read_bytes(), without_clock(whole / "run" / "history.csv")
    for case, (what, damaged) in enumerate(damages(content, cases(2, 75), chance)):
        folder = tmp_path / f"case-{case}"
        folder.mkdir()
        for sound in ("run", "other"):
            shutil.copytree(whole / "run", folder / sound)
        (folder / "run" / name).write_bytes(damaged)
        before = (folder / "run" / "history.csv").read_bytes()
        shown = checked(sgdlab("ls", folder), 0).out
        assert "other   run    completed" in shown, shown
        compared = checked(sgdlab("compare", folder), 0).out
        assert "other" in compared
        plotted = checked(sgdlab("plot", folder / "run"), 0, 2).code
        assert (plotted == 2) <= ("damaged" in shown), (what, shown)
        checked(sgdlab("plot", folder / "run", folder / "other"), 0)
        checked(sgdlab("predict", folder / "run", folder / "none.csv"), 2)
        resumed = checked(sgdlab("resume", folder / "run"), 0, 2)
        if resumed.code == 0:
            assert without_clock(folder / "run" / "history.csv") == history, what
            checked(sgdlab("ls", folder), 0)
            json.loads((folder / "run" / "summary.json").read_text())
            checkpoint.load(folder / "run" / "best.pt")
        else:
            assert (folder / "run" / "history.csv").read_bytes() == before, what
        assert leftovers(folder) == []
        shutil.rmtree(folder)


@pytest.mark.usefixtures("quick_figures")
@pytest.mark.parametrize("name", ["sweep.yaml", "results.csv", "runs/001-seed0/summary.json", "runs/001-seed0/last.pt"])
def test_a_damaged_file_of_a_sweep_leaves_the_other_runs_alone(name: str, whole: Path, tmp_path: Path) -> None:
    chance = random.Random(name)
    content = (whole / "grid" / name).read_bytes()
    for case, (what, damaged) in enumerate(damages(content, cases(1, 30), chance)):
        folder = tmp_path / f"case-{case}"
        shutil.copytree(whole / "grid", folder / "grid")
        shutil.copytree(whole / "run", folder / "other")
        (folder / "grid" / name).write_bytes(damaged)
        sound = (folder / "grid" / "runs" / "002-seed1" / "history.csv").read_bytes()
        assert "other   run" in checked(sgdlab("ls", folder), 0).out
        checked(sgdlab("compare", folder / "grid", folder / "other"), 0)
        checked(sgdlab("plot", folder / "grid"), 0, 2)
        checked(sgdlab("plot", folder / "grid", folder / "other"), 0)
        checked(sgdlab("resume", folder / "grid"), 0, 1, 2)
        assert (folder / "grid" / "runs" / "002-seed1" / "history.csv").read_bytes() == sound, what
        shutil.rmtree(folder)


def test_a_figure_of_several_runs_names_the_damaged_one_and_draws_the_rest(whole: Path, tmp_path: Path) -> None:
    for name in ("sound", "cut"):
        shutil.copytree(whole / "run", tmp_path / name)
    history = tmp_path / "cut" / "history.csv"
    history.write_bytes(b"".join(history.read_bytes().splitlines(keepends=True)[:-1]))
    answer = checked(sgdlab("plot", tmp_path / "sound", tmp_path / "cut", "--out", tmp_path / "both.png"), 0)
    assert "left out" in answer.err and "its rows end at step 9 of 12" in answer.err
    assert (tmp_path / "both.png").stat().st_size > 1000
    assert "damaged" in sgdlab("ls", tmp_path).out


def test_all_files_of_a_run_folder_are_tried(whole: Path) -> None:
    there = {path.name for path in (whole / "run").iterdir() if path.suffix != ".png" and path.name != ".lock"}
    assert there == set(FILES)
    assert not FULL or cases(2, 75) * len(FILES) >= 500
