# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Compiled pieces of a training step over a block of rows: gather, products, activations.

Matrices are Blocks of flat float32 buffers. Those of the workspace have rows `padded(width)` floats apart, the
padding finite. Nothing is allocated.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from sgdlab.training.engines.native import elementwise, products
from sgdlab.training.engines.native.products import COLUMNS, ROWS, Block, part, part_of_view
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

RELU, TANH, SIGMOID, GELU = 0, 1, 2, 3

DOT_DEPTH = 1024  # floats of a row that a pass over a tile's rows keeps in the first-level cache
OUTER_DEPTH = 128  # rows of a panel of COLUMNS vectors, likewise
PREFETCH_ROWS = 8  # how many training rows ahead the memory is asked

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_ROOT_HALF = np.float32(math.sqrt(0.5))
_DENSITY = np.float32(1.0 / math.sqrt(2.0 * math.pi))  # of the standard normal distribution, at 0


class Examples(NamedTuple):
    """The examples at hand: indices[first : first + count]."""

    indices: Any
    first: Any
    count: Any


@njit
def padded(width):
    """Floats from row to row: a multiple of ALIGN, an odd one so that rows do not share cache sets."""
    return ALIGN * (((width + ALIGN - 1) // ALIGN) | 1)


@njit
def block(memory, at, width):
    """The buffer of rows of so many numbers that begins at `at`."""
    return Block(memory, at, padded(width))


@njit(error_model="numpy")
def gather(x, width, rows, many, inputs):
    """The chosen rows of the flat x, one below the other in `inputs`; of `many`, those to come are asked for."""
    for r in range(rows.count):
        ahead = rows.first + r + PREFETCH_ROWS
        if ahead < many:
            for k in range(0, width, ALIGN):
                prefetch(x, rows.indices[ahead] * width + k)
        source, target = rows.indices[rows.first + r] * width, inputs.at + r * inputs.stride
        whole = width - width % LANES
        for k in range(0, whole, LANES):
            store(inputs.memory, target + k, load(x, source + k))
        if whole < width:
            store(inputs.memory, target + whole, load_first(x, source + whole, width - whole))


@njit(error_model="numpy")
def forward(x, weight, bias_at, z, rows, n_in, n_out):
    """z[r, o] = bias[o] + sum_k x[r, k] weight[o, k]; the bias in the weight's memory, bias_at -1: none."""
    for o in range(0, z.stride, LANES):
        value = load_first(weight.memory, bias_at + o, n_out - o) if bias_at >= 0 else spread(_ZERO)
        for r in range(rows):
            store(z.memory, z.at + r * z.stride + o, value)
    full_rows, full_columns = rows - rows % ROWS, n_out - n_out % COLUMNS
    for k in range(0, n_in, DOT_DEPTH):
        depth = min(DOT_DEPTH, n_in - k)
        for o in range(0, full_columns, COLUMNS):
            w = part(weight, o, k)
            for r in range(0, full_rows, ROWS):
                products.dot_full(part(x, r, k), w, depth, part(z, r, o))
            for r in range(full_rows, rows):
                products.dot_row(part(x, r, k), w, depth, part(z, r, o))
        for o in range(full_columns, n_out):
            w = part(weight, o, k)
            for r in range(0, full_rows, ROWS):
                products.dot_column(part(x, r, k), w, depth, part(z, r, o))
            for r in range(full_rows, rows):
                products.dot_single(part(x, r, k), w, depth, part(z, r, o))


@njit(error_model="numpy")
def outer(a, b, depth, c, rows, columns, add):
    """c[r, n] (+)= sum_k a[r, k] b[k, n]; a: a View, b and c: Blocks."""
    panel = COLUMNS * LANES
    full_rows, full_columns = rows - rows % ROWS, columns - columns % panel
    for k in range(0, depth, OUTER_DEPTH):
        more, plus = min(OUTER_DEPTH, depth - k), add or k > 0
        for n in range(0, full_columns, panel):
            b_part = part(b, k, n)
            for r in range(0, full_rows, ROWS):
                products.outer_full(part_of_view(a, r, k), b_part, more, part(c, r, n), plus, LANES)
            for r in range(full_rows, rows):
                products.outer_row(part_of_view(a, r, k), b_part, more, part(c, r, n), plus, LANES)
        for n in range(full_columns, columns, LANES):
            b_part, lanes = part(b, k, n), min(LANES, columns - n)
            for r in range(0, full_rows, ROWS):
                products.outer_column(part_of_view(a, r, k), b_part, more, part(c, r, n), plus, lanes)
            for r in range(full_rows, rows):
                products.outer_single(part_of_view(a, r, k), b_part, more, part(c, r, n), plus, lanes)


@njit(error_model="numpy")
def activate(activation, z, rows, slopes_at):
    """Pre-activations become activations in place; GELU, whose slope needs both, leaves it at slopes_at."""
    values = z.memory
    for i in range(0, rows * z.stride, LANES):
        value = load(values, z.at + i)
        if activation == RELU:
            value = select(value < _ZERO, _ZERO, value)
        elif activation == TANH:
            value = elementwise.tanh(value)
        elif activation == SIGMOID:
            value = elementwise.sigmoid(value)
        else:
            below = (elementwise.erf(value * _ROOT_HALF) + _ONE) * _HALF
            store(values, slopes_at + i, below + value * elementwise.exp(value * value * -_HALF) * _DENSITY)
            value = value * below
        store(values, z.at + i, value)


@njit(error_model="numpy")
def activate_backward(activation, activations, rows, slopes_at, deltas):
    """Deltas with respect to the activations become those with respect to the pre-activations, in place."""
    values = activations.memory
    for i in range(0, rows * activations.stride, LANES):
        value, delta = load(values, activations.at + i), load(values, deltas.at + i)
        if activation == RELU:
            delta = select(value <= _ZERO, _ZERO, delta)
        elif activation == TANH:
            delta = delta * (_ONE - value * value)
        elif activation == SIGMOID:
            delta = delta * (value * (_ONE - value))
        else:
            delta = delta * load(values, slopes_at + i)
        store(values, deltas.at + i, delta)


@njit(error_model="numpy")
def column_sums(block, rows, width, place, add):
    """memory[place + o] (+)= sum_r block[r, o]."""
    for o in range(0, width, LANES):
        sums = load_first(block.memory, place + o, width - o) if add else spread(_ZERO)
        for r in range(rows):
            sums = sums + load(block.memory, block.at + r * block.stride + o)
        store_first(block.memory, place + o, width - o, sums)
