"""Made-up results of runs, on which claims are judged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sgdlab.lessons.claim import VERDICTS, Claim, Judged
from sgdlab.lessons.seed_results import SeedResults

YES, NO, OPEN = VERDICTS
SEEDS = range(5)


def seed_results(rows: list[dict[str, Any]], histories: dict[str, pd.DataFrame] | None = None) -> SeedResults:
    """Rows of results, completed unless they say otherwise."""
    for i, row in enumerate(rows):
        row.setdefault("run", f"{i:03d}")
        row.setdefault("status", "completed")
    return SeedResults(pd.DataFrame(rows), histories or {})


def judged(claims: Sequence[Claim[Any]], key: str, evidence: Any) -> Judged:
    """The claim of this key, on the evidence."""
    return next(claim for claim in claims if claim.key == key).judge(evidence)


def history(losses: list[float], step: int = 1, examples: int = 1) -> pd.DataFrame:
    """Training losses from the start on, `step` updates of so many examples apart."""
    steps = np.arange(len(losses)) * step
    return pd.DataFrame({"step": steps, "examples": steps * examples, "train_loss": losses})
