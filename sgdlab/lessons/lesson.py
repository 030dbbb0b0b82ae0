"""What a lesson is: experiments, the claims that they judge, the figures that they fill."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic

from sgdlab.errors import ConfigError
from sgdlab.lessons import LESSONS
from sgdlab.lessons.claim import Claim, Evidence
from sgdlab.lessons.experiment import ExperimentRunner
from sgdlab.schema.nearest import nearest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Lesson(Generic[Evidence]):
    """A text as a lesson.

    seeds, quick_seeds: unless the user names others.  gather: given seeds, whether it must be quick, and who
    carries experiments out, all that the claims are judged by.  figures: file name without its ending -> figure.
    notes: what was measured, and under which conditions, a line each.
    """

    title: str
    seeds: Sequence[int]
    quick_seeds: Sequence[int]
    gather: Callable[[Sequence[int], bool, ExperimentRunner], Evidence]
    claims: Sequence[Claim[Evidence]]
    figures: "Callable[[Evidence], Mapping[str, Figure]]"
    notes: Callable[[Evidence], list[str]]


def load_lesson(name: str) -> Lesson[Any]:
    """The lesson of this name; ConfigError where there is none."""
    if name not in LESSONS:
        raise ConfigError(f"{name[:80]}: no lesson has this name{nearest(name, LESSONS)}")
    found: Lesson[Any] = import_module(f"sgdlab.lessons.{name}.lesson").LESSON
    return found
