"""The notebook's published figures, and how it picks the models that it reports."""

from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, claim
from sgdlab.lessons.parr.evidence import (
    MARGIN,
    PUBLISHED_ACCURACY,
    PUBLISHED_BATCH,
    PUBLISHED_LOSSES,
    SIZES,
    ParrEvidence,
)
from sgdlab.lessons.seed_results import SeedResults, value_at
from sgdlab.lessons.wording import by_size, falls_in, over_seeds, worded


@claim(
    "P, minibatch runs and the four sizes",
    "Best validation losses 1.495 and 1.496 at batch 8, 1.502 at 64, 1.508 at 128, 1.513 at 256; accuracy .965.",
    rule="reproduced: each lies where one more run of ours falls (prediction interval, 95 % for all six together); "
    "fewer than 3 seeds or shorter runs: cannot tell",
    reproduced="the shipped config parr/sizes does what the notebook did, its slips included",
    not_reproduced="our runs differ from the notebook's in something that matters, or its single runs were unusual "
    "ones",
    cannot_tell="too few seeds, or runs shorter than the notebook's",
)
def published_minibatch(e: ParrEvidence) -> Finding:
    looks = len(PUBLISHED_LOSSES) + 1
    verdicts, parts = [], []
    for size, said in PUBLISHED_LOSSES:
        ours = rules.prediction_interval(e.runs["sizes"].by_seed("best_val_loss", batch_size=size), looks)
        verdicts.append(rules.is_one_of_them(said, ours, 0.001))
        parts.append(f"{size}: {said} ({falls_in(ours)})")
    ours = rules.prediction_interval(e.runs["sizes"].by_seed("final_val_accuracy", batch_size=8), looks)
    verdicts.append(rules.is_one_of_them(PUBLISHED_ACCURACY, ours, 0.001))
    losses = {b: e.runs["sizes"].by_seed("best_val_loss", batch_size=b) for b in SIZES}
    numbers = (
        f"best validation loss, published (one more run of ours): {', '.join(parts)}; accuracy at 8 "
        f"{PUBLISHED_ACCURACY} ({falls_in(ours)}); ours by seed {by_size(losses)}; median at 256 "
        f"{rules.median_of(losses[256].values()):.4g}"
    )
    return Finding(rules.all_hold(*verdicts) if e.as_published else "cannot tell", numbers)


@claim(
    "P, batch gradient descent",
    "Batch gradient descent (Adam, rate 0.03, 1,001 epochs) ends at best validation loss 1.498 and accuracy .964.",
    rule="reproduced: both lie where one more run of ours falls (prediction interval, 95 % for both), else not; "
    "fewer than 3 seeds or shorter runs: cannot tell",
    reproduced="the shipped config parr/batch does what the notebook did",
    not_reproduced="our runs differ from the notebook's in something that matters, or its single run was an unusual "
    "one",
    cannot_tell="too few seeds, or runs shorter than the notebook's",
)
def published_batch(e: ParrEvidence) -> Finding:
    verdicts, parts = [], []
    for column, said in PUBLISHED_BATCH.items():
        values = e.runs["batch"].by_seed(column)
        ours = rules.prediction_interval(values, len(PUBLISHED_BATCH))
        verdicts.append(rules.is_one_of_them(said, ours, 0.001))
        name = "best validation loss" if column.endswith("loss") else "accuracy of the last model"
        seen = ", ".join(f"{value:.4g}" for value in sorted(values.values()))
        parts.append(f"{name} {said} (ours {seen}; one more run {falls_in(ours)}, n = {len(values)})")
    return Finding(rules.all_hold(*verdicts) if e.as_published else "cannot tell", "; ".join(parts))


