"""The engine that `auto` takes against eager at its best number of threads, on declared networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.production import production
from sgdlab.bench.synthetic import synthetic
from sgdlab.bench.timing import OnDone, StepTimer, TimedTraining, interleaved, spread, times_faster, unseen
from sgdlab.config import Config, Document, build_config
from sgdlab.data.prepared import Task
from sgdlab.runs.environment import available_cores
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan

if TYPE_CHECKING:
    import pandas as pd

LONGEST_SECONDS = 0.1
"""Of an epoch that takes longer, a sample is a part."""


@dataclass(frozen=True)
class Network:
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

NETWORKS: tuple[Network, ...] = (
    Network((5, 1), 1500, (1, 10, 100, "full"), "sgd"),
    Network((20, 8, 2), 1000, (1, 8, 64, "full")),
    Network((30, 100, 1), 2000, (1, 32, 256, "full"), _NESTEROV, "sigmoid"),
    Network((64, 64, 64, 64, 3), 2000, (1, 16, 128, "full"), "adamw", "gelu"),
    Network((100, 50, 10), 4000, (1, 64, 512, "full")),
    Network((784, 10), 4000, (1, 64, 512, "full"), "sgd"),
    Network((784, 50, 10), 8000, (8, 64, 256, "full")),
    Network((784, 256, 128, 10), 4000, (1, 32, 256, "full"), "adam", "tanh"),
    Network((784, 1000, 10), 4000, (1, 16, 128, "full")),
    Network((3000, 64, 1), 2000, (1, 16, 128, "full"), _MOMENTUM),
)
"""Ten networks at four batch sizes each, 40 cases by which `auto` is judged: from the chapter's linear regression to
784-1000-10, wide inputs, four activations, all update rules of the native engine, batch 1 to full batch.

`auto` should reach 0.95 times eager's best speed, or more, in every one of them.
"""

IN_WORDS = (
    "ratio: eager's time at its best number of threads / the time of what auto took, median of the rounds. Where auto "
    "took eager itself, both come from the same samples. On the clock: batch order, gathering, steps; off it: set-up, "
    "warm-up"
)


@dataclass(frozen=True)
class _Case:
    """A network at one batch size. chosen: what auto took, which is among the runs by engine and threads."""

    network: Network
    chosen: Config
    runs: dict[tuple[str, int], TimedTraining]
    epoch: int  # steps in one


def engines_table(
    repeats: int, networks: Sequence[Network] = NETWORKS, cores: int | None = None, on_done: OnDone = unseen
) -> "pd.DataFrame":
    """A row for each network and batch size. cores: eager is tried on 1, 2, 4, ... of them.

    engine, threads, step_us: what auto took;  eager_*: eager at its best number of threads;  ratio: how many times
    faster auto's choice is, the median over the rounds.
    """
    import pandas as pd

    cases = [_case(network, size, cores or available_cores()) for network in networks for size in network.batch_sizes]
    before, total = 0, repeats * sum(len(case.runs) for case in cases)
    rows = []
    with torch_threads(1):
        for case in cases:

            def on_done_here(done: int, _: int, before: int = before) -> None:
                on_done(before + done, total)

            rows.append(_measured(case, repeats, on_done_here))
            before += repeats * len(case.runs)
    return pd.DataFrame(rows)


def threads_to_try(cores: int) -> list[int]:
    """1, 2, 4, ... and all cores."""
    return sorted({2**power for power in range(cores.bit_length()) if 2**power <= cores} | {cores})


def _case(network: Network, size: int | str, cores: int) -> _Case:
    data = _data(network.rows, network.widths[0], network.widths[-1], network.task)
    config = _config(network, size)
    chosen = resolve(config, data).config
    runs = {}
    for threads in threads_to_try(cores):
        eager = resolve(config.model_copy(update={"engine": "eager", "threads": threads}), data).config
        runs["eager", threads] = production(eager, data)
    runs.setdefault((chosen.engine, int(chosen.threads)), production(chosen, data))
    return _Case(network, chosen, runs, batch_plan(chosen, network.rows).steps_in(0))


def _measured(case: _Case, repeats: int, on_done: OnDone = unseen) -> dict[str, Any]:
    timers = [StepTimer(run, case.epoch, LONGEST_SECONDS) for run in case.runs.values()]
    times = dict(zip(case.runs, interleaved(timers, repeats, on_done), strict=True))
    best = min((key for key in times if key[0] == "eager"), key=lambda key: float(np.median(times[key])))
    auto = (case.chosen.engine, int(case.chosen.threads))
    return {
        "shape": case.network.name,
        "optimizer": _rule(case.network.optimizer),
        "rows": case.network.rows,
        "batch_size": batch_plan(case.chosen, case.network.rows).size_in(0),
        "engine": auto[0],
        "threads": auto[1],
        **spread(times[auto] * 1e6).columns("step_us"),
        "eager_threads": best[1],
        **spread(times[best] * 1e6).columns("eager_us"),
        "ratio": times_faster(times[auto], times[best]),
        "repeats": repeats,
    }


_data = cache(synthetic)


def _config(network: Network, size: int | str) -> Config:
    """The case's config, engine and threads left to auto; a rate so small that nothing diverges."""
    hidden = list(network.widths[1:-1])
    model: Any = {"name": "mlp", "hidden": hidden, "activation": network.activation} if hidden else "linear"
    values = {"model": model, "optimizer": network.optimizer, "learning_rate": 1e-4, "batch_size": size}
    return build_config(Document(values | {"epochs": 1, "device": "cpu"}))


def _rule(optimizer: Any) -> str:
    if isinstance(optimizer, str):
        return optimizer
    return "sgd nesterov" if optimizer.get("nesterov") else "sgd momentum"
