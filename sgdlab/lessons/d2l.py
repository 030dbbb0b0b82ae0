"""The chapter's claims (D), one by one."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.analysis.paired import PairedDifference, compare_pairs
from sgdlab.analysis.stable_rate import StableRate
from sgdlab.lessons import rules
from sgdlab.lessons.claim import Claim, Finding, Verdict, meanings
from sgdlab.lessons.clock import NATIVE, PLAIN
from sgdlab.lessons.outcomes import Outcomes, first_reaching, value_at
from sgdlab.lessons.wording import mean_and_std, seconds, worded

METHODS = {"GD": 1500, "SGD": 1, "batch 100": 100, "batch 10": 10}
"""The chapter's four runs, by batch size."""

PUBLISHED: dict[str, tuple[float, ...]] = {
    "GD": (0.245, 0.254),
    "SGD": (0.243, 0.244),
    "batch 100": (0.242, 0.244),
    "batch 10": (0.244, 0.248),
    "concise": (0.246,),
}
"""Printed losses: lowest and highest over the chapter's frameworks; of the concise runs PyTorch's, which is ours."""

LAP_EXAMPLES = 200
TARGET = 0.25
"""A loss that all four methods reach, 3 % above the optimum."""

GD_RATE = 1.0
CHAPTER_FLOPS, PRODUCT_FLOPS = 2e9, 2 * 256**3


@dataclass(frozen=True)
class GradientDescent:
    """What gradient descent can do on these data. limit: 2/λmax;  stable: the same found by bisection."""

    lambda_max: float
    limit: float
    stable: StableRate
    optimum: float


@dataclass(frozen=True)
class D2lEvidence:
    """All that was measured for the chapter.

    source: airfoil or its twin.  runs: the chapter's runs by name, GD also for 50 steps at two rates
    ("GD longer"), and the exercises.  law: of minibatch gradients at the initial weights.  epochs: (loop,
    method) -> seconds per epoch by round;  steps: in an epoch, by method.  products: way -> seconds per
    product by round.
    """

    source: str
    rows: int
    runs: Mapping[str, Outcomes]
    descent: GradientDescent
    law: StdLaw | None
    epochs: Mapping[tuple[str, str], Sequence[float]]
    steps: Mapping[str, int]
    products: Mapping[str, Sequence[float]]


# --- the published figures ----------------------------------------------------------------------


def _published(e: D2lEvidence) -> Finding:
    looks = sum(map(len, PUBLISHED.values()))
    verdicts, parts = [], []
    for name, printed in PUBLISHED.items():
        values = e.runs[name].by_seed("final_train_loss")
        ours = rules.prediction_interval(values, looks)
        verdicts += [rules.is_one_of_them(said, ours, 0.001) for said in printed]
        parts.append(
            f"{name} {'–'.join(map(str, printed))} (ours {mean_and_std(values)}, one more run falls in {ours})"
        )
    n = len(e.runs["GD"].by_seed("final_train_loss"))
    return Finding(rules.all_hold(*verdicts), f"{'; '.join(parts)}; n = {n}")


# --- gradient descent ---------------------------------------------------------------------------


def _little_progress(e: D2lEvidence) -> Finding:
    start, sixth = (e.runs["GD"].read(value_at("train_loss", "step", step)) for step in (0, 6))
    share = rules.mean_of({s: (start[s] - sixth[s]) / (start[s] - e.descent.optimum) for s in start})
    return Finding(
        rules.lies_below(share, 0.5), f"share of the way from start to optimum made in 6 steps {worded(share)}", share
    )


def _stalls(e: D2lEvidence) -> Finding:
    at = {step: _at_step(e, GD_RATE, step) for step in (6, 10, 20, 50)}
    growth = rules.ratio_of([at[50][s] for s in at[6]], list(at[6].values()))
    stable = _at_step(e, 0.8, 10)
    numbers = (
        f"mean loss at rate 1: {', '.join(f'step {k}: {_mean(v):.4g}' for k, v in at.items())}; loss at step 50 over "
        f"step 6 {worded(growth)}; at rate 0.8, step 10: {_mean(stable):.4g}; optimum {e.descent.optimum:.5f}"
    )
    return Finding(rules.lies_within(growth, 0.9, 1.1), numbers, growth)


