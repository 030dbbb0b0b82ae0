"""What the tests share: tiny data sets, runs in process, the command line in process, histories without clocks."""

import contextlib
import csv
import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from sgdlab.config import Config, Document, build_config
from sgdlab.data.prepared import PreparedData, Preprocess, Split
from sgdlab.runs.history import COLUMNS, TIMING_COLUMNS, Record
from sgdlab.sweeps.watch import Watcher
from sgdlab.training.loop import Training

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


def make_config(**values: Any) -> Config:
    """A config of keys and values as YAML gives them; one epoch unless a budget is named."""
    if not values.keys() & {"epochs", "budget"}:
        values["epochs"] = 1
    return build_config(Document(values))


def make_data(
    train: tuple[Any, Any], validation: tuple[Any, Any] | None = None, test: tuple[Any, Any] | None = None
) -> PreparedData:
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
    return PreparedData(training, split(validation), split(test), (features,), preprocess, "a checksum")


def classification(
    rows: int = 50, held_out: int = 20, features: int = 5, classes: int = 3, seed: int = 0
) -> PreparedData:
    """Gaussian clouds, one for each class; the first rows hold every class."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(classes, features)) * 2
    y = np.arange(rows + held_out) % classes
    x = centres[y] + random.normal(size=(rows + held_out, features))
    return make_data((x[:rows], y[:rows]), (x[rows:], y[rows:]) if held_out else None)


def regression(rows: int = 50, held_out: int = 20, features: int = 4, seed: int = 0) -> PreparedData:
    """A linear target with noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows + held_out, features))
    y = x @ random.normal(size=(features, 1)) + 0.3 * random.normal(size=(rows + held_out, 1))
    return make_data((x[:rows], y[:rows]), (x[rows:], y[rows:]) if held_out else None)


def start_training(data: PreparedData, **values: Any) -> Training:
    """A run made ready, of a config of keys and values; the eager engine unless another is named."""
    from sgdlab.training.engines.base import build_workload
    from sgdlab.training.engines.select import build_engine
    from sgdlab.training.resolve import resolve

    config = resolve(make_config(**{"engine": "eager", "device": "cpu"} | values), data).config
    workload = build_workload(config, data)
    return Training(workload, build_engine(workload))


def records_of(training: Training) -> list[Record]:
    """Carry a run out to its end."""
    from sgdlab.training.loop import train

    return [record for record in train(training) if record is not None]


def run_steps(training: Training, first: int, last: int) -> NDArray[np.float64]:
    """Steps first..last-1 on the run's engine; the losses of their batches."""
    from sgdlab.training.sampling import Segment

    indices, offsets = training.stream.take(first, last)
    return training.engine.run(Segment(indices, offsets, training.schedule.rates(first, last), first))


def trained(data: PreparedData, **values: Any) -> list[Record]:
    """The records of a whole run."""
    return records_of(start_training(data, **values))


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


@contextlib.contextmanager
def clock_that_ticks(seconds: float) -> Iterator[None]:
    """sgdlab's loop sees this many seconds pass from one look at the clock to the next."""
    now = iter(range(10**9))
    with mock.patch("sgdlab.training.loop.time.perf_counter", lambda: next(now) * seconds):
        yield


class Watching(Watcher):
    """Calls functions of a test's own."""

    def __init__(
        self, observe: Callable[[Any, Any], None] = lambda entry, report: None, tick: Callable[[], None] = lambda: None
    ) -> None:
        self._observe, self._tick = observe, tick

    def observe(self, entry: Any, report: Any) -> None:
        self._observe(entry, report)

    def tick(self) -> None:
        self._tick()
