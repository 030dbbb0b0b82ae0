"""Figures: what they mark is where it is, nothing is clipped or covered, files are whole."""

import os
import re
import subprocess
import sys
import xml.dom.minidom
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

from sgdlab import plots
from sgdlab.analysis.wording import typeset
from sgdlab.errors import UserError
from sgdlab.plots.axis import Curve, equal_budget, loss_limits
from tests.plots.histories import ROWS, a_diverged_history, a_history


def a_study(censored: tuple[int, ...] = ()) -> pd.DataFrame:
    sizes = 2.0 ** np.arange(3, 11)
    steps = 240 * (1 + 110 / sizes)
    table = pd.DataFrame({"batch_size": sizes.astype(int), "learning_rate": 3e-4 * np.sqrt(sizes)})
    table["edge"] = [True] + [False] * 7
    table["reached"], table["runs"] = 5, 5
    for column, values in (("steps", steps), ("seconds", steps * (8e-5 + 8e-7 * sizes))):
        table[column], table[f"{column}_low"], table[f"{column}_high"] = values, values * 0.9, values * 1.1
    table["examples"], table["efficiency"] = steps * sizes, steps[0] * 8 / (steps * sizes)
    table["budget_steps"] = 200 * 8000 / sizes
    missing = [name for name in table if str(name).startswith(("steps", "seconds", "examples"))]
    table.loc[list(censored), missing] = np.nan
    table.loc[list(censored), "reached"] = 1
    return table


def a_noise_table() -> pd.DataFrame:
    step = np.arange(0, 1000, 100)
    table = pd.DataFrame({"step": step, "grad_sq_norm": np.exp(-step / 400.0), "trace_sigma": 20.0})
    table["noise_scale"] = table.trace_sigma / table.grad_sq_norm
    for column in ("grad_sq_norm", "trace_sigma", "noise_scale"):
        table[f"{column}_low"], table[f"{column}_high"] = table[column] * 0.7, table[column] * 1.4
    table.loc[7:, ["noise_scale", "noise_scale_low", "noise_scale_high"]] = np.nan
    table.loc[7:, "grad_sq_norm_low"] = -0.1
    return table


def a_step_table() -> pd.DataFrame:
    sizes = 2.0 ** np.arange(0, 12)
    parts = []
    for engine, overhead in (("eager", 150.0), ("numba", 4.0)):
        us = overhead + 0.4 * sizes
        parts.append(
            pd.DataFrame(
                {
                    "engine": engine,
                    "batch_size": sizes,
                    "step_us": us,
                    "step_us_low": us * 0.9,
                    "step_us_high": us * 1.2,
                    "examples_per_second": sizes / us * 1e6,
                }
            )
        )
    return pd.concat(parts)


def a_matmul_table() -> pd.DataFrame:
    seconds = np.array([13.2, 0.0082, 0.00031, 0.00033])
    method = [
        "element by element",
        "column by column",
        "whole",
        "in blocks of 64 columns of the right matrix",
    ]
    return pd.DataFrame({"method": method, "seconds": seconds, "gflops": 2 * 256**3 / 1e9 / seconds})


def a_range_curve() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rates = np.geomspace(1e-5, 10, 100)
    return rates, 2.3 - 1.9 / (1 + 0.01 / rates) + np.where(rates > 1, (rates * 5) ** 6, 0)


FIT = {"s_min": 240.0, "e_min": 26400.0, "b_crit": 110.0, "b_crit_low": 70.0, "b_crit_high": np.inf}
LONG = "optimizer.momentum=0.9, learning_rate=0.0003, batch_size=4096, seed=0"
SIZES = {f"batch {b}": [a_history(s, batch=b) for s in range(5)] for b in (8, 64, 128, 256)}
RATES = np.array([0.02, 0.08, 0.29, 0.61, 0.85, 0.94])

