"""The chapter on minibatch SGD (D) as a lesson."""

from sgdlab.lessons.d2l import descent, exercises, products, times
from sgdlab.lessons.d2l.evidence import D2lEvidence
from sgdlab.lessons.d2l.experiments import TWIN, gather
from sgdlab.lessons.d2l.figures import figures
from sgdlab.lessons.lesson import Lesson


def _notes(e: D2lEvidence) -> list[str]:
    stand_in = "airfoil's own file was not here; the twin has its means and covariances, and is synthetic"
    return [
        f"data: {e.source}, {e.rows:,} rows",
        *([stand_in] if e.source == TWIN else []),
        f"timings: {e.epochs.conditions}",
    ]


LESSON = Lesson(
    title="The chapter on minibatch SGD (Dive into Deep Learning 11.5), judged",
    seeds=range(20),
    quick_seeds=range(3),
    gather=gather,
    claims=(*descent.CLAIMS, *times.CLAIMS, *products.CLAIMS, *exercises.CLAIMS),
    figures=figures,
    notes=_notes,
)
