"""How numbers, intervals, durations and seeds are written for people, where several places write them alike."""

import math
from collections.abc import Sequence
from typing import Any

MISSING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """So many significant digits, whole numbers whole, in a form that a command takes too: 0.1983, 1.2e-05, 40,000."""
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:,.0f}" if min(10.0**digits, 1e4) <= abs(value) < 1e9 else f"{value:.{digits}g}"


def table_value(value: Any) -> str:
    """A value as a table shows it: four significant digits, yes or no, a dash for what is missing."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def typeset(value: float, digits: int = 6) -> str:
    """A number as a book sets it, for figures: 0.25, 20,000, −3×10⁻⁵, to so many significant digits."""
    if value == 0 or not math.isfinite(value):
        return number(value).replace("-", "−")
    rounded = float(f"{value:.{digits}g}")
    if 1e-3 <= abs(rounded) < 1e6:
        text = f"{rounded:,.0f}" if abs(rounded) >= 1e4 else f"{rounded:.10g}"
    else:
        mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
        text = power if mantissa == "1" else f"{mantissa}×{power}"
    return text.replace("-", "−")


def with_interval(estimate: float, low: float, high: float) -> str:
    """0.011 [0.006, 0.015]: as many decimals as two digits of the half-width ask for, four digits at most."""
    width = (high - low) / 2
    if not math.isfinite(width) or width <= 0:
        return f"{number(estimate)} [{number(low)}, {number(high)}]"
    largest = max(abs(low), abs(high))
    decimals = 1 - math.floor(math.log10(width))
    decimals = max(0, min(decimals, 3 - math.floor(math.log10(largest)) if largest > 0 else 3))
    return f"{estimate:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def median_with_interval(estimate: float, low: float, high: float, at_least: float) -> str:
    """`340 [310, 390]`, to three digits; `> 20,000` where the median lies beyond all that was measured."""
    if math.isinf(estimate):
        return f"> {number(at_least, 3)}"
    return f"{number(estimate, 3)} [{number(low, 3)}, {number(high, 3)}]"


def mean_and_std(mean: float, std: float) -> str:
    """`1.495 ± 0.003`: as many decimals as two digits of the spread ask for, six at most."""
    digits = 3 if std < 1e-12 else max(min(1 - math.floor(math.log10(std)), 6), 0)
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def duration(seconds: float) -> str:
    """A time for people: 7.89 µs, 45.6 ms, 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if not math.isfinite(seconds):
        return number(seconds)
    for unit, scale in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3)):
        if 0 < seconds < 100 * scale:
            return f"{seconds / scale:.3g} {unit}"
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def measured_time(seconds: float) -> str:
    """A time as measured, to three digits, so that ratios can be checked from the text: 7.89 µs, 628 ms, 1.23 s."""
    if not seconds > 0:
        return MISSING
    scale, unit = next(((x, u) for x, u in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")) if seconds >= x), (1e-9, "ns"))
    return f"{number(seconds / scale, 3)} {unit}"


def compact(value: float) -> str:
    """1234567 as 1.23M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """`93.3 %`."""
    return f"{100 * share:.1f} %"


def count(amount: int, noun: str) -> str:
    """`1 run`, `1,000 runs`."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def seed_list(seeds: Sequence[int]) -> str:
    """`0-4`, else each of them: `0, 7`."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))
