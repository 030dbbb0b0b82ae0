"""`sgdlab probe scaling-rule`: a config moved to another batch size, and the rule put to the test."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sgdlab.cli.console import INTERRUPTED, say
from sgdlab.cli.downloads import downloading
from sgdlab.cli.options import ConfigName, ConfigOverrides, Output, output_option, seeds_in
from sgdlab.cli.probe import group
from sgdlab.cli.progress import run_display

if TYPE_CHECKING:
    from sgdlab.config import Document
    from sgdlab.probes.scaling_rule import ScaledConfig


@dataclass(frozen=True)
class Rule:
    """Which rule, to which batch size, and whether it is put to the test."""

    to: Annotated[int | None, typer.Option(min=1, metavar="N", help="New batch size; for growth the largest.")] = None
    rule: Annotated[Literal["linear", "sqrt", "adam", "growth"], typer.Option(help="How the rate follows.")] = "linear"
    check: Annotated[bool, typer.Option("--check", help="Train both and compare their curves by epoch.")] = False
    seeds: Annotated[str | None, typer.Option(metavar="A-B", help="Seeds of the check, as 0-2.")] = None
    out: Annotated[Path | None, output_option(metavar="FILE", help="Where the new config goes, else printed.")] = None


@group.command("scaling-rule")
def scaling_rule(config: ConfigName, asked: Rule, changes: ConfigOverrides, output: Output) -> None:
    """Move a config to another batch size by a rule of the literature, and check the rule by training both.

    linear: rate times κ with warm-up (SGD). sqrt: rate times √κ. adam: √κ, and its averages with it. growth:
    a falling step schedule becomes a growing batch at a constant rate.

    Examples:

    sgdlab probe scaling-rule d2l/minibatch-10 --to 100 --rule linear --out larger.yaml

    sgdlab probe scaling-rule default --to 512 --rule adam --check --seeds 0-2

    sgdlab probe scaling-rule d2l/decay --rule growth
    """
    from sgdlab.errors import ConfigError
    from sgdlab.probes.scaling_rule import apply_scaling_rule
    from sgdlab.training.start import new_session

    if asked.out is not None and asked.out.exists():
        raise ConfigError(f"--out {asked.out}: exists already; choose another name or remove it")
    document = changes.document(config)
    with downloading() as progress:
        original = new_session(document, progress)
    scaled = apply_scaling_rule(document, asked.rule, asked.to, len(original.data.train))
    new_session(scaled.document)  # what cannot be trained is refused before anything is written
    write(scaled, asked.out, asked.check, output)
    if asked.check:
        run_check(document, scaled, seeds_in(asked.seeds), output)


def write(scaled: "ScaledConfig", out: Path | None, check: bool, output: Output) -> None:
    """The new config in a file, or on the terminal where there is nothing else to see."""
    from sgdlab.runs.files import write_text

    if out is None and not check:
        say(scaled.yaml().rstrip())
        return
    for note in scaled.notes:
        output.tell(note)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, scaled.yaml())
        say(str(out))


def run_check(document: "Document", scaled: "ScaledConfig", seeds: tuple[int, ...], output: Output) -> None:
    """Train both, and say how far their curves lie apart."""
    from sgdlab.probes.scaling_check import check_rule

    found = check_rule(document, scaled, seeds, output.runs_dir, output.name, partial(run_display, output.quiet))
    if found.interrupted:
        say(f"interrupted; the runs done are in {found.path}")
        raise typer.Exit(INTERRUPTED)
    for line in found.verdict:
        say(line)
    say(str(found.path))
