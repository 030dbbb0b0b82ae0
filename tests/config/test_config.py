"""Configs: what is read, what comes of it, and that it loads back equal."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdlab.config import Budget, Document, Period, StopRule, build_config, config_to_yaml, json_schema, load_config
from sgdlab.config.shipped import described, shipped_names
from sgdlab.errors import ConfigError
from tests.support import ROOT, make_config, write_config

WORDS = st.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text)
RATES = st.floats(0, 1e3)
SHARES = st.floats(0, 0.49)
COUNTS = st.integers(1, 10**6)
POSITIVE = st.floats(1e-300, 1e300)
OPTIONS = st.dictionaries(
    WORDS,
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(-1e9, 1e9) | WORDS | st.lists(st.integers()),
    max_size=3,
)


def section(name, **keys):
    """A mapping with that name and any choice of the keys."""
    return st.fixed_dictionaries(
        {"name": st.sampled_from(name.split()) if isinstance(name, str) else name}, optional=keys
    )


DATASET_KEYS = {
    "whiten": st.booleans(),
    "limit": st.none() | COUNTS,
    "resample": st.sampled_from(["none", "bootstrap"]),
    "validation": SHARES,
    "test": SHARES,
    "repeat": st.integers(1, 5),
    "standardize": st.booleans(),
}
TABLE_KEYS = DATASET_KEYS | {
    "task": st.sampled_from(["auto", "classification", "regression"]),
    "missing": st.sampled_from(["error", "drop", "mean"]),
}
CSV_REST = {
    "ignore": st.lists(WORDS, max_size=3),
    "categorical": st.lists(WORDS, max_size=3),
    "delimiter": st.characters(codec="utf-8", exclude_characters="\0"),
}
DATASETS = (
    section("mnist-10k mnist fashion-mnist airfoil airfoil-twin", **DATASET_KEYS)
    | st.builds(
        lambda keys, path, target: {**keys, "path": path, "target": target},
        section("csv", **TABLE_KEYS, **CSV_REST),
        WORDS,
        WORDS,
    )
    | st.builds(lambda keys, path: {**keys, "path": path}, section("npz", **TABLE_KEYS, features=WORDS), WORDS)
    | section(st.sampled_from(["mine:rows", "pack.age:rows"]), options=OPTIONS)
)
INITS = st.sampled_from(["torch", "normal"]) | section("normal", std=POSITIVE, bias=st.sampled_from(["zero", "torch"]))
MODELS = (
    section("linear", init=INITS, output=st.sampled_from(["logits", "softmax"]))
    | section(
        "mlp",
        init=INITS,
        hidden=st.lists(COUNTS, max_size=4),
        activation=st.sampled_from(["relu", "tanh", "sigmoid", "gelu"]),
    )
    | section("cnn", channels=st.lists(COUNTS, min_size=1, max_size=3))
    | section(st.just("mine:Net"), options=OPTIONS, input=st.sampled_from(["natural", "flat"]))
)
OPTIMIZERS = (
    section("sgd", momentum=st.floats(0.01, 0.99), nesterov=st.just(False), weight_decay=RATES)
    | section("adam adamw", beta1=SHARES, beta2=SHARES, eps=POSITIVE, weight_decay=RATES)
    | section("rmsprop", alpha=SHARES, momentum=SHARES)
    | section("adagrad", eps=POSITIVE)
    | section("NAdam RAdam", options=OPTIONS)
)
SCHEDULE_KEYS: dict[str, dict[str, Any]] = {
    "constant": {},
    "step": {"every": COUNTS, "factor": POSITIVE},
    "exponential": {"every": COUNTS, "factor": POSITIVE},
    "cosine": {"final": SHARES},
    "inverse-sqrt": {"every": COUNTS},
    "one-cycle": {"rise": st.floats(0.01, 0.99), "start": SHARES, "final": SHARES},
}
SCHEDULES = st.one_of(
    [
        st.fixed_dictionaries(
            {"schedule": st.just(name)},
            optional={"initial": RATES, "warmup": RATES, "per": st.sampled_from(["epoch", "step"]), **keys},
        )
        for name, keys in SCHEDULE_KEYS.items()
    ]
)
AMOUNTS = st.builds(
    lambda n, unit: f"{n} {unit}", COUNTS, st.sampled_from(["epochs", "steps", "examples"])
) | st.builds(lambda n, unit: f"{n!r} {unit}", st.floats(1e-6, 1e6), st.sampled_from(["epochs", "epoch"]))
SECONDS = st.builds("{} seconds".format, st.floats(1e-3, 1e6))
BATCHES = (
    COUNTS
    | st.just("full")
    | st.fixed_dictionaries({"initial": COUNTS, "every": COUNTS}, optional={"factor": st.integers(2, 9)})
)
CONFIGS = st.builds(
    lambda budget, rest: {**rest, **budget},
    st.builds(lambda epochs: {"epochs": epochs}, POSITIVE) | st.builds(lambda amount: {"budget": amount}, AMOUNTS),
    st.fixed_dictionaries(
        {},
        optional={
            "dataset": DATASETS | st.sampled_from(["mnist", "airfoil"]),
            "model": MODELS | st.sampled_from(["mlp", "linear", "mine:Net"]),
            "loss": st.just("auto"),
            "optimizer": OPTIMIZERS | st.sampled_from(["sgd", "adamw", "Adamax"]),
            "learning_rate": RATES | SCHEDULES,
            "batch_size": BATCHES,
            "sampling": st.sampled_from(["shuffle", "replacement", "fixed"]),
            "stop_at": st.none() | st.builds("val_loss={!r}".format, st.floats(-1e9, 1e9)),
            "evaluate_every": AMOUNTS | SECONDS,
            "checkpoint_every": SECONDS,
            "device": st.sampled_from(["auto", "cpu", "cuda:3", "mps"]),
            "engine": st.sampled_from(["auto", "eager"]),
            "threads": st.just("auto") | st.integers(1, 1024),
            "seed": st.integers(0, 2**63 - 1),
        },
    ),
)


@given(CONFIGS)
def test_any_config_that_loads_writes_and_loads_back_equal(tmp_path, values):
    config = make_config(**values)
    text = config_to_yaml(config)
    again = load_config(write_config(tmp_path / "written.yaml", text))
    assert again == config
    assert config_to_yaml(again) == text


@pytest.mark.parametrize(
    "word", ["1e5", "1E-3", ".5e1", "yes", "null", "~", "0x1f", "2020-01-01", "1_000", "a: b", "#", " x", ""]
)
def test_text_that_looks_like_something_else_stays_text(tmp_path, word):
    config = make_config(dataset={"name": "npz", "path": "a.npz", "features": word})
    again = load_config(write_config(tmp_path / "written.yaml", config_to_yaml(config)))
    assert again.dataset.model_dump()["features"] == word


def test_options_of_users_own_code_keep_their_types(tmp_path):
    config = make_config(dataset={"name": "mine:rows", "options": {"scale": 2.0, "count": 2}}, epochs=3.0)
    again = load_config(write_config(tmp_path / "written.yaml", config_to_yaml(config)))
    assert [type(value) for value in again.dataset.model_dump()["options"].values()] == [float, int]
    assert "epochs: 3\n" in config_to_yaml(config)


@pytest.mark.parametrize("written", ["1e-3", "1.0e-3", "1E-3", "0.001", ".1e-2", "+1e-3"])
def test_number_is_read_as_yaml_writes_it_with_or_without_a_dot(tmp_path, written):
    path = write_config(tmp_path / "a.yaml", f"learning_rate: {written}\nepochs: 1\n")
    assert load_config(path).learning_rate.initial == 0.001


def test_short_values_stand_for_their_sections():
    short = make_config(dataset="airfoil", model="linear", optimizer="sgd", learning_rate=0.5, batch_size=3)
    long = make_config(
        dataset={"name": "airfoil"},
        model={"name": "linear"},
        optimizer={"name": "sgd"},
        learning_rate={"initial": 0.5},
        batch_size={"initial": 3},
    )
    assert short == long


def test_init_may_be_short_too():
    assert make_config(model={"name": "linear", "init": "normal"}).model.model_dump()["init"]["std"] == 0.01


def test_defaults_are_designs():
    config = make_config()
    assert (config.dataset.name, config.model.name, config.optimizer.name) == ("mnist-10k", "mlp", "adam")
    assert (config.learning_rate.initial, config.batch_size.initial, config.seed) == (0.001, 64, 0)
    assert str(config.evaluate_every) == "1 epoch"
    assert config.model.output == "logits" and config.dataset.resample == "none"


def test_paths_and_references_become_absolute_from_the_files_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.py").write_text("")
    path = write_config(
        tmp_path / "sub" / "a.yaml",
        "dataset: {name: csv, path: ../rows.csv, target: y}\nmodel: mine:Net\nepochs: 1\n",
    )
    config = load_config(path)
    found = Path(config.dataset.model_dump()["path"])
    assert found.is_absolute() and found.resolve() == tmp_path / "rows.csv"
    assert config.model.name == f"{tmp_path}/sub/mine.py:Net"


def test_home_is_expanded_in_a_path_and_a_stranger_is_not(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    paths = [
        make_config(dataset={"name": "npz", "path": path}).dataset.model_dump()["path"]
        for path in ("~/a.npz", "~nobody-here/a.npz")
    ]
    assert paths[0] == "/home/somebody/a.npz" and paths[1].endswith("/~nobody-here/a.npz")


def test_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        make_config().seed = 3  # type: ignore[misc]


def test_utf8_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfepochs: 3\r\n")
    assert load_config(path).epochs == 3


def test_grid_of_a_sweep_is_not_part_of_a_runs_config(tmp_path):
    path = write_config(tmp_path / "a.yaml", "epochs: 1\nsweep: {batch_size: [1, 2]}\n")
    assert load_config(path).batch_size.initial == 64


@pytest.mark.parametrize(
    ("text", "amount", "unit", "shown"),
    [
        ("1 epoch", 1, "epochs", "1 epoch"),
        ("20000 steps", 20000, "steps", "20000 steps"),
        ("200examples", 200, "examples", "200 examples"),
        ("0.5 epochs", 0.5, "epochs", "0.5 epochs"),
        ("1e3 steps", 1000, "steps", "1000 steps"),
        ("30 s", 30, "seconds", "30 seconds"),
    ],
)
def test_amount_is_read_and_shown(text, amount, unit, shown):
    for kind in (Budget, Period):
        read = kind.parse(text)
        assert (read.amount, read.unit, str(read)) == (amount, unit, shown) and kind.parse(str(read)) == read


def test_stop_rule_takes_losses_downwards_and_accuracies_upwards():
    loss, accuracy = StopRule.parse("val_loss=0.25"), StopRule.parse("train_accuracy = 0.9")
    assert [loss.reached(value) for value in (0.24, 0.25, 0.26, float("nan"))] == [True, True, False, False]
    assert [accuracy.reached(value) for value in (0.89, 0.9, 0.91, float("nan"))] == [False, True, True, False]


def test_schema_takes_every_shipped_config_in_its_short_form():
    schema = json_schema()
    assert {"dataset", "model", "learning_rate"} <= schema["properties"].keys()
    kinds = [part.get("type") for part in schema["properties"]["learning_rate"]["anyOf"]]
    assert "number" in kinds
    assert schema["properties"]["batch_size"]["anyOf"][0]["type"] == ["number", "string"]
    assert schema["properties"]["model"]["anyOf"][0] == {"type": "string"}


def test_shipped_configs_are_found_by_name_from_anywhere(tmp_path):
    assert {"default", "parr/minibatch-8", "d2l/gd"} <= set(shipped_names())
    by_name = load_config("parr/minibatch-8")
    assert (
        by_name == load_config("configs/parr/minibatch-8.yaml") == load_config(ROOT / "configs/parr/minibatch-8.yaml")
    )
    assert all(described().values())


def test_a_file_wins_over_a_shipped_config_of_its_name():
    write_config(Path("default"), "epochs: 123\n")
    assert load_config("default").epochs == 123


def test_document_is_left_as_it_was():
    values = {"dataset": "airfoil", "epochs": 1, "model": {"name": "mlp", "hidden": [3]}}
    build_config(Document(values))
    assert values == {"dataset": "airfoil", "epochs": 1, "model": {"name": "mlp", "hidden": [3]}}


def test_misfits_raise_config_errors_and_nothing_else():
    with pytest.raises(ConfigError):
        make_config(epochs=-1)
