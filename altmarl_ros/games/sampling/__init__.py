"""Makes the tables of a game from samples of a simulator: the generative oracle, or episodes of an environment.
`sample_game` takes either; a `SampledGame` holds the game with its counts and errors, and says what was hardly visited.
"""

from altmarl_ros.games.sampling.oracle import Outcome, Situation
from altmarl_ros.games.sampling.sampled_game import SampledGame
from altmarl_ros.games.sampling.sampler import sample_game

__all__ = ["Outcome", "SampledGame", "Situation", "sample_game"]
