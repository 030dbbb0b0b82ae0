# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Losses of rows of logits and their gradients, with or without a softmax between logits and loss.

z and delta: Blocks of one memory and one stride, with n numbers in each row. rows: layers.Examples where the labels
or targets are looked up, a count elsewhere.
"""

import math

import numpy as np

from sgdlab.training.engines.native import elementwise
from sgdlab.training.engines.native.vectors import (
    LANES,
    lanes_below,
    largest,
    load,
    load_first,
    njit,
    select,
    spread,
    store,
    total,
)

LOGITS, SOFTMAX = 0, 1
CROSS_ENTROPY, MSE, HALF_MSE = 0, 1, 2

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_MINUS_INFINITY = np.float32(-np.inf)


@njit(error_model="numpy", inline="always")
def _softmax(values, z, p, n, wide):
    """values[p:] = e**(z - max z) for the n numbers z, then 0 up to `wide`; returns their sum and max z."""
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
    return total(sums), peak


@njit(error_model="numpy")
def softmax_rows(z, rows, n):
    """Each row of z becomes its softmax."""
    for row in range(z.at, z.at + rows * z.stride, z.stride):
        mass, _ = _softmax(z.memory, row, row, n, z.stride)
        scale = _ONE / mass
        for i in range(row, row + z.stride, LANES):
            store(z.memory, i, load(z.memory, i) * scale)


@njit(error_model="numpy")
def softmax_rows_backward(p, delta, rows):
    """delta_i = p_i (delta_i - sum_j p_j delta_j): the gradient through p = softmax(z)."""
    values, wide = p.memory, p.stride
    for row in range(0, rows * wide, wide):
        sums = spread(_ZERO)
        for i in range(row, row + wide, LANES):
            sums = sums + load(values, p.at + i) * load(values, delta.at + i)
        common = total(sums)
        for i in range(row, row + wide, LANES):
            store(values, delta.at + i, load(values, p.at + i) * (load(values, delta.at + i) - common))


@njit(error_model="numpy")
def cross_entropy_rows(z, delta, n, rows, labels, share):
    """Sum over the rows of log sum_i e**z_i - z_label; delta = share (softmax(z) - onehot(label))."""
    values, wide, loss = z.memory, z.stride, 0.0
    for r in range(rows.count):
        label, z_at, delta_at = labels[rows.indices[rows.first + r]], z.at + r * wide, delta.at + r * wide
        mass, peak = _softmax(values, z_at, delta_at, n, wide)
        loss += peak + math.log(mass) - values[z_at + label]
        scale = share / mass
        for i in range(0, wide, LANES):
            hot = select(lanes_below(label + 1 - i), share, _ZERO) - select(lanes_below(label - i), share, _ZERO)
            store(values, delta_at + i, load(values, delta_at + i) * scale - hot)
    return loss


@njit(error_model="numpy")
def squared_error_rows(z, delta, n, rows, targets, half, share):
    """Sum over the rows of mean_i (z_i - target_i)^2, or half of it; delta = share times its gradient."""
    values, wide, loss = z.memory, z.stride, 0.0
    mean = (_HALF if half else _ONE) / np.float32(n)
    factor = (mean + mean) * share
    for r in range(rows.count):
        target, z_at, delta_at = rows.indices[rows.first + r] * n, z.at + r * wide, delta.at + r * wide
        squares = spread(_ZERO)
        for i in range(0, wide, LANES):
            error = load_first(values, z_at + i, n - i) - load_first(targets, target + i, n - i)
            squares = squares + error * error
            store(values, delta_at + i, error * factor)
        loss += total(squares) * mean
    return loss
