"""The chapter's lesson: its claims on made-up evidence, and what is computed for them."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from sgdlab.analysis.stable_rate import StableRate
from sgdlab.bench.plain_loop import PLAIN
from sgdlab.config import document_of
from sgdlab.lessons.d2l import descent, exercises, times
from sgdlab.lessons.d2l.evidence import METHODS, D2lEvidence, GradientDescent
from sgdlab.lessons.d2l.experiments import gradient_descent
from sgdlab.lessons.epoch_times import NATIVE, EpochTimes
from sgdlab.training.start import config_and_data
from tests.lessons.made_up import NO, OPEN, SEEDS, YES, history, judged, seed_results


def d2l_evidence(**losses: list[float]) -> D2lEvidence:
    """GD and batch 100 reach the target after as many steps as their losses say."""
    runs = {
        name.replace("_", " "): seed_results(
            [{"seed": s, "run": str(s)} for s in SEEDS], {str(s): history(values) for s in SEEDS}
        )
        for name, values in losses.items()
    }
    return SimpleNamespace(  # type: ignore[return-value]
        runs=runs,
        rows=1500,
        epochs=EpochTimes(
            {
                (loop, name): [seconds * (1 + 0.01 * i) for i in range(5)]
                for loop in (PLAIN, NATIVE)
                for name, seconds in (("GD", 0.001), ("batch 100", 0.015))
            },
            {"GD": 1, "batch 100": 15},
            "made up",
        ),
    )


def test_the_clock_of_two_methods_is_steps_times_a_step() -> None:
    slow, fast, never = [0.5, 0.4, 0.3, 0.26, 0.25], [0.5, 0.24], [0.5, 0.4]
    assert times.seconds_to_target(d2l_evidence(GD=slow, batch_100=fast), PLAIN, "GD")[0] == pytest.approx(0.004)

    def verdict(**losses: list[float]) -> str:
        return judged(times.CLAIMS, "batch-100-ahead-of-gd", d2l_evidence(**losses)).finding.verdict

    assert verdict(GD=slow, batch_100=fast) == YES
    assert verdict(GD=fast, batch_100=slow) == NO
    assert verdict(GD=fast, batch_100=never) == OPEN


@pytest.mark.parametrize(
    ("rate", "stable", "unstable", "verdict"), [(1.0, 0.94, 0.96, NO), (0.8, 0.94, 0.96, YES), (1.0, 1.1, 1.2, OPEN)]
)
def test_a_rate_is_judged_where_theory_and_bisection_agree(
    rate: float, stable: float, unstable: float, verdict: str
) -> None:
    found = GradientDescent(2.098, 0.953, StableRate(0.95, stable, unstable, 9, ""), 0.24169)
    assert descent.stability_verdict(rate, found) == verdict


@pytest.mark.parametrize(("gap", "verdict"), [(1e-7, YES), (0.01, NO), (math.nan, OPEN)])
def test_two_trajectories_are_one_up_to_rounding(gap: float, verdict: str) -> None:
    assert exercises.gap_verdict(gap) == verdict


def test_the_chapters_timer_stops_every_200_examples_and_for_gd_every_3000() -> None:
    laps = {name: times.lap_examples(size, 1500) for name, size in METHODS.items()}
    assert laps == {"GD": 3000, "SGD": 200, "batch 100": 200, "batch 10": 200}
    assert math.isnan(times.lap_examples(7, 7, epochs=1))


def descent_on(source: str) -> GradientDescent:
    return gradient_descent(*config_and_data(document_of("d2l/gd", dataset__name=source)))[1]


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
