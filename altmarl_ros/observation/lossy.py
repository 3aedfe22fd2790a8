"""Any observation model at the end of a link that loses reports."""

from __future__ import annotations

import numpy as np

from altmarl_ros.errors import AltmarlError
from altmarl_ros.observation.model import Counts, ObservationModel
from altmarl_ros.observation.relayed import Relayed


class Lossy(Relayed):
    """Every report is lost with probability `loss`, independently; `model` decides by what is left."""

    def __init__(self, model: ObservationModel, loss: float, rng: np.random.Generator) -> None:
        super().__init__(model)
        if not 0.0 <= loss <= 1.0:
            raise AltmarlError(f"loss is {loss}, must be in 0..1")
        self._loss, self._rng = loss, rng

    def received(self, reports: Counts) -> Counts:
        """Those that are not lost."""
        return np.asarray(self._rng.binomial(reports, 1.0 - self._loss))
