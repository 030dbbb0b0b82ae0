"""The recipes of .github/CONTRIBUTING.md, followed to the letter on a copy of the package."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.support import ROOT

GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text()
FILE = re.compile(r"New file `([^`]+)`[^\n]*:\n\n```python\n(.*?)```", re.DOTALL)
LINE = re.compile(r"In `([^`]+)`, `([^`]+)` becomes `([^`]+)`")
COMMAND = re.compile(r"```sh\n(sgdlab .*?)\n```", re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """What a section of the guide says: files to add, lines to change, the command that shows it."""

    files: dict[str, str]
    lines: list[tuple[str, str, str]]
    command: str


def recipe(title: str) -> Recipe:
    section = GUIDE.split(f"### {title}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    commands = COMMAND.findall(section)
    assert len(commands) == 1
    return Recipe(dict(FILE.findall(section)), LINE.findall(section), commands[0])


class Copy:
    """A copy of the package in which a recipe was followed."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "sgdlab", folder / "sgdlab", ignore=ignored)
        shutil.copytree(ROOT / "configs", folder / "configs")
        for path, text in recipe.files.items():
            assert not (folder / path).exists()
            (folder / path).write_text(text)
        for path, before, after in recipe.lines:
            text = (folder / path).read_text()
            assert text.count(before) == 1
            (folder / path).write_text(text.replace(before, after))

    def run(self, command: str) -> str:
        """The command's output, run with the copy; it must succeed."""
        code = f"import sys; sys.path.insert(0, {str(self.folder)!r}); from sgdlab.cli import main; main()"
        words = [sys.executable, "-c", code, *command.split()[1:]]
        done = subprocess.run(words, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def touched(self) -> set[str]:
        """Files of the package that are new or differ."""
        ours = {path.relative_to(ROOT): path for path in (ROOT / "sgdlab").rglob("*.py")}
        theirs = {path.relative_to(self.folder): path for path in (self.folder / "sgdlab").rglob("*.py")}
        return {str(p) for p, path in theirs.items() if p not in ours or path.read_bytes() != ours[p].read_bytes()}


def followed(title: str, folder: Path) -> tuple[Copy, Recipe]:
    """A copy in which one new file, as our own style wants it, and at most one line elsewhere made a new member."""
    steps = recipe(title)
    copy = Copy(folder, steps)
    assert len(steps.files) == 1 and len(steps.lines) <= 1
    assert copy.touched() == {*steps.files, *(path for path, _, _ in steps.lines)}
    settings = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    style = [sys.executable, "-m", "ruff", "check", *settings, *steps.files]
    assert subprocess.run(style, cwd=folder).returncode == 0
    return copy, steps


def test_an_optimizer_trains_as_torchs_own_class(tmp_path):
    copy, steps = followed("An optimiser", tmp_path)
    copy.run(steps.command)
    copy.run("sgdlab train default --epochs 1 --set optimizer=Adadelta --set dataset.limit=300 --name torchs")
    mine, torchs = (pd.read_csv(tmp_path / "runs" / name / "history.csv") for name in ("mine", "torchs"))
    pd.testing.assert_series_equal(mine["train_loss"], torchs["train_loss"])


def test_a_data_source_is_listed_and_trained_on(tmp_path):
    copy, steps = followed("A data source", tmp_path)
    copy.run(f"{steps.command} --name mine")
    history = pd.read_csv(tmp_path / "runs" / "mine" / "history.csv")
    assert history["val_loss"].iloc[-1] < history["val_loss"].iloc[0]
    assert "sine" in copy.run("sgdlab data list")


def test_a_kind_of_figure_is_drawn_and_named_in_the_help(tmp_path):
    copy, steps = followed("A kind of figure", tmp_path)
    copy.run(recipe("An optimiser").command.replace("adadelta", "sgd"))
    copy.run(steps.command)
    assert (tmp_path / "runs" / "mine" / "rate.png").read_bytes().startswith(b"\x89PNG")
    assert "rate: the learning rate" in " ".join(copy.run("sgdlab plot --help").replace("│", " ").split())


def test_a_schedule_falls_as_it_says(tmp_path):
    copy, steps = followed("A schedule", tmp_path)
    copy.run(steps.command)
    history = pd.read_csv(tmp_path / "runs" / "mine" / "history.csv")
    assert history["learning_rate"].tolist() == pytest.approx([0.001, 0.001, 0.0005])


@pytest.mark.parametrize(("title", "key", "name"), [("A model", "model", "deep"), ("An engine", "engine", "plain")])
def test_a_model_and_an_engine_are_trained_with(title, key, name, tmp_path):
    copy, steps = followed(title, tmp_path)
    copy.run(steps.command)
    config = yaml.safe_load((tmp_path / "runs" / "mine" / "config.yaml").read_text())
    assert name in (config[key], config[key]["name"] if isinstance(config[key], dict) else "")


def test_a_command_answers_and_stands_in_the_help(tmp_path):
    copy, steps = followed("A command", tmp_path)
    copy.run(recipe("An optimiser").command.replace("adadelta", "sgd"))
    assert copy.run(steps.command) == "4\n"
    assert "how many updates" in copy.run("sgdlab --help")


@pytest.mark.parametrize("name", ["sgdlab", "configs"])
def test_the_copy_is_complete(name, tmp_path):
    copy = Copy(tmp_path, Recipe({}, [], ""))
    assert not copy.touched() and (tmp_path / name).is_dir()
