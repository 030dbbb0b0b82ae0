"""About how many runs a study takes and how long, before it begins: for --dry-run."""

from pathlib import Path

from sgdlab.studies.execute import data_of, entry_for
from sgdlab.studies.plan import TUNING_SEEDS, StudyPlan
from sgdlab.studies.study_run import RunSpec
from sgdlab.studies.tuning import SEEDS_TO_CHOOSE, evaluate_every, scan_spec, target_spec
from sgdlab.sweeps.create import jobs_at_once
from sgdlab.sweeps.manifest import Manifest


def forecast(plan: StudyPlan, jobs: int | None) -> tuple[int, float]:
    """(runs, seconds): without widening, and as if every run spent its whole budget."""
    data, manifest = data_of(plan), Manifest(Path(), plan.base, [])
    planned = [entry_for(spec, manifest, data) for size in plan.batch_sizes for spec in _specs(plan, size)]
    at_once = jobs_at_once((entry.resolved for entry, _ in planned), jobs)
    return len(planned), sum(seconds for _, seconds in planned) / at_once


def _specs(plan: StudyPlan, size: int) -> list[RunSpec]:
    rates = plan.grid.start(size)
    middle = rates[len(rates) // 2]
    scans = [scan_spec(plan, size, rate, plan.tuning_seeds[0]) for rate in rates]
    finer = len(plan.grid.near(rates, middle)) * SEEDS_TO_CHOOSE + (TUNING_SEEDS - 1 if plan.target is None else 0)
    every = evaluate_every(float(plan.steps_in(plan.budget, size) or 1))
    measured = [target_spec(plan, "measure", size, middle, seed, every) for seed in plan.seeds]
    return scans + [scans[len(scans) // 2]] * finer + measured
