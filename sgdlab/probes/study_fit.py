"""B_crit as a study found it, for comparison; read with care, since the folder is another's."""

import math
from dataclasses import dataclass
from pathlib import Path

from sgdlab.analysis.wording import with_interval
from sgdlab.runs.folder import RunFolder
from sgdlab.runs.names import ANSWER


@dataclass(frozen=True)
class StudyFit:
    """The critical batch size of a study in examples, None where it could not tell, and its answer in words."""

    b_crit: float | None
    in_words: str


def study_fit(path: Path) -> StudyFit:
    """What the study in a folder says of B_crit. Raises RunFolderError where there is no study, or it is damaged."""
    fit = RunFolder(path).read_json(ANSWER).get("fit")
    fit = fit if isinstance(fit, dict) else {}
    found = fit.get("b_crit") if fit.get("can_tell") else None
    if not isinstance(found, dict) or (value := _finite(found.get("estimate"))) is None or value <= 0:
        return StudyFit(None, f"{path}: the study's fit cannot tell: {fit.get('reason') or 'it gives no B_crit'}")
    low, high = _finite(found.get("low")), _finite(found.get("high"))  # an end that nothing bounds is null
    words = with_interval(value, low or 0.0, math.inf if high is None else high)
    return StudyFit(value, f"{path}: B_crit {words} examples")


def _finite(value: object) -> float | None:
    """A finite number as such, anything else as None."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
