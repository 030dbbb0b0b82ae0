"""The declared grid: the engine that `auto` takes against eager at its best number of threads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.bench.conditions import conditions, torch_threads
from sgdlab.bench.production import production
from sgdlab.bench.synthetic import synthetic
from sgdlab.bench.timing import TellRounds, TimedTraining, interleaved, spread, steps_to_time, times_faster
from sgdlab.config import Config, Document, build_config
from sgdlab.data import Task
from sgdlab.errors import ConfigError
from sgdlab.runs.environment import available_cores
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_SECONDS, LONGEST_SECONDS = 0.05, 0.1


@dataclass(frozen=True)
class Shape:
    """A network on made-up rows, and the batch sizes at which it is measured.

    widths: inputs, hidden layers, outputs; one output is a regression. optimizer: as in a config.
    """

    widths: tuple[int, ...]
    rows: int
    batch_sizes: tuple[int | str, ...]
    optimizer: Any = "adam"
    activation: str = "relu"

    @property
    def name(self) -> str:
        """784-256-128-10 tanh."""
        widths = "-".join(map(str, self.widths))
        return widths if len(self.widths) == 2 else f"{widths} {self.activation}"

    @property
    def task(self) -> Task:
        """One output is a regression."""
        return "regression" if self.widths[-1] == 1 else "classification"


_MOMENTUM = {"name": "sgd", "momentum": 0.9}
_NESTEROV = {"name": "sgd", "momentum": 0.9, "nesterov": True}

GRID: tuple[Shape, ...] = (
    Shape((5, 1), 1500, (1, 10, 100, "full"), "sgd"),
    Shape((20, 8, 2), 1000, (1, 8, 64, "full")),
    Shape((30, 100, 1), 2000, (1, 32, 256, "full"), _NESTEROV, "sigmoid"),
    Shape((64, 64, 64, 64, 3), 2000, (1, 16, 128, "full"), "adamw", "gelu"),
    Shape((100, 50, 10), 4000, (1, 64, 512, "full")),
    Shape((784, 10), 4000, (1, 64, 512, "full"), "sgd"),
    Shape((784, 50, 10), 8000, (8, 64, 256, "full")),
    Shape((784, 256, 128, 10), 4000, (1, 32, 256, "full"), "adam", "tanh"),
    Shape((784, 1000, 10), 4000, (1, 16, 128, "full")),
    Shape((3000, 64, 1), 2000, (1, 16, 128, "full"), _MOMENTUM),
)
"""40 cells, ten shapes at four batch sizes each, by which `auto` is judged: from the chapter's linear regression to
784-1000-10, wide inputs, four activations, all update rules of the native engine, batch 1 to full batch.

`auto` should reach 0.95 times eager's best speed, or more, in every one of them.
"""

COLUMNS = (
    "shape", "optimizer", "rows", "batch_size", "engine", "threads", "step_us", "step_us_low", "step_us_high",
    "eager_threads", "eager_us", "eager_us_low", "eager_us_high", "ratio", "repeats",
)  # fmt: skip
"""engine, threads, step_us: what auto took; eager_*: eager at its best number of threads; ratio: how many times
faster auto's choice is, the median over the rounds."""

IN_WORDS = (
    "ratio: eager's time at its best number of threads / the time of what auto took, median of the rounds. Where auto "
    "took eager itself, both come from the same samples. On the clock: batch order, gathering, steps; off it: set-up, "
    "warm-up"
)


@dataclass(frozen=True)
class _Cell:
    shape: Shape
    chosen: Config
    runs: dict[tuple[str, int], TimedTraining]  # by engine and threads; what auto took is among them
    epoch: int


def grid_table(
    repeats: int,
    shapes: Sequence[Shape] = GRID,
    cores: int | None = None,
    pinned: int | None = None,
    tell: TellRounds = lambda done, total: None,
) -> "pd.DataFrame":
    """A row for each cell; columns: COLUMNS and the conditions. cores: eager is tried on 1, 2, 4, ... of them."""
    import pandas as pd

    cells = [_cell(shape, size, cores or available_cores()) for shape in shapes for size in shape.batch_sizes]
    total = repeats * sum(len(cell.runs) for cell in cells)
    done, rows = 0, []
    with torch_threads(1):
        for cell in cells:
            before = done

            def told(done_here: int, total_here: int, before: int = before) -> None:
                tell(before + done_here, total)

            rows.append(_measured(cell, repeats, told))
            done += repeats * len(cell.runs)
    return pd.DataFrame(rows, columns=list(COLUMNS)).assign(**conditions(pinned))


def threads_to_try(cores: int) -> list[int]:
    """1, 2, 4, ... and all cores."""
    return sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})


def _cell(shape: Shape, size: int | str, cores: int) -> _Cell:
    data = _data(shape.rows, shape.widths[0], shape.widths[-1], shape.task)
    config = _config(shape, size)
    if size != "full" and int(size) > shape.rows:
        raise ConfigError(f"{shape.name}: batch size {size} is above its {shape.rows} rows")
    chosen = resolve(config, data).config
    runs = {}
    for threads in threads_to_try(cores):
        eager = resolve(config.model_copy(update={"engine": "eager", "threads": threads}), data).config
        runs["eager", threads] = production(eager, data)
    runs.setdefault((chosen.engine, int(chosen.threads)), production(chosen, data))
    return _Cell(shape, chosen, runs, batch_plan(chosen, shape.rows).steps_in(0))


def _measured(cell: _Cell, repeats: int, tell: TellRounds) -> dict[str, Any]:
    works = [_step_seconds(run, cell.epoch) for run in cell.runs.values()]
    times = dict(zip(cell.runs, interleaved(works, repeats, tell), strict=True))
    best = min((key for key in times if key[0] == "eager"), key=lambda key: float(np.median(times[key])))
    auto = (cell.chosen.engine, int(cell.chosen.threads))
    taken, eager = spread(times[auto] * 1e6), spread(times[best] * 1e6)
    return {
        "shape": cell.shape.name,
        "optimizer": _rule(cell.shape.optimizer),
        "rows": cell.shape.rows,
        "batch_size": batch_plan(cell.chosen, cell.shape.rows).size_in(0),
        "engine": auto[0],
        "threads": auto[1],
        "step_us": taken.median,
        "step_us_low": taken.low,
        "step_us_high": taken.high,
        "eager_threads": best[1],
        "eager_us": eager.median,
        "eager_us_low": eager.low,
        "eager_us_high": eager.high,
        "ratio": times_faster(times[auto], times[best]),
        "repeats": repeats,
    }


def _step_seconds(run: TimedTraining, epoch: int) -> Callable[[], float]:
    steps = steps_to_time(run, epoch, SAMPLE_SECONDS, LONGEST_SECONDS)

    def work() -> float:
        sample = run(steps)
        return sample.seconds / sample.steps

    return work


_data = cache(synthetic)


def _config(shape: Shape, size: int | str) -> Config:
    """The cell's config, engine and threads left to auto; a rate so small that nothing diverges."""
    hidden = list(shape.widths[1:-1])
    model: Any = {"name": "mlp", "hidden": hidden, "activation": shape.activation} if hidden else "linear"
    values = {"model": model, "optimizer": shape.optimizer, "learning_rate": 1e-4, "batch_size": size}
    return build_config(Document(values | {"epochs": 1, "device": "cpu"}))


def _rule(optimizer: Any) -> str:
    if isinstance(optimizer, str):
        return optimizer
    return "sgd nesterov" if optimizer.get("nesterov") else "sgd momentum"
