"""Defines the finite game: its transitions, rewards, discount and start.

One global agent with state s_g and n exchangeable local agents with states s_1..s_n move in discrete
time (Anand and Karmarkar, arXiv 2603.03759, section 2):

    s_g(t+1) ~ P_g(. | s_g(t), a_g(t))
    s_i(t+1) ~ P_l(. | s_i(t), s_g(t), a_i(t)),  independently for i = 1..n
    r(t)     = r_g(s_g, a_g) + (1/n) sum_i r_l(s_i, s_g, a_i)

and all agents maximise the same E sum_t gamma^t r(t).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown
from altmarl_ros.games.continuous import ContinuousWarehouse

MAX_STATES = 4096
"""Largest size of a state or action set; messages carry states as uint16."""

ROW_SUM_TOLERANCE = 1e-6
"""How far the sum of a row of probabilities may be from 1, as rows computed in float32 are; such rows are renormalised."""

MAX_CONCENTRATION = 1e100
"""Largest entry of a start's alpha; sums of larger ones overflow."""

_LONGEST_NAME = 64  # characters of a game's name

_EXACT = 1e-13  # random generators accept sums that are this close to 1


def check_name(name: str) -> None:
    """Check the name of a game, which becomes a part of file names and is written to terminals.

    Raises:
        GameError: telling the name with all that is not printable escaped, and the rule.
    """
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= _LONGEST_NAME
        or not name.isprintable()
        or set(name) & {"/", "\\"}
        or name.startswith(".")
    ):
        raise GameError(
            f"name is {shown(str(name))}, must be 1 to {_LONGEST_NAME} printable characters without / and \\, and not begin "
            "with a dot: files are named after it"
        )


