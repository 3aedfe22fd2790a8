"""Compares pairs of policies in a training: each plays the same starts with the same random numbers, and only once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.learning.global_learners import Pair
from altmarl_ros.learning.horizon import discounted_horizon
from altmarl_ros.learning.populations.continuous_population import ContinuousFleets
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.populations.population import Fleets, Rollouts, simulate, start_fleets
from altmarl_ros.learning.response_search import Gain, sampled_gain
from altmarl_ros.learning.training_options import TrainingOptions, default_runs, runs_of_block
from altmarl_ros.observation import Fresh, ObservationModel, all_seen, make_filter
from altmarl_ros.policies import Ladder
from altmarl_ros.policies.shares.stored import arrays_of

HELD_AT_MOST = 0.05
"""Share of robot-ticks in which robots may be held back at full places for nothing: none of them knows where the others go."""

MOST_BLOCKS = 4
"""Blocks of episodes that a comparison takes at most."""

WORTH = 2e-4
"""Share of the reward below which a gain is not looked for: a comparison ends once it is certain to be smaller."""

MEASURED = 1 << 20
"""A block of episodes by which no pair was chosen: what is reported is measured in it."""


class PairComparison:
    """Plays pairs by the options of a training: its robots, reports per tick, episodes and observation model.

    Episodes come in blocks. Each block has its own starts and random numbers, the same for every pair. Unless the options
    say how many, block MEASURED has as many episodes as MOST_BLOCKS others.

    Pairs are compared by their discounted rewards. Where room is limited, robots that crowd at full places lower the score:
    each robot-tick in which a robot is held back, beyond the share HELD_AT_MOST, costs as much as the whole span of r_l.
    """

    def __init__(self, game: TabularGame, options: TrainingOptions) -> None:
        self._game, self._options = game, options
        self._horizon = options.horizon or discounted_horizon(game.gamma)
        self._starts: dict[int, Fleets | ContinuousFleets] = {}
        self._played: dict[int, Rollouts] = {}

    def play(self, pair: Pair, block: int = 0) -> Rollouts:
        """Simulate the pair's episodes of a block; their rewards by tick are left out."""
        return self._once(pair, block, everybody=False)

    def visits(self, pair: Pair) -> Occupancy:
        """Where the pair was in all blocks in which it was compared so far, at least in the first."""
        parts = [self.play(pair).visits]
        while (played := self._played.get(self._key(pair, len(parts), everybody=False))) is not None:
            parts.append(played.visits)
        return Occupancy.sum_of(parts) if len(parts) > 1 else parts[0]

    def play_all_seen(self, pair: Pair) -> Rollouts:
        """As `play`, with a coordinator that hears all robots."""
        return self._once(pair, 0, everybody=True)

    def scores(self, played: Rollouts) -> FloatArray:
        """Return the scores of episodes, by whose mean pairs are compared [runs]."""
        if self._game.room is None or played.held.mean() <= HELD_AT_MOST:
            return played.returns
        crowding = float(np.ptp(self._game.r_l)) * (played.held - HELD_AT_MOST)
        return np.asarray(played.returns - crowding * (1.0 - self._game.gamma**self._horizon) / (1.0 - self._game.gamma))

    def play_from(self, pair: Pair, start: Fleets | ContinuousFleets) -> Rollouts:
        """Simulate episodes of the pair that begin at `start`, with random numbers of their own."""
        return self._simulate(pair, start, np.random.default_rng([self._options.seed, 10]), everybody=False)

    def _once(self, pair: Pair, block: int, *, everybody: bool) -> Rollouts:
        key = self._key(pair, block, everybody=everybody)
        if key not in self._played:
            rng = np.random.default_rng(self._seed(1, block))
            played = self._simulate(pair, self._start(block), rng, everybody=everybody)
            self._played[key] = replace(played, rewards=played.rewards[:, :0].copy())  # large for a long horizon, and unread
        return self._played[key]

    def _key(self, pair: Pair, block: int, *, everybody: bool) -> int:
        pi_g, pi_l = pair
        arrays = [pi_g.rungs[-1]] if isinstance(pi_g, Ladder) else arrays_of(pi_g).values()
        return hash((*(array.tobytes() for array in arrays), pi_l.probabilities.tobytes(), block, everybody))

    def _simulate(self, pair: Pair, start: Fleets | ContinuousFleets, rng: np.random.Generator, *, everybody: bool) -> Rollouts:
        game, options, (pi_g, pi_l) = self._game, self._options, pair
        model: ObservationModel
        if everybody:
            model = all_seen(game, pi_l, pi_g)
        else:
            model = Fresh(pi_g, game.initial) if options.learn_for == "fresh" else make_filter(game, pi_l, pi_g)
        k = options.n if everybody else options.K
        return simulate(game, pi_l, model, k=k, start=start, horizon=self._horizon, rng=rng)

    def _seed(self, stream: int, block: int) -> list[int]:
        return [self._options.seed, stream, block] if block else [self._options.seed, stream]

    def _start(self, block: int) -> Fleets | ContinuousFleets:
        if block not in self._starts:
            game, options = self._game, self._options
            rng = np.random.default_rng(self._seed(0, block))
            runs = options.runs or (default_runs(game) if block == MEASURED else runs_of_block(game))
            self._starts[block] = start_fleets(game, options.n, runs, rng)
        return self._starts[block]

    def gain(self, candidate: Pair, held: Pair) -> Gain:
        """Compare two pairs by their scores, in more blocks while it is undecided which is better (`sampled_gain`)."""
        return sampled_gain(
            lambda block: self.scores(self.play(candidate, block)),
            lambda block: self.scores(self.play(held, block)),
            confidence=self._options.confidence,
            most_blocks=MOST_BLOCKS,
            worth=WORTH,
        )
