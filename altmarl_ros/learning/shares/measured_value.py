"""What a pair earns whose coordinator acts by value vectors, measured with little noise.

Episodes of n robots with counts N_t are played, and V_Gamma takes the noise out of them (a control variate). The reward is

    J = E V(s_0, N_0 / n) + E sum_t gamma^t [ r_t + gamma E(V(s_{t+1}, N_{t+1} / n) | s_t, N_t, a_t) - V(s_t, N_t / n) ]

for every function V, such as V_Gamma. Its terms are small where the coordinator does what its plans reckon with, and the
expectation needs no draw: with i(s') the node that is best at s' for the shares expected there, P_s^T N_t / n, alpha_i is
linear in N_{t+1}. It is at most V_Gamma, so that J is never overstated. After the last tick the team is taken to earn V_Gamma.
"""

from __future__ import annotations

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.populations.population import CountedPopulation, Fleets
from altmarl_ros.observation import ObservationModel
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.policies.shares.lookahead import look_ahead, predict
from altmarl_ros.policies.shares.process import IntArray


def measured_gains(
    game: TabularGame,
    pi_g: SharesPolicy,
    pi_l: LocalPolicy,
    model: ObservationModel,
    *,
    k: int,
    start: Fleets,
    horizon: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Play episodes and return J - E V_Gamma(s_0, N_0 / n), without the noise that is known [runs].

    The mean may be negative: reports of k robots say less than V_Gamma at the true shares supposes.
    """
    dynamics, hearing = rng.spawn(2)
    population, n = CountedPopulation(game, pi_l, start), start.n
    process, vectors = pi_g.process, pi_g.vectors
    model.reset(len(start.s_g))
    gains = np.zeros(len(start.s_g))
    for t in range(horizon):
        s, shares = population.s_g, population.counts / n
        a_g = model.decide(s, population.poll(k, model.turnover, hearing), n)
        predicted = predict(process, s, shares)
        node = look_ahead(process, vectors, s, predicted).node
        ahead = np.einsum("rj,rxj->rx", predicted, vectors.alpha[node])  # beyond the last successor of no use
        expected = _expected(pi_g, process.choice_of[s, a_g], ahead)
        gains += process.gamma**t * (population.step(a_g, dynamics) + process.gamma * expected - vectors.value(s, shares))
    return gains


def _expected(pi_g: SharesPolicy, choice: IntArray, ahead: FloatArray) -> FloatArray:
    # sum_s' P_g(s' | choice) ahead[., s'] [runs] for values by successor [runs, most].
    arrays = pi_g.process.arrays
    first, last = arrays.outcome_start[choice], arrays.outcome_start[choice + 1]
    expected = np.zeros(len(choice))
    for o in range(int((last - first).max())):
        runs = np.flatnonzero(first + o < last)
        outcome = first[runs] + o
        expected[runs] += arrays.outcome_probability[outcome] * ahead[runs, arrays.outcome_slot[outcome]]
    return expected
