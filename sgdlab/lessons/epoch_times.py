"""Seconds per epoch by batch size, from interleaved repeats: the plain PyTorch loop, and the compiled engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sgdlab.bench.conditions import conditions, in_words, torch_threads
from sgdlab.bench.plain_loop import PLAIN, plain_training
from sgdlab.bench.production import production
from sgdlab.bench.timing import TimedTraining, interleaved, steps_to_time
from sgdlab.config import Config
from sgdlab.data.prepared import PreparedData
from sgdlab.training.resolve import resolve
from sgdlab.training.sampling import batch_plan

NATIVE = "native engine"
SAMPLE_SECONDS, LONGEST_SECONDS = 0.02, 0.25


@dataclass(frozen=True)
class EpochTimes:
    """seconds: (loop, name) -> seconds per epoch, by round;  steps: in an epoch, by name;  conditions: in words."""

    seconds: Mapping[tuple[str, str], Sequence[float]]
    steps: Mapping[str, int]
    conditions: str


def time_epochs(
    jobs: Mapping[str, tuple[Config, PreparedData]],
    rounds: int,
    device: str = "cpu",
    loops: Sequence[str] = (PLAIN, NATIVE),
) -> EpochTimes:
    """Time each config on its data by each loop, one thread, every round through all of them.

    On the clock: batch order, rows, steps. Off it: data, model, warm-up, evaluation. A sample trains whole
    epochs of at least 20 ms, or of a long epoch as many steps as fit 0.25 s.
    """
    works, steps = {}, {}
    with torch_threads(1):
        for name, (config, data) in jobs.items():
            for loop in loops:
                changes = {"engine": "native" if loop == NATIVE else "eager", "threads": 1, "device": device}
                resolved = resolve(config.model_copy(update=changes), data).config
                steps[name] = batch_plan(resolved, len(data.train)).steps_in(0)
                training = production(resolved, data) if loop == NATIVE else plain_training(resolved, data)
                works[loop, name] = _sample(training, steps[name])
        found = interleaved(list(works.values()), rounds)
    seconds = {key: values.tolist() for key, values in zip(works, found, strict=True)}
    return EpochTimes(seconds, steps, f"{rounds} interleaved rounds, one thread, {in_words(conditions(None))}")


def _sample(training: TimedTraining, steps_in_epoch: int) -> Callable[[], float]:
    """Seconds per epoch from one sample, whose length is found here."""
    count = steps_to_time(training, steps_in_epoch, SAMPLE_SECONDS, LONGEST_SECONDS)

    def sample() -> float:
        done = training(count)
        return done.seconds / done.steps * steps_in_epoch

    return sample
