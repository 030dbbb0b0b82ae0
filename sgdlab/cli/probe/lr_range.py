"""`sgdlab probe lr-range`: the learning rates that a config bears at each batch size."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.analysis.wording import number
from sgdlab.cli.console import say, show_table
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigName, ConfigOverrides, Output, listed, seeds_in
from sgdlab.cli.probe import group

if TYPE_CHECKING:
    from sgdlab.probes.lr_range import RatesAtBatchSize

_test = partial(typer.Option, rich_help_panel="The test")


@dataclass(frozen=True)
class Tested:
    """What is tried."""

    batch_sizes: Annotated[str | None, _test(metavar="B1,B2", help="Batch sizes, as 8,64,full; else the config's.")] = (
        None
    )
    seeds: Annotated[str | None, _test(metavar="A-B", help="Seeds, as 0-4; else the config's.")] = None
    low: Annotated[float, _test(metavar="X", help="Lowest rate tried.")] = 1e-5
    high: Annotated[float, _test(metavar="X", help="Highest rate tried.")] = 100.0
    range_steps: Annotated[
        int, _test(min=30, max=100_000, metavar="N", help="Rates of the range test, one step each.")
    ] = 350
    stable_steps: Annotated[
        int, _test(min=12, max=100_000, metavar="N", help="Steps that a stable rate must bear.")
    ] = 300


@group.command("lr-range")
def lr_range(config: ConfigName, tested: Tested, changes: ConfigOverrides, output: Output) -> None:
    """Find learning rates for each batch size: a range test, and the largest stable rate by bisection.

    The range test raises the rate geometrically, one step each, and suggests where the loss fell fastest, or
    nothing. The largest stable rate is the one up to which 300 steps leave the smoothed loss no higher than
    it began. Both start from the config's initial weights; schedules are left out.

    Examples:

    sgdlab probe lr-range parr/minibatch-8-corrected

    sgdlab probe lr-range my.yaml --batch-sizes 8,64,512,full --seeds 0-2
    """
    from sgdlab.config import locate
    from sgdlab.data import load
    from sgdlab.probes.lr_range import RateRange, find_rates, resolved_at, write_rates
    from sgdlab.runs.new_folder import create_folder, run_name
    from sgdlab.training.start import config_and_data

    rates, sizes = RateRange(tested.low, tested.high, tested.range_steps), listed(tested.batch_sizes, "--batch-sizes")
    document, seeds = changes.document(config), seeds_in(tested.seeds)
    with downloading() as progress:
        asked, data = config_and_data(document, progress)
    with locate(document):
        configs = resolved_at(asked, data, sizes)
    engines = ", ".join(sorted({each.engine for each in configs}))
    output.tell(f"rates {number(rates.low)} to {number(rates.high)}; engine {engines}")
    data_of, seeds = partial(load, asked.dataset), seeds or (asked.seed,)
    found = find_rates(configs, data_of, seeds, rates, tested.stable_steps, output.tell)
    folder = create_folder(output.runs_dir, output.name, f"{run_name(configs[0])}-lr-range")
    write_rates(found, folder, asked, rates, tested.stable_steps)
    if not output.quiet:
        show(found)
    say(str(folder))


def show(found: "list[RatesAtBatchSize]") -> None:
    """A row for each batch size, and what a reader must know."""
    from sgdlab.probes.lr_range import ends_in_words

    headers = ["batch size", "suggested rate", "loss lowest at", "not finite from", "largest stable rate"]
    rows = []
    for each in found:
        row = [each.batch_size, each.range_test.suggestion, each.lowest_at, each.range_test.cut_rate]
        rows.append([*row, each.stable_in_words(), each.stable_span()[0] / each.batch_size])
    show_table([*headers, "per example"], rows)
    say(f"in brackets: {ends_in_words(found)}")
    if found[0].limit is not None:
        say(f"theory for the full batch (least squares): 2(1 + momentum)/λmax = {number(found[0].limit)}")
    say("the range test overshoots what is stable: a rate held for a run must lie below the largest stable one")
    say("stable means no worse than at the start; a network that learns nothing is that, too (Adam at high rates)")
