"""Throughput of a config's own engine at several batch sizes, by the benchmark's functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sgdlab.bench.conditions import conditions
from sgdlab.bench.production import production
from sgdlab.bench.timing import Sample, interleaved, spread, steps_to_time
from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.training.sampling import batch_plan

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_SECONDS = 0.05
LONGEST_SECONDS = 0.5
LARGEST = 4096
"""The largest size tried unless sizes are asked for."""


def default_sizes(rows: int) -> list[int]:
    """Powers of two up to the training rows, at most LARGEST."""
    return [2**k for k in range(LARGEST.bit_length()) if 2**k <= min(rows, LARGEST)]


def throughput_table(configs: Sequence[Config], data: PreparedData, repeats: int) -> "pd.DataFrame":
    """A row for each config: engine, batch_size, threads, step_us with quartiles, examples_per_second, and the
    conditions. Sizes take turns; a sample trains whole epochs that take about 50 ms, from the initial weights."""
    import pandas as pd

    runs = [production(config, data) for config in configs]
    plans = [batch_plan(config, len(data.train)) for config in configs]
    steps = [
        steps_to_time(run, plan.steps_in(0), SAMPLE_SECONDS, LONGEST_SECONDS)
        for run, plan in zip(runs, plans, strict=True)
    ]
    last: dict[int, Sample] = {}

    def work(i: int) -> float:
        last[i] = runs[i](steps[i])
        return last[i].seconds / last[i].steps

    works = [(lambda i=i: work(i)) for i in range(len(configs))]
    times = interleaved(works, repeats, lambda done, total: None)
    rows = []
    for i, config in enumerate(configs):
        taken = spread(np.asarray(times[i]) * 1e6)
        rows.append({
            "engine": config.engine, "batch_size": plans[i].size_in(0), "threads": config.threads, "repeats": repeats,
            "step_us": taken.median, "step_us_low": taken.low, "step_us_high": taken.high,
            "examples_per_second": last[i].examples / last[i].steps / taken.median * 1e6,
        })  # fmt: skip
    return pd.DataFrame(rows).assign(**conditions(None))