FIGURES: dict[str, Any] = {
    "loss": lambda: plots.loss_figure(a_history(), batch_loss=True, title="a " * 60),
    "loss of one row": lambda: plots.loss_figure(a_history(rows=1)),
    "loss without a point": lambda: plots.loss_figure(a_history(rows=1), log_x=True),
    "diverged": lambda: plots.curves_figure(a_diverged_history(), x="seconds"),
    "accuracy": lambda: plots.accuracy_figure(a_history(), x="examples"),
    "curves": lambda: plots.curves_figure(a_history(), x="step", log_y=True, title="mnist-10k"),
    "panels": lambda: plots.panels_figure(SIZES, title="four sizes"),
    "12 panels": lambda: plots.panels_figure({f"batch {2**i}": a_history(i) for i in range(12)}),
    "long panels": lambda: plots.panels_figure({LONG: a_history(), LONG + "1": a_diverged_history()}),
    "overlay": lambda: plots.overlay_figure(SIZES, x="seconds", log_x=True, title="loss against seconds"),
    "12 curves": lambda: plots.overlay_figure({f"{LONG}, {i}": a_history(i) for i in range(12)}),
    "no runs": lambda: plots.overlay_figure({}),
    "images": lambda: plots.image_grid(np.eye(9)[None].repeat(70, 0), range(70), title="mnist-10k"),
    "matmul": lambda: plots.matmul_figure(a_matmul_table(), note="2 cores"),
    "step": lambda: plots.step_figure(a_step_table(), note="2 cores"),
    "steps to target": lambda: plots.steps_to_target_figure(a_study((6, 7)), FIT, title="mnist-10k"),
    "all censored": lambda: plots.steps_to_target_figure(a_study(tuple(range(8)))),
    "seconds to target": lambda: plots.seconds_to_target_figure(a_study((0,)), target="val_loss 0.25"),
    "best rate": lambda: plots.best_rate_figure(a_study()),
    "noise scale": lambda: plots.noise_scale_figure(a_noise_table(), b_crit=110.0, note="95 %"),
    "gradient std": lambda: plots.gradient_std_figure([1, 4, 16], [3.1, 1.4, 0.8], [3, 1.5, 0.75]),
    "lr range": lambda: plots.lr_range_figure({"batch 64": a_range_curve()}, {"batch 64": 0.02}),
    "stability": lambda: plots.stability_figure([1, 4, 16, 64, 256, 1500], RATES, limit=0.953),
}


def drawn(figure: Figure) -> Any:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def hidden_labels(axes: Axes) -> set[int]:
    """Tick labels that are not drawn: of axes without an axis, or of ticks beyond the view."""
    hidden = set()
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not axes.axison or not low <= tick.get_loc() <= high:
                hidden |= {id(tick.label1), id(tick.label2)}
    return hidden


def visible_texts(figure: Figure) -> list[Text]:
    hidden = {label for axes in figure.axes for label in hidden_labels(axes)}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text for text in texts if text.get_text().strip() and text.get_visible() and id(text) not in hidden]


def overlap(one: BboxBase | None, other: BboxBase | None) -> bool:
    """Whether two boxes share more than a pixel at their edges."""
    assert one is not None and other is not None
    across = one.x0 < other.x1 - 1 and other.x0 < one.x1 - 1
    return across and one.y0 < other.y1 - 1 and other.y0 < one.y1 - 1


def all_words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in visible_texts(figure))


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_is_clipped(name: str) -> None:
    figure = FIGURES[name]()
    renderer = drawn(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text in visible_texts(figure):
        box = Text.get_window_extent(text, renderer)  # an annotation without its arrow
        inside = box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= width + 0.5 and box.y1 <= height + 0.5
        assert inside, f"{text.get_text()!r} at {box} in {width} x {height}"


@pytest.mark.parametrize("name", FIGURES)
def test_legend_does_not_cover_the_curves(name: str) -> None:
    figure = FIGURES[name]()
    renderer = drawn(figure)
    for legend in figure.legends:
        box = legend.get_window_extent(renderer)
        assert not any(overlap(box, axes.get_tightbbox(renderer)) for axes in figure.axes)
    assert not any(axes.get_legend() for axes in figure.axes)


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "images"])
def test_neighbouring_axes_do_not_overlap(name: str) -> None:
    figure = FIGURES[name]()
    renderer = drawn(figure)
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    assert not any(overlap(one, other) for i, one in enumerate(boxes) for other in boxes[:i])


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "images"])
def test_top_and_right_spines_are_off(name: str) -> None:
    for axes in FIGURES[name]().axes:
        assert not axes.spines["top"].get_visible()
        assert not axes.spines["right"].get_visible()
        assert axes.spines["left"].get_visible()


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "images"])
def test_every_figure_names_its_x_axis(name: str) -> None:
    assert any(axes.get_xlabel() for axes in FIGURES[name]().axes)


