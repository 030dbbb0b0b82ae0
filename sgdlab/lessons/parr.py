"""The notebook's claims (P) in the order in which they are shown."""

from sgdlab.lessons import parr_data, parr_results, parr_sizes
from sgdlab.lessons.claim import Claim
from sgdlab.lessons.parr_evidence import ParrEvidence

CLAIMS: tuple[Claim[ParrEvidence], ...] = (*parr_data.CLAIMS, *parr_results.CLAIMS, *parr_sizes.CLAIMS)
