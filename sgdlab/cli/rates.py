"""`sgdlab lr-range` and `sgdlab scale`: learning rates that a config can bear, and those of other batch sizes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sgdlab.cli import options as opt
from sgdlab.cli import panels
from sgdlab.cli.console import say, short_number, show_table
from sgdlab.cli.progress import downloading, outcome, run_display

if TYPE_CHECKING:
    from sgdlab.probes.lr_range import Rates
    from sgdlab.probes.scaling_rule import Scaled

TEST = "The test"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lr-range", rich_help_panel=panels.CHOOSE)(lr_range)
    app.command("scale", rich_help_panel=panels.CHOOSE)(scale)


def lr_range(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")],
    batch_sizes: Annotated[
        str | None,
        typer.Option(metavar="B1,B2", help="Batch sizes, as 8,64,full; else the config's.", rich_help_panel=TEST),
    ] = None,
    seeds: Annotated[str | None, typer.Option(metavar="A-B", help="Seeds, as 0-4.", rich_help_panel=TEST)] = None,
    low: Annotated[float, typer.Option(metavar="X", help="Lowest rate tried.", rich_help_panel=TEST)] = 1e-5,
    high: Annotated[float, typer.Option(metavar="X", help="Highest rate tried.", rich_help_panel=TEST)] = 100.0,
    range_steps: Annotated[
        int,
        typer.Option(
            min=30, max=100_000, metavar="N", help="Rates of the range test, one step each.", rich_help_panel=TEST
        ),
    ] = 350,
    stable_steps: Annotated[
        int,
        typer.Option(
            min=12, max=100_000, metavar="N", help="Steps that a stable rate must bear.", rich_help_panel=TEST
        ),
    ] = 300,
    overrides: opt.Set = [],  # noqa: B006
    seed: opt.Seed = None,
    device: opt.Device = None,
    engine: opt.Engine = None,
    threads: opt.Threads = None,
    runs_dir: opt.RunsDir = Path("runs"),
    name: opt.Name = None,
    quiet: opt.Quiet = False,
) -> None:
    """Find learning rates for each batch size: a range test, and the largest stable rate by bisection.

    The range test raises the rate geometrically, one step each, and suggests where the loss fell fastest, or
    nothing. The largest stable rate is the one up to which 300 steps leave the smoothed loss no higher than
    it began. Both start from the config's initial weights; schedules are left out.

    Examples:

    sgdlab lr-range parr/minibatch-8-corrected

    sgdlab lr-range my.yaml --batch-sizes 8,64,512,full --seeds 0-2
    """
    from sgdlab.config import build_config, document_of, locate, without_grid
    from sgdlab.data import load
    from sgdlab.errors import ConfigError
    from sgdlab.probes.batch_sizes import resolved_sizes
    from sgdlab.probes.lr_range import Ladder, find_rates, write_rates
    from sgdlab.runs.new_folder import create_folder, run_name
    from sgdlab.sweeps.plan import parse_list, parse_seeds

    if not 0 < low < high < float("inf"):
        raise ConfigError(f"--low {low:g} --high {high:g}: rates must be above 0, finite, and low below high")
    changed = opt.changes(None, None, None, seed, device, engine, threads)
    document = without_grid(document_of(config, overrides, **changed))
    wanted = build_config(document)
    sizes = parse_list(batch_sizes, "--batch-sizes") if batch_sizes is not None else ()
    with locate(document), downloading() as progress:
        data = load(wanted.dataset, wanted.seed, progress=progress)
        configs = resolved_sizes(wanted, data, sizes)
    if not quiet:
        say(f"rates {low:g} to {high:g}; engine {', '.join(sorted({c.engine for c in configs}))}")
    chosen = parse_seeds(seeds) if seeds is not None else (wanted.seed,)
    ladder = Ladder(low, high, range_steps)
    found = find_rates(configs, lambda each: load(wanted.dataset, each), chosen, ladder, stable_steps, _told(quiet))
    folder = create_folder(runs_dir, name or None, f"{run_name(configs[0])}-lr-range")
    write_rates(found, folder, wanted, ladder, stable_steps)
    if not quiet:
        show_rates(found)
    say(str(folder))


def _told(quiet: bool) -> Any:
    return (lambda text: None) if quiet else say


def show_rates(found: "list[Rates]") -> None:
    """A row for each batch size, and what a reader must know."""
    from sgdlab.probes.lr_range import lowest_at

    seeds = len(found[0].seeds)
    headers = [
        "batch size",
        "suggested rate",
        "loss lowest at",
        "not finite from",
        "largest stable rate",
        "per example",
    ]
    rows = []
    for each in found:
        rate, low, high = each.stable_span()
        stable = None if rate != rate else f"{short_number(rate)} [{short_number(low)}, {short_number(high)}]"
        row = [each.batch_size, each.sweep.suggestion, lowest_at(each.sweep), each.sweep.cut_rate, stable]
        rows.append([*row, rate / each.batch_size])
    show_table(headers, rows)
    ends = "last stable and first unstable rate tried" if seeds == 1 else f"median and range over {seeds} seeds"
    say(f"in brackets: {ends}")
    if found[0].limit is not None:
        say(f"theory for the full batch (least squares): 2(1 + momentum)/λmax = {found[0].limit:.4g}")
    say("the range test overshoots what is stable: a rate held for a run must lie below the largest stable one")
    say("stable means no worse than at the start; a network that learns nothing is that, too (Adam at high rates)")


def scale(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")],
    to: Annotated[
        int | None, typer.Option("--to", min=1, metavar="N", help="The new batch size; for growth the largest.")
    ] = None,
    rule: Annotated[
        Literal["linear", "sqrt", "adam", "growth"], typer.Option("--rule", help="How the rate follows.")
    ] = "linear",
    check: Annotated[bool, typer.Option("--check", help="Train both and compare their curves by epoch.")] = False,
    seeds: Annotated[str | None, typer.Option(metavar="A-B", help="Seeds of the check, as 0-2.")] = None,
    overrides: opt.Set = [],  # noqa: B006
    batch_size: opt.BatchSize = None,
    learning_rate: opt.LearningRate = None,
    epochs: opt.Epochs = None,
    runs_dir: opt.RunsDir = Path("runs"),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Where the new config goes; else it is printed.", rich_help_panel=opt.OUTPUT
        ),
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Move a config to another batch size by a rule of the literature, and check the rule by training both.

    linear: rate times κ with warm-up (SGD). sqrt: rate times √κ. adam: √κ, and its averages with it. growth:
    a falling step schedule becomes a growing batch at a constant rate.

    Examples:

    sgdlab scale d2l/minibatch-10 --to 100 --rule linear --out larger.yaml

    sgdlab scale default --to 512 --rule adam --check --seeds 0-2

    sgdlab scale d2l/decay --rule growth
    """
    from sgdlab.config import document_of
    from sgdlab.errors import ConfigError
    from sgdlab.probes.scaling_rule import scaled
    from sgdlab.training.start import new_session

    if out is not None and out.exists():
        raise ConfigError(f"--out {out}: exists already; choose another name or remove it")
    changed = opt.changes(batch_size, learning_rate, epochs, None, None, None, None)
    document = document_of(config, overrides, **changed)
    with downloading() as progress:
        original = new_session(document, progress)
    new = scaled(document, rule, to, len(original.data.train))
    new_session(new.document)  # what cannot be trained is refused before anything is written
    if out is not None:
        from sgdlab.runs.files import write_text

        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, new.yaml())
    if not check:
        say(
            str(out)
            if out is not None and quiet
            else new.yaml().rstrip()
            if out is None
            else "\n".join([*new.notes, str(out)])
        )
        return
    if not quiet:
        for note in new.notes:
            say(note)
    _check(document, new, rule, seeds, runs_dir, quiet)


