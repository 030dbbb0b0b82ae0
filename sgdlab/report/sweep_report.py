"""The report of a sweep: the best setting and how sure that is, every setting, every run."""

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import yaml

from sgdlab import figures
from sgdlab.analysis.intervals import with_interval
from sgdlab.analysis.paired import PairedDifference
from sgdlab.config import Config
from sgdlab.errors import UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Code, Drawing, Page, Section, Text
from sgdlab.report.tables import Cell, Table, cell, count_cell, number_text, status_cell, table
from sgdlab.report.verdicts import ENDED, MOST_SETTINGS, Setting, Verdict, judge
from sgdlab.report.words import asked_of, axis_in_words, best_model_caveats, seeds_in_words, setting_in_words
from sgdlab.results import Sweep
from sgdlab.sweeps.manifest import Manifest
from sgdlab.sweeps.summary import varied_keys

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_PAIRS, MOST_CURVES, FEW_RUNS = 45, 30, 24
_METRICS = {"best_val_loss": "validation loss", "best_train_loss": "training loss"}
_COLUMNS = {
    "status": "status",
    "best_val_loss": "best val loss",
    "best_val_accuracy": "accuracy there",
    "best_epoch": "at epoch",
    "best_train_loss": "train loss there",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
    "final_val_loss": "final val loss",
    "steps": "updates",
    "train_seconds": "train seconds",
    "engine": "engine",
    "reason": "reason",
}


def sweep_page(sweep: Sweep) -> Page:
    """The page of a sweep; RunFolderError where its plan cannot be read."""
    manifest, results = sweep.manifest, sweep.results
    config, faults = config_of(manifest)
    if results.empty:
        return _empty_page(sweep, config)
    verdict = judge(manifest, results)
    folders = [run.folder for run in sweep.runs]
    found = provenance.origins(folders)
    return Page(
        kind="sweep",
        name=sweep.path.resolve().name,
        asked=_asked(manifest, config),
        answers=(_answer(verdict),),
        cautions=(*faults, *cautions_of(results)),
        sections=(
            Section("Settings", (_settings_table(verdict), *_equal_budget(sweep, verdict))),
            Section("Figures", _drawings(sweep)),
            Section("Differences", _pairs_table(verdict)),
            Section("Runs", (_runs_table(results, varied_keys(manifest)),)),
            Section("How the best model was chosen", _chosen(config, results)),
            provenance.commands_section(provenance.given_commands(found), _again(sweep)),
            Section(provenance.CONFIG_TITLE, _configs(sweep, verdict)),
            provenance.environment_section(found),
        ),
        source=str(sweep.path.resolve()),
    )


def config_of(manifest: Manifest) -> tuple[Config | None, list[str]]:
    """The config of the first run, for what all runs share; and why it cannot be read."""
    try:
        return (manifest.config(manifest.entries[0]) if manifest.entries else None), []
    except UserError as error:
        return None, [f"The config of this folder is damaged: {error}"]


def cautions_of(results: "pd.DataFrame") -> tuple[str, ...]:
    """A line for each run that did not complete: its status and the reason."""
    unwell = results[results["status"] != "completed"]
    lines = [
        f"{row['run']}: {row['status']}" + (f": {row['reason']}" if isinstance(row["reason"], str) else "")
        for row in unwell.to_dict(orient="records")
    ]
    return provenance.some(lines, "the table of runs names all of them")


def _empty_page(sweep: Sweep, config: Config | None) -> Page:
    answer = Answer("Which setting is best?", "Nothing was planned", "failed", "no runs")
    asked = (asked_of(config),) if config else ("A sweep without runs.",)
    return Page("sweep", sweep.path.resolve().name, asked, (answer,), (), (), str(sweep.path.resolve()))


