"""A run on which the noise scale is measured: an ordinary run folder, with tables and figures added."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from sgdlab import plots
from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.probes.gradient_law import FEWEST, MOST, measured_law
from sgdlab.probes.gradients import with_replacement
from sgdlab.probes.noise_scale import NoiseProbe, NoiseScale
from sgdlab.probes.pauses import Pauses, Spacing
from sgdlab.results.figures import draw_run
from sgdlab.runs.files import write_json, write_table
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import TIMING_COLUMNS, Record, read_history
from sgdlab.runs.names import HISTORY, NOISE_FACTS, NOISE_FIGURE, NOISE_TABLE, STD_LAW_FIGURE, STD_LAW_TABLE
from sgdlab.schema.optimizers.sgd import Sgd
from sgdlab.training.loop import Training
from sgdlab.training.session import RunObserver, Session

if TYPE_CHECKING:
    import pandas as pd

QUANTITIES = ("grad_sq_norm", "trace_sigma", "noise_scale")


class StudyFit(NamedTuple):
    """What a study found, to compare with. b_crit: in examples, None where it could not tell."""

    b_crit: float | None
    in_words: str


@dataclass
class NoiseRun:
    """What was found along a run. laws: step -> the b^(−1/2) law there, at the first and the last moment.

    skipped: steps at which a gradient was not finite.
    """

    probe: NoiseProbe
    points: list[tuple[int, float, NoiseScale]] = field(default_factory=list)
    laws: dict[int, StdLaw] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether the values are exact, so that they have no intervals."""
        return self.probe.per_example is not None

    def measure(self, training: Training) -> None:
        """Measure at the present step, the first time the law too; where a gradient is not finite, only say so."""
        step = training.position.step
        try:
            found = self.probe.measure(step)
            law = None if self.points else self._law(step, found)
        except ValueError:
            self.skipped.append(step)
            return
        if law is not None:
            self.laws[step] = law
        self.points.append((step, training.batches.examples_at(step) / training.batches.rows, found))

    def measure_law_at_the_end(self, training: Training) -> None:
        """The law once more at the last moment, if the weights still stand there."""
        position = training.position
        if len(self.points) > 1 and self.points[-1][0] == position.step and position.diverged_at is None:
            law = self._law(position.step, self.points[-1][2])
            if law is not None:
                self.laws[position.step] = law

    def _law(self, step: int, found: NoiseScale) -> StdLaw | None:
        return measured_law(self.probe.workload, found.gradient, found.trace_sigma.estimate, step)

    @property
    def notes(self) -> list[str]:
        """What a reader must know of these numbers."""
        workload = self.probe.workload
        modules, optimizer = list(workload.model.modules()), workload.config.optimizer
        kinds = {"dropout off": nn.modules.dropout._DropoutNd, "BatchNorm frozen": nn.modules.batchnorm._BatchNorm}
        frozen = [words for words, kind in kinds.items() if any(isinstance(module, kind) for module in modules)]
        rescaled = not isinstance(optimizer, Sgd)
        notes = [f"indicative only under {optimizer.name}: it rescales the gradient"] if rescaled else []
        notes += [f"measured with {' and '.join(frozen)}"] if frozen else []
        return notes + ([self.probe.reason] if self.probe.reason else [])

    def table(self) -> "pd.DataFrame":
        """step, epoch, each quantity with _low and _high (empty where exact); noise_scale empty: unresolved."""
        import pandas as pd

        rows = []
        for step, epoch, found in self.points:
            row: dict[str, Any] = {"step": step, "epoch": epoch}
            for name, value in zip(QUANTITIES, (found.grad_sq_norm, found.trace_sigma, found.b_simple), strict=True):
                if value is not None:
                    ends = {} if self.exact else {f"{name}_low": value.low, f"{name}_high": value.high}
                    row |= {name: value.estimate} | ends
            rows.append(row)
        names = [f"{name}{end}" for name in QUANTITIES for end in ("", "_low", "_high")]
        return pd.DataFrame(rows, columns=["step", "epoch", *names]).astype(dict.fromkeys(names, "float64"))

    def law_table(self) -> "pd.DataFrame":
        """A row for each moment and batch size: measured with interval, predicted."""
        import pandas as pd

        rows = [
            [step, p.batch_size, p.measured.estimate, p.measured.low, p.measured.high, p.predicted, p.measured.n]
            for step, law in self.laws.items()
            for p in law.points
        ]
        return pd.DataFrame(rows, columns=["step", "batch_size", "std", "std_low", "std_high", "predicted", "batches"])


