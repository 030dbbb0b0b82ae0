"""Learning rates of a config at several batch sizes: the range test and the largest stable rate, over seeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sgdlab import plots
from sgdlab.analysis.lr_range import RangeTest, range_test
from sgdlab.analysis.stable_rate import StableRate
from sgdlab.config import Config
from sgdlab.data import PreparedData
from sgdlab.probes.restarts import Trials
from sgdlab.probes.stable_rate import quadratic_limit, stable_rate
from sgdlab.runs.environment import environment
from sgdlab.runs.files import write_json, write_table
from sgdlab.training.sampling import batch_rows

TABLE, CURVES, FACTS = "lr-range.csv", "lr-range-curves.csv", "lr-range.json"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ladder:
    """The rates of a range test: `steps` of them from `low` to `high`, geometrically, one step at each."""

    low: float
    high: float
    steps: int

    def rates(self) -> NDArray[np.float64]:
        """[steps], rising."""
        return np.geomspace(self.low, self.high, self.steps)


@dataclass(frozen=True)
class Rates:
    """What was found at one batch size. sweep: of the losses averaged over the seeds at each rate.

    by_seed: each seed's own range test; stable: each seed's largest stable rate; limit: 2(1+μ)/λmax of the
    first seed's data where the problem is least squares.
    """

    batch_size: int
    is_full: bool
    seeds: tuple[int, ...]
    sweep: RangeTest
    by_seed: tuple[RangeTest, ...]
    stable: tuple[StableRate, ...]
    limit: float | None

    @property
    def label(self) -> str:
        """`batch 64`, `full batch (8,000)`."""
        return f"full batch ({self.batch_size:,})" if self.is_full else f"batch {self.batch_size:,}"

    def stable_span(self) -> tuple[float, float, float]:
        """Median over the seeds of the largest stable rate, and its ends: the bracket of a single seed, the
        range over several. NaN where a seed has none."""
        found = [s.rate if s.rate is not None else math.nan for s in self.stable]
        if any(map(math.isnan, found)):
            return math.nan, math.nan, math.nan
        lows = [s.stable for s in self.stable if s.stable is not None]
        highs = [s.unstable for s in self.stable if s.unstable is not None]
        return float(np.median(found)), min(lows), max(highs)


def find_rates(
    configs: Sequence[Config], data_of: Callable[[int], PreparedData], seeds: Sequence[int], ladder: Ladder, steps: int,
    tell: Tell = lambda text: None,
) -> list[Rates]:  # fmt: skip
    """Range test and largest stable rate for each resolved config and seed."""
    found = []
    data_sets = {seed: data_of(seed) for seed in seeds}
    for config in configs:
        swept, stable, limits = [], [], []
        for seed in seeds:
            trials = Trials(config.model_copy(update={"seed": seed}), data_sets[seed])
            swept.append(swept_losses(trials, ladder))
            stable.append(stable_rate(trials, ladder.low, ladder.high, steps))
            limits.append(quadratic_limit(trials.workload))
        rows = len(data_sets[seeds[0]].train)
        size = config.batch_size.initial
        tests = [range_test(ladder.rates().tolist(), losses.tolist()) for losses in swept]
        mean = np.mean(swept, axis=0)  # NaN from the first rate at which one of the seeds has no loss
        each = Rates(
            batch_size=batch_rows(size, rows),
            is_full=size == "full",
            seeds=tuple(seeds),
            sweep=range_test(ladder.rates().tolist(), mean.tolist()),
            by_seed=tuple(tests),
            stable=tuple(stable),
            limit=limits[0],
        )
        tell(f"{each.label}: {suggestion_in_words(each)}; {stable_in_words(each)}")
        found.append(each)
    return found


def swept_losses(trials: Trials, ladder: Ladder) -> NDArray[np.float64]:
    """ℓ_s(w_s) − ℓ_s(w_0) + mean ℓ(w_0), [steps]: the loss at each rate, rid of how hard its batch happens to be.

    ℓ_s: loss of batch s;  w_0: the initial weights. With batches of 10 the loss's own noise made the steepest
    point a matter of chance (0.0002 where larger batches said 0.04).
    """
    begun = trials.losses(np.zeros(ladder.steps))
    return np.asarray(trials.losses(ladder.rates()) - begun + begun.mean())


def suggestion_in_words(rates: Rates) -> str:
    """`suggested rate 0.05`, or why none."""
    sweep = rates.sweep
    if sweep.suggestion is None:
        return f"no suggestion: {sweep.reason}"
    return f"suggested rate {sweep.suggestion:.2g}"


def stable_in_words(rates: Rates) -> str:
    """`largest stable rate 0.95 [0.94, 0.96]`, or why none."""
    rate, low, high = rates.stable_span()
    if math.isnan(rate):
        reasons = {s.reason for s in rates.stable if s.rate is None}
        return f"no largest stable rate: {'; '.join(sorted(reasons))}"
    return f"largest stable rate {rate:.3g} [{low:.3g}, {high:.3g}]"


def write_rates(found: Sequence[Rates], folder: Path, config: Config, ladder: Ladder, steps: int) -> list[Path]:
    """Tables, facts and figures into a folder; returns the figures' paths."""
    import pandas as pd

    rows, curves = [], []
    for each in found:
        rate, low, high = each.stable_span()
        rows.append({
            "batch_size": each.batch_size, "seeds": len(each.seeds), "suggestion": each.sweep.suggestion,
            "lowest_at": lowest_at(each.sweep), "cut_rate": each.sweep.cut_rate, "stable_rate": rate,
            "stable_low": low, "stable_high": high, "stable_per_example": rate / each.batch_size, "limit": each.limit,
            "reason": each.sweep.reason, "stable_reason": "; ".join(dict.fromkeys(s.reason for s in each.stable)),
        })  # fmt: skip
        curves += [[each.batch_size, r, loss] for r, loss in zip(each.sweep.rates, each.sweep.smoothed, strict=True)]
    write_table(folder / TABLE, pd.DataFrame(rows))
    table = pd.DataFrame(curves, columns=["batch_size", "learning_rate", "smoothed_loss"])
    write_table(folder / CURVES, table)
    facts = {
        "config": config.model_dump(mode="json"),
        "seeds": list(found[0].seeds),
        "low": ladder.low,
        "high": ladder.high,
    }
    write_json(
        folder / FACTS, facts | {"range_steps": ladder.steps, "stable_steps": steps, "environment": environment()}
    )
    return [_draw_range(found, folder), _draw_stability(found, folder, steps)]


