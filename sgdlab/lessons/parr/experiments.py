"""The notebook's experiments, and what is measured beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sgdlab.bench.plain_loop import PLAIN
from sgdlab.config import build_config, document_of, without_grid
from sgdlab.lessons.epoch_times import EpochTimes, time_epochs
from sgdlab.lessons.experiment import Experiment, ExperimentRunner
from sgdlab.lessons.parr.evidence import SIZES, SMALL_RATE, ParrEvidence
from sgdlab.lessons.parr.leak import leaked_share
from sgdlab.lessons.parr.picking import picked
from sgdlab.lessons.seed_results import SeedResults, seed_results
from sgdlab.results.opened import Sweep
from sgdlab.training.start import config_and_data

TUNING_SEEDS_FROM = 1000
"""Rates are tuned on seeds that the measurement does not use: 1000 + seed."""


@dataclass(frozen=True)
class Effort:
    """How much is done. batch_seeds: full-batch runs are long, so at most so many seeds; looks: evaluations at
    equal steps; rounds: of the timings."""

    epochs: int = 51
    batch_epochs: int = 1001
    batch_seeds: int = 4
    steps: int = 3200
    looks: int = 25
    tuning_epochs: int = 20
    rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03)
    rounds: int = 9


FULL = Effort()
QUICK = Effort(
    epochs=2, batch_epochs=10, batch_seeds=2, steps=64, looks=4, tuning_epochs=1, rates=(0.001, 0.03), rounds=5
)


def experiments(seeds: Sequence[int], effort: Effort) -> dict[str, Experiment]:
    """The notebook's sweeps, and those that its conclusion needs, by folder; `tuned` comes later."""
    permutation = {"dataset__resample": "none"}
    every = {"epochs": effort.epochs}
    corrected = "parr/sizes-corrected"
    # the compiled engine on one thread does full batches as fast as two threads of torch, and two runs at once
    batch = {"epochs": effort.batch_epochs, "engine": "native"}
    batch |= {"evaluate_every": "10 epochs" if effort.batch_epochs > 100 else "1 epoch"}
    steps = {"budget": f"{effort.steps} steps", "evaluate_every": f"{max(effort.steps // effort.looks, 1)} steps"}
    rarely = {"evaluate_every": "2 epochs"} if effort.tuning_epochs > 2 else {}
    tuning_seeds = [TUNING_SEEDS_FROM + seed for seed in seeds]
    found = [
        Experiment("sizes", "parr/sizes", seeds, changes=every),
        Experiment("no-leak", "parr/minibatch-8", seeds, {"batch_size": [8]}, every | permutation),
        Experiment("sizes-corrected", corrected, seeds, changes=every),
        Experiment("batch", "parr/batch", seeds[: effort.batch_seeds], changes=batch),
        Experiment("equal-steps", corrected, seeds, changes=steps),
        Experiment("own-rows", "parr/minibatch-8", seeds, changes=every | permutation | {"dataset__test": 0.2}),
        Experiment("tuning", corrected, tuning_seeds, _grid(effort.rates), {"epochs": effort.tuning_epochs} | rarely),
    ]
    return {each.folder: each for each in found}


def tuned_experiment(seeds: Sequence[int], effort: Effort, rates: Mapping[int, float]) -> Experiment:
    """Each batch size at its own rate."""
    pairs = frozenset((size, float(rate)) for size, rate in rates.items())
    grid = _grid(sorted(set(rates.values())))
    return Experiment("tuned", "parr/sizes-corrected", seeds, grid, {"epochs": effort.tuning_epochs}, pairs)


def best_rates(tuning: SeedResults, rates: Sequence[float]) -> dict[int, float]:
    """Batch size -> the rate of least mean best validation loss over the tuning seeds; a rate that failed is out."""

    def mean_loss(size: int, rate: float) -> float:
        values = list(tuning.by_seed("best_val_loss", batch_size=size, learning_rate=rate).values())
        return float(np.mean(values)) if values and np.isfinite(values).all() else np.inf

    return {size: min(rates, key=lambda rate: mean_loss(size, rate)) for size in SIZES}


def gather(seeds: Sequence[int], quick: bool, runner: ExperimentRunner) -> ParrEvidence:
    """Carry everything out once."""
    effort = QUICK if quick else FULL
    sweeps = runner.run(experiments(seeds, effort))
    runs = {name: seed_results(sweep) for name, sweep in sweeps.items()}
    rates = best_rates(runs["tuning"], effort.rates)
    tuned = runner.run({"tuned": tuned_experiment(seeds, effort, rates)})["tuned"]
    runner.tell("rows on both sides of the split; best and last models on test rows")
    optimism = _optimism(sweeps["own-rows"])
    runner.tell("seconds per epoch, by turns")
    cpu, gpu = _epoch_times(effort.rounds)
    return ParrEvidence(
        as_published=(effort.epochs, effort.batch_epochs) == (FULL.epochs, FULL.batch_epochs),
        runs=runs | {"tuned": seed_results(tuned)},
        held_equal=_held_equal(effort, rates, len(seeds)),
        rates=rates,
        leaked=_leaked_shares("parr/minibatch-8", seeds),
        clean=_leaked_shares("parr/minibatch-8-corrected", seeds),
        optimism=optimism,
        cpu=cpu,
        gpu=gpu,
    )


def _grid(rates: Sequence[float]) -> dict[str, Sequence[float]]:
    return {"batch_size": SIZES, "learning_rate": rates}


def _held_equal(effort: Effort, rates: Mapping[int, float], seeds: int) -> dict[str, str]:
    """Folder of a sweep -> what its batch sizes share, in words."""
    each = ", ".join(f"{size}: {rate:g}" for size, rate in rates.items())
    return {
        **dict.fromkeys(("sizes", "sizes-corrected"), f"budget {effort.epochs} epochs, rate {SMALL_RATE:g}"),
        "equal-steps": f"budget {effort.steps:,} steps, rate {SMALL_RATE:g}",
        "tuned": f"budget {effort.tuning_epochs} epochs, rates {each}",
        "tuning": f"budget {effort.tuning_epochs} epochs, {seeds} seeds of their own",
    }


def _optimism(own_rows: Sweep) -> dict[int, float]:
    """Seed -> accuracy that picking by the reported rows adds; of completed runs."""
    completed = [run for run in own_rows.runs if run.summary["status"] == "completed"]
    return {run.summary["seed"]: picked(run).optimism for run in completed}


def _leaked_shares(config: str, seeds: Sequence[int]) -> dict[int, float]:
    """Seed -> share of its validation rows that stand in training."""
    document = document_of(config)
    return {seed: leaked_share(config_and_data(document, seed=seed)[1]) for seed in seeds}


def _epoch_times(rounds: int) -> tuple[EpochTimes, EpochTimes | None]:
    """By batch size, "full" among them: on the CPU, and on a GPU where there is one."""
    name = "parr/minibatch-8"
    _, data = config_and_data(document_of(name))
    sizes = (*SIZES, "full")
    jobs = {str(size): (build_config(without_grid(document_of(name, batch_size=size))), data) for size in sizes}
    on_cpu = time_epochs(jobs, rounds)
    return on_cpu, time_epochs(jobs, rounds, "cuda", (PLAIN,)) if torch.cuda.is_available() else None
