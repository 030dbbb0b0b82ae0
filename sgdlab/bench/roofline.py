"""The roofline of a step: its arithmetic at this machine's matrix-product rate, plus its passes over the parameters."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from sgdlab.bench.conditions import torch_threads
from sgdlab.bench.matmul import product_flops
from sgdlab.bench.production import production
from sgdlab.bench.synthetic import synthetic
from sgdlab.bench.timing import TimedTraining, seconds_per_call
from sgdlab.config import Config, Document, build_config
from sgdlab.data.prepared import PreparedData
from sgdlab.training.engines.select import step_flops
from sgdlab.training.models import build_model, parameter_count
from sgdlab.training.resolve import resolve

SIZES = (256, 1024)  # of torch.mm's product: within the second-level cache, and beyond
LAYER_STEPS = 40
LAYER = 256  # inputs, outputs and examples of the linear layer by which an engine's own products are timed
SAMPLE_SECONDS = 0.02
SMALLEST_BYTES = 1 << 18  # below this a call's own cost would hide the memory's speed

IN_WORDS = (
    "roofline: 2 FLOP per multiply-add of forward pass, weight gradients and passed-on gradients (none to the input) "
    "at the best matrix-product rate measured on one thread (torch.mm of sizes 256 and 1,024; the native engine on one "
    "linear layer of 256 inputs, outputs and examples), plus the optimiser's reads and writes of parameters and their "
    "memory (sgd 2 passes, with momentum 4, Adam 6) at the measured speed of an in-place pass over as many bytes; no "
    "gathering of rows, activations, loss or call overhead"
)


def product_rate() -> float:
    """FLOP/s of matrix products, float32, one thread, now: the best of torch.mm and the native engine's own."""
    return max(*(_mm_rate(size) for size in SIZES), native_rate())


def native_rate() -> float:
    """FLOP/s of the native engine where a step is little but two products: y = W x, full batch, plain sgd."""
    config, data, run = _layer()
    return step_flops(config, data) / (sample := run(LAYER_STEPS)).seconds * sample.steps


def pass_rate(size_bytes: int) -> float:
    """Bytes/s of an in-place multiplication of so many bytes of float32 (each read and written), one thread, now."""
    buffer = torch.ones(max(size_bytes, SMALLEST_BYTES) // 4)
    return 2 * buffer.numel() * 4 / _seconds(lambda: buffer.mul_(1.0))


def passes(config: Config) -> int:
    """Reads and writes of arrays as large as the parameters that one update cannot do without.

    Weights are read and written, and so is each array that the optimiser keeps; gradients need not
    travel through memory. Optimisers of unknown memory count as if they kept none.
    """
    return 2 + 2 * config.optimizer.state_arrays()


def parameter_bytes(config: Config, data: PreparedData) -> int:
    """Bytes of the model's parameters, float32."""
    return 4 * parameter_count(build_model(config.model, data.input_shape, data.outputs, config.seed))


def roofline_seconds(
    config: Config, data: PreparedData, flops_per_second: NDArray[np.float64], bytes_per_second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Seconds of one step at each of several measured rates: FLOPs / rate + bytes / rate."""
    moved = passes(config) * parameter_bytes(config, data)
    return step_flops(config, data) / flops_per_second + moved / bytes_per_second


@cache
def _layer() -> tuple[Config, PreparedData, TimedTraining]:
    """The linear layer's config, its data and its training; warmed up."""
    data = synthetic(LAYER, LAYER, LAYER, "regression")
    values = {"model": "linear", "optimizer": "sgd", "batch_size": "full", "epochs": 1}
    values |= {"engine": "native", "device": "cpu", "threads": 1}
    config = resolve(build_config(Document(values)), data).config
    run = production(config, data)
    run(1)
    return config, data, run


def _mm_rate(size: int) -> float:
    a, b, c = torch.zeros(size, size), torch.ones(size, size), torch.ones(size, size)
    return product_flops(size, size, size) / _seconds(lambda: torch.mm(b, c, out=a))


def _seconds(work: Callable[[], object]) -> float:
    with torch_threads(1):
        work()
        return seconds_per_call(work, SAMPLE_SECONDS)
