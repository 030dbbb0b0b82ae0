"""The native engine: linear models and mlps on one CPU core, whole segments in one compiled call."""

import logging
import math
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sgdlab.config import Config
from sgdlab.schema.models.mlp import LinearModel, MlpModel
from sgdlab.schema.optimizers.adam import Adam
from sgdlab.schema.optimizers.base import Optimizer
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.training.engines.base import DeviceSplit, Engine, Workload
from sgdlab.training.engines.native.spec import aligned_zeros, make_spec, parameter_layout, workspace_size
from sgdlab.training.engines.native.steps import evaluation_kernel, training_kernel
from sgdlab.training.losses import Scores
from sgdlab.training.sampling import Segment

_LOG = logging.getLogger(__name__)
NOTICE_AFTER = 1.0
"""Seconds from which on a compilation is announced; reading the cache takes a tenth."""

EVALUATED_AT_ONCE = 50_000
"""Rows evaluated in one call: some 30 ms for a small network, after which a request to stop is heard."""

_NO_LABELS = np.empty(0, np.int64)
_NO_TARGETS = np.empty((0, 1), np.float32)


class NativeEngine(Engine):
    """Steps in machine code, in place on the model's own parameters.

    All parameters are moved into one flat buffer and stay torch tensors: views of it. So evaluation,
    checkpoints and the best model see what the compiled steps wrote. Holds no GIL while it works.
    """

    name: ClassVar[str] = "native"
    cpu_only: ClassVar[bool] = True
    one_thread: ClassVar[bool] = True

    def __init__(self, workload: Workload) -> None:
        super().__init__(workload)
        config, model = workload.config, workload.config.model
        assert isinstance(model, LinearModel | MlpModel)
        linears = [layer for layer in workload.model.modules() if isinstance(layer, nn.Linear)]
        widths = [linears[0].in_features, *(layer.out_features for layer in linears)]
        biases = [layer.bias is not None for layer in linears]
        activation = model.activation if isinstance(model, MlpModel) else "relu"
        rule, self._hyper = _update_rule(config.optimizer)
        self._spec = make_spec(widths, biases, activation, model.output, config.loss, rule)
        self._memories = ("momentum_buffer",) if isinstance(config.optimizer, Sgd) else ("exp_avg", "exp_avg_sq")
        weights_at, biases_at, size = parameter_layout(widths, biases)
        self._parameters = aligned_zeros(size)
        self._slots = aligned_zeros(2, size)
        self._workspace = aligned_zeros(workspace_size(self._spec))
        self._places = [
            (parameter, place)
            for layer, weight_at, bias_at in zip(linears, weights_at, biases_at, strict=True)
            for parameter, place in ((layer.weight, weight_at), (layer.bias, bias_at))
            if place >= 0
        ]
        for parameter, place in self._places:
            home = torch.from_numpy(self._parameters[place : place + parameter.numel()]).view_as(parameter)
            home.copy_(parameter.detach())
            parameter.data = home
        self._steps_done = 0
        self.compile()

    @classmethod
    def refusal(cls, config: Config) -> str | None:
        """See Engine.refusal."""
        reason = super().refusal(config)
        if reason is not None:
            return reason
        if not isinstance(config.model, LinearModel | MlpModel):
            return f"it knows the models linear and mlp, not {config.model.name}"
        if not isinstance(config.optimizer, Sgd | Adam):
            return f"it knows the optimisers sgd, adam and adamw, not {config.optimizer.name}"
        return None

    @classmethod
    def compile(cls) -> None:
        """Compile the steps, or read them from the cache of an earlier compilation on this machine."""
        notice = threading.Timer(NOTICE_AFTER, _LOG.warning, ["compiling the native engine, once for this machine"])
        notice.daemon = True
        notice.start()
        try:
            training_kernel()
            evaluation_kernel()
        finally:
            notice.cancel()

    def run(self, segment: Segment) -> NDArray[np.float64]:
        """See Engine.run."""
        losses = np.full(len(segment), np.nan)
        training_kernel()(
            *_arrays(self.workload.train), segment.indices, segment.offsets, segment.learning_rates,
            segment.first_step, self._parameters, self._slots, self._spec, self._hyper, self._workspace, losses,
        )  # fmt: skip
        self._steps_done = segment.first_step + len(segment)
        return losses

    def evaluate(self, rows: DeviceSplit, between_chunks: Callable[[], None]) -> Scores:
        """See Engine.evaluate: the same sums by the compiled forward pass, twice as fast as torch's."""
        total, right, many = 0.0, np.zeros(1, np.int64), len(rows.x)
        for begin in range(0, many, EVALUATED_AT_ONCE):
            between_chunks()
            chosen = np.arange(begin, min(begin + EVALUATED_AT_ONCE, many))
            buffers = (self._parameters, self._spec, self._workspace)
            total += evaluation_kernel()(*_arrays(rows), chosen, *buffers, right)
        classes = self.workload.config.loss == "cross_entropy"
        return Scores(total / many, int(right[0]) / many if classes else math.nan)

    def optimizer_state(self) -> dict[str, Any]:
        """See Engine.optimizer_state."""
        state: dict[int, dict[str, Any]] = {}
        for i, (parameter, place) in enumerate(self._places):
            memory = zip(self._memories, self._slots[:, place : place + parameter.numel()], strict=False)
            state[i] = {name: torch.from_numpy(values.copy()).view_as(parameter) for name, values in memory}
            if "exp_avg" in self._memories:
                state[i]["step"] = torch.tensor(float(self._steps_done))
        return {"state": state}

    def load_optimizer_state(self, state: dict[str, Any]) -> None:
        """See Engine.load_optimizer_state."""
        for i, (parameter, place) in enumerate(self._places):
            self._steps_done = int(state["state"].get(i, {}).get("step", 0))
            for k, name in enumerate(self._memories):
                memory = state["state"].get(i, {}).get(name)
                if memory is not None:  # plain SGD keeps none
                    self._slots[k, place : place + parameter.numel()] = memory.numpy().ravel()


def _arrays(rows: DeviceSplit) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Features, class labels and the targets of a regression; empty what there is not."""
    x, y = rows.x.numpy(), rows.y.numpy()
    return (x, y, _NO_TARGETS) if y.ndim == 1 else (x, _NO_LABELS, y)


def _update_rule(optimizer: Optimizer) -> tuple[str, NDArray[np.float64]]:
    """The kernels' name of the rule; momentum, weight_decay, beta1, beta2, eps."""
    if isinstance(optimizer, Sgd):
        name = "nesterov" if optimizer.nesterov else "sgd"
        return name, np.array([optimizer.momentum, optimizer.weight_decay, 0.0, 0.0, 0.0])
    assert isinstance(optimizer, Adam)
    return optimizer.name, np.array([0.0, optimizer.weight_decay, optimizer.beta1, optimizer.beta2, optimizer.eps])
