"""Whole stretches of training in one compiled call: gather, forward, loss, backward, update, step after step."""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from sgdlab.engine import kernels_layers as layers
from sgdlab.engine import kernels_losses as losses_of
from sgdlab.engine import kernels_rules as rules
from sgdlab.engine.kernels_products import ROWS
from sgdlab.engine.kernels_vectors import ALIGN, pointer

ACTIVATIONS = {"relu": layers.RELU, "tanh": layers.TANH, "sigmoid": layers.SIGMOID, "gelu": layers.GELU}
OUTPUTS = {"logits": losses_of.LOGITS, "softmax": losses_of.SOFTMAX}
LOSSES = {"cross_entropy": losses_of.CROSS_ENTROPY, "mse": losses_of.MSE, "half_mse": losses_of.HALF_MSE}
OPTIMISERS = {"sgd": rules.SGD, "nesterov": rules.NESTEROV, "adam": rules.ADAM, "adamw": rules.ADAMW}

BLOCK_FLOATS = 65536  # a row block's inputs: 256 KiB of the second-level cache
STRIP_FLOATS = 4096  # a strip of the weight gradient: 16 KiB of the first-level cache

# spec: a header, then one record per layer
_LAYERS, _ACTIVATION, _OUTPUT, _LOSS, _OPTIMISER, _BLOCK, _STRIP, _GRADIENT, _SIZE = range(9)
_HEADER = 9
_IN, _OUT, _WEIGHT, _BIAS, _STRIP_ROWS, _VALUES, _DELTAS, _SLOPES = range(8)
_RECORD = 8


