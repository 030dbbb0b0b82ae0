"""What the fault tests share: runs in processes that can be killed, and how their results are compared.

The normal suite tries a few cases of each kind; `SGDLAB_FAULTS=full python -m pytest tests/faults` the
numbers that the README reports.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from sgdlab.config import document_of
from sgdlab.sweeps.create import longest_first, plan_sweep, sweep_into
from sgdlab.sweeps.plan import grid
from sgdlab.training.start import new_session, reopen_session
from tests.support import without_clock

FULL = os.environ.get("SGDLAB_FAULTS") == "full"

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["sgdlab.training.session", "sgdlab.cli", "sgdlab.api", "sgdlab.plots.curves", "pandas", "numba", "torch._dynamo"]
)

_MODULE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(5, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(), torch.nn.Dropout(0.3),
            torch.nn.Linear(8, 1)
        )

    def forward(self, x):
        return self.layers(x)
"""


def cases(few: int, many: int) -> int:
    """How many cases to try."""
    return many if FULL else few


def config_for(engine: str, folder: Path) -> dict[str, Any]:
    """A run of about half a second, with all that a checkpoint has to hold and one every few milliseconds."""
    values: dict[str, Any] = {
        "dataset": {"name": "airfoil-twin", "limit": 150},
        "optimizer": {"name": "adam", "weight_decay": 0.001},
        "learning_rate": {"initial": 0.01, "schedule": "exponential", "every": 7, "factor": 0.9, "warmup": 2.0},
        "batch_size": {"initial": 8, "every": 5, "maximum": 30},
        "evaluate_every": "13 steps",
        "checkpoint_every": "0.03 seconds",
        "engine": engine,
        "device": "cpu",
        "threads": 1,
        "seed": 3,
    }
    if engine == "eager":  # dropout draws from torch's generator, batch norm keeps buffers
        (folder / "net.py").write_text(_MODULE)
        return values | {"model": str(folder / "net.py") + ":Net", "epochs": 200}
    return values | {"model": {"name": "mlp", "hidden": [8]}, "epochs": 300}


def carry(values: dict[str, Any], folder: Path, say: Any = None) -> None:
    """Begin the run in `folder`, or take it up where it stands.

    say: told when it gets going; such a run is slowed down, so that a killer finds it at work.
    """
    from sgdlab.runs.folder import RunFolder
    from sgdlab.runs.names import CONFIG

    def observe(training: Any, record: Any) -> None:
        if say is not None:
            time.sleep(0.004)

    folder.mkdir(exist_ok=True)
    begun = (folder / CONFIG).exists()
    session = reopen_session(RunFolder(folder)) if begun else new_session(document_of(values))
    if say is not None:
        say.send_bytes(b"now")
    session.run(RunFolder(folder), observe)


def carry_sweep(values: dict[str, Any], folder: Path, jobs: int, say: Any = None) -> None:
    """Begin the sweep in `folder`, or complete it; without its figures."""
    from sgdlab import api

    plan = plan_sweep(document_of(values), grid((), (), range(4), {"learning_rate": [0.01, 0.03]}))
    manifest = sweep_into(plan, folder)
    if say is not None:
        say.send_bytes(b"now")
    with mock.patch("sgdlab.results.figures.draw_sweep"):
        api.run_planned(manifest, longest_first(plan, manifest), jobs)


class Ended(Exception):
    """A process failed by itself."""


def killed_at(seconds: float, target: Callable[..., None], *args: Any, victim: str = "self") -> bool:
    """Run `target` in a process and `kill -9` it, or a child of it, so long after it got going.

    Whether the signal found it alive. Ended where it failed without being killed.
    """
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=target, args=(*args, theirs))
    process.start()
    theirs.close()
    try:
        ours.recv_bytes()
        time.sleep(seconds)
        hit = _kill(int(process.pid or 0), victim)
    except EOFError:
        hit = False
    process.join()
    if process.exitcode not in (0, -signal.SIGKILL):
        raise Ended(f"exit code {process.exitcode}")
    return hit if victim == "child" else process.exitcode != 0


def _kill(pid: int, victim: str) -> bool:
    children = children_of(pid)
    targets = [pid] if victim == "self" else random.sample(children, min(1, len(children)))
    for target in targets:
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            return False
    return bool(targets)


def children_of(pid: int) -> list[int]:
    """Living children of a process, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def essence(folder: Path) -> dict[str, Any]:
    """All of a run that must not depend on how often it was interrupted."""
    from sgdlab.training import checkpoint

    summary = json.loads((folder / "summary.json").read_text())
    best = checkpoint.load(folder / "best.pt")
    last = checkpoint.load(folder / "last.pt")
    return {
        "history": without_clock(folder / "history.csv"),
        "summary": {key: value for key, value in summary.items() if "seconds" not in key and key != "engine_reason"},
        "best": {name: tensor.tolist() for name, tensor in best.items()},
        "last": {name: tensor.tolist() for name, tensor in last["model"].items()},
        "config": (folder / "config.yaml").read_text(),
    }


def leftovers(folder: Path) -> list[str]:
    """Half-written files below a folder."""
    return [path.name for path in folder.rglob(".*.part")]
