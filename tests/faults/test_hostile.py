"""Hostile or hopeless input: names, configs, numbers; each a right result or the one clear error."""

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sgdlab import api
from sgdlab.config import Config, Document, build_config, config_to_yaml, load_config, read_document, set_text
from sgdlab.data import load
from sgdlab.data.prepared import PreparedData
from sgdlab.errors import ConfigError, UserError
from tests.support import TINY, Answer, sgdlab, without_clock, write_config

FULL = os.environ.get("SGDLAB_FAULTS") == "full"
TREES_TRIED, FILES_TRIED = (2_500, 8_000) if FULL else (100, 120)


def refused(answer: Answer, *words: str) -> None:
    """Exit code 2 and a clear message; nothing was made."""
    assert answer.code == 2, answer
    assert "Traceback" not in answer.err and answer.err.startswith("error: ")
    assert all(word in answer.err for word in words), answer.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs: !!python/object/apply:os.system ['touch pwned']", ("c.yaml:1", "tag")),
        ("epochs: !!timestamp 2001-01-01", ("c.yaml:1", "tag")),
        ("a: &a [1, 2]\nb: *a", ("c.yaml:1", "anchors")),
        ("a: &a {b: 1}\nc:\n  <<: *a", ("anchors",)),
        ("x: " + "[" * 200 + "]" * 200, ("nested deeper",)),
        ("x: " + "{a: " * 200 + "1" + "}" * 200, ("nested deeper",)),
        ("# " + "x" * (1 << 20) + "\nepochs: 1", ("larger than 1 MiB",)),
        ("epochs: 1\nepochs: 2", ("stands twice",)),
        ("? [a, b]\n: 1", ("a key must be a word",)),
        ("epochs: 1\n---\nepochs: 2", ("not valid YAML",)),
        ("epochs: '\x07'", ("not valid YAML",)),
        ("\x00", ("not valid YAML",)),
        ("- 1\n- 2", ("must hold keys and values",)),
        ("epochs: 1" + "0" * 5000, ("not valid YAML", "digits")),
        ("epochs: .nan", ("finite",)),
        ("epochs: .inf", ("finite",)),
        ("learning_rate: -1", ("learning_rate",)),
        ("batch_size: 0", ("batch_size",)),
        ("seed: -1", ("seed",)),
        ("seed: 99999999999999999999", ("seed",)),
        ("epochs: 1\nthreads: 100000000000000000000", ("threads",)),
    ],
)
def test_a_hostile_config_is_refused_with_its_place(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_bytes(text.encode())
    refused(sgdlab("train", config), *words)
    assert not Path("pwned").exists()


def test_a_config_of_other_bytes_than_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes("epochs: 1\nmodel: mlp # größer".encode("latin-1"))
    refused(sgdlab("train", tmp_path / "c.yaml"), "c.yaml:2", "UTF-8")


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        "a\\b",
        "..",
        ".hidden",
        "a\nb",
        "a\x1b[2Jb",
        "a\x00b",
        "",
        "   ",
        "x" * 300,
        "\u202egnp",
        "\udcff",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, tiny: Path) -> None:
    refused(sgdlab("train", tiny, "--name", name), "--name")
    refused(sgdlab("sweep", tiny, "--seeds", "0-1", "--name", name), "--name")


@pytest.mark.parametrize("name", ["🏔️ run", "żółć", "x" * 180, "con", "-quiet-", "a b;rm -rf $HOME"])
def test_an_unusual_name_names_one_folder_that_every_command_finds(name: str, tiny: Path) -> None:
    assert sgdlab("train", tiny, f"--name={name}", "--quiet").code == 0
    assert [path.name for path in Path("runs").iterdir()] == [name]
    for command in (["ls", "runs"], ["compare", "runs"], ["resume", f"runs/{name}"], ["plot", f"runs/{name}"]):
        assert sgdlab(*command).code == 0, command


@pytest.mark.parametrize(
    "where", ["x" * 5000, "a/" * 3000, "\0", "/proc/nowhere", "tiny.yaml/inside", "\udcff\udcfe"], ids=range(6)
)
def test_a_hopeless_runs_dir_is_refused(where: str, tiny: Path) -> None:
    answer = sgdlab("train", tiny, "--runs-dir", where, "--quiet")
    assert answer.code == (0 if where.startswith("\udcff") else 2), answer
    for command in ("ls", "compare", "plot", "resume"):
        assert sgdlab(command, where).code == (0 if where.startswith("\udcff") and command in ("ls", "compare") else 2)


