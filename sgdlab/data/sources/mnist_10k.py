"""mnist-10k: the ten thousand digits that come with the package (see NOTICE)."""

from pathlib import Path

import numpy as np

from sgdlab.data.raw import RawTable

FILE = Path(__file__).with_name("mnist10k.npz")
DIGITS = tuple("0123456789")


def load_mnist_10k() -> RawTable:
    """Rows 50000..59999 of the official training set: pixels v/256, classes "0".."9"."""
    with np.load(FILE, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    return RawTable(
        source="mnist-10k",
        x=images.reshape(len(images), -1),
        y=labels.astype(np.int64),
        place=lambda row, feature: f"mnist-10k: row {row}, pixel {feature}",
        classes=DIGITS,
        input_shape=(1, 28, 28),
        target_names=("digit",),
        unit=256.0,
    )
