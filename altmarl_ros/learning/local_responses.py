"""Makes the robots' responses to a coordinator, in games with room everywhere and in those where places are limited.

With room everywhere that is L-LEARN's best response (module local_agent). With limited room it is the solution of the programme
of module room.programme, for all of the room and for a part of it: the programme limits a mean, the world every tick.
Alternating with such solutions goes round in circles, since the coordinator changes its ways when all robots do. So means of
the present pair's shares of time and of the solution's are responses as well (steps of Frank and Wolfe's method). With a hidden
state prices of room come from module room.memoryless_ascent, and what robots would do if there were room is tried as well:
UPDATE, which compares pairs where robots are held back, chooses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.games import TabularGame
from altmarl_ros.games.kernels import LocalKernel
from altmarl_ros.games.room import Room
from altmarl_ros.learning.coordinator_response import response_to
from altmarl_ros.learning.local_agent import best_local_response, greedy, l_learn, pooled
from altmarl_ros.learning.populations.occupancy import Occupancy
from altmarl_ros.learning.populations.robot_kernels import RobotKernels
from altmarl_ros.learning.room.dual_ascent import ascend
from altmarl_ros.learning.room.memoryless_ascent import ascend_without_memory
from altmarl_ros.learning.room.programme import RoomSolution, policy_of, solve
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.packing import as_on_the_wire

_MOST_VARIABLES = 4000  # of a programme that is solved in seconds; prices of a larger one are found by dual ascent
_STEPS = (0.5, 0.125)  # from the present pair's shares of time to the solution's, beside the whole way
_LEAST_SHARE = 0.9  # of the room that responses use in the mean
_SPARE = 1.02  # robots for which there must be room in that part of it, for each robot of the fleet


def views(game: TabularGame, occupancy: Occupancy) -> tuple[Occupancy, ...]:
    """What robots may take the coordinator's behaviour to be: as they saw it, and without what their own state told them.

    Where room is limited it is only as they saw it, which is where they are.
    """
    return (occupancy, pooled(occupancy)) if game.room is None else (occupancy,)


def local_responses(
    game: TabularGame, pi_l: LocalPolicy, occupancy: Occupancy, *, n: int, temperature: float = 0.0
) -> list[LocalPolicy]:
    """Make responses of a fleet of n robots to the coordinator that `occupancy` shows beside robots that act by pi_l.

    In games with limited room the temperature is of no use: the programme mixes actions where it must.

    Raises:
        AltmarlError: the programme of a game with limited room is not solved in time.
    """
    if game.room is None:
        return [l_learn(game, occupancy, temperature, pi_l).pi_l]
    held = shares_of_time(game, pi_l, occupancy)
    responses = [] if game.hidden is None else [l_learn(game, occupancy, temperature, pi_l).pi_l]
    for share in shares_of_room(game.room, n):
        solution = room_solution(game, occupancy, n, share)
        means = [policy_of(held + step * (solution.x - held), solution.probabilities) for step in _STEPS]
        responses += [as_on_the_wire(LocalPolicy(p)) for p in (solution.probabilities, *means)]
    return responses


def own_responses(game: TabularGame, pi_l: LocalPolicy, kernels: RobotKernels, occupancy: Occupancy) -> FloatArray:
    """Compute the policy of every robot that knows its own kernel [i, s_l, s_g, a_l], among robots that act by pi_l.

    Where room is limited a robot keeps to its share of it: no more of its time is expected in a place than fits of the fleet.

    Raises:
        AltmarlError: the programme of a game with limited room is not solved in time.
    """
    n, own = len(kernels), (kernels.of_robot(i) for i in range(len(kernels)))
    if game.room is not None:
        return np.stack([room_solution(moved_by(game, kernel), occupancy, n).probabilities for kernel in own])
    if game.hidden is not None:
        return np.stack([l_learn(moved_by(game, kernel), occupancy, given=pi_l).pi_l.probabilities for kernel in own])
    response = response_to(game, occupancy)
    return np.stack([greedy(best_local_response(moved_by(game, kernel), response)) for kernel in own])


def moved_by(game: TabularGame, kernel: LocalKernel) -> TabularGame:
    """The same game of robots that move by another kernel; it is one over regimes in a game with a hidden state."""
    if game.hidden is None:
        return replace(game, local_kernel=kernel)
    return replace(game, hidden=game.hidden.moved_by(kernel))


def shares_of_room(room: Room, n: int) -> list[float]:
    """Parts of the room, from all of it to 0.9 or to what n robots need, that responses use in the mean."""
    least = min(1.0, max(_LEAST_SHARE, _SPARE * n / int(room.limits(n).sum())))
    return sorted({1.0, least}, reverse=True)


def local_values(game: TabularGame, occupancy: Occupancy, n: int) -> FloatArray:
    """Action values Q [s_l, s_g, a_l] of a robot that responds to the coordinator, and pays for room where it is limited."""
    return l_learn(game, occupancy).Q if game.room is None else room_solution(game, occupancy, n).Q


def room_solution(game: TabularGame, occupancy: Occupancy, n: int, share: float = 1.0) -> RoomSolution:
    """Solve the programme for robots that start where those of `occupancy` were.

    Raises:
        AltmarlError: it is not solved in time.
    """
    assert game.room is not None
    if game.hidden is not None:
        return ascend_without_memory(game, occupancy, game.room, n, share=share)
    start, response = np.maximum(occupancy.by_state(), 0.0), response_to(game, occupancy)
    if game.r_l.size > _MOST_VARIABLES:
        return ascend(game, response, game.room, n, start=start, share=share)
    return solve(game, response, game.room, n, start=start, share=share)


def shares_of_time(game: TabularGame, pi_l: LocalPolicy, occupancy: Occupancy) -> FloatArray:
    """Shares of time in (s_g, s_l, a_l) of robots that act by pi_l and were where `occupancy` says [S_g, S_l, A_l]."""
    visits = occupancy.by_state().reshape(game.n_global_states, game.n_hidden_states, game.n_local_states).sum(axis=1)
    return np.asarray(visits[..., None] / visits.sum() * pi_l.probabilities.transpose(1, 0, 2))
