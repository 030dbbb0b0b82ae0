"""adagrad: the gradient over the root of the sum of its squares (Duchi et al. 2011)."""

from typing import Literal

from pydantic import Field

from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer
from sgdlab.schema.section import NonNegative, Positive


@OPTIMIZERS.member
class Adagrad(Optimizer):
    """torch.optim.Adagrad: w' = w - lr g/(sqrt(s) + eps), s the sum of g squared so far."""

    name: Literal["adagrad"]
    eps: Positive = Field(1e-10, description="keeps the division finite")
    weight_decay: NonNegative = Field(0.0, description="L2 term: this times w is added to the gradient")

    def torch_name(self) -> str:
        """See Optimizer.torch_name."""
        return "Adagrad"

    def state_arrays(self) -> int:
        """See Optimizer.state_arrays: s."""
        return 1
