"""The chapter's claims (D) in the order in which they are shown."""

from sgdlab.lessons import d2l_clock, d2l_descent, d2l_exercises, d2l_products
from sgdlab.lessons.claim import Claim
from sgdlab.lessons.d2l_evidence import D2lEvidence

CLAIMS: tuple[Claim[D2lEvidence], ...] = (
    *d2l_descent.CLAIMS,
    *d2l_clock.CLAIMS,
    *d2l_products.CLAIMS,
    *d2l_exercises.CLAIMS,
)
