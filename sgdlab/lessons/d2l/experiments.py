"""The chapter's experiments, and what is measured beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.analysis.noise_scale import exact_from_sums
from sgdlab.bench.matmul import CHAPTER_SIZE, product_seconds
from sgdlab.config import Config, build_config, document_of, without_grid
from sgdlab.data import PreparedData, load
from sgdlab.errors import DataError
from sgdlab.lessons.clock import epoch_clock
from sgdlab.lessons.d2l.evidence import D2lEvidence, GradientDescent
from sgdlab.lessons.experiment import Experiment
from sgdlab.lessons.outcomes import outcomes_of
from sgdlab.probes.gradient_law import measured_law
from sgdlab.probes.gradients import example_sums, per_example_method
from sgdlab.probes.restarts import RestartedTraining
from sgdlab.probes.stable_rate import quadratic_limit, stable_rate
from sgdlab.results.opened import Sweep
from sgdlab.training.engines.base import Workload
from sgdlab.training.resolve import resolve

RunExperiment = Callable[[Experiment], Sweep]
Tell = Callable[[str], None]

AIRFOIL, TWIN = "airfoil", "airfoil-twin"


@dataclass(frozen=True)
class Length:
    """How much is done. The runs themselves take milliseconds and are always as long as the chapter's."""

    rounds: int = 15
    product_rounds: int = 25


FULL = Length()
QUICK = Length(rounds=5, product_rounds=9)

FOLDERS = {
    "GD": "gd", "SGD": "sgd", "batch 100": "minibatch-100", "batch 10": "minibatch-10", "concise": "concise",
    "GD longer": "gd-longer", "GD stable": "gd-stable", "GD doubled": "gd-doubled", "doubled": "duplicated",
    "decay": "decay", "constant": "constant", "replacement": "replacement",
}  # fmt: skip
"""Name in the evidence -> folder of the sweep."""


def source_here() -> str:
    """airfoil where its file can be had, else the twin, which has its moments."""
    try:
        load(_config("d2l/gd").dataset, 0)
    except DataError:
        return TWIN
    return AIRFOIL


def experiments(seeds: Sequence[int], source: str) -> dict[str, Experiment]:
    """The chapter's sweeps by name."""
    data = {"dataset.name": source}

    def experiment(name: str, config: str, **more: object) -> Experiment:
        vary = {"learning_rate": (1.0, 0.8)} if name == "GD longer" else {}
        return Experiment(FOLDERS[name], f"d2l/{config}", seeds, vary, data | more)

    found = {
        name: experiment(name, FOLDERS[name])
        for name in ("GD", "SGD", "batch 100", "batch 10", "concise", "GD stable", "doubled", "decay", "replacement")
    }
    found["GD longer"] = experiment("GD longer", "gd", epochs=50)
    found["GD doubled"] = experiment("GD doubled", "gd-stable", **{"dataset.repeat": 2})
    found["constant"] = experiment("constant", "minibatch-10", epochs=4)
    return found


def gather(seeds: Sequence[int], length: Length, run: RunExperiment, tell: Tell) -> tuple[D2lEvidence, str]:
    """Carry everything out once; the evidence, and the conditions of the timings in words."""
    source = source_here()
    if source == TWIN:
        tell("airfoil's file is not here (SGDLAB_DATA, or the network): airfoil-twin stands in, with the same moments")
    planned = experiments(seeds, source)
    for experiment in planned.values():
        experiment.plan()  # whatever can be refused is refused before anything runs
    runs = {name: outcomes_of(run(experiment)) for name, experiment in planned.items()}
    config = _config("d2l/gd", source)
    data = load(config.dataset, seeds[0])
    tell("curvature, stable rate and gradient noise")
    workload, descent = _descent(config, data)
    law = _law(workload)
    tell("seconds per epoch and per product, by turns")
    names = ("GD", "SGD", "batch 100", "batch 10")
    jobs = {name: (_config(f"d2l/{FOLDERS[name]}", source), data) for name in names}
    doubled = _config("d2l/gd-stable", source, **{"dataset.repeat": 2})
    jobs["GD doubled"] = (doubled, load(doubled.dataset, seeds[0]))
    clock = epoch_clock(jobs, length.rounds)
    epochs = {key: list(clock.epoch(*key)) for key in clock.step_seconds}
    seconds, _ = product_seconds(CHAPTER_SIZE, length.product_rounds)
    products = {name: list(values) for name, values in seconds.items()}
    evidence = D2lEvidence(
        source=source,
        rows=len(data.train),
        runs=runs,
        descent=descent,
        law=law,
        epochs=epochs,
        steps=clock.steps,
        products=products,
    )
    return evidence, clock.conditions


def least_squares_optimum(data: PreparedData) -> float:
    """min over w, b of half the mean squared error on the training rows."""
    x = np.hstack([data.train.x.astype(np.float64), np.ones((len(data.train), 1))])
    y = data.train.y.astype(np.float64)
    solution = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(np.mean((x @ solution - y) ** 2) / 2)


def _descent(config: Config, data: PreparedData) -> tuple[Workload, GradientDescent]:
    resolved = resolve(config, data).config
    training = RestartedTraining(resolved, data)
    limit = quadratic_limit(training.workload)
    assert limit is not None  # least squares by gradient descent without momentum
    found = stable_rate(training, 0.1, 10.0)
    return training.workload, GradientDescent(2 / limit, limit, found, least_squares_optimum(data))


def _law(workload: Workload) -> StdLaw | None:
    """At the initial weights: tr Σ from every example's gradient, and batches drawn without replacement."""
    method, _ = per_example_method(workload)
    if method is None:
        return None
    grad_sum, sq_norm_sum = example_sums(workload, method)
    n = len(workload.train.x)
    return measured_law(workload, grad_sum / n, exact_from_sums(n, grad_sum, sq_norm_sum).trace_sigma, 0)


def _config(name: str, source: str = AIRFOIL, **changes: Any) -> Config:
    changed: dict[str, Any] = {"dataset.name": source} | changes
    options = {key.replace(".", "__"): value for key, value in changed.items()}
    return build_config(without_grid(document_of(name, **options)))


__all__ = ["FULL", "QUICK", "Length", "experiments", "gather", "least_squares_optimum", "source_here"]
