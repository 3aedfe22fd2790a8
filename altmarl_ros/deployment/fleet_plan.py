"""The plan of a fleet: which processes to start with which parameters, for the command line and for the launch files."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Mapping, Union

from typing_extensions import Literal, get_args

from altmarl_ros.deployment import parameter_files
from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame, load_workplace, tick_of
from altmarl_ros.observation import DEFAULT_MODEL, MODEL_NAMES
from altmarl_ros.protocol.link_model import Network
from altmarl_ros.resources import share_directory

ParameterValue = Union[bool, int, float, str]

_LEASE = 3  # tick periods of silence after which the standby takes over
_HELLOS_PER_SECOND = 1000.0
_CROWD_HELLOS_PER_SECOND = 100_000.0  # since one hello of a crowd stands for thousands of robots
_ROBOTS_PER_PROCESS = 250
_ANSWER_TIME = 0.06  # s; robots command every 0.05 s, and one whose computer is its own is no more behind
_COMPILATION = 90.0  # s that local planner and simulated floor take to compile at their first use on a machine
_SILENT_TICKS = 3  # tick periods of silence after which robots with wheels stop

_PREFIX = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)+")

Backend = Literal["markov", "physical", "real"]
"""What the robots move in: a Markov world, a simulated floor (physical), or the real one by their own bases."""

BACKENDS: tuple[Backend, ...] = get_args(Backend)

LinkKind = Literal["dds", "zenoh"]
"""What connects robots and coordinator: one ROS network (dds), or thin links between one of each robot's own (zenoh)."""

LINK_KINDS: tuple[LinkKind, ...] = get_args(LinkKind)

DEFAULT_PERIOD = 0.5
"""Default tick period of the Markov world [s]."""

DEFAULT_PREFIX = "/fleet"
"""Default prefix of the fleet-wide topics."""

MOST_NODES = 2000
"""Largest number of robots with a node each."""

MOST_ROBOTS = 100_000
"""Largest number of robots of a crowd."""

MOST_LINKED = 80
"""Largest number of robots with a ROS domain each, of which a machine has about a hundred."""


