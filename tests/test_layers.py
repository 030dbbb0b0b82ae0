"""The package's shape: imports go down only, and what starts at once imports no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "sgdlab"
LAYERS: list[set[str]] = [
    {"errors", "environment", "files", "locks", "references", "signals", "streams"},
    {"config", "history", "runs"},
    {"data", "losses", "models", "optim", "sampling"},
    {"engine", "checkpoint", "loop", "outcome", "resolve"},
    {"analysis", "artist", "bench", "figures", "listing", "plots", "prediction", "probes", "report", "results",
     "session", "studies", "sweeps", "verdicts"},
    {"api"},
    {"lessons"},
    {"cli"},
    {"", "__main__"},
]  # fmt: skip
"""DESIGN.md's table with the modules that the tree has; what is in one set may import its neighbours."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
ABOVE_THEIR_LAYER = {("studies", "api")}
"""Imports upwards that stand inside functions: what carries out a whole sweep, never what a module is built on."""


def unit(path: Path) -> str:
    """The layer's unit that a file belongs to: errors, config, cli, ..."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def imports(tree: ast.AST, top_level_only: bool = False) -> list[str]:
    """Modules that are imported, but for those under TYPE_CHECKING."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            found += imports(node, top_level_only)
    return found


def own_units(path: Path, top_level_only: bool = False) -> set[str]:
    """Units of sgdlab that a file imports."""
    names = [name.split(".") for name in imports(ast.parse(path.read_text()), top_level_only)]
    units = {parts[1] if parts[1] in LEVEL else "" for parts in names if parts[0] == "sgdlab" and len(parts) > 1}
    return units - {unit(path)}


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_its_layer():
    known = {unit(path) for path in FILES}
    assert known <= LEVEL.keys(), f"say in LAYERS where they belong: {known - LEVEL.keys()}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down_only(path):
    here = unit(path)
    for other in own_units(path, top_level_only=True):
        assert LEVEL[other] <= LEVEL[here] or other == "", f"{here} imports {other}, a layer above"
    for other in own_units(path):
        fine = LEVEL[other] <= LEVEL[here] or other == "" or (here, other) in ABOVE_THEIR_LAYER
        assert fine, f"{here} imports {other}, a layer above, inside a function"


def test_units_of_one_layer_do_not_import_each_other_in_a_circle():
    edges: dict[str, set[str]] = {}
    for path in FILES:
        edges.setdefault(unit(path), set()).update(own_units(path, top_level_only=True) - {""})

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        for other in edges.get(start, set()) - seen:
            seen.add(other)
            if other == goal or reaches(other, goal, seen):
                return True
        return False

    assert not [name for name in edges if name and reaches(name, name, set())]


def loaded(code: str, cwd: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    code += "\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stderr.split("\n"))


def test_light_modules_import_no_torch(tmp_path):
    """errors, config, history, runs, sweeps.plan, analysis, plots and cli, with everything in them."""
    light = [
        path for path in FILES if unit(path) in ("errors", "config", "history", "runs", "analysis", "plots", "cli")
    ]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in light]
    names += ["sgdlab", "sgdlab.sweeps.plan", "sgdlab.data"]
    assert "torch" not in loaded("\n".join(f"import {name}" for name in names), tmp_path)


COMMANDS = {
    "help": ["--help"],
    "help of a command": ["sweep", "--help"],
    "version": ["--version"],
    "ls": ["ls", "runs"],
    "plot": ["plot", "runs/one", "--out", "one.png"],
    "compare": ["compare", "runs"],
    "config list": ["config", "list"],
    "config show": ["config", "show", "parr/minibatch-8"],
    "data list": ["data", "list"],
    "a fault in a config": ["train", "default", "--set", "epochs=-1"],
}


@pytest.fixture(scope="module")
def with_a_run(tmp_path_factory) -> Path:
    from conftest import TINY, sgdlab, write_config

    folder = tmp_path_factory.mktemp("light")
    config = write_config(folder / "tiny.yaml", TINY)
    assert sgdlab("train", config, "--runs-dir", folder / "runs", "--name", "one", "-q").code == 0
    return folder


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_command_imports_no_torch(words, with_a_run):
    code = f"import sys\nsys.argv = {['sgdlab', *words]!r}\nfrom sgdlab.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as end:\n    assert end.code in (0, None, 2), end.code"
    modules = loaded(code, with_a_run)
    assert "torch" not in modules and "numba" not in modules


def test_completion_imports_no_torch(tmp_path):
    code = (
        "import os, sys\n"
        "os.environ.update(_SGDLAB_COMPLETE='complete_bash', COMP_WORDS='sgdlab tr', COMP_CWORD='1')\n"
        "sys.argv = ['sgdlab']\nfrom sgdlab.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert "torch" not in loaded(code, tmp_path)
