"""What every model shares, and what the built-in ones do: a chain of layers, its first weights, what it ends in."""

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator

from sgdlab.schema.models.initial_weights import INITIAL_WEIGHTS, InitialWeights, TorchInit
from sgdlab.schema.registry import Registry
from sgdlab.schema.section import Section

if TYPE_CHECKING:
    from torch import nn

Activation = Literal["relu", "tanh", "sigmoid", "gelu"]
REFERENCE = r"^[^:\s][^:]*(?::[\\/][^:]*)?:[A-Za-z_]\w*$"
"""`module:name` or `path/file.py:name`; a Windows drive may stand before the path."""


class Model(Section):
    """A network from rows of a data set to logits, probabilities or numbers."""

    name: str
    output: Literal["logits", "softmax"] = Field("logits", description="softmax ends the network in probabilities")

    def build(self, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
        """The model on the CPU, its weights drawn from torch's global generator.

        input_shape: natural shape of one row; outputs: classes or targets. Raises ConfigError when the model
        cannot take such rows.
        """
        raise NotImplementedError

    def row_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape in which the model takes one row: one vector, unless a member says otherwise."""
        return (math.prod(input_shape),)

    def widths(self, features: int, outputs: int) -> tuple[int, ...] | None:
        """Numbers between its linear layers, from input to output; None where it is made of other layers too."""
        return None


class BuiltInModel(Model):
    """A chain of torch's layers, built here."""

    init: SerializeAsAny[InitialWeights] = Field(default_factory=TorchInit, description="the initial weights")

    @field_validator("init", mode="before")
    @classmethod
    def _read_init(cls, value: Any) -> InitialWeights:
        return INITIAL_WEIGHTS.read(value)

    def layers(self, input_shape: tuple[int, ...], outputs: int) -> "list[nn.Module]":
        """The layers from a row to the logits."""
        raise NotImplementedError

    def build(self, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
        """See Model.build."""
        from torch import nn

        model = nn.Sequential(*self.layers(input_shape, outputs))
        self.init.draw(model)
        if self.output == "softmax":
            model.append(nn.Softmax(dim=1))
        return model


def activation(name: Activation) -> "nn.Module":
    """The layer of that name."""
    from torch import nn

    layers: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
    return layers[name]()


MODELS: Registry[Model] = Registry(own="module:Class")
