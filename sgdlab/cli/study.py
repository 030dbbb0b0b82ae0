"""`sgdlab study`: rates tuned at each batch size, then what it takes to reach a target."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sgdlab.analysis.wording import count, duration, number
from sgdlab.cli.commands import CHOOSE, app
from sgdlab.cli.console import INTERRUPTED, leave, say, show_table
from sgdlab.cli.options import DryRun, Jobs, MachineChanges, Output, listed, seeds_in
from sgdlab.cli.sweep_display import watching

if TYPE_CHECKING:
    from sgdlab.studies.opened import Study
    from sgdlab.studies.plan import StudyPlan
    from sgdlab.studies.result import MeasuredRow

_asks = partial(typer.Option, rich_help_panel="The study")


@dataclass(frozen=True)
class Asked:
    """What a study is asked, as typed."""

    batch_sizes: Annotated[str | None, _asks(metavar="B1,B2", help="Batch sizes; powers of 2 up to 1,024.")] = None
    learning_rates: Annotated[str, _asks(metavar="auto|X1,X2", help="Rates tried first at each size.")] = "auto"
    seeds: Annotated[str | None, _asks(metavar="A-B", help="Seeds of the measurement; 0-4.")] = None
    stop_at: Annotated[str | None, _asks(metavar="M=X", help="As val_loss=0.25; else tuning finds it.")] = None
    budget: Annotated[str | None, _asks(metavar="TEXT", help='Of a run: "200 epochs", "60 s".')] = None
    into: Annotated[Path | None, _asks(metavar="STUDY", help="Add sizes and seeds to a study.")] = None

    def plan(self, config: str | None, changes: MachineChanges) -> "StudyPlan":
        """What is to be studied; refusals as in `studies.create`."""
        from sgdlab.studies.create import extend_plan, plan_study

        sizes = listed(self.batch_sizes, "--batch-sizes")
        rates = None if self.learning_rates == "auto" else listed(self.learning_rates, "--learning-rates")
        if self.into is None:
            seeds = tuple(range(5)) if self.seeds is None else seeds_in(self.seeds)
            return plan_study(changes.document(config or "default"), sizes, rates, seeds, self.stop_at, self.budget)
        document = changes.document(config or "default") if config is not None or changes.given else None
        return extend_plan(self.into, document, sizes, rates, seeds_in(self.seeds), self.stop_at, self.budget)


@app.command("study", rich_help_panel=CHOOSE)
def study(
    asked: Asked, changes: MachineChanges, output: Output,
    config: Annotated[
        str | None, typer.Argument(metavar="CONFIG", help="A YAML file or shipped config; without it mnist-10k.")
    ] = None,
    jobs: Jobs = None, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Tune the learning rate at each batch size, then measure steps, examples and seconds to a target.

    Examples:

    sgdlab study

    sgdlab study my.yaml --batch-sizes 8,32,128,512 --stop-at val_loss=0.25 --budget "50 epochs"

    sgdlab study --batch-sizes 16,2048 --seeds 0-9 --into runs/my-study
    """
    from sgdlab.studies.create import create_study
    from sgdlab.studies.folder import write_plan

    plan = asked.plan(config, changes)
    if not output.quiet:
        show_plan(plan, asked.into is not None)
    if dry_run:
        show_forecast(plan, jobs)
    elif asked.into is None:
        go_on(create_study(plan, output.runs_dir, output.name), jobs, output.quiet)
    else:
        write_plan(asked.into, plan)
        go_on(asked.into, jobs, output.quiet)


def go_on(path: Path, jobs: int | None, quiet: bool) -> None:
    """Carry out what a study still needs, then show what it found; `sgdlab resume` ends here too."""
    from sgdlab.studies.execute import run_study

    done = run_study(path, jobs, watching(quiet))
    if not quiet:
        show_results(done)
        if done.complete and done.result.rows:
            say(f"which to use: sgdlab recommend {done.path}")
    leave(done.path, 0 if done.complete else INTERRUPTED, quiet)


def show_plan(plan: "StudyPlan", more: bool) -> None:
    """What is about to be studied."""
    sizes = ", ".join(map(str, plan.batch_sizes))
    rates = "auto" if plan.learning_rates is None else ", ".join(map(number, plan.learning_rates))
    say(f"{'extends' if more else 'asks   '} batch sizes {sizes}; rates {rates}; {count(len(plan.seeds), 'seed')}")
    target = "from tuning" if plan.target is None else str(plan.target)
    say(f"target  {target}; budget of a run {plan.budget}, in tuning {plan.tuning_budget}")


def show_forecast(plan: "StudyPlan", jobs: int | None) -> None:
    """What --dry-run adds."""
    from sgdlab.studies.forecast import forecast

    runs, seconds = forecast(plan, jobs)
    say(f"about {count(runs, 'run')}, {duration(seconds)} at most; nothing was written")


def show_results(done: "Study") -> None:
    """One row for each batch size, the fit, the notes."""
    from sgdlab.studies.result import fit_in_words

    if done.result.rows:
        headers = ["B", "best rate", "edge", "reached", "median steps", "examples", "seconds", "efficiency"]
        show_table(headers, [_cells(row) for row in done.result.rows])
        say(fit_in_words(done.fit))
    else:
        say("nothing is measured" + ("" if done.complete else " yet"))
    if done.result.rows or done.complete:
        for note in done.notes:
            say(note)


def _cells(row: "MeasuredRow") -> list[object]:
    costs = [row.in_words(cost) for cost in ("steps", "examples", "seconds")]
    efficiency = None if row.efficiency is None else f"{row.efficiency:.2f}"
    reached = f"{row.reached}/{row.runs}"
    return [row.batch_size, row.learning_rate, row.edge_side, reached, *costs, efficiency]
