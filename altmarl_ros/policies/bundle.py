"""Reads and writes policy bundles: everything that a fleet needs to act, in one `.npz` file without pickle.

The array `pi_l` [s_l, s_g, a_l] is the robots' policy, and `action_values` [s_l, s_g, a_l] a robot's values for a temperature
above 0. A coordinator's ladder is `rung_0` .. `rung_K` [s_g, rank of c], with `groups` [s_l] for games with groups and
`values` [rank of c, s_g] of the top rung (see `Ladder`); its policy over shares has the arrays of `policies.shares.stored`.
The array `header` holds JSON (UTF-8 bytes) with the keys of `PolicyBundle` and the SHA-256 of everything else, so that a
truncated, altered or foreign file is refused before a fleet acts by it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Mapping

import numpy as np
from numpy.typing import NDArray

from altmarl_ros.errors import BundleError
from altmarl_ros.files import read_npz, write_npz
from altmarl_ros.games import TabularGame
from altmarl_ros.policies.bundle_header import FORMAT, FORMAT_VERSION, LADDER, SHARES, parse_header, signed_part
from altmarl_ros.policies.counts import number_of_counts
from altmarl_ros.policies.ladder import Ladder
from altmarl_ros.policies.local_policy import LocalPolicy
from altmarl_ros.policies.packing import as_on_the_wire
from altmarl_ros.policies.shares import SharesPolicy
from altmarl_ros.policies.shares.stored import ARRAYS, arrays_of, policy_from
from altmarl_ros.resources import data_home

_MOST_REPORTS = 25
_LADDER_WORK = 4e7  # S_g^2 A_g times the count vectors of all rungs; so much is learned in seconds

_MAX_BYTES = 1 << 30
_OPTIONAL = {LADDER: {"groups", "values", "action_values", "r_g"}, SHARES: {"action_values", "r_g"}}  # arrays, by kind of pi_g


@dataclass(frozen=True, eq=False)
class PolicyBundle:
    """A learned pair of policies with its origin.

    A fleet and its records agree on one game, by its content hash. They need the game's dynamics; its rewards matter only
    to the learner. So a fleet may play a bundle that was learned for other rewards, discount or starts on the same
    dynamics (`TabularGame.dynamics_hash`): see `check_dynamics`.

    Attributes:
        pi_g: the coordinator's policy: a ladder for k' = 0..K reports, or value vectors over shares of robots.
        pi_l: the robots' policy, as robots have it that were sent it.
        game: name of the game that the pair was learned for.
        game_hash: content hash of that game.
        gamma: discount under which the pair was learned.
        seed: seed of the training.
        report: what the training did and reached (JSON values), for people and plots.
        dynamics_hash: dynamics hash of that game; empty in old files, which do not hold it.
        r_g: global reward behind a ladder's values [s_g, a_g]; None stands for the reward of the game that is played. A policy
            over shares holds its own.
    """

    pi_g: Ladder | SharesPolicy
    pi_l: LocalPolicy
    game: str
    game_hash: str
    gamma: float
    seed: int
    report: Mapping[str, Any]
    dynamics_hash: str = ""
    r_g: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pi_l", as_on_the_wire(self.pi_l))  # so that the coordinator expects what robots do
        S_l, S_g, _ = self.pi_l.probabilities.shape
        if self.r_g is not None:
            shape = (S_g, self.pi_g.n_global_actions)
            if self.r_g.shape != shape or not np.isfinite(self.r_g).all():
                raise BundleError(f"r_g has shape {self.r_g.shape}, must be {shape} of finite numbers")
        odd = self.pi_g.n_local_states % S_l if self.kind == SHARES else self.pi_g.n_local_states != S_l
        if odd or S_g != self.pi_g.n_global_states:
            raise BundleError(
                f"pi_l is for {S_l} local and {S_g} global states, pi_g for "
                f"{self.pi_g.n_local_states} and {self.pi_g.n_global_states}"
            )
        if isinstance(self.pi_g, SharesPolicy) and self.pi_g.process.gamma != self.gamma:
            raise BundleError(f"gamma is {self.gamma}, pi_g was learned under {self.pi_g.process.gamma}")

    @property
    def n_hidden_states(self) -> int:
        """D, the number of hidden states that the coordinator's policy tells apart; 1 in a game without a hidden state."""
        return self.pi_g.n_local_states // len(self.pi_l.probabilities)

    @property
    def learned_for(self) -> str:
        """The observation model through which the coordinator played in the training; `fresh` in files that do not say."""
        options = self.report.get("options")
        return str(options.get("learn_for", "fresh")) if isinstance(options, Mapping) else "fresh"

    @property
    def kind(self) -> str:
        """Kind of the coordinator's policy: `ladder` or `shares`."""
        return LADDER if isinstance(self.pi_g, Ladder) else SHARES

    @cached_property
    def content_hash(self) -> str:
        """A hash of 64 hexadecimal digits over the two policies and nothing else."""
        return _checksum({} if self.kind == LADDER else {"gamma": self.gamma}, _policies(self))

    @cached_property
    def policy_id(self) -> int:
        """The 32-bit checksum of both policies, by which coordinator and robots name them."""
        return zlib.crc32(self.content_hash.encode())

    def check_game(self, game: TabularGame) -> None:
        """Raise BundleError unless the bundle was learned for this game, rewards included."""
        if self.game_hash != game.content_hash:
            raise BundleError(
                f"was learned for game {self.game!r} with hash {self.game_hash}, "
                f"not for {game.name!r} with hash {game.content_hash}; train again"
            )
        self._check_sizes(game)

    def check_dynamics(self, game: TabularGame) -> None:
        """Raise BundleError unless the bundle was learned on the dynamics of this game; its rewards may differ."""
        if self.dynamics_hash != game.dynamics_hash:
            self.check_game(game)
        self._check_sizes(game)

    def carried_to(self, game: TabularGame) -> PolicyBundle:
        """Return the same policies labelled as if they had been learned for another game."""
        r_g = game.r_g if isinstance(self.pi_g, Ladder) else None
        return replace(self, game=game.name, game_hash=game.content_hash, dynamics_hash=game.dynamics_hash, r_g=r_g)

    def _check_sizes(self, game: TabularGame) -> None:
        shape = (game.n_local_states, game.n_global_states, game.n_local_actions)
        sizes = self.pi_l.probabilities.shape, self.pi_g.n_global_actions, self.n_hidden_states
        if sizes != (shape, game.n_global_actions, game.n_hidden_states):
            raise BundleError(f"its policies do not have the sizes of game {game.name!r}")
        if not isinstance(self.pi_g, Ladder):
            return
        counted, wanted = self.pi_g.groups, game.groups
        if (counted is None) != (wanted is None) or (wanted is not None and not np.array_equal(np.asarray(counted), wanted)):
            raise BundleError(f"its ladder does not count by the groups of game {game.name!r}")


