"""From shell to shell, interleaved: `sgdlab sweep` against the notebook's script, and --jobs 2 against --jobs 1.

Usage: python tests/measure/shell_to_shell.py [ROUNDS]     (prints seconds of each round, medians and ratios)
The clock holds all: start-up, data, training, evaluation, files, figures. Caches are warm: one round comes before.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sgdlab

HERE = Path(__file__).parent
SGDLAB = [sys.executable, "-m", "sgdlab"]
NPZ = Path(sgdlab.__file__).parent / "data" / "mnist10k.npz"
EQUAL = ["sweep", "parr/minibatch-8-corrected", "--seeds", "0-15", "--quiet"]
SIZES = ["sweep", "parr/sizes", "--quiet"]


def commands(folder: str) -> dict[str, list[str]]:
    """What is timed, by name."""
    there = ["--runs-dir", folder]
    return {
        "notebook": [sys.executable, str(HERE / "notebook.py"), str(NPZ), f"{folder}/notebook.png"],
        "sweep": [*SGDLAB, *SIZES, *there],
        "16 runs, 1 job": [*SGDLAB, *EQUAL, "--jobs", "1", *there],
        "16 runs, 2 jobs": [*SGDLAB, *EQUAL, "--jobs", "2", *there],
    }


def seconds(command: list[str]) -> float:
    """Wall time of one command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main(rounds: int) -> None:
    """Interleaved rounds, then medians and the ratios' medians."""
    with tempfile.TemporaryDirectory() as folder:
        todo = commands(folder)
        seconds(todo["sweep"])
        taken = [{name: seconds(command) for name, command in todo.items()} for _ in range(rounds)]
    for each in taken:
        print("  ".join(f"{name} {value:.2f} s" for name, value in each.items()))
    for slow, fast in (("notebook", "sweep"), ("16 runs, 1 job", "16 runs, 2 jobs")):
        ratios = [each[slow] / each[fast] for each in taken]
        print(f"{slow} / {fast}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
