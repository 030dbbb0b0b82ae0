"""cosine and one-cycle: rates that follow half cosines over the budget."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sgdlab.schema.schedules.base import SCHEDULES, Schedule
from sgdlab.schema.section import Fraction


@SCHEDULES.member
class CosineSchedule(Schedule):
    """eta_t falls from eta to final * eta along half a cosine over the budget (Loshchilov and Hutter 2017)."""

    schedule: Literal["cosine"]
    final: Fraction = Field(0.0, description="rate at the end, as a share of the initial one")
    needs_horizon: ClassVar[bool] = True

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        return self.initial * _half_cosine(1.0, self.final, t / max(horizon, 1))


@SCHEDULES.member
class OneCycleSchedule(Schedule):
    """Cosine up from eta * start over the share `rise` of the budget, cosine down to eta * final (Smith 2018)."""

    schedule: Literal["one-cycle"]
    rise: Annotated[float, Field(gt=0, lt=1)] = Field(0.3, description="share of the budget in which the rate rises")
    start: Fraction = Field(0.04, description="first rate, as a share of the peak")
    final: Fraction = Field(0.0001, description="last rate, as a share of the peak")
    needs_horizon: ClassVar[bool] = True

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        peak = self.rise * max(horizon, 1)
        if t < peak:
            return self.initial * _half_cosine(self.start, 1.0, t / peak)
        return self.initial * _half_cosine(1.0, self.final, (t - peak) / max(horizon - peak, 1))


def _half_cosine(first: float, last: float, share: float) -> float:
    """From `first` to `last` along half a cosine as `share` goes from 0 to 1."""
    return last + (first - last) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
