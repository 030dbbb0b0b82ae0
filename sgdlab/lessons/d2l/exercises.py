"""The chapter's claims on gradient noise, its concise form, and its exercises."""

import math

from sgdlab.bench.plain_loop import PLAIN
from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, Verdict, claim
from sgdlab.lessons.d2l.descent import first_is_lower
from sgdlab.lessons.d2l.evidence import MORE_SEEDS, D2lEvidence
from sgdlab.lessons.seed_results import SeedResults, value_at
from sgdlab.lessons.wording import each_of, worded


@claim(
    "D 11.5.2",
    "The standard deviation of the minibatch gradient falls as b^(−1/2).",
    rule="slope in log-log at the initial weights: reproduced within −0.55 to −0.45, not reproduced outside, 95 % "
    "interval",
    reproduced="four times the batch halves the noise, and costs four times as much",
    not_reproduced="the law does not hold on these data",
    cannot_tell="more batches would settle it",
)
def gradient_std(e: D2lEvidence) -> Finding:
    if e.law is None:
        return Finding("cannot tell", "all examples have the same gradient, or there are too few rows")
    points = ", ".join(f"{p.batch_size}: {p.measured.estimate:.3g} ({p.predicted:.3g})" for p in e.law.points)
    numbers = (
        f"slope of log standard deviation against log b {worded(e.law.slope)} batches, √(1 − b/N) divided out; "
        f"measured (predicted) by b: {points}"
    )
    return Finding(rules.lies_within(e.law.slope, -0.55, -0.45), numbers, e.law.slope)


@claim(
    "D 11.5.5",
    "The concise implementation behaves as the one from scratch.",
    rule="paired difference of the loss after 2 epochs at batch 10: reproduced where the interval lies within ±0.004 "
    "(the chapter's own spread), else not reproduced where it excludes 0, else cannot tell",
    reproduced="a bias that starts away from 0 is learnt at once",
    not_reproduced="they differ by more than the frameworks do",
    cannot_tell=MORE_SEEDS,
)
def concise_same(e: D2lEvidence) -> Finding:
    at = {name: e.runs[name].read(value_at("train_loss", "examples", 3000)) for name in ("concise", "batch 10")}
    gap = rules.difference(at["concise"], at["batch 10"])
    return Finding(
        rules.makes_no_difference(gap, 0.004), f"loss after 2 epochs: {each_of(at)}; difference {worded(gap)}", gap
    )


@claim(
    "D 11.5.6 and exercise",
    "Dividing the rate by ten after each epoch leads to a lower loss than a constant rate.",
    rule="loss after 4 epochs at batch 10, paired t over seeds: reproduced where decay is better, not reproduced where "
    "it is worse or equal",
    reproduced="less noise at the end is worth more than the progress given up",
    not_reproduced="so steep a decay stops the progress before its noise would have hurt; decay later, or less",
    cannot_tell=MORE_SEEDS,
)
def tenfold_decay(e: D2lEvidence) -> Finding:
    finals = {name: e.runs[name].by_seed("final_train_loss") for name in ("decay", "constant")}
    return first_is_lower(finals, "loss after 4 epochs")


@claim(
    "D 11.5.6 and exercise",
    "Going through a permutation leads to a lower loss than drawing with replacement.",
    rule="loss after 2 epochs at batch 10, paired t over seeds: reproduced where the permutation is better, not "
    "reproduced where it is worse or equal",
    reproduced="seeing every row once is worth something",
    not_reproduced="drawing with replacement is no worse",
    cannot_tell="whatever the difference is, it is small against the spread of runs; more seeds would settle it",
)
def replacement(e: D2lEvidence) -> Finding:
    finals = {
        "permutation": e.runs["batch 10"].by_seed("final_train_loss"),
        "replacement": e.runs["replacement"].by_seed("final_train_loss"),
    }
    return first_is_lower(finals, "loss after 2 epochs")


@claim(
    "D exercise, doubled data set",
    "On a data set in which every row stands twice, gradient descent makes the very same steps.",
    rule="reproduced: losses at equal steps agree within 1e-4 (float32); not reproduced: they do not",
    reproduced="the doubled rows buy nothing",
    not_reproduced="the steps differ by more than rounding",
    cannot_tell="no losses to compare",
)
def doubled_gd(e: D2lEvidence) -> Finding:
    gap = _largest_gap(e.runs["GD stable"], e.runs["GD doubled"])
    ratio = rules.times_as_long(e.epochs.seconds[PLAIN, "GD doubled"], e.epochs.seconds[PLAIN, "GD"])
    numbers = (
        f"largest relative gap of the losses at equal steps {gap:.2g}; a step on the doubled set takes {worded(ratio)} "
        f"times as long (plain loop)"
    )
    return Finding(gap_verdict(gap), numbers, ratio)


def gap_verdict(gap: float) -> Verdict:
    """Whether two trajectories are one but for rounding in float32."""
    if not math.isfinite(gap):
        return "cannot tell"
    return "reproduced" if gap <= 1e-4 else "not reproduced"


@claim(
    "D exercise, doubled data set",
    "For minibatches nothing changes, step by step.",
    rule="paired difference of the loss at 300 steps: reproduced where the interval lies within ±0.003, else not "
    "reproduced where it excludes 0, else cannot tell",
    reproduced="by steps nothing has changed; an epoch only holds twice as many of them",
    not_reproduced="minibatches notice the copies",
    cannot_tell=MORE_SEEDS,
)
def doubled_minibatch(e: D2lEvidence) -> Finding:
    single = e.runs["batch 10"].by_seed("final_train_loss")
    doubled = e.runs["doubled"].read(value_at("train_loss", "step", 300))
    gap = rules.difference(doubled, single)
    epoch = rules.difference(e.runs["doubled"].by_seed("final_train_loss"), single)
    numbers = f"loss, doubled − single, at 300 steps each {worded(gap)}; at 2 epochs each {worded(epoch)}"
    return Finding(rules.makes_no_difference(gap, 0.003), numbers, gap)


def _largest_gap(a: SeedResults, b: SeedResults) -> float:
    """Largest |a/b − 1| of the training losses at equal steps, over all seeds; NaN where nothing can be compared."""
    gaps = []
    runs = zip(a.seeds_histories(), b.seeds_histories(), strict=False)
    for one, other in runs:
        both = one.merge(other, on="step", suffixes=("", "_other"))
        gaps.append(float((both["train_loss"] / both["train_loss_other"] - 1).abs().max()))
    return max(gaps, default=math.nan)


CLAIMS = (gradient_std, concise_same, tenfold_decay, replacement, doubled_gd, doubled_minibatch)
