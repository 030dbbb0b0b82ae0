"""Every command in README.md runs, in the order written, in one folder.

Long ones are reduced by REDUCED, a table that this test holds to: with SGDLAB_README=whole everything runs as
written (minutes). Lines with pip or venv are not run here: CI begins with them.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support import ROOT, SHARED_DATA, sgdlab

README = (ROOT / "README.md").read_text()
WHOLE = os.environ.get("SGDLAB_README") == "whole"
SMALL = "--set dataset.limit=600 --epochs 1"
REDUCED = {  # how a command begins -> options to add or to replace
    "sgdlab sweep --vary": "",
    "sgdlab sweep": SMALL,
    "sgdlab train default": SMALL,
    "sgdlab train houses.yaml": "--epochs 2",
    "sgdlab sweep d2l": "--epochs 1 --seeds 0-1",
    "sgdlab sweep parr": SMALL,
    "sgdlab train parr": SMALL,
    "sgdlab probe noise-scale": "--set dataset.limit=600 --set epochs=1 --points 1 --pairs 2",
    "sgdlab probe lr-range": "--set dataset.limit=600 --range-steps 30 --stable-steps 12",
    "sgdlab bench matmul": "--size 32 --repeats 1",
    "sgdlab bench step": "--repeats 1 --set dataset.limit=600",
}
ONLY_HELP = ("sgdlab lesson", "sgdlab study", "sgdlab recommend", "sgdlab bench engines", "sgdlab bench scale")
"""These measure for minutes, and their own tests run them small."""
INSTALLS = re.compile(r"\bpip\b|\bvenv\b|\bapt-get\b")
NEEDS_A_SHELL = re.compile(r"[|><&;$*`]|^\w+=")
NEEDS_STUDY = re.compile(r"\bruns/[\w-]*study\b")


def blocks(*kinds: str) -> list[str]:
    """The fenced blocks of these kinds, in order."""
    return [body for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S) if kind in kinds]


def commands() -> list[str]:
    """Each command of the sh, bash and console blocks, continuation lines joined."""
    found = []
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S):
        lines = body.replace("\\\n", " ").splitlines() if kind in ("sh", "bash", "console") else []
        if kind == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return found


def reduced(command: str) -> str:
    """What is run for a command."""
    if WHOLE:
        return command
    for start in ONLY_HELP:
        if command.startswith(start) or NEEDS_STUDY.search(command):
            return " ".join(command.split()[:2]) + " --help"
    matches = [start for start in REDUCED if command.startswith(start)]
    options = REDUCED[max(matches, key=len)] if matches else ""
    for option, value in re.findall(r"(--[\w-]+) (\S+)", options):
        stands = f"{option} " in command and option != "--set"
        command = re.sub(rf"{option} \S+", f"{option} {value}", command) if stands else f"{command} {option} {value}"
    return command


def test_blocks_and_commands_are_found():
    assert len(commands()) > 15 and any(command.startswith("sgdlab train") for command in commands())
    assert (
        reduced("sgdlab sweep --seeds 0-4 --epochs 50") == "sgdlab sweep --seeds 0-4 --epochs 1 --set dataset.limit=600"
        or WHOLE
    )


@pytest.fixture
def readers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the README takes for granted: houses.csv, new-houses.csv, houses.yaml, a home and airfoil's file."""
    random = np.random.default_rng(0)
    houses = pd.DataFrame(
        {"size": random.uniform(50, 200, 80), "rooms": random.integers(1, 6, 80), "town": ["a", "b"] * 40}
    )
    houses["price"] = 1000 * houses["size"] + 5000 * houses["rooms"]
    houses.to_csv("houses.csv", index=False)
    houses.drop(columns="price").head(5).to_csv("new-houses.csv", index=False)
    Path("houses.yaml").write_text(next(body for body in blocks("yaml") if "houses.csv" in body))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "home").mkdir()
    if SHARED_DATA.is_dir():
        monkeypatch.setenv("SGDLAB_DATA", str(SHARED_DATA))
    return tmp_path


def test_every_command_runs(readers_folder):
    ran = 0
    for command in commands():
        if INSTALLS.search(command) and "sgdlab " not in command.split("&&")[-1]:
            continue
        run = reduced(command.split("&&")[-1].strip() if INSTALLS.search(command) else command)
        if NEEDS_A_SHELL.search(run.replace("[[", "").replace("]]", "")) or not run.startswith("sgdlab "):
            done = subprocess.run(run, shell=True, capture_output=True, text=True, executable="/bin/bash")
            code, out = done.returncode, done.stdout + done.stderr
        else:
            answer = sgdlab(*shlex.split(run)[1:])
            code, out = answer.code, answer.out + answer.err
        assert code == 0 and "Traceback" not in out, f"{command}\nwas run as: {run}\n{out[-2000:]}"
        ran += 1
    assert ran > 15


def test_python_in_it_runs(readers_folder):
    """With one epoch for any number of them."""
    for body in blocks("python"):
        exec(compile(body if WHOLE else re.sub(r"epochs=\d+", "epochs=1", body), "README.md", "exec"), {})


def test_yaml_in_it_are_configs(readers_folder):
    for body in blocks("yaml"):
        Path("block.yaml").write_text(body)
        answer = sgdlab("config", "show", "block.yaml")
        assert answer.code == 0, f"{body}\n{answer.err}"
