"""What picking the best model by the very rows it is reported on adds to its score."""

from dataclasses import dataclass

from sgdlab.data import load
from sgdlab.results.opened import Run
from sgdlab.runs.names import BEST, LAST
from sgdlab.training import checkpoint
from sgdlab.training.engines.base import DeviceSplit, build_workload
from sgdlab.training.losses import evaluate


@dataclass(frozen=True)
class Picked:
    """Accuracies of the best model (by validation loss) and of the last one, on both splits."""

    best_val: float
    last_val: float
    best_test: float
    last_test: float

    @property
    def optimism(self) -> float:
        """(best − last on validation rows) − (best − last on test rows).

        How much more picking seems to gain on the rows it was done by than on rows of the same kind that had
        no say. What makes one split harder than the other cancels.
        """
        return (self.best_val - self.last_val) - (self.best_test - self.last_test)


def picked(run: Run) -> Picked:
    """Measure a finished run that has both a validation and a test split."""
    config = run.config
    workload = build_workload(config, load(config.dataset, config.seed))
    if workload.validation is None or workload.test is None:
        raise ValueError(f"{run.path}: needs a validation and a test split")
    states = {"best": checkpoint.load(run.path / BEST), "last": checkpoint.load(run.path / LAST)["model"]}
    found = {}
    for name, state in states.items():
        workload.model.load_state_dict(state)
        for split, rows in (("val", workload.validation), ("test", workload.test)):
            found[f"{name}_{split}"] = _accuracy(workload.model, config.loss, rows)
    return Picked(**found)


def _accuracy(model: object, loss: str, rows: DeviceSplit) -> float:
    return evaluate(model, loss, rows.x, rows.y).accuracy  # type: ignore[arg-type]
