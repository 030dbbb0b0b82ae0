"""Paired verdicts: Holm by hand, power against tables, and honest answers where data are missing."""

import math

import numpy as np
import pytest

from sgdlab.analysis.paired import MOST_SEEDS, compare_pairs, holm, paired_t_power, pairs_needed


def runs(values):
    return dict(enumerate(values))


def one(a, b, **options):
    (pair,) = compare_pairs({"64": runs(a), "256": runs(b)}, **options)
    return pair


BASE = np.array([0.20, 0.22, 0.19, 0.25, 0.21, 0.23, 0.18, 0.24, 0.20, 0.22])
GAP = np.array([0.010, 0.015, 0.006, 0.012, 0.009, 0.013, 0.008, 0.016, 0.011, 0.010])


def test_holm_agrees_with_the_hand_computed_example():
    # sorted: .005*4 = .02, .01*3 = .03, .03*2 = .06, .04*1 = .04 raised to .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_nor_falls_below_the_raw_value():
    assert holm([0.9, 0.8, 0.4]) == [1.0, 1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("effect", "n"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_seeds_needed_for_80_percent_power_are_those_of_the_tables(effect, n):
    assert pairs_needed(effect) == n  # G*Power 3.1, two-sided matched pairs, alpha .05


def test_power_is_what_simulation_gives():
    rng = np.random.default_rng(0)
    d = rng.normal(0.9, 1.0, (20000, 8))
    t = d.mean(axis=1) / d.std(axis=1, ddof=1) * math.sqrt(8)
    assert paired_t_power(0.9, 8, 0.05) == pytest.approx(np.mean(abs(t) > 2.364624), abs=0.01)


def test_no_effect_needs_no_number_and_a_tiny_one_more_than_a_thousand():
    assert pairs_needed(0.0) is None
    assert pairs_needed(0.01) == MOST_SEEDS + 1


def test_paired_t_test_agrees_with_the_hand_computation():
    pair = one([1.0, 2.0, 3.0], [1.1, 2.3, 3.2])
    # d = -.1, -.3, -.2: mean -.2, s .1, t = -.2/(.1/sqrt 3) = -3.4641, p (2 df) = .0742
    assert pair.difference.estimate == pytest.approx(-0.2)
    assert pair.p == pytest.approx(0.0741799, abs=1e-6)
    assert pair.difference.high == pytest.approx(-0.2 + 4.302653 * 0.1 / math.sqrt(3), abs=1e-6)


def test_a_clear_difference_names_the_winner_its_interval_n_and_test():
    pair = one(BASE, BASE + GAP)
    assert pair.outcome == "first"
    assert pair.text == "64 beats 256 by 0.0110 [0.0088, 0.0132], n = 10, paired t"
    assert one(BASE + GAP, BASE).outcome == "second"
    assert one(BASE, BASE + GAP, lower_is_better=False).text.startswith("256 beats 64 by 0.0110")


def test_an_unclear_difference_says_how_many_seeds_would_do():
    pair = one([0.20, 0.22, 0.19], [0.21, 0.22, 0.215])
    d = np.array([0.01, 0.0, 0.025])
    assert pair.outcome == "cannot tell"
    assert pair.needed == pairs_needed(d.mean() / d.std(ddof=1))
    assert pair.text == f"cannot tell 64 from 256: n = 3, needs about {pair.needed}"


def test_differences_are_paired_by_seed_not_by_position():
    shuffled = dict(reversed(list(runs(BASE + GAP).items())))
    (pair,) = compare_pairs({"64": runs(BASE), "256": shuffled})
    assert pair.difference == one(BASE, BASE + GAP).difference


def test_holm_corrects_over_all_pairs_and_says_so_where_it_decides():
    d = np.array([-1.0, 0.0, 0.6, 1.8, 1.5, 1.4, 0.3, 0.9, 0.2, 0.3])
    noise = np.array([0.5, -0.4, 0.1, -0.2, 0.3, -0.3, 0.2, -0.1, 0.4, -0.5])
    groups = {"a": runs(np.zeros(10)), "b": runs(d), "c": runs(0.6 * d[::-1] + noise)}
    pairs = compare_pairs(groups)
    assert [p.p_holm for p in pairs] == holm([p.p for p in pairs])
    assert pairs[0].p <= 0.05 < pairs[0].p_holm
    assert pairs[0].outcome == "cannot tell"
    assert "among 3 pairs (Holm)" in pairs[0].text


def test_the_seeds_needed_grow_with_the_number_of_pairs_compared():
    d = np.array([0.01, 0.0, 0.025])
    groups = {"a": runs(BASE[:3]), "b": runs(BASE[:3] + d), "c": runs(BASE[:3] + 0.1)}
    ab, ac, _ = compare_pairs(groups)
    assert ab.needed == pairs_needed(d.mean() / d.std(ddof=1), 0.05 / 3) > pairs_needed(d.mean() / d.std(ddof=1))
    assert (ac.test, ac.needed) == ("sign test", 7)  # 2^-6 = 0.0156 <= 0.05 / 3 < 2^-5


def test_verdicts_are_wrong_together_in_at_most_5_percent_of_sweeps_without_a_difference():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        shared = rng.normal(size=6)
        groups = {str(g): runs(shared + rng.normal(size=6)) for g in range(4)}
        wrong += any(pair.outcome != "cannot tell" for pair in compare_pairs(groups))
    assert wrong / 200 <= 0.05 + 0.031  # two standard errors


def test_a_group_that_diverged_is_never_the_better_one():
    survivors = BASE.copy()
    survivors[3] = math.nan
    pair = one(survivors, BASE + GAP)
    assert (pair.n, pair.diverged, pair.outcome) == (9, (1, 0), "cannot tell")
    assert pair.text == (
        "cannot tell 64 from 256: 64 is ahead only where it survived, n = 9 (64 diverged in 1 of 10 seeds)"
    )


def test_a_group_that_diverged_and_is_worse_where_it_survived_is_beaten():
    worse = BASE + GAP
    worse[[0, 4]] = math.inf
    pair = one(BASE, worse)
    assert pair.outcome == "first"
    assert pair.text.endswith("n = 8, paired t (256 diverged in 2 of 10 seeds)")


def test_a_group_that_diverged_everywhere_is_reported_so():
    pair = one([0.2, 0.3, 0.4], [math.nan] * 3)
    assert (pair.difference, pair.p, pair.p_holm) == (None, None, None)
    assert pair.text == ("cannot tell 64 from 256: n = 0, needs at least 2 (256 diverged in 3 of 3 seeds)")


def test_missing_seeds_are_left_out_and_counted():
    (pair,) = compare_pairs({"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {1: 2.5, 2: 3.1, 7: 0.0}})
    assert (pair.n, pair.shared, pair.unshared) == (2, 2, 2)
    assert "2 seeds not shared" in pair.text


def test_one_shared_seed_is_no_test_and_does_not_count_in_holm():
    groups = {"a": runs(BASE), "b": runs(BASE + GAP), "c": {0: 5.0}}
    ab, ac, bc = compare_pairs(groups)
    assert ab.p_holm == ab.p
    assert (ac.p, bc.outcome) == (None, "cannot tell")
    assert "n = 1, needs at least 2" in ac.text


def test_identical_groups_are_equal():
    assert one(BASE, BASE).outcome == "equal"
    assert one(BASE, BASE).text == "64 and 256 are equal in all 10 seeds"


def test_differences_without_spread_are_judged_by_the_sign_test_not_by_a_p_value_of_zero():
    few = one(BASE[:3], BASE[:3] + 0.1)
    assert np.std(BASE[:3] - (BASE[:3] + 0.1)) > 0  # rounding, which is no spread
    assert (few.outcome, few.test, few.p, few.needed) == ("cannot tell", "sign test", 0.25, 6)
    enough = one(BASE[:6], BASE[:6] + 0.1)
    assert enough.outcome == "first"
    assert enough.text == "64 beats 256 by 0.1 in every seed, n = 6, sign test"


def test_one_group_is_no_comparison():
    with pytest.raises(ValueError, match="at least two"):
        compare_pairs({"64": runs(BASE)})
