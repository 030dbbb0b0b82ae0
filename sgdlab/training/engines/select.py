"""Which engine and how many threads run a config: a rule, so that the same config repeats itself."""

import itertools
import math
from importlib import import_module
from typing import get_args

import torch

from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import EngineError
from sgdlab.training.engines.base import Engine, Workload
from sgdlab.training.models import build_model
from sgdlab.training.sampling import batch_rows

MANY_FLOPS = 1e9
"""Floating-point operations in a step from which sharing it out among threads pays: about 10 ms on one core."""

CORES_TO_OVERTAKE = 3
"""Cores from which eager, sharing out large steps, is faster than native on one."""


ENGINES: dict[str, type[Engine]] = {
    name: import_module(f"sgdlab.training.engines.{name}").ENGINE
    for name in get_args(Config.model_fields["engine"].annotation)
    if name != "auto"
}
"""The engines that a config may name: each is the ENGINE of the module or package of its name beside this file."""


def build_engine(workload: Workload) -> Engine:
    """The engine that a resolved config names, on its workload."""
    return ENGINES[workload.config.engine](workload)


def choose_engine(config: Config, data: PreparedData, cores: int) -> tuple[str, int, str]:
    """Name, threads and reason of the engine asked for, or of the fastest that can run this config, else EngineError.

    cores: how many this run may count on. The rule: native wherever it can run, since on one core it is
    1.8 times as fast as eager or more (`sgdlab bench engines`); so eager on many cores overtakes it only
    from three cores on, and only with steps that are large enough to be shared out.
    """
    flops = step_flops(config, data)
    shared = cores if flops >= MANY_FLOPS and config.device == "cpu" else 1
    wanted = "native" if config.engine == "auto" else config.engine
    refusal, work = ENGINES[wanted].refusal(config), f"{flops / 1e6:,.3g} MFLOP a step"
    if config.engine != "auto":
        if refusal is not None:
            raise EngineError(f"engine: {wanted} cannot run this config: {refusal}; use engine: auto or eager")
        reason = "asked for"
    elif refusal is not None:
        wanted, reason = "eager", f"native cannot run it: {refusal}"
    elif shared >= CORES_TO_OVERTAKE and config.threads == "auto":
        wanted, reason = "eager", f"{work} keep {shared} threads busy"
    else:
        reason = f"{work}: compiled steps on one core are fastest"
    threads = config.threads if config.threads != "auto" else shared
    return wanted, 1 if ENGINES[wanted].one_thread else threads, reason


def resolve_device(wanted: str, engine: str) -> str:
    """The device asked for, or for auto the best that the engine may use: CUDA, MPS, the CPU. EngineError if absent."""
    if wanted == "auto" and engine != "auto" and ENGINES[engine].cpu_only:
        return "cpu"
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    if wanted == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    kind, _, index = wanted.partition(":")
    if kind == "cuda" and int(index or 0) >= cuda:
        have = f"this machine has {cuda} CUDA device{'s' if cuda != 1 else ''}" if cuda else "no CUDA device is here"
        raise EngineError(f"device: {wanted} was asked for, but {have}; use device: auto or cpu")
    if kind == "mps" and not mps:
        raise EngineError("device: mps was asked for, but is not here; use device: auto or cpu")
    return wanted


def step_flops(config: Config, data: PreparedData) -> float:
    """Floating-point operations of one update: 2 per multiply-add, forward, backward and gradient."""
    rows = batch_rows(config.batch_size.initial, len(data.train))
    widths = config.model.widths(data.features, data.outputs)
    if widths is None:
        return rows * _counted_flops(config, data)
    weights = [a * b for a, b in itertools.pairwise(widths)]
    return 2.0 * rows * (3 * sum(weights) - weights[0])  # the first layer passes no gradient on


def _counted_flops(config: Config, data: PreparedData) -> float:
    """Operations for one example of any module, counted by torch on one forward pass, times 3."""
    from torch.utils.flop_counter import FlopCounterMode

    model = build_model(config.model, data.input_shape, data.outputs, config.seed).eval()
    shape = config.model.row_shape(data.input_shape)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(2, *shape))
    return 3.0 * max(float(counter.get_total_flops()), 2.0 * math.prod(shape)) / 2
