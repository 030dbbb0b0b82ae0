"""B_crit as a study found it, for comparison; read with care, since the file is another's."""

import json
import math
from pathlib import Path
from typing import Any

from sgdlab.errors import RunFolderError
from sgdlab.runs.names import ANSWER


def study_b_crit(path: Path) -> tuple[float | None, str]:
    """B_crit in examples of the study at `path` (its folder or file), and in words; None: it could not tell.

    Raises RunFolderError where there is no study, or its file is damaged.
    """
    file = path / ANSWER if path.is_dir() else path
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise RunFolderError(f"{file}: no study can be read there: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{file}: damaged: not JSON: {str(error)[:100]}") from None
    fit = _holder(content, "b_crit") or {}
    value, low, high = _numbers(fit.get("b_crit"))
    if value is None or fit.get("can_tell") is False:
        reason = str(fit.get("reason") or "it gives no B_crit")
        return None, f"{path}: the study's fit cannot tell: {reason}"
    interval = f" [{low:.4g}, {high:.4g}]" if low is not None and high is not None else ""
    return value, f"{path}: B_crit {value:.4g}{interval} examples"


def _holder(content: Any, key: str) -> dict[str, Any] | None:
    """The first mapping that holds `key`, at any depth; None without one."""
    if isinstance(content, dict):
        if key in content:
            return content
        content = list(content.values())
    if isinstance(content, list):
        return next((found for inner in content if (found := _holder(inner, key)) is not None), None)
    return None


def _numbers(found: Any) -> tuple[float | None, float | None, float | None]:
    """Estimate, low and high of a number, {estimate, low, high} or [estimate, low, high]."""
    if isinstance(found, dict):
        values = [found.get("estimate", found.get("value")), found.get("low"), found.get("high")]
    elif isinstance(found, list):
        values = [*found, None, None, None][:3]
    else:
        values = [found, None, None]
    value, low, high = (float(v) if isinstance(v, int | float) and math.isfinite(v) else None for v in values)
    return (value if value is not None and value > 0 else None), low, high