def _rate_is_stable(e: D2lEvidence) -> Finding:
    d = e.descent
    numbers = f"λmax {d.lambda_max:.4f}, so 2/λmax = {d.limit:.4f}; by bisection over 300 steps: {d.stable.reason}; rate {GD_RATE:g}"
    return Finding(stability_verdict(GD_RATE, d), numbers)


def stability_verdict(rate: float, descent: GradientDescent) -> Verdict:
    """Whether a rate is stable, where theory and bisection say the same."""
    low, high = descent.stable.stable, descent.stable.unstable
    if rate < descent.limit and low is not None and rate <= low:
        return "reproduced"
    return "not reproduced" if rate > descent.limit and high is not None and rate >= high else "cannot tell"


def _slows_down(e: D2lEvidence) -> Finding:
    start, first, second = (e.runs["SGD"].read(value_at("train_loss", "epoch", k)) for k in (0, 1, 2))
    share = rules.mean_of({s: (first[s] - second[s]) / (start[s] - first[s]) for s in start})
    return Finding(
        rules.lies_below(share, 0.5), f"decline of the second epoch over that of the first {worded(share)}", share
    )


# --- the clock ----------------------------------------------------------------------------------


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
    return Finding(rules.all_hold(*verdicts), f"{'; '.join(parts)}; plain loop, medians of {_rounds(e)} rounds")


def _epoch(a: str, b: str) -> Callable[[D2lEvidence], Finding]:
    """Whether an epoch of a takes less time than one of b."""

    def judge(e: D2lEvidence) -> Finding:
        ratio, native = (rules.ratio_of(e.epochs[loop, a], e.epochs[loop, b]) for loop in (PLAIN, NATIVE))
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
            rules.ratio_of(seconds_to_target(e, loop, a), seconds_to_target(e, loop, b)) for loop in (PLAIN, NATIVE)
        )
        steps = {name: e.runs[name].read(first_reaching("train_loss", TARGET)) for name in (a, b)}
        counts = ", ".join(f"{name} {mean_and_std(found)} steps" for name, found in steps.items())
        times = ", ".join(f"{name} {seconds(_median(seconds_to_target(e, PLAIN, name)))}" for name in (a, b))
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


def _per_example(e: D2lEvidence) -> Finding:
    at = {name: e.runs[name].read(value_at("train_loss", "examples", 3000)) for name in ("SGD", "GD")}
    pair = compare_pairs({name: at[name] for name in ("SGD", "GD")})[0]
    return Finding(first_is_better(pair), f"loss after 3,000 examples: {_each(at)}; {pair.text}", pair.difference)


# --- products -----------------------------------------------------------------------------------


def _blocks(e: D2lEvidence) -> Finding:
    ratio = rules.ratio_of(e.products["whole"], e.products["in blocks"])
    numbers = f"speed in blocks of 64 columns over whole {worded(ratio)} ({_product_medians(e)})"
    return Finding(rules.lies_within(ratio, 0.8, 1.25), numbers, ratio)


def _order_of_ways(e: D2lEvidence) -> Finding:
    ways = ("element by element", "column by column", "whole")
    gains = [rules.ratio_of(e.products[slow], e.products[fast]) for slow, fast in itertools.pairwise(ways)]
    numbers = "; ".join(
        f"{fast} is {worded(gain)} times as fast as {slow}"
        for (slow, fast), gain in zip(itertools.pairwise(ways), gains, strict=True)
    )
    return Finding(rules.all_hold(*(rules.lies_above(gain, 1.0) for gain in gains)), numbers, gains[-1])


def _flops(e: D2lEvidence) -> Finding:
    whole = _median(e.products["whole"])
    numbers = (
        f"a product takes 2·256³ = {PRODUCT_FLOPS / 1e9:.4f} GFLOP, the chapter divides {CHAPTER_FLOPS / 1e9:g} by the "
        f"time: {CHAPTER_FLOPS / PRODUCT_FLOPS:.1f} times too many; the whole product here: "
        f"{PRODUCT_FLOPS / whole / 1e9:.3g} GFLOP/s, by the chapter's count {CHAPTER_FLOPS / whole / 1e9:,.0f}"
    )
    return Finding(rules.agrees(CHAPTER_FLOPS, PRODUCT_FLOPS, 0.05), numbers)


# --- noise and exercises ------------------------------------------------------------------------


