"""Losses as means over examples, and how well a model does on a whole split."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHUNK_ROWS = 2048
"""Rows evaluated at a time: bounds the memory of the activations and keeps them in cache."""


@dataclass(frozen=True)
class Scores:
    """loss: mean over examples. accuracy: share of right classes, NaN for regression."""

    loss: float
    accuracy: float


def loss_of(name: str, predicted: Tensor, y: Tensor) -> Tensor:
    """Mean loss of a batch, a scalar tensor.

    cross_entropy: -log softmax(predicted)[y], in nats (on top of softmax outputs where the model ends
    in them, as published); mse: mean of (predicted - y)² over examples and outputs; half_mse: half.
    """
    if name == "cross_entropy":
        return F.cross_entropy(predicted, y)
    error = F.mse_loss(predicted.reshape(y.shape), y)
    return error / 2 if name == "half_mse" else error


@torch.no_grad()
def evaluate(
    model: nn.Module, loss: str, x: Tensor, y: Tensor, between_chunks: Callable[[], None] = lambda: None
) -> Scores:
    """Loss and accuracy over all rows, in chunks, in evaluation mode; training is not affected.

    Sums are float64 on the host, so that a device is waited for only at the end (and may lack float64).
    between_chunks: may raise, to leave a long evaluation.
    """
    training = model.training
    model.eval()
    try:
        return _scores(model, loss, x, y, between_chunks)
    finally:
        model.train(training)


def _scores(model: nn.Module, loss: str, x: Tensor, y: Tensor, between_chunks: Callable[[], None]) -> Scores:
    losses, sizes = [], []
    right = torch.zeros((), dtype=torch.int64, device=x.device)
    for begin in range(0, len(x), CHUNK_ROWS):
        between_chunks()
        rows = slice(begin, begin + CHUNK_ROWS)
        predicted = model(x[rows])
        losses.append(loss_of(loss, predicted, y[rows]))
        sizes.append(len(predicted))
        if loss == "cross_entropy":
            right += (predicted.argmax(dim=1) == y[rows]).sum()
    accuracy = right.item() / len(x) if loss == "cross_entropy" else float("nan")
    total = torch.stack(losses).cpu().double() @ torch.tensor(sizes, dtype=torch.float64)
    return Scores(total.item() / len(x), accuracy)


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """The model's outputs for all rows, [rows, outputs], in evaluation mode."""
    training = model.training
    model.eval()
    parts = [model(x[begin : begin + CHUNK_ROWS]) for begin in range(0, len(x), CHUNK_ROWS)]
    model.train(training)
    return torch.cat([part.reshape(len(part), -1) for part in parts])
