"""The parameters of the `trainer` executable, and the training that they describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import TabularGame
from altmarl_ros.games.rewards import Rewards, parse_parameters
from altmarl_ros.learning.alternating import LEARNABLE, TrainingOptions
from altmarl_ros.learning.backups import BACKUPS, GLearnOptions
from altmarl_ros.learning.shares.solver import SharesOptions
from altmarl_ros.learning.training_options import check_options
from altmarl_ros.nodes.common.allowed_paths import ALLOWED
from altmarl_ros.nodes.common.parameters import Parameter
from altmarl_ros.observation import DEFAULT_MODEL
from altmarl_ros.policies.bundle import default_top_rung
from altmarl_ros.resources import data_home

PARAMETERS = (
    Parameter("game", "warehouse", "The fleet's game: a built-in name or a YAML file.", live=True, path="name or file"),
    Parameter("reward.global", 1.0, "Weight of the game's global reward r_g.", -1e6, 1e6, live=True),
    Parameter("reward.local", 1.0, "Weight of the robots' mean reward r_l.", -1e6, 1e6, live=True),
    Parameter(
        "reward.parameters",
        "",
        "Rewards among the game's builder parameters, as YAML, such as {nearby: 4}; those that "
        "change how robots move are refused.",
        live=True,
    ),
    Parameter("gamma", 0.0, "Discount per tick; 0: the game's own.", 0.0, 0.9999, live=True),
    Parameter("K", 0, "Reports per tick to learn for, a ladder's top rung; 0: as at present.", 0, 10_000, live=True),
    Parameter(
        "backup",
        "auto",
        "How G-LEARN computes: over shares, or on count vectors.",
        choices=BACKUPS,
        live=True,
    ),
    Parameter("rounds", 10, "Most rounds of best responses.", 1, 1000, live=True),
    Parameter("learn_for", DEFAULT_MODEL, "Observation model that the pair is learned for.", choices=LEARNABLE, live=True),
    Parameter(
        "start",
        "present",
        "Robots' policy that the first best response is to: the present one, near whose equilibrium "
        "the training then ends, or the uniform one.",
        choices=("present", "uniform"),
        live=True,
    ),
    Parameter("temperature", 0.0, "Of the learned local policy; 0: greedy.", 0.0, 1e6, unit="reward", live=True),
    Parameter("robots", 0, "Robots in simulated episodes; 0: as many as are in the draw.", 0, 10_000_000, live=True),
    Parameter("runs", 400, "Simulated episodes per evaluation.", 2, 1_000_000, live=True),
    Parameter("seed", 0, "Seed of everything random in the training.", 0, live=True),
    Parameter("memory", 2048, "Memory that a training may use.", 1, 1_000_000, unit="MiB", live=True),
    Parameter("train.timeout", 3600.0, "Longest training, its scoring included.", 1.0, 1e6, unit="s", live=True),
    Parameter("shadow.ticks", 20, "Live ticks that a candidate decides as a shadow.", 1, 1_000_000, live=True),
    Parameter("shadow.timeout", 30.0, "Longest wait for these.", 0.1, 1e6, unit="s", live=True),
    Parameter("auto_deploy", False, "Deploy a candidate whose gain is surely above `deploy.margin`.", live=True),
    Parameter(
        "deploy.margin", 0.0, "That the lower end of the gain's 95 % interval must exceed.", 0.0, 1e9, unit="reward", live=True
    ),
    Parameter(
        "deploy.timeout",
        10.0,
        "Time for a policy to be in force, besides the ticks that the coordinator may wait for robots.",
        0.1,
        3600.0,
        unit="s",
        live=True,
    ),
    Parameter("keep", 5, "Policies kept for a rollback.", 1, 1000, live=True),
    Parameter("coordinator", "/coordinator", "Node of the coordinator that decides.", live=True),
    Parameter(
        "folder",
        "",
        "Where policies are kept, readable for the coordinator by the same path; empty: $ROS_HOME/altmarl_ros/trainer.",
        path="folder",
    ),
    ALLOWED,
    Parameter("nice", 10, "By how much the training process gives way to others.", 0, 19),
    Parameter("fleet_prefix", "/fleet", "Prefix of the fleet-wide topics."),
)


def rewards_of(values: Mapping[str, Any]) -> Rewards:
    """The rewards that the parameters describe.

    Raises:
        GameError: `reward.parameters` is no mapping.
    """
    try:
        parameters = parse_parameters(values["reward.parameters"])
    except GameError as error:
        raise GameError(f"parameter 'reward.parameters': {error}") from None
    return Rewards(values["reward.global"], values["reward.local"], values["gamma"] or None, parameters)


def options_of(values: Mapping[str, Any], game: TabularGame, K: int | None, robots: int) -> TrainingOptions:
    """The options of ALTERNATING-MARL that the parameters describe.

    Args:
        values: the parameters by name.
        game: game to learn for.
        K: most reports of the policy in force, or those that the coordinator wants; None: unknown.
        robots: number of robots in the draw.

    Raises:
        AltmarlError: an option is out of range, or the coordinator's policy does not fit the memory.
    """
    top = values["K"] or (default_top_rung(game) if K is None else K)
    options = TrainingOptions(
        K=top,
        rounds=values["rounds"],
        n=values["robots"] or max(1, robots),
        runs=values["runs"],
        temperature=values["temperature"],
        learn_for=values["learn_for"],
        seed=values["seed"],
        certificate_runs=0,
        g_learn=GLearnOptions(backup=values["backup"], memory_limit=values["memory"] << 20, seed=values["seed"], threads=1),
        shares=SharesOptions(memory_limit=values["memory"] << 20, seed=values["seed"]),
    )
    check_options(game, options)
    return options


def folder_of(values: Mapping[str, Any], game: TabularGame) -> Path:
    """Make the folder in which the policies of a game are kept; games of other dynamics have other folders.

    Raises:
        AltmarlError: the folder cannot be made.
    """
    folder = Path(values["folder"] or data_home() / "trainer").absolute() / f"{game.name}-{game.dynamics_hash}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AltmarlError(f"parameter 'folder': {folder} cannot be made: {error.strerror or error}") from None
    return folder