@dataclass(frozen=True)
class Start:
    """How an episode begins: s_g ~ rho_g; p ~ Dirichlet(alpha); s_i ~ p, independently.

    Attributes:
        rho_g: initial distribution of the global state [S_g].
        alpha: Dirichlet concentration of the local states' distribution [S_l]. With small values most robots begin in
            one or two states; with large values their shares approach alpha / sum(alpha). With two axes [M, S_l] an
            episode begins by one of M concentrations, all equally likely.
    """

    rho_g: FloatArray
    alpha: FloatArray

    def draw_shares(self, runs: int, rng: np.random.Generator) -> FloatArray:
        """Draw the distributions p of the local states for `runs` episodes [R, S_l]."""
        if self.alpha.ndim == 1:
            return rng.dirichlet(self.alpha, size=runs)
        alpha = self.alpha[rng.integers(len(self.alpha), size=runs)]
        weights = rng.standard_gamma(alpha)
        vanished = np.flatnonzero(~(weights.sum(axis=1) > 0.0))  # entries so small that every draw of a row is below 1e-308
        for run in vanished:  # their limit: all robots in one state, with the probability of its share of alpha
            weights[run] = rng.multinomial(1, alpha[run] / alpha[run].sum())
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class TabularGame:
    """A validated finite game; immutable, its arrays are read-only.

    Attributes:
        name: short name for people.
        P_g: global transitions [s_g, a_g, s_g'].
        P_l: local transitions [s_l, s_g, a_l, s_l'].
        r_g: global reward [s_g, a_g].
        r_l: local reward [s_l, s_g, a_l].
        gamma: discount per tick, in (0, 1).
        start: distribution of the first states.
        local_state_names: one name per local state, e.g. zones.
        global_action_names: one name per global action.
        local_action_names: one name per local action.
        groups: the group 0..G-1 of each local state [S_l], if the coordinator's count vectors count robots by groups
            of states; None if they count every state by itself.
        continuous: the game on continuous states that these tables discretise, if any; fleets play that one.

    Raises:
        GameError: an array breaks a rule; the message names the array, the index and the rule.
    """

    name: str
    P_g: FloatArray
    P_l: FloatArray
    r_g: FloatArray
    r_l: FloatArray
    gamma: float
    start: Start | None = None
    local_state_names: tuple[str, ...] = field(default=())
    global_action_names: tuple[str, ...] = field(default=())
    local_action_names: tuple[str, ...] = field(default=())
    groups: NDArray[np.int64] | None = None
    continuous: ContinuousWarehouse | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        axes = {"P_g": "s_g a_g s_g'", "P_l": "s_l s_g a_l s_l'", "r_g": "s_g a_g", "r_l": "s_l s_g a_l"}
        for array, names in axes.items():
            self._set(array, _frozen(array, getattr(self, array), names.split()))
        self._check_shapes()
        for array in ("P_g", "P_l"):
            self._set(array, _distributions(array, getattr(self, array), axes[array].split()))
        if not (isinstance(self.gamma, (int, float)) and 0.0 < self.gamma < 1.0):
            raise GameError(f"gamma is {self.gamma!r}, must be in (0, 1)")
        self._set("gamma", float(self.gamma))
        self._set("start", self._checked_start())
        if self.groups is not None:
            self._set("groups", self._checked_groups(self.groups))
        for attribute, prefix, size in (
            ("local_state_names", "zone ", self.n_local_states),
            ("global_action_names", "target ", self.n_global_actions),
            ("local_action_names", "action ", self.n_local_actions),
        ):
            names_given = tuple(getattr(self, attribute)) or tuple(f"{prefix}{i}" for i in range(size))
            if len(names_given) != size or len(set(names_given)) != size:
                raise GameError(f"{attribute} has {len(set(names_given))} distinct names, must have {size}")
            odd = next((each for each in names_given if not str(each).isprintable()), None)
            if odd is not None:
                raise GameError(f"{attribute} has {shown(str(odd))}, must be printable: names are written to terminals")
            self._set(attribute, names_given)

    def _set(self, attribute: str, value: object) -> None:
        object.__setattr__(self, attribute, value)

    def _check_shapes(self) -> None:
        S_g, A_g, S_l, A_l = (
            self.n_global_states,
            self.n_global_actions,
            self.n_local_states,
            self.n_local_actions,
        )
        for array, expected in {
            "P_g": (S_g, A_g, S_g),
            "P_l": (S_l, S_g, A_l, S_l),
            "r_g": (S_g, A_g),
            "r_l": (S_l, S_g, A_l),
        }.items():
            shape = getattr(self, array).shape
            if shape != expected:
                raise GameError(f"{array} has shape {shape}, must be {expected} to agree with P_g and P_l")
            if max(shape) > MAX_STATES:
                raise GameError(f"{array} has an axis of {max(shape)}, must be at most {MAX_STATES}")

    def _checked_start(self) -> Start:
        given = self.start or Start(np.full(self.n_global_states, 1.0 / self.n_global_states), np.ones(self.n_local_states))
        rho_g = _frozen("start.rho_g", given.rho_g, ["s_g"])
        axes = ["start", "s_l"] if np.ndim(given.alpha) == 2 else ["s_l"]
        alpha = _frozen("start.alpha", given.alpha, axes)
        for array, value, size in (("start.rho_g", rho_g, self.n_global_states), ("start.alpha", alpha, self.n_local_states)):
            if value.shape[-1:] != (size,):
                raise GameError(f"{array} has shape {value.shape}, must be ({size},)")
        rho_g = _distributions("start.rho_g", rho_g, ["s_g"])
        odd = np.argwhere(~((alpha > 0) & (alpha <= MAX_CONCENTRATION)))
        if len(odd):
            value = alpha[tuple(odd[0])]
            raise GameError(
                f"start.alpha[{_index(axes, odd[0])}] is {value:g}, must be positive and at most {MAX_CONCENTRATION:g}"
            )
        return Start(rho_g, alpha)

    def _checked_groups(self, given: ArrayLike) -> NDArray[np.int64]:
        groups = np.array(given)
        if groups.shape != (self.n_local_states,) or groups.dtype.kind not in "iu":
            raise GameError(f"groups has shape {groups.shape} of {groups.dtype}, must be ({self.n_local_states},) of integers")
        if not np.array_equal(np.unique(groups), np.arange(groups.max() + 1)):
            raise GameError(f"groups must hold every number 0..{groups.max()}")
        groups = groups.astype(np.int64)
        groups.setflags(write=False)
        return groups

    @property
    def n_global_states(self) -> int:
        """S_g, number of global states."""
        return int(self.P_g.shape[0])

    @property
    def n_global_actions(self) -> int:
        """A_g, number of global actions."""
        return int(self.P_g.shape[1])

    @property
    def n_local_states(self) -> int:
        """S_l, number of local states."""
        return int(self.P_l.shape[0])

    @property
    def n_local_actions(self) -> int:
        """A_l, number of local actions."""
        return int(self.P_l.shape[2])

    @property
    def n_groups(self) -> int:
        """G, the number of groups of local states by which the coordinator counts robots; S_l without groups."""
        return self.n_local_states if self.groups is None else int(self.groups.max()) + 1

    @property
    def initial(self) -> Start:
        """The start distribution, which every constructed game has."""
        assert self.start is not None
        return self.start

    @cached_property
    def content_hash(self) -> str:
        """A hash of 16 hexadecimal digits over every number that changes play; names do not enter."""
        continuous = "" if self.continuous is None else repr(self.continuous)
        groups = [] if self.groups is None else [self.groups]
        start = (self.initial.rho_g, self.initial.alpha)
        arrays = (self.P_g, self.P_l, self.r_g, self.r_l, np.float64(self.gamma), *start, *groups)
        return _digest("altmarl game 1" + continuous, arrays)

    @cached_property
    def dynamics_hash(self) -> str:
        """A hash of 16 hexadecimal digits over P_g, P_l and the groups, but not over rewards, discount and starts.

        Games with the same dynamics hash move in the same way: states, actions and policies of one mean the same in the
        other.
        """
        continuous = "" if self.continuous is None else repr(self.continuous.dynamics)
        groups = [] if self.groups is None else [self.groups]
        return _digest("altmarl dynamics 1" + continuous, (self.P_g, self.P_l, *groups))


