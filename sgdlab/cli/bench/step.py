"""`sgdlab bench step`: microseconds a step and examples a second against the batch size, and the knee."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.analysis.wording import count
from sgdlab.cli.bench import Figure, Measuring, Repeats, group, progress, show_columns
from sgdlab.cli.console import say
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigNameOrDefault, ConfigOverrides, listed

if TYPE_CHECKING:
    import pandas as pd

    from sgdlab.bench.step import Contender
    from sgdlab.config import Document
    from sgdlab.data.prepared import PreparedData


HEADERS = {
    "engine": "engine", "batch_size": "batch size", "threads": "threads", "step_us": "µs/step",
    "step_us_half": "middle half", "examples_per_second": "examples/s", "times_plain": "× plain",
    "times_roofline": "× roofline",
}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """Who is measured, and at which batch sizes."""

    batch_sizes: Annotated[
        str | None, typer.Option(metavar="B1,B2", help="Batch sizes, as 8,64,full; else powers of 4, of 2 for auto.")
    ] = None
    engines: Annotated[
        str | None, typer.Option(metavar="E1,E2", help="Engines, auto among them; else all that can run the config.")
    ] = None
    baseline: Annotated[
        bool | None, typer.Option(help="The plain PyTorch loop and the roofline as well; not for auto alone.")
    ] = None
    peers: Annotated[
        bool, typer.Option("--peers", help="Also DataLoader, scikit-learn, Lightning, Keras, JAX where installed.")
    ] = False
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, metavar="N", help="Threads of all; else 1, of auto the config's own.")
    ] = None

    def contenders(self, document: "Document") -> "tuple[list[Contender], PreparedData, list[str]]":
        """Who takes part, the data, and who is absent; see `bench.step.contenders_of`."""
        from sgdlab.bench.step import contenders_of, default_batch_sizes
        from sgdlab.training.start import config_and_data

        with downloading() as downloads:
            config, data = config_and_data(document, downloads)
        names = listed(self.engines, "--engines") or None
        alone = names == ("auto",)
        sizes = listed(self.batch_sizes, "--batch-sizes") or default_batch_sizes(len(data.train), 2 if alone else 4)
        threads = self.threads if alone else self.threads or 1
        baseline = not alone if self.baseline is None else self.baseline
        contenders, absent = contenders_of(config, data, sizes, threads, names, baseline, self.peers)
        return contenders, data, absent


@group.command("step")
def step(
    compared: Compared, changes: ConfigOverrides, measuring: Measuring, config: ConfigNameOrDefault = "default",
    repeats: Repeats = 7, out: Figure = Path("bench-step.png"),
) -> None:  # fmt: skip
    """Microseconds a step and examples a second: every engine, the plain PyTorch loop, the roofline, and the knee.

    The knee is the smallest batch size within 10 % of the best examples/s: a larger batch buys nothing on this
    machine. Time to a target is time per step times steps to it: see `sgdlab study`.

    Examples:

    sgdlab bench step

    sgdlab bench step my.yaml --engines auto

    sgdlab bench step d2l/sgd --set dataset=airfoil-twin --batch-sizes 1,10,100 --engines native,eager

    sgdlab bench step --peers --pin 0 --csv step.csv
    """
    measuring.begin(out)
    from sgdlab import plots
    from sgdlab.bench.step import step_table

    contenders, data, absent = compared.contenders(changes.document(config))
    with progress() as on_done:
        table = step_table(contenders, data, repeats, on_done)
    show(table, absent, compared.peers)
    parsed, where = contenders[0].config, measuring.conditions()
    job = f"{config}: {parsed.dataset.name}, {parsed.model.name}, {parsed.optimizer.name}"
    say(f"{job}; {count(repeats, 'round')}; {where}")
    measuring.write(table)
    say(str(plots.save_figure(plots.step_figure(table, title=f"A training step of {job}", note=where), out)))


def show(table: "pd.DataFrame", absent: list[str], peers: bool) -> None:
    """A row for each contender and batch size, the knees, and what was measured."""
    from sgdlab.bench import peers as others
    from sgdlab.bench import roofline
    from sgdlab.bench import step as bench

    for reason in absent:
        say(f"left out: {reason}")
    taken = "auto: " + table["taken"]
    show_columns(table.assign(engine=table["engine"].where(table["engine"] != "auto", taken)), HEADERS)
    for line in bench.knees_in_words(table):
        say(line)
    say(bench.IN_WORDS)
    if (table["engine"] == bench.ROOFLINE).any():
        say(bench.BASELINES_IN_WORDS)
        say(roofline.IN_WORDS)
    if peers:
        say(others.THREADS_IN_WORDS)
