"""The chapter's figure (D) by the clock and by examples, and what its claims turn on."""

from typing import TYPE_CHECKING, Any

from sgdlab import plots
from sgdlab.analysis.gradient_std import StdLaw
from sgdlab.bench.plain_loop import PLAIN
from sgdlab.lessons.d2l.evidence import METHODS, PRODUCT_FLOPS, D2lEvidence
from sgdlab.lessons.epoch_times import NATIVE
from sgdlab.lessons.rules import median_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figures(e: D2lEvidence) -> "dict[str, Figure]":
    """Each by its file's name; gradient-std only where its law could be measured."""
    methods = {name: e.runs[name].seeds_histories() for name in METHODS}
    descent = {f"rate {rate:g}": e.runs["GD longer"].seeds_histories(learning_rate=rate) for rate in (1.0, 0.8)}
    exercises = {name: e.runs[name].seeds_histories() for name in ("constant", "decay", "replacement", "doubled")}
    limit = f"Gradient descent; 2/λmax = {e.descent.limit:.3f}"
    drawn = {
        "by-seconds": _by_seconds(e, PLAIN),
        "by-seconds-compiled": _by_seconds(e, NATIVE),
        "by-examples": _losses(methods, x="examples", title="The same four runs by examples", budget=""),
        "gradient-descent": _losses(descent, x="step", log_y=True, title=limit),
        "exercises": _losses(exercises, x="examples", title="The exercises, batch 10", budget=""),
        "products": _products(e),
    }
    return drawn if e.law is None else drawn | {"gradient-std": _gradient_std(e.law)}


def _losses(groups: Any, **options: Any) -> "Figure":
    return plots.overlay_figure(groups, "train_loss", column_label="half the squared error", **options)


def _by_seconds(e: D2lEvidence, loop: str) -> "Figure":
    """Loss against seconds, where seconds are steps times the median time of a step by `loop`."""
    groups = {}
    for name in METHODS:
        step = median_of(e.epochs.seconds[loop, name]) / e.epochs.steps[name]
        histories = e.runs[name].seeds_histories()
        groups[name] = [history.assign(train_seconds=history["step"] * step) for history in histories]
    title = f"Loss by the clock: steps × time of a step, {loop}"
    return _losses(groups, x="seconds", log_x=True, title=title, budget="")


def _products(e: D2lEvidence) -> "Figure":
    import pandas as pd

    taken = {name: median_of(values) for name, values in e.products.items()}
    rows = [{"method": name, "seconds": each, "gflops": PRODUCT_FLOPS / each / 1e9} for name, each in taken.items()]
    note = "256 x 256, float32, one thread; medians"
    return plots.matmul_figure(pd.DataFrame(rows), title="One matrix product in four ways", note=note)


def _gradient_std(law: StdLaw) -> "Figure":
    return plots.gradient_std_figure(
        [point.batch_size for point in law.points],
        [point.measured.estimate for point in law.points],
        [point.predicted for point in law.points],
        std_low=[point.measured.low for point in law.points],
        std_high=[point.measured.high for point in law.points],
        prediction="predicted, √(tr Σ/b · (1 − b/N))",
        title="Noise of the minibatch gradient at the initial weights",
    )
