"""What is recorded of a tick, of a floor and of a configuration, one row of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from altmarl_ros.protocol.standby import Handover


@dataclass(frozen=True)
class StatusRow:
    """The fields of a coordinator's status of one tick that are recorded.

    Attributes:
        stamp: time of the status [s, the coordinator's clock].
        session, tick: session and number of the tick.
        policy_id: id of the policy in force.
        global_state, global_action: s_g(t) and a_g(t).
        asked, heard: number of robots polled by the first broadcast, and of accepted reports.
        rung: number of reports for which the deciding policy was learned.
        report_bytes: what the reports cost on the wire [B].
        latency: time from broadcast to decision [s].
        live: number of robots in the draw.
        sampling_error: largest standard deviation of an estimated share.
        estimate: estimated share of robots per local state [S_l].
        answers: the accepted reports, (robot id, local state), in the order in which they came.
        belief: probability of each hidden state [D]; empty in a game without one, and in records from before there were any.
        returned: local states of the robots that operators gave back since the tick before.
        operated: robots in an operator's hand, (robot id, number of a `Control`, operator's name).
        evidence: weights of the hidden states that others told and that counted in this tick [D]; empty: none.
    """

    stamp: float
    session: int
    tick: int
    policy_id: int
    global_state: int
    global_action: int
    asked: int
    heard: int
    rung: int
    report_bytes: int
    latency: float
    live: int
    sampling_error: float
    estimate: tuple[float, ...]
    answers: tuple[tuple[int, int], ...] = ()
    belief: tuple[float, ...] = ()
    returned: tuple[int, ...] = ()
    operated: tuple[tuple[int, int, str], ...] = ()
    evidence: tuple[float, ...] = ()


@dataclass(frozen=True)
class FloorRow:
    """The places of all robots of a simulated floor at one time.

    Attributes:
        time: simulated time [s].
        factor: simulated seconds per second, averaged over the last seconds.
        contacts: number of contacts so far.
        places: x and y of each robot [m; map], by id.
        headings: yaw of each robot [rad; map], by id.
    """

    time: float
    factor: float
    contacts: int
    places: Mapping[int, tuple[float, float]]
    headings: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """The configuration by which a session decides from one tick on.

    Attributes:
        session: number of the session.
        tick: number of the first tick that is decided by it.
        game_name, game_hash: name and content hash of the game.
        policy_hash, policy_id: content hash and id of the policy bundle in force.
        parameters: the coordinator's parameters by name; `policy.file` is the file of the bundle in force.
        handover: what the session began with.
    """

    session: int
    tick: int
    game_name: str
    game_hash: str
    policy_hash: str
    policy_id: int
    parameters: Mapping[str, Any]
    handover: Handover

    def about(self) -> dict[str, Any]:
        """The description that a RunRecord carries."""
        names = {
            "game": "game",
            "policy": "policy.file",
            "k": "sampling.k",
            "period": "tick.period",
            "seed": "sampling.seed",
            "model": "sampling.model",
        }
        known = {key: self.parameters[name] for key, name in names.items() if name in self.parameters}
        return {**known, "game_name": self.game_name, "game_hash": self.game_hash}
