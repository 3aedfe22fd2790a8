"""Identifies the local kernel from recorded runs.

Let N[s_l, s_g, a_l, s_l'] be the observed transitions, and let the prior of each row be a Dirichlet distribution that
is centred on the model's kernel and worth `weight` transitions. Then the posterior of a row is Dirichlet(alpha) with
alpha = weight P_l + N, and so

    mean      m = alpha / sum alpha
    variance  m (1 - m) / (sum alpha + 1)
    marginal  Beta(alpha_j, sum alpha - alpha_j) of each probability

(Gelman et al., Bayesian Data Analysis, 3rd ed., section 3.4). A row that was never observed keeps the model's
probabilities; a row that was observed often follows the record. A transition that is impossible in the model stays
impossible until it is observed.

Where robots move in the same way at every s_g according to the model, as on floors, the rows of all s_g can be pooled
into one: the same run then says S_g times as much about each row. In a game with a hidden state d the regimes d * S_g + s_g
stand in place of the global states, and pooled are the rows of all s_g at the same d. In a game of work all rows of a state
can be pooled that the model takes for alike, and other runs vary around them (module alike_rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError
from altmarl_ros.games.identification.alike_rows import alike_rows, of_one_run, summed_rows
from altmarl_ros.games.kernels import SAME
from altmarl_ros.games.rows import check_dense
from altmarl_ros.games.tabular import TabularGame
from altmarl_ros.games.trajectory import UNKNOWN, IntArray, Trajectory

WEIGHT = 10.0
"""How many transitions per row a model counts for, unless something else is said."""


@dataclass(frozen=True, eq=False)
class IdentifiedKernel:
    """A posterior over P_l; the axis S has S_g entries, or one where the rows of all s_g are pooled (with d: one for each d).

    Attributes:
        alpha: Dirichlet parameters [s_l, S, a_l, s_l'].
        transitions: observed transitions N [s_l, s_g or S, a_l, s_l']; expected ones where d is not known.
        model: the prior's mean [s_l, s_g or S, a_l, s_l'].
        n_global_states: S_g, or the number of regimes D * S_g.
        spread: how far the rows of one run lie from their mean [transitions], where rows that are alike in the model were
            pooled; None: they were not, and rows are the same in every run.
    """

    alpha: FloatArray
    transitions: IntArray | FloatArray
    model: FloatArray
    n_global_states: int
    spread: float | None = None

    @property
    def pooled(self) -> bool:
        """Whether the rows of all s_g are pooled into one."""
        return bool(self.alpha.shape[1] != self.n_global_states)

    @property
    def evidence(self) -> IntArray | FloatArray:
        """The observed transitions behind each posterior row [s_l, S, a_l, s_l']."""
        return _summed(self.transitions, self.alpha.shape[1])

    @property
    def weight(self) -> float:
        """How many transitions per row the prior counts for."""
        return round(float(self.alpha[0, 0, 0].sum() - self.support[0, 0, 0]), 6)

    @property
    def support(self) -> IntArray | FloatArray:
        """How many transitions each posterior row rests on besides the prior [s_l, S, a_l]: also those of rows alike."""
        if self.spread is None:
            return np.asarray(self.evidence.sum(axis=-1))
        group = alike_rows(self.prior)
        return np.asarray(summed_rows(self.evidence, group)[group].sum(axis=-1))

    @property
    def prior(self) -> FloatArray:
        """The prior mean of each posterior row [s_l, S, a_l, s_l']."""
        S = self.alpha.shape[1]
        return self.model[:, :: self.model.shape[1] // S]

    @property
    def mean(self) -> FloatArray:
        """The posterior mean of each row [s_l, S, a_l, s_l']."""
        return np.asarray(self.alpha / self.alpha.sum(axis=-1, keepdims=True))

    @property
    def deviation(self) -> FloatArray:
        """The posterior standard deviation of each row's probabilities [s_l, S, a_l, s_l']."""
        m = self.mean
        return np.asarray(np.sqrt(np.maximum(m * (1.0 - m), 0.0) / (self.alpha.sum(axis=-1, keepdims=True) + 1.0)))

    @property
    def P_l(self) -> FloatArray:
        """The posterior mean, the same for every s_g where it is pooled [s_l, s_g, a_l, s_l']."""
        return self._for_every_s_g(self.mean)

    @property
    def standard_error(self) -> FloatArray:
        """The posterior standard deviation, the same for every s_g where it is pooled [s_l, s_g, a_l, s_l']."""
        return self._for_every_s_g(self.deviation)

    def _for_every_s_g(self, table: FloatArray) -> FloatArray:
        S_l, S, A_l, _ = table.shape
        alike = self.n_global_states // S  # states with the same rows, one after the other
        every = np.broadcast_to(table[:, :, None], (S_l, S, alike, A_l, S_l))
        return every.reshape(S_l, self.n_global_states, A_l, S_l) if S > 1 else every[:, 0]

    def interval(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Compute the lower and the upper bound of each probability's central credible interval [s_l, S, a_l, s_l']."""
        from scipy.special import betaincinv  # imported here, since most processes do not need it and start sooner

        rest = self.alpha.sum(axis=-1, keepdims=True) - self.alpha
        certain = (self.alpha <= 0.0) | (rest <= 0.0)  # there the Beta distribution is a single point, the mean
        a, b = np.where(certain, 1.0, self.alpha), np.where(certain, 1.0, rest)
        low, high = (np.where(certain, self.mean, betaincinv(a, b, tail)) for tail in (0.5 - level / 2, 0.5 + level / 2))
        return low, high

    def surprise(self) -> FloatArray:
        """Measure how far the record is from the model: (N - n p) / sqrt(n p (1 - p) + 1) [s_l, S, a_l, s_l'].

        n is the number of transitions of the row and p the prior's probability. If the model holds, the values spread at
        most about as a standard normal variable; the 1 keeps a single rare event from counting as a surprise.
        """
        n = self.evidence.sum(axis=-1, keepdims=True)
        variance = n * np.maximum(self.prior * (1.0 - self.prior), 0.0)
        return np.asarray((self.evidence - n * self.prior) / np.sqrt(variance + 1.0))


def count_transitions(game: TabularGame, run: Trajectory, pool: bool = False) -> IntArray:
    """Count the transitions N [s_l, s_g, a_l, s_l'] of a run; with `pool` over all s_g together [s_l, 1, a_l, s_l'].

    Two ticks of a robot count as a transition if they follow each other in one session, both states are known and the
    robot acted in the first.

    Raises:
        GameError: the run does not fit the game; the message names the array and the entry.
        ResourceError: the counts would fill more than 1 GiB.
    """
    run.check(game)
    S_l, S_g, A_l = game.r_l.shape
    shape = (S_l, 1 if pool else S_g, A_l, S_l)
    check_dense(f"the transitions of the game {game.name!r}", shape)
    before, action, after = run.local_state[:-1], run.local_action[:-1], run.local_state[1:]
    usable = run.follows[1:, None] & run.acted[:-1] & (after != UNKNOWN)
    s_g = np.broadcast_to(0 if pool else run.global_state[:-1, None], before.shape)
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (before[usable], s_g[usable], action[usable], after[usable]), 1)
    return counts


def feels_global_state(model: FloatArray, n_hidden_states: int = 1) -> bool:
    """Whether a kernel P_l [s_l, s_g, a_l, s_l'] differs between any two s_g; one over regimes, at the same hidden state."""
    S_l, regimes, A_l, _ = model.shape
    by_hidden = model.reshape(S_l, n_hidden_states, regimes // n_hidden_states, A_l, S_l)
    return bool((np.ptp(by_hidden, axis=2) > SAME).any())


def identify(
    model: FloatArray,
    transitions: IntArray | FloatArray,
    weight: float = WEIGHT,
    pool: bool = False,
    *,
    n_global_states: int | None = None,
    n_hidden_states: int = 1,
    spread: float | None = None,
) -> IdentifiedKernel:
    """Compute the posterior of P_l [s_l, s_g, a_l, s_l'] from observed transitions and a prior centred on `model`.

    Args:
        model: the prior's mean, e.g. a game's P_l [s_l, s_g, a_l, s_l'], or one row for all s_g [s_l, 1, a_l, s_l'].
        transitions: N, in the model's shape.
        weight: how many transitions per row the prior counts for.
        pool: whether to pool the rows of all s_g into one, or into one for each hidden state.
        n_global_states: S_g, where the model has one row for all of them.
        n_hidden_states: D, where the axis of the model is that of regimes d * S_g + s_g.
        spread: see IdentifiedKernel; with one, rows of the same s_l that are alike in the model are pooled as well.

    Raises:
        GameError: the weight is not positive and finite, the shapes differ, or pooled rows differ in the model.
    """
    if not (np.isfinite(weight) and weight > 0):
        raise GameError(f"weight is {weight}, must be positive")
    if model.shape != transitions.shape:
        raise GameError(f"transitions have shape {transitions.shape}, must be {model.shape} as the model has")
    S_g = n_global_states or model.shape[1]
    prior, evidence = model, transitions
    if pool:
        if feels_global_state(model, n_hidden_states):
            raise GameError("the model's kernel differs between global states: their transitions cannot be pooled")
        prior, evidence = model[:, :: model.shape[1] // n_hidden_states], _summed(transitions, n_hidden_states)
    if spread is not None:
        group = alike_rows(prior)
        evidence = summed_rows(evidence, group)[group]
    return IdentifiedKernel(weight * prior + evidence, transitions, model, S_g, spread)


def _summed(transitions: NDArray[Any], groups: int) -> NDArray[Any]:
    # Over the members of each of so many groups of states [s_l, groups, a_l, s_l'].
    S_l, S, A_l, _ = transitions.shape
    return np.asarray(transitions.reshape(S_l, groups, S // groups, A_l, S_l).sum(axis=2))


def draw_kernels(alpha: FloatArray, size: int, rng: np.random.Generator, spread: float | None = None) -> FloatArray:
    """Draw kernels [size, ..., s_l'] from a posterior with Dirichlet parameters alpha [..., s_l'].

    With a `spread` each is that of a run of its own, and rows of one s_l with the same parameters are one row; alpha is
    [s_l, S, a_l, s_l'] then.
    """
    if spread is not None:
        group = alike_rows(alpha)
        _, first = np.unique(group, return_index=True)
        rows = alpha.reshape(-1, alpha.shape[-1])[first]
        return draw_kernels(of_one_run(rows, spread), size, rng)[:, group]
    # A Dirichlet variable is a normalised vector of Gamma variables. Gamma(a) = Gamma(a + 1) U^(1/a), taken in logarithms,
    # does not underflow for small a.
    shape = (size, *alpha.shape)
    possible = alpha > 0.0
    a = np.where(possible, alpha, 1.0)
    logs = np.where(possible, np.log(rng.standard_gamma(a + 1.0, shape)) + np.log(1.0 - rng.random(shape)) / a, -np.inf)
    weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def transitions_needed(probability: float, standard_error: float, weight: float = 10.0) -> int:
    """Compute the least number of transitions N of a row after which a probability has this posterior standard error.

    It follows from the posterior variance, m (1 - m) / (weight + N + 1).
    """
    return max(0, int(np.ceil(probability * (1.0 - probability) / standard_error**2 - weight - 1.0 - 1e-9)))
