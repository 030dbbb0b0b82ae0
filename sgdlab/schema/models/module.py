"""A torch module of the user's own: built, and tried on two rows before anything depends on it."""

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from sgdlab.errors import ConfigError, SgdlabError
from sgdlab.schema.models.base import MODELS, REFERENCE, Model
from sgdlab.schema.references import load_reference

if TYPE_CHECKING:
    from torch import nn


@MODELS.member
class ModuleModel(Model):
    """A torch module class of the user's own, or a function that returns a module."""

    name: str = Field(pattern=REFERENCE, description="module:Class or path/file.py:function")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments for it")
    input: Literal["natural", "flat"] = Field("natural", description="flat: every row as one vector")
    output: Literal["logits", "softmax"] = Field("logits", description="what the module returns")

    def row_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """See Model.row_shape."""
        return input_shape if self.input == "natural" else (math.prod(input_shape),)

    def build(self, input_shape: tuple[int, ...], outputs: int) -> "nn.Module":
        """See Model.build; also raises ConfigError when the name gives no torch module that fits."""
        model = self._made()
        self._try_on_two_rows(model, self.row_shape(input_shape), outputs)
        return model.train()

    def _made(self) -> "nn.Module":
        from torch import nn

        make = load_reference(self.name)
        if not callable(make):
            raise ConfigError(f"model.name: {self.name} is neither a class nor a function")
        try:
            model = make(**self.options)
        except SgdlabError:
            raise
        except Exception as error:  # whatever a user's code raises, here and below
            text = f"{self.name} fails with them: {type(error).__name__}: {error}"
            raise ConfigError(f"model.options: {text}") from error
        if not isinstance(model, nn.Module):
            raise ConfigError(f"model.name: {self.name} must give a torch.nn.Module, not {type(model).__name__}")
        if not any(p.requires_grad for p in model.parameters()):
            raise ConfigError(f"model.name: {self.name} has no parameter to train")
        return model

    def _try_on_two_rows(self, model: "nn.Module", row_shape: tuple[int, ...], outputs: int) -> None:
        import torch

        rows = torch.zeros(2, *row_shape)
        try:
            with torch.no_grad():
                predicted = model.eval()(rows)
        except Exception as error:
            hint = "" if self.input == "flat" else "; model.input: flat gives it vectors"
            raise ConfigError(
                f"model.name: {self.name} fails on rows of shape {list(rows.shape)}: {error}{hint}"
            ) from error
        shape = tuple(predicted.shape) if isinstance(predicted, torch.Tensor) else None
        if shape not in ((2, outputs), (2,) if outputs == 1 else (2, outputs)):
            given = f"a tensor {list(shape)}" if shape is not None else type(predicted).__name__
            raise ConfigError(f"model.name: {self.name} gives {given} for two rows; this data needs [2, {outputs}]")