def _asked(manifest: Manifest, config: Config | None) -> tuple[str, ...]:
    axes = axes_of(manifest)
    seeds = axes.pop("seed", [])
    tried = "; ".join(axis_in_words(key, values) for key, values in axes.items()) or "one setting"
    over = f", each with {seeds_in_words(seeds)}" if seeds else ""
    lines = [f"Which is best: {tried}{over}? {len(manifest.entries)} runs in all."]
    if config:
        lines.append(asked_of(config, axes))
    return tuple(lines)


def axes_of(manifest: Manifest) -> dict[str, list[Any]]:
    """The varied keys with their values, in the order of the plan."""
    axes: dict[str, list[Any]] = {}
    for entry in manifest.entries:
        for key, value in entry.varied.items():
            if value not in axes.setdefault(key, []):
                axes[key].append(value)
    return axes


# --- the answer -----------------------------------------------------------------------------------


def _answer(verdict: Verdict) -> Answer:
    goal = f"Which setting gives the lowest {_METRICS[verdict.metric]}?"
    best = verdict.best
    if best is None or best.mean is None:
        states = ", ".join(sorted({str(row["status"]) for setting in verdict.settings for row in setting.rows}))
        return Answer(goal, "None: no run completed", "failed", states or "no runs")
    n = len(best.finite)
    over = f", mean of {n} seeds" if n > 1 else ""
    mean = (
        with_interval(best.mean.estimate, best.mean.low, best.mean.high) if n > 1 else number_text(best.mean.estimate)
    )
    interval = f"{_METRICS[verdict.metric].capitalize()} {mean}{over}" + (" with its 95 % interval." if n > 1 else ".")
    accuracy = best.over_seeds("best_val_accuracy")
    details = [interval, f"Accuracy there {accuracy:.1%}." if not math.isnan(accuracy) else ""]
    if best.diverged:
        details.append(
            f"{best.diverged} of its {len(best.rows)} runs diverged: those that did not are all this rests on."
        )
    tone, sure, why = _how_sure(verdict, n)
    return Answer(goal, setting_in_words(best.varied), tone, sure, tuple(line for line in [*details, *why] if line))


def _how_sure(verdict: Verdict, n: int) -> tuple[Any, str, list[str]]:
    """Tone, a word or two, and lines that say why."""
    others = len(verdict.settings) - 1
    if others == 0:
        return "unsure", "nothing to compare with", []
    if not verdict.pairs:
        if len(verdict.settings) > MOST_SETTINGS:
            return (
                "unsure",
                "not tested",
                [f"With more than {MOST_SETTINGS} settings no pair is told from chance; sweep fewer with more seeds."],
            )
        return (
            "unsure",
            "cannot tell: one seed",
            ["With one seed, chance alone may have put it first; --seeds 0-4 would tell."],
        )
    unresolved = verdict.unresolved
    if not unresolved:
        rivals = sorted((s for s in verdict.settings if s is not verdict.best), key=_mean)
        pair = verdict.against_best(rivals[0])
        return (
            "sure",
            f"beats all {others} others" if others > 1 else "beats the other",
            [_sentence(pair.text)] if pair else [],
        )
    named = ", ".join(setting.label for setting in unresolved[:6]) + (" and more" if len(unresolved) > 6 else "")
    why = [f"Not told from chance: {named}."]
    pairs = [verdict.against_best(setting) for setting in sorted(unresolved, key=_mean)]
    why += [_sentence(pair.text) for pair in pairs[:3] if pair is not None]
    return "unsure", f"cannot tell it from {len(unresolved)} of {others} others", why


def _mean(setting: Setting) -> float:
    return setting.mean.estimate if setting.mean else math.inf


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


# --- tables ---------------------------------------------------------------------------------------


