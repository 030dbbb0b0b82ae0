"""The report of one run: how good its best model is, its curves, and what it was made with."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sgdlab.analysis.wording import number, percent
from sgdlab.errors import RunFolderError, UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Chapter, Drawing, Facts, Page, Text, Tone
from sgdlab.report.tables import cell, finite_number, table_of
from sgdlab.report.words import asked_of, best_model_caveats, sentence
from sgdlab.results.figure_kinds import KINDS
from sgdlab.results.figures import loss_label
from sgdlab.results.opened import Run
from sgdlab.runs.history import read_history
from sgdlab.runs.names import CONFIG, HISTORY, NOISE_TABLE
from sgdlab.runs.selection import best_split

if TYPE_CHECKING:
    import pandas as pd

Found = TypeVar("Found")
GOAL = "How good is the best model?"
MOST_ROWS = 300
_UNFINISHED = {
    "interrupted": "The run was interrupted; these are the numbers until then.",
    "running": "The run is still at work; these are the numbers until now.",
    "failed": "The run failed; these are the numbers until then.",
}


def run_page(run: Run) -> Page:
    """The page of a run, whatever state its folder is in."""
    faults: list[str] = []
    summary = _read(lambda: run.summary, "summary", faults) or {"status": "damaged"}
    config = _read(lambda: run.config, "config", faults)
    history = _read(run.folder.history, "history", faults)
    if history is None:
        with suppress(RunFolderError):  # the rows that there are, though the summary knows of more
            history = read_history(run.path / HISTORY)
    found = provenance.provenance_of([run.folder])
    tested = summary.get("test_loss") is not None
    faults += [made.fault for made in found if made.fault]
    return Page(
        kind="run",
        name=run.path.resolve().name,
        asked=(asked_of(config), f"One run, seed {config.seed}.") if config else ("Its config cannot be read.",),
        answers=(_answer(summary, history),),
        cautions=tuple(faults),
        chapters=(
            Chapter("How it went", _curves(run, history, summary)),
            Chapter("Numbers", _numbers(summary)),
            Chapter("Noise scale", _noise(run.path / NOISE_TABLE)),
            Chapter("How the best model was chosen", (Text(best_model_caveats(config, tested)),) if config else ()),
            _commands(run, found, str(summary["status"])),
            Chapter(provenance.CONFIG_TITLE, (provenance.text_block(run.path / CONFIG, "config.yaml, resolved"),)),
            provenance.environment_chapter(found),
        ),
        source=str(run.path.resolve()),
    )


def _read(read: Callable[[], Found], what: str, faults: list[str]) -> Found | None:
    try:
        return read()
    except UserError as error:
        faults.append(f"The {what} is damaged: {error}")
        return None


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
    split = best_split(summary)
    loss, accuracy = (finite_number(summary.get(f"best_{split}_{name}")) for name in ("loss", "accuracy"))
    if loss is None:
        return ""
    words = {"val": "Validation", "train": "Training"}[split]
    return f"{words} loss {number(loss)}" + ("" if accuracy is None else f", accuracy {percent(accuracy)}")


def _test_in_words(summary: dict[str, Any]) -> str:
    loss, accuracy = (finite_number(summary.get(f"test_{name}")) for name in ("loss", "accuracy"))
    rmse = finite_number(summary.get("test_rmse") or summary.get("best_val_rmse"))
    own = f" Root mean squared error in the target's own units: {number(rmse)}." if rmse is not None else ""
    if loss is None:
        return own.strip()
    shown = "" if accuracy is None else f", accuracy {percent(accuracy)}"
    return f"On the test split, measured once: loss {number(loss)}{shown}.{own}"


def _still_falling(summary: dict[str, Any], history: "pd.DataFrame | None") -> str:
    last = history is not None and len(history) > 3 and summary.get("best_step") == summary.get("final_step")
    return "The best evaluation was the last one: a longer run may do better." if last else ""


def _curves(run: Run, history: "pd.DataFrame | None", summary: dict[str, Any]) -> tuple[Block, ...]:
    if history is None or history.empty:
        return (Text(("There is no history to draw.",)),)
    unit, stride = loss_label(run.folder), -(-len(history) // MOST_ROWS)
    figure = KINDS["curves"].draw(history, summary.get("best_epoch"), loss_label=unit)
    note = f"Losses: {unit}; seconds: training alone in train seconds."
    if stride > 1:
        note += f" Every {stride}th of {len(history):,} evaluations; all are in history.csv."
    shown = history.dropna(axis=1, how="all").iloc[::stride]
    drawing = Drawing(figure, "The run by epoch; the best evaluation is marked.")
    return drawing, table_of("Every evaluation", shown, note, folded=True)


def _numbers(summary: dict[str, Any]) -> tuple[Block, ...]:
    said = {key.replace("_", " "): cell(value).text for key, value in summary.items() if value is not None}
    return (Facts("", tuple(said.items())),)


def _noise(path: Path) -> tuple[Block, ...]:
    """The gradient noise scale along training, where it was measured."""
    import pandas as pd

    from sgdlab import plots

    if not path.exists():
        return ()
    try:
        measured = pd.read_csv(path)
        drawn = measured.dropna(axis=1, how="all").assign(noise_scale=measured["noise_scale"])
        figure = plots.noise_scale_figure(drawn)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return (Text((f"{path.name} cannot be read: {error}",)),)
    words = "Squared norm of the gradient, variance of one example's gradient, and their ratio, the noise scale."
    return Drawing(figure, words), table_of("Gradient noise scale", measured)


def _commands(run: Run, found: list[provenance.Provenance], status: str) -> Chapter:
    path = run.path.resolve()
    more = [provenance.command("train", path / CONFIG)]
    more += [provenance.command("resume", path)] if status in ("interrupted", "failed") else []
    return provenance.commands_chapter(found, more)


def _number(summary: dict[str, Any], key: str) -> str:
    value = finite_number(summary.get(key))
    return "?" if value is None else number(value)


def _said(*lines: str) -> tuple[str, ...]:
    return tuple(line for line in lines if line)
