"""The application and its groups, to which every command adds itself; the headings of its help."""

from collections.abc import Callable
from typing import Any

import typer

from sgdlab.cli.options import expanded

TRAIN = "Train"
CHOOSE = "Choose a batch size and a learning rate"
LOOK = "Look at results"
MACHINE = "Data, configs, this machine"


class Commands(typer.Typer):
    """Typer, with commands that may take blocks of options (see `options.expanded`)."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Add a command: `@app.command("ls", rich_help_panel=LOOK)`."""
        register = super().command(name, **options)
        return lambda function: register(expanded(function))


app = Commands(
    name="sgdlab",
    help="The laboratory for minibatch SGD: which batch size and learning rate, for this data, this model and "
    "this machine?\n\nStart with: [bold]sgdlab sweep --batch-sizes 8,64,128,256[/bold]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def add_group(name: str, help: str, panel: str) -> Commands:
    """A new group, as `sgdlab bench`, whose commands add themselves to it."""
    group = Commands(help=help, no_args_is_help=True)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group
