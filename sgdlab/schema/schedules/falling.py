"""step, exponential, inverse-sqrt: rates that fall whatever the budget."""

import math
from typing import Literal

from pydantic import Field

from sgdlab.schema.schedules.base import SCHEDULES, Schedule
from sgdlab.schema.section import Count, Positive


@SCHEDULES.member
class StepSchedule(Schedule):
    """eta_t = eta * factor^floor(t / every)."""

    schedule: Literal["step"]
    every: Count = Field(1, description="epochs or steps between two falls")
    factor: Positive = Field(0.1, description="what the rate is multiplied by")

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        return self.initial * _power(self.factor, t // self.every)


@SCHEDULES.member
class ExponentialSchedule(Schedule):
    """eta_t = eta * factor^(t / every)."""

    schedule: Literal["exponential"]
    every: Count = Field(1, description="epochs or steps in which the rate falls by factor")
    factor: Positive = Field(0.9, description="what the rate is multiplied by")

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        return self.initial * _power(self.factor, t / self.every)


@SCHEDULES.member
class InverseSqrtSchedule(Schedule):
    """eta_t = eta / sqrt(1 + t / every)."""

    schedule: Literal["inverse-sqrt"]
    every: Count = Field(1, description="epochs or steps after which the rate has fallen to 0.71 of the first one")

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        return self.initial / math.sqrt(1 + t / self.every)


def _power(base: float, exponent: float) -> float:
    """base ** exponent, infinite where a float cannot hold it."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
