"""A claim of a text: where it stands, what it says in our words, and the rule that judges it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, get_args

from sgdlab.analysis.intervals import Interval

Verdict = Literal["reproduced", "not reproduced", "cannot tell"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

Evidence = TypeVar("Evidence")


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim, and the verdict that its rule gives.

    numbers: in words, with intervals and n.  headline: the quantity that decided, where there is one.
    """

    verdict: Verdict
    numbers: str
    headline: Interval | None = None


@dataclass(frozen=True)
class Claim(Generic[Evidence]):
    """One claim of a text.

    where: part of the text.  words: the claim, in our own words.  rule: how numbers become a verdict, in
    words.  judge: the same, on the evidence.  means: what each verdict would mean; all three are written
    down before anything is measured.
    """

    key: str
    where: str
    words: str
    rule: str
    judge: Callable[[Evidence], Finding]
    means: Mapping[Verdict, str]

    def __post_init__(self) -> None:
        if set(self.means) != set(VERDICTS):
            raise ValueError(f"{self.key}: needs a meaning for each of {', '.join(VERDICTS)}")


@dataclass(frozen=True)
class Judged:
    """A claim with what was found; what a row of the table shows."""

    key: str
    where: str
    words: str
    rule: str
    verdict: Verdict
    numbers: str
    headline: Interval | None
    meaning: str


def judge(claim: Claim[Evidence], evidence: Evidence) -> Judged:
    """Measure a claim by its rule."""
    found = claim.judge(evidence)
    return Judged(
        claim.key,
        claim.where,
        claim.words,
        claim.rule,
        found.verdict,
        found.numbers,
        found.headline,
        claim.means[found.verdict],
    )


def meanings(reproduced: str, not_reproduced: str, cannot_tell: str) -> dict[Verdict, str]:
    """What each verdict means, in the order of VERDICTS."""
    return dict(zip(VERDICTS, (reproduced, not_reproduced, cannot_tell), strict=True))
