"""Gradients of the training loss while the weights stand still: each example's, and those of batches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from sgdlab.streams import generator
from sgdlab.training import generators
from sgdlab.training.engines.base import Workload
from sgdlab.training.losses import CHUNK_ROWS, loss_of

PerExampleMethod = Literal["vmap", "loop"]
Floats = NDArray[np.float64]

CHUNK_BYTES = {"cpu": 16 << 20, "cuda": 512 << 20}
"""Per-example gradients held at a time; more than fits the cache is slower."""

CHECKED_ROWS = 16
"""Rows on which the mean of the examples' gradients is compared with the batch's gradient."""

AGREEMENT = 1e-3
"""Relative difference allowed there: float32 leaves 1e-6, a module that mixes rows 0.1 and more."""


@contextmanager
def standing_still(workload: Workload) -> Iterator[None]:
    """Dropout off, BatchNorm frozen, torch's random stream kept; every module as before afterwards."""
    modes = [(module, module.training) for module in workload.model.modules()]
    workload.model.eval()
    try:
        with generators.undisturbed(workload.device):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def with_replacement(workload: Workload) -> bool:
    """Whether the config draws its rows with replacement."""
    return workload.config.sampling == "replacement"


def drawn_batches(workload: Workload, size: int, count: int, *position: int) -> Iterator[NDArray[np.int64]]:
    """`count` batches of `size` training rows, with replacement where the config samples so.

    Each is drawn anew, independently of the others and of those that training sees; the same for the same position.
    """
    rng, n = generator(workload.config.seed, "probe", *position, size), len(workload.train.x)
    for _ in range(count):
        yield rng.integers(0, n, size) if with_replacement(workload) else rng.choice(n, size, False, shuffle=False)


def batch_gradient(workload: Workload, rows: NDArray[np.int64] | None = None) -> Floats:
    """Gradient of the mean loss over `rows` (all training rows where None), flat, [P] float64.

    The loss is the config's, without weight decay. The parameters' own .grad is left alone.
    """
    x, y = workload.train.x, workload.train.y
    if rows is not None:
        chosen = torch.from_numpy(rows).to(workload.device)
        x, y = x[chosen], y[chosen]
    total = np.zeros(sum(p.numel() for p in _trained(workload)))
    with standing_still(workload):
        for begin in range(0, len(x), CHUNK_ROWS):
            part = slice(begin, begin + CHUNK_ROWS)
            total += _on_host(_gradient(workload, x[part], y[part])) * (len(x[part]) / len(x))
    return total


def per_example_method(workload: Workload) -> tuple[PerExampleMethod | None, str]:
    """How each example's gradient can be had, and a reason where it is not by vmap.

    None where rows cannot be taken one by one, or where their mean is not the batch's gradient.
    """
    rows = np.arange(min(CHECKED_ROWS, len(workload.train.x)))
    together = batch_gradient(workload, rows)
    reason = ""
    for method, gradients in PER_EXAMPLE.items():
        try:
            with standing_still(workload):
                mean = _on_host(gradients(workload, 0, len(rows))).mean(axis=0)
        except Exception as error:  # a module of the user's own may raise anything
            first_line = (str(error).splitlines() or [""])[0][:160]
            reason = f"{method} fails on this model ({type(error).__name__}: {first_line})"
            continue
        if np.linalg.norm(mean - together) <= AGREEMENT * max(float(np.linalg.norm(together)), 1e-30):
            return method, reason
        return None, "the gradient of a batch of this model is not the mean of its rows' gradients"
    return None, reason


def example_sums(workload: Workload, method: PerExampleMethod) -> tuple[Floats, float]:
    """Σ g_i, [P] float64, and Σ|g_i|² over all training rows, each example's gradient g_i taken by `method`."""
    n = len(workload.train.x)
    parameters = sum(p.numel() for p in _trained(workload))
    budget = CHUNK_BYTES.get(workload.device.type, CHUNK_BYTES["cpu"])
    chunk = min(max(budget // (4 * parameters), 1), 1024)
    gradients = PER_EXAMPLE[method]
    total, squares = np.zeros(parameters), 0.0
    with standing_still(workload):
        for begin in range(0, n, chunk):
            g = gradients(workload, begin, min(begin + chunk, n))
            total += _on_host(g.sum(dim=0))
            squares += float(_on_host(torch.einsum("ij,ij->i", g, g)).sum())
    return total, squares


def _on_host(values: Tensor) -> Floats:
    """float64 on the host: some devices lack it."""
    return values.detach().cpu().double().numpy()


def _by_vmap(workload: Workload, begin: int, end: int) -> Tensor:
    """[rows, P]: vmap of grad of the loss of one example."""
    trained, fixed = _split_state(workload.model)

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        predicted = functional_call(workload.model, (parameters, fixed), (x.unsqueeze(0),))
        return loss_of(workload.config.loss, predicted, y.unsqueeze(0))

    each = vmap(grad(loss), in_dims=(None, 0, 0))(trained, workload.train.x[begin:end], workload.train.y[begin:end])
    return torch.cat([g.flatten(1) for g in each.values()], dim=1)


def _by_loop(workload: Workload, begin: int, end: int) -> Tensor:
    """[rows, P]: one backward pass for each example."""
    x, y = workload.train.x, workload.train.y
    return torch.stack([_gradient(workload, x[i : i + 1], y[i : i + 1]) for i in range(begin, end)])


def _gradient(workload: Workload, x: Tensor, y: Tensor) -> Tensor:
    """Of the mean loss over some rows, [P]."""
    loss = loss_of(workload.config.loss, workload.model(x), y)
    found = torch.autograd.grad(loss, _trained(workload), materialize_grads=True)
    return torch.cat([g.flatten() for g in found])


def _trained(workload: Workload) -> list[nn.Parameter]:
    return [p for p in workload.model.parameters() if p.requires_grad]


PER_EXAMPLE: dict[PerExampleMethod, Callable[[Workload, int, int], Tensor]] = {"vmap": _by_vmap, "loop": _by_loop}
"""The gradients of rows begin to end, [rows, P], by each method, the faster one first."""


def _split_state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Parameters that are trained, and all else that the model holds, by name."""
    trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    fixed = {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}
    return trained, fixed | dict(model.named_buffers())
