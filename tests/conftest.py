"""What the tests share: tiny problems, runs in process, the command line in process, histories without clocks."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run beside each other; before torch is imported
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from sgdlab.config import Config, Document, build_config
from sgdlab.data.problem import Preprocess, Problem, Split
from sgdlab.history import COLUMNS, TIMING_COLUMNS, Record
from sgdlab.loop import Training

settings.register_profile(
    "sgdlab",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("sgdlab")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test writes lands in the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def local_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with airfoil's file beside the checkout, or a skip that says so."""
    if not (SHARED_DATA / "airfoil_self_noise.dat").exists():
        pytest.skip(f"{SHARED_DATA} is not here: airfoil cannot be loaded without the network")
    monkeypatch.setenv("SGDLAB_DATA", str(SHARED_DATA))
    return SHARED_DATA


def make_config(**values: Any) -> Config:
    """A config of keys and values as YAML gives them; one epoch unless a budget is named."""
    if not values.keys() & {"epochs", "budget"}:
        values["epochs"] = 1
    return build_config(Document(values))


def make_problem(
    train: tuple[Any, Any], validation: tuple[Any, Any] | None = None, test: tuple[Any, Any] | None = None
) -> Problem:
    """A problem of plain arrays: integer targets [rows] are classes, float targets [rows, outputs] a regression."""

    def split(rows: tuple[Any, Any] | None) -> Split | None:
        if rows is None:
            return None
        x, y = np.ascontiguousarray(rows[0], np.float32), np.asarray(rows[1])
        return Split(x, y.astype(np.int64) if y.dtype.kind == "i" else np.ascontiguousarray(y, np.float32))

    training = split(train)
    assert training is not None
    features, classification = training.x.shape[1], training.y.ndim == 1
    outputs = 1 if classification else training.y.shape[1]
    preprocess = Preprocess(
        source="made for a test",
        task="classification" if classification else "regression",
        columns=(),
        target_names=tuple(f"target {i}" for i in range(outputs)) if not classification else ("class",),
        classes=tuple(str(i) for i in range(int(training.y.max()) + 1)) if classification else None,
        shift=np.zeros(features),
        scale=np.ones(features),
        target_shift=np.zeros(outputs),
        target_scale=np.ones(outputs),
    )
    return Problem(training, split(validation), split(test), (features,), preprocess, "a checksum")


def classification(rows: int = 50, held_out: int = 20, features: int = 5, classes: int = 3, seed: int = 0) -> Problem:
    """Gaussian clouds, one for each class; the first rows hold every class."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, features)) * 2
    y = np.arange(rows + held_out) % classes
    x = centres[y] + random.normal(size=(rows + held_out, features))
    return make_problem((x[:rows], y[:rows]), (x[rows:], y[rows:]) if held_out else None)


def regression(rows: int = 50, held_out: int = 20, features: int = 4, seed: int = 0) -> Problem:
    """A linear target with noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows + held_out, features))
    y = x @ random.normal(size=(features, 1)) + 0.3 * random.normal(size=(rows + held_out, 1))
    return make_problem((x[:rows], y[:rows]), (x[rows:], y[rows:]) if held_out else None)


def start_training(problem: Problem, **values: Any) -> Training:
    """A run made ready, of a config of keys and values; the eager engine unless another is named."""
    from sgdlab.engine.base import prepare
    from sgdlab.engine.select import build_engine
    from sgdlab.resolve import resolve

    config = resolve(make_config(**{"engine": "eager", "device": "cpu"} | values), problem).config
    task = prepare(config, problem)
    return Training(task, build_engine(task))


def records_of(training: Training) -> list[Record]:
    """Carry a run out to its end."""
    from sgdlab.loop import train

    return [record for record in train(training) if record is not None]


def trained(problem: Problem, **values: Any) -> list[Record]:
    """The records of a whole run."""
    return records_of(start_training(problem, **values))


def without_clock(history: Path) -> list[list[str]]:
    """The cells of history.csv as they stand, but for the timing columns."""
    with history.open(newline="") as file:
        rows = list(csv.reader(file))
    kept = [i for i, name in enumerate(COLUMNS) if name not in TIMING_COLUMNS]
    return [[row[i] for i in kept] for row in rows]


@dataclass(frozen=True)
class Answer:
    """What a command left: exit code and both outputs."""

    code: int
    out: str
    err: str


def sgdlab(*words: Any) -> Answer:
    """The command line, in this process."""
    from sgdlab.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["sgdlab", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Answer(code, out.getvalue(), err.getvalue())


def sgdlab_process(*words: Any, **options: Any) -> "subprocess.Popen[str]":
    """The command line, in a process of its own with its own process group, outputs in pipes."""
    command = [sys.executable, "-m", "sgdlab", *map(str, words)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True} | options
    return subprocess.Popen(command, **options)


def write_config(path: Path, values: Mapping[str, Any] | str) -> Path:
    """A config file of text or of keys and values."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(dict(values), sort_keys=False))
    return path


TINY = {
    "dataset": {"name": "airfoil-twin", "limit": 60},
    "model": "linear",
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "batch_size": 10,
    "epochs": 2,
    "engine": "eager",
}
"""A run of a few milliseconds: 48 training rows, 12 for validation."""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """TINY as a file."""
    return write_config(tmp_path / "tiny.yaml", TINY)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """An absent folder for runs; what a refused command leaves there is an error."""
    return tmp_path / "runs"


@contextlib.contextmanager
def clock_that_ticks(seconds: float) -> Iterator[None]:
    """sgdlab's loop sees this many seconds pass from one look at the clock to the next."""
    now = iter(range(10**9))
    with mock.patch("sgdlab.loop.time.perf_counter", lambda: next(now) * seconds):
        yield