def _law(e: D2lEvidence) -> Finding:
    if e.law is None:
        return Finding("cannot tell", "all examples have the same gradient, or there are too few rows")
    points = ", ".join(f"{p.batch_size}: {p.measured.estimate:.3g} ({p.predicted:.3g})" for p in e.law.points)
    numbers = (
        f"slope of log standard deviation against log b {worded(e.law.slope)} batches, √(1 − b/N) divided out; measured "
        f"(predicted) by b: {points}"
    )
    return Finding(rules.lies_within(e.law.slope, -0.55, -0.45), numbers, e.law.slope)


def _decay(e: D2lEvidence) -> Finding:
    finals = {name: e.runs[name].by_seed("final_train_loss") for name in ("decay", "constant")}
    pair = compare_pairs(finals)[0]
    return Finding(first_is_better(pair), f"loss after 4 epochs: {_each(finals)}; {pair.text}", pair.difference)


def _replacement(e: D2lEvidence) -> Finding:
    finals = {
        "permutation": e.runs["batch 10"].by_seed("final_train_loss"),
        "replacement": e.runs["replacement"].by_seed("final_train_loss"),
    }
    pair = compare_pairs(finals)[0]
    return Finding(first_is_better(pair), f"loss after 2 epochs: {_each(finals)}; {pair.text}", pair.difference)


def _doubled_gd(e: D2lEvidence) -> Finding:
    gap = _largest_gap(e.runs["GD stable"], e.runs["GD doubled"])
    ratio = rules.ratio_of(e.epochs[PLAIN, "GD doubled"], e.epochs[PLAIN, "GD"])
    numbers = (
        f"largest relative gap of the losses at equal steps {gap:.2g}; a step on the doubled set takes {worded(ratio)} "
        f"times as long (plain loop)"
    )
    return Finding(gap_verdict(gap), numbers, ratio)


def gap_verdict(gap: float, rounding: float = 1e-4) -> Verdict:
    """Whether two trajectories are one but for rounding in float32."""
    if not math.isfinite(gap):
        return "cannot tell"
    return "reproduced" if gap <= rounding else "not reproduced"


def _doubled_minibatch(e: D2lEvidence) -> Finding:
    single = e.runs["batch 10"].by_seed("final_train_loss")
    doubled = e.runs["doubled"].read(value_at("train_loss", "step", 300))
    gap = rules.difference(doubled, single)
    epoch = rules.difference(e.runs["doubled"].by_seed("final_train_loss"), single)
    numbers = f"loss, doubled − single, at 300 steps each {worded(gap)}; at 2 epochs each {worded(epoch)}"
    return Finding(rules.lies_within(gap, -0.003, 0.003), numbers, gap)


def _concise(e: D2lEvidence) -> Finding:
    at = {name: e.runs[name].read(value_at("train_loss", "examples", 3000)) for name in ("concise", "batch 10")}
    gap = rules.difference(at["concise"], at["batch 10"])
    return Finding(
        rules.lies_within(gap, -0.004, 0.004), f"loss after 2 epochs: {_each(at)}; difference {worded(gap)}", gap
    )


# --- small parts --------------------------------------------------------------------------------


def first_is_better(pair: PairedDifference) -> Verdict:
    """Reproduced where the first of a pair beats the second, not reproduced where it loses or both are equal."""
    if pair.outcome == "cannot tell":
        return "cannot tell"
    return "reproduced" if pair.outcome == "first" else "not reproduced"


def _at_step(e: D2lEvidence, rate: float, step: int) -> dict[int, float]:
    return e.runs["GD longer"].read(value_at("train_loss", "step", step), learning_rate=rate)


def _largest_gap(a: Outcomes, b: Outcomes) -> float:
    """Largest |a/b − 1| of the training losses at equal steps, over all seeds; NaN where nothing can be compared."""
    gaps = []
    runs = zip(a.seeds_histories(), b.seeds_histories(), strict=False)
    for one, other in runs:
        both = one.merge(other, on="step", suffixes=("", "_other"))
        gaps.append(float((both["train_loss"] / both["train_loss_other"] - 1).abs().max()))
    return max(gaps, default=math.nan)


def _each(values: Mapping[str, Mapping[int, float]]) -> str:
    return ", ".join(f"{name} {mean_and_std(seeds)}" for name, seeds in values.items())


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else math.nan


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _medians(e: D2lEvidence, loop: str, *names: str) -> str:
    return ", ".join(f"{name} {seconds(_median(e.epochs[loop, name]))}" for name in names)


