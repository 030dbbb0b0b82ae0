"""`python -m sgdlab` is the command line."""

from sgdlab.cli import main

main()
