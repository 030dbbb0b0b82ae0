"""The notebook's claims on its split and its loss."""

import math
from collections.abc import Sequence

import numpy as np

from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, Verdict, claim
from sgdlab.lessons.parr.evidence import FLOOR, MARGIN, PUBLISHED_ACCURACY, SIZES, ParrEvidence
from sgdlab.lessons.seed_results import SeedResults, spread_of_last_half
from sgdlab.lessons.wording import by_size, falls_in, over_seeds, worded


@claim(
    "P, loading the data",
    "The 2,000 validation rows are rows that training has not seen.",
    rule="reproduced: at most 1 % of them stand in training, interval included; not reproduced: more",
    reproduced="the split is clean",
    not_reproduced="rows are drawn with replacement before the split, so one can stand on both sides: validation "
    "tests memory",
    cannot_tell="the share could not be bounded",
)
def leak_rows(e: ParrEvidence) -> Finding:
    share = rules.mean_of(e.leaked)
    clean = rules.mean_of(e.clean)
    numbers = f"share of the validation rows that stand in training {worded(share)}; by permutation {worded(clean)}"
    return Finding(rules.lies_below(share, 0.01), numbers, share)


@claim(
    "P, minibatch run at 8",
    "The validation accuracy that this split gives (.965 at batch 8) is what unseen rows would give.",
    rule=f"accuracy with the leak − without, paired by seed: reproduced where the interval lies within ±{MARGIN}, else "
    "not reproduced where it excludes 0, else cannot tell; shorter runs: cannot tell",
    reproduced="the leak adds less than half a point",
    not_reproduced="the published accuracy owes part of its value to rows that were trained on; split by permutation",
    cannot_tell="more seeds, or runs as long as the notebook's, would settle it",
)
def leak_accuracy(e: ParrEvidence) -> Finding:
    ours, leaky = (each.by_seed("final_val_accuracy", batch_size=8) for each in (e.runs["no-leak"], e.runs["sizes"]))
    expected = rules.prediction_interval(ours)
    gap = rules.difference(leaky, ours)
    numbers = (
        f"batch 8, last model: {over_seeds(leaky)} with the leak, {over_seeds(ours)} without; the leak adds "
        f"{worded(gap)}; one more run without it {falls_in(expected)} (published {PUBLISHED_ACCURACY})"
    )
    verdict = rules.makes_no_difference(gap, MARGIN) if e.as_published else "cannot tell"
    return Finding(verdict, numbers, gap)


@claim(
    "P, model and loss",
    "The loss trained and printed is the cross-entropy of the predictions: it nears 0 as they become right.",
    rule="reproduced: some loss falls below log(e + 9) − 1; not reproduced: losses come within 0.05 of it and none "
    "falls below; else cannot tell",
    reproduced="the loss is free to fall",
    not_reproduced="softmax is applied twice, so even a perfect model pays 1.4612 nats and gradients fade near it; "
    "end the model in logits",
    cannot_tell="no run came near enough to the floor",
)
def double_softmax(e: ParrEvidence) -> Finding:
    lowest = _lowest([e.runs["sizes"], e.runs["batch"]], "batch_loss")
    logits = _lowest([e.runs["sizes-corrected"]], "train_loss")
    numbers = (
        f"log(e + 9) − 1 = {FLOOR:.4f} for a perfect model; the lowest loss of any minibatch was {lowest:.4f}; "
        f"with logits the training loss fell to {logits:.3g}"
    )
    return Finding(floor_verdict(lowest), numbers)


def floor_verdict(lowest: float) -> Verdict:
    """Whether the loss falls below the floor (reproduced), or reaches it and stays (not reproduced)."""
    if not math.isfinite(lowest) or lowest > FLOOR + 0.05:
        return "cannot tell"
    return "reproduced" if lowest < FLOOR - 0.001 else "not reproduced"


@claim(
    "P, exercise on the loss curves",
    "The smaller the minibatch, the noisier its loss.",
    rule="standard deviation of the last minibatch's loss less the epoch's mean, last half of the run, at batch 8 over "
    "that at 64: reproduced above 1, not reproduced below, 95 % interval over seeds",
    reproduced="what the notebook plots as training loss is mostly the noise of one minibatch; plot the mean",
    not_reproduced="a single minibatch's loss does not get noisier as it gets smaller",
    cannot_tell="more seeds or longer runs would settle it",
)
def noisy_losses(e: ParrEvidence) -> Finding:
    spreads = {
        b: e.runs["sizes"].read(spread_of_last_half("batch_loss", "mean_batch_loss"), batch_size=b) for b in SIZES
    }
    rows = ", ".join(f"{b}: {last_batch_rows(b)}" for b in SIZES)
    seeds = sorted(spreads[8].keys() & spreads[64].keys())
    ratio = rules.ratio_of([spreads[8][s] for s in seeds], [spreads[64][s] for s in seeds])
    numbers = (
        f"standard deviation by batch size {by_size(spreads)}; 8 over 64: {worded(ratio)}; rows in an epoch's last "
        f"minibatch: {rows}, so 128 and 256 say nothing more"
    )
    return Finding(rules.lies_above(ratio, 1.0), numbers, ratio)


TRAINING_ROWS = 8000


def last_batch_rows(batch_size: int) -> int:
    """Rows in the last minibatch of an epoch, whose loss is the one recorded: the remainder, where there is one."""
    return TRAINING_ROWS % batch_size or batch_size


def _lowest(several: Sequence[SeedResults], column: str) -> float:
    """The least finite value of a column in any history after the start; NaN without any."""
    values = [h.loc[h["step"] > 0, column].min() for runs in several for h in runs.histories.values()]
    return float(np.nanmin(values)) if len(values) and np.isfinite(values).any() else math.nan


CLAIMS = (leak_rows, leak_accuracy, double_softmax, noisy_losses)
