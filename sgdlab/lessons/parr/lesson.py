"""The notebook on minibatch SGD and MNIST (P) as a lesson."""

import torch

from sgdlab.lessons.lesson import Lesson
from sgdlab.lessons.parr import published_results, sizes, split_and_loss
from sgdlab.lessons.parr.evidence import ParrEvidence
from sgdlab.lessons.parr.experiments import TUNING_SEEDS_FROM, gather
from sgdlab.lessons.parr.figures import figures


def _notes(e: ParrEvidence) -> list[str]:
    timings = e.cpu.conditions if e.gpu is None else f"{e.cpu.conditions}; {torch.cuda.get_device_name()}"
    return [
        "data: mnist-10k, 8,000 training and 2,000 validation rows",
        f"timings: {timings}",
        f"full batch on the first {len(e.runs['batch'].table)} seeds; rates tuned on seeds from {TUNING_SEEDS_FROM} on",
    ]


LESSON = Lesson(
    title="The notebook on minibatch SGD and MNIST (Parr), judged",
    seeds=range(5),
    quick_seeds=range(2),
    gather=gather,
    claims=(*split_and_loss.CLAIMS, *published_results.CLAIMS, *sizes.CLAIMS),
    figures=figures,
    notes=_notes,
)