def lowest_at(sweep: RangeTest) -> float | None:
    """The rate at which the smoothed loss was lowest."""
    return sweep.rates[int(np.argmin(sweep.smoothed))] if sweep.rates else None


def _draw_range(found: Sequence[Rates], folder: Path) -> Path:
    curves = {each.label: (each.sweep.rates, each.sweep.smoothed) for each in found}
    suggestions = {each.label: each.sweep.suggestion for each in found}
    seeds = len(found[0].seeds)
    note = "one step at each rate, less the initial weights' loss on the same batch" + (
        f"; mean over {seeds} seeds" if seeds > 1 else ""
    )
    return plots.save_figure(plots.lr_range_figure(curves, suggestions, note=note), folder / "lr-range.png")


def _draw_stability(found: Sequence[Rates], folder: Path, steps: int) -> Path:
    spans = [each.stable_span() for each in found]
    seeds = len(found[0].seeds)
    bars = "bars: last stable and first unstable rate tried" if seeds == 1 else f"median and range over {seeds} seeds"
    figure = plots.stability_figure(
        [each.batch_size for each in found],
        [rate for rate, _, _ in spans],
        low=[low for _, low, _ in spans],
        high=[high for _, _, high in spans],
        limit=found[0].limit,
        note=f"{steps} steps leave the smoothed loss no higher than it began; {bars}",
    )
    return plots.save_figure(figure, folder / "stability.png")
