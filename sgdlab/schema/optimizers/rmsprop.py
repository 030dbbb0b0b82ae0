"""rmsprop: the gradient over the root of its running mean square."""

from typing import Literal

from pydantic import Field

from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer
from sgdlab.schema.section import Fraction, NonNegative, Positive


@OPTIMIZERS.member
class Rmsprop(Optimizer):
    """torch.optim.RMSprop: w' = w - lr g/(sqrt(v) + eps), v the running mean of g squared."""

    name: Literal["rmsprop"]
    alpha: Fraction = Field(0.99, description="decay of v")
    eps: Positive = Field(1e-8, description="keeps the division finite")
    momentum: Fraction = Field(0.0, description="how much of the last step the next one keeps")
    weight_decay: NonNegative = Field(0.0, description="L2 term: this times w is added to the gradient")

    def torch_name(self) -> str:
        """See Optimizer.torch_name."""
        return "RMSprop"

    def state_arrays(self) -> int:
        """See Optimizer.state_arrays: v, and the last step where it is kept."""
        return 1 + int(self.momentum > 0)
