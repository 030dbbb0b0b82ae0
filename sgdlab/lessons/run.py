"""A lesson from its question to its folder: experiments once, figures, claims judged and written down."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sgdlab.errors import ConfigError
from sgdlab.lessons.claim import Judged, judge
from sgdlab.lessons.d2l import claims as d2l
from sgdlab.lessons.experiment import Experiment, run_experiment
from sgdlab.lessons.parr import claims as parr
from sgdlab.lessons.writing import write_claims
from sgdlab.results.opened import Sweep
from sgdlab.runs.environment import environment
from sgdlab.runs.files import write_json
from sgdlab.runs.names import ENVIRONMENT
from sgdlab.runs.new_folder import create_folder
from sgdlab.sweeps.watch import Watch, unwatched

Text = Literal["parr", "d2l"]
TITLES: dict[Text, str] = {
    "parr": "The notebook on minibatch SGD and MNIST (Parr), judged",
    "d2l": "The chapter on minibatch SGD (Dive into Deep Learning 11.5), judged",
}
SEEDS: dict[Text, tuple[int, ...]] = {"parr": tuple(range(5)), "d2l": tuple(range(20))}
QUICK_SEEDS: dict[Text, tuple[int, ...]] = {"parr": (0, 1), "d2l": (0, 1, 2)}
MOST_SEEDS = 100


@dataclass(frozen=True)
class Lesson:
    """A finished lesson. failed: runs that failed, whose values are missing in the claims."""

    path: Path
    claims: Sequence[Judged]
    notes: Sequence[str]
    figures: Sequence[Path]
    failed: int


def lesson(
    text: Text,
    *,
    seeds: Sequence[int] | None = None,
    quick: bool = False,
    jobs: int | None = None,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    watch: Watch = unwatched,
    tell: Callable[[str], None] = lambda line: None,
) -> Lesson:
    """Carry out a text's experiments in a new folder and judge its claims.

    >>> lesson("d2l", quick=True).claims[0].verdict

    seeds: 0 to 4 for parr, 0 to 19 for d2l unless given; quick: few seeds and short runs, so that many verdicts
    are "cannot tell". Raises ConfigError or DataError before any run.
    """
    chosen = tuple(seeds) if seeds else (QUICK_SEEDS if quick else SEEDS)[text]
    if len(chosen) > MOST_SEEDS:
        raise ConfigError(f"--seeds: {len(chosen)} seeds; a lesson takes at most {MOST_SEEDS}")
    folder = create_folder(Path(runs_dir), name, f"lesson-{text}")
    sweeps: list[Sweep] = []

    def run(experiment: Experiment) -> Sweep:
        sweeps.append(run_experiment(experiment, folder, jobs, watch))
        return sweeps[-1]

    write_json(folder / ENVIRONMENT, environment())
    teach = _parr if text == "parr" else _d2l
    claims, notes, figures = teach(folder, chosen, quick, run, tell)
    failed = sum(entry.status in ("failed", "damaged") for sweep in sweeps for entry in sweep.manifest.entries)
    notes = [*_conditions(chosen, quick, failed), *notes]
    write_claims(folder, TITLES[text], claims, notes, [path.name for path in figures])
    return Lesson(folder, claims, notes, figures, failed)


RunExperiment = Callable[[Experiment], Sweep]
Tell = Callable[[str], None]
Taught = tuple[list[Judged], list[str], list[Path]]


def _parr(folder: Path, seeds: Sequence[int], quick: bool, run: RunExperiment, tell: Tell) -> Taught:
    from sgdlab.lessons import drawing
    from sgdlab.lessons.parr import experiments as parr_runs

    evidence, clock = parr_runs.gather(seeds, parr_runs.QUICK if quick else parr_runs.FULL, run, tell)
    tell("figures")
    figures = drawing.draw(drawing.parr_figures(evidence), folder)
    notes = [
        "data: mnist-10k, 8,000 training and 2,000 validation rows",
        f"timings: {clock}",
        f"full batch on the first {len(evidence.batch.table)} seeds; rates tuned on seeds from "
        f"{parr_runs.TUNING_SEEDS_FROM} on",
    ]
    return [judge(claim, evidence) for claim in parr.CLAIMS], notes, figures


def _d2l(folder: Path, seeds: Sequence[int], quick: bool, run: RunExperiment, tell: Tell) -> Taught:
    from sgdlab.lessons import drawing
    from sgdlab.lessons.d2l import experiments as d2l_runs

    evidence, clock = d2l_runs.gather(seeds, d2l_runs.QUICK if quick else d2l_runs.FULL, run, tell)
    tell("figures")
    figures = drawing.draw(drawing.d2l_figures(evidence, clock), folder)
    notes = [f"data: {evidence.source}, {evidence.rows:,} rows", f"timings: {clock}"]
    if evidence.source == d2l_runs.TWIN:
        notes.insert(1, "airfoil's own file was not here; the twin has its means and covariances, and is synthetic")
    return [judge(claim, evidence) for claim in d2l.CLAIMS], notes, figures


def _conditions(seeds: Sequence[int], quick: bool, failed: int) -> list[str]:
    notes = [f"seeds {', '.join(map(str, seeds))}; intervals are 95 % unless a rule says otherwise"]
    if quick:
        notes.append("quick: few seeds, rounds and (parr) epochs; without --quick more can be told")
    if failed:
        notes.append(f"{failed} runs failed; their values are missing")
    return notes
