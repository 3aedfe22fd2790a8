"""Defines the interface of observation models, which simulated populations and the coordinator node share.

A model decides for R independent fleets at once (R = 1 on a running coordinator). Once per tick it gets the global
states and, for every fleet, how many of the reporting robots are in each local state.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.policies import GlobalPolicy, LocalPolicy

Counts = NDArray[np.int64]


class ObservationModel(Protocol):
    """Turns the reports of a tick into a global action; it may remember reports of earlier ticks.

    Attributes:
        turnover: share of the polled subset that is replaced at each tick; 1 replaces all of it.
    """

    turnover: float

    def reset(self, runs: int) -> None:
        """Forget everything and decide for `runs` fleets from now on."""

    def adopt(self, game: TabularGame, pi_l: LocalPolicy, pi_g: GlobalPolicy) -> None:
        """Use these policies of robots and coordinator from the next decision on; the estimate stays."""

    def decide(self, s_g: NDArray[np.int64], reports: Counts, n: int) -> NDArray[np.int64]:
        """Choose global actions [R], given global states [R] and counts of the reports [R, L] of n robots.

        Any number of reports that the coordinator's policy can use may have come in.
        """

    def admit(self, joined: Counts) -> None:
        """Bring robots into the estimate at the next decision, whose n counts them: the counts of their states then [R, L]."""

    def resume(self, shares: FloatArray, error: FloatArray, s_g: NDArray[np.int64]) -> None:
        """Continue from another model's last decision: its estimate [R, L] and error [R], made for global states [R]."""

    @property
    def estimate(self) -> FloatArray:
        """The estimated share of robots per local state after the last decision [R, L]; rows sum to 1."""

    @property
    def error(self) -> FloatArray:
        """The largest standard deviation of an estimated share [R]."""

    @property
    def rung(self) -> NDArray[np.int64]:
        """The number of reports for which the policy behind the last decision was learned [R]: a ladder's rung.

        A policy over shares serves every number of reports; then it is the number that came.
        """


def draw_without_replacement(population: Counts, k: int | NDArray[np.int64], rng: np.random.Generator) -> Counts:
    """Draw a uniform k-subset of each population of counts [..., L]; where there are fewer than k robots, take all."""
    left = population.sum(axis=-1)
    want = np.minimum(left, k)
    if not want.any():
        return np.zeros_like(population)
    drawn = np.empty_like(population)
    for j in range(population.shape[-1]):
        here = population[..., j]
        drawn[..., j] = rng.hypergeometric(here, left - here, want)
        left = left - here
        want = want - drawn[..., j]
    return drawn


def kept_robots(k: int, turnover: float) -> int:
    """Return how many of k polled robots stay in the subset for the next tick."""
    return k - min(k, max(round(turnover * k), 1 if turnover > 0 else 0))
