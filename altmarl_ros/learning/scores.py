"""Compares what a bundle earns by number of reports and observation model with what references earn, from the same starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from altmarl_ros.games import TabularGame
from altmarl_ros.learning.evaluation import ALL_SEEN, RANDOM, TOLD, Evaluation, common_start
from altmarl_ros.learning.populations.population import Rollouts
from altmarl_ros.observation import models_for
from altmarl_ros.policies import PolicyBundle

ALL_ROBOTS_SEEN, RANDOM_ACTIONS, TOLD_AS_WELL = "all robots seen", "random actions", "and told the hidden state"
"""Names of the references: `told` as well is for games with a hidden state."""


@dataclass(frozen=True)
class Score:
    """What one rule of observation earned.

    Attributes:
        rule: an observation model with its k, such as `filtered, k = 5`, or a reference.
        k: reports per tick; every robot where all are seen.
        value: mean discounted team reward of the episodes.
        standard_error: standard error of the value.
        mode_accuracy: share of ticks in which the global action was the number of the most populated local state.
        held: share of robot-ticks in which a robot was held back at a full place.
    """

    rule: str
    k: int
    value: float
    standard_error: float
    mode_accuracy: float
    held: float


@dataclass(frozen=True)
class ScoreTable:
    """The scores of several rules in the same episodes; `str` writes them as a table.

    Attributes:
        scores: one per rule.
        game: name of the game.
        robots: number of robots.
        runs: number of episodes.
        horizon: ticks per episode.
    """

    scores: tuple[Score, ...]
    game: str
    robots: int
    runs: int
    horizon: int

    def __getitem__(self, rule: str) -> Score:
        """The score of a rule by its name.

        Raises:
            KeyError: there is none; the message names those that there are.
        """
        for score in self.scores:
            if score.rule == rule:
                return score
        raise KeyError(f"{rule!r} is not among {', '.join(score.rule for score in self.scores)}")

    def __str__(self) -> str:
        width = max(len(score.rule) for score in self.scores)
        lines = [f"{self.game}, n = {self.robots}, {self.runs} episodes of {self.horizon} ticks, discounted"]
        return "\n".join(
            [*lines, *(f"  {score.rule:<{width}}  {score.value:8.2f} ± {score.standard_error:.2f}" for score in self.scores)]
        )


def score_rules(
    game: TabularGame,
    bundle: PolicyBundle,
    *,
    ks: Sequence[int],
    robots: int,
    runs: int,
    horizon: int,
    models: Sequence[str] = (),
    seed: int = 0,
) -> ScoreTable:
    """Simulate fleets under a bundle and under references, all from the same starts with the same random numbers.

    Args:
        game: the game that is played.
        bundle: the pair of policies.
        ks: numbers of reports per tick.
        robots: number of robots.
        runs: number of episodes.
        horizon: ticks per episode.
        models: observation models; none: those of `fresh` and `filtered` that the game allows.
        seed: seed of all random numbers.

    Raises:
        AltmarlError: a model is unknown, or cannot be used in the game.
    """
    stage = Evaluation(game, bundle, common_start(game, robots, runs, seed), horizon, seed)
    scores = [_score(RANDOM_ACTIONS, 0, stage.rollouts(RANDOM, 0))]
    for model in models or [name for name in ("fresh", "filtered") if name in models_for(game)]:
        scores += [_score(f"{model}, k = {k}", k, stage.rollouts(model, k)) for k in ks]
    scores.append(_score(ALL_ROBOTS_SEEN, robots, stage.rollouts(ALL_SEEN, robots)))
    if game.hidden is not None:
        scores.append(_score(TOLD_AS_WELL, robots, stage.rollouts(TOLD, robots)))
    return ScoreTable(tuple(scores), game.name, robots, runs, horizon)


def _score(rule: str, k: int, played: Rollouts) -> Score:
    accuracy, held = float(played.mode_hits.mean()), float(played.held.mean())
    return Score(rule, k, played.value, played.standard_error, accuracy, held)
