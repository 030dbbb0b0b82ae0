"""`sgdlab recommend`: the batch size and rate that a study recommends, and a config for it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sgdlab.analysis.wording import count
from sgdlab.cli.commands import CHOOSE, app
from sgdlab.cli.console import say


@app.command("recommend", rich_help_panel=CHOOSE)
def recommend(
    path: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of a study.")],
    goal: Annotated[Literal["time", "computation"], typer.Option(help="Whose config is written.")] = "time",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where the config is written.")] = None,
) -> None:
    """Say which batch size and rate a study recommends, what it costs, how sure; write the config.

    Examples:

    sgdlab recommend runs/my-study

    sgdlab recommend runs/my-study --goal computation --out best.yaml
    """
    from sgdlab.runs.files import write_text
    from sgdlab.runs.names import RECOMMENDED
    from sgdlab.studies.opened import Study
    from sgdlab.studies.writing import recommended_yaml

    done = Study(path)
    advice = {"time": done.recommend("time"), "computation": done.recommend("computation")}
    for each in advice.values():
        say(each.text)
    say(f"target {done.plan.target}, {count(len(done.plan.seeds), 'seed')}")
    if not done.complete:
        say(f"the study is not complete; continue with: sgdlab resume {path}")
    chosen = advice[goal]
    if chosen.best is None:
        say("no config was written")
        return
    where = out or path / RECOMMENDED
    write_text(where, recommended_yaml(done.plan, chosen, path.name))
    say(f"{where}: train it with: sgdlab train {where}")
