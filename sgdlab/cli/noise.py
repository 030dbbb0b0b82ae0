"""`sgdlab noise-scale`: the gradient noise scale along training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import say, short_number, show_table
from sgdlab.cli.progress import downloading, outcome, run_display

if TYPE_CHECKING:
    from sgdlab.probes.noise_run import NoiseRun

MEASURING = "What is measured"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("noise-scale", rich_help_panel=panels.CHOOSE)(noise_scale)


def noise_scale(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG|RUN", help="A config, or a run folder, whose config is trained again.")
    ],
    points: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="Moments after the first.", rich_help_panel=MEASURING)
    ] = 8,
    spacing: Annotated[
        Literal["even", "geometric"],
        typer.Option(help="How the moments lie along training.", rich_help_panel=MEASURING),
    ] = "even",
    method: Annotated[
        Literal["auto", "exact", "pairs"],
        typer.Option(help="Every example's gradient, or pairs of batches.", rich_help_panel=MEASURING),
    ] = "auto",
    pairs: Annotated[
        int,
        typer.Option(
            min=2, max=100_000, metavar="N", help="Pairs of batches at each moment.", rich_help_panel=MEASURING
        ),
    ] = 100,
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="b,B", help="The two batch sizes of the pairs.", rich_help_panel=MEASURING)
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(metavar="STUDY", help="A study whose B_crit to compare with.", rich_help_panel=MEASURING),
    ] = None,
    overrides: opt.Set = [],  # noqa: B006
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    epochs: opt.Epochs = None,
    seed: opt.Seed = None,
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    runs_dir: opt.RunsDir = Path("runs"),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The new folder itself.", rich_help_panel=opt.OUTPUT)
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Measure |G|², tr Σ and the noise scale tr Σ/|G|² (in examples) while a config trains.

    The weights stand still while it measures, and the training is that of `sgdlab train`. The b^(−1/2) law of
    minibatch gradients is checked before the first update and after the last.

    Examples:

    sgdlab noise-scale d2l/minibatch-10 --set dataset=airfoil-twin

    sgdlab noise-scale my.yaml --method pairs --batch-sizes 8,512 --points 4

    sgdlab noise-scale runs/20261121-194503-mnist-10k-adam-bs8 --study runs/my-study
    """
    from sgdlab.config import document_of
    from sgdlab.probes.noise_run import new_folder, repeats, run_with_noise, write_noise_run
    from sgdlab.probes.noise_scale import noise_probe
    from sgdlab.runs.folder import is_run
    from sgdlab.runs.names import CONFIG
    from sgdlab.sweeps.plan import parse_list
    from sgdlab.training.start import new_session

    again = is_run(Path(config))
    source = str(Path(config) / CONFIG) if again else config
    changed = opt.changes(batch_size, learning_rate, epochs, seed, device, engine, threads)
    sizes = parse_list(batch_sizes, "--batch-sizes") if batch_sizes is not None else None
    b_crit, said = study_b_crit(study) if study is not None else (None, "")
    with downloading() as progress:
        session = new_session(document_of(source, overrides, **changed), progress)
    probe = noise_probe(session.workload, method, pairs, sizes)
    if not quiet:
        say(f"noise scale {probe.in_words}")
    folder = new_folder(session.config, runs_dir, out)
    with run_display(quiet) as observe:
        run = run_with_noise(session, probe, folder, points, spacing, observe)
    facts: dict[str, Any] = {"again": config if again else None, "study": said or None}
    write_noise_run(run, folder, b_crit, facts)
    figures_of(folder.path)
    if not quiet:
        show(run, b_crit, said)
        if again and not (overrides or any(value is not None for value in changed.values())):
            say(f"{config} was trained again: {repeats(Path(config), folder.path)}")
    say(str(folder.path))
    close(folder.summary(), quiet)


def study_b_crit(path: Path) -> tuple[float | None, str]:
    """B_crit in examples as a study found it, and in words; None where it could not tell."""
    from sgdlab.studies.opened import Study
    from sgdlab.studies.result import fit_in_words

    found = Study(path)
    return found.b_crit, f"{path}: {fit_in_words(found.fit)}"


def figures_of(path: Path) -> None:
    """The run's own figures, as after `sgdlab train`."""
    from sgdlab.results import figures

    figures.draw_run(path)


def close(summary: dict[str, Any], quiet: bool) -> None:
    """Say how the run ended, and leave with its exit code."""
    from sgdlab.cli.train import EXIT_CODES

    if not quiet and summary["status"] != "completed":
        say(f"{summary['status']}: {outcome(summary)}; what was measured until then is kept")
    raise typer.Exit(EXIT_CODES[summary["status"]])


def show(run: "NoiseRun", b_crit: float | None, said: str) -> None:
    """The table, the law, and what a reader must know."""
    table = run.table()
    columns = {"grad_sq_norm": "|G|²", "trace_sigma": "tr Σ", "noise_scale": "noise scale (examples)"}
    exact = run.probe.way is not None
    rows = [
        [int(row["step"]), float(row["epoch"])] + [_with_interval(row, name, exact) for name in columns]
        for _, row in table.iterrows()
    ]
    show_table(["step", "epoch", *columns.values()], rows)
    for step, law in run.laws.items():
        verdict = (
            "holds" if law.holds else "-1/2 lies outside (with few examples of large gradient, the batches are few)"
        )
        ends = f"b = {law.points[0].batch_size} to {law.points[-1].batch_size:,}"
        say(f"b^(-1/2) law of the minibatch gradient's std at step {step:,}, {ends}: slope {law.slope}: {verdict}")
    for step in run.skipped:
        say(f"step {step:,}: a gradient was not finite; nothing was measured there")
    for note in run.notes:
        say(f"note: {note}")
    if said:
        resolved = table["noise_scale"].dropna()
        span = f"{short_number(resolved.min())} to {short_number(resolved.max())}" if len(resolved) else "unresolved"
        say(f"{said}; noise scale along training: {span} examples")
        if b_crit is not None and len(resolved):
            say("the two are of one kind and need not be equal: they are where the loss is well conditioned")


def _with_interval(row: Any, name: str, exact: bool) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    if value != value:
        return "unresolved"
    return short_number(value) if exact else f"{short_number(value)} [{short_number(low)}, {short_number(high)}]"
