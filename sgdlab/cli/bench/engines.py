"""`sgdlab bench engines`: what auto takes against eager, on ten networks at four batch sizes each."""

from sgdlab.analysis.wording import count, number
from sgdlab.cli.bench import Measuring, Repeats, group, progress, show_columns
from sgdlab.cli.console import say

HEADERS = {
    "shape": "network", "optimizer": "rule", "batch_size": "batch size", "engine": "auto takes", "threads": "threads",
    "step_us": "µs/step", "eager_threads": "eager's", "eager_us": "µs/step", "ratio": "ratio",
}  # fmt: skip


@group.command("engines")
def engines(measuring: Measuring, repeats: Repeats = 5) -> None:
    """The engine that auto takes against eager at its best number of threads, on 40 networks and batch sizes.

    Example: sgdlab bench engines --csv engines.csv
    """
    measuring.begin()
    from sgdlab.bench.engines import IN_WORDS, engines_table

    with progress() as on_done:
        table = engines_table(repeats, on_done=on_done)
    show_columns(table, HEADERS)
    worst = table.nsmallest(1, "ratio").iloc[0]
    say(f"worst: {number(worst['ratio'])}, {worst['shape']} at batch size {worst['batch_size']:,} ({worst['engine']})")
    say(IN_WORDS)
    say(f"{count(repeats, 'round')}; {measuring.conditions()}")
    measuring.write(table)
