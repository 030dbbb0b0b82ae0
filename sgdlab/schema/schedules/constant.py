"""constant: the rate stays."""

from typing import Literal

from sgdlab.schema.schedules.base import SCHEDULES, Schedule


@SCHEDULES.member
class ConstantSchedule(Schedule):
    """eta_t = eta."""

    schedule: Literal["constant"] = "constant"

    def after_warmup(self, t: float, horizon: float) -> float:
        """See Schedule.after_warmup."""
        return self.initial
