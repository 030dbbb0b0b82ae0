"""airfoil: NASA's airfoil self-noise, downloaded once or read from the folder in SGDLAB_DATA."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdlab.errors import DataError
from sgdlab.schema.dataset import SOURCES, Dataset, SourceFacts, Standardize

if TYPE_CHECKING:
    from sgdlab.data.download import Progress, Remote
    from sgdlab.data.raw import RawTable

FEATURES = (
    "frequency",
    "angle_of_attack",
    "chord_length",
    "free_stream_velocity",
    "displacement_thickness",
)
TARGET = "sound_pressure_level"


@SOURCES.member
class Airfoil(Dataset):
    """NASA's airfoil self-noise: 1,503 rows, 5 features, one target, in the file's own units."""

    name: Literal["airfoil"]
    standardize: Standardize = True
    facts: ClassVar[dict[str, SourceFacts]] = {
        "airfoil": SourceFacts(
            "NASA's airfoil self-noise: sound pressure of wing sections, in decibels", "regression", 1_503, 5,
            "download, 60 kB", "CC BY 4.0",
        )
    }  # fmt: skip

    @classmethod
    def remote_files(cls, name: str) -> "tuple[Remote, ...]":
        """See Dataset.remote_files. The checksum must hold wherever the file comes from, SGDLAB_DATA included: the
        published figures are those of this very file."""
        from sgdlab.data.download import Remote

        return (
            Remote(
                source="airfoil",
                name="airfoil_self_noise.dat",
                urls=(
                    "http://d2l-data.s3-accelerate.amazonaws.com/airfoil_self_noise.dat",
                    "https://archive.ics.uci.edu/ml/machine-learning-databases/00291/airfoil_self_noise.dat",
                ),
                checksum="sha256:74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3",
                max_bytes=1 << 20,
                remedy="or use dataset: airfoil-twin, which has the same means and covariances and needs no download",
                verify_own=True,
            ),
        )

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read."""
        import numpy as np

        from sgdlab.data.download import local_file
        from sgdlab.data.prepared import Column
        from sgdlab.data.raw import RawTable

        path = local_file(self.remote_files(self.name)[0], progress)
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
