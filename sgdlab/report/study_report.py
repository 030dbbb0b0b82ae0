"""The report of a study: the recommended batch sizes, the steps and seconds to the target, the tuning behind them.

Everything is read from the files that a study leaves, so that an unfinished or damaged one is reported too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sgdlab.analysis.wording import count, number, seed_list
from sgdlab.config import Config, Document, build_config
from sgdlab.errors import UserError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Bullets, Chapter, Code, Page, Text
from sgdlab.report.study_files import Found, read_study
from sgdlab.report.study_tables import drawings, results_blocks, tuning_blocks
from sgdlab.report.sweep_report import cautions_of
from sgdlab.report.tables import finite_number, interval_cell
from sgdlab.report.words import asked_of, best_model_caveats, sentence
from sgdlab.results.labels import axis_in_words
from sgdlab.runs.names import RECOMMENDED, STUDY

_GOALS = {
    "time": "For least training time on this machine",
    "computation": "For least computation (fewest examples)",
}
_TARGET_FROM = {"given": "as asked for", "config": "the config's stop_at", "tuning": "found by tuning"}


def study_page(path: Path) -> Page:
    """The page of a study, whatever state its folder is in."""
    found = read_study(path)
    config = _config(found)
    runs = found.runs.runs if found.runs else []
    origins = provenance.provenance_of(run.folder for run in runs)
    return Page(
        kind="study",
        name=path.resolve().name,
        asked=_asked(found, config),
        answers=_answers(found),
        cautions=(*found.faults, *_cautions(found)),
        chapters=(
            Chapter("Batch sizes compared", results_blocks(found)),
            Chapter("Figures", drawings(found)),
            Chapter("Held equal, and to be doubted", _notes(found)),
            Chapter("Tuning", tuning_blocks(found)),
            Chapter("How runs were judged", _judged(found, config)),
            provenance.commands_chapter(origins, _again(found)),
            Chapter(provenance.CONFIG_TITLE, _configs(path)),
            provenance.environment_chapter(origins),
        ),
        source=str(path.resolve()),
    )


def _config(found: Found) -> Config | None:
    values = found.question.get("config")
    if not isinstance(values, dict):
        return None
    try:
        return build_config(Document(values, name=str(found.path / STUDY)))
    except UserError as error:
        found.faults.append(f"Its config is damaged: {error}")
        return None


# --- what was asked, and the answer -----------------------------------------------------------------


def _asked(found: Found, config: Config | None) -> tuple[str, ...]:
    asked = found.question
    sizes, seeds = _numbers(asked.get("batch_sizes")), [int(seed) for seed in _numbers(asked.get("seeds"))]
    lines = []
    if sizes:
        tried = axis_in_words("batch_size", [number(size) for size in sizes])
        target = f"reaching {found.target}" if found.target else "reaching a target that tuning has still to find"
        over = f" Measured on {count(len(seeds), 'seed')} ({seed_list(seeds)})" if seeds else " Measured"
        budget = f", each run within {asked['budget']}" if asked.get("budget") else ""
        lines.append(
            f"Which batch size and learning rate are best for {target}? Tried: {tried}, the rate tuned at each."
            f"{over}{budget}."
        )
    words = found.answer.get("target_in_words")
    if isinstance(words, str):
        lines.append(sentence(words))
    if config is not None:
        lines.append(asked_of(config, ("batch_size", "learning_rate", "budget")))
    return tuple(lines) or ("A study, whose question cannot be read.",)


def _answers(found: Found) -> tuple[Answer, ...]:
    advised = found.answer.get("recommended")
    if isinstance(advised, Mapping) and advised:
        return tuple(
            _advice(found, goal, words, advised[goal])
            for goal, words in _GOALS.items()
            if isinstance(advised.get(goal), Mapping)
        )
    resume = provenance.command("resume", found.path)
    details = (f"Nothing is recommended yet; `{resume}` does what is missing.",)
    return (Answer("Which batch size and learning rate?", "Not known yet", "unsure", "unfinished", details),)


def _advice(found: Found, goal: str, words: str, advice: Mapping[str, Any]) -> Answer:
    size, rate = finite_number(advice.get("batch_size")), finite_number(advice.get("learning_rate"))
    if size is None:
        return Answer(words, "Cannot tell", "unsure", "cannot tell", (sentence(str(advice.get("in_words") or "")),))
    headline = f"Batch size {number(size)}" + (f", learning rate {number(rate)}" if rate is not None else "")
    details = [_cost(goal, advice.get("cost")), _reached(found, size)]
    settle = advice.get("would_settle_it")
    if isinstance(settle, list) and settle:
        details.append(f"What would settle it: {'; '.join(map(str, settle))}.")
    rivals = ", ".join(number(rival) for rival in _numbers(advice.get("rivals")))
    sure = bool(advice.get("sure"))
    how = "sure" if sure else f"cannot tell it from {rivals}" if rivals else "not sure"
    return Answer(words, headline, "sure" if sure else "unsure", how, tuple(line for line in details if line))


def _cost(goal: str, cost: Any) -> str:
    if not isinstance(cost, Mapping):
        return ""
    unit = "s of training" if goal == "time" else "examples"
    spent = interval_cell(*(cost.get(end) for end in ("estimate", "low", "high"))).text
    level = finite_number(cost.get("level"))
    return f"{spent} {unit} to the target: median over seeds" + (
        f" with its {100 * level:.0f} % interval." if level else "."
    )


def _reached(found: Found, size: float) -> str:
    """`5 of 5 runs reached it`, from results.csv."""
    if found.results is None or not {"reached", "runs"} <= set(found.results):
        return ""
    rows = found.results[found.results["batch_size"] == size]
    return "" if rows.empty else f"{rows['reached'].iloc[0]} of {rows['runs'].iloc[0]} runs reached it."


def _cautions(found: Found) -> tuple[str, ...]:
    """What failed or is missing, and what did not arrive; runs that diverged in tuning are what tuning is for."""
    lines: list[str] = []
    if found.runs is not None and not found.runs.results.empty:
        results = found.runs.results
        tuned = (results["status"] == "diverged") & ~results["run"].str.startswith("measure")
        lines += cautions_of(results[~tuned], [run.folder for run in found.runs.runs])
        if tuned.any():
            lines.append(
                f"{int(tuned.sum())} tuning runs diverged: their rates were too high, as tuning had to find out."
            )
    measured = set() if found.results is None else {int(size) for size in found.results["batch_size"]}
    missing = [number(size) for size in _numbers(found.question.get("batch_sizes")) if int(size) not in measured]
    if missing:
        lines.append(f"Nothing is measured yet at batch size {', '.join(missing)}.")
    return tuple(lines)


def _notes(found: Found) -> tuple[Block, ...]:
    notes = found.answer.get("notes")
    lines = [sentence(note) for note in notes if isinstance(note, str) and note] if isinstance(notes, list) else []
    return (Bullets(tuple(lines)),) if lines else ()


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
    return (*blocks, provenance.text_block(path / STUDY, f"{STUDY}: what was asked", folded=bool(blocks)))


def _numbers(values: Any) -> list[float]:
    """The numbers of a list, whatever it is."""
    if not isinstance(values, list):
        return []
    return [found for value in values if (found := finite_number(value)) is not None]
