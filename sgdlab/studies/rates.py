"""The grid of learning rates at each batch size: where it begins, how it widens, how it is refined."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sgdlab.config import Config
from sgdlab.errors import ConfigError
from sgdlab.training.sampling import batch_rows

Edge = Literal["low", "high"]
HALF_WIDTH = 2  # rates on either side of the guess
_PER_DECADE = 4  # refined grid: half-way between the rates of the scan


@dataclass(frozen=True)
class RateGrid:
    """What rates a study tries.

    given: the rates asked for, ascending, the same at every batch size; None for the automatic grid.
    Automatic: anchor · 10^(k/2), five rates about the guess anchor · (B/B₀)^power, to three digits, so that
    batch sizes share their rates. power 1 for SGD (Goyal et al. 2017, arXiv 1706.02677), ½ for the others
    (Malladi et al. 2022, arXiv 2205.10287): a guess is only where the search begins.
    """

    given: tuple[float, ...] | None
    anchor: float
    anchor_batch: int
    power: float

    def start(self, batch_size: int) -> tuple[float, ...]:
        """The rates first tried at a batch size, ascending."""
        if self.given is not None:
            return self.given
        guess = 2 * round(2 * self.power * math.log10(batch_size / self.anchor_batch))
        return tuple(self._rate(guess + 2 * i) for i in range(-HALF_WIDTH, HALF_WIDTH + 1))

    def beyond(self, rates: Sequence[float], edge: Edge) -> float:
        """The next rate beyond an edge of `rates`, which are ascending and two at least."""
        first, second = (rates[-1], rates[-2]) if edge == "high" else (rates[0], rates[1])
        if self.given is not None:
            return _rounded(first * first / second)
        return self._rate(self._index(first) + (2 if edge == "high" else -2))

    def near(self, rates: Sequence[float], best: float) -> tuple[float, ...]:
        """The rates among which the finer comparison decides: half a step about the best of an automatic
        grid, the neighbours in a given one."""
        if self.given is None:
            return tuple(self._rate(self._index(best) + i) for i in (-1, 0, 1))
        at = list(rates).index(best)
        return tuple(rates[max(at - 1, 0) : at + 2])

    def _rate(self, index: int) -> float:
        return _rounded(self.anchor * 10 ** (index / _PER_DECADE))

    def _index(self, rate: float) -> int:
        return round(_PER_DECADE * math.log10(rate / self.anchor))


def rate_grid(config: Config, given: Sequence[float] | None, rows: int) -> RateGrid:
    """The grid of a config's optimiser. Raises ConfigError for rates that cannot be compared."""
    rate = config.learning_rate.initial
    batch = min(batch_rows(config.batch_size.initial, rows), rows)
    power = 1.0 if config.optimizer.name in ("sgd", "SGD", "ASGD") else 0.5
    if given is None:
        if rate <= 0:
            raise ConfigError("learning_rate: 0 gives no place to begin the search; set a rate above 0")
        return RateGrid(None, rate, batch, power)
    wrong = [value for value in given if not _is_rate(value)]
    if wrong or not given:
        raise ConfigError(f"--learning-rates {wrong[0] if wrong else ''}: must be numbers above 0, like 0.001,0.01")
    return RateGrid(tuple(sorted(map(float, given))), rate, batch, power)


def edge_of(best: float, rates: Sequence[float]) -> Edge | None:
    """On which edge of the tried rates the best one lies; None inside, or where only one was tried."""
    if len(rates) < 2:
        return None
    return "low" if best == min(rates) else "high" if best == max(rates) else None


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