@pytest.mark.parametrize(("x", "column"), [("epoch", "epoch"), ("step", "step"), ("seconds", "train_seconds")])
def test_best_epoch_is_marked_where_it_is(x: str, column: str) -> None:
    history = a_history()
    (axes,) = plots.loss_figure(history, x=x).axes
    (line,) = [line for line in axes.lines if line.get_gid() == "best"]
    assert np.asarray(line.get_xdata())[0] == history[column][12]
    ring = axes.lines[-1]
    assert np.asarray(ring.get_ydata())[0] == history["val_loss"][12]


def test_best_epoch_given_wins_over_the_one_found() -> None:
    assert plots.best_row(a_history(), 5.0) == 5
    assert plots.best_row(a_history()) == 12


def test_row_before_the_first_update_is_never_best() -> None:
    history = a_history()
    history.loc[0, "val_loss"] = 0.0
    assert plots.best_row(history) == 12
    assert plots.best_row(history.iloc[:1]) is None


def test_best_is_by_training_loss_without_a_validation_split() -> None:
    history = a_history()
    history[["val_loss", "val_accuracy"]] = np.nan
    assert plots.best_row(history) == int(history["train_loss"].argmin())


def test_regression_gets_the_loss_alone() -> None:
    assert len(plots.curves_figure(a_history()).axes) == 2
    assert len(plots.curves_figure(a_history(regression=True)).axes) == 1


def test_panels_show_the_best_validation_accuracy() -> None:
    history = a_history()
    figure = plots.panels_figure({"batch 8": history, "batch 64": a_history(1)})
    assert f"best val. accuracy {history['val_accuracy'][12]:.3f}" in figure.axes[0].get_title("left")
    assert "batch 64" in figure.axes[1].get_title("left")


def test_panels_over_seeds_show_mean_and_deviation() -> None:
    seeds = SIZES["batch 8"]
    best = np.array([seed["val_accuracy"][12] for seed in seeds])
    assert plots.best_in_words(seeds).startswith(f"best val. accuracy {best.mean():.3f} ± ")


def test_panels_of_a_regression_show_the_best_loss() -> None:
    history = a_history(regression=True)
    words = plots.panels_figure({"gd": history}).axes[0].get_title("left")
    assert f"best val. loss {typeset(history['val_loss'][12], 4)}" in words


def test_panels_share_their_y_axis_and_wrap_after_four() -> None:
    figure = plots.panels_figure({f"batch {i}": a_history(i) for i in range(6)})
    assert len(figure.axes) == 6
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({round(axes.get_position().y0, 6) for axes in figure.axes}) == 2


def test_diverging_run_does_not_flatten_the_others() -> None:
    calm = plots.overlay_figure({"a": a_history()}).axes[0].get_ylim()
    both = plots.overlay_figure({"a": a_history(), "b": a_diverged_history()}).axes[0].get_ylim()
    assert both == calm


def test_overfitting_stays_within_the_axes() -> None:
    history = a_history()
    history["val_loss"] = np.where(history["epoch"] > 0, 0.2 + 0.04 * history["epoch"], 2.3)
    for log_x in (False, True):
        (axes,) = plots.loss_figure(history, log_x=log_x).axes
        assert axes.get_ylim()[1] >= history["val_loss"].iloc[-1]


