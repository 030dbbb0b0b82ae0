"""The package's shape: imports go down only, and what starts at once imports no torch."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "sgdlab"
ROOMS = (
    "errors", "streams", "schema", "data", "config", "analysis", "runs", "plots", "training", "sweeps", "results",
    "bench", "probes", "studies", "lessons", "api", "report", "cli", "__main__",
)  # fmt: skip
"""The rooms from the lowest to the highest: a room imports only rooms before it, inside functions too."""
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_AT_THE_TOP = 20


def module_name(path: Path, package: Path = PACKAGE) -> str:
    """sgdlab.training.loop; a package goes by its own name."""
    return ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")


def room_of(module: str) -> str:
    """The room that a module belongs to; empty for the package itself."""
    return module.partition(".")[2].partition(".")[0]


def imports(tree: ast.AST) -> list[str]:
    """Every module or name of a module that is imported, inside functions too, but for those under TYPE_CHECKING."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where they lead"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            found += imports(node)
    return found


def module_graph(package: Path) -> dict[str, set[str]]:
    """Module -> the package's own modules that it imports; what a package takes from its own modules, and a
    module from the packages that it lies in, is no dependency."""
    files = {module_name(path, package): path for path in package.rglob("*.py")}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        targets = set()
        for imported in imports(ast.parse(path.read_text())):
            while imported and imported not in files:
                imported = imported.rpartition(".")[0]
            targets.add(imported)
        graph[name] = {target for target in targets - {"", name} if not name.startswith(f"{target}.")}
    return graph


def upward(graph: dict[str, set[str]]) -> list[str]:
    """Imports that do not go down."""
    level = {room: i for i, room in enumerate(ROOMS)}
    return [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in others
        if room_of(module)
        and room_of(other)
        and room_of(other) != room_of(module)
        and level[room_of(other)] >= level[room_of(module)]
    ]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle of modules; empty without one."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if found := walk(other, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := walk(module, []))), [])


def test_every_room_has_its_place():
    rooms = {room_of(module_name(path)) for path in FILES} - {""}
    assert rooms == set(ROOMS), "say in ROOMS where they belong"


def test_imports_go_down_only():
    assert not upward(module_graph(PACKAGE))


def test_modules_import_each_other_in_no_circle():
    assert not circle({name: others for name, others in module_graph(PACKAGE).items() if name != "sgdlab"})


def test_an_upward_import_inside_a_function_is_found(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "sgdlab", ignore=shutil.ignore_patterns("__pycache__"))
    loop = tmp_path / "sgdlab" / "training" / "loop.py"
    upwards = ("sgdlab.training.session import Session", "sgdlab.results.figures import draw_run")
    loop.write_text(loop.read_text() + "\n\ndef hidden():\n" + "".join(f"    from {line}\n" for line in upwards))
    graph = module_graph(tmp_path / "sgdlab")
    assert upward(graph) == ["sgdlab.training.loop imports sgdlab.results.figures"]
    assert {"sgdlab.training.loop", "sgdlab.training.session"} <= set(circle(graph))


def test_little_lies_at_the_top():
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    loose = {name for name in entries if name.endswith(".py")}
    assert loose == {"__init__.py", "__main__.py", "api.py", "errors.py", "streams.py"}
    assert len(entries) <= MOST_AT_THE_TOP


def loaded(code: str, cwd: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    code += "\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stderr.split("\n"))


LIGHT = ("errors", "streams", "schema", "config", "analysis", "runs", "plots", "cli")


def test_light_rooms_import_no_torch(tmp_path):
    """They start at once: help, completion, `ls` and `plot` need no more."""
    names = [name for path in FILES if room_of(name := module_name(path)) in LIGHT]
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
    from tests.support import TINY, sgdlab, write_config

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
