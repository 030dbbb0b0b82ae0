"""The notebook's three figures (P), then its data and its conclusion looked at again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sgdlab import plots
from sgdlab.lessons.parr.evidence import SIZES, ParrEvidence

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TWICE = "loss (softmax applied twice)"


def figures(e: ParrEvidence) -> "dict[str, Figure]":
    """Each by its file's name."""
    as_published = {name: _as_the_notebook(histories) for name, histories in _by_size(e, "sizes").items()}
    leak = {
        "with the leak": e.runs["sizes"].seeds_histories(batch_size=8),
        "without": e.runs["no-leak"].seeds_histories(batch_size=8),
    }
    return {
        "batch": _first(e.runs["batch"].seeds_histories(), "Batch gradient descent as published"),
        "minibatch-8": _first(e.runs["sizes"].seeds_histories(batch_size=8), "Minibatches of 8 as published"),
        "sizes-as-published": plots.panels_figure(
            as_published,
            loss_label=TWICE,
            title="Four batch sizes as the notebook draws them: its training loss is the last minibatch's",
        ),
        "sizes-corrected": plots.panels_figure(
            _by_size(e, "sizes-corrected"),
            loss_label="cross-entropy (nats)",
            title="Four batch sizes without leak and double softmax",
        ),
        "leak": plots.overlay_figure(leak, "val_accuracy", title="Batch 8: what the leak adds to accuracy"),
        "equal-steps": plots.overlay_figure(
            _by_size(e, "equal-steps"), x="step", log_x=True, title="Four batch sizes at equal steps"
        ),
        "tuned": plots.overlay_figure(_by_size(e, "tuned"), title="Four batch sizes, each at its own best rate"),
        "best-rate": plots.best_rate_figure(_rate_table(e), note="least mean validation loss on the tuning seeds"),
    }


def _by_size(e: ParrEvidence, runs: str) -> "Mapping[str, list[pd.DataFrame]]":
    return {f"batch {b}": e.runs[runs].seeds_histories(batch_size=b) for b in SIZES}


def _first(histories: "Sequence[pd.DataFrame]", title: str) -> "Figure":
    """Loss and accuracy of the first seed, as the notebook draws them."""
    import pandas as pd

    from sgdlab.runs.history import COLUMNS

    history = histories[0] if histories else pd.DataFrame(columns=list(COLUMNS), dtype=float)
    return plots.curves_figure(history, loss_label=TWICE, title=f"{title}, one seed")


def _as_the_notebook(histories: "Sequence[pd.DataFrame]") -> "list[pd.DataFrame]":
    """The last minibatch's loss in place of the training loss, one seed: a mean would hide the noise."""
    return [history.assign(train_loss=history["batch_loss"]) for history in histories[:1]]


def _rate_table(e: ParrEvidence) -> "pd.DataFrame":
    import pandas as pd

    edges = (e.tried_rates[0], e.tried_rates[-1])
    return pd.DataFrame([{"batch_size": b, "learning_rate": r, "edge": r in edges} for b, r in e.rates.items()])
