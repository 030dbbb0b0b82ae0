"""A study as its files tell it: what was written is read back, and damage is told in one message."""

import json
import math
from dataclasses import replace

import pytest
import yaml

from sgdlab.config import Budget
from sgdlab.errors import RunFolderError, UserError
from sgdlab.studies.answer import read_answer, write_answer
from sgdlab.studies.folder import read_plan, write_plan
from sgdlab.studies.opened import Study
from sgdlab.studies.result import StudyResult, fit_in_words, result_of
from tests.studies.formula import World, a_plan
from tests.support import ROOT

EXAMPLE = ROOT / "runs" / "examples" / "default-study"


@pytest.fixture(scope="module", params=["reached", "censored", "one size", "nothing"])
def plan_and_result(request):
    """Studies of every kind: all runs arrived, some sizes never did, no fit, nothing measured."""
    if request.param == "nothing":
        plan = a_plan(target=None)
        return plan, result_of(plan, {}, "training seconds on a processor")
    changes = {"target": "val_loss=0.1001", "budget": Budget(20, "epochs")} if request.param == "censored" else {}
    world = World(a_plan(**changes)).finish()
    runs = {key: run for key, run in world.runs.items() if request.param != "one size" or key.batch_size == 8}
    return world.plan, result_of(world.plan, runs, "training seconds on a processor")


def test_plan_and_answer_are_read_back_as_they_were_written(plan_and_result, tmp_path):
    plan, result = plan_and_result
    write_plan(tmp_path, plan)
    write_answer(tmp_path, plan, result)
    study = Study(tmp_path)
    assert study.plan == plan and study.result == result
    assert study.table.equals(result.table)
    given = replace(plan, learning_rates=(0.01, 0.1))
    write_plan(tmp_path, given)
    assert read_plan(tmp_path) == given


def test_study_without_its_run_folders_still_tells_what_it_found():
    study = Study(EXAMPLE)
    told = json.loads((EXAMPLE / "study.json").read_text())
    assert study.b_crit == told["fit"]["b_crit"]["estimate"] and f"{study.b_crit:.3g}" in fit_in_words(study.fit)
    assert {goal: study.recommend(goal).text for goal in told["recommended"]} == {
        goal: advice["in_words"] for goal, advice in told["recommended"].items()
    }
    assert list(study.table["batch_size"]) == list(study.plan.batch_sizes) and study.complete
    assert set(study.tuning["stage"]) == {"scan", "check", "refine"}


def test_a_study_that_has_measured_nothing_says_how_to_go_on(tmp_path):
    write_plan(tmp_path, a_plan())
    study = Study(tmp_path)
    assert study.result == StudyResult() and study.tuning.empty and study.b_crit is None and not study.complete
    with pytest.raises(UserError, match="sgdlab resume"):
        study.recommend()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("rows",), 5),
        (("rows", 0), []),
        (("rows", 0, "batch_size"), None),
        (("rows", 0, "batch_size"), 16),
        (("rows", 0, "runs"), -1),
        (("rows", 0, "reached"), 10**400),
        (("rows", 0, "steps_low"), "few"),
        (("rows", 0, "steps_low"), math.nan),
        (("rows", 0, "seconds_high"), 0.0),
        (("rows", 0, "edge_side"), [1]),
        (("fit",), [1]),
        (("fit", "b_crit"), {}),
        (("fit", "b_crit", "low"), None),
        (("notes",), 7),
    ],
)
def test_a_damaged_answer_is_one_message_that_names_the_file(place, value, tmp_path):
    values = json.loads((EXAMPLE / "study.json").read_text())
    inner = values
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (tmp_path / "study.json").write_text(json.dumps(values))
    with pytest.raises(RunFolderError, match=r"study\.json: damaged"):
        read_answer(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"batch_sizes": []},
        {"batch_sizes": ["a", {}]},
        {"batch_sizes": [8, 10**400]},
        {"seeds": 7},
        {"budget": "200 epocs"},
        {"target": [1]},
        {"metric": "val_los"},
        {"config": {"config": 8}},
        {"config": None},
        {"learning_rates": "fast"},
    ],
)
def test_a_damaged_plan_is_one_message_that_names_file_and_key(change, tmp_path):
    write_plan(tmp_path, a_plan())
    values = yaml.safe_load((tmp_path / "study.yaml").read_text())
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(values | change))
    with pytest.raises(RunFolderError, match=r"study\.yaml: damaged: .*" + next(iter(change))) as caught:
        read_plan(tmp_path)
    assert "\n" not in str(caught.value)
