"""A short history as it was: a change of any stream, order, update or mean shows here.

Written with torch 2.13.0, numpy 2.3.5 on x86-64 by the eager engine, and native agrees. Losses may differ by
1e-4 relative: twelve Adam steps in float32, whose products other machines round otherwise. Positions not at all.
"""

import numpy as np
import pytest
from conftest import make_config

from sgdlab.data import load
