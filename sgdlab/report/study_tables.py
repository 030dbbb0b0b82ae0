"""The tables and figures of a study's report, from its results.csv and tuning.csv."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sgdlab.report.page import Block, Drawing, Text
from sgdlab.report.study_files import Found
from sgdlab.report.tables import Cell, Table, count_cell, finite_number, interval_cell, table, table_of
from sgdlab.report.words import sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWN = (
    *("batch_size", "learning_rate", "edge", "reached", "runs", "budget_steps"),
    *(f"{name}{end}" for name in ("steps", "seconds") for end in ("", "_low", "_high")),
)


def results_blocks(found: Found) -> tuple[Block, ...]:
    """The table of batch sizes and the fit in words."""
    if found.results is None or found.results.empty:
        return (Text(("No batch size has been measured yet.",)),)
    fit = found.answer.get("fit_in_words")
    said = (Text((sentence(fit),)),) if isinstance(fit, str) else ()
    return (_results_table(found), *said)


def _results_table(found: Found) -> Table:
    assert found.results is not None
    rows = [_result_row({str(k): v for k, v in row.items()}) for row in found.results.to_dict(orient="records")]
    columns = [
        "batch size", "best rate", "edge", "reached", "steps", "examples", "seconds",
        "efficiency", "examples/s", "budget in steps",
    ]  # fmt: skip
    note = (
        "Median over seeds [interval from order statistics]; > where most runs never arrived. Efficiency: examples of "
        "the smallest size that arrived, divided by those of this one; 1 is perfect scaling."
    )
    where = found.answer.get("seconds_are")
    return table(
        f"To {found.target or 'the target'}, at each batch size's tuned rate",
        columns, rows, note + (f" Seconds: {where}." if isinstance(where, str) else ""),
    )  # fmt: skip


def _result_row(row: dict[str, Any]) -> list[Any]:
    size, least = finite_number(row.get("batch_size")), finite_number(row.get("steps_at_least"))
    reached, runs = finite_number(row.get("reached")), finite_number(row.get("runs"))
    bounds = {
        "steps": least,
        "examples": least * size if least is not None and size is not None else None,
        "seconds": None,
    }
    intervals = [
        interval_cell(row.get(name), row.get(f"{name}_low"), row.get(f"{name}_high"), bound)
        for name, bound in bounds.items()
    ]
    edge = row.get("edge_side") if row.get("edge") in (True, "True") else None
    count = count_cell(int(reached), int(runs)) if reached is not None and runs is not None else None
    return [
        size, row.get("learning_rate"), Cell(str(edge), None, "caution") if isinstance(edge, str) else "no",
        count, *intervals, row.get("efficiency"), row.get("examples_per_second"), row.get("budget_steps"),
    ]  # fmt: skip


def drawings(found: Found) -> tuple[Block, ...]:
    """Steps and seconds to the target and the best rate, against the batch size."""
    import pandas as pd

    from sgdlab import plots

    results = found.results
    if results is None or results.empty:
        return ()
    missing = [name for name in _DRAWN if name not in results]
    if missing:
        return (Text((f"results.csv lacks {', '.join(missing)}: nothing can be drawn.",)),)
    numbers = {name: pd.to_numeric(results[name], errors="coerce") for name in _DRAWN if name != "edge"}
    results = results.assign(**numbers, edge=[value in (True, "True") for value in results["edge"]])
    target = found.target or "target"
    drawn: list[tuple[Figure, str]] = [
        (
            plots.steps_to_target_figure(results, _fit(found), target=target),
            "Steps to the target against batch size. Along the dashed line twice the batch halves the steps; where the "
            "points leave it, larger batches stop paying.",
        ),
        (
            plots.seconds_to_target_figure(results, target=target),
            "Training time to the target: the fastest size is ringed.",
        ),
        (
            plots.best_rate_figure(results),
            "The tuned learning rate against batch size, with linear and square-root guides.",
        ),
    ]
    return tuple(Drawing(figure, words) for figure, words in drawn)


def _fit(found: Found) -> dict[str, float] | None:
    """What the figure draws of the fit; nothing where the fit cannot tell."""
    fit = found.answer.get("fit")
    if not isinstance(fit, Mapping) or not fit.get("can_tell"):
        return None
    values = {name: fit[name] for name in ("s_min", "e_min", "b_crit") if isinstance(fit.get(name), Mapping)}
    numbers = {name: finite_number(value.get("estimate")) for name, value in values.items()}
    numbers |= {f"b_crit_{end}": finite_number(values.get("b_crit", {}).get(end)) for end in ("low", "high")}
    if len(numbers) < 5 or any(value is None for name, value in numbers.items() if not name.startswith("b_crit_")):
        return None
    return {name: float("nan") if value is None else value for name, value in numbers.items()}


def tuning_blocks(found: Found) -> tuple[Block, ...]:
    """Every run that chose a rate."""
    if found.tuning is None or found.tuning.empty:
        return ()
    words = "These runs chose the learning rate of each batch size, on seeds that the measurement does not use again."
    return Text((words,)), table_of("Every tuning run", found.tuning, folded=True)
