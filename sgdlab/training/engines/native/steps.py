# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""Whole segments of training in one compiled call: gather, forward, loss, backward, update, step by step."""

import hashlib
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import types

from sgdlab.training.engines.native import layers
from sgdlab.training.engines.native import losses as losses_of
from sgdlab.training.engines.native import spec as spec_at
from sgdlab.training.engines.native import update_rules as rules
from sgdlab.training.engines.native.spec import (
    ACTIVATIONS,
    LOSSES,
    OPTIMISERS,
    OUTPUTS,
    aligned_zeros,
    make_spec,
    parameter_layout,
    workspace_size,
)
from sgdlab.training.engines.native.vectors import njit, pointer

__all__ = [
    "ACTIVATIONS",
    "LOSSES",
    "OPTIMISERS",
    "OUTPUTS",
    "aligned_zeros",
    "compiled",
    "evaluation",
    "make_spec",
    "parameter_layout",
    "workspace_size",
]


class _Job(NamedTuple):
    """Pointers to what a call works on (an array would cost seven words and reference counts), and sizes."""

    x: Any
    width: Any  # of a row of x
    labels: Any
    targets: Any
    indices: Any
    many: Any  # indices
    parameters: Any
    slots: Any
    size: Any  # of the parameters, and of each memory in slots
    spec: Any
    workspace: Any


class _Layer(NamedTuple):
    """One layer's record in spec: sizes, and places in parameters (weight, bias) and workspace (the rest)."""

    n_in: Any
    n_out: Any
    weight: Any
    bias: Any
    strip_rows: Any
    inputs: Any
    deltas: Any
    slopes: Any
    outputs: Any  # the next layer's inputs


@njit(error_model="numpy")
def _layer(spec, layer):
    at = spec_at.HEADER + layer * spec_at.RECORD
    sizes = (spec[at + spec_at.IN], spec[at + spec_at.OUT])
    tensors = (spec[at + spec_at.WEIGHT], spec[at + spec_at.BIAS], spec[at + spec_at.STRIP_ROWS])
    places = (spec[at + spec_at.VALUES], spec[at + spec_at.DELTAS], spec[at + spec_at.SLOPES])
    return _Layer(*sizes, *tensors, *places, spec[at + spec_at.RECORD + spec_at.VALUES])


@njit(error_model="numpy")
def _forward(job, rows):
    """Activations of every layer for the rows at hand, and the last layer's logits."""
    depth, activation, workspace = job.spec[spec_at.LAYERS], job.spec[spec_at.ACTIVATION], job.workspace
    for index in range(depth):
        at = _layer(job.spec, index)
        layers.forward(workspace, at.inputs, job.parameters, at.weight, at.bias, at.n_in, at.n_out, rows, at.outputs)
        if index < depth - 1:
            layers.activate(activation, workspace, at.outputs, rows * layers.padded(at.n_out), at.slopes)


@njit(error_model="numpy")
def _loss(job, first, rows, share):
    """Summed loss of the rows at hand; the last layer's deltas, times share, are left in the workspace."""
    at, workspace, loss = _layer(job.spec, job.spec[spec_at.LAYERS] - 1), job.workspace, job.spec[spec_at.LOSS]
    z, delta, n, wide = at.outputs, at.deltas, at.n_out, layers.padded(at.n_out)
    softmax = job.spec[spec_at.OUTPUT] == losses_of.SOFTMAX
    if softmax:
        losses_of.softmax_rows(workspace, z, rows, n, wide)
    if loss == losses_of.CROSS_ENTROPY:
        value = losses_of.cross_entropy_rows(workspace, z, delta, rows, n, wide, job.labels, job.indices, first, share)
    else:
        half = loss == losses_of.HALF_MSE
        value = losses_of.squared_error_rows(
            workspace, z, delta, rows, n, wide, job.targets, job.indices, first, half, share
        )
    if softmax:
        losses_of.softmax_rows_backward(workspace, z, delta, rows, wide)
    return value


