"""`sgdlab config`: the shipped configs, a config as resolved, the keys that there are."""

from typing import Annotated

import typer

from sgdlab.cli.commands import MACHINE, add_group
from sgdlab.cli.console import say, show_table
from sgdlab.cli.options import ConfigName, ConfigOverrides

group = add_group("config", "Configs: list the shipped ones, show one in full, list the keys.", MACHINE)


@group.command("list")
def list_configs() -> None:
    """List the shipped configs with what each is for.

    Example: sgdlab config list
    """
    from sgdlab.config.shipped import described

    show_table(["name", "what for"], described().items())


@group.command("show")
def show(config: ConfigName, changes: ConfigOverrides) -> None:
    """Print a config with every default filled in; it loads back to the same run.

    Example: sgdlab config show parr/minibatch-8 --set epochs=5
    """
    from sgdlab.config import build_config, config_to_yaml, without_grid

    say(config_to_yaml(build_config(without_grid(changes.document(config)))).rstrip())


@group.command("keys")
def keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON schema, for completion in editors.")] = False,
) -> None:
    """List the keys of a config: type, default, meaning.

    Examples:

    sgdlab config keys

    sgdlab config keys --json > sgdlab.schema.json
    """
    from sgdlab.config import json_schema

    if as_json:
        import json

        say(json.dumps(json_schema(), indent=2))
    else:
        from sgdlab.config.keys import key_table

        show_table(["key", "type", "default", "meaning"], key_table())
