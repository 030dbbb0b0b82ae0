"""Made-up problems of any shape: time does not depend on what the numbers mean."""

import numpy as np

from sgdlab.data.prepared import PreparedData, Preprocess, Split, Task


def synthetic(rows: int, features: int, outputs: int, task: Task) -> PreparedData:
    """Gaussian rows [rows, features] without validation split.

    Classification: the class is the largest of `outputs` random linear forms; regression: the forms
    themselves, scaled to variance 1.
    """
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    forms = x @ (rng.standard_normal((features, outputs), dtype=np.float32) / np.float32(features**0.5))
    classes = task == "classification"
    y = forms.argmax(axis=1) if classes else np.ascontiguousarray(forms)
    preprocess = Preprocess(
        source="synthetic",
        task=task,
        columns=(),
        target_names=("class",) if classes else tuple(f"y{i}" for i in range(outputs)),
        classes=tuple(map(str, range(outputs))) if classes else None,
        shift=np.zeros(features),
        scale=np.ones(features),
        target_shift=np.zeros(outputs),
        target_scale=np.ones(outputs),
    )
    checksum = f"synthetic-{rows}-{features}-{outputs}-{task}"
    return PreparedData(Split(x, y), None, None, (features,), preprocess, checksum)
