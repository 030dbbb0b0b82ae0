"""Independent random streams: one for each purpose, each derived from (seed, purpose) alone."""

from typing import Literal

import numpy as np

Purpose = Literal["split", "resample", "init", "order", "noise", "twin", "probe"]
_KEYS: dict[Purpose, int] = {"split": 1, "resample": 2, "init": 3, "order": 4, "noise": 5, "twin": 6, "probe": 7}


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """The numpy generator of (seed, purpose, position...); `position` is for instance an epoch."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _KEYS[purpose], *position])))


def torch_seed(seed: int, purpose: Purpose) -> int:
    """A 63-bit seed for a torch generator, derived likewise."""
    return int(np.random.SeedSequence([seed, _KEYS[purpose]]).generate_state(1, np.uint64)[0] >> 1)
