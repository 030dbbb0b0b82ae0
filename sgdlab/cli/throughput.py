"""`sgdlab throughput`: examples per second against the batch size, and the knee."""

from pathlib import Path
from typing import Annotated

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import say, show_table
from sgdlab.cli.progress import downloading


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("throughput", rich_help_panel=panels.CHOOSE)(throughput)


def throughput(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")
    ] = "default",
    batch_sizes: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="Batch sizes; else powers of two up to all rows.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Rounds through all sizes.")] = 7,
    overrides: opt.Set = [],  # noqa: B006
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write the table as CSV; the figure goes beside it.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Measure steps of a config's own engine at each batch size, and find the knee.

    The knee is the smallest batch size within 10 % of the best examples/s: beyond it a larger batch buys
    nothing on this machine. Training time is time per step times steps to target: see `sgdlab study`.

    Examples:

    sgdlab throughput default

    sgdlab throughput my.yaml --batch-sizes 16,64,256,1024 --out throughput.csv
    """
    from sgdlab import plots
    from sgdlab.analysis.knee import knee
    from sgdlab.bench.conditions import in_words
    from sgdlab.config import build_config, document_of, locate, without_grid
    from sgdlab.data import load
    from sgdlab.errors import ConfigError
    from sgdlab.probes.batch_sizes import resolved_sizes
    from sgdlab.probes.throughput import default_sizes, throughput_table
    from sgdlab.runs.files import write_table
    from sgdlab.sweeps.plan import parse_list

    if out is not None and out.suffix != ".csv":
        raise ConfigError(f"--out {out}: must end in .csv; the figure is written beside it as .png")
    changed = opt.changes(None, None, None, None, device, engine, threads)
    sizes = parse_list(batch_sizes, "--batch-sizes") if batch_sizes is not None else ()
    document = without_grid(document_of(config, overrides, **changed))
    wanted = build_config(document)
    with locate(document), downloading() as progress:
        data = load(wanted.dataset, wanted.seed, progress=progress)
        configs = resolved_sizes(wanted, data, sizes or default_sizes(len(data.train)))
    table = throughput_table(configs, data, repeats)
    found = knee(table["batch_size"].tolist(), table["examples_per_second"].tolist())
    columns = ["batch_size", "engine", "step_us", "step_us_low", "step_us_high", "examples_per_second"]
    if not quiet:
        show_table([c.replace("_", " ") for c in columns], table[columns].itertuples(index=False, name=None))
    beyond = "; it is the largest size measured, a larger one may be faster still" if found.rising else ""
    say(f"knee at batch size {found.batch_size:,}: {found.examples_per_second:,.0f} examples/s, best "
        f"{found.best_examples_per_second:,.0f} at {found.best_batch_size:,}{beyond}")  # fmt: skip
    conditions = in_words({str(key): value for key, value in table.iloc[0].items()})
    if not quiet:
        say(f"medians and quartiles of {repeats} rounds; evaluation and set-up off the clock; {conditions}")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_table(out, table)
        plots.save_figure(
            plots.step_figure(table.assign(engine=" then ".join(dict.fromkeys(table["engine"]))), note=conditions),
            out.with_suffix(".png"),
        )
        say(str(out))
