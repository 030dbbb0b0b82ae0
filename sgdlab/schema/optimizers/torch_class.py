"""Any other optimiser of torch.optim, by the name of its class."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from sgdlab.errors import ConfigError
from sgdlab.schema.optimizers.base import OPTIMIZERS, Optimizer, torch_class

if TYPE_CHECKING:
    import torch


@OPTIMIZERS.member
class TorchOptimizer(Optimizer):
    """Any class of torch.optim by its name; `options` are its keyword arguments but lr."""

    name: str = Field(pattern=r"^[A-Z]\w*$")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the class")

    def torch_name(self) -> str:
        """See Optimizer.torch_name."""
        return self.name

    def arguments(self) -> dict[str, Any]:
        """See Optimizer.arguments."""
        return dict(self.options)

    def build(self, parameters: "list[torch.nn.Parameter]", lr: float) -> "torch.optim.Optimizer":
        """See Optimizer.build; refuses a class that steps by more than a dense gradient, as LBFGS and SparseAdam do."""
        import torch

        optimizer = super().build(parameters, lr)
        spare = torch.nn.Parameter(torch.zeros(2, 2))
        spare.grad = torch.zeros_like(spare)
        try:
            torch_class(self.name)([spare], lr=0.0, **self.arguments()).step()  # type: ignore[call-arg]
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"optimizer.name: torch.optim.{self.name} takes no plain steps: {error}") from None
        return optimizer