def test_a_name_in_a_folder_cannot_send_control_codes_to_the_terminal(tiny: Path) -> None:
    assert sgdlab("train", tiny, "--name", "run", "--quiet").code == 0
    Path("runs/run").rename("runs/a\x1b[2Jb")
    for command in (["ls", "runs"], ["compare", "runs"], ["resume", "runs/a\x1b[2Jb"], ["plot", "runs/a\x1b[2Jb"]):
        answer = sgdlab(*command)
        assert "\x1b" not in answer.out + answer.err, command


def test_a_plan_whose_runs_lead_out_of_the_sweep_is_refused(tiny: Path) -> None:
    assert sgdlab("sweep", tiny, "--seeds", "0-1", "--name", "s", "--quiet").code == 0
    plan = Path("runs/s/sweep.yaml")
    for name in ("../../../x", "/tmp/x", "..", ""):
        plan.write_text(plan.read_text().replace("001-seed0", name or "''"))
        answer = sgdlab("resume", "runs/s")
        assert answer.code == 2 and "sweep.yaml: damaged" in answer.err
        plan.write_text(plan.read_text().replace(name or "''", "001-seed0"))
    assert sgdlab("resume", "runs/s").code == 0


def npz(x: Any, y: Any, **more: Any) -> dict[str, Any]:
    np.savez("d.npz", x=x, y=y)
    return {"dataset": {"name": "npz", "path": str(Path("d.npz").absolute()), **more}}


def clouds(rows: int, features: int = 3, classes: int = 2) -> tuple[Any, Any]:
    numbers = np.random.default_rng(0)
    return numbers.normal(size=(rows, features)), np.arange(rows) % classes


@pytest.mark.parametrize("engine", ["eager", "native"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_learning_rate_of_zero_changes_nothing(engine: str, optimizer: str) -> None:
    run = api.train(TINY | {"engine": engine, "optimizer": optimizer, "learning_rate": 0.0})
    assert run.summary["status"] == "completed"
    assert run.history["train_loss"].nunique() == 1


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_a_learning_rate_of_1e30_diverges_and_the_step_is_named(engine: str) -> None:
    config = write_config(Path("c.yaml"), TINY | {"engine": engine, "learning_rate": 1e30})
    answer = sgdlab("train", config, "--name", "run")
    assert answer.code == 1
    assert "diverged: the loss was no longer finite at step" in answer.out
    history = without_clock(Path("runs/run/history.csv"))
    assert len(history) == 2 and "nan" not in str(history) and "inf" not in str(history)
    assert "best_train_loss" not in (Path("runs/run/summary.json")).read_text()
    assert sgdlab("resume", "runs/run").code == 1


@pytest.mark.parametrize("engine", ["eager", "native"])
@pytest.mark.parametrize("size", [1, "full"])
def test_batches_of_one_and_of_all_rows(engine: str, size: int | str) -> None:
    run = api.train(TINY | {"engine": engine, "batch_size": size})
    assert run.summary["status"] == "completed"
    assert run.history["step"].iloc[-1] == (96 if size == 1 else 2)
    assert run.history["train_loss"].iloc[-1] < run.history["train_loss"].iloc[0]


@pytest.mark.parametrize("engine", ["eager", "native"])
def test_one_feature_and_constant_columns_give_finite_results(engine: str) -> None:
    x, y = clouds(40, 1)
    constant = np.hstack([x, np.full_like(x, 7.0), np.full_like(x, 1e-320)])
    for table in (x, constant, np.zeros((40, 2))):
        run = api.train(TINY | npz(table, y) | {"engine": engine}, overrides=["dataset.standardize=true"])
        assert run.summary["status"] == "completed"
        assert np.isfinite(run.history["train_loss"]).all()


def test_a_regression_on_a_constant_target_predicts_it() -> None:
    x, _ = clouds(40)
    run = api.train(TINY | npz(x, np.full(40, 3.5), task="regression"), epochs=200)
    assert run.summary["final_train_loss"] < 1e-3


@pytest.mark.parametrize(("rows", "validation"), [(1, 0.0), (1, 0.2), (2, 0.5), (3, 0.9)])
def test_one_row_is_trained_on_or_refused_with_a_clear_word(rows: int, validation: float) -> None:
    x, _ = clouds(rows, classes=1)
    values = TINY | npz(x, np.full(rows, 1.5), task="regression", validation=validation) | {"batch_size": 1}
    try:
        run = api.train(values)
    except UserError as error:
        assert "row" in str(error)
    else:
        assert run.summary["status"] == "completed"
        assert np.isfinite(run.history["train_loss"]).all()


@pytest.mark.parametrize("labels", [[0] * 30, [0, 2] * 15, [-1, 1] * 15, [5] * 29 + [9]])
def test_one_class_and_labels_that_skip_a_class_are_right_or_refused(labels: list[int]) -> None:
    x, _ = clouds(30)
    try:
        run = api.train(TINY | npz(x, np.array(labels), task="classification"))
    except UserError as error:
        assert "class" in str(error) or "label" in str(error)
    else:
        assert run.summary["status"] == "completed"
        assert np.isfinite(run.history["train_loss"]).all()


@pytest.mark.parametrize("hidden", [[10**6, 10**6], [10**12], [2**62, 2**62]])
def test_a_model_beyond_all_memory_is_refused(hidden: list[int], tmp_path: Path) -> None:
    config = write_config(tmp_path / "c.yaml", TINY | {"model": {"name": "mlp", "hidden": hidden}})
    refused(sgdlab("train", config), "memory")


KEYS = sorted(Config.model_fields)
SEEDS = [config_to_yaml(load_config(name)) for name in ("default", "d2l/sgd", "parr/batch")] + [yaml.safe_dump(TINY)]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["auto", "full", "mlp", "cnn", "sgd", "1e-3", "1 epoch", "200 steps", "val_loss=0.1", "a.b:c", "x:y"]
    ),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def built(make: Any) -> Config | None:
    """A config, or None after the one clear error."""
    try:
        config = make()
    except ConfigError as error:
        assert error.problems and all(isinstance(problem, str) and problem for problem in error.problems)
        return None
    assert isinstance(config, Config)
    return config


@pytest.mark.parametrize("chunk", range(4))
def test_any_bytes_as_a_config_file_give_a_config_or_one_error(chunk: int) -> None:
    chance, path = random.Random(chunk), Path("any.yaml")
    for _ in range(FILES_TRIED // 4):
        content = bytearray(chance.choice(SEEDS).encode())
        for _ in range(chance.randrange(1, 6)):
            place, length = chance.randrange(len(content) + 1), chance.randrange(8)
            token = chance.choice(
                [b"", b"&a ", b"*a", b"!!x ", b"[", b"{", b": ", b"\n  ", b"'", b"\x00", b"\xff", b"- "]
            )
            content[place : place + length] = token or chance.randbytes(length)
        path.write_bytes(content)
        built(lambda: build_config(read_document(path)))


@settings(max_examples=TREES_TRIED)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), TREES, max_size=4))
def test_any_tree_of_values_gives_a_config_that_loads_back_or_one_error(values: dict[str, Any]) -> None:
    config = built(lambda: build_config(Document(dict(values))))
    if config is not None:
        Path("back.yaml").write_text(config_to_yaml(config))
        assert build_config(read_document(Path("back.yaml"))) == config


