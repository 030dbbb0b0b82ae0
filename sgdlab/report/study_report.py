"""The report of a study: the recommended batch sizes, the steps and seconds to the target, the tuning behind them.

Everything is read from the files that a study leaves, so that an unfinished or damaged one is reported too.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sgdlab.config import Config, Document, build_config, read_document
from sgdlab.errors import RunFolderError, UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Bullets, Code, Drawing, Page, Section, Text
from sgdlab.report.provenance import finite_number
from sgdlab.report.sweep_report import cautions_of
from sgdlab.report.tables import Cell, Table, cell, count_cell, interval_cell, number_text, status_cell, table
from sgdlab.report.words import asked_of, axis_in_words, best_model_caveats, seeds_in_words
from sgdlab.results import Sweep
from sgdlab.runs import is_sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

QUESTION, ANSWER = "study.yaml", "study.json"
RESULTS, TUNING, RECOMMENDED = "results.csv", "tuning.csv", "recommended.yaml"
_GOALS = {
    "time": "For least training time on this machine",
    "computation": "For least computation (fewest examples)",
}
_TARGET_FROM = {"given": "as asked for", "config": "the config's stop_at", "tuning": "found by tuning"}
_DRAWN = (
    *("batch_size", "learning_rate", "edge", "reached", "runs", "budget_steps"),
    *(f"{name}{end}" for name in ("steps", "seconds") for end in ("", "_low", "_high")),
)


@dataclass
class Found:
    """What could be read of a study, and what could not."""

    path: Path
    question: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    results: "pd.DataFrame | None" = None
    tuning: "pd.DataFrame | None" = None
    runs: Sweep | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        """`val_loss=0.25`, or empty while it is not known."""
        target = self.question.get("target")
        return "" if target is None else str(target)


def is_study(path: Path) -> bool:
    """Whether `path` looks like a study's folder; it holds a sweep's plan as well."""
    return any((path / name).exists() for name in (QUESTION, ANSWER))


def study_page(path: Path) -> Page:
    """The page of a study, whatever state its folder is in."""
    found = _read(path)
    config = _config(found)
    runs = found.runs.runs if found.runs else []
    origins = provenance.origins(run.folder for run in runs)
    return Page(
        kind="study",
        name=path.resolve().name,
        asked=_asked(found, config),
        answers=_answers(found),
        cautions=(*found.faults, *_cautions(found)),
        sections=(
            Section("Batch sizes compared", _results(found)),
            Section("Figures", _drawings(found)),
            Section("Held equal, and to be doubted", _notes(found)),
            Section("Tuning", _tuning(found)),
            Section("How runs were judged", _judged(found, config)),
            provenance.commands_section(provenance.given_commands(origins), _again(found)),
            Section(provenance.CONFIG_TITLE, _configs(path)),
            provenance.environment_section(origins),
        ),
        source=str(path.resolve()),
    )


# --- reading --------------------------------------------------------------------------------------


def _read(path: Path) -> Found:
    found = Found(path)
    try:
        found.question = read_document(path / QUESTION).values
    except UserError as error:
        found.faults.append(f"What was asked cannot be read: {error}")
    found.answer = _json(path / ANSWER, found.faults)
    found.results, found.tuning = _csv(path / RESULTS, found.faults), _csv(path / TUNING, found.faults)
    if is_sweep(path):
        try:
            found.runs = Sweep(path)
            found.runs.manifest  # noqa: B018  (read now, so that damage is known)
        except RunFolderError as error:
            found.runs = None
            found.faults.append(f"The list of runs is damaged: {error}")
    return found


def _json(path: Path, faults: list[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        faults.append(f"{path.name} is damaged: {str(error)[:100]}")
        return {}
    if not isinstance(content, dict):
        faults.append(f"{path.name} is damaged: it holds no mapping")
        return {}
    return content


def _csv(path: Path, faults: list[str]) -> "pd.DataFrame | None":
    """A table with a batch size in every row; None where there is none, or no such table."""
    import pandas as pd

    if not path.exists() or not path.stat().st_size > 1:
        return None
    try:
        read = pd.read_csv(path)
        sizes = pd.to_numeric(read["batch_size"])
    except (OSError, ValueError, KeyError) as error:
        faults.append(f"{path.name} is damaged: {str(error).splitlines()[0][:100] or 'it cannot be read'}")
        return None
    if sizes.isna().any():
        faults.append(f"{path.name} is damaged: a row has no batch size")
        return None
    return read


def _config(found: Found) -> Config | None:
    values = found.question.get("config")
    if not isinstance(values, dict):
        return None
    try:
        return build_config(Document(values, name=str(found.path / QUESTION)))
    except UserError as error:
        found.faults.append(f"Its config is damaged: {error}")
        return None


# --- what was asked, and the answer -----------------------------------------------------------------


def _asked(found: Found, config: Config | None) -> tuple[str, ...]:
    asked = found.question
    sizes, seeds = _numbers(asked.get("batch_sizes")), [int(seed) for seed in _numbers(asked.get("seeds"))]
    lines = []
    if sizes:
        tried = axis_in_words("batch_size", [number_text(size) for size in sizes])
        target = f"reaching {found.target}" if found.target else "reaching a target that tuning has still to find"
        over = f" Measured with {seeds_in_words(seeds)}" if seeds else " Measured"
        budget = f", each run within {asked['budget']}" if asked.get("budget") else ""
        lines.append(
            f"Which batch size and learning rate are best for {target}? Tried: {tried}, the rate tuned at each."
            f"{over}{budget}."
        )
    words = found.answer.get("target_in_words")
    if isinstance(words, str):
        lines.append(words[:1].upper() + words[1:] + ".")
    if config is not None:
        lines.append(asked_of(config, ("batch_size", "learning_rate")))
    return tuple(lines) or ("A study, whose question cannot be read.",)


def _answers(found: Found) -> tuple[Answer, ...]:
    advised = found.answer.get("recommended")
    if isinstance(advised, Mapping) and advised:
        return tuple(
            _advice(goal, words, advised[goal])
            for goal, words in _GOALS.items()
            if isinstance(advised.get(goal), Mapping)
        )
    resume = provenance.command("resume", found.path)
    details = (f"Nothing is recommended yet; `{resume}` does what is missing.",)
    return (Answer("Which batch size and learning rate?", "Not known yet", "unsure", "unfinished", details),)


def _advice(goal: str, words: str, advice: Mapping[str, Any]) -> Answer:
    size, rate = finite_number(advice.get("batch_size")), finite_number(advice.get("learning_rate"))
    text = str(advice.get("in_words") or "")
    details = [text[:1].upper() + text[1:] + "."] if text else []
    if size is None:
        return Answer(words, "Cannot tell", "unsure", "cannot tell", tuple(details))
    headline = f"Batch size {number_text(size)}" + (f", learning rate {number_text(rate)}" if rate is not None else "")
    cost = advice.get("cost")
    if isinstance(cost, Mapping):
        unit = "s of training" if goal == "time" else "examples"
        spent = interval_cell(*(cost.get(end) for end in ("estimate", "low", "high"))).text
        level = finite_number(cost.get("level"))
        details.insert(
            0,
            f"{spent} {unit} to the target, median over seeds" + (f" with its {level:.0%} interval." if level else "."),
        )
    rivals = [number_text(rival) for rival in _numbers(advice.get("rivals"))]
    if advice.get("sure"):
        return Answer(words, headline, "sure", "sure", tuple(details))
    return Answer(
        words, headline, "unsure", f"cannot tell it from {', '.join(rivals)}" if rivals else "not sure", tuple(details)
    )


def _cautions(found: Found) -> tuple[str, ...]:
    """What failed or is missing, and what did not arrive; runs that diverged in tuning are what tuning is for."""
    lines: list[str] = []
    if found.runs is not None and not found.runs.results.empty:
        results = found.runs.results
        tuned = (results["status"] == "diverged") & ~results["run"].str.startswith("measure")
        lines += cautions_of(results[~tuned])
        if tuned.any():
            lines.append(
                f"{int(tuned.sum())} tuning runs diverged: their rates were too high, as tuning had to find out."
            )
    measured = set() if found.results is None else {int(size) for size in found.results["batch_size"]}
    missing = [number_text(size) for size in _numbers(found.question.get("batch_sizes")) if int(size) not in measured]
    if missing:
        lines.append(f"Nothing is measured yet at batch size {', '.join(missing)}.")
    return tuple(lines)


# --- tables and figures -----------------------------------------------------------------------------


def _results(found: Found) -> tuple[Block, ...]:
    if found.results is None or found.results.empty:
        return (Text(("No batch size has been measured yet.",)),)
    fit = found.answer.get("fit_in_words")
    said = (Text((f"{fit[:1].upper()}{fit[1:]}.",)),) if isinstance(fit, str) else ()
    return (_results_table(found), *said)


def _results_table(found: Found) -> Table:
    assert found.results is not None
    rows = [_result_row({str(k): v for k, v in row.items()}) for row in found.results.to_dict(orient="records")]
    columns = [
        "batch size", "best rate", "at an edge", "reached", "steps to target", "examples", "seconds",
        "efficiency", "examples/s", "budget in steps",
    ]  # fmt: skip
    note = (
        "Median over seeds [interval from order statistics]; > where most runs never arrived. Efficiency: examples of "
        "the smallest size that arrived, divided by those of this one; 1 is perfect scaling."
    )
    where = found.answer.get("seconds_are")
    return table(
        f"To {found.target or 'the target'}, at each batch size's tuned rate",
        columns, rows, note + (f" Seconds: {where}." if isinstance(where, str) else ""),
    )  # fmt: skip


def _result_row(row: dict[str, Any]) -> list[Any]:
    size, least = finite_number(row.get("batch_size")), finite_number(row.get("steps_at_least"))
    reached, runs = finite_number(row.get("reached")), finite_number(row.get("runs"))
    bounds = {
        "steps": least,
        "examples": least * size if least is not None and size is not None else None,
        "seconds": None,
    }
    intervals = [
        interval_cell(row.get(name), row.get(f"{name}_low"), row.get(f"{name}_high"), bound)
        for name, bound in bounds.items()
    ]
    edge = row.get("edge_side") if row.get("edge") in (True, "True") else None
    count = count_cell(int(reached), int(runs)) if reached is not None and runs is not None else None
    return [
        size, row.get("learning_rate"), Cell(str(edge), None, "caution") if isinstance(edge, str) else "no",
        count, *intervals, row.get("efficiency"), row.get("examples_per_second"), row.get("budget_steps"),
    ]  # fmt: skip


def _drawings(found: Found) -> tuple[Block, ...]:
    from sgdlab import plots

    results = found.results
    if results is None or results.empty:
        return ()
    missing = [name for name in _DRAWN if name not in results]
    if missing:
        return (Text((f"results.csv lacks {', '.join(missing)}: nothing can be drawn.",)),)
    results = results.assign(edge=[value in (True, "True") for value in results["edge"]])
    target = (found.target or "target").replace("$", r"\$")
    drawn: list[tuple[Figure, str]] = [
        (
            plots.steps_to_target_figure(results, _fit(found), target=target),
            "Steps to the target against batch size. Along the dashed line twice the batch halves the steps; where the "
            "points leave it, larger batches stop paying.",
        ),
        (
            plots.seconds_to_target_figure(results, target=target),
            "Training time to the target: the fastest size is ringed.",
        ),
        (
            plots.best_rate_figure(results),
            "The tuned learning rate against batch size, with linear and square-root guides.",
        ),
    ]
    return tuple(Drawing(figure, words) for figure, words in drawn)


def _fit(found: Found) -> dict[str, float] | None:
    """What the figure draws of the fit; nothing where the fit cannot tell."""
    fit = found.answer.get("fit")
    if not isinstance(fit, Mapping) or not fit.get("can_tell"):
        return None
    values = {name: fit[name] for name in ("s_min", "e_min", "b_crit") if isinstance(fit.get(name), Mapping)}
    numbers = {name: finite_number(value.get("estimate")) for name, value in values.items()}
    numbers |= {f"b_crit_{end}": finite_number(values.get("b_crit", {}).get(end)) for end in ("low", "high")}
    if len(numbers) < 5 or any(value is None for name, value in numbers.items() if not name.startswith("b_crit_")):
        return None
    return {name: float("nan") if value is None else value for name, value in numbers.items()}


def _notes(found: Found) -> tuple[Block, ...]:
    notes = found.answer.get("notes")
    lines = (
        [f"{note[:1].upper()}{note[1:]}." for note in notes if isinstance(note, str) and note]
        if isinstance(notes, list)
        else []
    )
    return (Bullets(tuple(lines)),) if lines else ()


def _tuning(found: Found) -> tuple[Block, ...]:
    if found.tuning is None or found.tuning.empty:
        return ()
    names = [str(name) for name in found.tuning.columns]
    rows = [
        [status_cell(str(row[name])) if name == "status" else cell(row[name]) for name in names]
        for row in found.tuning.to_dict(orient="records")
    ]
    words = "These runs chose the learning rate of each batch size, on seeds that the measurement does not use again."
    return Text((words,)), table("Every tuning run", [name.replace("_", " ") for name in names], rows, folded=True)


def _judged(found: Found, config: Config | None) -> tuple[Block, ...]:
    source = _TARGET_FROM.get(str(found.question.get("target_from")), "")
    first = (
        f"A run arrives at the first evaluation at which its {found.question.get('metric', 'loss')} reaches the target"
        f"{f' ({source})' if source else ''}. A run that does not arrive within its budget counts as later than all "
        "others; no number is made up for it."
    )
    return (Text((first, *(best_model_caveats(config, False) if config is not None else ()))),)


def _again(found: Found) -> list[str]:
    path = found.path.resolve()
    lines = [
        "# what is missing, if anything",
        provenance.command("resume", path),
        "# the recommendation, and a config for `sgdlab train`",
    ]
    return [*lines, provenance.command("recommend", path)]


def _configs(path: Path) -> tuple[Code, ...]:
    blocks = []
    if (path / RECOMMENDED).exists():
        blocks.append(provenance.text_block(path / RECOMMENDED, f"{RECOMMENDED}: what `sgdlab train` takes"))
    return (*blocks, provenance.text_block(path / QUESTION, f"{QUESTION}: what was asked", folded=bool(blocks)))


def _numbers(values: Any) -> list[float]:
    """The numbers of a list, whatever it is."""
    if not isinstance(values, list):
        return []
    return [number for value in values if (number := finite_number(value)) is not None]
