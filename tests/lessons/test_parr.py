"""The notebook's lesson: its claims on made-up evidence, and what is computed for them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sgdlab.bench.plain_loop import PLAIN
from sgdlab.lessons.epoch_times import NATIVE, EpochTimes
from sgdlab.lessons.parr.evidence import FLOOR, SIZES, ParrEvidence
from sgdlab.lessons.parr.experiments import FULL, QUICK, best_rates, experiments, tuned_experiment
from sgdlab.lessons.parr.leak import leaked_share
from sgdlab.lessons.parr.lesson import LESSON
from sgdlab.lessons.parr.picking import Picked
from sgdlab.lessons.parr.split_and_loss import floor_verdict, last_batch_rows
from sgdlab.lessons.seed_results import SeedResults
from sgdlab.lessons.writing import claims_table
from sgdlab.training.losses import loss_of
from tests.lessons.made_up import NO, OPEN, SEEDS, YES, judged, seed_results
from tests.support import classification, make_data


def losses_by_size(step: float, **more: float) -> SeedResults:
    """Best validation loss 1 + step · log2(B), with a little noise; accuracies alike at all sizes."""
    noise = np.random.default_rng(1).normal(size=(len(SIZES), len(SEEDS))) * 0.002
    return seed_results(
        [
            {"batch_size": b, "seed": s, "best_val_loss": 1 + step * math.log2(b) + noise[i, s]}
            | {"best_val_accuracy": 0.96 + noise[i, s], "final_val_accuracy": 0.96 + noise[i, s]}
            | more
            for i, b in enumerate(SIZES)
            for s in SEEDS
        ]
    )


def tuning(best_at: dict[int, float]) -> SeedResults:
    """The loss is (log rate − log best)² at each size."""
    noise = iter(np.random.default_rng(2).normal(size=1000) * 0.01)
    rows = [
        {"batch_size": b, "learning_rate": r, "seed": s, "best_val_loss": math.log(r / best) ** 2 + 1 + next(noise)}
        for b, best in best_at.items()
        for r in FULL.rates
        for s in SEEDS
    ]
    return seed_results(rows)


SWEEPS = ("sizes", "no-leak", "sizes-corrected", "batch", "equal-steps", "tuned", "tuning")
EVEN = {(loop, name): [0.1, 0.11, 0.09, 0.1, 0.1] for loop in (PLAIN, NATIVE) for name in [*map(str, SIZES), "full"]}


def epoch_times(**by_name: list[float]) -> EpochTimes:
    """Epochs of 0.1 s, but for those named, in the plain loop."""
    return EpochTimes(EVEN | {(PLAIN, name): seconds for name, seconds in by_name.items()}, {}, "made up")


def parr_evidence(runs: Mapping[str, SeedResults] | None = None, **changes: Any) -> ParrEvidence:
    """Evidence on which sizes are alike; `runs` and `changes` stand in its place."""
    level = dict.fromkeys(SIZES, 0.001)
    values: dict[str, Any] = {
        "as_published": True,
        "runs": dict.fromkeys(SWEEPS, losses_by_size(0.0)) | {"tuning": tuning(level)} | dict(runs or {}),
        "held_equal": dict.fromkeys(SWEEPS, "budget 51 epochs"),
        "rates": level,
        "leaked": dict.fromkeys(SEEDS, 0.55),
        "clean": dict.fromkeys(SEEDS, 0.0),
        "optimism": {s: 0.0001 * s for s in SEEDS},
        "cpu": epoch_times(),
        "gpu": None,
    }
    return ParrEvidence(**values | changes)


def verdict_of(key: str, evidence: ParrEvidence) -> str:
    return judged(LESSON.claims, key, evidence).finding.verdict


def test_leak_is_judged_by_the_share_of_rows() -> None:
    assert verdict_of("leak-rows", parr_evidence()) == NO
    assert verdict_of("leak-rows", parr_evidence(leaked={s: 0.001 * (s > 3) for s in SEEDS})) == YES
    assert verdict_of("leak-rows", parr_evidence(leaked={0: 0.5})) == OPEN


def test_what_the_leak_adds_is_judged_by_seed() -> None:
    def runs(added: float, spread: float = 0.001) -> SeedResults:
        noise = [-spread, spread, 0.0, spread / 2, -spread / 2]
        rows = [{"batch_size": 8, "seed": s, "final_val_accuracy": 0.95 + added + noise[s]} for s in SEEDS]
        return seed_results(rows)

    def verdict(leaky: SeedResults, **changes: bool) -> str:
        found = {"sizes": leaky, "no-leak": runs(0.0, 0.0)}
        return verdict_of("leak-accuracy", parr_evidence(found, **changes))

    assert verdict(runs(0.015)) == NO
    assert verdict(runs(0.001)) == YES
    assert verdict(runs(0.01, 0.02)) == OPEN
    assert verdict(runs(0.015), as_published=False) == OPEN


@pytest.mark.parametrize(
    ("claim", "sweep"),
    [
        ("larger-worse-published", "sizes"),
        ("larger-worse-equal-epochs", "sizes-corrected"),
        ("larger-worse-equal-steps", "equal-steps"),
        ("larger-worse-tuned", "tuned"),
    ],
)
def test_larger_batches_can_do_worse_better_or_neither(claim: str, sweep: str) -> None:
    assert verdict_of(claim, parr_evidence({sweep: losses_by_size(0.02)})) == YES
    assert verdict_of(claim, parr_evidence({sweep: losses_by_size(-0.02)})) == NO
    assert verdict_of(claim, parr_evidence({sweep: losses_by_size(0.0)})) == OPEN


def test_small_batches_may_or_may_not_need_a_smaller_rate() -> None:
    rising = {8: 0.001, 64: 0.003, 128: 0.01, 256: 0.01}
    falling = {8: 0.03, 64: 0.01, 128: 0.003, 256: 0.001}
    assert verdict_of("small-rate", parr_evidence({"tuning": tuning(rising)})) == YES
    assert verdict_of("small-rate", parr_evidence({"tuning": tuning(falling)})) == NO
    one_seed = tuning(rising)
    alone = replace(one_seed, table=one_seed.table[one_seed.table["seed"] == 0])
    assert verdict_of("small-rate", parr_evidence({"tuning": alone})) == OPEN


def test_slow_epochs_are_judged_in_the_plain_loop() -> None:
    assert verdict_of("slower-epochs", parr_evidence()) == NO
    assert verdict_of("slower-epochs", parr_evidence(cpu=epoch_times(**{"8": [1.0, 1.1, 0.9, 1.0, 1.0]}))) == YES
    assert verdict_of("slower-epochs", parr_evidence(cpu=epoch_times(**{"8": [0.1, 0.5, 0.2, 0.3, 0.1]}))) == OPEN


def test_noise_of_one_minibatch_is_judged_at_8_against_64() -> None:
    def runs(small: float, spread: float = 0.0) -> SeedResults:
        """Batches of 8 are `small` times as noisy as those of 64; `spread`: how much that varies by seed."""
        rows, histories = [], {}
        for b in SIZES:
            for s in SEEDS:
                scale = 0.01 * (small * math.exp(spread * (-1) ** s) if b == 8 else 1.0)
                rows.append({"batch_size": b, "seed": s, "run": f"{b}-{s}"})
                epochs = np.arange(1.0, 21.0)
                table = {"epoch": epochs, "mean_batch_loss": 1.5, "batch_loss": 1.5 + scale * (-1) ** epochs}
                histories[f"{b}-{s}"] = pd.DataFrame(table)
        return seed_results(rows, histories)

    assert verdict_of("noisy-losses", parr_evidence({"sizes": runs(3.0)})) == YES
    assert verdict_of("noisy-losses", parr_evidence({"sizes": runs(0.5)})) == NO
    assert verdict_of("noisy-losses", parr_evidence({"sizes": runs(1.1, spread=0.5)})) == OPEN


def test_without_a_gpu_nothing_is_said_of_one() -> None:
    found = judged(LESSON.claims, "gpu", parr_evidence()).finding
    assert (found.verdict, found.numbers) == (OPEN, "no GPU here")
    slow, fast = [0.3, 0.31, 0.29, 0.3, 0.3], [0.01, 0.011, 0.009, 0.01, 0.01]
    assert verdict_of("gpu", parr_evidence(gpu=epoch_times(**{"8": slow, "full": fast}))) == YES
    assert verdict_of("gpu", parr_evidence(gpu=epoch_times(**{"8": slow, "full": slow}))) == NO


def test_picking_flatters_or_not() -> None:
    assert verdict_of("own-rows", parr_evidence()) == YES
    assert verdict_of("own-rows", parr_evidence(optimism={s: 0.02 + 0.001 * s for s in SEEDS})) == NO
    assert verdict_of("own-rows", parr_evidence(optimism={s: 0.01 * (-1) ** s for s in SEEDS})) == OPEN


def test_optimism_is_what_picking_gains_beyond_the_test_rows() -> None:
    assert Picked(0.97, 0.95, 0.96, 0.955).optimism == pytest.approx(0.015)


@pytest.mark.parametrize(("lowest", "verdict"), [(1.4612, NO), (1.2, YES), (1.6, OPEN), (math.nan, OPEN)])
def test_the_floor_is_reached_or_broken_or_out_of_sight(lowest: float, verdict: str) -> None:
    assert floor_verdict(lowest) == verdict


def test_a_perfect_softmax_taken_for_logits_costs_the_floor() -> None:
    perfect = torch.eye(10)
    assert loss_of("cross_entropy", perfect, torch.arange(10)).item() == pytest.approx(FLOOR, abs=1e-6)
    assert round(FLOOR, 4) == 1.4612


def test_the_recorded_minibatch_of_the_larger_sizes_is_a_remainder_of_64_rows() -> None:
    assert [last_batch_rows(size) for size in SIZES] == [8, 64, 64, 64]


def test_leaked_rows_are_counted_by_their_values() -> None:
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    y = np.zeros(6, np.int64)
    assert leaked_share(make_data((x, y), (np.vstack([x[:1], x[:1], x[:2] + 100]), y[:4]))) == 0.5
    assert leaked_share(classification()) == 0.0
    assert math.isnan(leaked_share(classification(held_out=0)))


def test_rates_are_picked_by_the_mean_over_tuning_seeds() -> None:
    best = {8: 0.001, 64: 0.003, 128: 0.01, 256: 0.01}
    assert best_rates(tuning(best), FULL.rates) == best
    lost = tuning(best)
    lost.table.loc[(lost.table["batch_size"] == 8) & (lost.table["learning_rate"] == 0.001), "status"] = "diverged"
    assert best_rates(lost, FULL.rates)[8] in (0.0003, 0.003)


def test_tuning_seeds_are_not_those_of_the_measurement() -> None:
    planned = experiments(range(5), FULL)
    assert not set(planned["tuning"].seeds) & set(planned["sizes"].seeds)
    tuned = tuned_experiment((0, 1), QUICK, {8: 0.001, 64: 0.001, 128: 0.03, 256: 0.03})
    runs = [(run.varied["batch_size"], run.varied["learning_rate"]) for run in tuned.plan().runs]
    assert sorted(set(runs)) == [(8, 0.001), (64, 0.001), (128, 0.03), (256, 0.03)] and len(runs) == 8


def test_missing_numbers_are_empty_cells() -> None:
    row = claims_table([judged(LESSON.claims, "leak-rows", parr_evidence(leaked={0: 0.5}))]).iloc[0]
    assert row["estimate"] == 0.5 and row["low"] is None and row["n"] == 1
