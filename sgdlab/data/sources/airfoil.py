"""airfoil: NASA's airfoil self-noise, downloaded once or read from the folder in SGDLAB_DATA."""

from typing import TYPE_CHECKING

import numpy as np

from sgdlab.data.download import Remote, local_file
from sgdlab.data.prepared import Column
from sgdlab.data.raw import RawTable
from sgdlab.errors import DataError

if TYPE_CHECKING:
    from sgdlab.data.download import Progress

FEATURES = (
    "frequency",
    "angle_of_attack",
    "chord_length",
    "free_stream_velocity",
    "displacement_thickness",
)
TARGET = "sound_pressure_level"
FILE = Remote(
    source="airfoil",
    name="airfoil_self_noise.dat",
    urls=(
        "http://d2l-data.s3-accelerate.amazonaws.com/airfoil_self_noise.dat",
        "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat",
    ),
    checksum="sha256:74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3",
    max_bytes=1 << 20,
    remedy="or use dataset: airfoil-twin, which has the same means and covariances and needs no download",
)


def load_airfoil(progress: "Progress | None" = None) -> RawTable:
    """1,503 rows, 5 features, 1 target, in the file's own units.

    The checksum must hold wherever the file comes from, SGDLAB_DATA included: the published figures
    are those of this very file.
    """
    path = local_file(FILE, progress, verify_own=True)
    try:
        rows = np.loadtxt(path, delimiter="\t", ndmin=2)
    except (OSError, ValueError) as fault:
        raise DataError(f"{path}: not a table of tab separated numbers ({fault})") from None
    if rows.shape[1:] != (len(FEATURES) + 1,) or not np.isfinite(rows).all():
        raise DataError(f"{path}: expected rows of {len(FEATURES) + 1} finite numbers, found shape {rows.shape}")
    return RawTable(
        source="airfoil",
        x=np.ascontiguousarray(rows[:, :-1]),
        y=np.ascontiguousarray(rows[:, -1:]),
        place=lambda row, feature: f"{path}:{row + 1} {FEATURES[feature]}",
        columns=tuple(Column(name) for name in FEATURES),
        target_names=(TARGET,),
    )
