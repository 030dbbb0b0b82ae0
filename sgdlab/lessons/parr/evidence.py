"""What was measured for the notebook (P), and the numbers that it prints."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sgdlab.lessons.epoch_times import EpochTimes
from sgdlab.lessons.rules import BySeed
from sgdlab.lessons.seed_results import SeedResults

SIZES = (8, 64, 128, 256)
SMALL_RATE = 0.001
LARGE_RATE = 0.03
FLOOR = math.log(math.e + 9) - 1
"""Least cross-entropy of a softmax's output taken for logits: all probability on the right one of 10 classes."""

PUBLISHED_LOSSES = ((8, 1.495), (8, 1.496), (64, 1.502), (128, 1.508), (256, 1.513))
PUBLISHED_ACCURACY = 0.965
PUBLISHED_BATCH = {"best_val_loss": 1.498, "final_val_accuracy": 0.964}
MARGIN = 0.005
"""Differences of accuracy up to half a point count as none: 10 of 2,000 validation rows."""


@dataclass(frozen=True)
class ParrEvidence:
    """All that was measured for the notebook.

    as_published: whether the runs are as long as the notebook's.  runs: by the folder of their sweep.
    held_equal: the same key -> budget and rate, in words.  rates: batch size -> its tuned rate.  leaked, clean:
    seed -> share of validation rows that stand in training, for the notebook's split and for a permutation.
    optimism: seed -> accuracy that picking by the reported rows adds.  cpu, gpu: seconds per epoch by batch size,
    gpu None without one.
    """

    as_published: bool
    runs: Mapping[str, SeedResults]
    held_equal: Mapping[str, str]
    rates: Mapping[int, float]
    leaked: BySeed
    clean: BySeed
    optimism: BySeed
    cpu: EpochTimes
    gpu: EpochTimes | None

    @property
    def tried_rates(self) -> list[float]:
        """The rates of the tuning grid, rising."""
        return sorted({float(rate) for rate in self.runs["tuning"].table["learning_rate"]})
