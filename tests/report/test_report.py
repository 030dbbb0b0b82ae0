"""Reports: one file that asks nothing of the outside, says the answer first, escapes what is hostile, hides nothing."""

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sgdlab.analysis.intervals import Interval
from sgdlab.config import Budget, StopRule, config_to_yaml
from sgdlab.report.page import Answer, Chapter, Page, render
from sgdlab.report.tables import cell, table
from sgdlab.results.opened import Sweep
from sgdlab.results.verdicts import compare_sweep
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import COLUMNS, Record, format_row
from sgdlab.studies.answer import write_answer
from sgdlab.studies.folder import write_plan
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import MeasuredRow, StudyResult
from sgdlab.sweeps.manifest import Entry, Manifest, read_manifest
from sgdlab.sweeps.summary import write_tables
from tests.support import make_config, sgdlab

WAYS = ("ascending", "descending")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = '<script>alert("x")</script> & <img src=x onerror=alert(1)> $x_{$'


# --- folders as train, sweep and study leave them, written without training -----------------------------


RESOLVED = {"loss": "half_mse", "device": "cpu", "engine": "eager", "threads": 1}


def a_run(path: Path, *, best: float = 0.25, status: str = "completed", **config: Any) -> RunFolder:
    """A run folder of six epochs whose lowest validation loss is `best`, at epoch 4."""
    values = {"dataset": "airfoil-twin", "model": "linear", "optimizer": "sgd", "epochs": 6, "device": "cpu"} | config
    resolved = make_config(**{"engine": "eager", "threads": 1, "loss": "half_mse"} | values)
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.write_text("config.yaml", config_to_yaml(resolved))
    batch = resolved.batch_size.initial
    assert isinstance(batch, int)
    nothing = math.nan
    records = [
        Record(k, k * 1200 // batch, k * 1200, 0.1, batch, nothing, nothing, best + 0.2 / (k + 1),
               best + 0.01 * abs(k - 4), nothing, nothing, 0.01 * k, 0.02 * k)
        for k in range(7)
    ]  # fmt: skip
    folder.write_text("history.csv", ",".join(COLUMNS) + "\n" + "".join(map(format_row, records)))
    summary: dict[str, Any] = {"status": status, "best_epoch": 4.0, "best_step": 4 * 1200 // batch}
    summary |= {"best_train_loss": best + 0.04, "best_val_loss": best, "final_epoch": 6.0, "final_step": 7200 // batch}
    summary |= {"steps": 7200 // batch, "train_seconds": 0.06, "engine": "eager", "device": "cpu", "threads": 1}
    if status == "diverged":
        summary["reason"] = "the loss was no longer finite at step 11"
    folder.write_summary(summary)
    facts = {"sgdlab": "0.1.0", "python": "3.11", "packages": {"torch": "2.6"}, "host": "a-host", "cpu": "a processor"}
    facts |= {"git_commit": "abc123", "command": ["/bin/sgdlab", "train", "my file.yaml"], "folder": "/home/me"}
    folder.write_json("environment.json", facts)
    return folder


def a_sweep(path: Path, losses: dict[int, list[float]], name: Callable[[int, int], str] | None = None) -> Path:
    """A sweep of batch sizes, with a seed for each loss; a loss that is infinite is a run that diverged."""
    entries = []
    for size, values in losses.items():
        for seed, loss in enumerate(values):
            title = name(size, seed) if name else f"bs{size}-seed{seed}"
            entries.append(Entry(title, {"batch_size": size, "seed": seed}, RESOLVED, "planned", "why not"))
            status = "completed" if math.isfinite(loss) else "diverged"
            finite = loss if math.isfinite(loss) else 3.0
            a_run(path / "runs" / title, best=finite, status=status, batch_size=size, seed=seed)
    base = {"dataset": {"name": "airfoil-twin"}, "model": {"name": "linear"}, "optimizer": {"name": "sgd"}, "epochs": 6}
    manifest = Manifest(path, base, entries)
    manifest.refresh()
    manifest.write()
    write_tables(manifest)
    return path


THREE = {8: [0.20, 0.21, 0.22, 0.20], 64: [0.30, 0.31, 0.31, 0.30], 256: [0.42, 0.41, 0.43, 0.40]}


def a_study(path: Path, **changes: Any) -> Path:
    """A study of three batch sizes: the smallest at the edge of its grid, the largest reached by one run of five."""
    path.mkdir(parents=True)
    plan = StudyPlan(
        batch_sizes=(8, 64, 512), learning_rates=None, seeds=(0, 1, 2, 3, 4), tuning_seeds=(1000, 1001),
        budget=Budget(6, "epochs"), tuning_budget=Budget(2, "epochs"), target=StopRule("val_loss", 0.36),
        target_from="tuning", metric="val_loss", rows=8000, data="",
        base={"dataset": {"name": "mnist-10k"}, "epochs": 6},
    )  # fmt: skip
    plan = replace(plan, **changes)
    write_plan(path, plan)
    rows = (
        a_row(8, 0.00562, 5, (310.0, 220.0, 315.0), (0.0233, 0.007, 0.038), "high", 310.0, 1.0),
        a_row(64, 0.0178, 5, (47.0, 40.0, math.inf), (0.0171, 0.011, 0.02), None, 47.0, 0.82),
        a_row(512, 0.0316, 1, (math.inf, 90.0, math.inf), (math.inf, 0.3, math.inf), None, 96.0, None),
    )
    notes = ("held equal: a budget of 6 epochs",)
    write_answer(path, plan, StudyResult(rows, None, notes, "training seconds on a processor"))
    tuning = pd.DataFrame({"batch_size": [8, 8], "stage": ["scan", "scan"], "learning_rate": [0.001, 0.1]})
    tuning.assign(seed=1000, status=["completed", "diverged"]).to_csv(path / "tuning.csv", index=False)
    return path


def a_row(
    size: int, rate: float, reached: int, steps: tuple[float, float, float], seconds: tuple[float, float, float],
    edge: Any, at_least: float, efficiency: float | None,
) -> MeasuredRow:  # fmt: skip
    """What five runs at a batch size came to; steps, seconds: estimate, low, high."""
    middle, low, high = (size * end for end in steps)
    examples = Interval(middle, low, high, 0.9375, 5)
    return MeasuredRow(
        size, rate, edge is not None, reached, 5, Interval(*steps, 0.9375, 5), examples, Interval(*seconds, 0.9375, 5),
        edge_side=edge, steps_at_least=at_least, budget_steps=6 * 8000 / size, efficiency=efficiency, reference=8,
        resolution=0.04, examples_per_second=1e5,
    )  # fmt: skip


# --- reading a report -------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Tags with attributes, the text that a reader sees, and headings in their order."""

    VOID = frozenset({"meta", "link", "img", "br", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)
            if self.open and self.open[-1] in ("h1", "h2", "h3"):
                self.headings[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report_on(path: Path) -> Reader:
    """The report that the command writes, read back; it must be well formed."""
    answer = sgdlab("report", path, "--out", "report.html")
    assert (answer.code, answer.err) == (0, "")
    read = Reader(Path("report.html").read_text(encoding="utf-8"))
    assert read.open == []
    return read


def assert_nothing_from_outside(read: Reader, text: str) -> None:
    loads = {"src", "href", "xlink:href", "data", "action", "poster", "srcset", "formaction", "background"}
    for tag, attributes in read.tags:
        for name, value in attributes.items():
            assert name not in loads or (value or "").startswith("#"), (tag, name, value)
            assert not name.startswith("on"), (tag, name)
        assert tag not in ("link", "iframe", "object", "embed", "base", "img", "image", "foreignobject"), tag
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert "@import" not in style
    assert "url(" not in style
    assert text.count("<script") == 1
    for reference in re.findall(r"url\(([^)]*)\)", text):
        assert reference.startswith("#")


FOLDERS: dict[str, Callable[[Path], Path]] = {
    "run": lambda path: a_run(path).path,
    "sweep": lambda path: a_sweep(path, THREE),
    "study": a_study,
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_report_is_one_file_that_loads_nothing(kind: str, tmp_path: Path) -> None:
    read = report_on(FOLDERS[kind](tmp_path / "it"))
    assert_nothing_from_outside(read, Path("report.html").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it", "report.html"]


@pytest.mark.parametrize("kind", FOLDERS)
def test_report_has_what_readers_of_every_kind_need(kind: str, tmp_path: Path) -> None:
    read = report_on(FOLDERS[kind](tmp_path / "it"))
    tags = dict(reversed(read.tags))
    assert tags["html"]["lang"] == "en"
    assert "width=device-width" in (tags["meta"].get("content") or "") or any(
        attributes.get("name") == "viewport" for _, attributes in read.tags
    )
    assert [heading for heading in read.headings if heading][:3] == ["it", "What was asked", "Answer"]
    tables = [tag for tag, _ in read.tags if tag == "table"]
    assert len(tables) == len([tag for tag, _ in read.tags if tag == "caption"]) >= 1
    figures = [attributes for tag, attributes in read.tags if tag == "svg"]
    assert figures
    assert all(figure["role"] == "img" and figure["aria-label"] for figure in figures)
    assert all(attributes.get("scope") for tag, attributes in read.tags if tag == "th")
    anchors = {attributes["href"] for tag, attributes in read.tags if tag == "a"}
    assert anchors <= {f"#{attributes.get('id')}" for _, attributes in read.tags}
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


# --- the answers ------------------------------------------------------------------------------------------


def test_run_report_gives_the_best_loss_its_epoch_and_how_it_was_chosen(tmp_path: Path) -> None:
    text = report_on(a_run(tmp_path / "it", best=0.2468).path).text
    assert "Validation loss 0.2468" in text
    assert "At epoch 4 of 6" in text
    assert "one seed" in text
    assert "reported on those same rows" in text
    assert "No rows were held back for a test" in text
    assert "sgdlab train 'my file.yaml'" in text
    assert "abc123" in text


def test_run_report_says_the_test_split_was_apart(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "it", dataset={"name": "airfoil-twin", "test": 0.1})
    folder.write_summary(folder.summary() | {"test_loss": 0.3141})
    text = report_on(folder.path).text
    assert "On the test split, measured once: loss 0.3141" in text
    assert "No rows were held back" not in text


def test_sweep_report_names_the_best_setting_and_that_it_beats_the_others(tmp_path: Path) -> None:
    text = report_on(a_sweep(tmp_path / "it", THREE)).text
    assert "Batch size 8 beats both others" in text
    assert re.search(r"Batch 8 beats batch 64 by 0\.0\d+ \[.*?\], n = 4, paired t", text)
    assert "Held equal: 6 epochs." in text
    assert "The runs made 28 (batch 256) to 900 steps (batch 8): a larger batch that trails may only" in text


def test_sweep_with_one_seed_cannot_tell(tmp_path: Path) -> None:
    text = report_on(a_sweep(tmp_path / "it", {8: [0.2], 64: [0.3]})).text
    assert "Batch size 8 cannot tell: one seed" in text


def test_setting_that_diverged_in_a_seed_is_never_best(tmp_path: Path) -> None:
    sweep = Sweep(a_sweep(tmp_path / "it", {8: [0.1, math.inf, 0.1], 64: [0.3, 0.31, 0.32]}))
    best = compare_sweep(sweep.manifest).best
    assert best is not None
    assert best.label == "batch 64"
    assert "bs8-seed1: diverged: the loss was no longer finite" in report_on(sweep.path).text


def spoil(sweep: Path) -> None:
    (sweep / "runs/bs8-seed0/summary.json").write_text("{broken")
    shutil.rmtree(sweep / "runs/bs8-seed1")
    RunFolder(sweep / "runs/bs64-seed3").note_failure("out of memory")


@pytest.mark.parametrize(
    ("losses", "change"),
    [
        (THREE, None),
        (THREE, spoil),
        ({8: [0.1, math.inf, 0.1], 64: [0.3, 0.31, 0.32], 256: [math.inf] * 3}, None),
        ({8: [0.2], 64: [0.3]}, None),
        ({size: [0.2 + size / 100, 0.2, 0.21] for size in range(1, 13)}, None),
    ],
    ids=["sound", "damaged", "diverged", "one seed", "twelve settings"],
)
def test_compare_and_the_report_say_the_same_of_a_sweep(
    losses: dict[int, list[float]], change: Callable[[Path], None] | None, tmp_path: Path
) -> None:
    sweep = a_sweep(tmp_path / "it", losses)
    if change:
        change(sweep)
    comparison = compare_sweep(Sweep(sweep).manifest)
    said, told = sgdlab("compare", sweep).out, report_on(sweep).text
    for pair in comparison.shown_pairs:
        assert pair.text in said and pair.text in told
    for line in (comparison.held_equal, *comparison.notes, *filter(None, [comparison.reason])):
        plain = line.partition("`")[0]
        assert plain in said and plain[1:] in told
    for setting in comparison.settings:
        done = f"{len(setting.finite)}/{len(setting.runs)}"
        assert f"{setting.varied['batch_size']} {done}" in told
        assert comparison.reason or re.search(rf"{setting.label} +{done}", said)
    assert comparison.best is not None
    assert f"Batch size {comparison.best.varied['batch_size']} " in told


def test_settings_on_other_data_have_no_best(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "it", {8: [0.2, 0.3], 64: [0.3, 0.3]})
    for path in (sweep / "runs").glob("bs64-*/config.yaml"):
        path.write_text(path.read_text().replace("limit: null", "").replace("dataset:", "dataset:\n  limit: 500"))
    text = report_on(sweep).text
    assert "Cannot tell not comparable" in text
    assert "The runs differ in dataset.limit: their best_val_loss does not mean the same." in text


def test_sweep_whose_runs_all_diverged_has_no_best(tmp_path: Path) -> None:
    text = report_on(a_sweep(tmp_path / "it", {8: [math.inf, math.inf], 64: [math.inf, math.inf]})).text
    assert "None: no run completed" in text


def test_sweep_table_holds_every_number_of_results_csv(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "it", THREE)
    read = report_on(sweep)
    shown = {float(attributes["data-sort"] or "nan") for _, attributes in read.tags if "data-sort" in attributes}
    results = pd.read_csv(sweep / "results.csv")
    for column in ("best_val_loss", "best_train_loss", "steps", "train_seconds"):
        assert set(results[column]) <= shown


def test_study_report_recommends_for_time_and_for_computation(tmp_path: Path) -> None:
    text = report_on(a_study(tmp_path / "it")).text
    time, computation = (text.index(words) for words in ("For least training time", "For least computation"))
    assert "Batch size 64, learning rate 0.0178 cannot tell it from 8" in text[time:computation]
    assert "0.0171 [0.011, 0.02] s of training" in text[time:computation]
    assert "about 97 seeds at batch size 8, 64" in text[time:computation]
    assert "Batch size 8, learning rate 0.00562 sure" in text[computation:]
    assert "2,480 [1,760, 2,520] examples" in text[computation:]
    assert "1 of 5" not in text[:time]


def test_study_table_holds_the_numbers_of_each_batch_size_and_shows_what_never_arrived(tmp_path: Path) -> None:
    read = report_on(a_study(tmp_path / "it"))
    assert "310 [220, 315]" in read.text
    assert "47 [40, ∞]" in read.text
    assert "> 96" in read.text
    assert "1/5" in read.text
    assert "high" in read.text


def test_study_without_an_answer_yet_says_so(tmp_path: Path) -> None:
    study = a_study(tmp_path / "it", target=None)
    for name in ("study.json", "tuning.csv"):
        (study / name).unlink()
    text = report_on(study).text
    assert "Not known yet" in text
    assert "sgdlab resume" in text
    assert "Nothing is measured yet at batch size 8, 64, 512" in text


# --- damage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["summary.json", "history.csv", "config.yaml", "environment.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"{}"])
def test_damaged_run_is_reported_as_damaged(name: str, content: bytes, tmp_path: Path) -> None:
    folder = a_run(tmp_path / "it")
    (folder.path / name).write_bytes(content)
    text = report_on(folder.path).text
    if not (name == "environment.json" and content == b"{}"):
        assert "damaged" in text
    assert ("Validation loss" in text) == (name != "summary.json")


def test_damaged_missing_and_cut_runs_of_a_sweep_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "it", THREE)
    (sweep / "runs/bs8-seed0/summary.json").write_text("{broken")
    shutil.rmtree(sweep / "runs/bs8-seed1")
    history = sweep / "runs/bs64-seed2/history.csv"
    history.write_bytes(history.read_bytes()[:300])
    text = report_on(sweep).text
    assert re.search(r"bs8-seed0: damaged: .*?not JSON", text)
    assert "bs8-seed1: planned" in text
    assert re.search(r"bs64-seed2: ended, but damaged since: .*?history\.csv", text)
    assert "sgdlab resume" in text
    assert "2/4" in text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("study.json", "{broken"),
        ("study.json", '{"recommended": {"time": 5, "computation": {}}, "fit": [], "notes": 7, "rows": 1}'),
        ("study.json", '{"rows": [], "fit": [], "notes": [], "seconds_are": ""}'),
        ("study.json", '{"rows": [{"batch_size": 8, "runs": "many", "reached": null}], "fit": null, "notes": []}'),
        ("study.yaml", "[1]"),
        ("study.yaml", "batch_sizes: [a, {}]\nseeds: 7\nconfig: {model: 8}\ntarget: [1]\n"),
        ("tuning.csv", "batch_size,stage\n8,scan,0.1,7\n8,scan\n8,scan,0.1,7,9\n"),
        ("sweep.yaml", "runs: 5"),
    ],
)
def test_damaged_study_is_reported_and_not_refused(name: str, content: str, tmp_path: Path) -> None:
    study = a_study(tmp_path / "it")
    (study / name).write_text(content)
    text = report_on(study).text
    assert "Answer" in text
    assert re.search(rf"{re.escape(name)}: damaged: ", text)
    assert ("310 [220, 315]" in text) == (name != "study.json"), "what is whole is shown"


def test_study_with_a_word_for_a_number_is_reported(tmp_path: Path) -> None:
    study = a_study(tmp_path / "it")
    (study / "study.json").write_text((study / "study.json").read_text().replace("310.0", '"many"'))
    read = report_on(study)
    assert "many is no number" in read.text
    assert "many" not in read.headings


def test_sweep_without_a_plan_that_can_be_read_is_refused_and_nothing_written(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "it", {8: [0.2], 64: [0.3]})
    for plan in ("runs: 5", "base: {}\nruns:\n- {name: a, varied: 5, resolved: {}, engine_reason: ''}"):
        (sweep / "sweep.yaml").write_text(plan)
        answer = sgdlab("report", sweep)
        assert answer.code == 2
        assert "damaged" in answer.err
        assert "Traceback" not in answer.err
        assert not (sweep / "report.html").exists()


# --- hostile text ---------------------------------------------------------------------------------------


def test_hostile_names_and_values_are_text_and_nothing_else(tmp_path: Path) -> None:
    folder = a_run(
        tmp_path / HOSTILE.replace("/", "\N{DIVISION SLASH}"),
        dataset={"name": "csv", "path": HOSTILE, "target": HOSTILE},
    )
    folder.write_summary(folder.summary() | {"engine": HOSTILE, "reason": "\x1b[31m\u202e`<b>`" + HOSTILE})
    read = report_on(folder.path)
    text = Path("report.html").read_text()
    assert_nothing_from_outside(read, text)
    assert not re.search("[\x1b\u202e]", text)
    assert HOSTILE in read.text
    assert not {"b", "img"} & {tag for tag, _ in read.tags}


def test_hostile_settings_of_a_sweep_are_drawn_and_escaped(tmp_path: Path) -> None:
    sweep = a_sweep(tmp_path / "it", {8: [0.2, 0.3], 64: [0.3, 0.3]})
    manifest = read_manifest(sweep)
    for entry in manifest.entries:
        entry.varied = {HOSTILE: f"{HOSTILE}{entry.varied['batch_size']}", "seed": entry.varied["seed"]}
    manifest.write()
    read = report_on(sweep)
    assert_nothing_from_outside(read, Path("report.html").read_text())
    assert f"{HOSTILE}8" in read.text


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["nowhere"], ["."], ["it", "--out", "results.csv"], ["it", "--out", "it"]])
def test_bad_paths_end_with_exit_2_one_message_and_nothing_written(words: list[str], tmp_path: Path) -> None:
    a_run(tmp_path / "it")
    before = sorted(tmp_path.rglob("*"))
    answer = sgdlab("report", *words)
    assert answer.code == 2
    assert answer.err.count("error:") == 1
    assert "Traceback" not in answer.err
    assert sorted(tmp_path.rglob("*")) == before


def test_report_lies_in_the_folder_unless_told_otherwise(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "it")
    assert sgdlab("report", folder.path).out.strip() == str(folder.path / "report.html")
    assert sgdlab("report", folder.path, "--out", "new/place/x.html").code == 0
    assert Path("new/place/x.html").read_bytes() == (folder.path / "report.html").read_bytes()


def test_report_imports_no_torch(tmp_path: Path) -> None:
    a_sweep(tmp_path / "sweep", THREE)
    a_study(tmp_path / "study")
    a_run(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from sgdlab.report.writing import write_report\n"
        "for name in ('run', 'sweep', 'study'): write_report(Path(name))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- cells and sorting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text", "key"),
    [
        (0.19834, "0.1983", "0.19834"),
        (40000, "40,000", "40000.0"),
        (-0.5, "−0.5", "-0.5"),
        (1.2e-05, "1.2e-05", "1.2e-05"),
        (np.float64(2), "2", "2.0"),
        (math.inf, "∞", "Infinity"),
        (math.nan, "–", ""),
        (None, "–", ""),
        ("adam", "adam", ""),
        (True, "yes", ""),
    ],
)
def test_cells_show_four_digits_and_sort_by_the_whole_number(value: Any, text: str, key: str) -> None:
    made = cell(value)
    assert (made.text, made.sort_key) == (text, key)


def test_large_numbers_are_whole() -> None:
    assert cell(123456.7).text == "123,457"


def sorting_page() -> str:
    rows: list[list[Any]] = [["b", 10, "4/5"], ["a", 9, None], ["c", None, "1/5"], ["d", 1e-5, "x"]]
    chapter = Chapter("T", (table("T", ["name", "number", "text"], rows),))
    answer = Answer("goal", "headline", "sure", "sure")
    return render(Page("run", "sorting", ("asked",), (answer,), (), (chapter,), "here"))


def test_policy_of_the_page_allows_its_own_script_alone() -> None:
    import base64
    import hashlib

    text = sorting_page()
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    policy = re.search(r"script-src '(sha256-[^']+)'", text)
    assert script
    assert policy
    assert (
        policy[1].replace("&#43;", "+")
        == "sha256-" + base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    )


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the sorting script cannot be run")
def test_clicks_on_a_heading_sort_numbers_as_numbers_with_missing_ones_last(tmp_path: Path) -> None:
    """Two clicks on each heading: up, then down; the page itself writes down what it shows after each."""
    script = """
      const seen = [];
      for (const button of document.querySelectorAll("th button"))
        for (let click = 0; click < 2; click++) {
          button.click();
          const rows = [...document.querySelectorAll("tbody th")].map((name) => name.textContent).join("");
          seen.push(rows + "-" + button.parentElement.getAttribute("aria-sort"));
        }
      document.body.dataset.seen = seen.join(" ");
    """
    text = re.sub(r"<meta http-equiv=[^>]*>", "", sorting_page()).replace(
        "</body>", f"<script>{script}</script></body>"
    )
    page = tmp_path / "page.html"
    page.write_text(text)
    assert CHROMIUM
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert seen
    names, numbers, texts = ("abcd", "dcba"), ("dabc", "badc"), ("cbda", "dbca")
    wanted = [f"{rows}-{way}" for pair in (names, numbers, texts) for rows, way in zip(pair, WAYS, strict=True)]
    assert seen[1].split() == wanted