def _aligned(floats: int) -> int:
    return -(-floats // ALIGN) * ALIGN


def aligned_zeros(*shape: int) -> NDArray[np.float32]:
    """float32 zeros that start on a cache line, as fast buffers for `train_steps` should."""
    size = math.prod(shape)
    memory = np.zeros(size + ALIGN, dtype=np.float32)
    first = -memory.ctypes.data // memory.itemsize % ALIGN
    return memory[first : first + size].reshape(shape)


def parameter_layout(
    widths: Sequence[int], biases: Sequence[bool]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Where each layer's weight [out, in] and bias [out] stand in the flat buffer (bias -1: none), and its size.

    widths: inputs, hidden units, outputs; biases: one per layer. All in floats; every tensor starts on a
    multiple of 16, and what lies between them is zero and stays so.
    """
    weights, bias_places, end = [], [], 0
    for n_in, n_out, biased in zip(widths, widths[1:], biases, strict=False):
        weights.append(end)
        end += _aligned(n_in * n_out)
        bias_places.append(end if biased else -1)
        end += _aligned(n_out) if biased else 0
    return tuple(weights), tuple(bias_places), end


def _row_block(widths: Sequence[int]) -> int:
    rows = BLOCK_FLOATS // max(layers.padded(width) for width in widths)
    return max(16, min(256, rows - rows % ROWS))


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

    Names as in ACTIVATIONS, OUTPUTS, LOSSES, OPTIMISERS (KeyError otherwise). Shapes and batch sizes share
    one compiled function.
    """
    weights, bias_places, parameters = parameter_layout(widths, biases)
    block = _row_block(widths)
    pairs = list(zip(widths, widths[1:], strict=False))
    strip = 0
    end = _aligned(max(max(_strip_rows(n_in) * n_in, n_out) for n_in, n_out in pairs))
    gradient = end
    end += parameters
    records = []
    hidden_slopes = activation == "gelu"
    values = end
    end += block * layers.padded(widths[0])
    for (n_in, n_out), weight, bias in zip(pairs, weights, bias_places, strict=True):
        size = block * layers.padded(n_out)
        deltas = end
        following = deltas + size
        slopes = following + size
        end = slopes + (size if hidden_slopes else 0)
        records += [n_in, n_out, weight, bias, _strip_rows(n_in), values, deltas, slopes]
        values = following
    records += [0, 0, 0, 0, 0, values, 0, 0]
    codes = [ACTIVATIONS[activation], OUTPUTS[output], LOSSES[loss], OPTIMISERS[optimiser]]
    return np.array([len(pairs), *codes, block, strip, gradient, end, *records], dtype=np.int64)


def workspace_size(spec: NDArray[np.int64]) -> int:
    """Floats of the workspace that `train_steps` needs for this spec; it must be zeros before the first call."""
    return int(spec[_SIZE])


@njit(error_model="numpy")
def _block_forward(parameters, spec, workspace, rows):  # type: ignore[no-untyped-def]
    """Activations of every layer for the rows at hand."""
    for layer in range(spec[_LAYERS]):
        record = spec[_HEADER + layer * _RECORD :]
        n_in, n_out, z_at = record[_IN], record[_OUT], record[_RECORD + _VALUES]
        weight_at, bias_at = record[_WEIGHT], record[_BIAS]
        layers.forward(workspace, record[_VALUES], parameters, weight_at, bias_at, n_in, n_out, rows, workspace, z_at)
        if layer < spec[_LAYERS] - 1:
            layers.activate(spec[_ACTIVATION], workspace, z_at, rows * layers.padded(n_out), record[_SLOPES])


@njit(error_model="numpy")
def _block_loss(labels, targets, indices, first, rows, share, spec, workspace):  # type: ignore[no-untyped-def]
    """Summed loss of the rows at hand; the last layer's deltas, times share, are left in the workspace."""
    record = spec[_HEADER + (spec[_LAYERS] - 1) * _RECORD :]
    z, delta, n = record[_RECORD + _VALUES], record[_DELTAS], record[_OUT]
    wide = layers.padded(n)
    if spec[_OUTPUT] == losses_of.SOFTMAX:
        losses_of.softmax_rows(workspace, z, rows, n, wide)
    if spec[_LOSS] == losses_of.CROSS_ENTROPY:
        loss = losses_of.cross_entropy_rows(workspace, z, delta, rows, n, wide, labels, indices, first, share)
    else:
        half = spec[_LOSS] == losses_of.HALF_MSE
        loss = losses_of.squared_error_rows(
            workspace, z, delta, rows, n, wide, targets, indices, first, half, share
        )
    if spec[_OUTPUT] == losses_of.SOFTMAX:
        losses_of.softmax_rows_backward(workspace, z, delta, rows, wide)
    return loss


@njit(error_model="numpy")
def _layer_gradient(record, spec, parameters, slots, size, rates, workspace, rows, add, last):  # type: ignore[no-untyped-def]
    """Gradient of one layer, strip by strip of its weight, each updated while it is in the first-level cache.

    A batch of several row blocks adds them up in the workspace and updates with the last; one of a single
    block needs no more than the memory of one strip.
    """
    n_in, n_out, height = record[_IN], record[_OUT], record[_STRIP_ROWS]
    weight_at, bias_at, deltas, values = record[_WEIGHT], record[_BIAS], record[_DELTAS], record[_VALUES]
    wide, stride, alone = layers.padded(n_out), layers.padded(n_in), last and not add
    for o in range(0, n_out, height):
        tall, at = min(height, n_out - o), weight_at + o * n_in
        place = spec[_STRIP] if alone else spec[_GRADIENT] + at
        layers.outer(
            workspace, deltas + o, 1, wide, workspace, values, stride, rows, workspace, place, n_in, tall, n_in, add
        )
        if last:
            rules.update(spec[_OPTIMISER], rates, parameters, slots, size, at, workspace, place, tall * n_in)
    if bias_at >= 0:
        place = spec[_STRIP] if alone else spec[_GRADIENT] + bias_at
        layers.column_sums(workspace, deltas, rows, n_out, place, add)
        if last:
            rules.update(spec[_OPTIMISER], rates, parameters, slots, size, bias_at, workspace, place, n_out)


@njit(error_model="numpy")
def _block_backward(parameters, slots, size, spec, rates, workspace, rows, add, last):  # type: ignore[no-untyped-def]
    """Deltas and gradients from the last layer to the first; the update where `last`."""
    for layer in range(spec[_LAYERS] - 1, -1, -1):
        record = spec[_HEADER + layer * _RECORD :]
        if layer > 0:
            n_in, n_out, weight_at = record[_IN], record[_OUT], record[_WEIGHT]
            wide, deltas_at = layers.padded(n_in), spec[_HEADER + (layer - 1) * _RECORD + _DELTAS]
            layers.outer(
                workspace, record[_DELTAS], layers.padded(n_out), 1, parameters, weight_at, n_in, n_out,
                workspace, deltas_at, wide, rows, n_in, False,
            )  # fmt: skip
            slopes_at = spec[_HEADER + (layer - 1) * _RECORD + _SLOPES]
            layers.activate_backward(
                spec[_ACTIVATION], workspace, record[_VALUES], rows * wide, slopes_at, deltas_at
            )
        _layer_gradient(record, spec, parameters, slots, size, rates, workspace, rows, add, last)


@njit(error_model="numpy")
def _steps(x, width, labels, targets, indices, offsets, learning_rates, first_step, parameters, slots, size, spec, hyper, workspace, losses):  # type: ignore[no-untyped-def]
    """The steps of train_steps; x, targets, parameters, slots and workspace are pointers here."""
    for s in range(len(learning_rates)):
        begin, end = offsets[s], offsets[s + 1]
        rates = rules.rates_at(spec[_OPTIMISER], learning_rates[s], first_step + s + 1, hyper)
        share = np.float32(1.0 / (end - begin))
        total = 0.0
        first = begin
        while first < end:
            rows = min(spec[_BLOCK], end - first)
            add, last = first > begin, first + rows == end
            layers.gather(x, width, indices, first, rows, workspace, spec[_HEADER + _VALUES])
            _block_forward(parameters, spec, workspace, rows)
            total += _block_loss(labels, targets, indices, first, rows, share, spec, workspace)
            _block_backward(parameters, slots, size, spec, rates, workspace, rows, add, last)
            first += rows
        losses[s] = total / (end - begin)
        if not math.isfinite(losses[s]):
            return s + 1
    return len(learning_rates)


_f1, _f2 = types.Array(types.float32, 1, "C"), types.Array(types.float32, 2, "C")
_d1, _i1 = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
_SIGNATURE = types.int64(_f2, _i1, _f2, _i1, _i1, _d1, types.int64, _f1, _f2, _i1, _d1, _f1, _d1)


def _sources() -> str:
    folder = Path(__file__).parent
    texts = [path.read_bytes() for path in sorted(folder.glob("kernels*.py"))]
    return hashlib.sha256(b"".join(texts)).hexdigest()


@cache
def compiled() -> Callable[..., int]:
    """train_steps as machine code: compiled at a machine's first call (some ten seconds), then read from a cache."""
    fingerprint = _sources()  # a closure variable, hence in numba's cache key, which else watches this file alone

    @njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")
    def train_steps(x, labels, targets, indices, offsets, learning_rates, first_step, parameters, slots, spec, hyper, workspace, losses):  # type: ignore[no-untyped-def]
        _ = fingerprint
        return _steps(
            pointer(x), x.shape[1], labels, pointer(targets), indices, offsets, learning_rates, first_step,
            pointer(parameters), pointer(slots), slots.shape[1], spec, hyper, pointer(workspace), losses,
        )  # fmt: skip

    return train_steps  # type: ignore[no-any-return]
