"""The notebook's experiments, and what is measured beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sgdlab.config import Config, build_config, document_of, without_grid
from sgdlab.data import load
from sgdlab.lessons.clock import NATIVE, PLAIN, epoch_clock
from sgdlab.lessons.experiment import Experiment
from sgdlab.lessons.outcomes import Outcomes, outcomes_of
from sgdlab.lessons.parr.evidence import SIZES, ParrEvidence
from sgdlab.lessons.parr.leak import leaked_share
from sgdlab.lessons.parr.picking import picked
from sgdlab.results.opened import Sweep
from sgdlab.schema.batch_size import BatchSize

TUNING_SEEDS_FROM = 1000
"""Rates are tuned on seeds that the measurement does not use: 1000 + seed."""

RunExperiment = Callable[[Experiment], Sweep]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Length:
    """How much is done. batch_seeds: full-batch runs are long, so at most so many seeds; looks: evaluations at
    equal steps."""

    epochs: int = 51
    batch_epochs: int = 1001
    batch_seeds: int = 4
    steps: int = 3200
    looks: int = 25
    tuning_epochs: int = 20
    rates: tuple[float, ...] = (0.0003, 0.001, 0.003, 0.01, 0.03)
    rounds: int = 9


FULL = Length()
QUICK = Length(
    epochs=2, batch_epochs=10, batch_seeds=2, steps=64, looks=4, tuning_epochs=1, rates=(0.001, 0.03), rounds=5
)


def experiments(seeds: Sequence[int], length: Length) -> dict[str, Experiment]:
    """The notebook's sweeps, and those that its conclusion needs, by name; `tuned` comes later."""
    permutation = {"dataset.resample": "none"}
    every = {"epochs": length.epochs}
    tuning_seeds = [TUNING_SEEDS_FROM + seed for seed in seeds]
    corrected = "parr/sizes-corrected"
    found = [
        Experiment("sizes", "parr/sizes", seeds, changes=every),
        Experiment("no-leak", "parr/minibatch-8", seeds, {"batch_size": [8]}, every | permutation),
        Experiment("sizes-corrected", corrected, seeds, changes=every),
        Experiment("batch", "parr/batch", seeds[: length.batch_seeds], changes=_batch_changes(length)),
        Experiment("equal-steps", corrected, seeds, changes=_step_changes(length)),
        Experiment("own-rows", "parr/minibatch-8", seeds, changes=every | permutation | {"dataset.test": 0.2}),
        Experiment(
            "tuning", corrected, tuning_seeds, _tuning_grid(length), {"epochs": length.tuning_epochs} | _rarely(length)
        ),
    ]
    return {each.name: each for each in found}


def tuned_experiment(seeds: Sequence[int], length: Length, rates: Mapping[int, float]) -> Experiment:
    """Each batch size at its own rate."""
    pairs = frozenset((size, float(rate)) for size, rate in rates.items())
    grid = _tuning_grid(length) | {"learning_rate": sorted(set(rates.values()))}
    return Experiment("tuned", "parr/sizes-corrected", seeds, grid, {"epochs": length.tuning_epochs}, pairs)


def best_rates(tuning: Outcomes, rates: Sequence[float]) -> dict[int, float]:
    """Batch size -> the rate of least mean best validation loss over the tuning seeds; a rate that failed is out."""

    def mean_loss(size: int, rate: float) -> float:
        values = list(tuning.by_seed("best_val_loss", batch_size=size, learning_rate=rate).values())
        return float(np.mean(values)) if values and np.isfinite(values).all() else np.inf

    return {size: min(rates, key=lambda rate: mean_loss(size, rate)) for size in SIZES}


