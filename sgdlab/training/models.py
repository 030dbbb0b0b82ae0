"""Model factories: linear, mlp, cnn, and modules of the user's own; initial weights."""

import math
from typing import Any, cast

import torch
from torch import nn

from sgdlab.config.references import load_reference
from sgdlab.config.schema import CnnModel, LinearModel, MlpModel, ModelSection, ModuleModel, NormalInit
from sgdlab.errors import ConfigError, SgdlabError
from sgdlab.streams import torch_seed

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
}


def build_model(section: ModelSection, input_shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """The model of a config with the initial weights of (seed, "init"), on the CPU.

    input_shape: natural shape of one row; outputs: classes or targets.
    Raises ConfigError when the model cannot take such rows or is no torch module.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        match section:
            case LinearModel():
                model = _mlp(math.prod(input_shape), (), outputs, "relu")
            case MlpModel():
                model = _mlp(math.prod(input_shape), section.hidden, outputs, section.activation)
            case CnnModel():
                model = _cnn(section, input_shape, outputs)
            case ModuleModel():
                return _own(section, input_shape, outputs)
        if isinstance(section.init, NormalInit):
            _draw_normal(model, section.init)
    if section.output == "softmax":
        model.append(nn.Softmax(dim=1))
    return model


def row_shape(section: ModelSection, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape in which the model takes one row: natural for images, flat for linear layers."""
    natural = isinstance(section, CnnModel) or (isinstance(section, ModuleModel) and section.input == "natural")
    return input_shape if natural else (math.prod(input_shape),)


def _mlp(features: int, hidden: tuple[int, ...], outputs: int, activation: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(features, width), ACTIVATIONS[activation]()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, outputs))


def _cnn(section: CnnModel, input_shape: tuple[int, ...], outputs: int) -> nn.Sequential:
    if len(input_shape) != 3:
        raise ConfigError(
            f"model.name: cnn needs images [channels, height, width]; rows here are {list(input_shape)}; use mlp"
        )
    channels, height, width = input_shape
    layers: list[nn.Module] = []
    for filters in section.channels:
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1),
            ACTIVATIONS[section.activation](),
            nn.MaxPool2d(2),
        ]
        channels, height, width = filters, height // 2, width // 2
    if not height or not width:
        size = f"{input_shape[1]}x{input_shape[2]}"
        raise ConfigError(f"model.channels: {len(section.channels)} halvings leave nothing of {size} images; use fewer")
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, outputs))


def _draw_normal(model: nn.Module, init: NormalInit) -> None:
    """Weights from N(0, std²); biases zero unless torch's own draw is wanted."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=init.std)
            if module.bias is not None and init.bias == "zero":
                nn.init.zeros_(module.bias)


def _own(section: ModuleModel, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """The user's module, tried on two rows of zeros before anything depends on it."""
    make = load_reference(section.name)
    if not callable(make):
        raise ConfigError(f"model.name: {section.name} is neither a class nor a function")
    try:
        model = make(**section.options)
    except SgdlabError:
        raise
    except Exception as error:  # whatever a user's code raises, here and below
        text = f"{section.name} fails with them: {type(error).__name__}: {error}"
        raise ConfigError(f"model.options: {text}") from error
    if not isinstance(model, nn.Module):
        raise ConfigError(f"model.name: {section.name} must give a torch.nn.Module, not {type(model).__name__}")
    if not any(p.requires_grad for p in model.parameters()):
        raise ConfigError(f"model.name: {section.name} has no parameter to train")
    rows = torch.zeros(2, *row_shape(section, input_shape))
    try:
        with torch.no_grad():
            predicted = model.eval()(rows)
    except Exception as error:
        hint = "" if section.input == "flat" else "; model.input: flat gives it vectors"
        raise ConfigError(
            f"model.name: {section.name} fails on rows of shape {list(rows.shape)}: {error}{hint}"
        ) from error
    shape = tuple(predicted.shape) if isinstance(predicted, torch.Tensor) else None
    if shape not in ((2, outputs), (2,) if outputs == 1 else (2, outputs)):
        given = f"a tensor {list(shape)}" if shape is not None else type(predicted).__name__
        raise ConfigError(f"model.name: {section.name} gives {given} for two rows; this data needs [2, {outputs}]")
    return model.train()


def parameter_count(model: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def state_copy(model: nn.Module) -> dict[str, Any]:
    """The model's state dict, copied, so that further training does not change it."""
    return {key: value.detach().clone() for key, value in cast("dict[str, torch.Tensor]", model.state_dict()).items()}
