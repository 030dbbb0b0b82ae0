"""What commands say alike of runs: their data, their forecast, their result, their exit code."""

from typing import TYPE_CHECKING, Any

from sgdlab.analysis.wording import count, duration, number
from sgdlab.cli.console import INTERRUPTED, say

if TYPE_CHECKING:
    from sgdlab.data.prepared import PreparedData

EXIT_CODES = {"completed": 0, "diverged": 1, "failed": 1, "interrupted": INTERRUPTED}


def rows_in_words(data: "PreparedData") -> str:
    """`8,000 training, 2,000 validation rows`."""
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    return ", ".join(f"{len(split):,} {name}" for name, split in splits.items() if split is not None) + " rows"


def say_forecast(runs: int, updates: int | None, seconds: float) -> None:
    """What --dry-run says of runs with so many updates together, None where time decides."""
    steps = count(updates, "update") if updates is not None else "updates as time allows"
    say(f"{count(runs, 'run')}, {steps}, about {duration(seconds)}; nothing was written")


def result_in_words(summary: dict[str, Any]) -> str:
    """A run's result in one line."""
    from sgdlab.runs.selection import best_loss, best_split

    reason = summary.get("reason")
    if reason:
        return str(reason)
    loss = best_loss(summary)
    if loss is None:
        return count(summary.get("steps", 0), "step")
    split = best_split(summary)
    text = f"best {split} loss {number(loss)} at epoch {number(summary['best_epoch'])}"
    accuracy = summary.get(f"best_{split}_accuracy")
    return text + (f", accuracy {number(accuracy)}" if accuracy is not None else "")
