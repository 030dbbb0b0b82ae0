"""Options that commands share, each in one place: blocks are frozen dataclasses, taken by annotating a parameter."""

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from sgdlab.cli.console import say
from sgdlab.runs.names import RUNS_DIR

if TYPE_CHECKING:
    from sgdlab.config import ConfigSource, Document
    from sgdlab.sweeps.plan import Axis

KEYWORD = inspect.Parameter.KEYWORD_ONLY
_change = partial(typer.Option, rich_help_panel="Change the config")
_grid = partial(typer.Option, rich_help_panel="The grid")
output_option = partial(typer.Option, rich_help_panel="Where and how")

ConfigName = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")]
ConfigNameOrDefault = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A YAML file or shipped config; without it mnist-10k.")
]
Epochs = Annotated[float | None, _change(metavar="N", help="Passes over the training rows.")]
Device = Annotated[str | None, _change(metavar="D", help="auto, cpu, cuda, cuda:1 or mps.")]
Engine = Annotated[str | None, _change(metavar="E", help="auto, eager or native.")]
Threads = Annotated[str | None, _change(metavar="N", help="Threads of one run, or auto.")]
Seeds = Annotated[str | None, typer.Option(metavar="A-B", help="Seeds, as 0-4 or 0,7.")]
Jobs = Annotated[int | None, output_option(min=1, metavar="N", help="Runs at once; as many as the cores carry.")]
DryRun = Annotated[bool, output_option("--dry-run", help="Check everything, say what would be done, and stop.")]
Quiet = Annotated[bool, output_option("--quiet", "-q", help="Print the folder's path only.")]


@dataclass(frozen=True)
class ConfigOverrides:
    """--set, which changes any key of a config."""

    overrides: Annotated[
        list[str], _change("--set", metavar="KEY=VALUE", help="Set any config key, as model.hidden=[100,50].")
    ] = field(default_factory=list)

    def by_key(self) -> dict[str, Any]:
        """The values of the other options, which are called like their key; None where not given."""
        return {each.name: _number(getattr(self, each.name)) for each in fields(self) if each.name != "overrides"}

    @property
    def given(self) -> bool:
        """Whether anything is changed."""
        return bool(self.overrides) or any(value is not None for value in self.by_key().values())

    def document(self, source: "ConfigSource") -> "Document":
        """A config with its changes."""
        from sgdlab.config import document_of

        return document_of(source, self.overrides, **self.by_key())


@dataclass(frozen=True)
class ConfigChanges(ConfigOverrides):
    """All options that change a config."""

    batch_size: Annotated[str | None, _change(metavar="N|full", help="Examples per update.")] = None
    learning_rate: Annotated[float | None, _change(metavar="X", help="Initial rate; the schedule stays.")] = None
    epochs: Epochs = None
    seed: Annotated[int | None, _change(metavar="N", help="Seed of all random streams.")] = None
    device: Device = None
    engine: Engine = None
    threads: Threads = None


@dataclass(frozen=True)
class MachineChanges(ConfigOverrides):
    """What a command offers that varies batch size, rate and seed by itself."""

    device: Device = None
    engine: Engine = None
    threads: Threads = None


@dataclass(frozen=True)
class Output:
    """Where a new folder is made, and how much is said."""

    runs_dir: Annotated[Path, output_option(metavar="DIR", help="Where new folders are made.")] = RUNS_DIR
    name: Annotated[str | None, output_option(metavar="NAME", help="Name of the folder instead of date and time.")] = (
        None
    )
    quiet: Quiet = False

    def tell(self, text: str) -> None:
        """One line, unless --quiet."""
        if not self.quiet:
            say(text)


@dataclass(frozen=True)
class Grid:
    """What a sweep varies."""

    batch_sizes: Annotated[str | None, _grid(metavar="B1,B2", help="Batch sizes, as 8,64,full.")] = None
    learning_rates: Annotated[str | None, _grid(metavar="X1,X2", help="Initial learning rates.")] = None
    seeds: Annotated[str | None, _grid(metavar="A-B", help="Seeds, as 0-4 or 0,7.")] = None
    vary: Annotated[list[str], _grid(metavar="KEY=V1,V2", help="Any config key; lists as KEY=[[50],[100]].")] = field(
        default_factory=list
    )

    def axes(self) -> "list[Axis]":
        """The axes of the grid, --vary first; ConfigError for values that are none."""
        from sgdlab.sweeps.plan import grid, parse_axis

        axes = [parse_axis(assignment) for assignment in self.vary]
        sizes = listed(self.batch_sizes, "--batch-sizes")
        return axes + grid(sizes, listed(self.learning_rates, "--learning-rates"), seeds_in(self.seeds))


def listed(text: str | None, option: str) -> tuple[Any, ...]:
    """The values of a list as 8,64,full; none where the option was not given."""
    from sgdlab.sweeps.plan import parse_list

    return () if text is None else parse_list(text, option)


def seeds_in(text: str | None) -> tuple[int, ...]:
    """The seeds of --seeds; none where it was not given."""
    from sgdlab.sweeps.plan import parse_seeds

    return () if text is None else parse_seeds(text)


def expanded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command as Typer reads it: a parameter annotated with a block of options becomes the block's options.

    When called, it puts their values together again and hands the command one frozen object. Every option of a
    block has a default.
    """
    blocks: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if is_dataclass(parameter.annotation):
            blocks[parameter.name] = parameter.annotation
            hints = get_type_hints(parameter.annotation, include_extras=True)
            for each in fields(parameter.annotation):
                default = each.default if each.default_factory is MISSING else each.default_factory()
                parameters.append(inspect.Parameter(each.name, KEYWORD, default=default, annotation=hints[each.name]))
        else:
            parameters.append(parameter.replace(kind=KEYWORD))

    @wraps(command)
    def with_blocks(**values: Any) -> Any:
        made = {
            name: block(**{each.name: values.pop(each.name) for each in fields(block)})
            for name, block in blocks.items()
        }
        return command(**values, **made)

    with_blocks.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_blocks.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_blocks


def _number(value: Any) -> Any:
    """A whole number in text as such; anything else as it is."""
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,30}", value) else value
