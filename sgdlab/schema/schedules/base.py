"""What every learning-rate schedule shares: eta(t) as a pure function, warm-up first."""

from typing import ClassVar, Literal

from pydantic import Field

from sgdlab.schema.registry import Registry
from sgdlab.schema.section import NonNegative, Section


class Schedule(Section):
    """A learning rate as a function of time. `every` and `warmup` count epochs, or steps where per is step."""

    schedule: str
    initial: NonNegative = Field(0.001, description="the rate after warm-up; of one-cycle the peak")
    warmup: NonNegative = Field(0.0, description="linear rise from 0 over so many epochs or steps")
    per: Literal["epoch", "step"] = Field("epoch", description="when the rate changes, and what every counts")
    needs_horizon: ClassVar[bool] = False
    """Whether the rate depends on where the budget ends: such a budget can be neither in seconds nor extended."""

    def rate(self, t: float, horizon: float) -> float:
        """eta(t). Warm-up: eta min((t + 1)/warmup, 1) for t < warmup; the schedule runs from its end on.

        t: epochs or steps since the start, as `per` says; horizon: the end of the budget in the same unit.
        """
        if t < self.warmup:
            return self.initial * min((t + 1) / self.warmup, 1)
        return self.after_warmup(t - self.warmup, horizon - self.warmup)

    def after_warmup(self, t: float, horizon: float) -> float:
        """eta(t), both counted from the end of the warm-up."""
        raise NotImplementedError


SCHEDULES: Registry[Schedule] = Registry(key="schedule", default="constant")
