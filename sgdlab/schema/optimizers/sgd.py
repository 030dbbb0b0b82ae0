"""sgd: stochastic gradient descent, plain, with momentum or with Nesterov's."""

from typing import Literal

from pydantic import Field, model_validator

from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer
from sgdlab.schema.section import Fraction, NonNegative


@OPTIMIZERS.member
class Sgd(Optimizer):
    """Stochastic gradient descent, torch.optim.SGD: v' = mu v + g, w' = w - lr v'."""

    name: Literal["sgd"]
    momentum: Fraction = Field(0.0, description="mu: how much of the last step the next one keeps")
    nesterov: bool = Field(False, description="look ahead: w' = w - lr (g + mu v')")
    weight_decay: NonNegative = Field(0.0, description="L2 term: this times w is added to the gradient")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0; set momentum: 0.9")
        return self

    def torch_name(self) -> str:
        """See Optimizer.torch_name."""
        return "SGD"

    def state_arrays(self) -> int:
        """See Optimizer.state_arrays: the last step where it is kept."""
        return int(self.momentum > 0)
