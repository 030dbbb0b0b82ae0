"""What a study asks: batch sizes, rates, seeds, budget, target; checked against config and data. Pure."""

import copy
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from sgdlab.config import Budget, Config, Document, StopRule, build_config, set_initial, set_value
from sgdlab.errors import ConfigError
from sgdlab.studies.rates import RateGrid, rate_grid
from sgdlab.training.sampling import batch_plan, batch_rows
from sgdlab.training.schedules import total_steps

TargetFrom = Literal["given", "config", "tuning"]
TUNING_SHARE = 0.1
"""Share of a run's budget that tuning spends where it finds the target: so the measurement, with ten times as
much, can reach what tuning reached, on seeds that are harder as well."""
LEAST_TUNING_STEPS = 40
TUNING_SEEDS = 5
FIRST_TUNING_SEED = 1000
LARGEST_DEFAULT, MOST_DEFAULT = 1024, 8
MAX_WIDENINGS = 4


@dataclass(frozen=True)
class Question:
    """A study's question, whole: what its runs follow from.

    base: the config all runs share, as `portable_values` gives it. rows: training rows. batch_sizes ascending.
    tuning_seeds: never among `seeds`. budget: of each measuring run. target: None until tuning has found it.
    data: checksum of the data set. widenings: how often a grid may be widened.
    """

    base: dict[str, Any]
    rows: int
    data: str
    batch_sizes: tuple[int, ...]
    learning_rates: tuple[float, ...] | None
    seeds: tuple[int, ...]
    tuning_seeds: tuple[int, ...]
    budget: Budget
    tuning_budget: Budget
    target: StopRule | None
    target_from: TargetFrom
    metric: str
    widenings: int = MAX_WIDENINGS

    @property
    def grid(self) -> RateGrid:
        """The rates to try."""
        return rate_grid(self.config(self.batch_sizes[0]), self.learning_rates, self.rows)

    @property
    def lower_is_better(self) -> bool:
        """Whether the metric is a loss."""
        return self.metric.endswith("loss")

    def config(self, batch_size: int, **changes: Any) -> Config:
        """The config of a run; ConfigError where it cannot be one."""
        document = Document(copy.deepcopy(self.base), name="study")
        set_initial(document, "batch_size", batch_size, f"--batch-sizes {batch_size}")
        for key, value in changes.items():
            set_value(document, key, value, f"{key}={value}")
        return build_config(document)

    def steps_in(self, budget: Budget, batch_size: int) -> int | None:
        """Updates that a budget allows at a batch size; None for one in seconds."""
        config = self.config(batch_size, budget=str(budget))
        return total_steps(config, batch_plan(config, self.rows))


def tuning_budget(question: Question) -> Budget:
    """What each tuning run of a new study may spend, the same for all.

    A tenth of the budget, and 40 steps at the largest batch size at least; all of the budget where the target
    is known from the start (runs stop there), or where the schedule stretches over the budget.
    """
    largest = question.batch_sizes[-1]
    stretches = question.config(largest).learning_rate.schedule in ("cosine", "one-cycle")
    if question.target_from != "tuning" or stretches:
        return question.budget
    steps = question.steps_in(question.budget, largest)
    share = TUNING_SHARE if steps is None else min(1.0, max(TUNING_SHARE, LEAST_TUNING_STEPS / steps))
    amount = question.budget.amount * share
    if question.budget.unit in ("steps", "examples"):
        amount = float(math.ceil(amount))
    return Budget(float(f"{amount:.6g}"), question.budget.unit)


def default_batch_sizes(rows: int) -> tuple[int, ...]:
    """Powers of 2 up to 1,024 and half the rows, the largest eight: 8 to 1,024 where there is data enough."""
    largest = max(min(LARGEST_DEFAULT, rows // 2), 2)
    sizes = [2**k for k in range(largest.bit_length()) if 2**k <= largest]
    return tuple(sizes[-MOST_DEFAULT:])


def checked_sizes(sizes: tuple[Any, ...], rows: int) -> tuple[int, ...]:
    """Batch sizes ascending, `full` as the number of rows. Raises ConfigError."""
    numbers = [batch_rows(size, rows) for size in sizes]
    for size in numbers:
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ConfigError(f"--batch-sizes {size!r}: must be whole numbers above 0, or full")
        if size > rows:
            raise ConfigError(f"--batch-sizes {size}: is above the {rows} training rows; use at most {rows}, or full")
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"--batch-sizes: a size stands twice (full is {rows} here)")
    if len(numbers) < 2:
        raise ConfigError(f"--batch-sizes {numbers[0] if numbers else ''}: a study compares at least two batch sizes")
    return tuple(sorted(numbers))


def tuning_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """The seeds on which rates are tuned, from 1000 on: none of those that the measurement uses."""
    found: list[int] = []
    seed = FIRST_TUNING_SEED
    while len(found) < TUNING_SEEDS:
        if seed not in seeds:
            found.append(seed)
        seed += 1
    return tuple(found)


def extended(question: Question, sizes: tuple[int, ...], seeds: tuple[int, ...]) -> Question:
    """The question with more batch sizes and seeds; ConfigError for a seed that tuning has used."""
    spent = sorted(set(seeds) & set(question.tuning_seeds))
    if spent:
        raise ConfigError(f"--seeds {spent[0]}: rates were tuned on this seed; measure on others")
    return replace(
        question,
        batch_sizes=tuple(sorted({*question.batch_sizes, *sizes})),
        seeds=tuple(dict.fromkeys([*question.seeds, *seeds])),
    )