@dataclass(frozen=True)
class NodePlan:
    """One process to start.

    Attributes:
        name: name of the process, and of its log file.
        executable: name of the installed executable.
        parameters: override those of the parameter files.
        ros_name: fully qualified name of the node; empty: the name of the process, in no namespace.
        remappings: of its topics.
        parameter_files: read at the start; later ones override earlier ones.
        environment: variables that are set for this process alone.
    """

    name: str
    executable: str
    parameters: Mapping[str, ParameterValue]
    ros_name: str = ""
    remappings: Mapping[str, str] = field(default_factory=dict)
    parameter_files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Namespace of the node."""
        return self.ros_name.rpartition("/")[0] or "/"

    @property
    def node_name(self) -> str:
        """Name of the node in its namespace."""
        return self.ros_name.rpartition("/")[2] or self.name


@dataclass(frozen=True)
class FleetPlan:
    """A simulated fleet, or robots with their own bases, to be started on one machine.

    Attributes:
        game: built-in name or YAML file.
        policy: policy bundle.
        robots: number of robots.
        k: reports per tick.
        model: observation model.
        period: tick period [s].
        processes: number of processes that share the robots; 0: two, or more where one would have over 250 nodes.
        crowd: whether the vectorised `crowd` simulates all robots, in place of `world` and `robots`.
        seed: of all random numbers.
        ticks: number of ticks after which the coordinator stops ticking; 0: it never does.
        start_timeout: longest wait of tick 0 for the robots [s].
        state_file: file in which the coordinator keeps s_g over a restart; empty: none.
        use_sim_time: whether nodes follow /clock.
        standby: whether a second coordinator takes over when the first falls silent.
        trainer: whether a trainer is started, which learns new policies when it is asked to.
        network: simulated faults between coordinator and robots; none with a crowd.
        backend: what the robots move in.
        real_time_factor: speed of a simulated floor, whose clock the nodes follow, over real time; 0: as fast as the
            robots steer.
        crew: who sends the crew of a simulated floor in a game of work: the coordinator, or what else `physical_world`
            offers.
        floor_game: game whose rates of loads and batteries a simulated floor has, where `game` holds identified ones; empty:
            `game`.
        visualization: whether markers are published for RViz and Foxglove.
        fleet_prefix: prefix of the fleet-wide topics; with another one than `DEFAULT_PREFIX`, all nodes, the world's topics and
            the simulated clock are below it as well, so that fleets of several prefixes share one ROS domain.
        types: name and number of robots of each type, which get successive ids in this order; empty in a game without types.
        link: what connects robots and coordinator; with zenoh each robot has a process and a ROS domain of its own.
        params_file: ROS parameter file for all nodes, such as the floor's model of a robot; what the plan itself sets
            overrides it. None: none.
    """

    game: str
    policy: Path
    robots: int = 30
    k: int = 5
    model: str = DEFAULT_MODEL
    period: float = DEFAULT_PERIOD
    processes: int = 0
    crowd: bool = False
    seed: int = 0
    ticks: int = 0
    start_timeout: float = 20.0
    state_file: str = ""
    use_sim_time: bool = False
    standby: bool = False
    trainer: bool = False
    network: Network = field(default_factory=Network)
    backend: Backend = "markov"
    real_time_factor: float = 1.0
    crew: str = "coordinator"
    floor_game: str = ""
    visualization: bool = False
    fleet_prefix: str = DEFAULT_PREFIX
    types: tuple[tuple[str, int], ...] = ()
    link: LinkKind = "dds"
    params_file: Path | None = None

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.fleet_prefix):
            raise AltmarlError(
                f"fleet_prefix is {self.fleet_prefix!r}, must be names of letters, digits and _ such as /fleet_2"
            )
        for name, least in (("robots", 1), ("k", 0), ("processes", 0), ("seed", 0), ("ticks", 0)):
            if getattr(self, name) < least:
                raise AltmarlError(f"{name} is {getattr(self, name)}, must be at least {least}")
        most = MOST_ROBOTS if self.crowd else MOST_NODES
        if self.robots > most:
            raise AltmarlError(f"robots is {self.robots}, must be at most {most}" + ("" if self.crowd else " without a crowd"))
        if self.model not in MODEL_NAMES:
            raise AltmarlError(f"observation model {self.model!r} is unknown; known are {', '.join(MODEL_NAMES)}")
        if not self.period > 0:
            raise AltmarlError(f"period is {self.period}, must be positive")
        if self.backend not in BACKENDS:
            raise AltmarlError(f"backend {self.backend!r} is unknown; known are {', '.join(BACKENDS)}")
        if self.crowd and self.backend != "markov":
            raise AltmarlError(f"backend is {self.backend}, must be markov with a crowd: its robots have no wheels")
        if self.link not in LINK_KINDS:
            raise AltmarlError(f"link {self.link!r} is unknown; known are {', '.join(LINK_KINDS)}")
        if self.link == "zenoh" and (self.crowd or self.backend != "markov"):
            raise AltmarlError("link is zenoh, must be dds with a crowd or robots on wheels: simulated floors have no links")
        if self.link == "zenoh" and self.robots > MOST_LINKED:
            raise AltmarlError(f"robots is {self.robots}, must be at most {MOST_LINKED} with links: a ROS domain for each")
        if not 0.0 <= self.real_time_factor <= 1000.0:
            raise AltmarlError(f"real_time_factor is {self.real_time_factor}, must be in 0..1000")
        if self.params_file is not None:
            parameter_files.load(self.params_file)
        if self.types and sum(robots for _, robots in self.types) != self.robots:
            raise AltmarlError(f"types have {sum(robots for _, robots in self.types)} robots, must have {self.robots} in all")
        if self.crowd and not self.network.perfect:
            raise AltmarlError(
                f"network is {self.network}, must be perfect with a crowd: only robot nodes have links of their own"
            )

    @property
    def coordinators(self) -> frozenset[str]:
        """Names of the coordinators' processes, of which at least one must live."""
        return frozenset({"coordinator", "standby"} if self.standby else {"coordinator"})

    @property
    def world(self) -> str:
        """Name of the world's process, without which the fleet cannot go on; empty: there is none."""
        return "crowd" if self.crowd else {"markov": "world", "physical": "physical_world", "real": ""}[self.backend]

    @property
    def namespace(self) -> str:
        """Namespace of all nodes: the prefix of a fleet that shares its ROS domain with others; else empty, the root."""
        return "" if self.fleet_prefix == DEFAULT_PREFIX else self.fleet_prefix

    @property
    def world_prefix(self) -> str:
        """Prefix of the simulated world's topics."""
        return f"{self.namespace}/world"

    @property
    def essential(self) -> tuple[frozenset[str], ...]:
        """Groups of processes, of each of which one must live, or the fleet cannot go on: the coordinators, and the world."""
        return (self.coordinators, frozenset({self.world})) if self.world else (self.coordinators,)

    def nodes(self) -> list[NodePlan]:
        """Return the processes: world and robots, or a crowd; the coordinator comes last, since it begins the episode."""
        simulated = self.use_sim_time or self.backend == "physical"
        common: dict[str, ParameterValue] = {
            "game": self.game,
            "use_sim_time": simulated,
            "fleet_prefix": self.fleet_prefix,
        }
        plans = self._crowd(common) if self.crowd else self._robots(common)
        coordinator: dict[str, ParameterValue] = {
            "policy.file": str(self.policy),
            "sampling.k": self.k,
            "sampling.model": self.model,
            "sampling.seed": self.seed,
            "tick.period": float(self.period),
            "tick.limit": self.ticks,
            "start.robots": self.robots,
            "start.timeout": max(float(self.start_timeout), _COMPILATION if self.backend == "physical" else 0.0),
            "state_file": self.state_file,
        }
        if self.backend == "physical" and load_workplace(self.game) is not None:
            coordinator["plant.kind"] = "external"  # the simulated floor drives the crew
        if self.trainer:
            own: dict[str, ParameterValue] = {"seed": self.seed, "coordinator": f"{self.namespace}/coordinator"}
            plans.append(NodePlan("trainer", "trainer", {**common, **own}))
        if self.visualization:
            plans.append(NodePlan("visualization", "visualization", {**common, "world_prefix": self.world_prefix}))
        if self.standby:
            coordinator["failover.lease"] = self.lease
            second = {**coordinator, "standby": True, "failover.rank": 1, "state_file": ""}
            plans.append(NodePlan("standby", "coordinator", {**common, **second}, "/standby/coordinator"))
        plans.append(NodePlan("coordinator", "coordinator", {**common, **coordinator}))
        files = (share_directory() / "config" / "params" / "sim_fleet.yaml", *([self.params_file] if self.params_file else []))
        return [replace(self._below_prefix(plan), parameter_files=files) for plan in plans]

    @property
    def lease(self) -> float:
        """Silence of the coordinator after which the standby takes over, and robots and world follow it [s]."""
        return _LEASE * float(self.period)

    def _below_prefix(self, plan: NodePlan) -> NodePlan:
        if not self.namespace:
            return plan
        name = plan.ros_name or f"/{plan.name}"
        return replace(
            plan, ros_name=self.namespace + name, remappings={**plan.remappings, "/clock": f"{self.namespace}/clock"}
        )

    def _following(self) -> dict[str, ParameterValue]:
        """Return the parameters of those who follow a coordinator in a simulated world."""
        followed: dict[str, ParameterValue] = {"coordinator.lease": self.lease} if self.standby else {}
        has_world = not self.crowd and self.backend != "real"
        return {**followed, "world_prefix": self.world_prefix} if has_world else followed

    @property
    def robot_processes(self) -> int:
        """Number of processes that share the robots."""
        if self.crowd:
            return 1
        if self.link == "zenoh":
            return self.robots
        return min(self.processes or max(2, -(-self.robots // _ROBOTS_PER_PROCESS)), self.robots)

    def _crowd(self, common: Mapping[str, ParameterValue]) -> list[NodePlan]:
        window = self.robots / _CROWD_HELLOS_PER_SECOND
        own = {"count": self.robots, "seed": self.seed, "join_window": window}
        return [NodePlan("crowd", "crowd", {**common, **self._following(), **own})]

    def _worlds(self, common: Mapping[str, ParameterValue]) -> list[NodePlan]:
        if self.backend == "markov":
            return [NodePlan("world", "world", {**common, **self._following(), "seed": self.seed})]
        if self.backend == "real":
            return []
        own: dict[str, ParameterValue] = {
            "game": self.floor_game or self.game,
            "count": self.robots,
            "seed": self.seed,
            "real_time_factor": float(self.real_time_factor),
            "crew": self.crew,
            "stamped_commands": True,  # by the stamps the world knows how far behind robots are
            "answer_time": _ANSWER_TIME,
            "fleet_prefix": self.fleet_prefix,
            **self._following(),
        }
        return [NodePlan("physical_world", "physical_world", own)]

    def _robots(self, common: Mapping[str, ParameterValue]) -> list[NodePlan]:
        plans = self._worlds(common)
        window = self.robots / _HELLOS_PER_SECOND
        faults: dict[str, ParameterValue] = {f"network.{name}": value for name, value in asdict(self.network).items()}
        wheels = wheel_parameters(self.backend, self.period)
        if self.backend == "physical":
            wheels["drive.stamped"] = True
        first = 0
        for i, (count, robot_type) in enumerate(self._shared_out()):
            own: dict[str, ParameterValue] = {"first_id": first, "count": count, "seed": self.seed, "join_window": window}
            if robot_type:
                own["robot.type"] = robot_type
            plans.append(NodePlan(f"robots_{i}", "robots", {**common, **self._following(), **faults, **wheels, **own}))
            first += count
        return plans

    def _shared_out(self) -> list[tuple[int, str]]:
        """The number of robots of each process, and the name of their type; robots of a process are of one type."""
        processes = self.robot_processes
        if not self.types:
            return [(self.robots // processes + (i < self.robots % processes), "") for i in range(processes)]
        shares = []
        for name, robots in self.types:
            own = min(robots, max(1, round(processes * robots / self.robots))) if robots else 0
            shares += [(robots // own + (i < robots % own), name) for i in range(own)]
        return shares


def types_in_fleet(game: TabularGame, robots: int) -> tuple[tuple[str, int], ...]:
    """Name and number of robots of each type in a fleet of so many; empty in a game without types."""
    if game.types is None:
        return ()
    return tuple(zip(game.types.names, game.types.numbers(robots).tolist(), strict=True))


def wheel_parameters(backend: Backend, period: float) -> dict[str, ParameterValue]:
    """Return the parameters that robots with wheels need for a tick period [s]; a simulated floor gives poses in the map."""
    if backend == "markov":
        return {}
    wheels: dict[str, ParameterValue] = {"body": "drive", "timeout.tick": _SILENT_TICKS * float(period)}
    if backend == "physical":
        wheels["diagnostics.grace"] = _COMPILATION
        wheels |= {"pose.source": "pose_with_covariance", "pose.odometry": "odom", "frame_prefix": "robot_{id}/"}
    return wheels


def find_period(given: float | None, game: str, backend: str) -> float:
    """Return the tick period [s]: the given one, else half a second, or for robots with wheels the game's own.

    Raises:
        AltmarlError: none is given, and the game does not say how long robots with wheels need.
    """
    if given is not None:
        return given
    if backend == "markov":
        return DEFAULT_PERIOD
    tick = tick_of(game)
    if tick is None:
        raise AltmarlError(f"game {game!r} does not say how long a tick takes: give the period, time enough for a move")
    return tick
