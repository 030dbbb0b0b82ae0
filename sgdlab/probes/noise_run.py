"""A run on which the noise scale is measured: an ordinary run folder, with tables and figures added."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from sgdlab import plots
from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.config import Config
from sgdlab.config.schema import Sgd
from sgdlab.probes.batches import with_replacement
from sgdlab.probes.gradient_law import FEWEST, MOST, measured_law
from sgdlab.probes.noise_scale import NoiseProbe, NoiseScale, Quantity
from sgdlab.probes.pauses import Pauses, Spacing
from sgdlab.runs.files import write_json, write_table
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.history import TIMING_COLUMNS, Record, read_history
from sgdlab.runs.names import HISTORY, NOISE_SCALE
from sgdlab.runs.new_folder import create_folder, run_name
from sgdlab.training.loop import Training
from sgdlab.training.session import Observer, Session
from sgdlab.training.signals import StopRequest

if TYPE_CHECKING:
    import pandas as pd

TABLE, LAW_TABLE, NOTES = NOISE_SCALE, "gradient-std.csv", "noise-scale.json"
FIGURE = "noise-scale.png"
QUANTITIES = ("grad_sq_norm", "trace_sigma", "noise_scale")


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
    def notes(self) -> list[str]:
        """What a reader must know of these numbers."""
        return [note for note in _notes(self.probe) if note]

    def table(self) -> "pd.DataFrame":
        """step, epoch, each quantity with _low and _high (empty where exact); noise_scale empty: unresolved."""
        import pandas as pd

        rows = []
        for step, epoch, found in self.points:
            row: dict[str, Any] = {"step": step, "epoch": epoch}
            for name, value in zip(QUANTITIES, (found.grad_sq_norm, found.trace_sigma, found.b_simple), strict=True):
                value = value or Quantity(math.nan)
                row |= {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}
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
    observe: Observer | None = None,
    stop: StopRequest | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> NoiseRun:
    """Carry out a prepared run in a new folder, measuring before the first update and at `points` moments.

    The weights stand still meanwhile and the clock of training is off; the history is that of the run
    without any measuring. A moment whose gradient is not finite is named, never a number.
    """
    run = NoiseRun(probe)

    def measure(training: Training) -> None:
        step = training.position.step
        try:
            found = probe.measure(step)
            law = (
                measured_law(probe.workload, found.gradient, found.trace_sigma.value, step) if not run.points else None
            )
        except ValueError:
            run.skipped.append(step)
            return
        if law is not None:
            run.laws[step] = law
        run.points.append((step, training.batches.examples_at(step) / training.batches.rows, found))
        tell(f"step {step:,}: noise scale {_in_words(found.b_simple)}")

    pauses = Pauses(session, points, spacing, measure)

    def watch(training: Training, record: Record | None) -> None:
        pauses(training)
        if observe is not None:
            observe(training, record)

    session.run(folder, watch, stop)
    pauses.close(session.training)
    _law_at_the_end(run, session.training)
    return run


def _law_at_the_end(run: NoiseRun, training: Training) -> None:
    """The law once more at the last moment, if the weights still stand there."""
    if len(run.points) < 2 or run.points[-1][0] != training.position.step or training.position.diverged_at is not None:
        return
    step, _, found = run.points[-1]
    law = measured_law(run.probe.workload, found.gradient, found.trace_sigma.value, step)
    if law is not None:
        run.laws[step] = law


def write_noise_run(run: NoiseRun, folder: RunFolder, b_crit: float | None, more: Mapping[str, Any]) -> list[Path]:
    """The tables, the figures and the notes beside the run's own files; returns the figures' paths."""
    table, law = run.table(), run.law_table()
    write_table(folder.path / TABLE, table)
    write_table(folder.path / LAW_TABLE, law)
    slopes = {step: [l.slope.estimate, l.slope.low, l.slope.high] for step, l in run.laws.items()}  # noqa: E741
    facts = {
        "method": run.probe.in_words,
        "notes": run.notes,
        "slopes": slopes,
        "b_crit": b_crit,
        "not_finite": run.skipped,
    }
    write_json(folder.path / NOTES, facts | dict(more))
    note = "; ".join([run.probe.in_words, *run.notes])
    ends = [f"{name}{end}" for name in QUANTITIES for end in ("_low", "_high")]
    drawn = table.drop(columns=ends) if run.probe.way is not None else table  # exact values have no bands
    paths = [plots.save_figure(plots.noise_scale_figure(drawn, b_crit=b_crit, note=note), folder.path / FIGURE)]
    for step in run.laws:
        paths.append(_save_law(run, step, folder))
    return paths


def _save_law(run: NoiseRun, step: int, folder: RunFolder) -> Path:
    law, replacement = run.laws[step], with_replacement(run.probe.workload)
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
    return plots.save_figure(figure, folder.path / f"gradient-std-step{step}.png")


def _notes(probe: NoiseProbe) -> list[str]:
    config, modules = probe.workload.config, list(probe.workload.model.modules())
    has_dropout = any(isinstance(m, nn.modules.dropout._DropoutNd) for m in modules)
    has_norm = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules)
    frozen = ["dropout off"] * has_dropout + ["BatchNorm frozen"] * has_norm
    return [
        ""
        if isinstance(config.optimizer, Sgd)
        else f"indicative only under {config.optimizer.name}: it rescales the gradient",
        f"measured with {' and '.join(frozen)}" if frozen else "",
        probe.reason,
    ]


def _in_words(scale: Quantity | None) -> str:
    if scale is None:
        return "unresolved"
    interval = "" if scale.low is None else f" [{scale.low:.4g}, {scale.high:.4g}]"
    return f"{scale.value:.4g}{interval} examples"


def new_folder(config: Config, runs_dir: Path, out: Path | None) -> RunFolder:
    """`out` itself, or a stamped folder in runs_dir; with a suffix where it exists."""
    parent, name = (runs_dir, None) if out is None else (out.parent, out.name)
    return RunFolder(create_folder(parent, name, f"{run_name(config)}-noise-scale"))


def repeats(first: Path, second: Path) -> str:
    """Whether two runs have the same history, timing aside, in words."""
    a, b = (read_history(path / HISTORY).drop(columns=list(TIMING_COLUMNS)) for path in (first, second))
    if a.equals(b):
        return "the same history, number for number"
    if len(a) != len(b):
        return f"another history, {len(b)} rows where it had {len(a)}"
    gap = float((a["train_loss"] - b["train_loss"]).abs().max())
    return f"a history that differs by up to {gap:.2g} in train_loss (another machine, engine or version?)"
