"""linear and mlp: linear layers, with an activation between them."""

import itertools
import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sgdlab.schema.models.base import MODELS, Activation, BuiltInModel, activation
from sgdlab.schema.section import Count

if TYPE_CHECKING:
    from torch import nn


@MODELS.member
class LinearModel(BuiltInModel):
    """One linear layer."""

    name: Literal["linear"]

    def layers(self, input_shape: tuple[int, ...], outputs: int) -> "list[nn.Module]":
        """See BuiltInModel.layers."""
        from torch import nn

        return [nn.Linear(math.prod(input_shape), outputs)]

    def widths(self, features: int, outputs: int) -> tuple[int, ...]:
        """See Model.widths."""
        return (features, outputs)


@MODELS.member
class MlpModel(BuiltInModel):
    """Linear layers with an activation between them."""

    name: Literal["mlp"]
    hidden: tuple[Count, ...] = Field((50,), strict=False, description="width of each hidden layer")
    activation: Activation = Field("relu", description="what stands between the layers")

    def layers(self, input_shape: tuple[int, ...], outputs: int) -> "list[nn.Module]":
        """See BuiltInModel.layers."""
        from torch import nn

        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(self.widths(math.prod(input_shape), outputs)):
            layers += [nn.Linear(n_in, n_out), activation(self.activation)]
        return layers[:-1]

    def widths(self, features: int, outputs: int) -> tuple[int, ...]:
        """See Model.widths."""
        return (features, *self.hidden, outputs)
