"""The chapter's claims on time: per epoch, and to a loss."""

import itertools
import math

from sgdlab.analysis.wording import measured_time
from sgdlab.bench.plain_loop import PLAIN
from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, claim
from sgdlab.lessons.d2l.evidence import LAP_EXAMPLES, METHODS, RESTLESS, TARGET, D2lEvidence
from sgdlab.lessons.epoch_times import NATIVE
from sgdlab.lessons.seed_results import first_reaching
from sgdlab.lessons.wording import median_times, over_seeds, worded

EPOCH_RULE = (
    "ratio of seconds per epoch in a plain PyTorch loop, one thread: reproduced below 1, not reproduced above, 95 % "
    "interval of the median over interleaved rounds"
)
TARGET_RULE = (
    f"ratio of training seconds to loss {TARGET} (steps of seed i, counted where the text evaluates, times the plain "
    "loop's step time in round i): reproduced below 1, not reproduced above, 95 % interval of the median"
)


@claim(
    "D 11.5.4, printed sec/epoch",
    "The printed seconds per epoch are seconds per epoch.",
    rule="reproduced: the examples between two stops of the chapter's timer are those of an epoch, within 5 %, for all "
    "four runs; not reproduced: for one they are not (computed)",
    reproduced="the printed figures are what they say",
    not_reproduced="they are seconds per lap, and laps are not of one length: the runs cannot be compared by them",
    cannot_tell="the timer never stops",
)
def lap_is_an_epoch(e: D2lEvidence) -> Finding:
    laps = {name: lap_examples(size, e.rows) for name, size in METHODS.items()}
    parts = []
    for name, lap in laps.items():
        epoch = rules.median_of(e.epochs.seconds[PLAIN, name])
        parts.append(
            f"{name}: a lap is {lap:,.0f} examples, so an epoch takes {e.rows / lap:.3g} laps "
            f"({measured_time(epoch * lap / e.rows)} a lap, {measured_time(epoch)} an epoch)"
        )
    rounds = len(e.epochs.seconds[PLAIN, "GD"])
    verdict = rules.all_hold(*(rules.agrees(lap, e.rows, 0.05) for lap in laps.values()))
    return Finding(verdict, f"{'; '.join(parts)}; plain loop, medians of {rounds} rounds")


def lap_examples(batch_size: int, rows: int, epochs: int = 10) -> float:
    """Examples between two stops of the chapter's timer: it stops where the count is a multiple of 200."""
    batches = [min(batch_size, rows - begin) for begin in range(0, rows, batch_size)] * epochs
    laps = sum(n % LAP_EXAMPLES == 0 for n in itertools.accumulate(batches))
    return rows * epochs / laps if laps else math.nan


@claim(
    "D 11.5.4, SGD",
    "An epoch of SGD takes more time than one of gradient descent.",
    rule=EPOCH_RULE,
    reproduced="1,500 small steps cost more than one large step",
    not_reproduced="an epoch of SGD is the faster one here",
    cannot_tell=RESTLESS,
)
def sgd_epoch_slower(e: D2lEvidence) -> Finding:
    return _epoch_takes_less(e, "GD", "SGD")


@claim(
    "D 11.5.4, batch 100",
    "An epoch at batch 100 takes less time than one of gradient descent.",
    rule=EPOCH_RULE,
    reproduced="fifteen steps cost less than one here",
    not_reproduced="the chapter's figure compared 200 examples with 3,000; per epoch gradient descent is the faster "
    "one",
    cannot_tell=RESTLESS,
)
def batch_100_epoch_fastest(e: D2lEvidence) -> Finding:
    return _epoch_takes_less(e, "batch 100", "GD")


@claim(
    "D 11.5.4, batch 100",
    "An epoch at batch 100 takes less time than one of SGD.",
    rule=EPOCH_RULE,
    reproduced="larger batches spread the cost of a step",
    not_reproduced="batches of 100 do not pay here",
    cannot_tell=RESTLESS,
)
def batch_100_epoch_faster_than_sgd(e: D2lEvidence) -> Finding:
    return _epoch_takes_less(e, "batch 100", "SGD")


