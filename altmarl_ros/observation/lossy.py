"""Any observation model at the end of a link that loses reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games.tabular import FloatArray, TabularGame
from altmarl_ros.observation.model import Counts, ObservationModel
from altmarl_ros.policies import Ladder, LocalPolicy


class Lossy:
    """Every report is lost with probability `loss`, independently; `model` decides by what is left."""

    def __init__(self, model: ObservationModel, loss: float, rng: np.random.Generator) -> None:
        if not 0.0 <= loss <= 1.0:
            raise AltmarlError(f"loss is {loss}, must be in 0..1")
        self._model, self._loss, self._rng = model, loss, rng
        self.turnover = model.turnover

    def reset(self, runs: int) -> None:
        """See ObservationModel."""
        self._model.reset(runs)

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel."""
        self._model.resume(shares, error, s_g)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, ladder: Ladder) -> None:
        """See ObservationModel."""
        self._model.adopt(game, pi_l, ladder)

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """See ObservationModel."""
        return self._model.decide(s_g, self._rng.binomial(reports, 1.0 - self._loss), n)

    @property
    def estimate(self) -> FloatArray:
        """See ObservationModel."""
        return self._model.estimate

    @property
    def error(self) -> FloatArray:
        """See ObservationModel."""
        return self._model.error

    @property
    def rung(self) -> NDArray[np.int64]:
        """See ObservationModel."""
        return self._model.rung
