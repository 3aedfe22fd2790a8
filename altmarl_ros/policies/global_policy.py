"""Defines the interface of the coordinator's policies pi_g, whichever way they were learned.

A `Ladder` holds actions by count vectors, one table for every number of reports (the paper's rule). A `SharesPolicy` holds
value vectors over shares of robots, which serve every number of reports and hundreds of local states.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray


class GlobalPolicy(Protocol):
    """Chooses global actions for what the coordinator believes about its robots."""

    @property
    def n_global_states(self) -> int:
        """S_g, number of global states."""

    @property
    def n_local_states(self) -> int:
        """S_l, number of local states."""

    @property
    def n_global_actions(self) -> int:
        """A_g, number of global actions."""

    @property
    def most_reports(self) -> int | None:
        """The most reports per tick for which the policy was learned; None: it was learned for every number."""

    def act_on_shares(self, s_g: NDArray[np.integer], shares: FloatArray) -> NDArray[np.int64]:
        """Choose actions [R] for global states [R] and shares of robots by local state [R, S_l]."""
