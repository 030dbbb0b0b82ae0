"""About how many runs a study takes and how long, before it begins: for --dry-run."""

from sgdlab.studies.conduct import data_of, entry_for
from sgdlab.studies.question import TUNING_SEEDS, Question
from sgdlab.studies.trial import Request
from sgdlab.studies.tuning import SEEDS_TO_CHOOSE, evaluate_every, scan_request
from sgdlab.sweeps.create import jobs_at_once


def forecast(question: Question, jobs: int | None) -> tuple[int, float]:
    """(runs, seconds): without widening, and as if every run spent its whole budget."""
    data, requests = data_of(question), _requests(question)
    planned = [entry_for(request, question, data) for request in requests]
    at_once = jobs_at_once([int(entry.resolved["threads"]) for entry, _ in planned], jobs)
    return len(requests), sum(seconds for _, seconds in planned) / at_once


def _requests(question: Question) -> list[Request]:
    requests: list[Request] = []
    for size in question.batch_sizes:
        rates = question.grid.start(size)
        middle, seeds = rates[len(rates) // 2], question.tuning_seeds
        scans = [scan_request(question, size, rate, seeds[0]) for rate in rates]
        near = question.grid.near(rates, middle)
        rest = len(near) * SEEDS_TO_CHOOSE + (TUNING_SEEDS - 1 if question.target is None else 0)
        steps = question.steps_in(question.budget, size)
        every = evaluate_every(float(steps or 1))
        requests += scans + [scans[len(scans) // 2]] * rest
        requests += [
            Request("measure", size, middle, seed, str(question.budget), every, None) for seed in question.seeds
        ]
    return requests
