"""The figures of a lesson: the texts' own, and those that show why a claim holds or fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdlab import plots
from sgdlab.lessons.clock import NATIVE, PLAIN
from sgdlab.lessons.d2l.evidence import METHODS, PRODUCT_FLOPS, D2lEvidence
from sgdlab.lessons.parr.evidence import SIZES, ParrEvidence

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_CROSS = "cross-entropy (nats)"
_HALF = "half the squared error"


def draw(figures: "Mapping[str, Figure]", folder: Path) -> list[Path]:
    """Write each figure as NAME.png."""
    return [plots.save_figure(figure, folder / f"{name}.png") for name, figure in figures.items()]


def parr_figures(e: ParrEvidence) -> "dict[str, Figure]":
    """The notebook's three figures, then its data and its conclusion looked at again."""
    as_published = {f"batch {b}": _as_the_notebook(e.sizes.seeds_histories(batch_size=b)) for b in SIZES}
    leak = {
        "with the leak": e.sizes.seeds_histories(batch_size=8),
        "without": e.no_leak.seeds_histories(batch_size=8),
    }
    by_size = {
        name: {f"batch {b}": runs.seeds_histories(batch_size=b) for b in SIZES}
        for name, runs in (("sizes", e.sizes), ("corrected", e.corrected), ("steps", e.equal_steps), ("tuned", e.tuned))
    }
    return {
        "batch": _first(e.batch.seeds_histories(), "Batch gradient descent as published"),
        "minibatch-8": _first(e.sizes.seeds_histories(batch_size=8), "Minibatches of 8 as published"),
        "sizes-as-published": plots.panels_figure(
            as_published,
            loss_label="loss (softmax applied twice)",
            title="Four batch sizes as the notebook draws them: its training loss is the last minibatch's",
        ),
        "sizes-corrected": plots.panels_figure(
            by_size["corrected"], loss_label=_CROSS, title="Four batch sizes without leak and double softmax"
        ),
        "leak": plots.overlay_figure(leak, "val_accuracy", title="Batch 8: what the leak adds to accuracy"),
        "equal-steps": plots.overlay_figure(
            by_size["steps"], x="step", log_x=True, title="Four batch sizes at equal steps"
        ),
        "tuned": plots.overlay_figure(by_size["tuned"], title="Four batch sizes, each at its own best rate"),
        "best-rate": plots.best_rate_figure(_rate_table(e), note="least mean validation loss on the tuning seeds"),
    }


def d2l_figures(e: D2lEvidence, conditions: str) -> "dict[str, Figure]":
    """The chapter's figure by the clock, by examples, and what its claims turn on."""
    by_examples = {name: e.runs[name].seeds_histories() for name in METHODS}
    descent = {f"rate {rate:g}": e.runs["GD longer"].seeds_histories(learning_rate=rate) for rate in (1.0, 0.8)}
    exercises = {name: e.runs[name].seeds_histories() for name in ("constant", "decay", "replacement", "doubled")}
    figures = {
        "by-seconds": _by_seconds(e, PLAIN, conditions),
        "by-seconds-compiled": _by_seconds(e, NATIVE, conditions),
        "by-examples": plots.overlay_figure(
            by_examples,
            "train_loss",
            x="examples",
            column_label=_HALF,
            title="The same four runs by examples",
            budget="",
        ),
        "gradient-descent": plots.overlay_figure(
            descent,
            "train_loss",
            x="step",
            log_y=True,
            column_label=_HALF,
            title=f"Gradient descent; 2/λmax = {e.descent.limit:.3f}",
        ),
        "exercises": plots.overlay_figure(
            exercises, "train_loss", x="examples", column_label=_HALF, title="The exercises, batch 10", budget=""
        ),
        "products": plots.matmul_figure(
            _product_table(e), title="One matrix product in four ways", note="256 x 256, float32, one thread; medians"
        ),
    }
    if e.law is not None:
        points = e.law.points
        figures["gradient-std"] = plots.gradient_std_figure(
            [p.batch_size for p in points],
            [p.measured.estimate for p in points],
            [p.predicted for p in points],
            std_low=[p.measured.low for p in points],
            std_high=[p.measured.high for p in points],
            prediction="predicted, √(tr Σ/b · (1 − b/N))",
            title="Noise of the minibatch gradient at the initial weights",
        )
    return figures


def _first(histories: "Sequence[pd.DataFrame]", title: str) -> "Figure":
    """Loss and accuracy of the first seed, as the notebook draws them."""
    import pandas as pd

    from sgdlab.runs.history import COLUMNS

    history = histories[0] if histories else pd.DataFrame(columns=list(COLUMNS), dtype=float)
    return plots.curves_figure(history, loss_label="loss (softmax applied twice)", title=f"{title}, one seed")


def _as_the_notebook(histories: "Sequence[pd.DataFrame]") -> "list[pd.DataFrame]":
    """The last minibatch's loss in place of the training loss, one seed: a mean would hide the noise."""
    return [history.assign(train_loss=history["batch_loss"]) for history in histories[:1]]


def _rate_table(e: ParrEvidence) -> "pd.DataFrame":
    import pandas as pd

    tried = sorted({float(rate) for rate in e.tuning.table["learning_rate"]})
    rows = [{"batch_size": b, "learning_rate": r, "edge": r in (tried[0], tried[-1])} for b, r in e.rates.items()]
    return pd.DataFrame(rows)


def _by_seconds(e: D2lEvidence, loop: str, conditions: str) -> "Figure":
    """D's figure: loss against seconds, where seconds are steps times the median time of a step by `loop`."""
    groups: dict[str, Any] = {}
    for name in METHODS:
        step = float(np.median(e.epochs[loop, name])) / e.steps[name]
        groups[name] = [
            history.assign(train_seconds=history["step"] * step) for history in e.runs[name].seeds_histories()
        ]
    return plots.overlay_figure(
        groups,
        "train_loss",
        x="seconds",
        log_x=True,
        column_label=_HALF,
        title=f"Loss by the clock: steps × time of a step, {loop}",
        budget="",
    )


def _product_table(e: D2lEvidence) -> "pd.DataFrame":
    import pandas as pd

    taken = {name: float(np.median(values)) for name, values in e.products.items()}
    rows = [{"method": name, "seconds": each, "gflops": PRODUCT_FLOPS / each / 1e9} for name, each in taken.items()]
    return pd.DataFrame(rows)
