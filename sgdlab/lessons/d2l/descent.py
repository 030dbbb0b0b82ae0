"""The chapter's claims on gradient descent, SGD and their losses."""

from collections.abc import Mapping

from sgdlab.analysis.paired import compare_pairs
from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, Verdict, claim
from sgdlab.lessons.d2l.evidence import GD_RATE, MORE_SEEDS, PUBLISHED, D2lEvidence, GradientDescent
from sgdlab.lessons.rules import BySeed
from sgdlab.lessons.seed_results import value_at
from sgdlab.lessons.wording import each_of, falls_in, over_seeds, worded


@claim(
    "D 11.5.4 and 11.5.5",
    "Final losses .245–.254 (GD), .243–.244 (SGD), .242–.244 (batch 100), .244–.248 (batch 10), .246 (concise).",
    rule="reproduced: each printed value lies where one more run of ours falls (prediction interval, 95 % for all "
    "together); not reproduced: one does not; fewer than 3 seeds: cannot tell",
    reproduced="the shipped configs do what the chapter did",
    not_reproduced="our runs differ from the chapter's in something that matters, or a printed run was an unusual one",
    cannot_tell="too few seeds",
)
def published_losses(e: D2lEvidence) -> Finding:
    looks = sum(map(len, PUBLISHED.values()))
    verdicts, parts = [], []
    for name, printed in PUBLISHED.items():
        values = e.runs[name].by_seed("final_train_loss")
        ours = rules.prediction_interval(values, looks)
        verdicts += [rules.is_one_of_them(said, ours, 0.001) for said in printed]
        parts.append(f"{name} {'–'.join(map(str, printed))} (ours {over_seeds(values)}, one more run {falls_in(ours)})")
    n = len(e.runs["GD"].by_seed("final_train_loss"))
    return Finding(rules.all_hold(*verdicts), f"{'; '.join(parts)}; n = {n}")


@claim(
    "D 11.5.4, gradient descent",
    "Gradient descent makes little progress in its first epochs.",
    rule="share of the way from the initial loss to the optimum made in 6 steps: reproduced below a half, not "
    "reproduced above, 95 % interval over seeds",
    reproduced="six steps leave most of the way to go",
    not_reproduced="six steps make most of the way to the optimum",
    cannot_tell=MORE_SEEDS,
)
def gd_little_progress(e: D2lEvidence) -> Finding:
    start, sixth = (e.runs["GD"].read(value_at("train_loss", "step", step)) for step in (0, 6))
    share = rules.mean_of({s: (start[s] - sixth[s]) / (start[s] - e.descent.optimum) for s in start})
    return Finding(
        rules.lies_below(share, 0.5), f"share of the way from start to optimum made in 6 steps {worded(share)}", share
    )


@claim(
    "D 11.5.4, gradient descent",
    "After 6 steps gradient descent (rate 1) stalls.",
    rule="loss at step 50 over loss at step 6: reproduced within 0.9 to 1.1, not reproduced outside, 95 % interval "
    "over seeds",
    reproduced="the loss stays where it is",
    not_reproduced="it does not stand still: after its sixth step the loss rises, slowly at first; see the next claim "
    "for why",
    cannot_tell=MORE_SEEDS,
)
def gd_stalls(e: D2lEvidence) -> Finding:
    at = {step: _at_step(e, GD_RATE, step) for step in (6, 10, 20, 50)}
    growth = rules.ratio_of([at[50][s] for s in at[6]], list(at[6].values()))
    stable = _at_step(e, 0.8, 10)
    means = ", ".join(f"step {step}: {rules.mean_of(losses).estimate:.4g}" for step, losses in at.items())
    numbers = (
        f"mean loss at rate 1: {means}; loss at step 50 over step 6 {worded(growth)}; at rate 0.8, step 10: "
        f"{rules.mean_of(stable).estimate:.4g}; optimum {e.descent.optimum:.5f}"
    )
    return Finding(rules.lies_within(growth, 0.9, 1.1), numbers, growth)


@claim(
    "D 11.5.4, gradient descent",
    "Rate 1 is one at which gradient descent works on these data (what a stall would take for granted).",
    rule="reproduced: below 2/λmax and stable by bisection; not reproduced: above 2/λmax and unstable by bisection; "
    "else cannot tell",
    reproduced="the rate is stable",
    not_reproduced="the rate is beyond the stability limit: what looks like a stall is the beginning of divergence",
    cannot_tell="theory and bisection do not agree",
)
def gd_rate(e: D2lEvidence) -> Finding:
    d = e.descent
    numbers = (
        f"λmax {d.lambda_max:.4f}, so 2/λmax = {d.limit:.4f}; by bisection over 300 steps: {d.stable.reason}; "
        f"rate {GD_RATE:g}"
    )
    return Finding(stability_verdict(GD_RATE, d), numbers)


def stability_verdict(rate: float, descent: GradientDescent) -> Verdict:
    """Whether a rate is stable, where theory and bisection say the same."""
    low, high = descent.stable.stable, descent.stable.unstable
    if rate < descent.limit and low is not None and rate <= low:
        return "reproduced"
    return "not reproduced" if rate > descent.limit and high is not None and rate >= high else "cannot tell"


@claim(
    "D 11.5.4, SGD",
    "SGD's decline slows down after one epoch.",
    rule="decline in the second epoch over that in the first: reproduced below a half, not reproduced above, 95 % "
    "interval over seeds",
    reproduced="one epoch is enough here; then the loss wanders around its optimum",
    not_reproduced="the second epoch still gains much",
    cannot_tell=MORE_SEEDS,
)
def sgd_slows_down(e: D2lEvidence) -> Finding:
    start, first, second = (e.runs["SGD"].read(value_at("train_loss", "epoch", k)) for k in (0, 1, 2))
    share = rules.mean_of({s: (first[s] - second[s]) / (start[s] - first[s]) for s in start})
    return Finding(
        rules.lies_below(share, 0.5), f"decline of the second epoch over that of the first {worded(share)}", share
    )


@claim(
    "D 11.5.4, comparison",
    "Per example, SGD is ahead of gradient descent.",
    rule="loss after 3,000 examples, paired t over seeds: reproduced where SGD is better, not reproduced where it is "
    "worse or equal",
    reproduced="the same examples buy more progress in small steps",
    not_reproduced="gradient descent is ahead per example",
    cannot_tell=MORE_SEEDS,
)
def sgd_ahead_per_example(e: D2lEvidence) -> Finding:
    at = {name: e.runs[name].read(value_at("train_loss", "examples", 3000)) for name in ("SGD", "GD")}
    return first_is_lower(at, "loss after 3,000 examples")


def first_is_lower(losses: Mapping[str, BySeed], words: str) -> Finding:
    """Whether the first of two, by name, ends lower; words: what was compared."""
    pair = compare_pairs(losses)[0]
    return Finding(rules.first_is_better(pair), f"{words}: {each_of(losses)}; {pair.text}", pair.difference)


def _at_step(e: D2lEvidence, rate: float, step: int) -> dict[int, float]:
    return e.runs["GD longer"].read(value_at("train_loss", "step", step), learning_rate=rate)


CLAIMS = (published_losses, gd_little_progress, gd_stalls, gd_rate, sgd_slows_down, sgd_ahead_per_example)
