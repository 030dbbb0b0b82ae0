"""The chapter's claims on matrix products."""

import itertools

from sgdlab.bench.matmul import CHAPTER_FLOPS
from sgdlab.lessons import rules
from sgdlab.lessons.claim import Finding, claim
from sgdlab.lessons.d2l.evidence import PRODUCT_FLOPS, RESTLESS, D2lEvidence
from sgdlab.lessons.wording import median_times, worded


@claim(
    "D 11.5.1",
    "Column by column is faster than element by element, and the whole product at once faster still.",
    rule="ratio of speeds, one thread: reproduced where both are above 1, 95 % interval over interleaved rounds",
    reproduced="each call of the framework has its price",
    not_reproduced="one of the steps does not pay here",
    cannot_tell=RESTLESS,
)
def ways_of_a_product(e: D2lEvidence) -> Finding:
    ways = ("element by element", "column by column", "whole")
    gains = [rules.times_as_long(e.products[slow], e.products[fast]) for slow, fast in itertools.pairwise(ways)]
    numbers = "; ".join(
        f"{fast} is {worded(gain)} times as fast as {slow}"
        for (slow, fast), gain in zip(itertools.pairwise(ways), gains, strict=True)
    )
    return Finding(rules.all_hold(*(rules.lies_above(gain, 1.0) for gain in gains)), numbers, gains[-1])


@claim(
    "D 11.5.2",
    "Blocks of 64 columns are as fast as the whole product.",
    rule="speed in blocks over whole: reproduced within 0.8 to 1.25, not reproduced outside, 95 % interval over "
    "interleaved rounds",
    reproduced="a minibatch of 64 uses the processor as well as all columns at once",
    not_reproduced="blocks are slower or faster than the whole product on this machine",
    cannot_tell=RESTLESS,
)
def blocks_as_fast(e: D2lEvidence) -> Finding:
    ratio = rules.times_as_long(e.products["whole"], e.products["in blocks"])
    numbers = f"speed in blocks of 64 columns over whole {worded(ratio)} ({median_times(e.products)})"
    return Finding(rules.lies_within(ratio, 0.8, 1.25), numbers, ratio)


@claim(
    "D 11.5.1 and 11.5.2, printed GFLOP/s",
    "The printed GFLOP/s count the operations of the product.",
    rule="reproduced: the 2 GFLOP that the chapter counts are 2·256³ within 5 %; not reproduced: they are not; "
    "computed",
    reproduced="the count is right",
    not_reproduced="the printed figures are about 60 times too high; their ratios stand",
    cannot_tell="nothing was computed",
)
def gflops(e: D2lEvidence) -> Finding:
    whole = rules.median_of(e.products["whole"])
    numbers = (
        f"a product takes 2·256³ = {PRODUCT_FLOPS / 1e9:.4f} GFLOP, the chapter divides {CHAPTER_FLOPS / 1e9:g} by the "
        f"time: {CHAPTER_FLOPS / PRODUCT_FLOPS:.1f} times too many; the whole product here: "
        f"{PRODUCT_FLOPS / whole / 1e9:.3g} GFLOP/s, by the chapter's count {CHAPTER_FLOPS / whole / 1e9:,.0f}"
    )
    return Finding(rules.agrees(CHAPTER_FLOPS, PRODUCT_FLOPS, 0.05), numbers)


CLAIMS = (ways_of_a_product, blocks_as_fast, gflops)
