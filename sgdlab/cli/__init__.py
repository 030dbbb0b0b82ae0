"""The command line: parse, call, show. Commands live in the modules beside; torch is imported by none."""

import os
import sys
from importlib import import_module

import typer

from sgdlab.cli.commands import app
from sgdlab.cli.console import INTERRUPTED, show_error

COMMANDS = (
    *("train", "sweep", "resume", "predict"),
    *("study", "recommend", "probe"),
    *("plot", "ls", "compare", "report", "lesson"),
    *("data", "config", "bench"),
)
"""The module of each command or group; the help lists them in this order."""

for name in COMMANDS:
    import_module(f"{__name__}.{name}")


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
    """Run the command line. Here alone exceptions become exit codes: 2 the user's to mend, 1 failed, 130 Ctrl-C."""
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
        sys.exit(INTERRUPTED)