def _settings_table(verdict: Verdict) -> Table:
    keys = list(verdict.settings[0].varied)
    several = any(len(setting.rows) > 1 for setting in verdict.settings)
    name = _METRICS[verdict.metric]
    has_accuracy = any(not math.isnan(setting.over_seeds("best_val_accuracy")) for setting in verdict.settings)
    columns = [*(keys or ["setting"]), "completed", f"best {name}"]
    columns += ["standard deviation"] if several else []
    columns += ["accuracy there"] if has_accuracy else []
    columns += ["updates", "train seconds", "against the best"]
    rows = []
    for setting in verdict.settings:
        done, mean = len(setting.finite), setting.mean
        row: list[Any] = [*(_value_cell(setting.varied[key]) for key in keys)] or ["all runs"]
        row += [count_cell(done, len(setting.rows)), None if mean is None else mean.estimate]
        row += [_deviation(setting)] if several else []
        row += [setting.over_seeds("best_val_accuracy")] if has_accuracy else []
        row += [setting.over_seeds("steps"), setting.over_seeds("train_seconds"), _against_best(verdict, setting)]
        rows.append(row)
    note = (
        "Means over the seeds that completed; differences paired by seed, with Holm's correction over all pairs."
        if several
        else ""
    )
    return table("Settings, best of each run", columns, rows, note)


def _value_cell(value: Any) -> Cell:
    return cell(value if isinstance(value, int | float | bool | None) else str(value))


def _deviation(setting: Setting) -> float:
    n, values = len(setting.finite), setting.finite
    mean = sum(values) / n if n else math.nan
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else math.nan


def _against_best(verdict: Verdict, setting: Setting) -> Cell:
    if setting is verdict.best:
        return Cell("best", None, "good")
    pair = verdict.against_best(setting)
    if pair is None or pair.difference is None:
        return cell(None)
    sign = -1 if verdict.best is not None and pair.first == verdict.best.label else 1
    ends = sorted((sign * pair.difference.low, sign * pair.difference.high))
    size = with_interval(sign * pair.difference.estimate, *ends)
    worse = "worse by" if verdict.beaten(setting) else "cannot tell:"
    return Cell(f"{worse} {size}")


def _pairs_table(verdict: Verdict) -> tuple[Block, ...]:
    pairs = verdict.pairs
    if not pairs:
        return ()
    note = "Mean differences with 95 % t intervals, one comparison each; p after Holm's correction over all pairs."
    if len(pairs) > MOST_PAIRS and verdict.best is not None:
        pairs = [pair for pair in pairs if verdict.best.label in (pair.first, pair.second)]
        note += f" Shown: those with the best setting, of {len(verdict.pairs)}."
    columns = ["first", "second", "difference", "interval from", "to", "seeds", "p (Holm)", "verdict"]
    name = _METRICS[verdict.metric]
    return (
        table(
            f"Differences in {name} between settings, first − second",
            columns,
            [_pair_row(pair) for pair in pairs],
            note,
        ),
    )


def _pair_row(pair: PairedDifference) -> list[Any]:
    difference = pair.difference
    ends = (difference.estimate, difference.low, difference.high) if difference else (None, None, None)
    return [pair.first, pair.second, *ends, pair.n, pair.p_holm, pair.text]


def _runs_table(results: "pd.DataFrame", keys: Sequence[str]) -> Table:
    shown = [name for name in _COLUMNS if name not in keys and results[name].notna().any()]
    rows = [
        [row["run"], *(_value_cell(row[key]) for key in keys), *(_outcome_cell(name, row[name]) for name in shown)]
        for row in results.to_dict(orient="records")
    ]
    columns = ["run", *keys, *(_COLUMNS[name] for name in shown)]
    return table("Every run, as in results.csv", columns, rows, folded=len(rows) > FEW_RUNS)


def _outcome_cell(name: str, value: Any) -> Cell:
    return status_cell(str(value)) if name == "status" else cell(value)


# --- figures, budget, provenance --------------------------------------------------------------------


