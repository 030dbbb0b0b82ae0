# mypy: allow-untyped-defs, allow-untyped-calls, no-check-untyped-defs
"""The update rules of torch.optim on flat parameters: SGD with momentum or Nesterov's, Adam, AdamW."""

import math
from typing import Any, NamedTuple

import numpy as np

from sgdlab.training.engines.native.vectors import (
    LANES,
    load,
    load_first,
    magnitude,
    njit,
    root,
    select,
    store,
    store_first,
)

SGD, NESTEROV, ADAM, ADAMW = 0, 1, 2, 3
_ZERO = np.float32(0.0)


class Trained(NamedTuple):
    """What a step changes: the parameters, and in slots a first memory of each and, size further on, a second."""

    parameters: Any
    slots: Any
    size: Any


class StepFactors(NamedTuple):
    """What one step of a rule needs besides the gradient, all float32."""

    step: Any  # learning rate, for Adam over the first bias correction
    root_scale: Any  # 1 / sqrt(second bias correction)
    shrink: Any  # factor on the weights before the step (AdamW)
    decay: Any  # L2 term that the gradient receives
    momentum: Any
    add_mean: Any  # 1 - beta1
    keep_square: Any  # beta2
    add_square: Any  # 1 - beta2
    epsilon: Any
    least_mean: Any  # smaller memories become 0, see step_factors
    least_square: Any


@njit(error_model="numpy")
def step_factors(optimiser, lr, step, hyper):
    """Factors of update number `step` (from 1). hyper: momentum, weight_decay, beta1, beta2, eps.

    Memories of weights without gradient (dark pixels, dead units) decay into denormal numbers, which made a
    step up to three times slower. They are cut off where that moves no weight by more than 1e-22 lr: for Adam
    relative to eps, so that eps = 0 cuts nothing.
    """
    f = np.float32
    momentum, decay, beta1, beta2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3], hyper[4]
    scaled, root_scale, shrink = lr, 1.0, 1.0
    least_mean, least_square = 1e-30, 0.0
    if optimiser >= ADAM:
        scaled = lr / (1.0 - beta1**step)
        root_scale = 1.0 / math.sqrt(1.0 - beta2**step)
        least_mean, least_square = min(1e-30, 1e-22 * epsilon), min(1e-34, (1e-9 * epsilon) ** 2)
    if optimiser == ADAMW:
        shrink, decay = 1.0 - lr * decay, 0.0
    means = (f(1.0 - beta1), f(beta2), f(1.0 - beta2), f(epsilon), f(least_mean), f(least_square))
    return StepFactors(f(scaled), f(root_scale), f(shrink), f(decay), f(momentum), *means)


@njit
def _adam(factors, w, g, m, v):
    """m' = m + (1 - beta1)(g - m);  v' = beta2 v + (1 - beta2) g^2;  w' = w - step m' / (scale sqrt(v') + eps).

    Kingma and Ba 2015; g includes decay w; w is shrunk first (AdamW: Loshchilov and Hutter 2019).
    """
    g = g + w * factors.decay
    m = m + (g - m) * factors.add_mean
    v = v * factors.keep_square + g * g * factors.add_square
    w = w * factors.shrink - m * factors.step / (root(v) * factors.root_scale + factors.epsilon)
    m = select(magnitude(m) < factors.least_mean, _ZERO, m)
    return w, m, select(v < factors.least_square, _ZERO, v)


@njit
def _momentum(factors, w, g, m, ahead):
    """m' = mu m + g;  w' = w - lr m', or with Nesterov's `ahead` w - lr (g + mu m');  g includes decay w."""
    g = g + w * factors.decay
    m = m * factors.momentum + g
    step = g + m * factors.momentum if ahead else m
    return w - step * factors.step, select(magnitude(m) < factors.least_mean, _ZERO, m)


@njit
def _descent(factors, w, g):
    """w' = w - lr (g + decay w)."""
    return w - (g + w * factors.decay) * factors.step


@njit(error_model="numpy")
def update(optimiser, factors, trained, at, count, gradient, place):
    """One step on the parameters at : at + count with gradient[place : place + count]."""
    parameters, slots, second = trained.parameters, trained.slots, at + trained.size
    left = count % LANES
    whole = count - left
    if optimiser >= ADAM:
        for i in range(0, whole, LANES):
            w, g = load(parameters, at + i), load(gradient, place + i)
            w, m, v = _adam(factors, w, g, load(slots, at + i), load(slots, second + i))
            store(parameters, at + i, w)
            store(slots, at + i, m)
            store(slots, second + i, v)
        if left > 0:
            w, g = load_first(parameters, at + whole, left), load_first(gradient, place + whole, left)
            m, v = load_first(slots, at + whole, left), load_first(slots, second + whole, left)
            w, m, v = _adam(factors, w, g, m, v)
            store_first(parameters, at + whole, left, w)
            store_first(slots, at + whole, left, m)
            store_first(slots, second + whole, left, v)
    elif factors.momentum != _ZERO:
        ahead = optimiser == NESTEROV
        for i in range(0, whole, LANES):
            w, g = load(parameters, at + i), load(gradient, place + i)
            w, m = _momentum(factors, w, g, load(slots, at + i), ahead)
            store(parameters, at + i, w)
            store(slots, at + i, m)
        if left > 0:
            w, g = load_first(parameters, at + whole, left), load_first(gradient, place + whole, left)
            w, m = _momentum(factors, w, g, load_first(slots, at + whole, left), ahead)
            store_first(parameters, at + whole, left, w)
            store_first(slots, at + whole, left, m)
    else:
        for i in range(0, whole, LANES):
            w = _descent(factors, load(parameters, at + i), load(gradient, place + i))
            store(parameters, at + i, w)
        if left > 0:
            w, g = load_first(parameters, at + whole, left), load_first(gradient, place + whole, left)
            store_first(parameters, at + whole, left, _descent(factors, w, g))
