"""The chapter's claims (D) in the order in which they are shown."""

from sgdlab.lessons.claim import Claim
from sgdlab.lessons.d2l import clock as d2l_clock
from sgdlab.lessons.d2l import descent as d2l_descent
from sgdlab.lessons.d2l import exercises as d2l_exercises
from sgdlab.lessons.d2l import products as d2l_products
from sgdlab.lessons.d2l.evidence import D2lEvidence

CLAIMS: tuple[Claim[D2lEvidence], ...] = (
    *d2l_descent.CLAIMS,
    *d2l_clock.CLAIMS,
    *d2l_products.CLAIMS,
    *d2l_exercises.CLAIMS,
)