def _drawings(sweep: Sweep) -> tuple[Block, ...]:
    groups = {label.replace("$", r"\$"): found for label, found in figures.sweep_groups(sweep).items()}
    if not groups:
        return (Text(("No run has a history to draw.",)),)
    drawings: list[Block] = []
    if len(groups) <= MOST_CURVES:
        drawings.append(_overlay(groups, "epoch", "Every setting by epoch: equal passes over the training rows."))
        if len(groups) > 1:
            drawings.append(
                _overlay(groups, "seconds", "The same by training time: what each setting costs on this machine.")
            )
    else:
        drawings.append(
            Text((f"{len(groups)} settings are too many for one figure; `sgdlab plot` draws a selection.",))
        )
    if 1 < len(groups) <= figures.MOST_PANELS:
        drawings.append(
            Drawing(figures.groups_figure(groups, "panels"), "Training and validation loss of each setting.")
        )
    return tuple(drawings)


def _overlay(groups: "dict[str, list[pd.DataFrame]]", x: str, words: str) -> Drawing:
    figure: Figure = figures.groups_figure(groups, "overlay", x=x, log_x=x == "seconds")
    return Drawing(figure, words)


def _equal_budget(sweep: Sweep, verdict: Verdict) -> tuple[Block, ...]:
    """What was held equal, and what was not."""
    from sgdlab.plots.axis import equal_budget

    histories = [history for group in figures.sweep_groups(sweep).values() for history in group]
    held = equal_budget(histories) if histories else ""
    lines = [f"Held equal: {held}."] if held else []
    updates = {s.label: s.over_seeds("steps") for s in verdict.settings if not math.isnan(s.over_seeds("steps"))}
    keys = verdict.settings[0].varied
    if "batch_size" in keys and len({round(value) for value in updates.values()}) > 1:
        few, many = min(updates, key=updates.__getitem__), max(updates, key=updates.__getitem__)
        lines.append(
            f"Not equal: the updates, from {number_text(round(updates[few]))} ({few}) to "
            f"{number_text(round(updates[many]))} ({many}). A larger batch that trails here may only have had fewer updates"
            + (", and its learning rate was not tuned for it." if "learning_rate" not in keys else ".")
            + " `sgdlab study` compares sizes each at its tuned rate."
        )
    return (Text(tuple(lines)),) if lines else ()


def _chosen(config: Config | None, results: "pd.DataFrame") -> tuple[Block, ...]:
    if config is None:
        return ()
    lines = best_model_caveats(config, bool(results["test_loss"].notna().any()))
    return (
        Text(
            (
                *lines,
                "The best of several settings looks better than it is, too: run it again on new seeds before reporting it.",
            )
        ),
    )


def _again(sweep: Sweep) -> list[str]:
    path, manifest = sweep.path.resolve(), sweep.manifest
    lines = []
    if any(entry.status not in ENDED for entry in manifest.entries):
        lines += ["# what is missing", provenance.command("resume", path)]
    axes = axes_of(manifest)
    if (
        math.prod(len(values) for values in axes.values())
        == len(manifest.entries)
        == len(list(product(*axes.values())))
    ):
        words = [word for key, values in axes.items() for word in ("--vary", f"{key}={_yaml_list(values)}")]
        lines += [
            "# the whole grid, with the shared config below saved as base.yaml",
            provenance.command("sweep", "base.yaml", *words),
        ]
    return lines


def _yaml_list(values: Iterable[Any]) -> str:
    text: str = yaml.safe_dump(list(values), default_flow_style=True, width=10**9)
    return text.strip()


def _configs(sweep: Sweep, verdict: Verdict) -> tuple[Block, ...]:
    base = yaml.safe_dump(sweep.manifest.base, sort_keys=False, allow_unicode=True)
    blocks: list[Block] = [Code("What all runs share (base.yaml)", base.strip())]
    if verdict.best is not None:
        name = next(row["run"] for row in verdict.best.rows if row["status"] == "completed")
        folder = next((run.folder for run in sweep.runs if run.folder.name == name), None)
        if folder is not None:
            blocks.append(
                provenance.config_block(folder, f"config.yaml of {name}, a run of the best setting", folded=True)
            )
    return tuple(blocks)
