"""Observation models whose reports change on the way to the coordinator.

`Relayed` passes reports through `received` before the model behind it decides; `Lossy` is a link that loses reports.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.observation.model import Counts, ObservationModel
from altmarl_ros.policies import GlobalPolicy, LocalPolicy


class Relayed(ABC):
    """Passes every tick's reports through `received`, and lets `model` decide by the result."""

    def __init__(self, model: ObservationModel) -> None:
        self._model = model
        self.turnover = model.turnover

    @abstractmethod
    def received(self, reports: Counts) -> Counts:
        """Return the report counts that reach the model [R, L], given those that were sent [R, ...]."""

    def reset(self, runs: int) -> None:
        """See ObservationModel."""
        self._model.reset(runs)

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """See ObservationModel."""
        self._model.resume(shares, error, s_g)

    def admit(self, joined: Counts) -> None:
        """See ObservationModel."""
        self._model.admit(joined)

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """See ObservationModel."""
        self._model.adopt(game, pi_l, pi_g)

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


class Lossy(Relayed):
    """A link that loses every report with probability `loss`, independently; `model` decides by the reports that arrive."""

    def __init__(self, model: ObservationModel, loss: float, rng: np.random.Generator) -> None:
        super().__init__(model)
        if not 0.0 <= loss <= 1.0:
            raise AltmarlError(f"loss is {loss}, must be in 0..1")
        self._loss, self._rng = loss, rng

    def received(self, reports: Counts) -> Counts:
        """Draw which reports arrive [R, L] -> [R, L]."""
        return np.asarray(self._rng.binomial(reports, 1.0 - self._loss))
