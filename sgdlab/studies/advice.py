"""The recommended config of a study, as a file that `train` takes."""

from sgdlab.analysis.recommend import Recommendation
from sgdlab.config import config_to_yaml
from sgdlab.studies.question import Question


def recommended_yaml(question: Question, advice: Recommendation, source: str) -> str:
    """The study's config at the recommended batch size and rate, with the evidence as a comment.

    Raises ValueError where nothing is recommended.
    """
    if advice.best is None:
        raise ValueError(advice.text)
    config = question.config(advice.best.batch_size, **{"learning_rate.initial": advice.best.learning_rate})
    head = [
        f"Recommended by the study {source}.",
        advice.text,
        f"To stop at the target: stop_at: {question.target}",
    ]
    return "".join(f"# {line}\n" for line in head) + config_to_yaml(config)
