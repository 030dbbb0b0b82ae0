"""A lesson from its question to its folder: experiments once, figures, claims judged and written down."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sgdlab.environment import environment
from sgdlab.errors import ConfigError
from sgdlab.files import write_json
from sgdlab.lessons import d2l, parr
from sgdlab.lessons.claim import Judged, judge
from sgdlab.lessons.experiment import Experiment, Watch, carry_out
from sgdlab.lessons.writing import write_claims
from sgdlab.results import Sweep
from sgdlab.runs import ENVIRONMENT, checked_name, create_folder, stamped

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


class _Nobody:
    """Looks away."""

    def observe(self, entry: Any, report: Any) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


@contextmanager
def unwatched(words: str, entries: Sequence[Any]) -> Iterator[_Nobody]:
    """Nobody watches."""
    yield _Nobody()


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
    folder = create_folder(Path(runs_dir), checked_name(name) if name is not None else stamped(f"lesson-{text}"))
    sweeps: list[Sweep] = []

    def run(experiment: Experiment) -> Sweep:
        sweeps.append(carry_out(experiment, folder, jobs, watch))
        return sweeps[-1]

    write_json(folder / ENVIRONMENT, environment())
    teach = _parr if text == "parr" else _d2l
    claims, notes, figures = teach(folder, chosen, quick, run, tell)
    failed = sum(entry.status in ("failed", "damaged") for sweep in sweeps for entry in sweep.manifest.entries)
    notes = [*_conditions(chosen, quick, failed), *notes]
    write_claims(folder, TITLES[text], claims, notes, [path.name for path in figures])
    return Lesson(folder, claims, notes, figures, failed)


Run = Callable[[Experiment], Sweep]
Tell = Callable[[str], None]
Taught = tuple[list[Judged], list[str], list[Path]]


def _parr(folder: Path, seeds: Sequence[int], quick: bool, run: Run, tell: Tell) -> Taught:
    from sgdlab.lessons import drawing, parr_runs

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


def _d2l(folder: Path, seeds: Sequence[int], quick: bool, run: Run, tell: Tell) -> Taught:
    from sgdlab.lessons import d2l_runs, drawing

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
