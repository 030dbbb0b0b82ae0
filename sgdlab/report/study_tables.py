"""The tables and figures of a study's report."""

from typing import TYPE_CHECKING, Any

from sgdlab.report.page import Block, Drawing, Text
from sgdlab.report.tables import (
    Cell,
    count_cell,
    table,
    table_of,
)
from sgdlab.report.words import sentence
from sgdlab.studies.plan import StudyPlan
from sgdlab.studies.result import COSTS, MeasuredRow, StudyResult, fit_in_words
from sgdlab.studies.writing import study_figures

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = (
    "batch size", "best rate", "edge", "reached", *COSTS, "efficiency", "examples/s", "budget in steps"
)  # fmt: skip
_FIGURES = {
    "steps_to_target": "Steps to the target against batch size. Along the dashed line twice the batch halves the "
    "steps; where the points leave it, larger batches stop paying.",
    "seconds_to_target": "Training time to the target: the fastest size is ringed.",
    "best_rate": "The tuned learning rate against batch size, with linear and square-root guides.",
}


def results_blocks(plan: StudyPlan | None, result: StudyResult) -> tuple[Block, ...]:
    """The table of batch sizes and the fit in words."""
    if not result.rows:
        return (Text(("No batch size has been measured yet.",)),)
    note = (
        "Median over seeds [interval from order statistics]; > where most runs never arrived. Efficiency: examples of "
        "the smallest size that arrived, divided by those of this one; 1 is perfect scaling."
    )
    caption = f"To {plan.target if plan else 'the target'}, at each batch size's tuned rate"
    rows = [_cells(row) for row in result.rows]
    said = Text((sentence(fit_in_words(result.fit)),))
    return table(caption, _COLUMNS, rows, f"{note} Seconds: {result.seconds_are}."), said


def _cells(row: MeasuredRow) -> list[Any]:
    costs = [Cell(row.in_words(cost), getattr(row, cost).estimate) for cost in COSTS]
    edge = Cell(row.edge_side, None, "caution") if row.edge_side else "no"
    return [
        row.batch_size, row.learning_rate, edge, count_cell(row.reached, row.runs),
        *costs, row.efficiency, row.examples_per_second, row.budget_steps,
    ]  # fmt: skip


def drawings(plan: StudyPlan | None, result: StudyResult) -> tuple[Block, ...]:
    """Steps and seconds to the target and the best rate, against the batch size."""
    if plan is None or not result.rows:
        return ()
    figures = study_figures(plan, result)
    return tuple(Drawing(figures[name], words) for name, words in _FIGURES.items())


def tuning_blocks(tuning: "pd.DataFrame | None") -> tuple[Block, ...]:
    """Every run that chose a rate."""
    if tuning is None or tuning.empty:
        return ()
    words = "These runs chose the learning rate of each batch size, on seeds that the measurement does not use again."
    return Text((words,)), table_of("Every tuning run", tuning, folded=True)
