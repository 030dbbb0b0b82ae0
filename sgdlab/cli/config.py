"""`sgdlab config`: the shipped configs, a config as resolved, the JSON schema."""

import json
from typing import Annotated

import typer

from sgdlab.cli import options as opt
from sgdlab.cli.console import say, show_table

app = typer.Typer(help="Configs: list the shipped ones, show one in full, print the JSON schema.", no_args_is_help=True)


@app.command("list")
def list_configs() -> None:
    """List the shipped configs with what each is for.

    Example: sgdlab config list
    """
    from sgdlab.config.shipped import described

    show_table(["name", "what for"], described().items())


@app.command("show")
def show(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")],
    overrides: opt.Set = [],  # noqa: B006
) -> None:
    """Print a config with every default filled in; it loads back to the same run.

    Example: sgdlab config show parr/minibatch-8 --set epochs=5
    """
    from sgdlab.config import config_to_yaml, load_config

    say(config_to_yaml(load_config(config, overrides)).rstrip())


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of a config, for completion in editors.

    Example: sgdlab config schema > sgdlab.schema.json
    """
    from sgdlab.config import json_schema

    say(json.dumps(json_schema(), indent=2))
