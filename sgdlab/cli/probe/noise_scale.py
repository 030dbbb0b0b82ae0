"""`sgdlab probe noise-scale`: the gradient noise scale along training."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sgdlab.analysis.wording import number, with_interval
from sgdlab.cli.console import say, show_table
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigOverrides, Output, listed
from sgdlab.cli.probe import group
from sgdlab.cli.progress import run_display
from sgdlab.cli.result import EXIT_CODES, result_in_words

if TYPE_CHECKING:
    from sgdlab.probes.noise_run import NoiseRun, StudyFit
    from sgdlab.probes.noise_scale import NoiseProbe
    from sgdlab.runs.folder import RunFolder
    from sgdlab.training.engines.base import Workload

ConfigOrRun = Annotated[
    str, typer.Argument(metavar="CONFIG|RUN", help="A config, or a run folder, whose config is trained again.")
]
_measured = partial(typer.Option, rich_help_panel="What is measured")
COLUMNS = {"grad_sq_norm": "|G|²", "trace_sigma": "tr Σ", "noise_scale": "noise scale (examples)"}


@dataclass(frozen=True)
class Measured:
    """What is measured, when and how."""

    points: Annotated[int, _measured(min=0, max=1000, metavar="N", help="Moments after the first.")] = 8
    spacing: Annotated[Literal["even", "geometric"], _measured(help="How the moments lie along training.")] = "even"
    method: Annotated[
        Literal["auto", "exact", "pairs"], _measured(help="Every example's gradient, or pairs of batches.")
    ] = "auto"
    pairs: Annotated[int, _measured(min=2, max=100_000, metavar="N", help="Pairs of batches at each moment.")] = 100
    batch_sizes: Annotated[str | None, _measured(metavar="b,B", help="The two batch sizes of the pairs.")] = None
    study: Annotated[Path | None, _measured(metavar="STUDY", help="A study whose B_crit to compare with.")] = None

    def probe(self, workload: "Workload") -> "NoiseProbe":
        """How to measure on this workload; ConfigError for what cannot be had."""
        from sgdlab.probes.noise_scale import noise_probe

        return noise_probe(workload, self.method, self.pairs, listed(self.batch_sizes, "--batch-sizes") or None)

    def fit(self) -> "StudyFit | None":
        """What the study found, where one was named."""
        from sgdlab.probes.noise_run import StudyFit
        from sgdlab.studies.opened import Study
        from sgdlab.studies.result import fit_in_words

        if self.study is None:
            return None
        found = Study(self.study)
        return StudyFit(found.b_crit, f"{self.study}: {fit_in_words(found.fit)}")


@group.command("noise-scale")
def noise_scale(config: ConfigOrRun, measured: Measured, changes: ConfigOverrides, output: Output) -> None:
    """Measure |G|², tr Σ and the noise scale tr Σ/|G|² (in examples) while a config trains.

    The weights stand still while it measures, and the training is that of `sgdlab train`. The b^(−1/2) law of
    minibatch gradients is checked before the first update and after the last.

    Examples:

    sgdlab probe noise-scale d2l/minibatch-10 --set dataset=airfoil-twin

    sgdlab probe noise-scale my.yaml --method pairs --batch-sizes 8,512 --points 4

    sgdlab probe noise-scale runs/20261121-194503-mnist-10k-adam-bs8 --study runs/my-study
    """
    from sgdlab.probes.noise_run import run_with_noise, write_noise_run
    from sgdlab.runs.folder import RunFolder, is_run
    from sgdlab.runs.names import CONFIG
    from sgdlab.runs.new_folder import create_folder, run_name
    from sgdlab.training.start import new_session

    fit = measured.fit()
    again = Path(config) if is_run(Path(config)) else None
    with downloading() as progress:
        session = new_session(changes.document(config if again is None else str(again / CONFIG)), progress)
    probe = measured.probe(session.workload)
    output.tell(f"noise scale {probe.in_words}")
    folder = RunFolder(create_folder(output.runs_dir, output.name, f"{run_name(session.config)}-noise-scale"))
    with run_display(output.quiet) as observe:
        run = run_with_noise(session, probe, folder, measured.points, measured.spacing, observe)
    write_noise_run(run, folder.path, fit, again)
    if not output.quiet:
        show(run, fit)
    close(folder, output.quiet, None if changes.given else again)


def close(folder: "RunFolder", quiet: bool, again: Path | None) -> None:
    """Say how the run ended, and how it compares with the one of equal config; leave with its exit code."""
    from sgdlab.probes.noise_run import histories_compared

    summary = folder.summary()
    if again is not None and not quiet:
        say(f"{again} was trained again: {histories_compared(again, folder.path)}")
    if summary["status"] != "completed" and not quiet:
        say(f"{summary['status']}: {result_in_words(summary)}; what was measured until then is kept")
    say(str(folder.path))
    raise typer.Exit(EXIT_CODES[summary["status"]])


def show(run: "NoiseRun", fit: "StudyFit | None") -> None:
    """The table, the law, and what a reader must know."""
    table = run.table()
    rows = [
        [int(row["step"]), float(row["epoch"]), *(_with_interval(row, name, run.exact) for name in COLUMNS)]
        for _, row in table.iterrows()
    ]
    show_table(["step", "epoch", *COLUMNS.values()], rows)
    for step, law in run.laws.items():
        outside = "-1/2 lies outside (with few examples of large gradient, the batches are few)"
        ends = f"b = {law.points[0].batch_size} to {law.points[-1].batch_size:,}"
        found = f"slope {law.slope}: {'holds' if law.holds else outside}"
        say(f"b^(-1/2) law of the minibatch gradient's std at step {step:,}, {ends}: {found}")
    for step in run.skipped:
        say(f"step {step:,}: a gradient was not finite; nothing was measured there")
    for note in run.notes:
        say(f"note: {note}")
    if fit is not None:
        resolved = table["noise_scale"].dropna()
        span = f"{number(resolved.min())} to {number(resolved.max())}" if len(resolved) else "unresolved"
        say(f"{fit.in_words}; noise scale along training: {span} examples")
        if fit.b_crit is not None and len(resolved):
            say("the two are of one kind and need not be equal: they are where the loss is well conditioned")


def _with_interval(row: Any, name: str, exact: bool) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    if value != value:
        return "unresolved"
    return number(value) if exact else with_interval(value, low, high)
