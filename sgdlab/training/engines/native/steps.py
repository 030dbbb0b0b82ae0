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
from sgdlab.training.engines.native.products import Block, View
from sgdlab.training.engines.native.vectors import njit, pointer


class _Job(NamedTuple):
    """Pointers to what a call works on (an array would cost seven words and reference counts), and sizes."""

    x: Any
    width: Any  # of a row of x
    labels: Any
    targets: Any
    indices: Any
    many: Any  # indices
    trained: Any
    spec: Any
    workspace: Any


@njit
def _job(x, labels, targets, indices, trained, spec, workspace):
    rows = (pointer(x), x.shape[1], pointer(labels), pointer(targets), pointer(indices), len(indices))
    return _Job(*rows, trained, pointer(spec), pointer(workspace))


class _Layer(NamedTuple):
    """One layer as spec describes it; bias and slopes are places in the parameters and in the workspace."""

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
def _layer(job, index):
    spec, at, block = job.spec, spec_at.HEADER + index * spec_at.RECORD, layers.block
    n_in, n_out = spec[at + spec_at.IN], spec[at + spec_at.OUT]
    weight = Block(job.trained.parameters, spec[at + spec_at.WEIGHT], n_in)
    inputs = block(job.workspace, spec[at + spec_at.VALUES], n_in)
    deltas = block(job.workspace, spec[at + spec_at.DELTAS], n_out)
    outputs = block(job.workspace, spec[at + spec_at.RECORD + spec_at.VALUES], n_out)
    bias, strip_rows, slopes = spec[at + spec_at.BIAS], spec[at + spec_at.STRIP_ROWS], spec[at + spec_at.SLOPES]
    return _Layer(n_in, n_out, weight, bias, strip_rows, inputs, deltas, slopes, outputs)


@njit(error_model="numpy")
def _forward(job, rows):
    """Activations of every layer for the rows at hand, and the last layer's logits."""
    depth = job.spec[spec_at.LAYERS]
    layers.gather(job.x, job.width, rows, job.many, _layer(job, 0).inputs)
    for index in range(depth):
        at = _layer(job, index)
        layers.forward(at.inputs, at.weight, at.bias, at.outputs, rows.count, at.n_in, at.n_out)
        if index < depth - 1:
            layers.activate(job.spec[spec_at.ACTIVATION], at.outputs, rows.count, at.slopes)


@njit(error_model="numpy")
def _loss(job, rows, share):
    """Summed loss of the rows at hand; the last layer's deltas, times share, are left in the workspace."""
    at, loss = _layer(job, job.spec[spec_at.LAYERS] - 1), job.spec[spec_at.LOSS]
    z, delta, n = at.outputs, at.deltas, at.n_out
    softmax = job.spec[spec_at.OUTPUT] == losses_of.SOFTMAX
    if softmax:
        losses_of.softmax_rows(z, rows.count, n)
    if loss == losses_of.CROSS_ENTROPY:
        value = losses_of.cross_entropy_rows(z, delta, n, rows, job.labels, share)
    else:
        value = losses_of.squared_error_rows(z, delta, n, rows, job.targets, loss == losses_of.HALF_MSE, share)
    if softmax:
        losses_of.softmax_rows_backward(z, delta, rows.count)
    return value


@njit(error_model="numpy")
def _gradient(job, at, factors, rows, add, last):
    """Gradient of one layer, strip by strip of its weight, each updated while it is in the first-level cache.

    A batch of several row blocks adds them up in the workspace and updates with the last; one of a single
    block needs no more than the memory of one strip.
    """
    workspace, rule = job.workspace, job.spec[spec_at.OPTIMIZER]
    strip, gradient, alone = job.spec[spec_at.STRIP], job.spec[spec_at.GRADIENT], last and not add
    for o in range(0, at.n_out, at.strip_rows):
        height = min(at.strip_rows, at.n_out - o)
        weight = at.weight.at + o * at.n_in
        place = strip if alone else gradient + weight
        deltas = View(workspace, at.deltas.at + o, 1, at.deltas.stride)  # transposed: [outputs, rows]
        layers.outer(deltas, at.inputs, rows, Block(workspace, place, at.n_in), height, at.n_in, add)
        if last:
            rules.update(rule, factors, job.trained, weight, height * at.n_in, workspace, place)
    if at.bias >= 0:
        place = strip if alone else gradient + at.bias
        layers.column_sums(at.deltas, rows, at.n_out, place, add)
        if last:
            rules.update(rule, factors, job.trained, at.bias, at.n_out, workspace, place)


@njit(error_model="numpy")
def _backward(job, factors, rows, add, last):
    """Deltas and gradients from the last layer to the first; every layer's update where `last`."""
    for index in range(job.spec[spec_at.LAYERS] - 1, -1, -1):
        at = _layer(job, index)
        if index > 0:
            before = _layer(job, index - 1)
            deltas = View(job.workspace, at.deltas.at, at.deltas.stride, 1)
            layers.outer(deltas, at.weight, at.n_out, before.deltas, rows, at.n_in, False)
            layers.activate_backward(job.spec[spec_at.ACTIVATION], at.inputs, rows, before.slopes, before.deltas)
        _gradient(job, at, factors, rows, add, last)


