"""adam and adamw: adaptive moments (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019)."""

from typing import Any, Literal

from pydantic import Field

from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer
from sgdlab.schema.section import Fraction, NonNegative, Positive


@OPTIMIZERS.member
class Adam(Optimizer):
    """Adam, or with decoupled weight decay AdamW: w' = w - lr m/(sqrt(v) + eps), m and v corrected for their start."""

    name: Literal["adam", "adamw"]
    beta1: Fraction = Field(0.9, description="decay of m, the running mean of the gradient")
    beta2: Fraction = Field(0.999, description="decay of v, the running mean of its square")
    eps: Positive = Field(1e-8, description="keeps the division finite")
    weight_decay: NonNegative = Field(
        0.0, description="adam: L2 term in the gradient; adamw: w shrinks by lr times this"
    )

    def torch_name(self) -> str:
        """See Optimizer.torch_name."""
        return "Adam" if self.name == "adam" else "AdamW"

    def state_arrays(self) -> int:
        """See Optimizer.state_arrays: m and v."""
        return 2

    def arguments(self) -> dict[str, Any]:
        """See Optimizer.arguments."""
        return self.model_dump(exclude={"name", "beta1", "beta2"}) | {"betas": (self.beta1, self.beta2)}
