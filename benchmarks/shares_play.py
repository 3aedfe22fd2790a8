"""What fleets earn in the worlds of `shares.py`, robot by robot and in the same episodes: by shares and by other rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.games.start import Start
from altmarl_ros.learning.alternating import TrainingOptions, learn_ladder
from altmarl_ros.learning.shares.estimates import draw_successors
from altmarl_ros.observation import ObservationModel, make_filter
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.policies.shares import SharesPolicy, SharesProcess

FLEET, TICKS = 200, 90  # robots and ticks of played episodes
LADDER = (1, 5, 25)  # reports at which the ladder of exact backups plays as well

Act = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Rule:
    """Reports per tick, and how actions [R] are chosen by s_g [R] and reports [R, S_l]."""

    k: int
    act: Act


def played(game: TabularGame, policy: SharesPolicy, pi_l: LocalPolicy, runs: int, ladder: bool) -> list[str]:
    """What is earned by shares at k = 0, 5 and all, by going where most are, and by the exact ladder."""

    def by_shares(k: int) -> Rule:
        return Rule(k, deciding(make_filter(game, pi_l, policy), runs))

    rules = {f"shares, k = {k}": by_shares(k) for k in (0, 5, FLEET)}
    if game.n_local_states == game.n_global_actions:
        for k in (5, FLEET):
            rules[f"where most are, k = {k}"] = Rule(k, chasing(make_filter(game, pi_l, policy), runs))
    earned = {name: episodes(policy.process, rule, game.initial, runs) for name, rule in rules.items()}
    lines = [f"earned, n = {FLEET}, {name}: {returns.mean():.2f}" for name, returns in earned.items()]
    at_5, all_seen = earned["shares, k = 5"], earned[f"shares, k = {FLEET}"]
    lines.append(f"k = 5 earns {at_5.mean() / all_seen.mean():.2%} of all seen")
    lines += [f"k = 5 by shares, less {name}: {paired(at_5, earned[name])}" for name in rules if name.startswith("where")]
    if ladder:
        pi_g = learn_ladder(game, pi_l, TrainingOptions(K=max(LADDER)))
        for k in LADDER:
            by_rung = episodes(policy.process, Rule(k, deciding(make_filter(game, pi_l, pi_g), runs)), game.initial, runs)
            ours = episodes(policy.process, by_shares(k), game.initial, runs)
            lines.append(f"k = {k}: by shares {ours.mean():.2f}, less the exact ladder: {paired(ours, by_rung)}")
    return lines


def paired(one: np.ndarray, other: np.ndarray) -> str:
    """The mean difference with its standard error, and how many of them it is."""
    difference = one - other
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return f"{difference.mean():+.2f} ± {error:.2f} ({difference.mean() / max(error, 1e-12):+.1f} errors)"


def deciding(model: ObservationModel, runs: int) -> Act:
    model.reset(runs)
    return lambda s, reports: model.decide(s, reports, FLEET)


def chasing(model: ObservationModel, runs: int) -> Act:
    model.reset(runs)

    def act(s: np.ndarray, reports: np.ndarray) -> np.ndarray:
        model.decide(s, reports, FLEET)
        return model.estimate.argmax(axis=1)

    return act


def episodes(process: SharesProcess, rule: Rule, start: Start, runs: int) -> np.ndarray:
    """Discounted team rewards [runs]."""
    rng = np.random.default_rng(1)
    arrays, S_l = process.arrays, process.n_local_states
    cumulative = np.cumsum(arrays.data)
    s = rng.choice(process.n_global_states, size=runs, p=start.rho_g)
    at = np.stack([rng.choice(S_l, size=FLEET, p=p) for p in start.draw_shares(runs, rng)])
    returns = np.zeros(runs)
    for t in range(TICKS):
        heard = rng.permuted(np.tile(np.arange(FLEET), (runs, 1)), axis=1)[:, : rule.k]
        reports = np.stack([np.bincount(at[r, heard[r]], minlength=S_l) for r in range(runs)])
        choice = process.choice_of[s, rule.act(s, reports)]
        returns += process.gamma**t * (arrays.reward[s[:, None], at].mean(axis=1) + arrays.choice_reward[choice])
        row = arrays.kernel_of[s][:, None] * S_l + at
        place = np.searchsorted(cumulative, row + rng.random(row.shape), side="right")
        at = arrays.indices[np.clip(place, arrays.indptr[row], arrays.indptr[row + 1] - 1)]
        s = draw_successors(process, choice, rng)
    return returns
