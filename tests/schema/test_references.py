"""module:name references: what they find, what they say, and where they are stored."""

import json
import sys
from typing import Any

import pytest

from sgdlab.errors import ConfigError
from sgdlab.schema.references import absolute_reference, load_reference


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text("from beside import K\n\ndef f():\n    return K\n")
    (tmp_path / "beside.py").write_text("K = 5\n")
    (tmp_path / "broken.py").write_text("x = 1\nx / 0\n")
    (tmp_path / "unparsable.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "needy.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "part.py").write_text("from .other import K\n")
    (tmp_path / "pack" / "other.py").write_text("K = 7\n")
    before, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("reference", "value"), [("beside:K", 5), ("beside.py:K", 5), ("pack.part:K", 7), ("pack/part.py:K", 7)]
)
def test_files_beside_a_config_are_found_and_stored_absolute(folder, reference, value, monkeypatch, tmp_path_factory):
    stored = absolute_reference(reference, folder)
    assert stored.startswith(str(folder)) and stored.endswith(".py:K")
    assert absolute_reference(stored, folder / "elsewhere") == stored
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert load_reference(reference, folder) == load_reference(stored) == value


def test_the_folder_of_a_file_is_importable_for_it(folder):
    function: Any = load_reference("mine:f", folder)
    assert function() == 5
    assert sys.path[0] != str(folder), "user files must not shadow modules that sgdlab imports later"


def test_a_file_beside_wins_over_an_installed_module_while_its_neighbour_is_imported(folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)  # one that is imported already stays
    (folder / "colorsys.py").write_text("HERE = True\n")  # also a module of the standard library
    (folder / "uses.py").write_text("from colorsys import HERE\n")
    assert load_reference("uses:HERE", folder) is True


def test_installed_modules_are_found_and_stay_as_written(folder):
    assert absolute_reference("json.decoder:JSONDecoder", folder) == "json.decoder:JSONDecoder"
    assert load_reference("json.decoder:JSONDecoder", folder) is json.JSONDecoder


def test_two_files_of_one_name_do_not_meet(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "beside.py").write_text("K = 6\n")
    assert load_reference("beside:K", folder) == 5
    assert load_reference("beside:K", other) == 6


def test_an_edited_file_is_imported_anew_and_an_unchanged_one_is_not(folder):
    first = load_reference("mine:f", folder)
    assert load_reference("mine:f", folder) is first
    (folder / "mine.py").write_text("def f():\n    return 'edited'\n")
    edited: Any = load_reference("mine:f", folder)
    assert edited() == "edited"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("mine:g", r'mine\.py: has no "g"'),
        ("mine:ff", r'has no "ff"; did you mean "f"\?'),
        ("mien:f", r'no module "mien"; did you mean "mine"\?; looked for in'),
        ("mien.py:f", r'no file .*mien\.py; did you mean "mine\.py"\?'),
        ("nowhere/mine.py:f", r"no file .*nowhere.mine\.py"),
        ("json.nothing:f", r'no module "json\.nothing"'),
        ("broken:x", r"broken\.py:2: ZeroDivisionError while importing it: division by zero"),
        ("unparsable:f", r"unparsable\.py:2: SyntaxError"),
        ("needy:f", r"needy\.py:1: ModuleNotFoundError.*there_is_no_such_module"),
        ("..:f", "a relative module"),
        ("mine", "write it as module:name"),
        (":f", "write it as module:name"),
        ("a\0b:f", "no module"),
        ("x" * 5000 + ":f", "no module"),
        ("x" * 5000 + ".py:f", "no file"),
    ],
)
def test_what_is_missing_or_broken_is_named(folder, reference, words):
    with pytest.raises(ConfigError, match=words):
        load_reference(reference, folder)


def test_a_fault_in_user_code_keeps_its_traceback(folder):
    with pytest.raises(ConfigError) as caught:
        load_reference("broken:x", folder)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize("reference", ["", ":", "a::b", "http://x:y", "\0:x", "x" * 5000 + ":f", "~nobody/x:f"])
def test_rubbish_stays_as_written(folder, reference):
    assert absolute_reference(reference, folder) == reference
