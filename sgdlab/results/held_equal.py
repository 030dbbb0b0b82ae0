"""What a comparison of runs holds equal, what that leaves unequal, and where their numbers do not mean the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sgdlab.analysis.wording import count
from sgdlab.config import Budget

Configs = Sequence[Mapping[str, Any]]
"""Of each run the dotted keys with their values, as `flat_keys` gives them."""

_DECIDE_WHAT_A_NUMBER_MEANS = ("dataset.", "loss", "model.output")
MOST_OF_LABELS = 80
"""Characters of two labels beyond which a note does without them."""

_MEAN_THE_SAME_ANYWHERE = ("train_seconds", "steps")


def held_equal(configs: Configs) -> str:
    """The budget that all runs share: `held equal: 51 epochs`."""
    budgets = list(dict.fromkeys(map(_budget, configs)))
    if not budgets:
        return "no config can be read"
    if len(budgets) == 1:
        return f"held equal: {budgets[0]}"
    return f"not held equal: budgets of {', '.join(budgets[:6])}"


def _budget(config: Mapping[str, Any]) -> str:
    if config.get("budget"):
        return str(config["budget"])
    epochs = config.get("epochs")
    return str(Budget(epochs, "epochs")) if isinstance(epochs, int | float) else "no budget"


def meaning_differs(differing: Sequence[str], metric: str) -> str:
    """Why the metric of these runs cannot be compared, given the keys in which they differ; empty where it can."""
    found = [key for key in differing if key.startswith(_DECIDE_WHAT_A_NUMBER_MEANS)]
    if metric.endswith("accuracy"):  # a share of the rows, whatever the loss is
        found = found if any(key.startswith("dataset.") for key in found) else []
    if not found or metric in _MEAN_THE_SAME_ANYWHERE:
        return ""
    return f"the runs differ in {', '.join(found)}: their {metric} does not mean the same"


def left_unequal(configs: Configs, steps: Mapping[str, Sequence[int]], metric: str) -> list[str]:
    """What the runs do not share and a reader must know. steps: of the runs that completed, by their setting."""
    several_sizes = len(_values(configs, "batch_size.initial")) > 1
    return [
        *_steps_made(steps, several_sizes, metric),
        *_machines(configs),
        *_evaluations(configs, metric),
        *_stopping(configs),
        *(_one_rate(configs) if several_sizes else ()),
    ]


def _steps_made(steps: Mapping[str, Sequence[int]], several_sizes: bool, metric: str) -> Iterator[str]:
    made = sorted((number, label) for label, numbers in steps.items() for number in numbers)
    if metric == "steps" or not made or made[0][0] == made[-1][0]:
        return
    (few, fewest), (many, most) = made[0], made[-1]
    where = (f" ({fewest})", f" ({most})") if fewest != most and len(fewest + most) <= MOST_OF_LABELS else ("", "")
    moral = ": a larger batch that trails may only have had fewer" if several_sizes else ""
    yield f"the runs made {few:,}{where[0]} to {count(many, 'step')}{where[1]}{moral}"


def _machines(configs: Configs) -> Iterator[str]:
    for key in ("engine", "threads", "device"):
        found = _values(configs, key)
        if len(found) > 1:
            yield f"the runs differ in {key}: {', '.join(found)}; their seconds do not compare"


def _evaluations(configs: Configs, metric: str) -> Iterator[str]:
    looks = _values(configs, "evaluate_every")
    if len(looks) > 1 and metric.startswith("best_"):
        yield f"the runs were evaluated every {', '.join(looks)}: more looks find a better best"


def _stopping(configs: Configs) -> Iterator[str]:
    if any(config.get("stop_at") for config in configs):
        yield "runs stopped once their target was reached"


def _one_rate(configs: Configs) -> Iterator[str]:
    rates = _values(configs, "learning_rate.initial")
    if len(rates) == 1:
        yield f"one learning rate ({rates[0]}) for all batch sizes: not tuned for each; see `sgdlab study`"


def _values(configs: Configs, key: str) -> list[str]:
    """The distinct values of a key."""
    return sorted({str(config.get(key)) for config in configs})
