"""Microseconds per step by batch size: every engine, the plain PyTorch loop, peers, and the floor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.bench.conditions import conditions, torch_threads
from sgdlab.bench.peers import PEERS, Absent
from sgdlab.bench.plain_loop import plain
from sgdlab.bench.production import engine_configs, production
from sgdlab.bench.roofline import floor_seconds, parameter_bytes, pass_rate, passes, product_rate
from sgdlab.bench.timing import Sample, TellRounds, TimedTraining, interleaved, spread, steps_to_time, times_faster
from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.errors import ConfigError
from sgdlab.schema.batch_size import BatchSize
from sgdlab.training.sampling import batch_plan, batch_rows

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_SECONDS = 0.05  # a sample is as many whole epochs as take so long,
LONGEST_SECONDS = 0.5  # or, where an epoch takes longer than this, a part of one
PLAIN, FLOOR = "plain loop", "floor"

IN_WORDS = (
    "µs/step is the median over the repeats, with quartiles; ×plain and ×floor are medians of the rounds' own ratios "
    "(every round goes through all rows). On the clock: batch order, gathering, every step, the learning rates; off "
    "it: data, model, warm-up, evaluation. At a full batch the plain loop shuffles and copies all rows, as both texts "
    "do; our engines know that a full batch has no order"
)

COLUMNS = (
    "engine", "batch_size", "threads", "repeats", "steps_per_sample", "step_us", "step_us_low", "step_us_high",
    "step_us_min", "step_us_max", "examples_per_second", "times_plain", "times_floor",
)  # fmt: skip
"""Columns of the table, before the conditions. times_plain: how many times faster than the plain loop, same
batch size; times_floor: how many times the floor's time."""


@dataclass(frozen=True)
class Contender:
    """One row of the table to be: an engine or peer at one batch size."""

    engine: str
    config: Config
    run: TimedTraining
    epoch: int  # steps in one

    @property
    def batch_size(self) -> Any:
        """Examples per update, or full."""
        return self.config.batch_size.initial


@dataclass(frozen=True)
class Field:
    """All contenders of a benchmark, and in words who is absent and why."""

    contenders: Sequence[Contender]
    data: PreparedData
    absent: Sequence[str]


def field_of(
    config: Config,
    data: PreparedData,
    batch_sizes: Sequence[Any],
    threads: int = 1,
    engines: Sequence[str] | None = None,
    peers: bool = False,
) -> Field:
    """Who takes part: at each batch size the engines that can run the config, the plain loop, the peers.

    batch_sizes: numbers or "full"; a size growth of the config is left out. Raises EngineError for an engine
    named in `engines` that is unknown or refuses, ConfigError for a size above the training rows.
    """
    contenders: list[Contender] = []
    absent: dict[str, None] = {}
    for size in _distinct(batch_sizes, len(data.train)):
        sized = config.model_copy(update={"batch_size": BatchSize(initial=size), "threads": threads})
        configs, refusals = engine_configs(sized, data, engines)
        reference = engine_configs(sized, data, ["eager"])[0][0]
        epoch = batch_plan(reference, len(data.train)).steps_in(0)
        contenders += [Contender(each.engine, each, production(each, data), epoch) for each in configs]
        contenders.append(Contender(PLAIN, reference, plain(reference, data), epoch))
        for name, peer in PEERS.items() if peers else ():
            try:
                contenders.append(Contender(name, reference, peer(reference, data), epoch))
            except Absent as reason:
                absent[f"{name}: {reason}"] = None
        absent.update(dict.fromkeys(refusals))
    return Field(contenders, data, list(absent))


def step_table(
    field: Field, repeats: int, pinned: int | None = None, tell: TellRounds = lambda done, total: None
) -> "pd.DataFrame":
    """A row for each contender and for the floor at each batch size; columns: COLUMNS and the conditions.

    A sample trains whole epochs that take about 50 ms, always from the initial weights; of an epoch that
    takes longer than 0.5 s a part. One sample of each contender, not counted, is warm-up.
    """
    import pandas as pd

    contenders, data = field.contenders, field.data
    with torch_threads(1):
        steps = [steps_to_time(c.run, c.epoch, SAMPLE_SECONDS, LONGEST_SECONDS) for c in contenders]
        samples: list[list[Sample]] = [[] for _ in contenders]
        works = [_step_seconds(c.run, n, seen) for c, n, seen in zip(contenders, steps, samples, strict=True)]
        config = contenders[0].config
        state_bytes = passes(config) // 2 * parameter_bytes(config, data)
        *times, products, moves = interleaved([*works, product_rate, lambda: pass_rate(state_bytes)], repeats, tell)
    rows: list[dict[str, Any]] = []
    for size in dict.fromkeys(c.batch_size for c in contenders):
        ours = {c.engine: i for i, c in enumerate(contenders) if c.batch_size == size}
        shared = contenders[ours[PLAIN]].config
        floor = np.array(
            [floor_seconds(shared, data, product, move) for product, move in zip(products, moves, strict=True)]
        )
        if shared.device != "cpu":
            floor[:] = np.nan  # it was measured on the CPU
        for engine, i in ours.items():
            rows.append(_row(engine, contenders[i].config, samples[i][-1], times[i], times[ours[PLAIN]], floor))
        plan = batch_plan(shared, len(data.train))
        epoch = Sample(0.0, plan.steps_in(0), plan.rows)
        if shared.device == "cpu":
            rows.append(_row(FLOOR, shared, epoch, floor, times[ours[PLAIN]], floor) | {"threads": 1})
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("batch_size", kind="stable", ignore_index=True)
    return table.assign(rows=len(data.train), **conditions(pinned))


def _step_seconds(run: TimedTraining, steps: int, samples: list[Sample]) -> Callable[[], float]:
    def work() -> float:
        samples.append(run(steps))
        return samples[-1].seconds / samples[-1].steps

    return work


def _row(
    engine: str,
    config: Config,
    sample: Sample,
    seconds: NDArray[np.float64],
    baseline: NDArray[np.float64],
    floor: NDArray[np.float64],
) -> dict[str, Any]:
    """seconds, baseline, floor: of one step, [repeats]."""
    taken = spread(seconds * 1e6)
    size = config.batch_size.initial
    return {
        "engine": engine,
        "batch_size": sample.examples // sample.steps if size == "full" else size,
        "threads": config.threads,
        "repeats": len(seconds),
        "steps_per_sample": sample.steps,
        "step_us": taken.median,
        "step_us_low": taken.low,
        "step_us_high": taken.high,
        "step_us_min": taken.smallest,
        "step_us_max": taken.largest,
        "examples_per_second": sample.examples / sample.steps / taken.median * 1e6,
        "times_plain": times_faster(seconds, baseline),
        "times_floor": times_faster(floor, seconds),
    }


def _distinct(batch_sizes: Sequence[Any], rows: int) -> list[Any]:
    """Each size once; `full` and the number of rows are the same size."""
    for size in batch_sizes:
        if size != "full" and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
            raise ConfigError(f"--batch-sizes {size}: must be whole numbers of at least 1, or full")
    return list({batch_rows(size, rows): size for size in batch_sizes}.values())
