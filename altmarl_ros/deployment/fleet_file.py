"""Reads fleet files: a fleet of physical robots in one YAML file, types with their defaults and robots with what differs.

    game: hall                            # a built-in name, or a file beside this one
    policy: hall.npz                      # learned for it; without one it is trained before the first start
    fleet_prefix: /fleet
    coordinator:                          # its parameters
      sampling.k: 4
    types:
      turtlebot4:
        parameters: {drive.stamped: true, limits.forward: 0.3}
        remappings: {cmd_vel: cmd_vel_unstamped}
    robots:                               # each lives in the namespace of its name
      robot_1: {id: 1, type: turtlebot4}
      robot_2: {id: 2, type: turtlebot4, enabled: false, parameters: {limits.forward: 0.2}}
    link:                                 # without it: one ROS network
      kind: zenoh
      connect: [192.168.1.10, 192.168.1.11]   # of the coordinator's link, and of its standby's
      tls: {keys: keys, coordinator: dispatch}

Parameters are those of the nodes, with dots or as nested mappings; the nodes' own tables say which there are. A robot's
parameters override its type's. In a game with types of robots, a robot is of the game's type that has the name of its type
here, unless its parameter `robot.type` says another. `{name}` and `{id}` in texts stand for the robot's name and id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from pydantic import BaseModel, Field

from altmarl_ros.deployment.fleet_plan import LinkKind, ParameterValue, find_period
from altmarl_ros.errors import AltmarlError, GameError
from altmarl_ros.games import TabularGame, load_game
from altmarl_ros.games.documents import read_yaml, validated
from altmarl_ros.policies.bundle import default_path

NOBODY = "none"
"""Chooses no robot where names of robots are expected."""

_NAMESPACE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
_MOST_ID = 2**32 - 1


class _Type(BaseModel, extra="forbid"):
    # Dict and Optional of typing, since pydantic 1 evaluates these annotations on Python 3.10 too.
    parameters: Dict[str, Any] = Field(default_factory=dict)
    remappings: Dict[str, str] = Field(default_factory=dict)


class _Robot(_Type, extra="forbid"):
    id: int = Field(..., ge=0, le=_MOST_ID)
    type: Optional[str] = None
    enabled: bool = True
    domain: Optional[int] = Field(default=None, ge=0, le=232)


class _Tls(BaseModel, extra="forbid"):
    keys: str = ""
    coordinator: str = "coordinator"


class _Link(BaseModel, extra="forbid"):
    kind: LinkKind = "dds"
    listen: List[str] = Field(default_factory=lambda: ["0.0.0.0"])
    connect: List[str] = Field(default_factory=list)
    datagrams: bool = False
    policy_rate: float = Field(default=0.0, ge=0.0)
    tls: _Tls = Field(default_factory=_Tls)


class _Fleet(BaseModel, extra="forbid"):
    game: str = Field(..., min_length=1)
    policy: str = ""
    fleet_prefix: str = "/fleet"
    coordinator: Dict[str, Any] = Field(default_factory=dict)
    types: Dict[str, _Type] = Field(default_factory=dict)
    robots: Dict[str, _Robot]
    link: _Link = Field(default_factory=_Link)


@dataclass(frozen=True)
class Member:
    """One robot of the fleet.

    Attributes:
        name: its namespace, without the leading slash.
        id: its number, unique in the fleet.
        type: name of its type; empty: none.
        enabled: whether it takes part.
        parameters: of its node, by their full names; its own override its type's.
        remappings: of its node's topics.
        domain: its ROS domain, where links connect it to the coordinator; None: the user's own.
    """

    name: str
    id: int
    type: str
    enabled: bool
    parameters: Mapping[str, ParameterValue]
    remappings: Mapping[str, str]
    domain: int | None = None


@dataclass(frozen=True)
class LinkSettings:
    """What connects the robots of a fleet to its coordinator.

    Attributes:
        kind: one ROS network (dds), or thin links between one of each robot's own (zenoh).
        listen: where the coordinator's link listens.
        connect: where robots dial, in order: the coordinator's link, and those of its standbys.
        keys: folder of the keys; None: the one in the data home.
        coordinator: name in the coordinator's certificate; a robot's is the robot's own.
        datagrams: whether ticks and reports cross by datagram.
        policy_rate: at which policies are handed out [B/s]; 0: to all robots at once.
    """

    kind: LinkKind = "dds"
    listen: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()
    keys: Path | None = None
    coordinator: str = "coordinator"
    datagrams: bool = False
    policy_rate: float = 0.0


@dataclass(frozen=True)
class FleetFile:
    """The content of a fleet file.

    Attributes:
        path: of the file.
        game: built-in name, or path of a YAML file.
        policy: path of the bundle; None: the one that is kept for the game.
        fleet_prefix: prefix of the fleet-wide topics.
        coordinator: the coordinator's parameters by their full names.
        members: all robots, also those that are not enabled.
        link: what connects them to the coordinator.
    """

    path: Path
    game: str
    policy: Path | None
    fleet_prefix: str
    coordinator: Mapping[str, ParameterValue]
    members: tuple[Member, ...]
    link: LinkSettings = LinkSettings()

    @property
    def enabled(self) -> tuple[Member, ...]:
        """Return the robots that take part."""
        return tuple(member for member in self.members if member.enabled)

    @property
    def policy_path(self) -> Path:
        """Path of the bundle: the one in the file, or the one where a bundle trained for the game is kept."""
        return self.policy or default_path(self.tabular)

    @cached_property
    def tabular(self) -> TabularGame:
        """The game, loaded once."""
        return load_game(self.game)

    @cached_property
    def period(self) -> float:
        """The tick period [s]: the one in the file, else the game's own.

        Raises:
            AltmarlError: neither says it.
        """
        given = self.coordinator.get("tick.period")
        return find_period(float(given) if isinstance(given, (int, float)) else None, self.game, "real")

    def choose(self, only: str = "") -> tuple[Member, ...]:
        """Return the robots with these names (separated by commas); empty: all enabled ones; `none`: no robot.

        Raises:
            AltmarlError: there is no such robot, or it is not enabled.
        """
        by_name = {member.name: member for member in self.members}
        if not only.strip():
            return self.enabled
        chosen = []
        for name in [] if only.strip() == NOBODY else [name.strip() for name in only.split(",")]:
            if name not in by_name:
                raise AltmarlError(f"{self.path}: no robot {name!r}; robots are {', '.join(by_name)}")
            if not by_name[name].enabled:
                raise AltmarlError(f"{self.path}: robot {name!r} is not enabled")
            chosen.append(by_name[name])
        return tuple(chosen)


def load_fleet_file(path: Path) -> FleetFile:
    """Read a fleet file.

    Raises:
        AltmarlError: one line that names the file, the key, and the rule it breaks.
    """
    try:
        fleet: _Fleet = validated(_Fleet, read_yaml(path), "")
        members = tuple(_member(name, robot, fleet.types) for name, robot in fleet.robots.items())
        _check_unique(members)
        coordinator = _flatten(fleet.coordinator, "coordinator", {})
        link = _link(fleet.link, path.parent, members)
    except GameError as error:
        raise AltmarlError(f"{path}: {error}") from None
    game = fleet.game
    if Path(game).suffix in (".yaml", ".yml"):
        game = str((path.parent / game).absolute())
    policy = (path.parent / fleet.policy).absolute() if fleet.policy else None
    return FleetFile(path, game, policy, fleet.fleet_prefix, coordinator, members, link)


def _flatten(nested: Mapping[str, Any], where: str, words: Mapping[str, object], prefix: str = "") -> dict[str, ParameterValue]:
    """Return nested parameters by their full names; `{word}` in a text is replaced by its value in `words`.

    Raises:
        GameError: a key, named with `where` before it, has a value that no parameter can have, or stands twice.
    """
    flat: dict[str, ParameterValue] = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            inner = _flatten(value, where, words, f"{name}.")
        elif isinstance(value, str):
            inner = {name: _filled(value, words)}
        elif isinstance(value, (bool, int, float)):
            inner = {name: value}
        else:
            raise GameError(f"{where}.{name} must be a text, a number, true or false, is {type(value).__name__}")
        twice = next((each for each in inner if each in flat), None)
        if twice is not None:
            raise GameError(f"{where}.{twice} stands twice")
        flat |= inner
    return flat


def _filled(text: str, words: Mapping[str, object]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", str(value))
    return text


def _member(name: str, robot: _Robot, types: Mapping[str, _Type]) -> Member:
    if not _NAMESPACE.fullmatch(name):
        raise GameError(f"robots.{name!r} must be a namespace: letters, digits and _, not beginning with a digit")
    if robot.type is not None and robot.type not in types:
        raise GameError(f"robots.{name}.type is {robot.type!r}; types are {', '.join(types) or 'none'}")
    words = {"name": name, "id": robot.id}
    common = types[robot.type] if robot.type is not None else _Type()
    parameters = {
        **_flatten(common.parameters, f"types.{robot.type}.parameters", words),
        **_flatten(robot.parameters, f"robots.{name}.parameters", words),
    }
    remappings = {topic: _filled(other, words) for topic, other in {**common.remappings, **robot.remappings}.items()}
    return Member(name, robot.id, robot.type or "", robot.enabled, parameters, remappings, robot.domain)


def _link(link: _Link, folder: Path, members: tuple[Member, ...]) -> LinkSettings:
    """Check the link of a fleet whose file is in this folder.

    Raises:
        GameError: an endpoint or a name is none, or robots have no endpoint to dial.
    """
    keys = (folder / link.tls.keys).absolute() if link.tls.keys else None
    if link.kind == "zenoh":
        # Every node imports this module, and few fleets have links, whose certificates take longer to import than all of it.
        from altmarl_ros.links.endpoints import read_endpoint, split_endpoint
        from altmarl_ros.links.identity import check_file_name

        try:
            for endpoint in (*link.listen, *link.connect):
                read_endpoint(endpoint)
            for endpoint in link.listen if link.datagrams else ():
                split_endpoint(endpoint)
            for name in (link.tls.coordinator, *(member.name for member in members)):
                check_file_name(name)
        except AltmarlError as error:
            raise GameError(f"link: {error}") from None
        own = [member.domain for member in members if member.domain is not None]
        if len(set(own)) < len(own):
            raise GameError("robots: two of them have the same domain")
        if not link.connect:
            raise GameError("link.connect: names no endpoint, at which robots reach the coordinator's link")
    return LinkSettings(
        link.kind,
        tuple(link.listen),
        tuple(link.connect),
        keys,
        link.tls.coordinator,
        datagrams=link.datagrams,
        policy_rate=link.policy_rate,
    )


def _check_unique(members: tuple[Member, ...]) -> None:
    if any(member.name == NOBODY for member in members):
        raise GameError(f"robots.{NOBODY}: is no name for a robot, it stands for no robot")
    if not any(member.enabled for member in members):
        raise GameError("robots: none is enabled")
    first: dict[int, str] = {}
    for member in members:
        if member.id in first:
            raise GameError(f"robots.{member.name}.id is {member.id}, which {first[member.id]} has")
        first[member.id] = member.name
