"""A model with the initial weights of its seed; what else is asked of any module."""

from typing import Any, cast

import torch
from torch import nn

from sgdlab.schema.models.base import Model
from sgdlab.streams import torch_seed


def build_model(section: Model, input_shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """The model of a config with the initial weights of (seed, "init"), on the CPU.

    input_shape: natural shape of one row; outputs: classes or targets.
    Raises ConfigError when the model cannot take such rows or is no torch module.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        return section.build(input_shape, outputs)


def parameter_count(model: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def state_copy(model: nn.Module) -> dict[str, Any]:
    """The model's state dict, copied, so that further training does not change it."""
    return {key: value.detach().clone() for key, value in cast("dict[str, torch.Tensor]", model.state_dict()).items()}
