"""Microseconds per step by batch size: engines, the plain PyTorch loop, peers, and the roofline."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sgdlab.analysis.knee import knee
from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.peers import PEERS, Absent
from sgdlab.bench.plain_loop import PLAIN, plain_training
from sgdlab.bench.production import engine_configs, production
from sgdlab.bench.roofline import parameter_bytes, pass_rate, passes, product_rate, roofline_seconds
from sgdlab.bench.timing import OnDone, Sample, StepTimer, TimedTraining, interleaved, spread, times_faster, unseen
from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.training.batch_sizes import at_batch_sizes
from sgdlab.training.sampling import batch_plan

if TYPE_CHECKING:
    import pandas as pd

LARGEST_DEFAULT = 4096
ROOFLINE = "roofline"
Floats = NDArray[np.float64]

IN_WORDS = (
    "µs/step is the median over the repeats, with quartiles. On the clock: batch order, gathering, every step, the "
    "learning rates; off it: data, model, warm-up, evaluation"
)
BASELINES_IN_WORDS = (
    "× plain and × roofline are medians of the rounds' own ratios (every round goes through all rows). At a full batch "
    "the plain loop shuffles and copies all rows, as both texts do; our engines know that a full batch has no order"
)


@dataclass(frozen=True)
class Contender:
    """One row of the table to be: an engine or peer at one batch size. engine: its name, or auto."""

    engine: str
    config: Config
    run: TimedTraining
    epoch: int  # steps in one
    taken: str = ""

    @property
    def batch_size(self) -> Any:
        """Examples per update, or full."""
        return self.config.batch_size.initial


def default_batch_sizes(rows: int, factor: int) -> list[Any]:
    """1 and powers of `factor` below the training rows, at most 4,096; then all rows where they are not many more."""
    powers = (factor**k for k in range(LARGEST_DEFAULT.bit_length()))
    sizes = [size for size in powers if size < rows and size <= LARGEST_DEFAULT]
    return [*sizes, "full"] if rows <= 4 * LARGEST_DEFAULT else sizes


def contenders_of(
    config: Config,
    data: PreparedData,
    batch_sizes: Sequence[Any],
    threads: int | None = 1,
    engines: Sequence[str] | None = None,
    baseline: bool = True,
    peers: bool = False,
) -> tuple[list[Contender], list[str]]:
    """Who is measured at each batch size, and in words who is absent and why.

    batch_sizes: numbers or "full"; a growth of the batch is left out. threads: the config's own where None.
    engines: names, auto among them; all that can run the config where None. baseline: the plain loop as well.
    Raises EngineError for an engine that is unknown or refuses, ConfigError for a size that cannot be trained.
    """
    contenders: list[Contender] = []
    absent: dict[str, None] = {}
    for sized in at_batch_sizes(config, len(data.train), batch_sizes):
        sized = sized if threads is None else sized.model_copy(update={"threads": threads})
        configs, refusals = engine_configs(sized, data, engines)
        reference = engine_configs(sized, data, ["eager"])[0]["eager"]
        epoch = batch_plan(reference, len(data.train)).steps_in(0)
        for name, each in configs.items():
            contenders.append(Contender(name, each, production(each, data), epoch, each.engine))
        if baseline:
            contenders.append(Contender(PLAIN, reference, plain_training(reference, data), epoch))
        for name, peer in PEERS.items() if peers else ():
            try:
                contenders.append(Contender(name, reference, peer(reference, data), epoch))
            except Absent as reason:
                absent[f"{name}: {reason}"] = None
        absent.update(dict.fromkeys(refusals))
    return contenders, list(absent)


def step_table(
    contenders: Sequence[Contender], data: PreparedData, repeats: int, on_done: OnDone = unseen
) -> "pd.DataFrame":
    """A row for each contender at each batch size.

    Where the plain loop is among them on the CPU, the roofline has rows, too. A sample trains whole epochs that
    take about 50 ms, always from the initial weights; of an epoch that takes longer than 0.5 s a part.
    times_plain: how many times faster than the plain loop, same batch size;  times_roofline: how many times the
    roofline's time; both empty where these are not measured.  taken: the engine that ran, which for auto is its
    choice; empty for who is no engine of sgdlab.
    """
    import pandas as pd

    with_roofline = any(each.engine == PLAIN and each.config.device == "cpu" for each in contenders)
    with torch_threads(1):
        timers = [StepTimer(each.run, each.epoch) for each in contenders]
        state_bytes = passes(contenders[0].config) // 2 * parameter_bytes(contenders[0].config, data)
        rates = [product_rate, lambda: pass_rate(state_bytes)] if with_roofline else []
        found = interleaved([*timers, *rates], repeats, on_done)
    plain_seconds = {c.batch_size: seconds for c, seconds in zip(contenders, found, strict=False) if c.engine == PLAIN}
    rows, rooflines = [], []
    for each, timer, seconds in zip(contenders, timers, found, strict=False):
        unknown = np.full(repeats, np.nan)
        roofline = roofline_seconds(each.config, data, *found[-2:]) if with_roofline else unknown
        others = plain_seconds.get(each.batch_size, unknown), roofline
        rows.append(_row(each, timer.sample, seconds, *others))
        if with_roofline and each.engine == PLAIN:
            plan = batch_plan(each.config, len(data.train))
            an_epoch = Sample(0.0, plan.steps_in(0), plan.rows)
            rooflines.append(_row(replace(each, engine=ROOFLINE), an_epoch, roofline, *others) | {"threads": 1})
    table = pd.DataFrame(rows + rooflines).assign(rows=len(data.train))
    return table.sort_values("batch_size", kind="stable", ignore_index=True)


def knees_in_words(table: "pd.DataFrame") -> list[str]:
    """A line on the knee of each contender but the roofline."""
    lines = []
    for name, rows in table[table["engine"] != ROOFLINE].groupby("engine", sort=False):
        found = knee(rows["batch_size"].tolist(), rows["examples_per_second"].tolist())
        best = f"{found.best_examples_per_second:,.0f} examples/s at {found.best_batch_size:,}"
        unbounded = found.rising and found.batch_size < int(rows["rows"].iloc[0])
        beyond = "; it is the largest size measured, a larger one may be faster still" if unbounded else ""
        lines.append(
            f"knee of {name}: batch size {found.batch_size:,}, the smallest within 10 % of its best, {best}{beyond}"
        )
    return lines


def _row(contender: Contender, sample: Sample, seconds: Floats, plain: Floats, roofline: Floats) -> dict[str, Any]:
    """seconds, plain, roofline: of one step, [repeats]."""
    time, size = spread(seconds * 1e6), contender.batch_size
    return {
        "engine": contender.engine,
        "batch_size": sample.examples // sample.steps if size == "full" else size,
        "threads": contender.config.threads,
        "repeats": len(seconds),
        "steps_per_sample": sample.steps,
        **time.columns("step_us"),
        "step_us_min": time.smallest,
        "step_us_max": time.largest,
        "examples_per_second": sample.examples / sample.steps / time.median * 1e6,
        "times_plain": times_faster(seconds, plain),
        "times_roofline": times_faster(roofline, seconds),
        "taken": contender.taken,
    }
