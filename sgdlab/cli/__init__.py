"""The command line: parse, call, show. Commands live in the modules beside; torch is imported by none."""

import os
import sys

import typer

from sgdlab.cli import (
    bench,
    config,
    data,
    folders,
    lesson,
    noise,
    panels,
    plot,
    predict,
    rates,
    report,
    study,
    sweep,
    throughput,
    train,
)
from sgdlab.cli.console import show_error

app = typer.Typer(
    name="sgdlab",
    help="The laboratory for minibatch SGD: which batch size and learning rate, for this data, this model and "
    "this machine?\n\nStart with: [bold]sgdlab sweep --batch-sizes 8,64,128,256[/bold]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (train, sweep, study, plot, folders, predict, noise, rates, throughput, report, lesson):
    module.register(app)
app.add_typer(data.app, name="data", rich_help_panel=panels.MACHINE)
app.add_typer(config.app, name="config", rich_help_panel=panels.MACHINE)
app.add_typer(bench.app, name="bench", rich_help_panel=panels.MACHINE)


def _version(wanted: bool) -> None:
    if wanted:
        from sgdlab import __version__

        typer.echo(f"sgdlab {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options of sgdlab itself."""


def main() -> None:
    """Run the command line; this alone turns exceptions into exit codes.

    0: done.  1: a run failed, or `train` diverged.  2: usage, config or data at fault.  130: interrupted.
    """
    from sgdlab.errors import RunFailed, UserError

    try:
        app()
    except UserError as error:
        show_error(str(error))
        sys.exit(2)
    except RunFailed as error:
        show_error(str(error))
        sys.exit(1)
    except BrokenPipeError:  # the reader went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        show_error(f"{place}{error.strerror or error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
