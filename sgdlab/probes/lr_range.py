"""Learning rates of a config at several batch sizes: the range test and the largest stable rate, over seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sgdlab import plots
from sgdlab.analysis.lr_range import RangeTest, range_test
from sgdlab.analysis.stable_rate import StableRate
from sgdlab.analysis.wording import median_with_interval
from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import ConfigError
from sgdlab.probes.restarts import RestartedTraining
from sgdlab.probes.stable_rate import quadratic_limit, stable_rate
from sgdlab.runs.environment import environment
from sgdlab.runs.files import write_json, write_table
from sgdlab.runs.names import RATES_CURVES, RATES_FACTS, RATES_FIGURE, RATES_TABLE, STABILITY_FIGURE
from sgdlab.training.batch_sizes import at_batch_sizes
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_rows


@dataclass(frozen=True)
class RateRange:
    """The rates of a range test: `steps` of them from `low` to `high`, geometrically, one step at each."""

    low: float
    high: float
    steps: int

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            ends = f"--low {self.low:g} --high {self.high:g}"
            raise ConfigError(f"{ends}: rates must be above 0, finite, and low below high")

    def rates(self) -> NDArray[np.float64]:
        """[steps], rising."""
        return np.geomspace(self.low, self.high, self.steps)


@dataclass(frozen=True)
class RatesAtBatchSize:
    """What was found at one batch size, full or a number.

    range_test: of the losses averaged over the seeds at each rate;  stable: each seed's largest stable rate;
    limit: 2(1+μ)/λmax of the first seed's data where the problem is least squares.
    """

    batch_size: int
    is_full: bool
    seeds: tuple[int, ...]
    range_test: RangeTest
    stable: tuple[StableRate, ...]
    limit: float | None

    @property
    def label(self) -> str:
        """`batch 64`, `full batch (8,000)`."""
        return f"full batch ({self.batch_size:,})" if self.is_full else f"batch {self.batch_size:,}"

    @property
    def lowest_at(self) -> float | None:
        """The rate at which the smoothed loss of the range test was lowest."""
        tested = self.range_test
        return tested.rates[int(np.argmin(tested.smoothed))] if tested.rates else None

    def stable_span(self) -> tuple[float, float, float]:
        """Median over the seeds of the largest stable rate, and its ends: the bracket of a single seed, the
        range over several. NaN where a seed has none."""
        found = [s.rate if s.rate is not None else math.nan for s in self.stable]
        if any(map(math.isnan, found)):
            return math.nan, math.nan, math.nan
        lows = [s.stable for s in self.stable if s.stable is not None]
        highs = [s.unstable for s in self.stable if s.unstable is not None]
        return float(np.median(found)), min(lows), max(highs)

    def stable_in_words(self) -> str | None:
        """`0.95 [0.94, 0.96]`; None where a seed has none."""
        rate, low, high = self.stable_span()
        return None if math.isnan(rate) else median_with_interval(rate, low, high, low)

    def in_words(self) -> str:
        """What was found, or why nothing was."""
        suggestion, stable = self.range_test.suggestion, self.stable_in_words()
        reasons = "; ".join(sorted({s.reason for s in self.stable if s.rate is None}))
        first = f"no suggestion: {self.range_test.reason}" if suggestion is None else f"suggested rate {suggestion:.2g}"
        second = f"no largest stable rate: {reasons}" if stable is None else f"largest stable rate {stable}"
        return f"{self.label}: {first}; {second}"


def ends_in_words(found: Sequence[RatesAtBatchSize]) -> str:
    """What the ends of a stable rate's span are."""
    seeds = len(found[0].seeds)
    return "last stable and first unstable rate tried" if seeds == 1 else f"median and range over {seeds} seeds"


def resolved_at(config: Config, data: PreparedData, batch_sizes: Sequence[Any]) -> list[Config]:
    """The resolved config at each batch size, at its own where none is given.

    config: as the user wrote it, so that `auto` is answered anew at each size. Raises ConfigError or EngineError.
    """
    return [resolve(sized, data).config for sized in at_batch_sizes(config, len(data.train), batch_sizes)]


def find_rates(
    configs: Sequence[Config],
    data_of: Callable[[int], PreparedData],
    seeds: Sequence[int],
    tested: RateRange,
    stable_steps: int,
    tell: Callable[[str], None] = lambda line: None,
) -> list[RatesAtBatchSize]:
    """Range test and largest stable rate for each resolved config, over the seeds. data_of: the data of a seed."""
    data_sets = {seed: data_of(seed) for seed in seeds}
    found = []
    for config in configs:
        found.append(_rates_at(config, data_sets, tested, stable_steps))
        tell(found[-1].in_words())
    return found


