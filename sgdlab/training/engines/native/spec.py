"""What the compiled steps are told: model, loss and rule as integers, and the plan of their buffers."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sgdlab.training.engines.native import layers, losses
from sgdlab.training.engines.native import update_rules as rules
from sgdlab.training.engines.native.products import ROWS
from sgdlab.training.engines.native.vectors import ALIGN

ACTIVATIONS = {"relu": layers.RELU, "tanh": layers.TANH, "sigmoid": layers.SIGMOID, "gelu": layers.GELU}
OUTPUTS = {"logits": losses.LOGITS, "softmax": losses.SOFTMAX}
LOSSES = {"cross_entropy": losses.CROSS_ENTROPY, "mse": losses.MSE, "half_mse": losses.HALF_MSE}
OPTIMIZERS = {"sgd": rules.SGD, "nesterov": rules.NESTEROV, "adam": rules.ADAM, "adamw": rules.ADAMW}

BLOCK_FLOATS = 65536  # a row block's inputs: 256 KiB of the second-level cache
STRIP_FLOATS = 4096  # a strip of the weight gradient: 16 KiB of the first-level cache

# The places in spec: a header, then one record per layer and a last one that names the logits' values.
LAYERS, ACTIVATION, OUTPUT, LOSS, OPTIMIZER, BLOCK, STRIP, GRADIENT, SIZE = range(9)
HEADER = 9
IN, OUT, WEIGHT, BIAS, STRIP_ROWS, VALUES, DELTAS, SLOPES = range(8)
RECORD = 8


def _aligned(floats: int) -> int:
    return -(-floats // ALIGN) * ALIGN


def aligned_zeros(*shape: int) -> NDArray[np.float32]:
    """float32 zeros that start on a cache line, as fast buffers for `train_steps` should."""
    size = math.prod(shape)
    memory = np.zeros(size + ALIGN, dtype=np.float32)
    first = -memory.ctypes.data // memory.itemsize % ALIGN
    return memory[first : first + size].reshape(shape)


def parameter_layout(widths: Sequence[int], biases: Sequence[bool]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Where each layer's weight [out, in] and bias [out] stand in the flat buffer, and the buffer's size.

    widths: inputs, hidden units, outputs; biases: one per layer, false ones stand at -1. All in floats;
    every tensor starts on a multiple of 16, and what lies between them is zero and stays so.
    """
    weights: list[int] = []
    bias_places: list[int] = []
    end = 0
    for (n_in, n_out), biased in zip(pairwise(widths), biases, strict=True):
        weights.append(end)
        end += _aligned(n_in * n_out)
        bias_places.append(end if biased else -1)
        end += _aligned(n_out) if biased else 0
    return tuple(weights), tuple(bias_places), end


def _row_block(widths: Sequence[int]) -> int:
    rows = BLOCK_FLOATS // max(layers.padded(width) for width in widths)
    return int(max(16, min(256, rows - rows % ROWS)))


def _strip_rows(n_in: int) -> int:
    return max(ROWS, STRIP_FLOATS // n_in // ROWS * ROWS)


def make_spec(
    widths: Sequence[int],
    biases: Sequence[bool],
    activation: str,
    output: str,
    loss: str,
    optimiser: str,
) -> NDArray[np.int64]:
    """The int64 description of model, loss and update rule that `train_steps` reads.

    Names as in ACTIVATIONS, OUTPUTS, LOSSES, OPTIMIZERS (KeyError otherwise). Shapes and batch sizes share
    one compiled function.
    """
    weights, bias_places, parameters = parameter_layout(widths, biases)
    block = _row_block(widths)
    pairs = list(pairwise(widths))
    strip = 0  # the workspace: a strip, the whole gradient, then each layer's values, deltas and slopes
    end = _aligned(max(max(_strip_rows(n_in) * n_in, n_out) for n_in, n_out in pairs))
    gradient = end
    end += parameters
    records: list[int] = []
    values = end
    end += block * layers.padded(widths[0])
    for (n_in, n_out), weight, bias in zip(pairs, weights, bias_places, strict=True):
        size = block * layers.padded(n_out)
        deltas = end
        following = deltas + size
        slopes = following + size
        end = slopes + (size if activation == "gelu" else 0)
        records += [n_in, n_out, weight, bias, _strip_rows(n_in), values, deltas, slopes]
        values = following
    records += [0, 0, 0, 0, 0, values, 0, 0]
    codes = [ACTIVATIONS[activation], OUTPUTS[output], LOSSES[loss], OPTIMIZERS[optimiser]]
    return np.array([len(pairs), *codes, block, strip, gradient, end, *records], dtype=np.int64)


def workspace_size(spec: NDArray[np.int64]) -> int:
    """Floats of the workspace that `train_steps` needs for this spec; zeros before the first call."""
    return int(spec[SIZE])
