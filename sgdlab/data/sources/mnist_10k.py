"""mnist-10k: the ten thousand digits that come with the package (see NOTICE)."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdlab.schema.dataset import SOURCES, Dataset, SourceFacts

if TYPE_CHECKING:
    from sgdlab.data.download import Progress
    from sgdlab.data.raw import RawTable

FILE = Path(__file__).with_name("mnist10k.npz")


@SOURCES.member
class Mnist10k(Dataset):
    """Handwritten digits, 28x28 grey values: rows 50000 to 59999 of MNIST's training set, pixels v/256."""

    name: Literal["mnist-10k"]
    facts: ClassVar[dict[str, SourceFacts]] = {
        "mnist-10k": SourceFacts(
            "handwritten digits: rows 50000 to 59999 of MNIST's training set", "classification", 10_000, 784,
            "embedded", "CC BY-SA 3.0",
        )
    }  # fmt: skip

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read."""
        import numpy as np

        from sgdlab.data.raw import RawTable

        with np.load(FILE, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
        return RawTable(
            source=self.name,
            x=images.reshape(len(images), -1),
            y=labels.astype(np.int64),
            place=lambda row, feature: f"mnist-10k: row {row}, pixel {feature}",
            classes=tuple("0123456789"),
            input_shape=(1, 28, 28),
            target_names=("digit",),
            unit=256.0,
        )