def default_top_rung(game: TabularGame) -> int:
    """Return the default top rung K: 25, or less for games with many global states, so that learning takes seconds."""
    per_vector = game.n_global_states**2 * game.n_global_actions
    vectors = (number_of_counts(K, game.n_groups + 1) for K in range(1, _MOST_REPORTS + 1))  # sum over the rungs 0..K
    return max(1, sum(per_vector * many <= _LADDER_WORK for many in vectors))


def default_path(game: TabularGame, K: int | None = None) -> Path:
    """Return the file of a game's bundle if the user names no other; a ladder that was asked for up to rung K has its own."""
    rungs = "" if K is None else f"-k{K}"
    return data_home() / "policies" / f"{game.name}-{game.content_hash}{rungs}.npz"


def save_bundle(bundle: PolicyBundle, path: str | Path) -> Path:
    """Write a bundle atomically and return the path.

    Raises:
        BundleError: the file cannot be written.
    """
    arrays = _arrays(bundle)
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "game": bundle.game,
        "game_hash": bundle.game_hash,
        "gamma": bundle.gamma,
        "seed": bundle.seed,
        "report": dict(bundle.report),
        "pi_g": bundle.kind,
    }
    if isinstance(bundle.pi_g, Ladder):
        header |= {"K": bundle.pi_g.K, "n_global_actions": bundle.pi_g.n_global_actions}
    if bundle.dynamics_hash:
        header["dynamics_hash"] = bundle.dynamics_hash
    header["sha256"] = _checksum(header, arrays)
    header_bytes = np.frombuffer(json.dumps(header, allow_nan=False).encode(), dtype=np.uint8)
    try:
        write_npz(Path(path), {"header": header_bytes, **arrays})
    except ValueError as error:
        raise BundleError(f"{path}: {error}") from None
    return Path(path)


