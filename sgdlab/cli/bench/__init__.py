"""`sgdlab bench`: what this machine does, measured; here what its commands share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.analysis.wording import number
from sgdlab.cli.commands import MACHINE, add_group
from sgdlab.cli.console import console, say, show_table
from sgdlab.runs.names import FIGURE_SUFFIXES

if TYPE_CHECKING:
    import pandas as pd

group = add_group("bench", "Benchmarks of this machine: matrix products, training steps.", MACHINE)

Repeats = Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Rounds; medians over them are shown.")]
Figure = Annotated[
    Path, typer.Option("--out", metavar="FILE", help=f"Where to write the figure: {', '.join(FIGURE_SUFFIXES)}.")
]


@dataclass(frozen=True)
class Measuring:
    """On which core, and where the table goes."""

    pin: Annotated[int | None, typer.Option(min=0, metavar="CORE", help="Keep the whole process on one core.")] = None
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table with hardware and versions.")] = None

    def begin(self, figure: Path | None = None) -> None:
        """Refuse before measuring what could not be written after it; then pin.

        That is before numpy and torch are imported: their threads take over what their maker may use.
        """
        from sgdlab.bench.pinning import pin
        from sgdlab.errors import UserError

        if figure is not None and figure.suffix.lower() not in FIGURE_SUFFIXES:
            kinds = ", ".join(FIGURE_SUFFIXES)
            raise UserError(f"--out {figure}: a figure is written as {kinds}; end the name in one of them")
        for option, place in (("--out", figure), ("--csv", self.csv)):
            if place is not None and place.is_dir():
                raise UserError(f"{option} {place}: is a folder; name a file in it")
            if place is not None and not place.parent.is_dir():
                raise UserError(f"{option} {place}: there is no folder {place.parent}; make it, or name another place")
        if self.pin is not None:
            pin(self.pin)

    def conditions(self) -> str:
        """Hardware and versions in words."""
        from sgdlab.bench.conditions import conditions, in_words

        return in_words(conditions(self.pin))

    def write(self, table: "pd.DataFrame", part: str = "") -> None:
        """The table with its conditions where --csv says, with `part` before the suffix."""
        from sgdlab.bench.conditions import conditions
        from sgdlab.runs.files import write_table

        if self.csv is not None:
            place = self.csv.with_stem(self.csv.stem + part)
            say(str(write_table(place, table.assign(**conditions(self.pin)))))


@contextmanager
def progress() -> "Iterator[Callable[[int, int], None]]":
    """A bar on standard error; nothing where nobody watches."""
    if not console(stderr=True).is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("measuring"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("measuring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


def show_columns(table: "pd.DataFrame", headers: Mapping[str, str]) -> None:
    """The columns of a table in which there is anything, under their headers; NAME_half are the quartiles of NAME."""
    named = [str(name).removesuffix("_low") for name in table if str(name).endswith("_low")]
    halves = {
        f"{name}_half": [f"{number(low)}–{number(high)}" for low, high in table[[f"{name}_low", f"{name}_high"]].values]
        for name in named
    }
    table = table.assign(**halves)
    kept = [name for name in headers if name in table and table[name].notna().any()]
    show_table([headers[name] for name in kept], table[kept].itertuples(index=False, name=None))


for name in ("matmul", "step", "engines", "scale"):
    import_module(f"{__name__}.{name}")
