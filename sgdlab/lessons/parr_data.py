"""The notebook's claims on its split and its loss."""

import math
from collections.abc import Sequence

import numpy as np

from sgdlab.lessons import rules
from sgdlab.lessons.claim import Claim, Finding, Verdict, meanings
from sgdlab.lessons.outcomes import Outcomes, spread_of_last_half
from sgdlab.lessons.parr_evidence import FLOOR, PUBLISHED_ACCURACY, SIZES, ParrEvidence, slopes_by_seed
from sgdlab.lessons.wording import by_size, falls_in, mean_and_std, worded


def _leak_rows(e: ParrEvidence) -> Finding:
    share = rules.mean_of(e.leaked)
    clean = rules.mean_of(e.clean)
    numbers = f"share of the validation rows that stand in training {worded(share)}; by permutation {worded(clean)}"
    return Finding(rules.lies_below(share, 0.01), numbers, share)


def _leak_accuracy(e: ParrEvidence) -> Finding:
    ours, leaky = (each.by_seed("final_val_accuracy", batch_size=8) for each in (e.no_leak, e.sizes))
    expected = rules.prediction_interval(ours)
    gap = rules.difference(leaky, ours)
    numbers = (
        f"batch 8, last model: {mean_and_std(leaky)} with the leak, {mean_and_std(ours)} without; the leak adds "
        f"{worded(gap)}; one more run without it {falls_in(expected)}"
    )
    verdict = rules.is_one_of_them(PUBLISHED_ACCURACY, expected, 0.001) if e.as_published else "cannot tell"
    return Finding(verdict, numbers, gap)


def _floor(e: ParrEvidence) -> Finding:
    lowest = _lowest([e.sizes, e.batch], "batch_loss")
    logits = _lowest([e.corrected], "train_loss")
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


def _noise(e: ParrEvidence) -> Finding:
    spreads = {b: e.sizes.read(spread_of_last_half("batch_loss", "mean_batch_loss"), batch_size=b) for b in SIZES}
    slope = rules.mean_of(slopes_by_seed(spreads))
    numbers = f"standard deviation by batch size {by_size(spreads)}; slope in log-log {worded(slope)}"
    return Finding(rules.lies_below(slope, 0.0), numbers, slope)


def _lowest(several: Sequence[Outcomes], column: str) -> float:
    """The least finite value of a column in any history after the start; NaN without any."""
    values = [h.loc[h["step"] > 0, column].min() for runs in several for h in runs.histories.values()]
    return float(np.nanmin(values)) if len(values) and np.isfinite(values).any() else math.nan


CLAIMS: tuple[Claim[ParrEvidence], ...] = (
    Claim(
        "leak-rows",
        "P, loading the data",
        "The 2,000 validation rows are rows that training has not seen.",
        "reproduced: at most 1 % of them stand in training, interval included; not reproduced: more",
        _leak_rows,
        meanings(
            "the split is clean",
            "rows are drawn with replacement before the split, so one can stand on both sides: validation tests memory",
            "the share could not be bounded",
        ),
    ),
    Claim(
        "leak-accuracy",
        "P, minibatch run at 8",
        "The validation accuracy .965 is that of unseen rows.",
        "reproduced: .965 lies where one more run without the leak falls (95 % prediction interval); "
        "not reproduced: outside it; fewer than 3 seeds or shorter runs: cannot tell",
        _leak_accuracy,
        meanings(
            "the leak did no visible harm to the figure",
            "the published accuracy owes part of its value to rows that were trained on; split by permutation",
            "too few seeds, or runs shorter than the notebook's",
        ),
    ),
    Claim(
        "double-softmax",
        "P, model and loss",
        "The loss trained and printed is the cross-entropy of the predictions: it nears 0 as they become right.",
        "reproduced: some loss falls below log(e + 9) − 1; not reproduced: losses come within 0.05 of it and none "
        "falls below; else cannot tell",
        _floor,
        meanings(
            "the loss is free to fall",
            "softmax is applied twice, so even a perfect model pays 1.4612 nats and gradients fade near it; end the "
            "model in logits",
            "no run came near enough to the floor",
        ),
    ),
    Claim(
        "noisy-losses",
        "P, exercise on the loss curves",
        "The smaller the minibatch, the noisier its loss.",
        "slope of log standard deviation (last minibatch's loss less the epoch's mean, last half of the run) against "
        "log B: reproduced below 0, not reproduced above 0, 95 % interval over seeds",
        _noise,
        meanings(
            "what the notebook plots as training loss is mostly the noise of one minibatch; plot the mean",
            "a single minibatch's loss does not get noisier as it gets smaller",
            "more seeds or longer runs would settle it",
        ),
    ),
)
