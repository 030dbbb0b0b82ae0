"""Options that several commands share, each with its name and help in one place."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

CHANGE = "Change the config"
OUTPUT = "Where and how"

Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any config key, as model.hidden=[100,50].",
        rich_help_panel=CHANGE,
    ),
]
BatchSize = Annotated[
    str | None,
    typer.Option("--batch-size", metavar="N|full", help="Examples per update.", rich_help_panel=CHANGE),
]
LearningRate = Annotated[
    float | None,
    typer.Option("--learning-rate", metavar="X", help="Initial rate; the schedule stays.", rich_help_panel=CHANGE),
]
Epochs = Annotated[
    float | None,
    typer.Option("--epochs", metavar="N", help="Passes over the training rows.", rich_help_panel=CHANGE),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Seed of all random streams.", rich_help_panel=CHANGE),
]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="D", help="auto, cpu, cuda, cuda:1 or mps.", rich_help_panel=CHANGE),
]
Engine = Annotated[
    str | None, typer.Option("--engine", metavar="E", help="auto, eager or native.", rich_help_panel=CHANGE)
]
Threads = Annotated[
    str | None,
    typer.Option("--threads", metavar="N", help="Threads of one run, or auto.", rich_help_panel=CHANGE),
]
RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", metavar="DIR", help="Where new folders are made.", rich_help_panel=OUTPUT),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name of the folder instead of date and time.", rich_help_panel=OUTPUT),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Check everything, say what would be done, and stop.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the folder's path only.", rich_help_panel=OUTPUT)]


def changes(
    batch_size: str | None,
    learning_rate: float | None,
    epochs: float | None,
    seed: int | None,
    device: str | None,
    engine: str | None,
    threads: str | None,
) -> dict[str, Any]:
    """The options that change a config, by config key; those not given are None."""
    return {
        "batch_size": _number(batch_size),
        "learning_rate": learning_rate,
        "epochs": epochs,
        "seed": seed,
        "device": device,
        "engine": engine,
        "threads": _number(threads),
    }


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,30}", text) else text
