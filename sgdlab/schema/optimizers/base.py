"""What every optimiser shares: its config section is built into a class of torch.optim."""

from typing import TYPE_CHECKING, Any

from sgdlab.errors import ConfigError
from sgdlab.schema.nearest import nearest
from sgdlab.schema.registry import Registry
from sgdlab.schema.section import Section

if TYPE_CHECKING:
    import torch

_FUSED_IN_TORCH = ("SGD", "Adam", "AdamW", "Adagrad")
"""The classes of torch.optim that have a fused implementation on CPU and on CUDA."""
_CHOOSE_AN_IMPLEMENTATION = {"fused", "foreach", "differentiable"}


class Optimizer(Section):
    """An update rule of torch.optim with its hyperparameters, the learning rate aside."""

    name: str

    def torch_name(self) -> str:
        """The name of the class in torch.optim."""
        raise NotImplementedError

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of that class but lr."""
        return self.model_dump(exclude={"name"})

    def state_arrays(self) -> int:
        """How many arrays as large as the parameters it keeps from step to step; 0 where unknown."""
        return 0

    def build(self, parameters: "list[torch.nn.Parameter]", lr: float) -> "torch.optim.Optimizer":
        """The optimiser on `parameters`, fused where torch can.

        Raises ConfigError for a class that torch.optim has not, or arguments that it refuses.
        """
        kind, arguments = torch_class(self.torch_name()), self.arguments()
        on_known_device = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
        if kind.__name__ in _FUSED_IN_TORCH and on_known_device and not arguments.keys() & _CHOOSE_AN_IMPLEMENTATION:
            arguments["fused"] = True
        try:
            return kind(parameters, lr=lr, **arguments)  # type: ignore[call-arg]
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(f"optimizer.options: torch.optim.{kind.__name__} refuses them: {error}") from None


def torch_class(name: str) -> "type[torch.optim.Optimizer]":
    """The optimiser class of that name in torch.optim; ConfigError with the nearest one where there is none."""
    import torch

    cls = getattr(torch.optim, name, None)
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer:
        return cls
    known = [each for each in dir(torch.optim) if each[0].isupper() and each != "Optimizer"]
    raise ConfigError(f"optimizer.name: torch.optim has no class {name!r}{nearest(name, known)}")


OPTIMIZERS: Registry[Optimizer] = Registry(own="a class of torch.optim")
