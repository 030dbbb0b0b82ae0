"""A lesson carried out: experiments once, figures, claims judged and written down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sgdlab.errors import ConfigError
from sgdlab.lessons.claim import Judged
from sgdlab.lessons.experiment import ExperimentRunner
from sgdlab.lessons.lesson import load_lesson
from sgdlab.lessons.writing import write_claims
from sgdlab.runs.environment import environment
from sgdlab.runs.files import write_json
from sgdlab.runs.names import ENVIRONMENT, RUNS_DIR
from sgdlab.runs.new_folder import create_folder
from sgdlab.sweeps.watch import Watch, unwatched

MOST_SEEDS = 100


@dataclass(frozen=True)
class FinishedLesson:
    """A lesson on disk. failed: runs that failed, whose values are missing in the claims."""

    path: Path
    claims: Sequence[Judged]
    notes: Sequence[str]
    figures: Sequence[Path]
    failed: int


def run_lesson(
    text: str,
    *,
    seeds: Sequence[int] | None = None,
    quick: bool = False,
    jobs: int | None = None,
    runs_dir: str | Path = RUNS_DIR,
    name: str | None = None,
    watch: Watch = unwatched,
    tell: Callable[[str], None] = lambda line: None,
) -> FinishedLesson:
    """Carry out a text's experiments in a new folder and judge its claims.

    >>> run_lesson("d2l", quick=True).claims[0].finding.verdict

    text: a name of LESSONS;  seeds: the lesson's own unless given;  quick: few seeds and short runs, so that many
    verdicts are "cannot tell". Raises ConfigError or DataError before any run.
    """
    from sgdlab import plots

    lesson = load_lesson(text)
    chosen = tuple(seeds or (lesson.quick_seeds if quick else lesson.seeds))
    if len(chosen) > MOST_SEEDS:
        raise ConfigError(f"--seeds: {len(chosen)} seeds; a lesson takes at most {MOST_SEEDS}")
    folder = create_folder(Path(runs_dir), name, f"lesson-{text}")
    write_json(folder / ENVIRONMENT, environment())
    runner = ExperimentRunner(folder, jobs, watch, tell)
    evidence = lesson.gather(chosen, quick, runner)
    tell("figures")
    drawn = [plots.save_figure(figure, folder / f"{key}.png") for key, figure in lesson.figures(evidence).items()]
    judged = [claim.judge(evidence) for claim in lesson.claims]
    notes = [*_conditions(chosen, quick, runner.failed), *lesson.notes(evidence)]
    write_claims(folder, lesson.title, judged, notes, [path.name for path in drawn])
    return FinishedLesson(folder, judged, notes, drawn, runner.failed)


def _conditions(seeds: Sequence[int], quick: bool, failed: int) -> list[str]:
    notes = [f"seeds {', '.join(map(str, seeds))}; intervals are 95 % unless a rule says otherwise"]
    if quick:
        notes.append("quick: few seeds, few rounds, short runs; without --quick more can be told")
    if failed:
        notes.append(f"{failed} runs failed; their values are missing")
    return notes
