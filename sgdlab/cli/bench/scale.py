"""`sgdlab bench scale`: how time and memory grow with runs and rows."""

from sgdlab.analysis.wording import count
from sgdlab.cli.bench import Measuring, Repeats, group, progress, show_columns
from sgdlab.cli.console import say

RUNS_HEADERS = {
    "runs": "runs", "seconds": "seconds", "run_ms": "ms per run", "own_ms": "ms per further run", "ratio": "× first",
    "memory_mib": "MiB", "workers_memory_mib": "MiB of workers",
}  # fmt: skip
ROWS_HEADERS = {
    "rows": "rows", "engine": "engine", "threads": "threads", "example_ns": "ns per example",
    "example_ns_half": "middle half", "ratio": "× first",
}  # fmt: skip


@group.command("scale")
def scale(measuring: Measuring, repeats: Repeats = 3) -> None:
    """How time and memory grow: from 10 to 1,000 runs in a sweep, from 1,000 to 1,000,000 rows.

    --csv FILE writes FILE with -runs and -rows before its suffix.

    Example: sgdlab bench scale --csv scale.csv
    """
    measuring.begin()
    from sgdlab import api
    from sgdlab.bench import scale as bench

    with progress() as on_done:
        runs = bench.runs_table(api.sweep, on_done=on_done)
    show_columns(runs, RUNS_HEADERS)
    say(bench.RUNS_IN_WORDS)
    with progress() as on_done:
        rows = bench.rows_table(repeats, on_done=on_done)
    show_columns(rows, ROWS_HEADERS)
    say(bench.ROWS_IN_WORDS)
    say(f"{count(repeats, 'round')} of the rows, one of the runs; {measuring.conditions()}")
    measuring.write(runs, "-runs")
    measuring.write(rows, "-rows")
