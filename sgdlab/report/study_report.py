"""The report of a study: the recommended batch sizes, the steps and seconds to the target, the tuning behind them.

Each of its files is read on its own, so that an unfinished or damaged study is reported too.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sgdlab.analysis.recommend import Recommendation
from sgdlab.analysis.wording import count, median_with_interval, number, seed_list
from sgdlab.errors import RunFolderError
from sgdlab.report import provenance
from sgdlab.report.page import Answer, Block, Bullets, Chapter, Code, Page, Text
from sgdlab.report.study_tables import drawings, results_blocks, tuning_blocks
from sgdlab.report.sweep_report import cautions_of
from sgdlab.report.words import asked_of, best_model_caveats, sentence
from sgdlab.results.labels import axis_in_words
from sgdlab.results.opened import Sweep
from sgdlab.runs.folder import is_sweep
from sgdlab.runs.names import RECOMMENDED, STUDY
from sgdlab.studies.opened import Study
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import Goal, StudyResult

T = TypeVar("T")
_GOALS: dict[Goal, tuple[str, str]] = {  # in words, and the unit of its cost
    "time": ("For least training time on this machine", "s of training"),
    "computation": ("For least computation (fewest examples)", "examples"),
}


def study_page(path: Path) -> Page:
    """The page of a study, whatever state its folder is in."""
    study, faults = Study(path), list[str]()
    plan = _readable(lambda: study.plan, faults)
    result = _readable(lambda: study.result, faults) or StudyResult()
    tuning = _readable(lambda: study.tuning, faults)
    sweep = _readable(lambda: _sweep_of(path), faults)
    origins = provenance.provenance_of(run.folder for run in (sweep.runs if sweep else ()))
    return Page(
        kind="study",
        name=path.resolve().name,
        asked=_asked(plan) if plan else ("A study whose plan cannot be read.",),
        answers=_answers(result) if result.rows else (_not_known_yet(path),),
        cautions=(*faults, *_failures(sweep), *_unmeasured(plan, result)),
        chapters=(
            Chapter("Batch sizes compared", results_blocks(plan, result)),
            Chapter("Figures", drawings(plan, result)),
            Chapter("Held equal, and to be doubted", _notes(result)),
            Chapter("Tuning", tuning_blocks(tuning)),
            Chapter("How runs were judged", _judged(plan) if plan else ()),
            provenance.commands_chapter(origins, _again(path.resolve())),
            Chapter(provenance.CONFIG_TITLE, _configs(path)),
            provenance.environment_chapter(origins),
        ),
        source=str(path.resolve()),
    )


def _readable(read: Callable[[], T], faults: list[str]) -> T | None:
    """What `read` gives; None with the fault noted where that is damaged."""
    try:
        return read()
    except RunFolderError as error:
        faults.append(str(error))
        return None


def _sweep_of(path: Path) -> Sweep | None:
    """The study's runs; None before the first one, or where they were taken away."""
    if not is_sweep(path):
        return None
    sweep = Sweep(path)
    sweep.manifest  # noqa: B018  (read now, so that damage is known)
    return sweep


# --- what was asked, and the answer -----------------------------------------------------------------


def _asked(plan: StudyPlan) -> tuple[str, ...]:
    tried = axis_in_words("batch_size", [number(size) for size in plan.batch_sizes])
    target = f"reaching {plan.target}" if plan.target else "reaching a target that tuning has still to find"
    return (
        f"Which batch size and learning rate are best for {target}? Tried: {tried}, the rate tuned at each. Measured "
        f"with {count(len(plan.seeds), 'seed')} ({seed_list(plan.seeds)}), each run within {plan.budget}.",
        sentence(plan.target_in_words()),
        asked_of(plan.config(plan.batch_sizes[0]), ("batch_size", "learning_rate", "budget")),
    )


def _not_known_yet(path: Path) -> Answer:
    details = f"Nothing is recommended yet; `{provenance.command('resume', path)}` does what is missing."
    return Answer("Which batch size and learning rate?", "Not known yet", "unsure", "unfinished", (details,))


def _answers(result: StudyResult) -> tuple[Answer, ...]:
    return tuple(_advice(words, unit, result.recommend(goal)) for goal, (words, unit) in _GOALS.items())


def _advice(goal: str, unit: str, advice: Recommendation) -> Answer:
    best, cost = advice.best, advice.cost
    if best is None or cost is None:
        return Answer(goal, "Cannot tell", "unsure", "cannot tell", (sentence(advice.text),))
    details = [
        f"{median_with_interval(cost.estimate, cost.low, cost.high, cost.low)} {unit} to the target: median over seeds "
        f"with its {100 * cost.level:.0f} % interval.",
        f"{best.reached} of {best.runs} runs reached it.",
    ]
    if advice.settle:
        details.append(f"What would settle it: {'; '.join(advice.settle)}.")
    rivals = ", ".join(map(number, advice.rivals))
    how = "sure" if advice.sure else f"cannot tell it from {rivals}" if rivals else "not sure"
    headline = f"Batch size {number(best.batch_size)}, learning rate {number(best.learning_rate)}"
    return Answer(goal, headline, "sure" if advice.sure else "unsure", how, tuple(details))


# --- what to doubt, and how it was made -------------------------------------------------------------


def _failures(sweep: Sweep | None) -> tuple[str, ...]:
    """What failed or is missing; runs that diverged in tuning are what tuning is for."""
    if sweep is None or sweep.results.empty:
        return ()
    results = sweep.results
    tuned = (results["status"] == "diverged") & ~results["run"].str.startswith("measure")
    lines = cautions_of(results[~tuned], [run.folder for run in sweep.runs])
    if not tuned.any():
        return lines
    return (*lines, f"{tuned.sum()} tuning runs diverged: their rates were too high, as tuning had to find out.")


def _unmeasured(plan: StudyPlan | None, result: StudyResult) -> tuple[str, ...]:
    measured = {row.batch_size for row in result.rows}
    missing = [number(size) for size in (plan.batch_sizes if plan else ()) if size not in measured]
    return (f"Nothing is measured yet at batch size {', '.join(missing)}.",) if missing else ()


def _notes(result: StudyResult) -> tuple[Block, ...]:
    return (Bullets(tuple(map(sentence, result.notes))),) if result.notes else ()


def _judged(plan: StudyPlan) -> tuple[Block, ...]:
    first = (
        f"A run arrives at the first evaluation at which its {plan.metric} reaches the target. A run that does not "
        "arrive within its budget counts as later than all others; no number is made up for it."
    )
    return (Text((first, *best_model_caveats(plan.config(plan.batch_sizes[0]), False))),)


def _again(path: Path) -> list[str]:
    return [
        "# what is missing, if anything",
        provenance.command("resume", path),
        "# the recommendation, and a config for `sgdlab train`",
        provenance.command("recommend", path),
    ]


def _configs(path: Path) -> tuple[Code, ...]:
    blocks = []
    if (path / RECOMMENDED).exists():
        blocks.append(provenance.text_block(path / RECOMMENDED, f"{RECOMMENDED}: what `sgdlab train` takes"))
    return (*blocks, provenance.text_block(path / STUDY, f"{STUDY}: what was asked", folded=bool(blocks)))
