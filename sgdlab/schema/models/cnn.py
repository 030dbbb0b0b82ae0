"""cnn: a small convolutional network for images."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sgdlab.errors import ConfigError
from sgdlab.schema.models.base import MODELS, Activation, BuiltInModel, activation
from sgdlab.schema.section import Count

if TYPE_CHECKING:
    from torch import nn


@MODELS.member
class CnnModel(BuiltInModel):
    """3x3 convolutions, each with activation and 2x2 max-pooling, then one linear layer."""

    name: Literal["cnn"]
    channels: tuple[Count, ...] = Field((16, 32), strict=False, min_length=1, description="filters of each convolution")
    activation: Activation = Field("relu", description="what follows each convolution")

    def row_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """See Model.row_shape: images keep their shape."""
        return input_shape

    def layers(self, input_shape: tuple[int, ...], outputs: int) -> "list[nn.Module]":
        """See BuiltInModel.layers."""
        from torch import nn

        if len(input_shape) != 3:
            raise ConfigError(
                f"model.name: cnn needs images [channels, height, width]; rows here are {list(input_shape)}; use mlp"
            )
        channels, height, width = input_shape
        layers: list[nn.Module] = []
        for filters in self.channels:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), activation(self.activation), nn.MaxPool2d(2)]
            channels, height, width = filters, height // 2, width // 2
        if not height or not width:
            size = f"{input_shape[1]}x{input_shape[2]}"
            halvings = len(self.channels)
            raise ConfigError(f"model.channels: {halvings} halvings leave nothing of {size} images; use fewer")
        return [*layers, nn.Flatten(), nn.Linear(channels * height * width, outputs)]