@njit(error_model="numpy")
def _gradient(job, at, rates, rows, add, last):
    """Gradient of one layer, strip by strip of its weight, each updated while it is in the first-level cache.

    A batch of several row blocks adds them up in the workspace and updates with the last; one of a single
    block needs no more than the memory of one strip.
    """
    workspace, rule = job.workspace, job.spec[spec_at.OPTIMISER]
    strip, gradient = job.spec[spec_at.STRIP], job.spec[spec_at.GRADIENT]
    wide, stride, alone = layers.padded(at.n_out), layers.padded(at.n_in), last and not add
    for o in range(0, at.n_out, at.strip_rows):
        height = min(at.strip_rows, at.n_out - o)
        weight, count = at.weight + o * at.n_in, height * at.n_in
        place = strip if alone else gradient + weight
        delta = (at.deltas + o, 1, wide)
        layers.outer(
            workspace, delta, workspace, at.inputs, stride, rows, workspace, place, at.n_in, height, at.n_in, add
        )
        if last:
            rules.update(rule, rates, job.parameters, job.slots, job.size, weight, workspace, place, count)
    if at.bias >= 0:
        place = strip if alone else gradient + at.bias
        layers.column_sums(workspace, at.deltas, rows, at.n_out, place, add)
        if last:
            rules.update(rule, rates, job.parameters, job.slots, job.size, at.bias, workspace, place, at.n_out)


@njit(error_model="numpy")
def _backward(job, rates, rows, add, last):
    """Deltas and gradients from the last layer to the first; every layer's update where `last`."""
    workspace, activation = job.workspace, job.spec[spec_at.ACTIVATION]
    for index in range(job.spec[spec_at.LAYERS] - 1, -1, -1):
        at = _layer(job.spec, index)
        if index > 0:
            before, wide = _layer(job.spec, index - 1), layers.padded(at.n_in)
            delta = (at.deltas, layers.padded(at.n_out), 1)
            layers.outer(
                workspace, delta, job.parameters, at.weight, at.n_in, at.n_out,
                workspace, before.deltas, wide, rows, at.n_in, False,
            )  # fmt: skip
            layers.activate_backward(activation, workspace, at.inputs, rows * wide, before.slopes, before.deltas)
        _gradient(job, at, rates, rows, add, last)


@njit(error_model="numpy")
def _steps(job, offsets, learning_rates, first_step, hyper, losses):
    spec = job.spec
    for s in range(len(learning_rates)):
        begin, end = offsets[s], offsets[s + 1]
        rates = rules.rates_at(spec[spec_at.OPTIMISER], learning_rates[s], first_step + s + 1, hyper)
        share = np.float32(1.0 / (end - begin))
        total = 0.0
        first = begin
        while first < end:
            rows = min(spec[spec_at.BLOCK], end - first)
            add, last = first > begin, first + rows == end
            inputs = spec[spec_at.HEADER + spec_at.VALUES]
            layers.gather(job.x, job.width, job.indices, job.many, first, rows, job.workspace, inputs)
            _forward(job, rows)
            total += _loss(job, first, rows, share)
            _backward(job, rates, rows, add, last)
            first += rows
        losses[s] = total / (end - begin)
        if not math.isfinite(losses[s]):
            return s + 1
    return len(learning_rates)


@njit(error_model="numpy")
def _right(job, first, rows):
    """How many of the rows at hand have their largest output at their label; the first one of equals."""
    at = _layer(job.spec, job.spec[spec_at.LAYERS] - 1)
    wide, right = layers.padded(at.n_out), 0
    for r in range(rows):
        z, best = at.outputs + r * wide, 0
        for i in range(1, at.n_out):
            if job.workspace[z + i] > job.workspace[z + best]:
                best = i
        right += best == job.labels[job.indices[first + r]]
    return right


