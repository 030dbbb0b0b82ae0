"""The report of one run: how good its best model is, its curves, and what it was made with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import Config
from sgdlab.errors import RunFolderError, UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Drawing, Facts, Page, Section, Text, Tone
from sgdlab.report.tables import Table, number_text, percent, table
from sgdlab.report.words import asked_of, best_model_caveats, seeds_in_words, sentence
from sgdlab.results.figures import loss_label
from sgdlab.results.opened import Run
from sgdlab.runs.history import read_history
from sgdlab.runs.names import CONFIG, HISTORY, NOISE_TABLE

if TYPE_CHECKING:
    import pandas as pd

GOAL = "How good is the best model?"
MOST_ROWS = 300
_UNFINISHED = {
    "interrupted": "The run was interrupted; these are the numbers until then.",
    "running": "The run is still at work; these are the numbers until now.",
    "failed": "The run failed; these are the numbers until then.",
}


def run_page(run: Run) -> Page:
    """The page of a run, whatever state its folder is in."""
    summary, faults = _summary(run)
    config, no_config = _config(run)
    history, no_history = _history(run)
    found = provenance.origins([run.folder])
    faults += no_config + no_history + [origin.fault for origin in found if origin.fault]
    return Page(
        kind="run",
        name=run.path.resolve().name,
        asked=(asked_of(config), f"One run, {seeds_in_words([config.seed])}.")
        if config
        else ("Its config cannot be read.",),
        answers=(_answer(summary, history),),
        cautions=tuple(faults),
        sections=(
            Section("How it went", _curves(run, history, summary)),
            Section("Numbers", _numbers(summary)),
            Section("Noise scale", _noise(run.path / NOISE_TABLE)),
            Section("How the best model was chosen", _chosen(config, summary)),
            _commands(run, found, str(summary["status"])),
            Section(provenance.CONFIG_TITLE, (provenance.config_block(run.folder, "config.yaml, resolved"),)),
            provenance.environment_section(found),
        ),
        source=str(run.path.resolve()),
    )


def _summary(run: Run) -> tuple[dict[str, Any], list[str]]:
    try:
        return run.summary, []
    except RunFolderError as error:
        return {"status": "damaged"}, [f"The summary is damaged: {error}"]


def _config(run: Run) -> tuple[Config | None, list[str]]:
    try:
        return run.config, []
    except UserError as error:
        return None, [f"The config is damaged: {error}"]


def _history(run: Run) -> "tuple[pd.DataFrame | None, list[str]]":
    """The rows that there are, also where the summary knows of more."""
    try:
        return run.folder.history(), []
    except RunFolderError as error:
        fault = [f"The history is damaged: {error}"]
    try:
        return read_history(run.path / HISTORY), fault
    except RunFolderError:
        return None, fault


def _answer(summary: dict[str, Any], history: "pd.DataFrame | None") -> Answer:
    status, reason = str(summary["status"]), str(summary.get("reason") or "")
    best = _best_in_words(summary)
    if status == "diverged":
        before = f"Before that: {best}, at epoch {_number(summary, 'best_epoch')}." if best else ""
        return Answer(GOAL, "Diverged: no usable model", "failed", "diverged", _said(sentence(reason), before))
    if not best:
        return Answer(GOAL, "No result", "failed", status, _said(sentence(reason)))
    details = (
        f"At epoch {_number(summary, 'best_epoch')} of {_number(summary, 'final_epoch')}"
        f" (step {_number(summary, 'best_step')} of {_number(summary, 'steps')}).",
        _test_in_words(summary),
        _UNFINISHED.get(status, ""),
        sentence(reason),
        _still_falling(summary, history),
        "One run tells nothing of how much the seed matters: a sweep with `--seeds 0-4` does.",
    )
    tone: Tone = "unsure" if status in ("completed", "running", "interrupted") else "failed"
    sure = "one seed: no spread known" if status == "completed" else status
    return Answer(GOAL, best, tone, sure, _said(*details))


def _best_in_words(summary: dict[str, Any]) -> str:
    for split, words in (("val", "Validation"), ("train", "Training")):
        if (loss := provenance.finite_number(summary.get(f"best_{split}_loss"))) is not None:
            accuracy = provenance.finite_number(summary.get(f"best_{split}_accuracy"))
            return f"{words} loss {number_text(loss)}" + (
                f", accuracy {percent(accuracy)}" if accuracy is not None else ""
            )
    return ""


def _test_in_words(summary: dict[str, Any]) -> str:
    loss, accuracy = (provenance.finite_number(summary.get(f"test_{name}")) for name in ("loss", "accuracy"))
    rmse = provenance.finite_number(summary.get("test_rmse") or summary.get("best_val_rmse"))
    own = f" Root mean squared error in the target's own units: {number_text(rmse)}." if rmse is not None else ""
    if loss is None:
        return own.strip()
    return f"On the test split, measured once: loss {number_text(loss)}" + (
        f", accuracy {percent(accuracy)}.{own}" if accuracy is not None else f".{own}"
    )


def _still_falling(summary: dict[str, Any], history: "pd.DataFrame | None") -> str:
    last = history is not None and len(history) > 3 and summary.get("best_step") == summary.get("final_step")
    return "The best evaluation was the last one: a longer run may do better." if last else ""


def _curves(run: Run, history: "pd.DataFrame | None", summary: dict[str, Any]) -> tuple[Block, ...]:
    from sgdlab import plots

    if history is None or history.empty:
        return (Text(("There is no history to draw.",)),)
    figure = plots.curves_figure(history, summary.get("best_epoch"), loss_label=loss_label(run.folder))
    drawing = Drawing(figure, "The run by epoch; the best evaluation is marked.")
    return drawing, _history_table(history, loss_label(run.folder))


def _history_table(history: "pd.DataFrame", unit: str) -> Table:
    shown = history.dropna(axis=1, how="all")
    stride = -(-len(shown) // MOST_ROWS)
    rows = shown.iloc[::stride]
    note = f"Losses: {unit}; seconds: training alone in train seconds." + (
        f" Every {stride}th of {len(shown):,} evaluations; all are in history.csv." if stride > 1 else ""
    )
    names = [str(name) for name in shown.columns]
    values = [[row[name] for name in names] for row in rows.to_dict(orient="records")]
    return table("Every evaluation", [name.replace("_", " ") for name in names], values, note, folded=True)


def _numbers(summary: dict[str, Any]) -> tuple[Block, ...]:
    rows = [
        (
            key.replace("_", " "),
            number_text(value) if (value := provenance.finite_number(raw)) is not None else str(raw),
        )
        for key, raw in summary.items()
        if raw is not None
    ]
    return (Facts("", tuple(rows)),)


def _noise(path: Path) -> tuple[Block, ...]:
    """The gradient noise scale along training, where it was measured."""
    import pandas as pd

    from sgdlab import plots

    if not path.exists():
        return ()
    try:
        measured = pd.read_csv(path)
        figure = plots.noise_scale_figure(
            measured.dropna(axis=1, how="all").assign(noise_scale=measured["noise_scale"])
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        return (Text((f"{path.name} cannot be read: {error}",)),)
    names = [str(name) for name in measured.columns]
    rows = measured.to_dict(orient="records")
    shown = table(
        "Gradient noise scale", [name.replace("_", " ") for name in names], [[row[n] for n in names] for row in rows]
    )
    words = "Squared norm of the gradient, variance of one example's gradient, and their ratio, the noise scale."
    return Drawing(figure, words), shown


def _chosen(config: Config | None, summary: dict[str, Any]) -> tuple[Block, ...]:
    return (Text(best_model_caveats(config, summary.get("test_loss") is not None)),) if config else ()


def _commands(run: Run, found: list[provenance.Origin], status: str) -> Section:
    path = run.path.resolve()
    more = [provenance.command("train", path / CONFIG)]
    if status in ("interrupted", "failed"):
        more.append(provenance.command("resume", path))
    return provenance.commands_section(provenance.given_commands(found), more)


def _number(summary: dict[str, Any], key: str) -> str:
    value = provenance.finite_number(summary.get(key))
    return "?" if value is None else number_text(value)


def _said(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
