"""One function for each figure: data in, matplotlib Figure out (no pyplot, no torch, no global state).

matplotlib is imported only when the first figure is drawn.
"""

from sgdlab.plots.bench import matmul_figure, step_figure
from sgdlab.plots.comparison import best_in_words, overlay_figure, panels_figure
from sgdlab.plots.curves import accuracy_figure, best_row, curves_figure, has_accuracy, loss_figure
from sgdlab.plots.images import image_grid
from sgdlab.plots.noise import gradient_std_figure, noise_scale_figure
from sgdlab.plots.rates import lr_range_figure, stability_figure
from sgdlab.plots.saving import save_figure, svg_text
from sgdlab.plots.study import best_rate_figure, seconds_to_target_figure, steps_to_target_figure

__all__ = [
    "accuracy_figure", "best_in_words", "best_rate_figure", "best_row", "curves_figure", "gradient_std_figure",
    "has_accuracy", "image_grid", "loss_figure", "lr_range_figure", "matmul_figure", "noise_scale_figure",
    "overlay_figure", "panels_figure", "save_figure", "seconds_to_target_figure", "stability_figure", "step_figure",
    "steps_to_target_figure", "svg_text",
]  # fmt: skip
