"""An observation model behind something that changes the reports on their way."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.observation.model import Counts, ObservationModel
from altmarl_ros.policies import Ladder, LocalPolicy


class Relayed(ABC):
    """`model` decides by what `received` leaves of the reports."""

    def __init__(self, model: ObservationModel) -> None:
        self._model = model
        self.turnover = model.turnover

    @abstractmethod
    def received(self, reports: Counts) -> Counts:
        """What becomes of the reports [R, ...] -> [R, L]."""

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
        return self._model.decide(s_g, self.received(reports), n)

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