def run_with_noise(
    session: Session,
    probe: NoiseProbe,
    folder: RunFolder,
    points: int,
    spacing: Spacing = "even",
    observe: RunObserver | None = None,
) -> NoiseRun:
    """Carry out a prepared run in a new folder, measuring before the first update and at `points` moments; draw it.

    The weights stand still meanwhile and the clock of training is off; the history is that of the run
    without any measuring. A moment whose gradient is not finite is named, never a number.
    """
    run = NoiseRun(probe)
    pauses = Pauses(session, points, spacing, run.measure)

    def watch(training: Training, record: Record | None) -> None:
        pauses(training)
        if observe is not None:
            observe(training, record)

    session.run(folder, watch)
    pauses.close(session.training)
    run.measure_law_at_the_end(session.training)
    draw_run(folder.path)
    return run


def write_noise_run(run: NoiseRun, path: Path, fit: StudyFit | None = None, again: Path | None = None) -> None:
    """The tables, the figures and the notes beside the run's own files.

    fit: of a study, for comparison;  again: the run folder whose config was trained.
    """
    table, b_crit = run.table(), None if fit is None else fit.b_crit
    write_table(path / NOISE_TABLE, table)
    write_table(path / STD_LAW_TABLE, run.law_table())
    slopes = {step: [law.slope.estimate, law.slope.low, law.slope.high] for step, law in run.laws.items()}
    facts = {
        "method": run.probe.in_words,
        "notes": run.notes,
        "slopes": slopes,
        "b_crit": b_crit,
        "not_finite": run.skipped,
        "again": None if again is None else str(again),
        "study": None if fit is None else fit.in_words,
    }
    write_json(path / NOISE_FACTS, facts)
    note = "; ".join([run.probe.in_words, *run.notes])
    ends = [f"{name}{end}" for name in QUANTITIES for end in ("_low", "_high")]
    drawn = table.drop(columns=ends) if run.exact else table
    plots.save_figure(plots.noise_scale_figure(drawn, b_crit=b_crit, note=note), path / NOISE_FIGURE)
    for step, law in run.laws.items():
        _save_law(step, law, with_replacement(run.probe.workload), path)


def _save_law(step: int, law: StdLaw, replacement: bool, path: Path) -> None:
    prediction = "predicted, √(tr Σ/b)" if replacement else "predicted, √(tr Σ/b · (1 − b/N))"
    figure = plots.gradient_std_figure(
        [p.batch_size for p in law.points],
        [p.measured.estimate for p in law.points],
        [p.predicted for p in law.points],
        std_low=[p.measured.low for p in law.points],
        std_high=[p.measured.high for p in law.points],
        prediction=prediction,
        title=f"step {step:,}: slope {law.slope} (law: -1/2)".replace("-", "−"),
        note=f"{FEWEST} to {MOST:,} batches at each size, 95 % intervals; the weights stand still",
    )
    plots.save_figure(figure, path / STD_LAW_FIGURE.format(step=step))


def histories_compared(first: Path, second: Path) -> str:
    """Whether two runs have the same history, timing aside, in words."""
    a, b = (read_history(path / HISTORY).drop(columns=list(TIMING_COLUMNS)) for path in (first, second))
    if a.equals(b):
        return "the same history, number for number"
    if len(a) != len(b):
        return f"another history, {len(b)} rows where it had {len(a)}"
    gap = float((a["train_loss"] - b["train_loss"]).abs().max())
    return f"a history that differs by up to {gap:.2g} in train_loss (another machine, engine or version?)"