@claim(
    "P, after the minibatch run",
    "Minibatches do not change validation accuracy much against batch gradient descent.",
    rule="paired difference of the last models' accuracy: reproduced where the interval lies within ±0.01, else not "
    "reproduced where it excludes 0, else cannot tell; shorter runs: cannot tell",
    reproduced="both reach the same accuracy within a point, in the published form",
    not_reproduced="they differ, in the published form",
    cannot_tell="more seeds, or runs of the published length, would settle it",
)
def same_generality(e: ParrEvidence) -> Finding:
    mini, batch = (
        e.runs["sizes"].by_seed("final_val_accuracy", batch_size=8),
        e.runs["batch"].by_seed("final_val_accuracy"),
    )
    gap = rules.difference(mini, batch)
    ours = f"{over_seeds(mini)} − {over_seeds(batch)}"
    numbers = f"accuracy of the last model, batch 8 − full batch: {worded(gap)} ({ours})"
    return Finding(rules.makes_no_difference(gap, 0.01) if e.as_published else "cannot tell", numbers, gap)


@claim(
    "P, before the minibatch run",
    "At batch 8 a decent model is there almost at once.",
    rule="validation accuracy after one epoch: reproduced above .9, not reproduced below, 95 % interval over seeds",
    reproduced="a thousand small steps are enough for nine digits in ten",
    not_reproduced="one epoch is not enough for nine digits in ten",
    cannot_tell="more seeds would settle it",
)
def decent_at_once(e: ParrEvidence) -> Finding:
    accuracy = rules.mean_of(e.runs["sizes"].read(value_at("val_accuracy", "epoch", 1.0), batch_size=8))
    return Finding(rules.lies_above(accuracy, 0.9), f"validation accuracy after one epoch {worded(accuracy)}", accuracy)


@claim(
    "P, accuracies of single runs and of the four sizes",
    "Accuracies of the last model (single runs) and of the best model (four sizes) can stand side by side.",
    rule=f"best − last, by size: reproduced where all intervals lie within ±{MARGIN}, not reproduced where one "
    "reaches beyond it and excludes 0, else cannot tell; shorter runs: cannot tell",
    reproduced="in the published form the last model is as good as the best one; without it they may part",
    not_reproduced="best and last model differ: compare like with like",
    cannot_tell="more seeds would settle it",
)
def best_or_last(e: ParrEvidence) -> Finding:
    gaps = {b: _best_minus_last(e.runs["sizes"], b) for b in SIZES}
    intervals = {b: rules.mean_of(gap) for b, gap in gaps.items()}
    verdict = rules.all_hold(*(rules.makes_no_difference(each, MARGIN) for each in intervals.values()))
    corrected = rules.mean_of(_best_minus_last(e.runs["sizes-corrected"], 8))
    numbers = (
        f"accuracy, best − last model: {', '.join(f'{b}: {worded(each)}' for b, each in intervals.items())}; "
        f"without leak and double softmax, 8: {worded(corrected)}"
    )
    return Finding(verdict if e.as_published else "cannot tell", numbers, intervals[8])


@claim(
    "P, choosing the best model",
    "The best model's accuracy on the rows that chose it is what other rows would give.",
    rule=f"(best − last on validation rows) − (best − last on test rows): reproduced where the interval lies within "
    f"±{MARGIN}, else not reproduced where it excludes 0, else cannot tell",
    reproduced="with 51 candidates and 2,000 rows, picking flatters little; dataset.test keeps it honest all the same",
    not_reproduced="picking by the reported rows flatters the result; hold out a test split (dataset.test)",
    cannot_tell="more seeds would settle it; dataset.test makes the question idle",
)
def own_rows(e: ParrEvidence) -> Finding:
    optimism = rules.mean_of(e.optimism)
    numbers = (
        f"accuracy that picking gains on the validation rows beyond what it gains on test rows: {worded(optimism)}"
    )
    return Finding(rules.makes_no_difference(optimism, MARGIN), numbers, optimism)


def _best_minus_last(runs: SeedResults, size: int) -> dict[int, float]:
    best, last = (runs.by_seed(f"{which}_val_accuracy", batch_size=size) for which in ("best", "final"))
    return {seed: best[seed] - last[seed] for seed in best}


CLAIMS = (published_minibatch, published_batch, decent_at_once, same_generality, best_or_last, own_rows)
