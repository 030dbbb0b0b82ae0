"""The command line: options anywhere, help with examples, plain outputs, exit codes, hostile words."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdlab.config.keys import key_table
from tests.support import TINY, sgdlab, write_config


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A folder with runs/one, runs/two and runs/grid."""
    folder = tmp_path_factory.mktemp("done")
    config = write_config(folder / "tiny.yaml", TINY)
    for name, rate in (("one", 0.05), ("two", 0.1)):
        words = ("--learning-rate", rate, "--runs-dir", folder / "runs", "--name", name, "-q")
        assert sgdlab("train", config, *words).code == 0
    assert (
        sgdlab("sweep", config, "--batch-sizes", "8,16", "--runs-dir", folder / "runs", "--name", "grid", "-q").code
        == 0
    )
    return folder


@pytest.fixture
def copied(done, tmp_path, monkeypatch) -> Path:
    """The same as the working directory, to be damaged at will."""
    shutil.copytree(done, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy" / "runs"


def test_module_and_script_are_one_command():
    asked = subprocess.run([sys.executable, "-m", "sgdlab", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"sgdlab \d+\.\d+\S*\n", asked.stdout) and asked.stdout == sgdlab("--version").out


def test_options_may_stand_anywhere(tiny, runs):
    for i, words in enumerate(
        (["-q", tiny, "--seed", 3], [tiny, "-q", "--seed", 3], ["--seed", 3, tiny, "-q"], ["--seed=3", "-q", tiny])
    ):
        assert sgdlab("train", *words, "--runs-dir", runs, "--name", i).code == 0
    assert len({(runs / str(i) / "config.yaml").read_text() for i in range(4)}) == 1


def test_learning_rate_option_keeps_the_schedule(tmp_path):
    config = write_config(
        tmp_path / "a.yaml", TINY | {"learning_rate": {"initial": 0.1, "schedule": "step", "every": 1}}
    )
    answer = sgdlab("train", config, "--learning-rate", 0.5, "--dry-run")
    assert "learning rate 0.5 (step)" in answer.out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["trian"],
        ["train"],
        ["train", "default", "more"],
        ["train", "default", "--epochs", "many"],
        ["train", "default", "--wings", "2"],
        ["train", "default", "--batch-size", "--5"],
        ["train", "default", "--batch-size", "9" * 5000],
        ["train", "default", "--set", "x"],
        ["train", "nowhere.yaml"],
        ["train", "."],
        ["sweep", "default", "--jobs", "0"],
        ["sweep", "default", "--seeds", "4-0"],
        ["sweep", "default", "--vary", "batch_size"],
        ["sweep", "default", "--vary", "batch_sise=1,2"],
        ["sweep", "default", "--batch-sizes", ""],
        ["plot", "nowhere"],
        ["plot"],
        ["ls", "nowhere"],
        ["compare", "nowhere"],
        ["resume", "nowhere"],
        ["predict", "nowhere", "nowhere.csv"],
        ["probe"],
        ["probe", "lr-range", "default", "--epochs", "1"],
        ["data", "get", "nothing"],
        ["data", "show", "nothing"],
        ["config", "show", "nothing"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_usage_error_is_told_without_a_traceback_and_exits_with_2(words, tmp_path):
    answer = sgdlab(*words)
    assert answer.code == 2 and (answer.err or answer.out).strip()
    assert "Traceback" not in answer.out + answer.err
    assert list(tmp_path.iterdir()) == []


def test_place_in_an_error_is_told_as_it_is_written(tmp_path):
    """`:100:` is an emoji to rich, `[bold]` markup, and a terminal is 80 columns wide."""
    text = "epochs: 1\n" + "#\n" * 98 + "- x\n"
    name = "[bold]" + "long" * 40 + ".yaml"
    write_config(tmp_path / name, text)
    answer = sgdlab("train", tmp_path / name)
    assert (
        answer.code == 2
        and answer.err.startswith(f"error: {tmp_path / name}:100: not valid YAML")
        and answer.err.count("\n") == 1
    )


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path):
    write_config(tmp_path / "a.yaml", '"a\\e[31mb": 1\n')
    answer = sgdlab("train", tmp_path / "a.yaml")
    assert answer.code == 2 and "\x1b" not in answer.err


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=4))
@settings(max_examples=60)
def test_any_words_after_a_command_end_with_a_code_and_no_traceback(words):
    for command in (["train", "--dry-run"], ["ls"], ["config", "show"]):
        answer = sgdlab(*command, *words)
        assert answer.code in (0, 2) and "Traceback" not in answer.err


