"""Studies whose runs a formula answers: the best rate and S(B) are known, and no training is needed."""

import math
from dataclasses import replace

import numpy as np

from sgdlab.config import Budget, Period, StopRule
from sgdlab.studies.plan import StudyPlan, tuning_budget, tuning_seeds
from sgdlab.studies.rounds import next_round
from sgdlab.studies.study_run import RunSpec, StudyRun

ROWS = 4096
S_UNIT, B_CRIT = 40.0, 64.0


def a_plan(sizes=(8, 32, 128, 512), seeds=(0, 1, 2, 3, 4), target="val_loss=0.2", **changes):
    base = {
        "dataset": {"name": "mnist-10k"},
        "model": {"name": "mlp"},
        "optimizer": {"name": "sgd"},
        "learning_rate": {"initial": 0.1},
        "batch_size": {"initial": 64},
        "epochs": 200,
    }
    stop = None if target is None else StopRule.parse(target)
    plan = StudyPlan(
        base=base, rows=ROWS, data="", batch_sizes=sizes, learning_rates=None, seeds=seeds,
        tuning_seeds=tuning_seeds(seeds), budget=Budget(200, "epochs"), tuning_budget=Budget(200, "epochs"),
        target=stop, target_from="tuning" if stop is None else "given", metric="val_loss",
    )  # fmt: skip
    plan = replace(plan, **changes)
    return replace(plan, tuning_budget=tuning_budget(plan))


class World:
    """Answers specs: loss = floor + exp(-t/tau), fastest at `best_rate` of each size, divergent far above it."""

    def __init__(self, plan, best_rate=lambda size: 0.1, diverges_above=20.0, floor=0.1):
        self.plan, self.best_rate, self.above, self.floor = plan, best_rate, diverges_above, floor
        self.runs, self.asked = {}, []

    def loss(self, spec, steps):
        off = math.log(spec.learning_rate / self.best_rate(spec.batch_size))
        hardness = 1 + 0.1 * (spec.seed % 5)
        tau = S_UNIT * (1 + B_CRIT / spec.batch_size) * (1 + off**2) * hardness
        return self.floor + np.exp(-steps / tau)

    def answer(self, spec: RunSpec) -> StudyRun:
        budget = self.plan.steps_in(Budget.parse(spec.budget), spec.batch_size)
        steps = np.arange(1, budget // (every := int(Period.parse(spec.evaluate_every).amount)) + 1) * every
        values = self.loss(spec, steps)
        diverged = spec.learning_rate > self.above * self.best_rate(spec.batch_size)
        if diverged:
            steps, values = steps[:1], values[:1]
        elif spec.stop_at and (hit := values <= StopRule.parse(spec.stop_at).value).any():
            steps, values = steps[: hit.argmax() + 1], values[: hit.argmax() + 1]
        seconds = steps * 1e-4
        status = "diverged" if diverged else "completed"
        done = int(steps[-1])
        return StudyRun(
            spec.key,
            self.plan.metric,
            status,
            done,
            done * 1e-4,
            steps * 1.0,
            steps * 1.0 * spec.batch_size,
            seconds,
            values,
        )

    def finish(self):
        """Rounds until nothing is missing; returns the plan with its target."""
        for _ in range(40):
            following = next_round(self.plan, self.runs)
            if following.target is not None:
                self.plan = replace(self.plan, target=following.target)
            elif not following.specs:
                return self
            for spec in following.specs:
                assert spec.key not in self.runs, "a run was asked for twice"
                self.asked.append(spec)
                self.runs[spec.key] = self.answer(spec)
        raise AssertionError("the study does not end")
