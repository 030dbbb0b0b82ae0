"""Data sources, one self-describing file each. A new one: a file beside these, and its name in the import below."""

from sgdlab.data.sources import airfoil, airfoil_twin, csv_file, function, images, mnist_10k, npz  # noqa: F401
