"""G-LEARN as a training uses it: the coordinator's responses to robots, as a ladder of count vectors or over shares."""

from __future__ import annotations

from typing import Callable, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.counts.aggregation import aggregate
from altmarl_ros.learning.counts.global_agent import GlobalSolution, g_learn, lift
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.shares.evaluation import evaluate
from altmarl_ros.learning.shares.samplers import make_sampler
from altmarl_ros.learning.shares.solver import learn_shares
from altmarl_ros.learning.training_options import TrainingOptions, learns_ladder
from altmarl_ros.learning.training_state import TrainingState
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess


class Pair(NamedTuple):
    """A coordinator's policy and the policy of all robots."""

    pi_g: Ladder | SharesPolicy
    pi_l: LocalPolicy


class GlobalLearner(Protocol):
    """Finds the coordinator's policies of one training."""

    def responses(self, state: TrainingState, occupancy: Occupancy | None) -> list[Pair]:
        """Find responses of the coordinator to the robots' policy in the state, with what the next one starts from.

        `occupancy` is that of the pair that is held; None before the first response.
        """

    def against(self, pi_g: Ladder | SharesPolicy, pi_l: LocalPolicy) -> Pair:
        """Return the pair in which the coordinator keeps its plans while robots act by pi_l, as it knows."""

    def finished(self, state: TrainingState, occupancy: Occupancy, on_rung: Callable[[int], None]) -> Ladder | SharesPolicy:
        """Return the held coordinator's policy with all that a fleet needs; tells when each rung of a ladder is done."""


def make_learner(game: TabularGame, options: TrainingOptions) -> GlobalLearner:
    """Make the learner that the options ask for."""
    return LadderLearner(game, options) if learns_ladder(game, options) else SharesLearner(game, options)


class LadderLearner:
    """Learns the top rung in the rounds, and all rungs k' = 0..K against the final pi_l at the end."""

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self._game, self._options = game, options

    def responses(self, state: TrainingState, occupancy: Occupancy | None) -> list[Pair]:
        """See GlobalLearner."""
        counted, alone = aggregate(self._game, state.pi_l, occupancy)
        solution = g_learn(counted, alone, self._options.top, self._options.g_learn, V=state.V)
        state.V, state.method = solution.V, (solution.backup, solution.reason)
        game = self._game
        ladder = Ladder.with_top(self._options.top, solution.policy, game.n_local_states, game.n_global_actions, game.groups)
        return [Pair(ladder, state.pi_l)]

    def against(self, pi_g: Ladder | SharesPolicy, pi_l: LocalPolicy) -> Pair:
        """See GlobalLearner; a rung knows nothing of the robots' policy."""
        return Pair(pi_g, pi_l)

    def finished(self, state: TrainingState, occupancy: Occupancy, on_rung: Callable[[int], None]) -> Ladder | SharesPolicy:
        """See GlobalLearner."""

        def solved(k: int, solution: GlobalSolution) -> None:
            state.rungs.append(solution.policy)
            state.rung_V = solution.V
            on_rung(k)

        game, options = self._game, self._options
        counted, alone = aggregate(game, state.pi_l, occupancy)
        ladder = learn_ladder(counted, alone, options, on_rung=solved, solved=tuple(state.rungs), V=state.rung_V)
        rungs = ladder.rungs
        if options.top == options.K:  # the pair that UPDATE kept, which may differ from a new best response
            assert isinstance(state.pi_g, Ladder)
            rungs = (*rungs[:-1], state.pi_g.rungs[-1])
        assert state.rung_V is not None
        values = state.rung_V.astype(np.float32)
        return Ladder(rungs, game.n_local_states, game.n_global_actions, game.groups, values)


class SharesLearner:
    """Learns value vectors, which serve every number of reports; each response starts from the plans that are held."""

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self._game, self._options = game, options

    def responses(self, state: TrainingState, occupancy: Occupancy | None) -> list[Pair]:
        """See GlobalLearner."""
        start, held = self._game.initial, state.pi_g
        process = SharesProcess.under_policy(self._game, state.pi_l)
        vectors = held.vectors if isinstance(held, SharesPolicy) else None
        sampler = make_sampler(self._game, state.pi_l, self._options.n)
        solution = learn_shares(process, start, sampler, self._options.shares, vectors=vectors)
        learned = solution.policy
        more = f"one more backup adds {solution.remaining_gain:.2g} at most"
        state.method = ("shares", f"{len(learned.vectors)} value vectors, improved at {len(solution.points)} points; {more}")
        return [Pair(learned, state.pi_l)]

    def against(self, pi_g: Ladder | SharesPolicy, pi_l: LocalPolicy) -> Pair:
        """See GlobalLearner; plans are worth something else, and robots go elsewhere, where these act by another policy."""
        assert isinstance(pi_g, SharesPolicy)
        process = SharesProcess.under_policy(self._game, pi_l)
        return Pair(SharesPolicy(process, evaluate(process, pi_g.vectors, self._options.shares.rough)), pi_l)

    def finished(self, state: TrainingState, occupancy: Occupancy, on_rung: Callable[[int], None]) -> Ladder | SharesPolicy:
        """See GlobalLearner; values are exact from here on."""
        assert isinstance(state.pi_g, SharesPolicy)
        process = state.pi_g.process
        return SharesPolicy(process, evaluate(process, state.pi_g.vectors))


def learn_ladder(
    game: TabularGame,
    pi_l: LocalPolicy,
    options: TrainingOptions,
    *,
    on_rung: Callable[[int, GlobalSolution], None] | None = None,
    solved: tuple[NDArray[np.uint16], ...] = (),
    V: FloatArray | None = None,
) -> Ladder:
    """Solve the rungs k' = 0..K against pi_l; each starts from the values of the rung below.

    Args:
        game: the game, aggregated if it has groups.
        pi_l: the robots' policy.
        options: K and the options of G-LEARN.
        on_rung: called after every rung with its k' and solution.
        solved: the rungs from 0 on that are solved already.
        V: values of the last of these [rank of c, s_g].
    """
    rungs = list(solved)
    for k in range(len(rungs), options.K + 1):
        solution = g_learn(game, pi_l, k, options.g_learn, V=None if V is None else lift(V, k, game.n_local_states))
        V = solution.V
        rungs.append(solution.policy)
        if on_rung:
            on_rung(k, solution)
    return Ladder(tuple(rungs), game.n_local_states, game.n_global_actions)
