# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Compiled pieces of a training step over a block of rows: gather, products, activations.

Buffers are flat and float32; a matrix's rows are `padded(width)` floats apart, the padding finite, and
nothing is allocated.
"""

import math

import numpy as np

from sgdlab.training.engines.native import elementwise
from sgdlab.training.engines.native.products import (
    COLUMNS,
    ROWS,
    dot_column,
    dot_full,
    dot_row,
    dot_single,
    outer_column,
    outer_full,
    outer_row,
    outer_single,
)
from sgdlab.training.engines.native.vectors import (
    ALIGN,
    LANES,
    load,
    load_first,
    njit,
    prefetch,
    select,
    spread,
    store,
    store_first,
)

ACTIVATIONS = RELU, TANH, SIGMOID, GELU = 0, 1, 2, 3

DOT_DEPTH = 1024  # floats of a row that a pass over a tile's rows keeps in the first-level cache
OUTER_DEPTH = 128  # rows of a panel of COLUMNS vectors, likewise
PREFETCH_ROWS = 8  # how many training rows ahead the memory is asked

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_ROOT_HALF = np.float32(math.sqrt(0.5))
_DENSITY = np.float32(1.0 / math.sqrt(2.0 * math.pi))  # of the standard normal distribution, at 0


@njit
def padded(width):
    """Floats from row to row: a multiple of ALIGN, an odd one so that rows do not share cache sets."""
    return ALIGN * (((width + ALIGN - 1) // ALIGN) | 1)


@njit(error_model="numpy")
def gather(x, width, indices, many, first, rows, workspace, at):
    """Rows indices[first : first + rows] of the flat x, one below the other; of `many`, those to come are asked for."""
    stride = padded(width)
    for r in range(rows):
        ahead = first + r + PREFETCH_ROWS
        if ahead < many:
            for k in range(0, width, ALIGN):
                prefetch(x, indices[ahead] * width + k)
        source, target = indices[first + r] * width, at + r * stride
        whole = width - width % LANES
        for k in range(0, whole, LANES):
            store(workspace, target + k, load(x, source + k))
        if whole < width:
            store(workspace, target + whole, load_first(x, source + whole, width - whole))


@njit(error_model="numpy")
def forward(z, x_at, weight, weight_at, bias_at, n_in, n_out, rows, z_at):
    """z[r, o] = bias[o] + sum_k x[r, k] weight[o, k], x and z in one buffer; bias_at -1: no bias."""
    stride, wide = padded(n_in), padded(n_out)
    for o in range(0, wide, LANES):
        value = load_first(weight, bias_at + o, n_out - o) if bias_at >= 0 else spread(_ZERO)
        for r in range(rows):
            store(z, z_at + r * wide + o, value)
    full_rows, full_columns = rows - rows % ROWS, n_out - n_out % COLUMNS
    for k in range(0, n_in, DOT_DEPTH):
        depth, x_k, w_k = min(DOT_DEPTH, n_in - k), x_at + k, weight_at + k
        for o in range(0, full_columns, COLUMNS):
            w, out = w_k + o * n_in, z_at + o
            for r in range(0, full_rows, ROWS):
                dot_full(z, x_k + r * stride, stride, weight, w, n_in, depth, z, out + r * wide, wide)
            for r in range(full_rows, rows):
                dot_row(z, x_k + r * stride, stride, weight, w, n_in, depth, z, out + r * wide, wide)
        for o in range(full_columns, n_out):
            w, out = w_k + o * n_in, z_at + o
            for r in range(0, full_rows, ROWS):
                dot_column(z, x_k + r * stride, stride, weight, w, n_in, depth, z, out + r * wide, wide)
            for r in range(full_rows, rows):
                dot_single(z, x_k + r * stride, stride, weight, w, n_in, depth, z, out + r * wide, wide)


@njit(error_model="numpy")
def outer(a, place, b, b_at, b_stride, depth, c, c_at, c_stride, rows, columns, add):
    """c[r, n] (+)= sum_k a[r, k] b[k, n], with a[r, k] at place[0] + r place[1] + k place[2]."""
    a_at, a_row, a_depth = place
    panel = COLUMNS * LANES
    full_rows, full_columns = rows - rows % ROWS, columns - columns % panel
    for k in range(0, depth, OUTER_DEPTH):
        more, plus = min(OUTER_DEPTH, depth - k), add or k > 0
        a_k, b_k = a_at + k * a_depth, b_at + k * b_stride
        for n in range(0, full_columns, panel):
            b_n, c_n = b_k + n, c_at + n
            for r in range(0, full_rows, ROWS):
                a_r, c_r = a_k + r * a_row, c_n + r * c_stride
                outer_full(a, a_r, a_row, a_depth, b, b_n, b_stride, more, c, c_r, c_stride, plus, LANES)
            for r in range(full_rows, rows):
                a_r, c_r = a_k + r * a_row, c_n + r * c_stride
                outer_row(a, a_r, a_row, a_depth, b, b_n, b_stride, more, c, c_r, c_stride, plus, LANES)
        for n in range(full_columns, columns, LANES):
            b_n, c_n, lanes = b_k + n, c_at + n, min(LANES, columns - n)
            for r in range(0, full_rows, ROWS):
                a_r, c_r = a_k + r * a_row, c_n + r * c_stride
                outer_column(a, a_r, a_row, a_depth, b, b_n, b_stride, more, c, c_r, c_stride, plus, lanes)
            for r in range(full_rows, rows):
                a_r, c_r = a_k + r * a_row, c_n + r * c_stride
                outer_single(a, a_r, a_row, a_depth, b, b_n, b_stride, more, c, c_r, c_stride, plus, lanes)


@njit(error_model="numpy")
def activate(activation, values, at, count, slopes_at):
    """Pre-activations become activations in place; GELU, whose slope needs both, leaves it at slopes_at."""
    if activation == RELU:
        for i in range(at, at + count, LANES):
            value = load(values, i)
            store(values, i, select(value < _ZERO, _ZERO, value))
    elif activation == TANH:
        for i in range(at, at + count, LANES):
            store(values, i, elementwise.tanh(load(values, i)))
    elif activation == SIGMOID:
        for i in range(at, at + count, LANES):
            store(values, i, elementwise.sigmoid(load(values, i)))
    else:
        for i in range(0, count, LANES):
            z = load(values, at + i)
            below = (elementwise.erf(z * _ROOT_HALF) + _ONE) * _HALF
            store(values, slopes_at + i, below + z * elementwise.exp(z * z * -_HALF) * _DENSITY)
            store(values, at + i, z * below)


@njit(error_model="numpy")
def activate_backward(activation, values, at, count, slopes_at, deltas_at):
    """Deltas, with respect to the activations at `at`, become those with respect to the pre-activations."""
    for i in range(0, count, LANES):
        value, delta = load(values, at + i), load(values, deltas_at + i)
        if activation == RELU:
            delta = select(value <= _ZERO, _ZERO, delta)
        elif activation == TANH:
            delta = delta * (_ONE - value * value)
        elif activation == SIGMOID:
            delta = delta * (value * (_ONE - value))
        else:
            delta = delta * load(values, slopes_at + i)
        store(values, deltas_at + i, delta)


@njit(error_model="numpy")
def column_sums(values, at, rows, width, place, add):
    """values[place + o] (+)= sum_r values[at + r padded(width) + o]."""
    wide = padded(width)
    for o in range(0, width, LANES):
        sums = load_first(values, place + o, width - o) if add else spread(_ZERO)
        for r in range(rows):
            sums = sums + load(values, at + r * wide + o)
        store_first(values, place + o, width - o, sums)
