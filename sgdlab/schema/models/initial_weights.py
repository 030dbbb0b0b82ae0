"""Initial weights of the built-in models: torch's own, or drawn from a normal distribution."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sgdlab.schema.registry import Registry
from sgdlab.schema.section import Positive, Section

if TYPE_CHECKING:
    from torch import nn


class InitialWeights(Section):
    """How the weights of a new model are drawn."""

    name: str

    def draw(self, model: "nn.Module") -> None:
        """Draw the weights anew, in place, from torch's global generator."""
        raise NotImplementedError


INITIAL_WEIGHTS: Registry[InitialWeights] = Registry()


@INITIAL_WEIGHTS.member
class TorchInit(InitialWeights):
    """The initial weights that torch's own layers draw."""

    name: Literal["torch"] = "torch"

    def draw(self, model: "nn.Module") -> None:
        """They are drawn already."""


@INITIAL_WEIGHTS.member
class NormalInit(InitialWeights):
    """Weights from N(0, std²); biases zero, or as torch's layers draw them."""

    name: Literal["normal"] = "normal"
    std: Positive = Field(0.01, description="standard deviation of the weights")
    bias: Literal["zero", "torch"] = Field("zero", description="zero, or as torch's layers draw it")

    def draw(self, model: "nn.Module") -> None:
        """See InitialWeights.draw."""
        from torch import nn

        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.normal_(module.weight, std=self.std)
                if module.bias is not None and self.bias == "zero":
                    nn.init.zeros_(module.bias)
