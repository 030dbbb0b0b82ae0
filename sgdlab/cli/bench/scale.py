"""`sgdlab bench scale`: how time and memory grow with runs and rows."""

from sgdlab.cli.bench import Measuring, Repeats, group, middle_half, progress
from sgdlab.cli.console import say, show_table

RUNS = {
    "runs": "runs", "seconds": "seconds", "run_ms": "ms per run", "own_ms": "ms per further run", "ratio": "× first",
    "memory_mib": "MiB", "workers_memory_mib": "MiB of workers",
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
        runs = bench.runs_table(api.sweep, pinned=measuring.pin, on_done=on_done)
    show_table(list(RUNS.values()), runs[list(RUNS)].astype({"runs": object}).itertuples(index=False))
    say(bench.RUNS_IN_WORDS)
    with progress() as on_done:
        rows = bench.rows_table(repeats, pinned=measuring.pin, on_done=on_done)
    show_table(
        ["rows", "engine", "threads", "ns per example", "middle half", "× first"],
        [
            [
                row["rows"],
                row["engine"],
                row["threads"],
                row["example_ns"],
                middle_half(row, "example_ns"),
                row["ratio"],
            ]
            for row in rows.to_dict("records")
        ],
    )
    say(bench.ROWS_IN_WORDS)
    say(f"{repeats} repeats of the rows, one of the runs; {measuring.conditions()}")
    measuring.write(runs, "-runs")
    measuring.write(rows, "-rows")
