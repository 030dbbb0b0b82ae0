"""The report of a sweep: the best setting and how sure that is, every setting, every run."""

import math
from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

import yaml

from sgdlab.analysis.wording import with_interval
from sgdlab.config import Config
from sgdlab.errors import RunFolderError, UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Code, Drawing, Page, Section, Text, Tone
from sgdlab.report.sweep_tables import METRICS, pairs_table, runs_table, settings_table
from sgdlab.report.tables import number_text, percent
from sgdlab.report.verdicts import ENDED, MOST_SETTINGS, Verdict, judge
from sgdlab.report.words import asked_of, axis_in_words, best_model_caveats, seeds_in_words, sentence, setting_in_words
from sgdlab.results import figures
from sgdlab.results.opened import Sweep
from sgdlab.runs.folder import RunFolder
from sgdlab.sweeps.manifest import Manifest
from sgdlab.sweeps.summary import varied_keys

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_CURVES, MOST_TOLD, LONG_NAMES = 30, 3, 60


def sweep_page(sweep: Sweep) -> Page:
    """The page of a sweep; RunFolderError where its plan cannot be read."""
    manifest = sweep.manifest
    results = sweep.results
    config, faults = config_of(manifest)
    verdict = judge(manifest, results)
    folders = [run.folder for run in sweep.runs]
    found = provenance.origins(folders)
    return Page(
        kind="sweep",
        name=sweep.path.resolve().name,
        asked=_asked(manifest, config),
        answers=(_answer(verdict),),
        cautions=(*faults, *cautions_of(results, folders)),
        sections=(
            Section("Settings", (settings_table(verdict), *_equal_budget(sweep, verdict))),
            Section("Figures", _drawings(sweep)),
            Section("Differences", pairs_table(verdict)),
            Section("Runs", (runs_table(results, varied_keys(manifest)),)),
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
        return manifest.config(manifest.entries[0]), []
    except UserError as error:
        return None, [f"The config of this folder is damaged: {error}"]


def cautions_of(results: "pd.DataFrame", folders: Iterable[RunFolder]) -> tuple[str, ...]:
    """A line for each run that did not complete, with the reason, and for each that a file is damaged of."""
    unwell = results[results["status"] != "completed"]
    lines = [
        f"{row['run']}: {row['status']}" + (f": {row['reason']}" if isinstance(row["reason"], str) else "")
        for row in unwell.to_dict(orient="records")
    ]
    said = set(unwell["run"])
    for folder in folders:
        if folder.name not in said:
            try:
                folder.check()
            except RunFolderError as error:
                lines.append(f"{folder.name}: ended, but damaged since: {error}")
    return provenance.some(lines, "the table of runs names all of them")


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
    goal = f"Which setting gives the lowest {METRICS[verdict.metric]}?"
    best = verdict.best
    if best is None or best.mean is None:
        states = ", ".join(sorted({str(row["status"]) for setting in verdict.settings for row in setting.rows}))
        return Answer(goal, "None: no run completed", "failed", states or "no runs")
    n = len(best.finite)
    mean = (
        with_interval(best.mean.estimate, best.mean.low, best.mean.high) if n > 1 else number_text(best.mean.estimate)
    )
    accuracy = best.over_seeds("best_val_accuracy")
    details = [
        f"{METRICS[verdict.metric].capitalize()} {mean}"
        + (f" (mean of {n} seeds, 95 % interval)" if n > 1 else "")
        + (f", accuracy {percent(accuracy)}." if not math.isnan(accuracy) else ".")
    ]
    if best.diverged:
        details.append(
            f"{best.diverged} of its {len(best.rows)} runs diverged: those that did not are all this rests on."
        )
    tone, sure, why = _how_sure(verdict)
    return Answer(goal, setting_in_words(best.varied), tone, sure, (*details, *why))


def _how_sure(verdict: Verdict) -> tuple[Tone, str, list[str]]:
    """Tone, a word or two, and lines that say why."""
    rivals, unresolved = verdict.rivals, verdict.unresolved
    if not rivals:
        alone = len(verdict.settings) == 1
        return "unsure", "nothing to compare with" if alone else "the only one with a completed run", []
    if len(verdict.settings) > MOST_SETTINGS:
        why = f"With more than {MOST_SETTINGS} settings no pair is told from chance; sweep fewer with more seeds."
        return "unsure", "not tested", [why]
    if not verdict.pairs:
        why = "With one seed, chance alone may have put it first; `--seeds 0-4` would tell."
        return "unsure", "cannot tell: one seed", [why]
    told = [pair for setting in (unresolved or rivals[:1]) if (pair := verdict.against_best(setting)) is not None]
    reasons = [sentence(pair.text) for pair in told[:MOST_TOLD]]
    if not unresolved:
        return "sure", _beats(len(rivals)), reasons
    names = ", ".join(setting.label for setting in unresolved)
    if len(unresolved) <= MOST_TOLD:
        short = names if len(names) <= LONG_NAMES else f"{len(unresolved)} of {len(rivals)} others"
        return "unsure", f"cannot tell it from {short}", reasons
    many = f"cannot tell it from {len(unresolved)} of {len(rivals)} others"
    return "unsure", many, [*reasons, "The table names the others."]


def _beats(others: int) -> str:
    return {1: "beats the other", 2: "beats both others"}.get(others, f"beats all {others} others")


# --- figures, budget, provenance --------------------------------------------------------------------


def _drawings(sweep: Sweep) -> tuple[Block, ...]:
    groups = figures.sweep_groups(sweep.manifest)
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

    histories = [history for group in figures.sweep_groups(sweep.manifest).values() for history in group]
    held = equal_budget(histories) if histories else ""
    lines = [f"Held equal: {held}."] if held else []
    updates = {s.label: s.over_seeds("steps") for s in verdict.settings if not math.isnan(s.over_seeds("steps"))}
    keys = verdict.settings[0].varied
    if "batch_size" in keys and len({round(value) for value in updates.values()}) > 1:
        few, many = min(updates, key=updates.__getitem__), max(updates, key=updates.__getitem__)
        lines.append(
            f"Not equal: the updates, from {number_text(round(updates[few]))} ({few}) to "
            f"{number_text(round(updates[many]))} ({many}). A larger batch that trails here may only have had "
            "fewer updates"
            + (", and its learning rate was not tuned for it." if "learning_rate" not in keys else ".")
            + " `sgdlab study` compares sizes each at its tuned rate."
        )
    return (Text(tuple(lines)),) if lines else ()


def _chosen(config: Config | None, results: "pd.DataFrame") -> tuple[Block, ...]:
    if config is None:
        return ()
    lines = best_model_caveats(config, bool(results["test_loss"].notna().any()))
    winner = "The best of several settings looks better than it is, too: run it again on new seeds before reporting it."
    return (Text((*lines, winner)),)


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
