"""The best model of a run on disk, and its predictions for new rows of a CSV file."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from sgdlab.data.preprocess_file import preprocess_from_json
from sgdlab.data.tables.new_rows import apply_preprocess
from sgdlab.data.tables.text_file import read_csv
from sgdlab.errors import RunFolderError
from sgdlab.runs.folder import RunFolder, is_sweep
from sgdlab.runs.names import BEST, PREPROCESS
from sgdlab.training import checkpoint, losses
from sgdlab.training.models import build_model

if TYPE_CHECKING:
    import pandas as pd


def load_model(folder: RunFolder) -> nn.Module:
    """The model of best.pt in evaluation mode, on the CPU; RunFolderError when it is not there."""
    if is_sweep(folder.path):
        raise RunFolderError(f"{folder.path}: is a sweep; name one of its runs, as {folder.path}/runs/001-...")
    facts = folder.read_json(PREPROCESS)
    try:
        shape, preprocess = tuple(int(size) for size in facts["input_shape"]), preprocess_from_json(facts)
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{folder.path / PREPROCESS}: damaged: {error}") from None
    config = folder.config()
    outputs = len(preprocess.classes or preprocess.target_names)
    model = build_model(config.model, shape, outputs, config.seed)
    try:
        model.load_state_dict(checkpoint.load(folder.path / BEST))
    except (RuntimeError, AttributeError, TypeError, LookupError) as error:
        raise RunFolderError(
            f"{folder.path / BEST}: does not fit this run's config: {(str(error).splitlines() or ['?'])[0]}"
        ) from None
    return model.eval()


def predict_csv(folder: RunFolder, path: Path) -> "pd.DataFrame":
    """Predictions for each row of a CSV file, in its order.

    Classification: `prediction`, and `probability of CLASS` for each class. Regression: a column for
    each target, in the target's own units. DataError names the row and column that do not fit.
    """
    import pandas as pd

    model = load_model(folder)
    config = folder.config()
    facts = folder.read_json(PREPROCESS)
    preprocess = preprocess_from_json(facts)
    delimiter = getattr(config.dataset, "delimiter", ",")
    x = apply_preprocess(preprocess, read_csv(path, delimiter=delimiter))
    shape = config.model.row_shape(tuple(facts["input_shape"]))
    outputs = losses.predict(model, torch.from_numpy(x).reshape(len(x), *shape))
    if preprocess.classes is None:
        values = outputs.double().numpy() * preprocess.target_scale + preprocess.target_shift
        return pd.DataFrame(values, columns=list(preprocess.target_names))
    probabilities = outputs if config.model.output == "softmax" else outputs.softmax(dim=1)
    table = pd.DataFrame(
        probabilities.double().numpy(), columns=[f"probability of {name}" for name in preprocess.classes]
    )
    table.insert(0, "prediction", [preprocess.classes[i] for i in probabilities.argmax(dim=1).tolist()])
    return table
