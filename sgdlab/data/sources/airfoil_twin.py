"""airfoil-twin: synthetic rows whose first and second moments are exactly the airfoil set's.

The package holds 27 numbers: the 6 means and 21 covariances of airfoil's first 1,500 rows after
whitening over all 1,503 (population moments, float64). 1,500 Gaussian rows from a fixed stream are
mapped so that their sample moments equal them. Least squares sees no other property of the data, so
full-batch gradient descent follows the real set's losses; single rows are not those of any airfoil.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from sgdlab.data.sources.airfoil import FEATURES, TARGET
from sgdlab.schema.dataset import SOURCES, Dataset, SourceFacts, Standardize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sgdlab.data.download import Progress
    from sgdlab.data.raw import RawTable

ROWS = 1500
MEAN = (
    -0.0014047929101988939,
    -0.0029808860442912797,
    0.000747479080679715,
    0.001446689667067548,
    -0.006345545011489464,
    0.005556150171647614,
)
COVARIANCE = (  # lower triangle, row by row; the last row is the target's
    (1.0008327594244866,),
    (-0.27540801654306674, 0.9975482735138372),
    (-0.0031418834402813377, -0.5047615829338271, 1.0017200787870153),
    (0.13494934037859976, 0.06103760518442233, 0.003252435523497676, 1.0009514515925864),
    (-0.2350335702953117, 0.7454239835932002, -0.2189077915382018, 0.0006172360244943024, 0.9818267633120767),
    (
        -0.3874952340651213,
        -0.1481220568990013,
        -0.23871454150608692,
        0.12132595581745617,
        -0.2956311879857507,
        0.9864870730493434,
    ),
)


@SOURCES.member
class AirfoilTwin(Dataset):
    """Synthetic: 1,500 Gaussian rows with the means and covariances of airfoil, whitened."""

    name: Literal["airfoil-twin"]
    standardize: Standardize = True
    facts: ClassVar[dict[str, SourceFacts]] = {
        "airfoil-twin": SourceFacts(
            "synthetic: Gaussian rows with exactly the means and covariances of airfoil, whitened", "regression",
            1_500, 5, "embedded", "MIT",
        )
    }  # fmt: skip

    def read(self, progress: "Progress | None" = None, folder: Path | None = None) -> "RawTable":
        """See Dataset.read: rows in whitened units; `whiten` is in the numbers already and changes nothing."""
        import numpy as np

        from sgdlab.data.prepared import Column
        from sgdlab.data.raw import RawTable

        rows = twin_rows()
        return RawTable(
            source="airfoil-twin",
            x=np.ascontiguousarray(rows[:, :-1]),
            y=np.ascontiguousarray(rows[:, -1:]),
            place=lambda row, feature: f"airfoil-twin: row {row}, {FEATURES[feature]}",
            columns=tuple(Column(name) for name in FEATURES),
            target_names=(TARGET,),
            whitened=True,
        )


def twin_rows() -> "NDArray[np.float64]":
    """[1500, 6]: z = normal rows less their mean;  x = mean + z inv(L_z)' L',  cov(z) = L_z L_z'.

    Sums are exact (math.fsum) and products elementwise, so every machine gets the same bits.
    """
    import numpy as np

    from sgdlab.streams import generator

    z = generator(0, "twin").standard_normal((ROWS, len(MEAN)))
    z -= np.array([math.fsum(column) / ROWS for column in z.T])
    seen = [[math.fsum(z[:, i] * z[:, j]) / ROWS for j in range(i + 1)] for i in range(len(MEAN))]
    independent = _solve_rows(_cholesky(seen), z)
    wanted = _cholesky([list(row) for row in COVARIANCE])
    columns = [MEAN[i] + sum(wanted[i][j] * independent[j] for j in range(i + 1)) for i in range(len(MEAN))]
    return np.stack(columns, axis=1)


def _cholesky(a: list[list[float]]) -> list[list[float]]:
    """Lower L with L L' = a, from a's lower triangle, in plain floats."""
    lower: list[list[float]] = []
    for i, row in enumerate(a):
        lower.append([])
        for j in range(i):
            inner = math.fsum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i].append((row[j] - inner) / lower[j][j])
        lower[i].append(math.sqrt(row[i] - math.fsum(value * value for value in lower[i])))
    return lower


def _solve_rows(lower: list[list[float]], z: "NDArray[np.float64]") -> "list[NDArray[np.float64]]":
    """Columns u_i with z_i = sum_j L_ij u_j: uncorrelated, variance 1."""
    u: list[NDArray[np.float64]] = []
    for i, row in enumerate(lower):
        rest = z[:, i].copy()
        for j in range(i):
            rest -= row[j] * u[j]
        u.append(rest / row[i])
    return u