def test_schema_is_json_and_config_show_is_a_config(tmp_path):
    schema = json.loads(sgdlab("config", "keys", "--json").out)
    assert schema["title"] == "sgdlab config"
    size = schema["$defs"]["BatchSize"]["properties"]["initial"]
    counts = [schema["properties"]["threads"]["anyOf"][0], size["anyOf"][0]]
    assert [(each["minimum"], each.get("maximum")) for each in counts] == [(1, 1024), (1, None)]
    shown = sgdlab("config", "show", "parr/minibatch-8", "--set", "seed=4")
    (tmp_path / "shown.yaml").write_text(shown.out)
    assert sgdlab("config", "show", tmp_path / "shown.yaml").out == shown.out and "seed: 4\n" in shown.out


def test_config_keys_lists_type_default_and_meaning_of_every_key():
    rows = {line.split()[0]: line for line in sgdlab("config", "keys").out.splitlines()[2:]}
    assert {"dataset", "dataset.limit", "model.hidden", "optimizer.beta1", "batch_size", "stop_at"} <= rows.keys()
    assert len(rows) == len(sgdlab("config", "keys").out.splitlines()[2:])  # each key once
    assert re.search(r"cnn \| linear \| mlp \| text +mlp ", rows["model"])
    assert re.search(r"number +0.2 +share of the rows held out for validation", rows["dataset.validation"])
    assert rows["optimizer.nesterov"].rstrip().endswith("(sgd)")
    assert re.search(r"text +1 epoch", rows["evaluate_every"])
    assert not [row for row in key_table() if not row[-1]]


def test_config_list_names_every_config_and_what_for():
    out = sgdlab("config", "list").out
    assert "parr/minibatch-8" in out and "Minibatches of 8 as published" in out


def test_ls_lists_runs_and_sweeps(copied):
    lines = sgdlab("ls", "runs").out.splitlines()
    assert [line.split()[:2] for line in lines if "runs" not in line][2:] or lines
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert "completed" in rows["one"] and "2/2 done" in rows["grid"]
    assert sgdlab("ls", copied / "one").code == 0


def test_ls_of_an_empty_folder_says_how_to_begin(tmp_path):
    assert "no runs yet; begin with: sgdlab sweep" in sgdlab("ls", tmp_path).out


@pytest.mark.parametrize("name", ["summary.json", "history.csv", "config.yaml"])
@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe rubbish", None])
def test_damaged_runs_are_shown_as_damaged_and_the_rest_goes_on(name, content, copied):
    if content is None:
        (copied / "one" / name).write_bytes((copied / "one" / name).read_bytes()[:40])
    else:
        (copied / "one" / name).write_bytes(content)
    listed = sgdlab("ls", copied)
    rows = {line.split()[0]: line for line in listed.out.splitlines() if line.strip()}
    assert listed.code == 0 and "damaged" in rows["one"] and "completed" in rows["two"]
    for words in (
        ["compare", copied],
        ["plot", copied / "one", copied / "two"],
        ["plot", copied / "one"],
        ["resume", copied / "one"],
    ):
        answer = sgdlab(*words)
        assert answer.code in (0, 1, 2) and "Traceback" not in answer.err


