"""The chapter's experiments, and what is measured beside them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.analysis.noise_scale import exact_from_sums
from sgdlab.bench.matmul import CHAPTER_SIZE, product_seconds
from sgdlab.config import Config, document_of
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import DataError
from sgdlab.lessons.d2l.evidence import METHODS, D2lEvidence, GradientDescent
from sgdlab.lessons.epoch_times import time_epochs
from sgdlab.lessons.experiment import Experiment, ExperimentRunner
from sgdlab.lessons.seed_results import seed_results
from sgdlab.probes.gradient_law import measured_law
from sgdlab.probes.gradients import example_sums, per_example_method
from sgdlab.probes.restarts import RestartedTraining
from sgdlab.probes.stable_rate import quadratic_limit, stable_rate
from sgdlab.training.engines.base import Workload
from sgdlab.training.resolve import resolve
from sgdlab.training.start import config_and_data

AIRFOIL, TWIN = "airfoil", "airfoil-twin"
ROUNDS, QUICK_ROUNDS = (15, 25), (5, 9)
"""Rounds of the timings of epochs and of products; the runs take milliseconds, and none of them is cut short."""


def source_here() -> str:
    """airfoil where its file can be had, else the twin, which has its moments."""
    try:
        config_and_data(document_of("d2l/gd"), seed=0)
    except DataError:
        return TWIN
    return AIRFOIL


def experiments(seeds: Sequence[int], source: str) -> dict[str, Experiment]:
    """The chapter's sweeps by name."""

    def sweep(config: str, folder: str | None = None, **changes: Any) -> Experiment:
        return Experiment(folder or config, f"d2l/{config}", seeds, changes={"dataset__name": source} | changes)

    return {
        "GD": sweep("gd"),
        "SGD": sweep("sgd"),
        "batch 100": sweep("minibatch-100"),
        "batch 10": sweep("minibatch-10"),
        "concise": sweep("concise"),
        "GD stable": sweep("gd-stable"),
        "doubled": sweep("duplicated"),
        "decay": sweep("decay"),
        "replacement": sweep("replacement"),
        "GD longer": replace(sweep("gd", "gd-longer", epochs=50), vary={"learning_rate": (1.0, 0.8)}),
        "GD doubled": sweep("gd-stable", "gd-doubled", dataset__repeat=2),
        "constant": sweep("minibatch-10", "constant", epochs=4),
    }


def gather(seeds: Sequence[int], quick: bool, runner: ExperimentRunner) -> D2lEvidence:
    """Carry everything out once."""
    source = source_here()
    if source == TWIN:
        runner.tell(
            f"airfoil's file is not here (SGDLAB_DATA, or the network): {TWIN} stands in, with the same moments"
        )
    rounds, rounds_of_products = QUICK_ROUNDS if quick else ROUNDS
    planned = experiments(seeds, source)
    runs = {name: seed_results(sweep) for name, sweep in runner.run(planned).items()}
    jobs = {name: config_and_data(planned[name].document(), seed=seeds[0]) for name in (*METHODS, "GD doubled")}
    config, data = jobs["GD"]
    runner.tell("curvature, stable rate and gradient noise")
    workload, descent = gradient_descent(config, data)
    law = _law(workload)
    runner.tell("seconds per epoch and per product, by turns")
    return D2lEvidence(
        source=source,
        rows=len(data.train),
        runs=runs,
        descent=descent,
        law=law,
        epochs=time_epochs(jobs, rounds),
        products={
            way: seconds.tolist() for way, seconds in product_seconds(CHAPTER_SIZE, rounds_of_products)[0].items()
        },
    )


def least_squares_optimum(data: PreparedData) -> float:
    """min over w, b of half the mean squared error on the training rows."""
    x = np.hstack([data.train.x.astype(np.float64), np.ones((len(data.train), 1))])
    y = data.train.y.astype(np.float64)
    solution = np.linalg.lstsq(x, y, rcond=None)[0]
    return float(np.mean((x @ solution - y) ** 2) / 2)


def gradient_descent(config: Config, data: PreparedData) -> tuple[Workload, GradientDescent]:
    """The workload at its initial weights, and what gradient descent can do on it; least squares without momentum."""
    training = RestartedTraining(resolve(config, data).config, data)
    limit = quadratic_limit(training.workload)
    assert limit is not None, "least squares by gradient descent without momentum has a limit"
    stable = stable_rate(training, 0.1, 10.0)
    return training.workload, GradientDescent(2 / limit, limit, stable, least_squares_optimum(data))


def _law(workload: Workload) -> StdLaw | None:
    """At the initial weights: tr Σ from every example's gradient, and batches drawn without replacement."""
    method, _ = per_example_method(workload)
    if method is None:
        return None
    grad_sum, sq_norm_sum = example_sums(workload, method)
    n = len(workload.train.x)
    return measured_law(workload, grad_sum / n, exact_from_sums(n, grad_sum, sq_norm_sum).trace_sigma, 0)
