"""Commands and their options: each block once, help with examples, few commands at the top."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from sgdlab.cli.commands import Commands, app
from sgdlab.cli.options import ConfigChanges, ConfigOverrides
from tests.support import sgdlab

MOST_AT_THE_TOP = 16


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its full name."""
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name}{word} ")
        else:
            yield name + word, command


ALL = dict(commands(typer.main.get_command(app)))


def options_of(name: str) -> set[str]:
    """The options of a command but --help."""
    return {option for each in ALL[name].params for option in each.opts if option.startswith("--")}


def test_few_commands_stand_at_the_top():
    group: Any = typer.main.get_command(app)
    assert len(group.commands) <= MOST_AT_THE_TOP
    assert {"probe noise-scale", "bench step", "config keys", "data get"} <= ALL.keys()


@pytest.mark.parametrize("command", ALL)
def test_help_shows_an_example_that_begins_with_the_command(command):
    answer = sgdlab(*command.split(), "--help")
    assert answer.code == 0 and f"sgdlab {command}" in answer.out.split("Usage:")[1].split("\n", 1)[1]


def test_train_and_sweep_share_all_options_that_change_a_config_and_a_study_those_that_it_does_not_vary():
    shared = {f"--{each.name.replace('_', '-')}" for each in fields(ConfigChanges)} - {"--overrides"} | {"--set"}
    for name in ("train", "sweep"):
        assert shared <= options_of(name)
    assert shared & options_of("study") == {"--set", "--device", "--engine", "--threads"}
    for name in ("probe noise-scale", "probe lr-range", "probe scaling-rule", "bench step", "config show", "data show"):
        assert options_of(name) & (shared - {"--threads"}) == {"--set"}  # of a benchmark they are its own


def test_block_of_options_reaches_the_command_as_one_frozen_object():
    @dataclass(frozen=True)
    class Block:
        size: Annotated[int, typer.Option(min=1)] = 3
        words: Annotated[list[str], typer.Option("--word")] = field(default_factory=list)

    small, seen = Commands(), []

    @small.command("do")
    def do(place: Annotated[str, typer.Argument()], block: Block, loud: bool = False) -> None:
        """Do."""
        seen.append((place, block, loud))

    for words in (["here"], ["--word", "a", "here", "--size", "4", "--word", "b", "--loud"]):
        assert CliRunner().invoke(small, words).exit_code == 0
    assert seen == [("here", Block(3, []), False), ("here", Block(4, ["a", "b"]), True)]
    assert CliRunner().invoke(small, ["here", "--size", "0"]).exit_code == 2


def test_changes_of_a_config_are_given_by_key_and_numbers_as_such():
    changes = ConfigChanges(overrides=["model.hidden=[7]"], batch_size="32", threads="auto", epochs=2.0)
    document = changes.document("default")
    assert document.values["batch_size"] == {"initial": 32} and document.values["threads"] == "auto"
    assert document.values["model"]["hidden"] == [7] and document.origin(("epochs",)) == "--epochs 2.0"
    assert changes.given and ConfigOverrides(["a=1"]).given and not ConfigChanges().given