def test_compare_shows_what_differs_and_how_it_ended(copied):
    table = pd.read_csv(__import__("io").StringIO(sgdlab("compare", "runs/one", "runs/two", "--csv").out))
    assert list(table["run"]) == ["one", "two"] and list(table["learning_rate.initial"]) == [0.05, 0.1]
    assert "optimizer.name" not in table and set(table["status"]) == {"completed"}
    assert "learning_rate.initial" in sgdlab("compare", "runs/one", "runs/two").out


@pytest.mark.parametrize("format", ["png", "pdf", "svg"])
def test_plot_writes_the_format_asked_for(format, copied):
    answer = sgdlab("plot", "runs/one", "--format", format)
    path = Path(answer.out.strip())
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[format]
    assert answer.code == 0 and path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    "words",
    [
        ["runs/grid"],
        ["runs/grid", "--kind", "overlay", "--x", "step", "--log-x", "--log-y"],
        ["runs/one", "runs/two", "--x", "seconds"],
        ["runs/one", "runs/grid"],
        ["runs/one", "--kind", "loss", "--x", "examples"],
    ],
)
def test_plot_draws_runs_and_sweeps_together(words, copied):
    answer = sgdlab("plot", *words, "--out", "figure.png")
    assert (answer.code, answer.out) == (0, "figure.png\n") and Path("figure.png").stat().st_size > 5000


def test_plot_that_makes_no_sense_is_refused(copied):
    for words in (
        ["runs/one", "--kind", "accuracy"],
        ["runs/grid", "--kind", "curves"],
        ["runs/one", "--out", "a.doc"],
        ["runs/grid", "--kind", "overlay", "--column", "val_los"],
    ):
        answer = sgdlab("plot", *words)
        assert answer.code == 2 and answer.err.startswith(("error: ", "Usage")), words
    assert 'did you mean "val_loss"?' in answer.err
    assert "curves, loss, accuracy, panels, overlay" in sgdlab("plot", "runs/one", "--kind", "nope").err


def test_predict_answers_for_new_rows_in_the_targets_units(tmp_path, runs):
    rows = pd.DataFrame({"size": range(40), "kind": ["a", "b"] * 20})
    rows["price"] = 1000.0 + 5 * rows["size"] + 100 * (rows["kind"] == "b")
    rows.to_csv(tmp_path / "houses.csv", index=False)
    config = write_config(
        tmp_path / "a.yaml",
        TINY | {"dataset": {"name": "csv", "path": "houses.csv", "target": "price"}, "batch_size": 4, "epochs": 60},
    )
    assert sgdlab("train", config, "--runs-dir", runs, "--name", "one", "-q").code == 0
    rows.drop(columns="price").head(5).to_csv(tmp_path / "new.csv", index=False)
    printed = sgdlab("predict", runs / "one", tmp_path / "new.csv")
    predicted = pd.read_csv(__import__("io").StringIO(printed.out))
    assert list(predicted.columns) == ["price"] and predicted["price"].to_numpy() == pytest.approx(
        rows["price"].head(5), abs=5
    )
    written = sgdlab("predict", runs / "one", tmp_path / "new.csv", "--out", tmp_path / "out.csv")
    assert written.out == f"{tmp_path / 'out.csv'}\n" and (tmp_path / "out.csv").read_text() == printed.out
    missing = sgdlab("predict", runs / "one", tmp_path / "nowhere.csv")
    assert missing.code == 2 and "nowhere.csv" in missing.err


def test_data_list_and_show(tmp_path):
    assert {"mnist-10k", "airfoil-twin", "fashion-mnist"} <= set(sgdlab("data", "list").out.split())
    shown = sgdlab("data", "show", "mnist-10k", "--out", tmp_path / "digits.png")
    assert shown.code == 0 and "8,000 training, 2,000 validation" in shown.out and (tmp_path / "digits.png").exists()


def test_reader_that_goes_away_ends_it_quietly(done):
    command = f"{sys.executable} -m sgdlab config keys --json | head -1"
    piped = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=done)
    assert piped.stdout == "{\n" and "Traceback" not in piped.stderr