@njit(error_model="numpy")
def _steps(job, offsets, learning_rates, first_step, hyper, losses):
    spec = job.spec
    for s in range(len(learning_rates)):
        begin, end = offsets[s], offsets[s + 1]
        factors = rules.step_factors(spec[spec_at.OPTIMIZER], learning_rates[s], first_step + s + 1, hyper)
        share = np.float32(1.0 / (end - begin))
        total = 0.0
        for first in range(begin, end, spec[spec_at.BLOCK]):
            rows = layers.Examples(job.indices, first, min(spec[spec_at.BLOCK], end - first))
            _forward(job, rows)
            total += _loss(job, rows, share)
            _backward(job, factors, rows.count, first > begin, first + rows.count == end)
        losses[s] = total / (end - begin)
        if not math.isfinite(losses[s]):
            return s + 1
    return len(learning_rates)


@njit(error_model="numpy")
def _right(job, rows):
    """How many of the rows at hand have their largest output at their label; the first one of equals."""
    at = _layer(job, job.spec[spec_at.LAYERS] - 1)
    right = 0
    for r in range(rows.count):
        z, best = at.outputs.at + r * at.outputs.stride, 0
        for i in range(1, at.n_out):
            if job.workspace[z + i] > job.workspace[z + best]:
                best = i
        right += best == job.labels[rows.indices[rows.first + r]]
    return right


@njit(error_model="numpy")
def _evaluate(job, right):
    """Summed loss of all rows of the job; right[0] is raised by those that are classified rightly."""
    total, block = 0.0, job.spec[spec_at.BLOCK]
    for first in range(0, job.many, block):
        rows = layers.Examples(job.indices, first, min(block, job.many - first))
        _forward(job, rows)
        total += _loss(job, rows, np.float32(1.0))
        if job.spec[spec_at.LOSS] == losses_of.CROSS_ENTROPY:
            right[0] += _right(job, rows)
    return total


_f1, _f2 = types.Array(types.float32, 1, "C"), types.Array(types.float32, 2, "C")
_d1, _i1 = types.Array(types.float64, 1, "C"), types.Array(types.int64, 1, "C")
_SIGNATURE = types.int64(_f2, _i1, _f2, _i1, _i1, _d1, types.int64, _f1, _f2, _i1, _d1, _f1, _d1)
_EVALUATION = types.float64(_f2, _i1, _f2, _i1, _f1, _i1, _f1, _i1)


def fingerprint(folder: Path = Path(__file__).parent) -> str:
    """Of the names and contents of all files whose functions are compiled here.

    It stands in the closure of what is compiled, hence in numba's cache key: numba itself watches this file alone,
    and would go on with the machine code of a sibling as it was.
    """
    files = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(repr(files).encode()).hexdigest()


@cache
def training_kernel() -> Callable[..., int]:
    """train_steps as machine code: compiled at a machine's first call (some ten seconds), then from a cache.

    `train_steps(x, labels, targets, indices, offsets, learning_rates, first_step, parameters, slots, spec,
    hyper, workspace, losses)` trains on the batches x[indices[offsets[s] : offsets[s + 1]]], s = 0, 1, ...,
    and returns how many steps it did: all, or up to and with the first whose loss is not finite.

    x: [N, D] float32, rows; labels: [N] int64, or empty; targets: [N, K] float32, or empty [0, K];
    indices: int64; offsets: [S + 1] int64; learning_rates: [S] float64; first_step: steps done before, for
    Adam's bias correction; parameters: [P] float32 and slots: [2, P] float32, laid out by spec.parameter_layout and
    changed in place (slots: momentum or exp_avg, exp_avg_sq); spec: from spec.make_spec; hyper: float64 momentum,
    weight_decay, beta1, beta2, eps; workspace: [spec.workspace_size(spec)] float32, zeros at first;
    losses: [S] float64, out, each batch's mean loss before its update, in nats for cross-entropy.
    All C-contiguous, indices and labels within range: nothing is checked, allocated or locked (no GIL).
    """
    sources = fingerprint()

    @njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")
    def train_steps(
        x, labels, targets, indices, offsets, learning_rates, first_step,
        parameters, slots, spec, hyper, workspace, losses,
    ):  # fmt: skip
        _ = sources
        trained = rules.Trained(pointer(parameters), pointer(slots), slots.shape[1])
        job = _job(x, labels, targets, indices, trained, spec, workspace)
        return _steps(job, offsets, learning_rates, first_step, hyper, losses)

    steps: Callable[..., int] = train_steps
    return steps


@cache
def evaluation_kernel() -> Callable[..., float]:
    """evaluate_rows as machine code, compiled and cached as `training_kernel` is.

    `evaluate_rows(x, labels, targets, indices, parameters, spec, workspace, right)` returns the summed loss
    of the rows x[indices] and adds to right[0], int64, how many of them are classified rightly. The arguments
    are those of `train_steps`, and only the workspace is changed.
    """
    sources = fingerprint()

    @njit(_EVALUATION, cache=True, nogil=True, error_model="numpy")
    def evaluate_rows(x, labels, targets, indices, parameters, spec, workspace, right):
        _ = sources
        trained = rules.Trained(pointer(parameters), pointer(parameters), len(parameters))
        job = _job(x, labels, targets, indices, trained, spec, workspace)
        return _evaluate(job, right)

    rows: Callable[..., float] = evaluate_rows
    return rows
