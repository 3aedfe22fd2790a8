"""Which global states follow where robots move by the same kernel: what bounds look ahead to is the same in all of these."""

from __future__ import annotations

import numpy as np

from altmarl_ros.policies.shares.process import SharesProcess


class SuccessorsByKernel:
    """The pairs of a kernel and a global state that may follow one in which robots move by it.

    Attributes:
        kernel: number of the kernel of every pair, in order.
        then: the global state of every pair.
        pair_of: the pair of every entry of the process's `successor`.
    """

    def __init__(self, process: SharesProcess) -> None:
        """Find the pairs of a process."""
        arrays, S_g = process.arrays, process.n_global_states
        kernel = np.repeat(arrays.kernel_of, np.diff(arrays.successor_start))
        pairs, pair_of = np.unique(kernel * S_g + arrays.successor, return_inverse=True)
        self.kernel, self.then = pairs // S_g, pairs % S_g
        self.pair_of = pair_of.ravel().astype(np.int64)

    @property
    def most(self) -> int:
        """Largest number of pairs of one kernel."""
        return int(np.bincount(self.kernel).max())
