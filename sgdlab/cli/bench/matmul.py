"""`sgdlab bench matmul`: one matrix product in the chapter's four ways."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.analysis.wording import count, number
from sgdlab.cli.bench import Figure, Measuring, Repeats, group, progress, show_columns
from sgdlab.cli.console import say

if TYPE_CHECKING:
    import pandas as pd


HEADERS = {
    "method": "method", "seconds": "seconds", "seconds_half": "middle half", "gflops": "GFLOP/s",
    "ratio_to_whole": "× whole", "chapter_printed": "chapter printed", "chapter_corrected": "by 2·m·n·k",
}  # fmt: skip


@group.command("matmul")
def matmul(
    measuring: Measuring,
    size: Annotated[int, typer.Option(min=1, max=8192, metavar="N", help="Rows and columns of the matrices.")] = 256,
    repeats: Repeats = 30,
    threads: Annotated[int, typer.Option(min=1, max=1024, metavar="N", help="Threads of torch.")] = 1,
    out: Figure = Path("bench-matmul.png"),
) -> None:
    """One matrix product in four ways: element by element, column by column, in blocks of 64 columns, whole.

    Examples:

    sgdlab bench matmul

    sgdlab bench matmul --size 512 --threads 2 --csv matmul.csv
    """
    measuring.begin(out)
    from sgdlab import plots
    from sgdlab.bench.matmul import matmul_table

    with progress() as on_done:
        table = matmul_table(size, repeats, threads, on_done)
    show(table, size)
    job, where = f"float32, {count(threads, 'thread')}", measuring.conditions()
    say(f"{job}; {count(repeats, 'round')}; {where}")
    measuring.write(table)
    note = f"{size} x {size}, {job}; {where}"
    say(str(plots.save_figure(plots.matmul_figure(table, title="One matrix product in four ways", note=note), out)))


def show(table: "pd.DataFrame", size: int) -> None:
    """A row for each method, beside the chapter's figures where it has them, and what was counted."""
    from sgdlab.bench.matmul import product_flops

    show_columns(table, HEADERS)
    flops = product_flops(size, size, size) / 1e9
    say(f"a product of {size} x {size} matrices is 2·m·n·k = {number(flops)} GFLOP")
    if "chapter_printed" in table:
        say("the chapter's PyTorch figures count 2 GFLOP for it, 60 times too many, and are single laps of a timer")
    say("seconds: median per product, Python's loop included")
    if (timed := int(table["rows_timed"].min())) < size:
        say(f"element by element was timed on {timed} of {size} rows and scaled")