def gather(seeds: Sequence[int], length: Length, run: RunExperiment, tell: Tell) -> tuple[ParrEvidence, str]:
    """Carry everything out once; the evidence, and the conditions of the timings in words."""
    planned = experiments(seeds, length)
    for experiment in planned.values():
        experiment.plan()  # whatever can be refused is refused before anything runs
    sweeps = {name: run(experiment) for name, experiment in planned.items()}
    found = {name: outcomes_of(sweep) for name, sweep in sweeps.items()}
    rates = best_rates(found["tuning"], length.rates)
    found["tuned"] = outcomes_of(run(tuned_experiment(seeds, length, rates)))
    tell("rows on both sides of the split; best and last models on test rows")
    optimism = {run.summary["seed"]: picked(run).optimism for run in sweeps["own-rows"].runs if _done(run.summary)}
    tell("seconds per epoch, by turns")
    epochs, gpu, conditions = _clocks(length)
    evidence = ParrEvidence(
        as_published=length.epochs == FULL.epochs and length.batch_epochs == FULL.batch_epochs,
        sizes=found["sizes"],
        no_leak=found["no-leak"],
        corrected=found["sizes-corrected"],
        batch=found["batch"],
        equal_steps=found["equal-steps"],
        tuning=found["tuning"],
        tuned=found["tuned"],
        rates=rates,
        leaked=_shares("parr/minibatch-8", seeds),
        clean=_shares("parr/minibatch-8-corrected", seeds),
        optimism=optimism,
        epochs=epochs,
        gpu_epochs=gpu,
        held_equal={
            "sizes": f"budget {length.epochs} epochs, rate 0.001",
            "corrected": f"budget {length.epochs} epochs, rate 0.001",
            "equal_steps": f"budget {length.steps:,} steps, rate 0.001",
            "tuned": f"budget {length.tuning_epochs} epochs, rates "
            + ", ".join(f"{size}: {rate:g}" for size, rate in rates.items()),
            "tuning": f"budget {length.tuning_epochs} epochs, {len(seeds)} seeds of their own",
        },
    )
    return evidence, conditions


def _done(summary: Mapping[str, object]) -> bool:
    return summary["status"] == "completed"


def _tuning_grid(length: Length) -> dict[str, Sequence[float]]:
    return {"batch_size": SIZES, "learning_rate": length.rates}


def _rarely(length: Length) -> dict[str, str]:
    return {"evaluate_every": "2 epochs"} if length.tuning_epochs > 2 else {}


def _batch_changes(length: Length) -> dict[str, object]:
    """The compiled engine on one thread does full batches as fast as two threads of torch, and two runs at once."""
    every = "10 epochs" if length.batch_epochs > 100 else "1 epoch"
    return {"epochs": length.batch_epochs, "evaluate_every": every, "engine": "native"}


def _step_changes(length: Length) -> dict[str, object]:
    return {"budget": f"{length.steps} steps", "evaluate_every": f"{max(length.steps // length.looks, 1)} steps"}


def _shares(config: str, seeds: Sequence[int]) -> dict[int, float]:
    """Seed -> share of its validation rows that stand in training."""
    dataset = _config(config).dataset
    return {seed: leaked_share(load(dataset, seed)) for seed in seeds}


Epochs = dict[tuple[str, str], list[float]]


def _clocks(length: Length) -> tuple[Epochs, Epochs | None, str]:
    """Seconds per epoch on the CPU, on a GPU where there is one, and the conditions."""
    config = _config("parr/minibatch-8")
    data = load(config.dataset, config.seed)
    sizes: list[int | str] = [*SIZES, "full"]
    jobs = {str(b): (config.model_copy(update={"batch_size": BatchSize(initial=b)}), data) for b in sizes}  # type: ignore[arg-type]
    clock = epoch_clock(jobs, length.rounds)
    epochs = {(loop, name): list(clock.epoch(loop, name)) for loop, name in clock.step_seconds}
    if not torch.cuda.is_available():
        return epochs, None, clock.conditions
    on_gpu = epoch_clock(jobs, length.rounds, "cuda", (PLAIN,))
    gpu = {(loop, name): list(on_gpu.epoch(loop, name)) for loop, name in on_gpu.step_seconds}
    return epochs, gpu, f"{clock.conditions}; {torch.cuda.get_device_name()}"


def _config(name: str) -> Config:
    return build_config(without_grid(document_of(name)))


__all__ = ["FULL", "NATIVE", "QUICK", "Length", "best_rates", "experiments", "gather", "tuned_experiment"]
