"""Array types that many modules use in their signatures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""An array of double-precision numbers; the docstring of the function or class that uses it says its axes."""

IntArray = NDArray[np.int64]
"""An array of 64-bit integers; the docstring of the function or class that uses it says its axes."""
