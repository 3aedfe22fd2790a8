"""Runs the authors' code (a checkout of github.com/emiletimothy/alternating-marl) on our games, for benchmarks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from altmarl_ros.games import TabularGame
from altmarl_ros.policies import Ladder, LocalPolicy
from altmarl_ros.policies.counts import enumerate_counts, number_of_counts


def g_learn(folder: Path, game: TabularGame, k: int) -> Any:
    """Run their G-LEARN against random local actions, with their own settings."""
    sys.path.insert(0, str(folder / "scripts"))
    from global_agent_optimizer import GlobalAgentOptimizer

    settings = json.loads((folder / "scripts" / "hyperparameters.json").read_text())["global_agent"]
    return GlobalAgentOptimizer(
        n_sg=game.n_global_states,
        n_sl=game.n_local_states,
        n_ga=game.n_global_actions,
        k=k,
        gamma=game.gamma,
        P_g=lambda s_g, a_g: game.P_g[s_g, a_g],
        P_l_pi=lambda s_l, s_g: game.P_l[s_l, s_g].mean(axis=0),
        r_g=lambda s_g, a_g: game.r_g[s_g, a_g],
        r_l_pi=lambda s_l, s_g: game.r_l[s_l, s_g].mean(),
        max_iter=settings["max_vi_iterations"],
        tol=settings["convergence_threshold"],
    )


def learner(folder: Path, game: TabularGame, k: int, n: int) -> Any:
    """Train their alternating learner and return it."""
    sys.path.insert(0, str(folder / "scripts"))
    from alternating_marl import AlternatingMARL

    made = AlternatingMARL(
        n_sg=game.n_global_states,
        n_sl=game.n_local_states,
        n_ga=game.n_global_actions,
        n_al=game.n_local_actions,
        n_agents=n,
        k=k,
        gamma=game.gamma,
        P_g=lambda s_g, a_g: game.P_g[s_g, a_g],
        P_l=lambda s_l, s_g, a_l: game.P_l[s_l, s_g, a_l],
        r_g=lambda s_g, a_g: game.r_g[s_g, a_g],
        r_l=lambda s_l, s_g, a_l: game.r_l[s_l, s_g, a_l],
    )
    made.train()
    return made


def policies(folder: Path, game: TabularGame, k: int, n: int) -> tuple[Ladder, LocalPolicy]:
    """Return the policies of their training for k: a ladder whose top rung is theirs, and their local policy."""
    trained = learner(folder, game, k, n)
    S_g, L = game.n_global_states, game.n_local_states
    vectors = [tuple(int(x) for x in c) for c in enumerate_counts(k, L)]
    top = np.array([[trained.pi_g[s_g][c] for c in vectors] for s_g in range(S_g)], dtype=np.uint16)
    lower = [np.zeros((S_g, number_of_counts(below, L)), np.uint16) for below in range(k)]
    pi_l = np.array([[trained.pi_l[s_g][s_l] for s_g in range(S_g)] for s_l in range(L)])
    return Ladder((*lower, top), L, game.n_global_actions), LocalPolicy(pi_l)