def _product_medians(e: D2lEvidence) -> str:
    return ", ".join(f"{name} {seconds(_median(values))}" for name, values in e.products.items())


def _rounds(e: D2lEvidence) -> int:
    return len(e.epochs[PLAIN, "GD"])


EPOCH_RULE = (
    "ratio of seconds per epoch in a plain PyTorch loop, one thread: reproduced below 1, not reproduced above, 95 % "
    "interval over interleaved rounds"
)
TARGET_RULE = (
    f"ratio of training seconds to loss {TARGET} (steps of seed i, counted where the text evaluates, times the plain "
    "loop's step time in round i): reproduced below 1, not reproduced above, 95 % interval"
)
RESTLESS = "the machine was too restless, or too few rounds; run it again when nothing else runs"
MORE_SEEDS = "more seeds would settle it"

CLAIMS: tuple[Claim[D2lEvidence], ...] = (
    Claim(
        "published-losses",
        "D 11.5.4 and 11.5.5",
        "Final losses .245–.254 (GD), .243–.244 (SGD), .242–.244 (batch 100), .244–.248 (batch 10), .246 (concise).",
        "reproduced: each printed value lies where one more run of ours falls (prediction interval, 95 % for all "
        "together); not reproduced: one does not; fewer than 3 seeds: cannot tell",
        _published,
        meanings(
            "the shipped configs do what the chapter did",
            "our runs differ from the chapter's in something that matters, or a printed run was an unusual one",
            "too few seeds",
        ),
    ),
    Claim(
        "gd-little-progress",
        "D 11.5.4, gradient descent",
        "Gradient descent makes little progress in its first epochs.",
        "share of the way from the initial loss to the optimum made in 6 steps: reproduced below a half, not reproduced "
        "above, 95 % interval over seeds",
        _little_progress,
        meanings("six steps leave most of the way to go", "six steps make most of the way to the optimum", MORE_SEEDS),
    ),
    Claim(
        "gd-stalls",
        "D 11.5.4, gradient descent",
        "After 6 steps gradient descent (rate 1) stalls.",
        "loss at step 50 over loss at step 6: reproduced within 0.9 to 1.1, not reproduced outside, 95 % interval over "
        "seeds",
        _stalls,
        meanings(
            "the loss stays where it is",
            "it does not stand still: after its sixth step the loss rises, slowly at first; see the next claim for why",
            MORE_SEEDS,
        ),
    ),
    Claim(
        "gd-rate",
        "D 11.5.4, gradient descent",
        "Rate 1 is one at which gradient descent works on these data (what a stall would take for granted).",
        "reproduced: below 2/λmax and stable by bisection; not reproduced: above 2/λmax and unstable by bisection; "
        "else cannot tell",
        _rate_is_stable,
        meanings(
            "the rate is stable",
            "the rate is beyond the stability limit: what looks like a stall is the beginning of divergence; rate 0.8 works",
            "theory and bisection do not agree",
        ),
    ),
    Claim(
        "sgd-slows-down",
        "D 11.5.4, SGD",
        "SGD's decline slows down after one epoch.",
        "decline in the second epoch over that in the first: reproduced below a half, not reproduced above, 95 % interval "
        "over seeds",
        _slows_down,
        meanings(
            "one epoch is enough here; then the loss wanders around its optimum",
            "the second epoch still gains much",
            MORE_SEEDS,
        ),
    ),
    Claim(
        "lap-is-an-epoch",
        "D 11.5.4, printed sec/epoch",
        "The printed seconds per epoch are seconds per epoch.",
        "reproduced: the examples between two stops of the chapter's timer are those of an epoch, within 5 %, for all "
        "four runs; not reproduced: for one they are not (computed)",
        _lap_is_an_epoch,
        meanings(
            "the printed figures are what they say",
            "they are seconds per lap: times 7.5 they become seconds per epoch, for GD times a half; so the runs cannot be "
            "compared by them",
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
        "sgd-ahead-per-example",
        "D 11.5.4, comparison",
        "Per example, SGD is ahead of gradient descent.",
        "loss after 3,000 examples, paired t over seeds: reproduced where SGD is better, not reproduced where it is not",
        _per_example,
        meanings(
            "the same examples buy more progress in small steps",
            "gradient descent is ahead per example",
            MORE_SEEDS,
        ),
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
            "on 1,500 rows of 5 features a whole-data step costs hardly more than a small one, and few of them are needed: "
            "gradient descent is there first",
            f"a run never reached the loss, or {RESTLESS}",
        ),
    ),
    Claim(
        "ways-of-a-product",
        "D 11.5.1",
        "Column by column is faster than element by element, and the whole product at once faster still.",
        "ratio of speeds, one thread: reproduced where both are above 1, 95 % interval over interleaved rounds",
        _order_of_ways,
        meanings("each call of the framework has its price", "one of the steps does not pay here", RESTLESS),
    ),
    Claim(
        "blocks-as-fast",
        "D 11.5.2",
        "Blocks of 64 columns are as fast as the whole product.",
        "speed in blocks over whole: reproduced within 0.8 to 1.25, not reproduced outside, 95 % interval over "
        "interleaved rounds",
        _blocks,
        meanings(
            "a minibatch of 64 uses the processor as well as all columns at once",
            "blocks are slower or faster than the whole product on this machine",
            RESTLESS,
        ),
    ),
    Claim(
        "gflops",
        "D 11.5.1 and 11.5.2, printed GFLOP/s",
        "The printed GFLOP/s count the operations of the product.",
        "reproduced: the 2 GFLOP that the chapter counts are 2·256³ within 5 %; not reproduced: they are not (computed)",
        _flops,
        meanings(
            "the count is right",
            "the printed figures are about 60 times too high; their ratios stand",
            "nothing was computed",
        ),
    ),
    Claim(
        "gradient-std",
        "D 11.5.2",
        "The standard deviation of the minibatch gradient falls as b^(−1/2).",
        "slope in log-log at the initial weights: reproduced within −0.55 to −0.45, not reproduced outside, 95 % interval",
        _law,
        meanings(
            "four times the batch halves the noise, and costs four times as much",
            "the law does not hold on these data",
            "more batches would settle it",
        ),
    ),
    Claim(
        "concise-same",
        "D 11.5.5",
        "The concise implementation behaves as the one from scratch.",
        "paired difference of the loss after 2 epochs at batch 10: reproduced within ±0.004 (the chapter's own spread), "
        "not reproduced outside, interval included",
        _concise,
        meanings(
            "a bias that starts away from 0 is learnt at once", "they differ by more than the frameworks do", MORE_SEEDS
        ),
    ),
    Claim(
        "tenfold-decay",
        "D 11.5.6 and exercise",
        "Dividing the rate by ten after each epoch leads to a lower loss than a constant rate.",
        "loss after 4 epochs at batch 10, paired t over seeds: reproduced where decay is better, not reproduced where it "
        "is worse or equal",
        _decay,
        meanings(
            "less noise at the end is worth more than the progress given up",
            "so steep a decay stops the progress before its noise would have hurt; decay later, or less",
            MORE_SEEDS,
        ),
    ),
    Claim(
        "replacement",
        "D 11.5.6 and exercise",
        "Going through a permutation leads to a lower loss than drawing with replacement.",
        "loss after 2 epochs at batch 10, paired t over seeds: reproduced where the permutation is better, not reproduced "
        "where it is worse or equal",
        _replacement,
        meanings(
            "seeing every row once is worth something",
            "drawing with replacement is no worse",
            "whatever the difference is, it is small against the spread of runs; more seeds would settle it",
        ),
    ),
    Claim(
        "doubled-gd",
        "D exercise, doubled data set",
        "On a data set in which every row stands twice, gradient descent makes the very same steps.",
        "reproduced: losses at equal steps agree within 1e-4 (float32); not reproduced: they do not",
        _doubled_gd,
        meanings(
            "the doubled rows cost time and buy nothing",
            "the steps differ by more than rounding",
            "no losses to compare",
        ),
    ),
    Claim(
        "doubled-minibatch",
        "D exercise, doubled data set",
        "For minibatches nothing changes, step by step.",
        "paired difference of the loss at 300 steps: reproduced within ±0.003, not reproduced outside, interval included",
        _doubled_minibatch,
        meanings(
            "by steps nothing has changed; an epoch only holds twice as many of them",
            "minibatches notice the copies",
            MORE_SEEDS,
        ),
    ),
)