@settings(max_examples=TREES_TRIED)
@given(st.text(max_size=40) | st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=30)))
@example("model.hidden=[[[[")
@example("=")
@example("dataset.options.a.b=1")
def test_any_override_gives_a_config_or_one_error(assignment: str) -> None:
    def make() -> Config:
        document = read_document(Path("seed.yaml"))
        set_text(document, assignment)
        return build_config(document)

    Path("seed.yaml").write_text(SEEDS[3])
    built(make)


@pytest.mark.parametrize("chunk", range(4))
def test_any_bytes_as_a_csv_file_give_a_problem_or_one_error(chunk: int) -> None:
    chance, path = random.Random(chunk), Path("any.csv")
    sound = "a,b,c,y\n" + "".join(f"{i}.5,{i * 7 % 5},{'pq'[i % 2]},{i % 3}\n" for i in range(12))
    tokens = [b"", b'"', b",", b"\n", b"\r", b"\x00", b"nan", b"1,234.5", b"1e999", b"\xff\xfe", b"-", b"inf", b";"]
    for _ in range(FILES_TRIED // 4):
        content = bytearray(sound.encode())
        for _ in range(chance.randrange(1, 6)):
            place, length = chance.randrange(len(content) + 1), chance.randrange(6)
            content[place : place + length] = chance.choice(tokens) or chance.randbytes(length)
        path.write_bytes(content)
        options = {"target": "y", "missing": chance.choice(["error", "drop", "mean"]), "path": str(path)}
        config = build_config(Document({"dataset": {"name": "csv", **options}, "epochs": 1}))
        try:
            problem = load(config.dataset, 0)
        except UserError as error:
            assert str(error)
        else:
            assert isinstance(problem, PreparedData)
            assert np.isfinite(problem.train.x).all() and np.isfinite(problem.train.y).all()
