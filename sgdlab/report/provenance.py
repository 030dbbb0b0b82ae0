"""Where results come from: config, environment, the commands that repeat them, and what cannot be read."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sgdlab.errors import RunFolderError
from sgdlab.report.page import Chapter, Code, Facts
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.names import ENVIRONMENT

CONFIG_TITLE = "Config"
MOST_SAID = 20
_MADE_BY = ("command", "folder")
_NAMES = {
    "python": "Python", "platform": "system", "cpu": "processor", "gpu": "GPU", "threads": "threads of a run",
    "git_commit": "git commit", "data": "checksum of the data",
}  # fmt: skip


@dataclass(frozen=True)
class Provenance:
    """What environment.json of one run says; fault: why it could not be read, else empty."""

    facts: dict[str, Any]
    fault: str = ""


def provenance_of(folders: Iterable[RunFolder]) -> list[Provenance]:
    """The environment of each run."""
    found = []
    for folder in folders:
        try:
            found.append(Provenance(folder.read_json(ENVIRONMENT)))
        except RunFolderError as error:
            found.append(Provenance({}, str(error)))
    return found


def environment_chapter(found: Sequence[Provenance]) -> Chapter:
    """Every distinct environment with the number of runs made in it."""
    groups: dict[str, tuple[dict[str, Any], int]] = {}
    for made in found:
        facts = {key: value for key, value in made.facts.items() if key not in _MADE_BY and value is not None}
        mark = json.dumps(facts, sort_keys=True, default=str)
        groups[mark] = (facts, groups.get(mark, (facts, 0))[1] + 1)
    blocks = []
    for facts, count in groups.values():
        caption = f"{count} of {len(found)} runs" if len(groups) > 1 else ""
        rows = [(_NAMES.get(key, key), _in_words(value)) for key, value in facts.items()]
        blocks.append(Facts(caption, tuple(rows or [("environment", "not recorded, or not readable")])))
    return Chapter("Environment", tuple(blocks))


def _given_commands(found: Sequence[Provenance]) -> list[str]:
    """The distinct command lines that made the runs, each with the folder that it was given in."""
    lines: list[str] = []
    for made in found:
        command, folder = made.facts.get("command"), made.facts.get("folder")
        if isinstance(command, list) and command and _is_command(str(command[0])):
            line = shlex.join(["sgdlab", *map(str, command[1:])])
            lines.append(f"cd {shlex.quote(str(folder))}\n{line}" if folder else line)
    return list(dict.fromkeys(lines))


def commands_chapter(found: Sequence[Provenance], more: Sequence[str]) -> Chapter:
    """The commands that made the runs, and others that lead to the same; both as text to copy."""
    given = _given_commands(found)
    again = Code("Again, from what this folder holds" if given else "From what this folder holds", "\n".join(more))
    made = [Code("As it was made", "\n\n".join(given))] if given else []
    return Chapter("Commands that repeat it", (*made, *([again] if more else [])))


def text_block(path: Path, caption: str, folded: bool = False) -> Code:
    """A text file as it stands, or why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        text = f"(cannot be read: {error.strerror})"
    return Code(caption, text[:200_000], folded)


def command(*words: str | Path) -> str:
    """A command line, quoted where the shell asks for it."""
    return shlex.join(["sgdlab", *map(str, words)])


def some(lines: Sequence[str], where: str) -> tuple[str, ...]:
    """The first lines of many, and where the others are."""
    rest = len(lines) - MOST_SAID
    return (*lines[:MOST_SAID], *([f"and {rest} more: {where}"] if rest > 0 else []))


def _is_command(program: str) -> bool:
    """Whether argv[0] is sgdlab itself and not a notebook or a test that called it."""
    return Path(program).name in ("sgdlab", "sgdlab.exe") or program.endswith(str(Path("sgdlab") / "__main__.py"))


def _in_words(value: Any) -> str:
    return ", ".join(f"{key} {inner}" for key, inner in value.items()) if isinstance(value, dict) else str(value)