@pytest.mark.parametrize("skip_start", [False, True])
@pytest.mark.parametrize("log_y", [False, True])
def test_only_diverging_runs_are_still_drawn(skip_start: bool, log_y: bool) -> None:
    curve = Curve(np.arange(3.0), np.array([2.3, 1e4, 1e30]), skip_start=skip_start)
    low, high = loss_limits([curve], log_y=log_y)
    assert low < 2.3 < high < 300


def test_single_spike_does_not_flatten_the_curve() -> None:
    history = a_history()
    calm = plots.loss_figure(history).axes[0].get_ylim()
    history.loc[15, "train_loss"] = 1e30
    assert plots.loss_figure(history).axes[0].get_ylim() == pytest.approx(calm)


@pytest.mark.parametrize("band", ["range", "std"])
def test_band_spans_the_seeds(band: str) -> None:
    seeds = SIZES["batch 8"]
    losses = np.array([seed["val_loss"] for seed in seeds])
    figure = plots.overlay_figure({"batch 8": seeds}, band=band)
    (collection,) = figure.axes[0].collections
    outline = collection.get_paths()[0].vertices
    at = np.asarray([y for x, y in np.asarray(outline) if x == 10.0])
    spread = losses[:, 10].std(ddof=1)
    low, high = losses[:, 10].min(), losses[:, 10].max()
    if band == "std":
        low, high = losses[:, 10].mean() - spread, losses[:, 10].mean() + spread
    assert (at.min(), at.max()) == pytest.approx((low, high))
    assert ("lowest to highest" if band == "range" else "±1 standard deviation") in all_words(figure)


def test_single_history_is_a_plain_line_equal_to_its_column() -> None:
    history = a_history()
    (axes,) = plots.overlay_figure({"batch 8": history}).axes
    assert not axes.collections
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), history["val_loss"])
    assert "mean over seeds" not in all_words(axes.figure)  # type: ignore[arg-type]


def test_seed_that_ended_early_is_counted_out_and_said() -> None:
    seeds = [*SIZES["batch 8"], a_diverged_history()]
    figure = plots.overlay_figure({"batch 8": seeds})
    assert "batch 8 (n=5, 1 ended early)" in all_words(figure)
    mean = np.mean([seed["val_loss"] for seed in SIZES["batch 8"]], axis=0)
    np.testing.assert_allclose(np.asarray(figure.axes[0].lines[0].get_ydata()), mean)


def test_seconds_are_averaged_at_equal_steps() -> None:
    seeds = SIZES["batch 8"]
    (axes,) = plots.overlay_figure({"batch 8": seeds}, x="seconds").axes
    mean = np.mean([seed["train_seconds"] for seed in seeds], axis=0)
    np.testing.assert_allclose(np.asarray(axes.lines[0].get_xdata()), mean)


def test_log_axis_leaves_out_the_row_at_zero() -> None:
    (axes,) = plots.overlay_figure({"a": a_history()}, x="seconds", log_x=True).axes
    assert axes.get_xscale() == "log"
    assert len(np.asarray(axes.lines[0].get_xdata())) == ROWS - 1


def test_budget_held_equal_is_named() -> None:
    a, b = a_history(batch=8), a_history(batch=64)
    assert equal_budget([a, b]) == "20 epochs each"
    assert equal_budget([a, b, a.iloc[:5]]) == "up to 20 epochs each"
    same_steps = [a_history(batch=8, rows=2), a_history(batch=64, rows=9)]
    assert equal_budget(same_steps) == "1000 steps each"
    assert "budget: 20 epochs each" in all_words(plots.overlay_figure({"a": a, "b": b}))


def test_unknown_x_axis_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="epoch, step, examples, seconds"):
        plots.loss_figure(a_history(), x="hours")


def test_bars_carry_their_gflops() -> None:
    words = all_words(plots.matmul_figure(a_matmul_table()))
    assert "0.00254  (13.2 s)" in words
    assert "108  (310 µs)" in words