def load_bundle(path: str | Path, game: TabularGame | None = None, same_rewards: bool = True) -> PolicyBundle:
    """Read and check a bundle.

    Args:
        path: the file.
        game: if given, the bundle must have been learned for this game.
        same_rewards: whether rewards, discount and start must be this game's as well, or only the dynamics.

    Raises:
        BundleError: the file is bad or made for another game; one line names the file and what is wrong with it.
    """
    try:
        bundle = _decode(_read_arrays(Path(path)))
        if game is not None:
            (bundle.check_game if same_rewards else bundle.check_dynamics)(game)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from None
    return bundle


def _arrays(bundle: PolicyBundle) -> dict[str, NDArray[Any]]:
    values = bundle.pi_g.values if isinstance(bundle.pi_g, Ladder) else None
    optional = {"values": values, "action_values": bundle.pi_l.action_values, "r_g": bundle.r_g}
    return {**_policies(bundle), **{name: array for name, array in optional.items() if array is not None}}


def _policies(bundle: PolicyBundle) -> dict[str, NDArray[Any]]:
    pi_l = {"pi_l": bundle.pi_l.probabilities}
    if isinstance(bundle.pi_g, SharesPolicy):
        return {**pi_l, **arrays_of(bundle.pi_g)}
    rungs = {f"rung_{k}": rung for k, rung in enumerate(bundle.pi_g.rungs)}
    groups = {} if bundle.pi_g.groups is None else {"groups": bundle.pi_g.groups}
    return {**pi_l, **rungs, **groups}


def _checksum(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        arrays = read_npz(path, _MAX_BYTES)
    except ValueError as error:
        raise BundleError(str(error)) from None
    if "header" not in arrays:
        raise BundleError("is not a policy bundle: it has no header")
    return arrays


def _decode(arrays: dict[str, NDArray[Any]]) -> PolicyBundle:
    header = parse_header(arrays.pop("header"))
    kind = header["pi_g"]
    expected = {"pi_l", *(ARRAYS if kind == SHARES else (f"rung_{k}" for k in range(header["K"] + 1)))}
    odd_ones = sorted((set(arrays) - _OPTIONAL[kind]) ^ expected)
    if odd_ones:
        odd = odd_ones[0]
        raise BundleError(f"array {odd!r} is {'unknown' if odd in arrays else 'missing'}")
    if _checksum(signed_part(header), arrays) != header["sha256"]:
        raise BundleError("its content does not match its checksum: the file was altered")
    pi_l = LocalPolicy(arrays["pi_l"], arrays.get("action_values"))
    gamma = float(header["gamma"])
    return PolicyBundle(
        pi_g=policy_from(arrays, gamma) if kind == SHARES else _ladder(header, arrays, pi_l),
        pi_l=pi_l,
        game=header["game"],
        game_hash=header["game_hash"],
        gamma=gamma,
        seed=header["seed"],
        report=header["report"],
        dynamics_hash=header.get("dynamics_hash", ""),
        r_g=arrays.get("r_g"),
    )


def _ladder(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], pi_l: LocalPolicy) -> Ladder:
    rungs = tuple(arrays[f"rung_{k}"] for k in range(header["K"] + 1))
    S_l = pi_l.probabilities.shape[0]
    return Ladder(rungs, S_l, header["n_global_actions"], arrays.get("groups"), arrays.get("values"))
