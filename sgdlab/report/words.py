"""What a config asks, and how its best model is chosen, in words for someone who has never seen the tool."""

from collections.abc import Collection

from sgdlab.analysis.wording import number
from sgdlab.config import Config
from sgdlab.results.labels import LOSSES


def asked_of(config: Config, varied: Collection[str] = ()) -> str:
    """One sentence: model, data, optimiser, rate, batch size, budget; without what a sweep varies."""
    optimizer = "" if "optimizer" in varied else f" with {config.optimizer.name}"
    parts = [f"{_model(config)} on {_data(config)}, trained{optimizer}"]
    if "learning_rate" not in varied:
        parts.append(f"at learning rate {number(config.learning_rate.initial)}{_schedule(config)}")
    if "batch_size" not in varied:
        size = config.batch_size.initial
        parts.append("on the full batch" if size == "full" else f"in batches of {number(size)}")
    loss = "" if config.loss == "auto" else f"; loss: {LOSSES.get(config.loss, config.loss)}"
    limit = "" if "budget" in varied else f", for {config.total_budget}"
    return f"{' '.join(parts)}{limit}{loss}."


def best_model_caveats(config: Config, tested: bool) -> tuple[str, ...]:
    """How the best model was chosen, and what that does to its numbers. tested: whether a test split was measured."""
    if not config.dataset.validation:
        chosen = (
            "There is no validation split: the best model is the one of lowest training loss, which says little of "
            "new rows."
        )
    else:
        chosen = (
            "The best model of a run is the one at the evaluation with the lowest validation loss, and its loss and "
            "accuracy are reported on those same rows: they look a little better than new rows would."
        )
    test = (
        "The test split took no part in training or choosing; the best model was measured on it once, at the end."
        if tested
        else "No rows were held back for a test; `--set dataset.test=0.1` holds a tenth of them back."
    )
    lines = [chosen, test]
    if config.dataset.resample == "bootstrap":
        lines.append(
            "Rows were drawn with replacement before the split, so the same rows stand in training and validation: "
            "the validation numbers are too good."
        )
    if config.model.output == "softmax" and config.loss == "cross_entropy":
        lines.append(
            "The model ends in a softmax and the loss applies another: it cannot fall to 0 (with ten classes not "
            "below 1.4612)."
        )
    return tuple(lines)


def sentence(text: str) -> str:
    """`text` with a capital and a full stop; nothing stays nothing."""
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _model(config: Config) -> str:
    model = config.model
    hidden = getattr(model, "hidden", None)
    if hidden is None:
        return {"linear": "A linear model", "cnn": "A convolutional network"}.get(model.name, f"The model {model.name}")
    widths = ", ".join(map(str, hidden))
    layers = {0: "no hidden layer", 1: f"a hidden layer of {widths} units"}
    return f"A network (mlp) with {layers.get(len(hidden), f'hidden layers of {widths} units')}"


def _data(config: Config) -> str:
    dataset = config.dataset
    limit = f" (its first {dataset.limit:,} rows)" if dataset.limit else ""
    return f"{getattr(dataset, 'path', dataset.name)}{limit}"


def _schedule(config: Config) -> str:
    schedule = config.learning_rate.schedule
    return "" if schedule == "constant" else f" ({schedule} schedule)"
