"""The notebook's claims (P) in the order in which they are shown."""

from sgdlab.lessons.claim import Claim
from sgdlab.lessons.parr import data as parr_data
from sgdlab.lessons.parr import results as parr_results
from sgdlab.lessons.parr import sizes as parr_sizes
from sgdlab.lessons.parr.evidence import ParrEvidence

CLAIMS: tuple[Claim[ParrEvidence], ...] = (*parr_data.CLAIMS, *parr_results.CLAIMS, *parr_sizes.CLAIMS)
