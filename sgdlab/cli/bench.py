"""`sgdlab bench`: what this machine does, measured."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sgdlab.cli import options as opt
from sgdlab.cli.console import console, say, short_number, show_table

if TYPE_CHECKING:
    import pandas as pd

    from sgdlab.config import Config
    from sgdlab.data import PreparedData

app = typer.Typer(help="Benchmarks of this machine: matrix products, training steps.", no_args_is_help=True)

FIGURE_KINDS = (".png", ".pdf", ".svg")

Repeats = Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Rounds; medians over them are shown.")]
Threads = Annotated[int, typer.Option(min=1, max=1024, metavar="N", help="Threads of every contender.")]
Pin = Annotated[int | None, typer.Option("--pin", min=0, metavar="CORE", help="Keep the whole process on one core.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the table with hardware and versions.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write the figure: .png, .pdf or .svg.")]


@app.command("matmul")
def matmul(
    size: Annotated[int, typer.Option(min=1, max=8192, metavar="N", help="Rows and columns of the matrices.")] = 256,
    repeats: Repeats = 30,
    threads: Threads = 1,
    pin: Pin = None,
    out: Out = Path("bench-matmul.png"),
    csv: Csv = None,
) -> None:
    """One matrix product in four ways: element by element, column by column, in blocks of 64 columns, whole.

    Examples:

    sgdlab bench matmul

    sgdlab bench matmul --size 512 --threads 2 --csv matmul.csv
    """
    _check_places(out, csv)
    _pin(pin)
    from sgdlab import plots
    from sgdlab.bench import matmul as bench
    from sgdlab.bench.conditions import conditions, in_words

    with _progress() as tell:
        table = bench.matmul_table(size, repeats, threads, pin, tell)
    headers = ["way", "repeats", "seconds", "middle half", "GFLOP/s", "× whole"]
    rows = [
        [row["method"], row["repeats"], row["seconds"], _between(row, "seconds"), row["gflops"], row["ratio_to_whole"]]
        for row in table.to_dict("records")
    ]
    if "chapter_printed" in table:
        headers += ["chapter printed", "by 2·m·n·k"]
        pairs = zip(table["chapter_printed"], table["chapter_corrected"], strict=True)
        rows = [[*row, *pair] for row, pair in zip(rows, pairs, strict=True)]
    show_table(headers, rows)
    flops = bench.product_flops(size, size, size) / 1e9
    say(f"a product of {size} x {size} matrices is 2·m·n·k = {short_number(flops)} GFLOP; float32, {_threads(threads)}")
    if "chapter_printed" in table:
        say("the chapter's PyTorch figures count 2 GFLOP for it, 60 times too many, and are single laps of a timer")
    say("seconds: median per product, Python's loop included; element by element in every tenth round only")
    if (timed := int(table["rows_timed"].min())) < size:
        say(f"element by element was timed on {timed} of {size} rows and scaled")
    note = f"{size} x {size}, float32, {_threads(threads)}; {in_words(conditions(pin))}"
    say(in_words(conditions(pin)))
    _write(table, csv)
    figure = plots.matmul_figure(table, title="One matrix product in four ways", note=note)
    say(str(plots.save_figure(figure, out)))


@app.command("step")
def step(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file or shipped config; without it mnist-10k.")
    ] = "default",
    batch_sizes: Annotated[str, typer.Option(metavar="B1,B2", help="Batch sizes, as 8,64,full.")] = "1,8,64,256,full",
    engines: Annotated[
        str | None, typer.Option(metavar="E1,E2", help="Engines; without it all that can run the config.")
    ] = None,
    repeats: Repeats = 7,
    threads: Threads = 1,
    pin: Pin = None,
    overrides: opt.Set = [],  # noqa: B006
    peers: Annotated[
        bool, typer.Option("--peers", help="Also DataLoader, scikit-learn, Lightning, Keras, JAX where installed.")
    ] = False,
    out: Out = Path("bench-step.png"),
    csv: Csv = None,
) -> None:
    """Microseconds a step and examples a second: every engine, the plain PyTorch loop, and the floor.

    Examples:

    sgdlab bench step

    sgdlab bench step d2l/sgd --set dataset=airfoil-twin --batch-sizes 1,10,100 --engines native,eager

    sgdlab bench step --peers --pin 0 --csv step.csv
    """
    _check_places(out, csv)
    _pin(pin)
    from sgdlab import plots
    from sgdlab.analysis.knee import knee
    from sgdlab.bench import peers as others
    from sgdlab.bench import roofline as floor
    from sgdlab.bench import step as bench
    from sgdlab.bench.conditions import conditions, in_words
    from sgdlab.sweeps.plan import parse_list

    sizes = parse_list(batch_sizes, "--batch-sizes")
    names = [name.strip() for name in engines.split(",")] if engines is not None else None
    parsed, data = _loaded(config, overrides)
    field = bench.field_of(parsed, data, sizes, threads, names, peers)
    for absent in field.absent:
        say(f"left out: {absent}")
    with _progress() as tell:
        table = bench.step_table(field, repeats, pin, tell)
    show_table(
        ["engine", "batch size", "µs/step", "middle half", "examples/s", "× plain", "× floor"],
        [
            [
                *(row["engine"], row["batch_size"], _amount(row["step_us"]), _between(row, "step_us")),
                *(round(row["examples_per_second"]), _times(row["times_plain"]), _times(row["times_floor"])),
            ]
            for row in table.to_dict("records")
        ],
    )
    for name, rows in table.groupby("engine", sort=False):
        if name != bench.FLOOR:
            found = knee(rows["batch_size"].tolist(), rows["examples_per_second"].tolist())
            say(f"knee of {name}: batch size {found.batch_size:,}, the smallest within 10 % of its best examples/s")
    for text in (bench.IN_WORDS, floor.IN_WORDS, *([others.THREADS_IN_WORDS] if peers else [])):
        say(text)
    job = f"{config}: {parsed.dataset.name}, {parsed.model.name}, {parsed.optimizer.name}, {_threads(threads)}"
    where = in_words(conditions(pin))
    say(f"{job}; {repeats} repeats; {where}")
    _write(table, csv)
    figure = plots.step_figure(table, title=f"A training step of {job}", note=where)
    say(str(plots.save_figure(figure, out)))


@app.command("engines")
def engines(repeats: Repeats = 5, pin: Pin = None, csv: Csv = None) -> None:
    """The engine that auto takes against eager at its best number of threads, on a grid of 40 jobs.

    Example: sgdlab bench engines --csv engines.csv
    """
    _check_places(None, csv)
    _pin(pin)
    from sgdlab.bench import engines as grid
    from sgdlab.bench.conditions import conditions, in_words

    with _progress() as tell:
        table = grid.grid_table(repeats, pinned=pin, tell=tell)
    headers = ["network", "rule", "batch size", "auto takes", "threads", "µs/step", "eager's", "µs/step", "ratio"]
    columns = ["shape", "optimizer", "batch_size", "engine", "threads", "step_us", "eager_threads", "eager_us", "ratio"]
    shown = table[columns].assign(**{name: table[name].map(_amount) for name in ("step_us", "eager_us")})
    show_table(headers, shown.assign(ratio=table["ratio"].map(_times)).itertuples(index=False))
    worst = table.nsmallest(1, "ratio").iloc[0]
    say(f"worst: {_times(worst['ratio'])}, {worst['shape']} at batch size {worst['batch_size']:,} ({worst['engine']})")
    say(grid.IN_WORDS)
    say(f"{repeats} repeats; {in_words(conditions(pin))}")
    _write(table, csv)


@app.command("scale")
def scale(repeats: Repeats = 3, pin: Pin = None, csv: Csv = None) -> None:
    """How time and memory grow: from 10 to 1,000 runs in a sweep, from 1,000 to 1,000,000 rows.

    --csv FILE writes FILE with -runs and -rows before its suffix.

    Example: sgdlab bench scale --csv scale.csv
    """
    _check_places(None, csv)
    _pin(pin)
    from sgdlab import api
    from sgdlab.bench import scale as bench
    from sgdlab.bench.conditions import conditions, in_words

    with _progress() as tell:
        runs = bench.runs_table(api.sweep, pinned=pin, tell=tell)
    headers = ["runs", "seconds", "ms per run", "ms per further run", "× first", "MiB", "MiB of workers"]
    columns = ["runs", "seconds", "run_ms", "own_ms", "ratio", "memory_mib", "workers_memory_mib"]
    show_table(headers, runs[columns].astype({"runs": object}).itertuples(index=False))
    say(bench.RUNS_IN_WORDS)
    with _progress() as tell:
        rows = bench.rows_table(repeats, pinned=pin, tell=tell)
    headers = ["rows", "engine", "threads", "ns per example", "middle half", "× first"]
    show_table(
        headers,
        [
            [row["rows"], row["engine"], row["threads"], row["example_ns"], _between(row, "example_ns"), row["ratio"]]
            for row in rows.to_dict("records")
        ],
    )
    say(bench.ROWS_IN_WORDS)
    say(f"{repeats} repeats of the rows, one of the runs; {in_words(conditions(pin))}")
    if csv is not None:
        _write(runs, csv.with_stem(f"{csv.stem}-runs"))
        _write(rows, csv.with_stem(f"{csv.stem}-rows"))


def _loaded(source: str, overrides: list[str]) -> "tuple[Config, PreparedData]":
    """The config and its data."""
    from sgdlab.cli.progress import downloading
    from sgdlab.config import build_config, document_of, locate, without_grid
    from sgdlab.data import load

    document = without_grid(document_of(source, overrides))
    config = build_config(document)
    with locate(document), downloading() as progress:
        return config, load(config.dataset, config.seed, progress=progress)


def _check_places(out: Path | None, csv: Path | None) -> None:
    """Refuse before measuring what could not be written after it."""
    from sgdlab.errors import UserError

    if out is not None and out.suffix.lower() not in FIGURE_KINDS:
        raise UserError(f"--out {out}: a figure is written as {', '.join(FIGURE_KINDS)}; end the name in one of them")
    for option, place in (("--out", out), ("--csv", csv)):
        if place is not None and place.is_dir():
            raise UserError(f"{option} {place}: is a folder; name a file in it")
        if place is not None and not place.parent.is_dir():
            raise UserError(f"{option} {place}: there is no folder {place.parent}; make it, or name another place")


def _pin(core: int | None) -> None:
    """Before numpy and torch are imported: their threads take over what their maker may use."""
    if core is not None:
        from sgdlab.bench.pinning import pin

        pin(core)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; nothing where nobody watches."""
    if not console(stderr=True).is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("measuring"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("measuring", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, refresh=True)

        yield tell


def _write(table: "pd.DataFrame", place: Path | None) -> None:
    if place is not None:
        from sgdlab.runs.files import write_table

        write_table(place, table)
        say(str(place))


def _amount(value: float) -> Any:
    """A time as people read it: 12.35, and from 1,000 on whole."""

    return round(value) if value >= 1000 else float(value)


def _between(row: "dict[Hashable, Any]", column: str) -> str:
    """The quartiles of a column."""
    ends = (row[f"{column}_low"], row[f"{column}_high"])
    return "–".join(short_number(end) if end < 1000 else f"{end:,.0f}" for end in ends)


def _times(value: float) -> str:
    """A ratio to three digits."""
    if value != value:
        return "–"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _threads(threads: int) -> str:
    return f"{threads} thread{'s' if threads != 1 else ''}"
