"""Every registered kind of figure drawn from ordinary and extreme histories: a new one is tested by being there."""

import re
import xml.dom.minidom
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from sgdlab import plots
from sgdlab.errors import UserError
from sgdlab.plots.axis import X_AXES
from sgdlab.results.figure_kinds import KINDS, kind_named
from sgdlab.results.figures import draw_run, draw_sweep, figure_of
from tests.plots.histories import a_diverged_history, a_history
from tests.plots.test_plots import visible_texts
from tests.support import TINY, sgdlab, write_config

LOSSES = ["batch_loss", "mean_batch_loss", "train_loss", "val_loss"]


def losses(value: float, start: int = 0) -> pd.DataFrame:
    """A history whose losses are this value from row `start` on."""
    history = a_history()
    history.loc[start:, LOSSES] = value
    return history


HISTORIES: dict[str, Callable[[], pd.DataFrame]] = {
    "ordinary": a_history,
    "one row": lambda: a_history(rows=1),
    "two rows": lambda: a_history(rows=2),
    "hundreds of rows": lambda: a_history(rows=900),
    "NaN": lambda: losses(np.nan),
    "inf": lambda: losses(np.inf, 3),
    "huge": lambda: losses(1e300, 2),
    "tiny": lambda: losses(1e-300),
    "negative": lambda: losses(-3.0, 5),
    "constant": lambda: losses(0.0),
    "diverged": a_diverged_history,
    "diverged at once": lambda: a_diverged_history(2),
    "no validation": lambda: a_history().assign(val_loss=np.nan, val_accuracy=np.nan),
    "regression": lambda: a_history(regression=True),
}
GROUPS: dict[str, Callable[[], dict[str, list[pd.DataFrame]]]] = {
    "single group": lambda: {"batch 8": [a_history()]},
    "30 groups": lambda: {f"batch {2**i}, learning rate {0.1 * i:g}": [a_history(i, rows=5)] for i in range(30)},
    "seeds": lambda: {f"batch {b}": [a_history(seed, batch=b) for seed in range(3)] for b in (8, 64)},
    "seeds of which some ended": lambda: {"batch 8": [a_history(), a_history(rows=3), a_diverged_history()]},
    "a group without runs": lambda: {"batch 8": [a_history()], "batch 64": []},
    "a name like a formula": lambda: {r"cost $\frac{ and $ <more> & a very long name, " * 3: [a_history()]},
} | {name: lambda make=make: {"batch 8": [a_history()], "other": [make()] * 2} for name, make in HISTORIES.items()}
LOOKS = [{"x": x, "log_x": log_x, "log_y": log_y} for (log_x, log_y), x in product(((0, 0), (1, 1)), X_AXES)]
CASES = [
    pytest.param(kind, make, LOOKS[i % len(LOOKS)], id=f"{kind.name}-{name}")
    for kind in KINDS.values()
    for i, (name, make) in enumerate((HISTORIES if kind.drawn_from == "run" else GROUPS).items())
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("kind", "make", "look"), CASES)
def test_every_kind_draws_every_history_whole_and_readable(
    kind: Any, make: Callable[[], Any], look: dict[str, Any], tmp_path: Path
) -> None:
    figure = kind.draw(make(), **({"best_epoch": None} if kind.drawn_from == "run" else {}), **look)
    xml.dom.minidom.parseString(plots.save_figure(figure, tmp_path / "a.svg").read_text())
    assert plots.save_figure(figure, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    renderer = FigureCanvasAgg(figure).get_renderer()
    width, height = figure.bbox.width, figure.bbox.height
    for text in visible_texts(figure):
        box = Text.get_window_extent(text, renderer)
        inside = box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= width + 0.5 and box.y1 <= height + 0.5
        assert inside, f"{text.get_text()!r} at {box} in {width} x {height}"
    assert any(axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_says_what_it_is_in_one_line_and_takes_what_all_are_offered(kind: Any) -> None:
    assert re.fullmatch(r"[a-z][a-z_-]*", kind.name) and "\n" not in kind.help and 10 < len(kind.help) < 80
    data = (a_history(), None) if kind.drawn_from == "run" else ({"a": [a_history()]},)
    kind.draw(*data, x="step", column="train_loss", log_x=True, log_y=True, loss_label="nats")
    with pytest.raises(TypeError, match="colour"):
        kind.draw(*data, colour="red")


def test_help_and_completion_name_every_kind() -> None:
    from sgdlab.cli.plot import _kinds

    shown = sgdlab("plot", "--help").out
    assert all(f"{name}:" in shown for name in KINDS)
    assert [name for name, _ in _kinds("")] == list(KINDS)


def test_a_kind_that_is_none_is_refused_with_the_choices() -> None:
    for drawn_from, other, known in (
        ("run", "overlay", "curves, loss, accuracy"),
        ("groups", "loss", "panels, overlay"),
    ):
        with pytest.raises(UserError, match=r"--kind nope: choose one of curves, loss, accuracy, panels, overlay$"):
            kind_named("nope", drawn_from)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=f"--kind {other}: choose one of {known} here"):
            kind_named(other, drawn_from)  # type: ignore[arg-type]


def test_a_run_and_a_sweep_are_drawn_as_every_kind_asked_or_not(tmp_path: Path) -> None:
    config = write_config(tmp_path / "a.yaml", TINY)
    assert sgdlab("sweep", config, "--batch-sizes", "8,16", "--runs-dir", tmp_path, "--name", "grid", "-q").code == 0
    grid = tmp_path / "grid"
    run = sorted((grid / "runs").iterdir())[0]
    assert [path.name for path in draw_run(run)] == ["curves.png", "loss.png"]  # a regression has no accuracy
    assert [path.name for path in draw_sweep(grid)] == ["panels.png", "overlay.png"]
    assert [figure_of(paths)[1] for paths in ([run], [grid], [run, grid])] == ["curves", "panels", "overlay"]
    for kind in KINDS.values():
        answer = sgdlab("plot", run if kind.drawn_from == "run" else grid, "--kind", kind.name, "--out", "it.svg")
        assert answer.code == (2 if kind.needs else 0), answer.err
    assert "holds no train_accuracy or val_accuracy" in sgdlab("plot", run, "--kind", "accuracy").err
