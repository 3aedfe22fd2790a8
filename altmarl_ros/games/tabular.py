"""Defines the finite game: its transitions, rewards, discount and start.

One global agent with state s_g and n exchangeable local agents with states s_1..s_n move in discrete
time (Anand and Karmarkar, arXiv 2603.03759, section 2):

    s_g(t+1) ~ P_g(. | s_g(t), a_g(t))
    s_i(t+1) ~ P_l(. | s_i(t), s_g(t), a_i(t)),  independently for i = 1..n
    r(t)     = r_g(s_g, a_g) + (1/n) sum_i r_l(s_i, s_g, a_i)

and all agents maximise the same E sum_t gamma^t r(t). P_l and r_l may depend on a hidden state as well (module hidden), and
robots may be of several types (module robot_types).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import GameError, shown
from altmarl_ros.games.array_checks import check_values, distributions, frozen_array, index_text
from altmarl_ros.games.content_hash import game_hash
from altmarl_ros.games.continuous import ContinuousWarehouse
from altmarl_ros.games.hidden import HiddenState
from altmarl_ros.games.kernels import GlobalKernel, LocalKernel, global_kernel, local_kernel
from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.games.room import Places, Room
from altmarl_ros.games.rows import check_dense
from altmarl_ros.games.start import MAX_CONCENTRATION, Start

if TYPE_CHECKING:
    from altmarl_ros.games.sparse import Sparse

MAX_STATES = 65535
"""Largest size of a state or action set: messages carry states and actions as uint16, and 65535 for none."""

_LONGEST_NAME = 64  # characters of a game's name


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


@dataclass(frozen=True, eq=False, init=False)
class TabularGame:
    """A validated finite game; immutable, its arrays are read-only.

    Attributes:
        name: short name for people.
        global_kernel: global transitions by what is not zero.
        local_kernel: local transitions by what is not zero, once for all global states at which robots move alike.
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
        hidden: the hidden state on which local transitions and rewards depend, if any; `local_kernel` and `r_l` are then
            their averages over its long run, which is what robots do and earn to one who knows nothing of it.
        places: groups of local states that share room, such as all states at the dock; None if every state is a place.
        room: how many robots fit into each place; None if there is no limit anywhere.
        types: the types of robots, whose states are then the local states t * P + p; None if all robots are alike.
    """

    name: str
    global_kernel: GlobalKernel
    local_kernel: LocalKernel
    r_g: FloatArray
    r_l: FloatArray
    gamma: float
    start: Start | None = None
    local_state_names: tuple[str, ...] = field(default=())
    global_action_names: tuple[str, ...] = field(default=())
    local_action_names: tuple[str, ...] = field(default=())
    groups: NDArray[np.int64] | None = None
    continuous: ContinuousWarehouse | None = None
    hidden: HiddenState | None = None
    places: Places | None = None
    room: Room | None = None
    types: RobotTypes | None = None

    def __init__(
        self,
        name: str,
        P_g: ArrayLike | GlobalKernel | None = None,
        P_l: ArrayLike | LocalKernel | None = None,
        r_g: ArrayLike = (),
        r_l: ArrayLike = (),
        *,
        gamma: float,
        start: Start | None = None,
        local_state_names: tuple[str, ...] = (),
        global_action_names: tuple[str, ...] = (),
        local_action_names: tuple[str, ...] = (),
        groups: ArrayLike | None = None,
        continuous: ContinuousWarehouse | None = None,
        hidden: HiddenState | None = None,
        places: Places | None = None,
        room: Room | None = None,
        types: RobotTypes | None = None,
        global_kernel: GlobalKernel | None = None,
        local_kernel: LocalKernel | None = None,
    ) -> None:
        """Check the parts, which are named as the attributes are, and put them together.

        P_g is a table [s_g, a_g, s_g'] or a kernel, P_l a table [s_l, s_g, a_l, s_l'] or a kernel. `global_kernel` and
        `local_kernel` stand for them where they are left out, which is how `dataclasses.replace` hands them on. Without a
        start s_g is uniform and alpha is 1; names that are left out are numbered. With a hidden state P_l and r_l are its.

        Raises:
            GameError: an array breaks a rule; the message names the array, the index and the rule.
        """
        check_name(name)
        self._set("name", name)
        self._set("hidden", hidden)
        if hidden is not None:
            if continuous is not None:
                raise GameError("a game on continuous states cannot have a hidden state")
            P_l, r_l = hidden.mean_kernel(), hidden.mean_reward()
        self._set_tables(P_g if P_g is not None else global_kernel, P_l if P_l is not None else local_kernel, r_g, r_l)
        if not (isinstance(gamma, (int, float)) and 0.0 < gamma < 1.0):
            raise GameError(f"gamma is {gamma!r}, must be in (0, 1)")
        self._set("gamma", float(gamma))
        check_values("r_g", self.r_g, ("s_g", "a_g"), self.gamma)
        check_values("r_l", self.r_l, ("s_l", "s_g", "a_l"), self.gamma)
        self._set("types", types)
        if types is not None:
            self._check_types(types, groups is not None or continuous is not None)
        self._set("start", self._checked_start(start))
        self._set("groups", None if groups is None else self._checked_groups(groups))
        self._set("continuous", continuous)
        self._set_room(places, room)
        for attribute, given, prefix, size in (
            ("local_state_names", local_state_names or _names(types), "zone ", self.n_local_states),
            ("global_action_names", global_action_names, "target ", self.n_global_actions),
            ("local_action_names", local_action_names, "action ", self.n_local_actions),
        ):
            names = tuple(given) or tuple(f"{prefix}{i}" for i in range(size))
            if len(names) != size or len(set(names)) != size:
                raise GameError(f"{attribute} has {len(set(names))} distinct names, must have {size}")
            odd = next((each for each in names if not str(each).isprintable()), None)
            if odd is not None:
                raise GameError(f"{attribute} has {shown(str(odd))}, must be printable: names are written to terminals")
            self._set(attribute, names)

    def _set(self, attribute: str, value: object) -> None:
        object.__setattr__(self, attribute, value)

    def _set_tables(
        self, P_g: ArrayLike | GlobalKernel | None, P_l: ArrayLike | LocalKernel | None, r_g: ArrayLike, r_l: ArrayLike
    ) -> None:
        if P_g is None or P_l is None:
            raise GameError(f"the game {self.name!r} has no {'P_g' if P_g is None else 'P_l'}")
        moves, plant = local_kernel(P_l), global_kernel(P_g)
        self._set("r_g", frozen_array("r_g", r_g, ["s_g", "a_g"]))
        self._set("r_l", frozen_array("r_l", r_l, ["s_l", "s_g", "a_l"]))
        S_g, A_g, S_l, A_l = (*plant.shape[:2], moves.shape[0], moves.shape[2])
        for array, shape, expected in (
            ("P_g", plant.shape, (S_g, A_g, S_g)),
            ("P_l", moves.shape, (S_l, S_g, A_l, S_l)),
            ("r_g", self.r_g.shape, (S_g, A_g)),
            ("r_l", self.r_l.shape, (S_l, S_g, A_l)),
        ):
            if shape != expected:
                raise GameError(f"{array} has shape {shape}, must be {expected} to agree with P_g and P_l")
            if max(shape) > MAX_STATES:
                raise GameError(f"{array} has an axis of {max(shape)}, must be at most {MAX_STATES}")
        self._set("global_kernel", plant if isinstance(plant, GlobalKernel) else GlobalKernel.from_dense(plant))
        self._set("local_kernel", moves if isinstance(moves, LocalKernel) else LocalKernel.from_dense(moves))

    def _check_types(self, types: RobotTypes, is_grouped: bool) -> None:
        if len(types) * types.n_places != self.n_local_states:
            raise GameError(
                f"{len(types)} types of robots with {types.n_places} places each need {len(types) * types.n_places} local "
                f"states, and the game {self.name!r} has {self.n_local_states}"
            )
        if is_grouped:
            raise GameError(f"the game {self.name!r} has groups of states, and types of robots are for games without")
        if any(
            (kernel.rows.indices // types.n_places != kernel.rows.row_of % self.n_local_states // types.n_places).any()
            for kernel in (self.local_kernel, *(() if self.hidden is None else (self.hidden.local_kernel,)))
        ):
            raise GameError("P_l leads a robot of one type to a state of another; types never change")

    def _set_room(self, places: Places | None, room: Room | None) -> None:
        for what, given in (("places", places), ("room", None if room is None else room.places)):
            if given is not None and len(given.of) != self.n_local_states:
                raise GameError(f"{what}: given for {len(given.of)} local states, must be for {self.n_local_states}")
        if room is not None and self.continuous is not None:
            raise GameError(f"the game {self.name!r} has continuous states, and room is for robots in distinct places")
        self._set("places", places)
        self._set("room", room)

    def _checked_start(self, start: Start | None) -> Start:
        given = start or Start(np.full(self.n_global_states, 1.0 / self.n_global_states), np.ones(self.n_local_states))
        rho_g = frozen_array("start.rho_g", given.rho_g, ["s_g"])
        axes = ["start", "s_l"] if np.ndim(given.alpha) == 2 else ["s_l"]
        alpha = frozen_array("start.alpha", given.alpha, axes)
        for array, value, size in (("start.rho_g", rho_g, self.n_global_states), ("start.alpha", alpha, self.n_local_states)):
            if value.shape[-1:] != (size,):
                raise GameError(f"{array} has shape {value.shape}, must be ({size},)")
        rho_g = distributions("start.rho_g", rho_g, ["s_g"])
        odd = np.argwhere(~((alpha > 0) & (alpha <= MAX_CONCENTRATION)))
        if len(odd):
            value = alpha[tuple(odd[0])]
            raise GameError(
                f"start.alpha[{index_text(axes, odd[0])}] is {value:g}, must be positive and at most {MAX_CONCENTRATION:g}"
            )
        if self.types is not None and alpha.ndim == 2:
            raise GameError("start.alpha has several concentrations, and a game with types of robots has one for each type")
        return Start(rho_g, alpha, None if self.hidden is None else self.hidden.rho_d, self.types)

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
        return self.global_kernel.shape[0]

    @property
    def n_global_actions(self) -> int:
        """A_g, number of global actions."""
        return self.global_kernel.shape[1]

    @property
    def n_local_states(self) -> int:
        """S_l, number of local states."""
        return self.local_kernel.shape[0]

    @property
    def n_local_actions(self) -> int:
        """A_l, number of local actions."""
        return self.local_kernel.shape[2]

    @property
    def n_places(self) -> int:
        """P, the number of local states of a robot of one type; S_l without types."""
        return self.n_local_states if self.types is None else self.types.n_places

    @property
    def place_names(self) -> tuple[str, ...]:
        """One name for each local state of a robot of one type."""
        return self.local_state_names if self.types is None else self.types.place_names

    @property
    def n_groups(self) -> int:
        """G, the number of groups of local states by which the coordinator counts robots; S_l without groups."""
        return self.n_local_states if self.groups is None else int(self.groups.max()) + 1

    @property
    def n_hidden_states(self) -> int:
        """D, the number of hidden states; 1 in a game without one."""
        return 1 if self.hidden is None else len(self.hidden)

    def check_alike(self, what: str) -> None:
        """Raise GameError, which tells `what` is asked for, if the game has types of robots."""
        if self.types is not None:
            raise GameError(f"{what} is for robots that are alike, and {self.name!r} has {len(self.types)} types of them")

    def check_seen(self, what: str) -> None:
        """Raise GameError, which tells `what` is asked for, if the game has a hidden state."""
        if self.hidden is not None:
            raise GameError(f"{what} is for games without a hidden state, and {self.name!r} has one")

    @property
    def initial(self) -> Start:
        """The start distribution, which every constructed game has."""
        assert self.start is not None
        return self.start

    @cached_property
    def P_g(self) -> FloatArray:
        """Global transitions as a dense array [s_g, a_g, s_g'], made when it is first used.

        Raises:
            ResourceError: it would fill more than 1 GiB.
        """
        check_dense(f"P_g of the game {self.name!r}", self.global_kernel.shape)
        return _read_only(self.global_kernel.rows.dense().reshape(self.global_kernel.shape))

    @cached_property
    def P_l(self) -> FloatArray:
        """Local transitions as a dense array [s_l, s_g, a_l, s_l'], made when it is first used.

        Raises:
            ResourceError: it would fill more than 1 GiB.
        """
        check_dense(f"P_l of the game {self.name!r}", self.local_kernel.shape)
        table = np.empty(self.local_kernel.shape)
        for s_l, block in enumerate(self.local_kernel.blocks()):
            table[s_l] = block
        return _read_only(table)

    def under(self, pi_l: FloatArray) -> tuple[list[Sparse], FloatArray]:
        """Kernels P_pi of every global state, [s_l, s_l'] each, and rewards r_pi [s_g, s_l], of a policy [s_l, s_g, a_l].

        With a hidden state they are those of (d, s_l), see `HiddenState.joint`.

        Sums over actions are taken action by action, so that every machine gets the same numbers.

        Raises:
            GameError: the policy has another shape.
        """
        if pi_l.shape != self.r_l.shape:
            raise GameError(f"the local policy has shape {pi_l.shape}, must be {self.r_l.shape}")
        by_regime = self.in_regimes(pi_l)
        return by_regime if self.hidden is None else self.hidden.joint(*by_regime)

    def in_regimes(self, pi_l: FloatArray) -> tuple[list[Sparse], FloatArray]:
        """Kernels of every regime d * S_g + s_g, [s_l, s_l'] each, and rewards [regime, s_l], of a policy [s_l, s_g, a_l].

        Without a hidden state regimes are the global states.
        """
        if self.hidden is None:
            return _under(self.local_kernel, self.r_l, pi_l)
        return _under(self.hidden.local_kernel, self.hidden.r_l, np.tile(pi_l, (1, len(self.hidden), 1)))

    @cached_property
    def content_hash(self) -> str:
        """A hash of 16 hexadecimal digits over every number that changes play; names do not enter."""
        continuous = "" if self.continuous is None else repr(self.continuous)
        about, optional = self._optional_parts()
        arrays = [self.r_g, self.r_l, np.float64(self.gamma), self.initial.rho_g, self.initial.alpha, *optional]
        if self.types is not None:
            arrays.append(self.types.shares)
        if self.hidden is None:
            return game_hash("altmarl game 1" + about + continuous, (self.global_kernel, self.local_kernel), arrays)
        arrays += [self.hidden.P_d, self.hidden.rho_d, self.hidden.r_l]
        return game_hash("altmarl hidden game 1" + about, (self.global_kernel, self.hidden.local_kernel), arrays)

    @cached_property
    def dynamics_hash(self) -> str:
        """A hash of 16 hexadecimal digits over P_g, P_l, groups and room, but not over rewards, discount and starts.

        Games with the same dynamics hash move in the same way: states, actions and policies of one mean the same in the
        other.
        """
        continuous = "" if self.continuous is None else repr(self.continuous.dynamics)
        about, optional = self._optional_parts()
        if self.hidden is None:
            return game_hash("altmarl dynamics 1" + about + continuous, (self.global_kernel, self.local_kernel), optional)
        parts = [*optional, self.hidden.P_d]
        return game_hash("altmarl hidden dynamics 1" + about, (self.global_kernel, self.hidden.local_kernel), parts)

    def _optional_parts(self) -> tuple[str, list[NDArray[np.generic]]]:
        # What enters the hashes of games that have it, and leaves those of others as they are.
        groups: list[NDArray[np.generic]] = [] if self.groups is None else [self.groups]
        kinds = "" if self.types is None else f" types {len(self.types)}"
        if self.room is None:
            return kinds, groups
        return kinds + " room", [*groups, self.room.places.of, self.room.amount, self.room.is_share.astype(np.float64)]


def _under(kernel: LocalKernel, r_l: FloatArray, pi_l: FloatArray) -> tuple[list[Sparse], FloatArray]:
    from altmarl_ros.games.sparse import mixture

    kernels, known = [], {}
    for s_g, kind in enumerate(kernel.moves_at):
        weights = np.ascontiguousarray(pi_l[:, s_g].T)  # [a_l, s_l]
        key = (int(kind), weights.tobytes())
        if key not in known:
            known[key] = mixture(kernel.moves[kind], weights)
        kernels.append(known[key])
    reward = np.zeros(r_l.shape[:2])
    for a_l in range(r_l.shape[2]):
        reward += pi_l[:, :, a_l] * r_l[:, :, a_l]
    return kernels, np.ascontiguousarray(reward.T)


def _names(types: RobotTypes | None) -> tuple[str, ...]:
    return () if types is None else types.state_names()


def _read_only(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array
