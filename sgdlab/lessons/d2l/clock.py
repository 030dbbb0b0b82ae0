"""The chapter's claims on time: per epoch, and to a loss."""

import math
from collections.abc import Callable

import numpy as np

from sgdlab.lessons import rules
from sgdlab.lessons.claim import Claim, Finding, meanings
from sgdlab.lessons.clock import NATIVE, PLAIN
from sgdlab.lessons.d2l.evidence import LAP_EXAMPLES, METHODS, RESTLESS, TARGET, D2lEvidence
from sgdlab.lessons.outcomes import first_reaching
from sgdlab.lessons.wording import mean_and_std, median_of, seconds, worded

EPOCH_RULE = (
    "ratio of seconds per epoch in a plain PyTorch loop, one thread: reproduced below 1, not reproduced above, 95 % "
    "interval of the median over interleaved rounds"
)
TARGET_RULE = (
    f"ratio of training seconds to loss {TARGET} (steps of seed i, counted where the text evaluates, times the plain "
    "loop's step time in round i): reproduced below 1, not reproduced above, 95 % interval of the median"
)


def lap_examples(batch_size: int, rows: int, epochs: int = 10) -> float:
    """Examples between two stops of the chapter's timer: it stops where the count is a multiple of 200."""
    counts, n = [0], 0
    for _ in range(epochs):
        for begin in range(0, rows, batch_size):
            n += min(batch_size, rows - begin)
            if n % LAP_EXAMPLES == 0:
                counts.append(n)
    return n / (len(counts) - 1) if len(counts) > 1 else math.nan


def _lap_is_an_epoch(e: D2lEvidence) -> Finding:
    laps = {name: lap_examples(size, e.rows) for name, size in METHODS.items()}
    verdicts = [rules.agrees(lap, e.rows, 0.05) for lap in laps.values()]
    parts = []
    for name, lap in laps.items():
        epoch = float(np.median(e.epochs[PLAIN, name]))
        parts.append(
            f"{name}: a lap is {lap:,.0f} examples, so an epoch takes {e.rows / lap:.3g} laps "
            f"({seconds(epoch * lap / e.rows)} a lap, {seconds(epoch)} an epoch)"
        )
    return Finding(
        rules.all_hold(*verdicts), f"{'; '.join(parts)}; plain loop, medians of {len(e.epochs[PLAIN, 'GD'])} rounds"
    )


def _epoch(a: str, b: str) -> Callable[[D2lEvidence], Finding]:
    """Whether an epoch of a takes less time than one of b."""

    def judge(e: D2lEvidence) -> Finding:
        ratio, native = (rules.times_as_long(e.epochs[loop, a], e.epochs[loop, b]) for loop in (PLAIN, NATIVE))
        numbers = (
            f"epoch of {a} over epoch of {b}: plain loop {worded(ratio)} ({_medians(e, PLAIN, a, b)}); compiled engine "
            f"{worded(native)} ({_medians(e, NATIVE, a, b)})"
        )
        return Finding(rules.lies_below(ratio, 1.0), numbers, ratio)

    return judge


def _to_target(a: str, b: str) -> Callable[[D2lEvidence], Finding]:
    """Whether a takes less time than b to the target: steps of seed i times the time of a step in round i."""

    def judge(e: D2lEvidence) -> Finding:
        ratio, native = (
            rules.times_as_long(seconds_to_target(e, loop, a), seconds_to_target(e, loop, b))
            for loop in (PLAIN, NATIVE)
        )
        steps = {name: e.runs[name].read(first_reaching("train_loss", TARGET)) for name in (a, b)}
        counts = ", ".join(f"{name} {mean_and_std(found)} steps" for name, found in steps.items())
        times = ", ".join(f"{name} {seconds(median_of(seconds_to_target(e, PLAIN, name)))}" for name in (a, b))
        numbers = (
            f"time to loss {TARGET}, {a} over {b}: plain loop {worded(ratio)} ({times}); compiled engine "
            f"{worded(native)}; {counts}"
        )
        return Finding(rules.lies_below(ratio, 1.0), numbers, ratio)

    return judge