def _digest(about: str, arrays: Iterable[Any]) -> str:
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        # The numbers are rounded, since exp() may differ in its last bit from one processor to the next.
        with np.errstate(over="ignore"):  # of rewards near the largest number
            rounded = np.round(np.asarray(array), 9) + 0.0
        digest.update(repr(rounded.shape).encode() + np.ascontiguousarray(rounded, dtype="<f8").tobytes())
    return digest.hexdigest()[:16]


def _frozen(name: str, values: ArrayLike, axes: list[str]) -> FloatArray:
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from None
    if given.dtype.kind not in "biuf":
        raise GameError(f"{name} is not an array of numbers: it holds {given.dtype}")
    array = np.array(given, dtype=np.float64, order="C")
    if array.ndim != len(axes) or array.size == 0:
        raise GameError(f"{name} has shape {array.shape}, must have the {len(axes)} axes [{', '.join(axes)}], none empty")
    if not np.isfinite(array).all():
        index = np.argwhere(~np.isfinite(array))[0]
        raise GameError(f"{name}[{_index(axes, index)}] is {array[tuple(index)]}, must be finite")
    array.setflags(write=False)
    return array


def _distributions(name: str, array: FloatArray, axes: list[str]) -> FloatArray:
    if (array < 0).any():
        index = np.argwhere(array < 0)[0]
        raise GameError(f"{name}[{_index(axes, index)}] is {array[tuple(index)]:g}, must not be negative")
    sums = np.atleast_1d(array.sum(axis=-1))
    wrong = np.abs(sums - 1.0) > ROW_SUM_TOLERANCE
    if wrong.any():
        index = np.argwhere(wrong)[0]
        row = f"[{_index(axes[:-1], index)}]" if array.ndim > 1 else ""
        total = float(sums[tuple(index)])
        near = f" within {ROW_SUM_TOLERANCE:g}; divide each row by its sum" if abs(total - 1.0) < 1e-2 else ""
        raise GameError(f"{name}{row} sums to {total:.9g}, not 1{near}")
    if (np.abs(sums - 1.0) > _EXACT).any():
        array = array / array.sum(axis=-1, keepdims=True)
        array.setflags(write=False)
    return array


def _index(axes: list[str], index: NDArray[np.intp]) -> str:
    return ", ".join(f"{axis}={i}" for axis, i in zip(axes, index, strict=False))
