"""Array types that many modules name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Double-precision array; the docstring that names it says its axes."""

IntArray = NDArray[np.int64]
"""Array of 64-bit integers; the docstring that names it says its axes."""
