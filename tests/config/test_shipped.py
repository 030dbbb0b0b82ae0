"""Every file in configs/: says what it is for, loads, and trains a few steps."""

import math

import pytest

from sgdlab.config import build_config, find_config, load_config, set_text, without_grid
from sgdlab.config.shipped import shipped_names
from sgdlab.sweeps.plan import own_axes, plan_runs
from tests.support import ROOT, records_of

FILES = sorted((ROOT / "configs").rglob("*.yaml"))
IDS = [path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in FILES]


def few_steps(name: str, *overrides: str) -> list:
    """The records of three updates of a shipped config."""
    from sgdlab.data import load
    from sgdlab.training.engines.base import build_workload
    from sgdlab.training.engines.select import build_engine
    from sgdlab.training.loop import Training
    from sgdlab.training.resolve import resolve

    document = without_grid(find_config(name))
    for override in (*overrides, "budget=3 steps", "evaluate_every=1 step", "device=cpu"):
        set_text(document, override)
    config = build_config(document)
    data = load(config.dataset, config.seed)
    resolved = resolve(config, data).config
    workload = build_workload(resolved, data)
    return records_of(Training(workload, build_engine(workload)))


def is_airfoil(name: str) -> bool:
    return load_config(name).dataset.name == "airfoil"


def test_every_file_is_shipped_under_its_name():
    assert shipped_names() == sorted(IDS) and len(IDS) >= 15


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_first_line_says_what_it_is_for(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# ") and len(first) > 20 and first.endswith(".")


@pytest.mark.parametrize("name", IDS)
def test_config_loads_and_its_grid_can_be_planned(name):
    load_config(name)
    document = find_config(name)
    runs = plan_runs(without_grid(document), own_axes(document, set()))
    assert len(runs) == max(1, math.prod(len(values) for values in document.values.get("sweep", {}).values()))


@pytest.mark.parametrize("name", IDS)
def test_config_trains_a_few_steps(name):
    twin = ("dataset.name=airfoil-twin",) if is_airfoil(name) else ()
    records = few_steps(name, *twin)
    assert [record.step for record in records] == [0, 1, 2, 3]
    assert all(math.isfinite(record.train_loss) for record in records)


@pytest.mark.parametrize("name", [name for name in IDS if is_airfoil(name)])
def test_airfoil_config_trains_on_the_real_rows(name, local_data):
    real, twin = few_steps(name), few_steps(name, "dataset.name=airfoil-twin")
    assert real[0].train_loss == pytest.approx(twin[0].train_loss, rel=1e-5)  # the twin has its moments
    assert real[3].train_loss < real[0].train_loss


def test_a_folder_of_that_name_does_not_hide_a_shipped_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parr" / "sizes").mkdir(parents=True)
    assert load_config("parr/sizes") == load_config("configs/parr/sizes.yaml")
