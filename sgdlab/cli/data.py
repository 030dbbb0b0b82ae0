"""`sgdlab data`: the data sets there are, a look at one, fetching one."""

from pathlib import Path
from typing import Annotated

import typer

from sgdlab.analysis.wording import count
from sgdlab.cli.commands import MACHINE, add_group
from sgdlab.cli.console import say, show_table
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigOverrides
from sgdlab.cli.result import rows_in_words

group = add_group("data", "Data sets: list them, look at one, fetch one.", MACHINE)


@group.command("list")
def list_sources() -> None:
    """List the named data sets.

    Example: sgdlab data list
    """
    from sgdlab.data.catalogue import source_facts

    rows = [[name, s.rows, s.features, s.task, s.origin] for name, s in source_facts().items()]
    show_table(["name", "rows", "features", "task", "where from"], rows)
    say("your own: {name: csv, path: my.csv, target: price}, {name: npz, path: my.npz}, or module:function")


@group.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|CONFIG", help="A data set, or a config that names one.")],
    changes: ConfigOverrides,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write the picture.")] = None,
) -> None:
    """Show what a data set holds; image sets also as a grid of images with labels.

    Example: sgdlab data show mnist-10k --out digits.png
    """
    from sgdlab import plots
    from sgdlab.data.catalogue import source_facts
    from sgdlab.training.start import config_and_data

    document = changes.document({"dataset": name, "epochs": 1} if name in source_facts() else _config(name))
    with downloading() as progress:
        _, data = config_and_data(document, progress)
    say(f"{name}: {rows_in_words(data)}; {count(data.features, 'feature')}; {data.task}")
    classes = data.preprocess.classes
    if classes is not None:
        say(f"classes: {', '.join(classes[:40])}{' ...' if len(classes) > 40 else ''}")
    names = [column.name for column in data.preprocess.columns]
    if names:
        say(f"columns: {', '.join(names)}; target: {', '.join(data.preprocess.target_names)}")
    if len(data.input_shape) == 3 and classes is not None:
        images = data.train.x[:64].reshape(-1, *data.input_shape)[:, 0]
        figure = plots.image_grid(images, [classes[i] for i in data.train.y[:64]])
        say(str(plots.save_figure(figure, out or Path(f"{name}.png"))))


def _config(name: str) -> str:
    """The name, refused where it is no config either."""
    from sgdlab.config.shipped import shipped_names
    from sgdlab.data.catalogue import source_facts
    from sgdlab.errors import ConfigError
    from sgdlab.schema.nearest import nearest

    if not Path(name).exists() and name not in shipped_names():
        raise ConfigError(
            f"{name}: neither a data set, a config file nor a shipped config{nearest(name, source_facts())}"
        )
    if Path(name).suffix == ".csv":
        dataset = f"{{name: csv, path: {name}, target: ...}}"
        raise ConfigError(f"{name}: name a config that reads it, with dataset: {dataset}")
    return name


@group.command("get")
def get(name: Annotated[str, typer.Argument(metavar="NAME", help="A data set of the list.")]) -> None:
    """Download a data set into the cache, once, with its checksum.

    Example: sgdlab data get airfoil
    """
    from sgdlab.data.catalogue import fetch

    with downloading() as progress:
        places = fetch(name, progress)
    for place in places:
        say(str(place))
