"""Growth: time per example from 1,000 to 1,000,000 rows; time and memory per run from 10 to 1,000 runs."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.production import production
from sgdlab.bench.synthetic import synthetic
from sgdlab.bench.timing import OnDone, interleaved, spread, unseen
from sgdlab.config import Document, build_config
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan

if TYPE_CHECKING:
    import pandas as pd

ROWS = (1_000, 10_000, 100_000, 1_000_000)
RUNS = (10, 100, 1_000)
FEATURES, CLASSES, BATCH_SIZE = 100, 10, 64
LEAST_EXAMPLES = 100_000  # small tables are trained for several epochs

ROWS_IN_WORDS = (
    "whole epochs, mlp [50] on 100 columns, Adam, batch 64. On the clock: batch order, gathering, steps; off it: "
    "making the rows, set-up, warm-up, evaluation"
)
RUNS_IN_WORDS = (
    "sweeps of one epoch on 100 rows of airfoil-twin, --jobs 1. On the clock: all of the sweep but Python's start-up: "
    "plan, data, training, evaluation, run folders, tables, figures. Further runs: beyond the row above. MiB: the "
    "largest resident set so far, of this process and of any worker"
)

RunSweep = Callable[..., Any]
"""sgdlab.sweep, or what stands for it."""


def rows_table(repeats: int, rows: Sequence[int] = ROWS, on_done: OnDone = unseen) -> "pd.DataFrame":
    """ns per example by number of rows, the engine and threads being auto's; `ratio` is against the fewest rows.

    Columns: rows, engine, threads, epochs, example_ns (median) with _low and _high, ratio, repeats.
    """
    import pandas as pd

    job = {"model": {"name": "mlp", "hidden": [50]}, "optimizer": "adam", "batch_size": BATCH_SIZE}
    config = build_config(Document(job | {"epochs": 1, "device": "cpu"}))
    data_sets = {count: synthetic(count, FEATURES, CLASSES, "classification") for count in rows}
    configs = {count: resolve(config, data).config for count, data in data_sets.items()}
    runs = {count: production(configs[count], data_sets[count]) for count in rows}
    steps = {count: batch_plan(configs[count], count).steps_in(0) * max(LEAST_EXAMPLES // count, 1) for count in rows}

    def work(count: int) -> float:
        sample = runs[count](steps[count])
        return sample.seconds / sample.examples * 1e9

    with torch_threads(1):
        for count in rows:
            runs[count](1)
        found = interleaved([lambda count=count: work(count) for count in rows], repeats, on_done)  # type: ignore[misc]
    table = []
    for count, values in zip(rows, found, strict=True):
        row: dict[str, Any] = {"rows": count, "engine": configs[count].engine, "threads": configs[count].threads}
        row |= {"epochs": max(LEAST_EXAMPLES // count, 1)} | spread(values).columns("example_ns")
        table.append(row | {"ratio": float(np.median(values / found[0])), "repeats": repeats})
    return pd.DataFrame(table)


def runs_table(sweep: RunSweep, counts: Sequence[int] = RUNS, on_done: OnDone = unseen) -> "pd.DataFrame":
    """Seconds and memory of sweeps of so many runs, in ascending order; measured once each, a small one before.

    sweep: called as sgdlab.sweep(config, seeds=..., jobs=1, runs_dir=...), in a temporary folder.
    Columns: runs, seconds, run_ms, own_ms (of each run beyond those of the row above), ratio (of run_ms, to the
    first row), memory_mib, workers_memory_mib.
    """
    import pandas as pd

    config: dict[str, Any] = {"dataset": {"name": "airfoil-twin", "limit": 100}, "model": "linear", "optimizer": "sgd"}
    config |= {"learning_rate": 0.01, "batch_size": 10, "epochs": 1, "device": "cpu"}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="sgdlab-bench-") as folder:
        sweep(config, seeds=range(2), jobs=1, runs_dir=Path(folder))
        before_runs, before_seconds = 0, 0.0
        for done, count in enumerate(sorted(counts), 1):
            started = time.perf_counter()
            sweep(config, seeds=range(count), jobs=1, runs_dir=Path(folder))
            seconds = time.perf_counter() - started
            own, workers = peak_memory()
            row = {"runs": count, "seconds": seconds, "run_ms": seconds / count * 1e3}
            row["own_ms"] = (seconds - before_seconds) / (count - before_runs) * 1e3
            row |= {"ratio": row["run_ms"] / (rows[0]["run_ms"] if rows else row["run_ms"])}
            rows.append(row | {"memory_mib": own, "workers_memory_mib": workers})
            before_runs, before_seconds = count, seconds
            on_done(done, len(counts))
    return pd.DataFrame(rows)


def peak_memory() -> tuple[float, float]:
    """Largest resident set so far in MiB: of this process, and of any child that has ended; NaN where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan"), float("nan")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    own, children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_maxrss / unit, children.ru_maxrss / unit
