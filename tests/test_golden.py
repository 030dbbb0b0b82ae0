"""A short history as it was: a change of any stream, order, update or mean shows here.

Written with torch 2.13, numpy 2.3 on x86-64, eager engine. Losses may differ by 2e-4 (20 float32 steps;
other BLAS kernels round elsewhere), positions and rates not at all.
"""

import pytest
from conftest import start_training, records_of

from sgdlab.config import Document, build_config
from sgdlab.data import load

