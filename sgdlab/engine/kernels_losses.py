"""Losses of rows of logits and their gradients, with or without a softmax between logits and loss."""

import math

import numpy as np
from numba import njit

from sgdlab.engine import kernels_elementwise as elementwise
from sgdlab.engine.kernels_vectors import (
    LANES,
    lanes_below,
    largest,
    load,
    load_first,
    select,
    spread,
    store,
    total,
)

OUTPUTS = LOGITS, SOFTMAX = 0, 1
LOSSES = CROSS_ENTROPY, MSE, HALF_MSE = 0, 1, 2

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_MINUS_INFINITY = np.float32(-np.inf)


@njit(error_model="numpy")
def _softmax(values, z, p, n, wide):  # type: ignore[no-untyped-def]
    """values[p:] = softmax(values[z : z + n]), 0 from n up to wide; returns log sum e**z. p may be z."""
    top = spread(_MINUS_INFINITY)
    for i in range(0, wide, LANES):
        value = select(lanes_below(n - i), load(values, z + i), _MINUS_INFINITY)
        top = select(value > top, value, top)
    peak = largest(top)
    sums = spread(_ZERO)
    for i in range(0, wide, LANES):
        value = select(lanes_below(n - i), load(values, z + i), _MINUS_INFINITY)
        value = elementwise.exp(value - peak)
        sums = sums + value
        store(values, p + i, value)
    mass = total(sums)
    scale = _ONE / mass
    for i in range(0, wide, LANES):
        store(values, p + i, load(values, p + i) * scale)
    return peak + math.log(mass)


@njit(error_model="numpy")
def cross_entropy(values, z, delta, n, wide, label, share):  # type: ignore[no-untyped-def]
    """log sum e**z - z[label]; values[delta:] = share times its gradient, softmax(z) - onehot(label)."""
    correct = values[z + label]
    value = _softmax(values, z, delta, n, wide) - correct
    values[delta + label] -= _ONE
    for i in range(0, wide, LANES):
        store(values, delta + i, load(values, delta + i) * share)
    return value


@njit(error_model="numpy")
def squared_error(values, z, delta, n, wide, targets, target, half, share):  # type: ignore[no-untyped-def]
    """mean_i (z_i - target_i)^2, or half of it; values[delta:] = share times its gradient."""
    mean = _ONE / np.float32(n)
    if half:
        mean *= _HALF
    factor = (mean + mean) * share
    squares = spread(_ZERO)
    for i in range(0, wide, LANES):
        error = load_first(values, z + i, n - i) - load_first(targets, target + i, n - i)
        squares = squares + error * error
        store(values, delta + i, error * factor)
    return total(squares) * mean


@njit(error_model="numpy")
def softmax_backward(values, p, delta, wide):  # type: ignore[no-untyped-def]
    """delta_i = p_i (delta_i - sum_j p_j delta_j): the gradient through p = softmax(z)."""
    sums = spread(_ZERO)
    for i in range(0, wide, LANES):
        sums = sums + load(values, p + i) * load(values, delta + i)
    common = total(sums)
    for i in range(0, wide, LANES):
        store(values, delta + i, load(values, p + i) * (load(values, delta + i) - common))


@njit(error_model="numpy")
def loss_row(loss, output, values, z, delta, n, wide, label, targets, target, share):  # type: ignore[no-untyped-def]
    """Loss of the logits values[z : z + n]; values[delta:] = share times its gradient. Rows lie `wide` apart."""
    if output == SOFTMAX:
        _softmax(values, z, z, n, wide)
    if loss == CROSS_ENTROPY:
        value = cross_entropy(values, z, delta, n, wide, label, share)
    else:
        value = squared_error(values, z, delta, n, wide, targets, target, loss == HALF_MSE, share)
    if output == SOFTMAX:
        softmax_backward(values, z, delta, wide)
    return value