def test_knee_is_ringed_where_it_is_and_named() -> None:
    rows = pd.DataFrame({"batch_size": [64, 8, 16, 32], "examples_per_second": [100.0, 50.0, np.nan, 90.0]})
    rows = rows.assign(engine="eager", step_us=1.0, step_us_low=1.0, step_us_high=1.0)
    figure = plots.step_figure(rows)
    ring = figure.axes[0].lines[-1]
    assert (list(np.asarray(ring.get_xdata())), list(np.asarray(ring.get_ydata()))) == ([32], [90.0])
    assert "eager: knee at 32" in all_words(figure)
    assert "eager" in all_words(plots.step_figure(rows.assign(examples_per_second=np.nan)))


def test_censored_sizes_stand_at_their_budget_and_not_on_the_curve() -> None:
    table = a_study((6, 7))
    (axes,) = plots.steps_to_target_figure(table, FIT).axes
    (arrows,) = [line for line in axes.lines if line.get_gid() == "censored"]
    at = np.asarray(arrows.get_ydata())
    np.testing.assert_array_equal(at[6:], table["budget_steps"][6:])
    assert np.isnan(at[:6]).all()
    assert np.isnan(np.asarray(axes.lines[0].get_ydata())[6:]).all()


def test_value_reached_by_a_minority_counts_as_censored() -> None:
    table = a_study()
    table.loc[3, "reached"] = 2
    (axes,) = plots.steps_to_target_figure(table).axes
    assert np.isnan(np.asarray(axes.lines[0].get_ydata())[3])


def test_perfect_scaling_halves_when_the_batch_doubles() -> None:
    (axes,) = plots.steps_to_target_figure(a_study((0,))).axes
    line = axes.lines[1]
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    steps = a_study()["steps"][1]
    np.testing.assert_allclose(y, steps * 16 / x)


def test_rate_at_the_edge_of_its_grid_is_hollow_and_guides_avoid_it() -> None:
    figure = plots.best_rate_figure(a_study())
    (axes,) = figure.axes
    hollow = [line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() == "none"]
    assert [list(np.asarray(line.get_xdata())) for line in hollow] == [[8.0]]
    linear, root = axes.lines[:2]
    np.testing.assert_allclose(np.asarray(linear.get_ydata()), 3e-4 * 4 * np.array([0.5, 64]))
    np.testing.assert_allclose(np.asarray(root.get_ydata()), 3e-4 * np.sqrt([8, 1024]))
    assert "at the edge of its grid" in all_words(figure)


def test_unresolved_noise_scale_is_a_cross_not_a_number() -> None:
    figure = plots.noise_scale_figure(a_noise_table())
    (crosses,) = [line for line in figure.axes[1].lines if line.get_marker() == "x"]
    assert list(np.asarray(crosses.get_xdata())) == [700, 800, 900]
    assert "unresolved" in all_words(figure)


def test_missing_suggestion_is_said() -> None:
    assert "batch 64: no suggestion" in all_words(plots.lr_range_figure({"batch 64": a_range_curve()}, {}))


def test_image_grid_is_no_longer_than_its_images() -> None:
    full = plots.image_grid(np.zeros((64, 4, 4)), range(64))
    five = plots.image_grid(np.zeros((5, 4, 4)), range(5))
    assert len(full.axes[0].images) == 64
    assert len(five.axes[0].images) == 5
    assert five.get_figheight() < full.get_figheight() / 5


def test_grey_images_are_dark_on_white() -> None:
    image = np.zeros((1, 2, 2), np.uint8)
    image[0, 0, 0] = 255
    pixels = np.asarray(plots.image_grid(image, ["7"]).axes[0].images[0].get_array())
    assert pixels[0, 0].max() == 0
    assert pixels[1, 1].min() == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.25, "0.25"), (3000.0, "3000"), (20000.0, "20,000"), (3e-5, "3×10⁻⁵"), (1e6, "10⁶"), (-0.5, "−0.5"),
     (0.1 + 0.2, "0.3"), (float("nan"), "–")],
)  # fmt: skip
def test_numbers_are_written_as_readers_write_them(value: float, words: str) -> None:
    assert typeset(value) == words
    assert typeset(3000.0, 2) == "3000"


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_same_figure_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    first = plots.save_figure(plots.loss_figure(a_history()), tmp_path / f"a.{suffix}").read_bytes()
    second = plots.save_figure(plots.loss_figure(a_history()), tmp_path / f"b.{suffix}").read_bytes()
    assert first == second
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[suffix]
    assert first.startswith(start)
    assert b"CreationDate" not in first and b"dc:date" not in first


