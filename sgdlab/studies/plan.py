"""A study's plan: batch sizes, rates, seeds, budget, target; checked against config and data. Pure."""

import copy
import itertools
import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from sgdlab.config import Budget, Config, Document, StopRule, build_config, set_key, set_value
from sgdlab.errors import ConfigError
from sgdlab.schema.quantities import Metric
from sgdlab.studies.rates import RateGrid, rate_grid
from sgdlab.training.batch_sizes import checked_batch_size
from sgdlab.training.sampling import batch_plan
from sgdlab.training.schedules import total_steps

TargetFrom = Literal["given", "config", "tuning"]
Integers = Annotated[tuple[Annotated[int, Field(ge=0, lt=2**63)], ...], Field(min_length=1)]
TUNING_SHARE = 0.1
"""Share of a run's budget that tuning spends where it finds the target: so the measurement, with ten times as
much, can reach what tuning reached, on seeds that are harder as well."""
LEAST_TUNING_STEPS = 40
TUNING_SEEDS = 5
FIRST_TUNING_SEED = 1000
LARGEST_DEFAULT, MOST_DEFAULT = 1024, 8
MAX_WIDENINGS = 4


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What all runs of a study follow from.

    batch_sizes ascending. learning_rates: None for the automatic grid. tuning_seeds: never among `seeds`. budget:
    of each measuring run. target: None until tuning has found it. widenings: how often a grid may be widened.
    rows: training rows. data: checksum of the data set. base: the config all runs share, as `portable_values`
    gives it.
    """

    batch_sizes: Integers
    learning_rates: tuple[float, ...] | None
    seeds: Integers
    tuning_seeds: Integers
    budget: Budget
    tuning_budget: Budget
    target: StopRule | None
    target_from: TargetFrom
    metric: Metric
    widenings: int = MAX_WIDENINGS
    rows: int
    data: str
    base: Annotated[dict[str, Any], Field(alias="config")]

    @property
    def grid(self) -> RateGrid:
        """The rates to try."""
        return rate_grid(self.config(self.batch_sizes[0]), self.learning_rates, self.rows)

    @property
    def stop_at(self) -> str | None:
        """The target as a config writes it."""
        return None if self.target is None else str(self.target)

    def config(self, batch_size: int, **changes: Any) -> Config:
        """The config of a run; ConfigError where it cannot be one."""
        document = Document(copy.deepcopy(self.base), name="study")
        set_key(document, "batch_size", batch_size, f"--batch-sizes {batch_size}")
        for key, value in changes.items():
            set_value(document, key, value, f"{key}={value}")
        return build_config(document)

    def steps_in(self, budget: Budget, batch_size: int) -> int | None:
        """Updates that a budget allows at a batch size; None for one in seconds."""
        config = self.config(batch_size, budget=str(budget))
        return total_steps(config, batch_plan(config, self.rows))

    def target_in_words(self) -> str:
        """The target and where it is from."""
        if self.target is None:
            return "target: tuning has not found it yet"
        reasons = {
            "given": "as asked for",
            "config": "the config's stop_at",
            "tuning": "the worst of the best losses that the batch sizes reached in tuning (over "
            f"{len(self.tuning_seeds)} seeds, in {self.tuning_budget}), rounded up; --stop-at sets another",
        }
        return f"target {self.target}: {reasons[self.target_from]}"


def tuning_budget(plan: StudyPlan) -> Budget:
    """What each tuning run of a new study may spend, the same for all.

    A tenth of the budget, and 40 steps at the largest batch size at least; all of the budget where the target
    is known from the start (runs stop there), or where the schedule stretches over the budget.
    """
    largest = plan.batch_sizes[-1]
    if plan.target_from != "tuning" or plan.config(largest).learning_rate.needs_horizon:
        return plan.budget
    steps = plan.steps_in(plan.budget, largest)
    share = TUNING_SHARE if steps is None else min(1.0, max(TUNING_SHARE, LEAST_TUNING_STEPS / steps))
    amount = plan.budget.amount * share
    if plan.budget.unit in ("steps", "examples"):
        amount = float(math.ceil(amount))
    return Budget(float(f"{amount:.6g}"), plan.budget.unit)


def default_batch_sizes(rows: int) -> tuple[int, ...]:
    """Powers of 2 up to 1,024 and half the rows, the largest eight: 8 to 1,024 where there is data enough."""
    largest = max(min(LARGEST_DEFAULT, rows // 2), 2)
    return tuple(2**k for k in range(largest.bit_length()))[-MOST_DEFAULT:]


def checked_sizes(sizes: tuple[Any, ...], rows: int) -> tuple[int, ...]:
    """Batch sizes ascending, `full` as the number of rows. Raises ConfigError."""
    numbers = [checked_batch_size(size, rows, f"--batch-sizes {size}:") for size in sizes]
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"--batch-sizes: a size stands twice (full is {rows} here)")
    if len(numbers) < 2:
        raise ConfigError(f"--batch-sizes {numbers[0] if numbers else ''}: a study compares at least two batch sizes")
    return tuple(sorted(numbers))


def tuning_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    """The seeds on which rates are tuned, from 1000 on: none of those that the measurement uses."""
    free = (seed for seed in itertools.count(FIRST_TUNING_SEED) if seed not in seeds)
    return tuple(itertools.islice(free, TUNING_SEEDS))


def extended(plan: StudyPlan, sizes: tuple[int, ...], seeds: tuple[int, ...]) -> StudyPlan:
    """The plan with more batch sizes and seeds; ConfigError for a seed that tuning has used."""
    spent = sorted(set(seeds) & set(plan.tuning_seeds))
    if spent:
        raise ConfigError(f"--seeds {spent[0]}: rates were tuned on this seed; measure on others")
    return replace(
        plan,
        batch_sizes=tuple(sorted({*plan.batch_sizes, *sizes})),
        seeds=tuple(dict.fromkeys([*plan.seeds, *seeds])),
    )
