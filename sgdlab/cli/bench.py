"""`sgdlab bench`: what this machine does, measured."""

import typer

app = typer.Typer(help="Benchmarks of this machine: matrix products, training steps.", no_args_is_help=True)
