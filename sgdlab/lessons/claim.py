"""A claim of a text: where it stands, what it says in our words, and the rule that judges it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

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
    """One claim of a text; words, rule and means are written down before anything is measured.

    where: part of the text.  words: the claim, in our own words.  rule: how numbers become a verdict, in
    words.  find: the same, on the evidence.  means: what each verdict would mean.
    """

    key: str
    where: str
    words: str
    rule: str
    find: Callable[[Evidence], Finding]
    means: Mapping[Verdict, str]

    def judge(self, evidence: Evidence) -> "Judged":
        """The claim measured by its rule."""
        return Judged(self, self.find(evidence))


@dataclass(frozen=True)
class Judged:
    """A claim with what was found; what a row of the table shows."""

    claim: Claim[Any]
    finding: Finding

    @property
    def meaning(self) -> str:
        """What the verdict means."""
        return self.claim.means[self.finding.verdict]


def claim(
    where: str, words: str, *, rule: str, reproduced: str, not_reproduced: str, cannot_tell: str
) -> Callable[[Callable[[Evidence], Finding]], Claim[Evidence]]:
    """Makes a claim of the function that judges it, whose name becomes the key; the last three: what verdicts mean.

    >>> @claim("P, conclusion", "Larger batches generalise worse.", rule="reproduced: ...", reproduced="...", ...)
    ... def larger_worse(evidence: ParrEvidence) -> Finding: ...
    """
    means = dict(zip(VERDICTS, (reproduced, not_reproduced, cannot_tell), strict=True))

    def of(find: Callable[[Evidence], Finding]) -> Claim[Evidence]:
        return Claim(find.__name__.replace("_", "-"), where, words, rule, find, means)

    return of