def _rates_at(
    config: Config, data_sets: dict[int, PreparedData], tested: RateRange, stable_steps: int
) -> RatesAtBatchSize:
    losses, stable, limits = [], [], []
    for seed, data in data_sets.items():
        training = RestartedTraining(config.model_copy(update={"seed": seed}), data)
        losses.append(range_losses(training, tested))
        stable.append(stable_rate(training, tested.low, tested.high, stable_steps))
        limits.append(quadratic_limit(training.workload))
    mean = np.mean(losses, axis=0)  # NaN from the first rate at which one of the seeds has no loss
    size, rows = config.batch_size.initial, len(next(iter(data_sets.values())).train)
    return RatesAtBatchSize(
        batch_size=batch_rows(size, rows),
        is_full=size == "full",
        seeds=tuple(data_sets),
        range_test=range_test(tested.rates().tolist(), mean.tolist()),
        stable=tuple(stable),
        limit=limits[0],
    )


def range_losses(training: RestartedTraining, tested: RateRange) -> NDArray[np.float64]:
    """ℓ_s(w_s) − ℓ_s(w_0) + mean ℓ(w_0), [steps]: the loss at each rate, rid of how hard its batch happens to be.

    ℓ_s: loss of batch s;  w_0: the initial weights. With batches of 10 the loss's own noise made the steepest
    point a matter of chance (0.0002 where larger batches said 0.04).
    """
    begun = training.losses_at(np.zeros(tested.steps))
    return np.asarray(training.losses_at(tested.rates()) - begun + begun.mean())


def write_rates(
    found: Sequence[RatesAtBatchSize], folder: Path, config: Config, tested: RateRange, stable_steps: int
) -> None:
    """Tables, facts and figures into a folder. config: as asked for, before its batch sizes."""
    import pandas as pd

    rows, curves = [], []
    for each in found:
        rate, low, high = each.stable_span()
        test = each.range_test
        rows.append({
            "batch_size": each.batch_size, "seeds": len(each.seeds), "suggestion": test.suggestion,
            "lowest_at": each.lowest_at, "cut_rate": test.cut_rate, "stable_rate": rate,
            "stable_low": low, "stable_high": high, "stable_per_example": rate / each.batch_size, "limit": each.limit,
            "reason": test.reason, "stable_reason": "; ".join(dict.fromkeys(s.reason for s in each.stable)),
        })  # fmt: skip
        curves += [[each.batch_size, r, loss] for r, loss in zip(test.rates, test.smoothed, strict=True)]
    write_table(folder / RATES_TABLE, pd.DataFrame(rows))
    table = pd.DataFrame(curves, columns=["batch_size", "learning_rate", "smoothed_loss"])
    write_table(folder / RATES_CURVES, table)
    facts = {"config": config.model_dump(mode="json"), "seeds": list(found[0].seeds), "low": tested.low}
    facts |= {"high": tested.high, "range_steps": tested.steps, "stable_steps": stable_steps}
    write_json(folder / RATES_FACTS, facts | {"environment": environment()})
    _draw_range(found, folder / RATES_FIGURE)
    _draw_stability(found, folder / STABILITY_FIGURE, stable_steps)


def _draw_range(found: Sequence[RatesAtBatchSize], place: Path) -> None:
    curves = {each.label: (each.range_test.rates, each.range_test.smoothed) for each in found}
    suggestions = {each.label: each.range_test.suggestion for each in found}
    seeds = len(found[0].seeds)
    mean = f"; mean over {seeds} seeds" if seeds > 1 else ""
    note = f"one step at each rate, less the initial weights' loss on the same batch{mean}"
    plots.save_figure(plots.lr_range_figure(curves, suggestions, note=note), place)


def _draw_stability(found: Sequence[RatesAtBatchSize], place: Path, stable_steps: int) -> None:
    rates, lows, highs = zip(*(each.stable_span() for each in found), strict=True)
    figure = plots.stability_figure(
        [each.batch_size for each in found],
        rates,
        low=lows,
        high=highs,
        limit=found[0].limit,
        note=f"{stable_steps} steps leave the smoothed loss no higher than it began; bars: {ends_in_words(found)}",
    )
    plots.save_figure(figure, place)