def seconds_to_target(e: D2lEvidence, loop: str, name: str) -> list[float]:
    """Seconds of training to TARGET, seed i by round i; infinite where it is not reached."""
    steps = e.runs[name].read(first_reaching("train_loss", TARGET))
    per_step = [value / e.steps[name] for value in e.epochs[loop, name]]
    return [steps[seed] * each for seed, each in zip(sorted(steps), per_step, strict=False)]


def _medians(e: D2lEvidence, loop: str, *names: str) -> str:
    return ", ".join(f"{name} {seconds(median_of(e.epochs[loop, name]))}" for name in names)


CLAIMS: tuple[Claim[D2lEvidence], ...] = (
    Claim(
        "lap-is-an-epoch",
        "D 11.5.4, printed sec/epoch",
        "The printed seconds per epoch are seconds per epoch.",
        "reproduced: the examples between two stops of the chapter's timer are those of an epoch, within 5 %, for all "
        "four runs; not reproduced: for one they are not (computed)",
        _lap_is_an_epoch,
        meanings(
            "the printed figures are what they say",
            "they are seconds per lap, and laps are not of one length: the runs cannot be compared by them",
            "the timer never stops",
        ),
    ),
    Claim(
        "sgd-epoch-slower",
        "D 11.5.4, SGD",
        "An epoch of SGD takes more time than one of gradient descent.",
        EPOCH_RULE,
        _epoch("GD", "SGD"),
        meanings("1,500 small steps cost more than one large step", "an epoch of SGD is the faster one here", RESTLESS),
    ),
    Claim(
        "batch-100-epoch-fastest",
        "D 11.5.4, batch 100",
        "An epoch at batch 100 takes less time than one of gradient descent.",
        EPOCH_RULE,
        _epoch("batch 100", "GD"),
        meanings(
            "fifteen steps cost less than one here",
            "the chapter's figure compared 200 examples with 3,000; per epoch gradient descent is the faster one",
            RESTLESS,
        ),
    ),
    Claim(
        "batch-100-epoch-faster-than-sgd",
        "D 11.5.4, batch 100",
        "An epoch at batch 100 takes less time than one of SGD.",
        EPOCH_RULE,
        _epoch("batch 100", "SGD"),
        meanings("larger batches spread the cost of a step", "batches of 100 do not pay here", RESTLESS),
    ),
    Claim(
        "batch-10-epoch-slower",
        "D 11.5.4, batch 10",
        "An epoch at batch 10 takes more time than one at batch 100.",
        EPOCH_RULE,
        _epoch("batch 100", "batch 10"),
        meanings("ten times the steps cost more", "batch 10 is not slower here", RESTLESS),
    ),
    Claim(
        "sgd-behind-by-clock",
        "D 11.5.4, comparison",
        "By the clock, SGD takes longer to the same loss than gradient descent.",
        TARGET_RULE,
        _to_target("GD", "SGD"),
        meanings(
            "SGD's steps are too many to be as quick",
            "SGD is there first",
            f"a run never reached the loss, or {RESTLESS}",
        ),
    ),
    Claim(
        "batch-10-ahead-of-sgd",
        "D 11.5.4, comparison",
        "By the clock, batch 10 is ahead of SGD.",
        TARGET_RULE,
        _to_target("batch 10", "SGD"),
        meanings(
            "ten examples a step make SGD cheaper",
            "batch 10 is not ahead here",
            f"a run never reached the loss, or {RESTLESS}",
        ),
    ),
    Claim(
        "batch-100-ahead-of-gd",
        "D 11.5.4, comparison and summary",
        "By the clock, batch 100 is ahead even of gradient descent.",
        TARGET_RULE,
        _to_target("batch 100", "GD"),
        meanings(
            "on these data minibatches win by the clock as well",
            "on 1,500 rows of 5 features a whole-data step costs hardly more than a small one, and few of them are "
            "needed: gradient descent is there first",
            f"a run never reached the loss, or {RESTLESS}",
        ),
    ),
)
