"""claims.csv and claims.md: the judged claims on disk."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sgdlab.lessons.claim import VERDICTS, Judged
from sgdlab.runs.files import write_table, write_text
from sgdlab.runs.names import CLAIMS, CLAIMS_TEXT

if TYPE_CHECKING:
    import pandas as pd


def claims_table(judged: Sequence[Judged]) -> "pd.DataFrame":
    """A row for each claim; estimate, low, high, level, n of the quantity that decided, where there is one."""
    import pandas as pd

    return pd.DataFrame([_row(each) for each in judged])


def write_claims(
    folder: Path, title: str, judged: Sequence[Judged], notes: Sequence[str], figures: Sequence[str]
) -> None:
    """Write both files. notes: conditions, one line each;  figures: file names in the folder."""
    write_table(folder / CLAIMS, claims_table(judged))
    write_text(folder / CLAIMS_TEXT, claims_text(title, judged, notes, figures))


def claims_text(title: str, judged: Sequence[Judged], notes: Sequence[str], figures: Sequence[str]) -> str:
    """Markdown: the verdicts at a glance, then each claim with its numbers, rule and meaning."""
    lines = [f"# {title}", "", f"{in_short(judged)}.", "", *(f"- {note}" for note in notes), ""]
    lines += ["| | claim | verdict |", "|---|---|---|"]
    lines += [f"| {i} | {each.claim.words} | **{each.finding.verdict}** |" for i, each in enumerate(judged, 1)]
    for i, each in enumerate(judged, 1):
        lines += [
            "",
            f"## {i}. {each.claim.words}",
            "",
            f"*{each.claim.where}.* **{each.finding.verdict.capitalize()}.**",
            "",
        ]
        lines += [f"- Measured: {each.finding.numbers}.", f"- It means: {each.meaning}.", f"- Rule: {each.claim.rule}."]
    if figures:
        lines += ["", "## Figures", "", *(f"![{Path(name).stem}]({name})" for name in figures)]
    return "\n".join(lines) + "\n"


def in_short(judged: Sequence[Judged]) -> str:
    """`17 claims: 9 reproduced, 6 not reproduced, 2 cannot tell`."""
    counts = [f"{sum(each.finding.verdict == verdict for each in judged)} {verdict}" for verdict in VERDICTS]
    return f"{len(judged)} claims: {', '.join(counts)}"


def _row(each: Judged) -> dict[str, object]:
    row: dict[str, object] = {
        "claim": each.claim.key,
        "where": each.claim.where,
        "words": each.claim.words,
        "verdict": each.finding.verdict,
    }
    interval = each.finding.headline
    for name in ("estimate", "low", "high", "level", "n"):
        value = None if interval is None else getattr(interval, name)
        row[name] = value if value is None or math.isfinite(value) else None
    return row | {"numbers": each.finding.numbers, "meaning": each.meaning, "rule": each.claim.rule}
