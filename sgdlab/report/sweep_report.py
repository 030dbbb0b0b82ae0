"""The report of a sweep: the best setting and how sure that is, every setting, every run."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import number, percent, seed_list
from sgdlab.config import Config, write_values
from sgdlab.config.document import write_value
from sgdlab.errors import RunFolderError, UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Chapter, Code, Drawing, Page, Text, Tone
from sgdlab.report.sweep_tables import METRICS, mean_of, pairs_table, runs_table, settings_table
from sgdlab.report.words import asked_of, best_model_caveats, sentence
from sgdlab.results import figures
from sgdlab.results.figure_kinds import KINDS
from sgdlab.results.labels import axis_in_words, setting_headline
from sgdlab.results.opened import Sweep
from sgdlab.results.verdicts import Comparison, compare_sweep
from sgdlab.runs.folder import ENDED, RunFolder
from sgdlab.runs.names import CONFIG, RUNS
from sgdlab.sweeps.manifest import Manifest
from sgdlab.sweeps.summary import varied_keys

if TYPE_CHECKING:
    import pandas as pd

MOST_CURVES, MOST_TOLD, LONG_NAMES = 30, 3, 60


def sweep_page(sweep: Sweep) -> Page:
    """The page of a sweep; RunFolderError where its plan cannot be read."""
    manifest, results = sweep.manifest, sweep.results
    config, faults = config_of(manifest)
    comparison = compare_sweep(manifest)
    folders = [run.folder for run in sweep.runs]
    found = provenance.provenance_of(folders)
    return Page(
        kind="sweep",
        name=sweep.path.resolve().name,
        asked=_asked(manifest, config),
        answers=(_answer(comparison),),
        cautions=(*faults, *cautions_of(results, folders)),
        chapters=(
            Chapter("Settings", (settings_table(comparison), _held_equal(comparison))),
            Chapter("Figures", _drawings(sweep)),
            Chapter("Differences", pairs_table(comparison)),
            Chapter("Runs", (runs_table(results, varied_keys(manifest)),)),
            Chapter("How the best model was chosen", _chosen(config, results)),
            provenance.commands_chapter(found, _again(sweep)),
            Chapter(provenance.CONFIG_TITLE, _configs(sweep, comparison)),
            provenance.environment_chapter(found),
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
    over = f", each with seed{'s' if len(seeds) > 1 else ''} {seed_list(seeds)}" if seeds else ""
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


def _answer(comparison: Comparison) -> Answer:
    goal = f"Which setting gives the lowest {METRICS[comparison.metric]}?"
    best = comparison.best
    if best is None and comparison.rivals:
        return Answer(goal, "Cannot tell", "unsure", "not comparable", (sentence(comparison.reason),))
    if best is None:
        states = ", ".join(sorted({run.status for setting in comparison.settings for run in setting.runs}))
        return Answer(goal, "None: no run completed", "failed", states or "no runs")
    several, accuracy = len(best.finite) > 1, mean_of(best, "best_val_accuracy")
    details = [
        f"{METRICS[comparison.metric].capitalize()} {best.interval if several else number(best.finite[0])}"
        + (f" (mean of {len(best.finite)} seeds, 95 % interval)" if several else "")
        + (f", accuracy {percent(accuracy)}." if accuracy is not None else ".")
    ]
    if best.diverged:
        details.append(f"{best.diverged} of its {len(best.runs)} runs diverged: this rests on the others alone.")
    tone, sure, why = _how_sure(comparison)
    return Answer(goal, setting_headline(best.varied), tone, sure, (*details, *why))


def _how_sure(comparison: Comparison) -> tuple[Tone, str, list[str]]:
    """Tone, a word or two, and lines that say why."""
    rivals, unresolved = comparison.rivals, comparison.unresolved
    if not rivals:
        alone = len(comparison.settings) == 1
        return "unsure", "nothing to compare with" if alone else "the only one with a completed run", []
    if comparison.reason:
        one_seed = all(len(setting.values) < 2 for setting in comparison.settings)
        return "unsure", "cannot tell: one seed" if one_seed else "not tested", [sentence(comparison.reason)]
    told = [pair for setting in (unresolved or rivals[:1]) if (pair := comparison.against_best(setting)) is not None]
    reasons = [sentence(pair.text) for pair in told[:MOST_TOLD]]
    if not unresolved:
        return "sure", _beats(len(rivals)), reasons
    names = ", ".join(setting.label for setting in unresolved)
    if len(unresolved) <= MOST_TOLD and len(names) <= LONG_NAMES:
        return "unsure", f"cannot tell it from {names}", reasons
    many = f"cannot tell it from {len(unresolved)} of {len(rivals)} others"
    return "unsure", many, [*reasons, *(["The table names the others."] if len(unresolved) > MOST_TOLD else [])]


def _beats(others: int) -> str:
    return {1: "beats the other", 2: "beats both others"}.get(others, f"beats all {others} others")


# --- figures, budget, provenance --------------------------------------------------------------------


def _drawings(sweep: Sweep) -> tuple[Block, ...]:
    groups = figures.sweep_groups(sweep.manifest)
    if not groups:
        return (Text(("No run has a history to draw.",)),)
    drawings: list[Block] = []
    if len(groups) <= MOST_CURVES:
        by_epoch = figures.groups_figure(groups, "overlay")
        drawings.append(Drawing(by_epoch, "Every setting by epoch: equal passes over the training rows."))
    else:
        too_many = f"{len(groups)} settings are too many for one figure; `sgdlab plot` draws a selection."
        drawings.append(Text((too_many,)))
    if 1 < len(groups) <= MOST_CURVES:
        by_time = figures.groups_figure(groups, "overlay", x="seconds", log_x=True)
        drawings.append(Drawing(by_time, "The same by training time: what each setting costs on this machine."))
    if 1 < len(groups) <= KINDS["panels"].most_groups:
        panels = figures.groups_figure(groups, "panels")
        drawings.append(Drawing(panels, "Training and validation loss of each setting."))
    return tuple(drawings)


def _held_equal(comparison: Comparison) -> Block:
    """What was held equal, and what was not."""
    return Text(tuple(sentence(line) for line in (comparison.held_equal, *comparison.notes)))


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
    if math.prod(map(len, axes.values())) == len(manifest.entries):
        words = [word for key, values in axes.items() for word in ("--vary", f"{key}={_yaml_list(values)}")]
        lines.append("# the whole grid, with the shared config below saved as base.yaml")
        lines.append(provenance.command("sweep", "base.yaml", *words))
    return lines


def _yaml_list(values: Iterable[Any]) -> str:
    return write_value(list(values))


def _configs(sweep: Sweep, comparison: Comparison) -> tuple[Block, ...]:
    base = write_values(sweep.manifest.base)
    blocks: list[Block] = [Code("What all runs share (base.yaml)", base.strip())]
    if comparison.best is not None:
        name = next(run.name for run in comparison.best.runs if run.status == "completed")
        caption = f"config.yaml of {name}, a run of the best setting"
        blocks.append(provenance.text_block(sweep.path / RUNS / name / CONFIG, caption, folded=True))
    return tuple(blocks)