def _check(document: Any, new: "Scaled", rule: str, seeds: str | None, runs_dir: Path, quiet: bool) -> None:
    """Train both over the seeds as ordinary runs in one folder, compare them by epoch, say how it went."""
    import copy

    from sgdlab import api
    from sgdlab.config import set_value
    from sgdlab.probes.scaling_check import agreement, write_check
    from sgdlab.runs.files import write_text
    from sgdlab.runs.new_folder import create_folder, run_name
    from sgdlab.sweeps.plan import parse_seeds
    from sgdlab.training.start import new_session

    chosen = parse_seeds(seeds) if seeds is not None else (new.config.seed,)
    first = new_session(document)
    folder = create_folder(runs_dir, None, f"{run_name(first.config)}-scale-{rule}")
    write_text(folder / "scaled.yaml", new.yaml())
    histories: dict[str, dict[int, Any]] = {"original": {}, "scaled": {}}
    diverged: dict[str, list[int]] = {"original": [], "scaled": []}
    for seed in chosen:
        for name, source in (("original", document), ("scaled", new.document)):
            seeded = copy.deepcopy(source)
            set_value(seeded, "seed", seed, f"--seeds {seed}")
            with run_display(quiet) as observe:
                run = api.run_session(new_session(seeded), folder, f"{name}-seed{seed}", observe)
            if run.summary["status"] == "interrupted":
                say(f"interrupted; the runs done are in {folder}")
                raise typer.Exit(130)
            histories[name][seed] = run.history
            if run.summary["status"] == "diverged":
                diverged[name].append(seed)
                say(f"{name}, seed {seed}: {outcome(run.summary)}")
    sizes = {"original": f"batch {first.config.batch_size.initial}", "scaled": _label(new, rule)}
    groups = {sizes[name]: [histories[name][seed] for seed in chosen] for name in histories}
    found = agreement(histories["original"], histories["scaled"], (diverged["original"], diverged["scaled"]))
    write_check(found, groups, folder)
    if found is None:
        say("no seed is left in which both runs can be compared")
    else:
        for line in found.in_words(sizes["original"], sizes["scaled"]):
            say(line)
        lost = sorted({*diverged["original"], *diverged["scaled"]})
        if lost:
            say(f"left out: seeds {', '.join(map(str, lost))}, where a run diverged")
    say(str(folder))


def _label(new: "Scaled", rule: str) -> str:
    size = new.config.batch_size
    grown = f" growing to {size.maximum}" if size.every is not None else ""
    return f"batch {size.initial}{grown}, {rule} rule"
