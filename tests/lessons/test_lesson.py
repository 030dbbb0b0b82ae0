"""Lessons as a whole: each has what a lesson needs, and runs end to end."""

from pathlib import Path

import pandas as pd
import pytest

from sgdlab.lessons import LESSONS
from sgdlab.lessons.claim import VERDICTS
from sgdlab.lessons.lesson import load_lesson
from sgdlab.lessons.run import MOST_SEEDS, FinishedLesson
from tests.lessons.made_up import NO, OPEN, YES
from tests.support import ROOT, sgdlab


def test_every_folder_of_a_lesson_is_registered() -> None:
    found = {path.parent.name for path in (ROOT / "sgdlab" / "lessons").glob("*/lesson.py")}
    assert found == set(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_says_what_each_verdict_of_a_claim_would_mean(name: str) -> None:
    lesson = load_lesson(name)
    assert lesson.title and 0 < len(lesson.quick_seeds) < len(lesson.seeds) <= MOST_SEEDS
    assert len({claim.key for claim in lesson.claims}) == len(lesson.claims)
    for claim in lesson.claims:
        assert tuple(claim.means) == VERDICTS and len(set(claim.means.values())) == 3, claim.key
        assert claim.words and claim.rule and claim.where


@pytest.mark.parametrize("name", LESSONS)
def test_quick_lesson_end_to_end(name: str, runs: Path) -> None:
    answer = sgdlab("lesson", name, "--quick", "--seeds", "0", "--runs-dir", runs, "--name", "here")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.rstrip().endswith(str(runs / "here"))
    claims = load_lesson(name).claims
    table = pd.read_csv(runs / "here" / "claims.csv")
    assert list(table["claim"]) == [claim.key for claim in claims]
    assert set(table["verdict"]) <= set(VERDICTS)
    assert table[["where", "words", "numbers", "meaning", "rule"]].notna().all().all()
    text = (runs / "here" / "claims.md").read_text()
    for claim in claims:
        assert claim.words in text and claim.rule in text and claim.words.split()[0] in answer.out
    figures = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert figures and all((runs / "here" / name).stat().st_size > 10_000 for name in figures)
    check_what_is_known(name, table.set_index("claim"), runs / "here", answer.out)


def check_what_is_known(name: str, table: pd.DataFrame, folder: Path, out: str) -> None:
    """What a quick lesson of one seed must find on any machine."""
    verdicts, numbers = table["verdict"], table["numbers"]
    if name == "d2l":
        assert verdicts["gd-rate"] == verdicts["gflops"] == verdicts["lap-is-an-epoch"] == NO
        assert verdicts["doubled-gd"] == YES
        assert "λmax 2.098" in numbers["gd-rate"]
        if "airfoil-twin" in (folder / "gd" / "sweep.yaml").read_text():
            assert "airfoil-twin stands in" in out and "synthetic" in out
    if name == "parr":
        assert verdicts["larger-worse-tuned"] == verdicts["published-minibatch"] == OPEN  # one seed tells nothing
        share = float(numbers["leak-rows"].split("training ")[1].split(",")[0])
        expected = 1 - (1 - 1 / 10_000) ** 8_000  # a row drawn with replacement stands in training
        assert share == pytest.approx(expected, abs=0.04)  # 2,000 rows: std 0.011
        assert "1.4612" in numbers["double-softmax"]


def test_a_lesson_with_a_failed_run_ends_with_1(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = FinishedLesson(runs, [], ["1 runs failed"], [], failed=1)
    monkeypatch.setattr("sgdlab.lessons.run.run_lesson", lambda *_, **__: failed)
    assert sgdlab("lesson", "d2l", "--quick").code == 1
    assert sgdlab("lesson", "d2l", "--quick", "--quiet").out.strip() == str(runs)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("d2l", "--seeds", "four"),
        ("d2l", "--seeds", "0-500"),
        ("parr", "--name", "a/b"),
        ("parr", "--jobs", "0"),
        (),
    ],
)
def test_bad_input_ends_with_2_and_leaves_nothing(words: tuple[str, ...], runs: Path) -> None:
    answer = sgdlab("lesson", *words, "--runs-dir", runs)
    assert answer.code == 2 and answer.err and "Traceback" not in answer.err
    assert not runs.exists()