@njit(error_model="numpy")
def _evaluate(job, right):
    """Summed loss of all rows of the job; right[0] is raised by those that are classified rightly."""
    total, first = 0.0, 0
    while first < job.many:
        rows = min(job.spec[spec_at.BLOCK], job.many - first)
        inputs = job.spec[spec_at.HEADER + spec_at.VALUES]
        layers.gather(job.x, job.width, job.indices, job.many, first, rows, job.workspace, inputs)
        _forward(job, rows)
        total += _loss(job, first, rows, np.float32(1.0))
        if job.spec[spec_at.LOSS] == losses_of.CROSS_ENTROPY:
            right[0] += _right(job, first, rows)
        first += rows
    return total


_f1, _f2 = types.Array(types.float32, 1, "C"), types.Array(types.float32, 2, "C")
_d1, _i1 = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
_SIGNATURE = types.int64(_f2, _i1, _f2, _i1, _i1, _d1, types.int64, _f1, _f2, _i1, _d1, _f1, _d1)
_EVALUATION = types.float64(_f2, _i1, _f2, _i1, _f1, _i1, _f1, _i1)


def _sources() -> str:
    folder = Path(__file__).parent
    texts = [path.read_bytes() for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(b"".join(texts)).hexdigest()


@cache
def compiled() -> Callable[..., int]:
    """train_steps as machine code: compiled at a machine's first call (some ten seconds), then from a cache.

    `train_steps(x, labels, targets, indices, offsets, learning_rates, first_step, parameters, slots, spec,
    hyper, workspace, losses)` trains on the batches x[indices[offsets[s] : offsets[s + 1]]], s = 0, 1, ...,
    and returns how many steps it did: all, or up to and with the first whose loss is not finite.

    x: [N, D] float32, rows; labels: [N] int64, or empty; targets: [N, K] float32, or empty [0, K];
    indices: int64; offsets: [S + 1] int64; learning_rates: [S] float64; first_step: steps done before, for
    Adam's bias correction; parameters: [P] float32 and slots: [2, P] float32, laid out by parameter_layout and
    changed in place (slots: momentum or exp_avg, exp_avg_sq); spec: from make_spec; hyper: float64 momentum,
    weight_decay, beta1, beta2, eps; workspace: [workspace_size(spec)] float32, zeros at first;
    losses: [S] float64, out, each batch's mean loss before its update, in nats for cross-entropy.
    All C-contiguous, indices and labels within range: nothing is checked, allocated or locked (no GIL).
    """
    # In the closure, hence in numba's cache key: numba itself watches this file alone, not its siblings.
    fingerprint = _sources()

    @njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")
    def train_steps(
        x, labels, targets, indices, offsets, learning_rates, first_step,
        parameters, slots, spec, hyper, workspace, losses,
    ):  # fmt: skip
        _ = fingerprint
        job = _Job(
            pointer(x), x.shape[1], pointer(labels), pointer(targets), pointer(indices), len(indices),
            pointer(parameters), pointer(slots), slots.shape[1], pointer(spec), pointer(workspace),
        )  # fmt: skip
        return _steps(job, offsets, learning_rates, first_step, hyper, losses)

    steps: Callable[..., int] = train_steps
    return steps


@cache
def evaluation() -> Callable[..., float]:
    """evaluate_rows as machine code, compiled and cached as `compiled` is.

    `evaluate_rows(x, labels, targets, indices, parameters, spec, workspace, right)` returns the summed loss
    of the rows x[indices] and adds to right[0], int64, how many of them are classified rightly. The arguments
    are those of `train_steps`, and only the workspace is changed.
    """
    fingerprint = _sources()

    @njit(_EVALUATION, cache=True, nogil=True, error_model="numpy")
    def evaluate_rows(x, labels, targets, indices, parameters, spec, workspace, right):
        _ = fingerprint
        job = _Job(
            pointer(x), x.shape[1], pointer(labels), pointer(targets), pointer(indices), len(indices),
            pointer(parameters), pointer(parameters), len(parameters), pointer(spec), pointer(workspace),
        )  # fmt: skip
        return _evaluate(job, right)

    rows: Callable[..., float] = evaluate_rows
    return rows
