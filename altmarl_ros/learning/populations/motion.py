"""Draws how the robots of many fleets act and move in one tick, as counts by state.

The N_j robots in state j split over the actions by a multinomial draw, and those of each action split over the next states
by another one. A multinomial draw is a chain of binomial draws, each from the robots that are left. Fleets are handled in
blocks of a fixed size, each with its own random stream, so that the result does not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.compiled import njit
from altmarl_ros.games import TabularGame
from altmarl_ros.games.rows import Rows
from altmarl_ros.observation import Counts, draw_without_replacement
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.workers import Workers

_BLOCK = 250  # fleets
_ONE_BY_ONE = 32  # robots; a smaller subset is drawn robot by robot, a larger one state by state


class Motion:
    """Moves the robots of many fleets by pi_l and P_l, as counts by state.

    Attributes:
        tables: what a compiled tick looks up: actions, next states and rewards.
        blocks: the fleets that are handled together.
        streams: the random stream of each block.
        workers: the threads that handle blocks.
    """

    def __init__(self, game: TabularGame, pi_l: LocalPolicy, fleets: int, rng: np.random.Generator) -> None:
        kernel, r_l = (game.local_kernel, game.r_l) if game.hidden is None else (game.hidden.local_kernel, game.hidden.r_l)
        act = np.tile(_of_the_rest(pi_l.probabilities.transpose(1, 0, 2)), (game.n_hidden_states, 1, 1))  # [regime, s_l, a_l]
        move = kernel.rows.indptr, kernel.rows.indices, kernel.rows.share_of_rest, kernel.moves_at
        self.tables = act, move, np.ascontiguousarray(r_l.transpose(1, 0, 2))
        self.blocks = [slice(first, first + _BLOCK) for first in range(0, fleets, _BLOCK)]
        self.streams = rng.spawn(len(self.blocks))
        self.workers = Workers(0, fleets * game.n_local_states * 5)  # 2000 states of fleets take some tenths of a millisecond

    def __call__(self, groups: Counts, s_g: Counts) -> tuple[Counts, FloatArray]:
        """Draw the next counts of groups [R, groups, S_l] in regimes s_g [R], or d * S_g + s_g with a hidden state.

        Also return each fleet's sum of local rewards [R].
        """
        following, rewards = np.zeros_like(groups), np.zeros(len(groups))

        def work(block: tuple[slice, np.random.Generator]) -> None:
            runs, rng = block
            _tick(rng, groups[runs], s_g[runs], self.tables, (following[runs], rewards[runs]))

        self.workers.map(work, zip(self.blocks, self.streams, strict=True))
        return following, rewards


def draw_subset(population: Counts, k: Counts, rng: np.random.Generator) -> Counts:
    """Draw a uniform k[r]-subset of each population of counts [R, L]; where there are fewer than k[r] robots, take all."""
    if (k >= population.sum(axis=1)).all():
        return population.copy()
    if k.max(initial=0) > _ONE_BY_ONE:
        return draw_without_replacement(population, k, rng)
    drawn = np.zeros_like(population)
    _pick(rng, population, k, drawn)
    return drawn


def draw_from_rows(rows: Rows, row: Counts, u: FloatArray) -> Counts:
    """Draw a column from the distribution of each row [R] by a uniform number each [R]."""
    drawn = np.empty(len(row), dtype=np.int64)
    _draw(rows.indptr, rows.indices, rows.cumulative, (row, u), (drawn, rows.columns - 1))
    return drawn


def _of_the_rest(p: FloatArray) -> FloatArray:
    # p_i / (p_i + p_{i+1} + ...): the probability of i for a robot that took none of the entries before; 1 for the last one.
    rest = np.cumsum(p[..., ::-1], axis=-1)[..., ::-1]
    share = np.divide(p, rest, out=np.zeros_like(p), where=rest > 0)
    return np.asarray(np.where(share > 1.0 - 1e-15, 1.0, share))


@njit(nogil=True, cache=True)
def _tick(rng: Any, groups: Any, s_g: Any, tables: Any, results: Any) -> None:
    act, (start, column, share, moves_at), reward = tables
    following, rewards = results
    R, G, L = groups.shape
    A = act.shape[2]
    for r in range(R):
        g = s_g[r]
        for w in range(G):
            for j in range(L):
                idle = groups[r, w, j]
                for a in range(A):
                    if idle == 0:
                        break
                    acting = binomial(rng, idle, act[g, j, a])
                    idle -= acting
                    rewards[r] += acting * reward[g, j, a]
                    row = (moves_at[g] * A + a) * L + j
                    for e in range(start[row], start[row + 1]):
                        if acting == 0:
                            break
                        arriving = binomial(rng, acting, share[e])
                        acting -= arriving
                        following[r, w, column[e]] += arriving


@njit(nogil=True, cache=True)
def _draw(start: Any, column: Any, cumulative: Any, wanted: Any, results: Any) -> None:
    (rows, u), (drawn, last) = wanted, results
    for r in range(len(rows)):
        drawn[r] = last
        for e in range(start[rows[r]], start[rows[r] + 1]):
            if u[r] < cumulative[e]:
                drawn[r] = column[e]
                break


@njit(nogil=True, cache=True)
def _pick(rng: Any, population: Any, k: Any, drawn: Any) -> None:
    for r in range(population.shape[0]):
        left = population[r].sum()
        for _ in range(min(k[r], left)):
            robot = int(rng.random() * left)
            j = 0
            while robot >= population[r, j] - drawn[r, j]:
                robot -= population[r, j] - drawn[r, j]
                j += 1
            drawn[r, j] += 1
            left -= 1


@njit(nogil=True, cache=True)
def binomial(rng: Any, n: Any, p: Any) -> Any:
    """Draw how many of n robots do what each of them does with probability p."""
    if p >= 1.0:
        return n
    if p <= 0.0:
        return 0
    return rng.binomial(n, p)