def test_saved_file_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = plots.loss_figure(a_history())
    old = plots.save_figure(figure, tmp_path / "loss.png").read_bytes()

    def breaks(stream: Any, **_: Any) -> None:
        stream.write(b"half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr(figure, "savefig", breaks)
    for name in ("loss.png", "new.png"):
        with pytest.raises(OSError, match="no space"):
            plots.save_figure(figure, tmp_path / name)
    assert os.listdir(tmp_path) == ["loss.png"]
    assert (tmp_path / "loss.png").read_bytes() == old


def test_unknown_format_names_the_choices_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.png, \.pdf, \.svg"):
        plots.save_figure(plots.loss_figure(a_history()), tmp_path / "new" / "loss.jpeg")
    assert not os.listdir(tmp_path)


def test_svg_texts_live_in_one_page() -> None:
    texts = [plots.svg_text(FIGURES[name](), alt=f"<{name}>") for name in ("loss", "panels", "steps to target")]
    ids = [found for text in texts for found in re.findall(r'\bid="([^"]+)"', text)]
    assert len(ids) == len(set(ids)) > 0
    for text in texts:
        xml.dom.minidom.parseString(text)
        own = set(re.findall(r'\bid="([^"]+)"', text))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= own
        assert "currentColor" in text and "<style" not in text and "#262626" not in text
        assert "epoch" in text or "steps" in text  # letters stay letters


def test_figures_import_neither_torch_nor_pyplot() -> None:
    code = (
        "import sys, sgdlab.plots as p; early = set(sys.modules)\n"
        "p.svg_text(p.stability_figure([1, 2], [0.1, 0.2]))\n"
        "assert 'matplotlib' not in early and 'pandas' not in early, 'eager'\n"
        "assert not {'torch', 'matplotlib.pyplot'} & set(sys.modules), 'torch or pyplot'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_figures_leave_the_global_style_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.svg_text(plots.loss_figure(a_history()))
    assert dict(mpl.rcParams) == before


NOTHING: dict[str, tuple[Any, str]] = {
    "no rows": (lambda: plots.curves_figure(a_history().iloc[:0]), "nothing to draw yet"),
    "only NaN": (
        lambda: plots.overlay_figure({"a": a_history().assign(val_loss=np.nan, train_loss=np.nan)}),
        "nothing to draw yet",
    ),
    "no seeds": (lambda: plots.panels_figure({"a": []}), "nothing to draw yet"),
    "no groups": (lambda: plots.panels_figure({}), "no runs to draw"),
    "no rate": (lambda: plots.best_rate_figure(a_study().assign(learning_rate=np.nan)), "no rate was found"),
    "no study": (lambda: plots.steps_to_target_figure(a_study().iloc[:0], FIT), "nothing measured"),
    "no gradient": (lambda: plots.gradient_std_figure([8], [np.nan], [0.0]), "nothing measured"),
    "no bench": (lambda: plots.step_figure(a_step_table().iloc[:0]), "nothing measured"),
    "no stable rate": (lambda: plots.stability_figure([1, 2], [np.nan, np.nan]), "no stable rate was found"),
    "no accuracy": (lambda: plots.accuracy_figure(a_history(regression=True)), "no accuracy in this history"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_figure_without_data_says_so(name: str) -> None:
    draw, words = NOTHING[name]
    assert words in all_words(draw())


@pytest.mark.parametrize("draw", [plots.panels_figure, plots.overlay_figure], ids=["panels", "overlay"])
def test_dollar_signs_in_names_are_drawn_as_they_are(draw: Any, tmp_path: Path) -> None:
    name = r"cost $\frac{ and $ more"
    figure = draw({name: a_history()}, title=name, budget=name)
    assert plots.save_figure(figure, tmp_path / "figure.png").stat().st_size > 1000
    assert name.split()[0] in all_words(figure)
