"""Lessons: every rule can give every verdict, what is computed is right, and a lesson runs end to end."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sgdlab.analysis.intervals import Interval
from sgdlab.analysis.paired import compare_pairs
from sgdlab.analysis.stable_rate import StableRate
from sgdlab.data import load
from sgdlab.lessons import rules
from sgdlab.lessons.claim import VERDICTS, Claim, judge
from sgdlab.lessons.clock import NATIVE, PLAIN
from sgdlab.lessons.d2l import claims as d2l
from sgdlab.lessons.d2l import clock as d2l_clock
from sgdlab.lessons.d2l import descent as d2l_descent
from sgdlab.lessons.d2l import exercises as d2l_exercises
from sgdlab.lessons.d2l import experiments as d2l_runs
from sgdlab.lessons.d2l.evidence import METHODS, D2lEvidence, GradientDescent
from sgdlab.lessons.outcomes import Outcomes, first_reaching, value_at
from sgdlab.lessons.parr import claims as parr
from sgdlab.lessons.parr import data as parr_data
from sgdlab.lessons.parr import experiments as parr_runs
from sgdlab.lessons.parr.evidence import FLOOR, SIZES, ParrEvidence
from sgdlab.lessons.parr.leak import expected_share, leaked_share
from sgdlab.lessons.parr.picking import Picked
from sgdlab.lessons.run import Lesson
from sgdlab.lessons.writing import claims_table
from sgdlab.training.losses import loss_of
from tests.support import classification, make_data, sgdlab

YES, NO, OPEN = VERDICTS
CLAIMS: list[Claim[Any]] = [*parr.CLAIMS, *d2l.CLAIMS]
SEEDS = range(5)


def interval(low: float, high: float, n: int = 5) -> Interval:
    return Interval((low + high) / 2, low, high, 0.95, n)


# --- the rules, on made-up numbers --------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "low", "high"), [(YES, 1.1, 1.3), (NO, 0.7, 0.9), (OPEN, 0.9, 1.1), (OPEN, -math.inf, math.inf)]
)
def test_above_and_below_follow_the_whole_interval(verdict: str, low: float, high: float) -> None:
    assert rules.lies_above(interval(low, high), 1.0) == verdict
    mirrored = Interval(2 - (low + high) / 2, 2 - high, 2 - low, 0.95, 5)
    assert rules.lies_below(mirrored, 1.0) == verdict


@pytest.mark.parametrize(
    ("verdict", "low", "high"),
    [(YES, -0.004, 0.004), (NO, 0.006, 0.02), (NO, -0.02, -0.006), (OPEN, 0.004, 0.006), (OPEN, -0.1, 0.1)],
)
def test_equivalence_asks_for_an_interval_inside_or_outside(verdict: str, low: float, high: float) -> None:
    assert rules.lies_within(interval(low, high), -0.005, 0.005) == verdict


@pytest.mark.parametrize(
    ("verdict", "low", "high"), [(YES, 0.001, 0.004), (NO, 0.001, 0.02), (NO, -0.02, -0.001), (OPEN, -0.01, 0.01)]
)
def test_a_difference_is_none_small_or_not_known(verdict: str, low: float, high: float) -> None:
    assert rules.makes_no_difference(interval(low, high), 0.005) == verdict


def test_a_published_value_is_judged_by_where_one_more_run_falls() -> None:
    seen = rules.prediction_interval(dict(enumerate([1.508, 1.506, 1.510, 1.507, 1.509])))
    assert seen.low < 1.5045 < 1.5115 < seen.high  # mean 1.508 ± 2.78 · 0.00158 · √1.2
    assert seen.high - seen.estimate == pytest.approx(2.7764 * 0.0015811 * math.sqrt(1.2), rel=1e-3)
    assert rules.is_one_of_them(1.511, seen, 0.001) == YES
    assert rules.is_one_of_them(1.532, seen, 0.001) == NO
    assert rules.is_one_of_them(1.508, rules.prediction_interval({0: 1.5, 1: 1.6}), 0.001) == OPEN
    assert rules.is_one_of_them(1.508, rules.prediction_interval({0: 1.5, 1: 1.6, 2: math.nan}), 0.001) == OPEN


def test_more_published_values_widen_the_interval_of_each() -> None:
    values = dict(enumerate([1.0, 2.0, 3.0, 4.0]))
    assert rules.prediction_interval(values, 6).high > rules.prediction_interval(values, 1).high


def by_size(*means: float, spread: float = 0.01) -> list[Any]:
    noise = np.random.default_rng(0).normal(size=(len(means), len(SEEDS))) * spread
    groups = {f"batch {8 * 2**i}": dict(enumerate(mean + noise[i])) for i, mean in enumerate(means)}
    return compare_pairs(groups)


def test_larger_batches_are_judged_by_all_pairs() -> None:
    assert rules.larger_is_worse(by_size(1.0, 1.2, 1.4)) == YES
    assert rules.larger_is_worse(by_size(1.4, 1.2, 1.0)) == NO
    assert rules.larger_is_worse(by_size(1.0, 1.4, 1.2)) == NO  # worst in the middle: a larger size beats a smaller
    assert rules.larger_is_worse(by_size(1.0, 1.0, 1.0)) == OPEN
    assert rules.larger_is_worse(by_size(1.0, 1.0, 1.0, spread=0.0)) == NO  # equal in every seed


def test_parts_are_combined_by_the_weakest() -> None:
    assert rules.all_hold(YES, YES) == YES
    assert rules.all_hold(YES, OPEN) == OPEN
    assert rules.all_hold(YES, OPEN, NO) == NO
    assert rules.all_hold() == OPEN


def test_computed_numbers_agree_within_a_tolerance() -> None:
    assert rules.agrees(200, 200, 0.05) == YES
    assert rules.agrees(200, 1500, 0.05) == NO
    assert rules.agrees(math.nan, 1500, 0.05) == OPEN


def test_a_lost_seed_leaves_no_interval() -> None:
    assert math.isnan(rules.mean_of({0: 1.0, 1: math.nan, 2: 1.0}).estimate)
    assert math.isnan(rules.difference({0: 1.0}, {1: 1.0}).estimate)
    assert rules.difference({0: 1.0, 1: 2.0, 5: 9.0}, {0: 0.5, 1: 1.5}).estimate == pytest.approx(0.5)


def test_ratios_and_slopes_are_those_of_logarithms() -> None:
    ratio = rules.ratio_of([2.0, 8.0], [1.0, 1.0])
    assert ratio.estimate == pytest.approx(4.0)
    assert math.isnan(rules.ratio_of([math.inf, 1.0], [1.0, 1.0]).estimate)
    assert rules.slope_of({8: 1.0, 32: 0.5, 128: 0.25}) == pytest.approx(-0.5)
    assert math.isnan(rules.slope_of({8: 1.0, 32: 0.0}))


@pytest.mark.parametrize(("lowest", "verdict"), [(1.4612, NO), (1.2, YES), (1.6, OPEN), (math.nan, OPEN)])
def test_the_floor_is_reached_or_broken_or_out_of_sight(lowest: float, verdict: str) -> None:
    assert parr_data.floor_verdict(lowest) == verdict


@pytest.mark.parametrize(
    ("rate", "stable", "unstable", "verdict"), [(1.0, 0.94, 0.96, NO), (0.8, 0.94, 0.96, YES), (1.0, 1.1, 1.2, OPEN)]
)
def test_a_rate_is_judged_where_theory_and_bisection_agree(
    rate: float, stable: float, unstable: float, verdict: str
) -> None:
    descent = GradientDescent(2.098, 0.953, StableRate(0.95, stable, unstable, 9, ""), 0.24169)
    assert d2l_descent.stability_verdict(rate, descent) == verdict


@pytest.mark.parametrize(("gap", "verdict"), [(1e-7, YES), (0.01, NO), (math.nan, OPEN)])
def test_two_trajectories_are_one_up_to_rounding(gap: float, verdict: str) -> None:
    assert d2l_exercises.gap_verdict(gap) == verdict


def test_the_better_of_a_pair() -> None:
    apart = dict(enumerate(np.linspace(1.0, 1.1, 5)))
    worse = {seed: value + 0.2 + 0.001 * seed for seed, value in apart.items()}
    assert rules.first_is_better(compare_pairs({"a": apart, "b": worse})[0]) == YES
    assert rules.first_is_better(compare_pairs({"a": worse, "b": apart})[0]) == NO
    assert rules.first_is_better(compare_pairs({"a": {0: 1.0}, "b": {0: 2.0}})[0]) == OPEN


# --- claims, on made-up evidence ----------------------------------------------------------------


def outcomes(rows: list[dict[str, Any]], histories: dict[str, pd.DataFrame] | None = None) -> Outcomes:
    for i, row in enumerate(rows):
        row.setdefault("run", f"{i:03d}")
        row.setdefault("status", "completed")
    return Outcomes(pd.DataFrame(rows), histories or {})


def losses_by_size(step: float, **more: float) -> Outcomes:
    """Best validation loss 1 + step · log2(B), with a little noise; accuracies alike at all sizes."""
    noise = np.random.default_rng(1).normal(size=(len(SIZES), len(SEEDS))) * 0.002
    return outcomes(
        [
            {"batch_size": b, "seed": s, "best_val_loss": 1 + step * math.log2(b) + noise[i, s]}
            | {"best_val_accuracy": 0.96 + noise[i, s], "final_val_accuracy": 0.96 + noise[i, s]}
            | more
            for i, b in enumerate(SIZES)
            for s in SEEDS
        ]
    )


def tuning(best_at: dict[int, float]) -> Outcomes:
    """The loss is (log rate − log best)² at each size."""
    noise = iter(np.random.default_rng(2).normal(size=1000) * 0.01)
    rows = [
        {"batch_size": b, "learning_rate": r, "seed": s, "best_val_loss": math.log(r / best) ** 2 + 1 + next(noise)}
        for b, best in best_at.items()
        for r in parr_runs.FULL.rates
        for s in SEEDS
    ]
    return outcomes(rows)


def parr_evidence(**changes: Any) -> ParrEvidence:
    level = dict.fromkeys(SIZES, 0.001)
    epochs = {
        (loop, name): [0.1, 0.11, 0.09, 0.1, 0.1] for loop in (PLAIN, NATIVE) for name in [*map(str, SIZES), "full"]
    }
    runs = losses_by_size(0.0)
    values: dict[str, Any] = {
        "as_published": True,
        **dict.fromkeys(("sizes", "no_leak", "corrected", "batch", "equal_steps", "tuned"), runs),
        "tuning": tuning(level),
        "rates": level,
        "leaked": dict.fromkeys(SEEDS, 0.55),
        "clean": dict.fromkeys(SEEDS, 0.0),
        "optimism": {s: 0.0001 * s for s in SEEDS},
        "epochs": epochs,
        "gpu_epochs": None,
        "held_equal": dict.fromkeys(("sizes", "corrected", "equal_steps", "tuned", "tuning"), "budget 51 epochs"),
    }
    return ParrEvidence(**values | changes)


def verdict_of(key: str, evidence: Any) -> str:
    return judge(next(claim for claim in CLAIMS if claim.key == key), evidence).verdict


def test_leak_is_judged_by_the_share_of_rows() -> None:
    assert verdict_of("leak-rows", parr_evidence()) == NO
    assert verdict_of("leak-rows", parr_evidence(leaked={s: 0.001 * (s > 3) for s in SEEDS})) == YES
    assert verdict_of("leak-rows", parr_evidence(leaked={0: 0.5})) == OPEN


def test_what_the_leak_adds_is_judged_by_seed() -> None:
    def runs(added: float, spread: float = 0.001) -> Outcomes:
        noise = [-spread, spread, 0.0, spread / 2, -spread / 2]
        rows = [{"batch_size": 8, "seed": s, "final_val_accuracy": 0.95 + added + noise[s]} for s in SEEDS]
        return outcomes(rows)

    level = runs(0.0, 0.0)
    assert verdict_of("leak-accuracy", parr_evidence(sizes=runs(0.015), no_leak=level)) == NO
    assert verdict_of("leak-accuracy", parr_evidence(sizes=runs(0.001), no_leak=level)) == YES
    assert verdict_of("leak-accuracy", parr_evidence(sizes=runs(0.01, 0.02), no_leak=level)) == OPEN
    assert verdict_of("leak-accuracy", parr_evidence(sizes=runs(0.015), no_leak=level, as_published=False)) == OPEN


@pytest.mark.parametrize(
    ("claim", "field"),
    [
        ("larger-worse-published", "sizes"),
        ("larger-worse-equal-epochs", "corrected"),
        ("larger-worse-equal-steps", "equal_steps"),
        ("larger-worse-tuned", "tuned"),
    ],
)
def test_larger_batches_can_do_worse_better_or_neither(claim: str, field: str) -> None:
    assert verdict_of(claim, parr_evidence(**{field: losses_by_size(0.02)})) == YES
    assert verdict_of(claim, parr_evidence(**{field: losses_by_size(-0.02)})) == NO
    assert verdict_of(claim, parr_evidence(**{field: losses_by_size(0.0)})) == OPEN


def test_small_batches_may_or_may_not_need_a_smaller_rate() -> None:
    rising = {8: 0.001, 64: 0.003, 128: 0.01, 256: 0.01}
    falling = {8: 0.03, 64: 0.01, 128: 0.003, 256: 0.001}
    assert verdict_of("small-rate", parr_evidence(tuning=tuning(rising))) == YES
    assert verdict_of("small-rate", parr_evidence(tuning=tuning(falling))) == NO
    one_seed = tuning(rising)
    alone = replace(one_seed, table=one_seed.table[one_seed.table["seed"] == 0])
    assert verdict_of("small-rate", parr_evidence(tuning=alone)) == OPEN


def test_slow_epochs_are_judged_in_the_plain_loop() -> None:
    even = parr_evidence().epochs
    assert verdict_of("slower-epochs", parr_evidence()) == NO
    assert verdict_of("slower-epochs", parr_evidence(epochs={**even, (PLAIN, "8"): [1.0, 1.1, 0.9, 1.0, 1.0]})) == YES
    assert verdict_of("slower-epochs", parr_evidence(epochs={**even, (PLAIN, "8"): [0.1, 0.5, 0.2, 0.3, 0.1]})) == OPEN


def test_noise_of_one_minibatch_is_judged_at_8_against_64() -> None:
    def runs(small: float, spread: float = 0.0) -> Outcomes:
        """Batches of 8 are `small` times as noisy as those of 64; `spread`: how much that varies by seed."""
        rows, histories = [], {}
        for b in SIZES:
            for s in SEEDS:
                scale = 0.01 * (small * math.exp(spread * (-1) ** s) if b == 8 else 1.0)
                rows.append({"batch_size": b, "seed": s, "run": f"{b}-{s}"})
                epochs = np.arange(1.0, 21.0)
                table = {"epoch": epochs, "mean_batch_loss": 1.5, "batch_loss": 1.5 + scale * (-1) ** epochs}
                histories[f"{b}-{s}"] = pd.DataFrame(table)
        return outcomes(rows, histories)

    assert verdict_of("noisy-losses", parr_evidence(sizes=runs(3.0))) == YES
    assert verdict_of("noisy-losses", parr_evidence(sizes=runs(0.5))) == NO
    assert verdict_of("noisy-losses", parr_evidence(sizes=runs(1.1, spread=0.5))) == OPEN


def test_without_a_gpu_nothing_is_said_of_one() -> None:
    found = judge(next(claim for claim in parr.CLAIMS if claim.key == "gpu"), parr_evidence())
    assert (found.verdict, found.numbers) == (OPEN, "no GPU here")
    fast_full = {(PLAIN, "8"): [0.3, 0.31, 0.29, 0.3, 0.3], (PLAIN, "full"): [0.01, 0.011, 0.009, 0.01, 0.01]}
    assert verdict_of("gpu", parr_evidence(gpu_epochs=fast_full)) == YES
    slow_full = {(PLAIN, "8"): [0.3, 0.31, 0.29, 0.3, 0.3], (PLAIN, "full"): [0.3, 0.31, 0.29, 0.3, 0.3]}
    assert verdict_of("gpu", parr_evidence(gpu_epochs=slow_full)) == NO


def test_picking_flatters_or_not() -> None:
    assert verdict_of("own-rows", parr_evidence()) == YES
    assert verdict_of("own-rows", parr_evidence(optimism={s: 0.02 + 0.001 * s for s in SEEDS})) == NO
    assert verdict_of("own-rows", parr_evidence(optimism={s: 0.01 * (-1) ** s for s in SEEDS})) == OPEN


def test_optimism_is_what_picking_gains_beyond_the_test_rows() -> None:
    assert Picked(0.97, 0.95, 0.96, 0.955).optimism == pytest.approx(0.015)


def history(losses: list[float], step: int = 1, examples: int = 1) -> pd.DataFrame:
    steps = np.arange(len(losses)) * step
    return pd.DataFrame({"step": steps, "examples": steps * examples, "train_loss": losses})


def d2l_evidence(**losses: list[float]) -> D2lEvidence:
    """GD and batch 100 reach the target after as many steps as their losses say."""
    runs = {
        name.replace("_", " "): outcomes(
            [{"seed": s, "run": str(s)} for s in SEEDS], {str(s): history(values) for s in SEEDS}
        )
        for name, values in losses.items()
    }
    return SimpleNamespace(  # type: ignore[return-value]
        runs=runs,
        rows=1500,
        steps={"GD": 1, "batch 100": 15},
        epochs={
            (loop, name): [seconds * (1 + 0.01 * i) for i in range(5)]
            for loop in (PLAIN, NATIVE)
            for name, seconds in (("GD", 0.001), ("batch 100", 0.015))
        },
    )


def test_the_clock_of_two_methods_is_steps_times_a_step() -> None:
    slow, fast = [0.5, 0.4, 0.3, 0.26, 0.25], [0.5, 0.24]
    assert d2l_clock.seconds_to_target(d2l_evidence(GD=slow, batch_100=fast), PLAIN, "GD")[0] == pytest.approx(0.004)
    assert verdict_of("batch-100-ahead-of-gd", d2l_evidence(GD=slow, batch_100=fast)) == YES
    assert verdict_of("batch-100-ahead-of-gd", d2l_evidence(GD=fast, batch_100=slow)) == NO
    assert verdict_of("batch-100-ahead-of-gd", d2l_evidence(GD=fast, batch_100=[0.5, 0.4])) == OPEN  # never there


def test_few_rounds_or_restless_ones_decide_nothing() -> None:
    slow, fast = [2.0, 2.1, 1.9, 2.0, 2.2], [1.0, 1.0, 1.0, 1.0, 1.0]
    assert rules.lies_above(rules.times_as_long(slow, fast), 1.5) == YES
    assert rules.lies_above(rules.times_as_long(fast, slow), 1.5) == NO
    assert rules.lies_above(rules.times_as_long(slow[:4], fast[:4]), 1.5) == OPEN  # 4 rounds attain 87.5 %
    assert rules.lies_above(rules.times_as_long([2.0, 2.0, 0.5, 2.0, 2.0], fast), 1.5) == OPEN


def test_readings_of_a_history() -> None:
    table = history([0.5, 0.3, 0.2, 0.1], step=10, examples=2)
    assert value_at("train_loss", "step", 20)(table) == 0.2
    assert value_at("train_loss", "examples", 39)(table) == 0.2
    assert math.isnan(value_at("train_loss", "step", 31)(table))
    assert first_reaching("train_loss", 0.2)(table) == 20
    assert first_reaching("train_loss", 0.05)(table) == math.inf


def test_a_run_that_did_not_complete_has_no_value() -> None:
    rows = [{"seed": 0, "best_val_loss": 1.0}, {"seed": 1, "best_val_loss": 0.5, "status": "diverged"}]
    found = outcomes(rows).by_seed("best_val_loss")
    assert found[0] == 1.0 and math.isnan(found[1])


def test_every_claim_says_what_each_verdict_would_mean() -> None:
    assert len({claim.key for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert set(claim.means) == set(VERDICTS) and len(set(claim.means.values())) == 3, claim.key
        assert claim.words and claim.rule and claim.where
    with pytest.raises(ValueError, match="needs a meaning"):
        replace(CLAIMS[0], means={YES: "alone"})


# --- what is computed ---------------------------------------------------------------------------


def test_a_perfect_softmax_taken_for_logits_costs_the_floor() -> None:
    perfect = torch.eye(10)
    assert loss_of("cross_entropy", perfect, torch.arange(10)).item() == pytest.approx(FLOOR, abs=1e-6)
    assert round(FLOOR, 4) == 1.4612


def test_the_chapters_timer_stops_every_200_examples_and_for_gd_every_3000() -> None:
    laps = {name: d2l_clock.lap_examples(size, 1500) for name, size in METHODS.items()}
    assert laps == {"GD": 3000, "SGD": 200, "batch 100": 200, "batch 10": 200}
    assert math.isnan(d2l_clock.lap_examples(7, 7, epochs=1))


def descent_on(source: str) -> GradientDescent:
    config = d2l_runs._config("d2l/gd", source)
    return d2l_runs._descent(config, load(config.dataset, 0))[1]


def test_stability_limit_of_the_chapters_data_on_the_twin() -> None:
    found = descent_on("airfoil-twin")
    assert found.lambda_max == pytest.approx(2.098, abs=0.001)
    assert found.limit == pytest.approx(0.953, abs=0.001)
    assert found.optimum == pytest.approx(0.24169, abs=1e-5)
    assert found.stable.stable is not None and found.stable.unstable is not None
    assert found.stable.stable <= found.limit * 1.02 and found.stable.unstable >= found.limit / 1.02


def test_stability_limit_of_the_chapters_data(local_data: Path) -> None:
    found = descent_on("airfoil")
    assert found.lambda_max == pytest.approx(2.098, abs=0.001)
    assert found.limit == pytest.approx(0.953, abs=0.001)
    assert found.optimum == pytest.approx(0.24169, abs=1e-5)


def test_the_recorded_minibatch_of_the_larger_sizes_is_a_remainder_of_64_rows() -> None:
    assert [parr_data.last_batch_rows(size) for size in SIZES] == [8, 64, 64, 64]


def test_leaked_rows_are_counted_by_their_values() -> None:
    x = np.arange(12, dtype=np.float32).reshape(6, 2)
    y = np.zeros(6, np.int64)
    assert leaked_share(make_data((x, y), (np.vstack([x[:1], x[:1], x[:2] + 100]), y[:4]))) == 0.5
    assert leaked_share(classification()) == 0.0
    assert math.isnan(leaked_share(classification(held_out=0)))
    assert expected_share(10_000, 8_000) == pytest.approx(0.5507, abs=1e-4)


def test_rates_are_picked_by_the_mean_over_tuning_seeds() -> None:
    best = {8: 0.001, 64: 0.003, 128: 0.01, 256: 0.01}
    assert parr_runs.best_rates(tuning(best), parr_runs.FULL.rates) == best
    lost = tuning(best)
    lost.table.loc[(lost.table["batch_size"] == 8) & (lost.table["learning_rate"] == 0.001), "status"] = "diverged"
    assert parr_runs.best_rates(lost, parr_runs.FULL.rates)[8] in (0.0003, 0.003)


def test_tuning_seeds_are_not_those_of_the_measurement() -> None:
    planned = parr_runs.experiments(range(5), parr_runs.FULL)
    assert not set(planned["tuning"].seeds) & set(planned["sizes"].seeds)
    tuned = parr_runs.tuned_experiment((0, 1), parr_runs.QUICK, {8: 0.001, 64: 0.001, 128: 0.03, 256: 0.03})
    runs = [(run.varied["batch_size"], run.varied["learning_rate"]) for run in tuned.plan().runs]
    assert sorted(set(runs)) == [(8, 0.001), (64, 0.001), (128, 0.03), (256, 0.03)] and len(runs) == 8


# --- end to end ---------------------------------------------------------------------------------


def check_folder(path: Path, claims: Any) -> pd.DataFrame:
    table = pd.read_csv(path / "claims.csv")
    assert list(table["claim"]) == [claim.key for claim in claims]
    assert set(table["verdict"]) <= set(VERDICTS)
    assert table[["where", "words", "numbers", "meaning", "rule"]].notna().all().all()
    text = (path / "claims.md").read_text()
    assert all(claim.words in text and claim.rule in text for claim in claims)
    for line in text.splitlines():
        if line.startswith("!["):
            assert (path / line.split("(")[1].rstrip(")")).stat().st_size > 10_000
    return table


def test_quick_lesson_of_the_chapter_end_to_end(runs: Path) -> None:
    answer = sgdlab("lesson", "d2l", "--quick", "--seeds", "0", "--runs-dir", runs, "--name", "d")
    assert (answer.code, answer.err) == (0, "")
    table = check_folder(runs / "d", d2l.CLAIMS).set_index("claim")
    assert table["verdict"]["gd-rate"] == NO and table["verdict"]["gflops"] == NO
    assert table["verdict"]["lap-is-an-epoch"] == NO and table["verdict"]["doubled-gd"] == YES
    assert "λmax 2.098" in table["numbers"]["gd-rate"]
    assert (runs / "d" / "gd" / "sweep.yaml").exists()
    assert all(claim.words.split()[0] in answer.out for claim in d2l.CLAIMS)
    assert answer.out.rstrip().endswith(str(runs / "d"))
    if "airfoil-twin" in (runs / "d" / "gd" / "sweep.yaml").read_text():
        assert "airfoil-twin stands in" in answer.out and "synthetic" in answer.out


def test_quick_lesson_of_the_notebook_end_to_end(runs: Path) -> None:
    answer = sgdlab("lesson", "parr", "--quick", "--seeds", "0", "--runs-dir", runs, "--name", "p", "--quiet")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip() == str(runs / "p")
    table = check_folder(runs / "p", parr.CLAIMS).set_index("claim")
    assert table["verdict"]["larger-worse-tuned"] == OPEN  # one seed tells nothing
    assert table["verdict"]["published-minibatch"] == OPEN
    share = float(table["numbers"]["leak-rows"].split("training ")[1].split(",")[0])
    assert share == pytest.approx(expected_share(10_000, 8_000), abs=0.04)  # 2,000 rows: std 0.011
    assert "1.4612" in table["numbers"]["double-softmax"]


def test_a_lesson_with_a_failed_run_ends_with_1(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sgdlab.lessons import run

    monkeypatch.setattr(run, "lesson", lambda *_, **__: Lesson(runs, [], ["1 runs failed"], [], failed=1))
    assert sgdlab("lesson", "d2l", "--quick").code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("d2l", "--seeds", "four"),
        ("d2l", "--seeds", "0-500"),
        ("parr", "--name", "a/b"),
        ("parr", "--jobs", "0"),
        (),
    ],
)
def test_bad_input_ends_with_2_and_leaves_nothing(words: tuple[str, ...], runs: Path) -> None:
    answer = sgdlab("lesson", *words, "--runs-dir", runs)
    assert answer.code == 2 and answer.err and "Traceback" not in answer.err
    assert not runs.exists()


def test_missing_numbers_are_empty_cells() -> None:
    found = judge(next(claim for claim in parr.CLAIMS if claim.key == "leak-rows"), parr_evidence(leaked={0: 0.5}))
    row = claims_table([found]).iloc[0]
    assert row["estimate"] == 0.5 and row["low"] is None and row["n"] == 1