@claim(
    "D 11.5.4, batch 10",
    "An epoch at batch 10 takes more time than one at batch 100.",
    rule=EPOCH_RULE,
    reproduced="ten times the steps cost more",
    not_reproduced="batch 10 is not slower here",
    cannot_tell=RESTLESS,
)
def batch_10_epoch_slower(e: D2lEvidence) -> Finding:
    return _epoch_takes_less(e, "batch 100", "batch 10")


@claim(
    "D 11.5.4, comparison",
    "By the clock, SGD takes longer to the same loss than gradient descent.",
    rule=TARGET_RULE,
    reproduced="SGD's steps are too many to be as quick",
    not_reproduced="SGD is there first",
    cannot_tell=f"a run never reached the loss, or {RESTLESS}",
)
def sgd_behind_by_clock(e: D2lEvidence) -> Finding:
    return _target_takes_less(e, "GD", "SGD")


@claim(
    "D 11.5.4, comparison",
    "By the clock, batch 10 is ahead of SGD.",
    rule=TARGET_RULE,
    reproduced="ten examples a step make SGD cheaper",
    not_reproduced="batch 10 is not ahead here",
    cannot_tell=f"a run never reached the loss, or {RESTLESS}",
)
def batch_10_ahead_of_sgd(e: D2lEvidence) -> Finding:
    return _target_takes_less(e, "batch 10", "SGD")


@claim(
    "D 11.5.4, comparison and summary",
    "By the clock, batch 100 is ahead even of gradient descent.",
    rule=TARGET_RULE,
    reproduced="on these data minibatches win by the clock as well",
    not_reproduced="on 1,500 rows of 5 features a whole-data step costs hardly more than a small one, and few of them "
    "are needed: gradient descent is there first",
    cannot_tell=f"a run never reached the loss, or {RESTLESS}",
)
def batch_100_ahead_of_gd(e: D2lEvidence) -> Finding:
    return _target_takes_less(e, "batch 100", "GD")


def _epoch_takes_less(e: D2lEvidence, a: str, b: str) -> Finding:
    """Whether an epoch of a takes less time than one of b."""
    seconds = e.epochs.seconds
    ratio, native = (rules.times_as_long(seconds[loop, a], seconds[loop, b]) for loop in (PLAIN, NATIVE))
    plain, compiled = (median_times({name: seconds[loop, name] for name in (a, b)}) for loop in (PLAIN, NATIVE))
    numbers = (
        f"epoch of {a} over epoch of {b}: plain loop {worded(ratio)} ({plain}); compiled engine {worded(native)} "
        f"({compiled})"
    )
    return Finding(rules.lies_below(ratio, 1.0), numbers, ratio)


def _target_takes_less(e: D2lEvidence, a: str, b: str) -> Finding:
    """Whether a takes less time than b to the target."""
    plain, compiled = ({name: seconds_to_target(e, loop, name) for name in (a, b)} for loop in (PLAIN, NATIVE))
    ratio, native = (rules.times_as_long(seconds[a], seconds[b]) for seconds in (plain, compiled))
    counts = ", ".join(f"{name} {over_seeds(_steps_to_target(e, name))} steps" for name in (a, b))
    numbers = (
        f"time to loss {TARGET}, {a} over {b}: plain loop {worded(ratio)} ({median_times(plain)}); compiled engine "
        f"{worded(native)}; {counts}"
    )
    return Finding(rules.lies_below(ratio, 1.0), numbers, ratio)


def seconds_to_target(e: D2lEvidence, loop: str, name: str) -> list[float]:
    """Seconds of training to TARGET, seed i by the time of a step in round i; infinite where it is not reached."""
    steps = _steps_to_target(e, name)
    per_step = [seconds / e.epochs.steps[name] for seconds in e.epochs.seconds[loop, name]]
    return [steps[seed] * each for seed, each in zip(sorted(steps), per_step, strict=False)]


def _steps_to_target(e: D2lEvidence, name: str) -> dict[int, float]:
    return e.runs[name].read(first_reaching("train_loss", TARGET))


CLAIMS = (
    lap_is_an_epoch,
    sgd_epoch_slower,
    batch_100_epoch_fastest,
    batch_100_epoch_faster_than_sgd,
    batch_10_epoch_slower,
    sgd_behind_by_clock,
    batch_10_ahead_of_sgd,
    batch_100_ahead_of_gd,
)
