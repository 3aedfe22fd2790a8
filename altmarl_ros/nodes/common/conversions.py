"""Pure conversions between ROS messages and the plain data of the cores.

Everything that comes in is data from outside: whatever cannot be converted raises ValueError with
the field's name, and nothing else.
"""

from __future__ import annotations

from array import array

import numpy as np
from rclpy.parameter import Parameter, parameter_value_to_python

from altmarl_ros.errors import AltmarlError
from altmarl_ros.games import TabularGame
from altmarl_ros.msg import CoordinatorStatus, FleetConfiguration, FleetTick, FleetTruth, FloorTruth, LocalPolicy, RobotReport
from altmarl_ros.policies import LocalPolicy as Policy
from altmarl_ros.policies.packing import MOST_EXACT, pack_action_values, pack_probabilities, unpacked_policy
from altmarl_ros.protocol.held_policies import HeldPolicy, digest_of, policies_by_type, values_digest
from altmarl_ros.protocol.messages import Report, Tick, game_tag
from altmarl_ros.protocol.operated import Control, Operated, check_operator
from altmarl_ros.protocol.roster_page import MOST_RUNS, RosterPage, Run
from altmarl_ros.protocol.standby import Handover
from altmarl_ros.records.rows import Configuration, FloorRow, StatusRow
from altmarl_ros.simulation import Truth
from altmarl_ros.simulation.vectorised_fleet import MOST_LISTED, Moves

_NO_PAGE = RosterPage(1, 0)


def tick_to_message(tick: Tick, stamp: object) -> FleetTick:
    """The broadcast form of a tick; stamp is a builtin_interfaces Time."""
    page = tick.roster if tick.roster is not None else _NO_PAGE
    return FleetTick(
        session=tick.session,
        tick=tick.tick,
        stamp=stamp,
        policy_id=tick.policy_id,
        global_state=tick.global_state,
        global_action=FleetTick.NO_ACTION if tick.global_action is None else tick.global_action,
        polled=np.array(tick.polled, dtype=np.uint32),
        mark=tick.mark,
        secret=tick.secret,
        policy_digest=tick.policy_digest,
        roster_first=page.first,
        roster_last=page.last,
        run_first=np.array([run.first for run in page.runs], dtype=np.uint32),
        run_count=np.array([run.count for run in page.runs], dtype=np.uint32),
        run_tag=np.array([run.tag for run in page.runs], dtype=np.uint32),
    )


def tick_from_message(message: FleetTick) -> Tick:
    """The plain form of a received tick."""
    return Tick(
        message.session,
        message.tick,
        message.policy_id,
        message.global_state,
        None if message.global_action == FleetTick.NO_ACTION else int(message.global_action),
        tuple(message.polled),
        mark=message.mark,
        secret=message.secret,
        policy_digest=message.policy_digest,
        roster=_roster_page(message),
    )


def _roster_page(message: FleetTick) -> RosterPage | None:
    runs = message.run_first, message.run_count, message.run_tag
    if message.roster_first > message.roster_last or len({len(column) for column in runs}) != 1 or len(runs[0]) > MOST_RUNS:
        return None
    return RosterPage(message.roster_first, message.roster_last, tuple(Run(*map(int, run)) for run in zip(*runs, strict=True)))


def report_to_message(report: Report) -> RobotReport:
    """The wire form of a report."""
    return RobotReport(
        session=report.session,
        tick=report.tick,
        robot_id=report.robot_id,
        local_state=report.local_state,
        game_tag=report.game_tag,
    )


def policies_to_messages(policy: Policy, policy_id: int, game: TabularGame, with_values: bool = True) -> list[LocalPolicy]:
    """The latched forms of the local policy: one, or in a game with types one for each of them."""
    if game.types is None:
        return [policy_to_message(policy, policy_id, game.content_hash, with_values)]
    parts = policies_by_type(policy, game.types)
    messages = [policy_to_message(part, policy_id, game.content_hash, with_values) for part in parts]
    for message in messages:
        message.type_digests = array("Q", [digest_of(part) for part in parts])
    return messages


def policy_to_message(policy: Policy, policy_id: int, game_hash: str, with_values: bool = True) -> LocalPolicy:
    """The latched form of the local policy; without `with_values` only a small policy has its action values."""
    S_l, S_g, A_l = policy.probabilities.shape
    Q = policy.action_values
    left_out = Q is not None and Q.size > MOST_EXACT and not with_values
    return LocalPolicy(
        policy_id=policy_id,
        game_hash=game_hash,
        n_local_states=S_l,
        n_global_states=S_g,
        n_local_actions=A_l,
        probabilities=_octets(pack_probabilities(policy.probabilities)),
        action_values=_octets(b"" if Q is None or left_out else pack_action_values(Q)),
        values_left_out=values_digest(policy) if left_out else 0,
    )


def policy_from_message(message: LocalPolicy) -> Policy:
    """The policy in a received message.

    Raises:
        ValueError: the shape is empty or too large, or packed bytes are damaged or do not fit it; the message names the field.
    """
    shape = (message.n_local_states, message.n_global_states, message.n_local_actions)
    try:
        return unpacked_policy(shape, bytes(message.probabilities), bytes(message.action_values))
    except ValueError as error:
        raise ValueError(f"policy {message.policy_id:08x}: {error}") from None


def held_policy_from_message(message: LocalPolicy, game_hash: str, robot_type: int | None = None) -> HeldPolicy:
    """The policy in a received message, for robots that are set up for a game; empty: for any.

    `robot_type` is the number of their type; None in a game without types.

    Raises:
        ValueError: it is for another game or type, or see `policy_from_message`.
    """
    if game_hash and message.game_hash != game_hash:
        raise ValueError(f"policy {message.policy_id:08x} is for game {message.game_hash[:16]!r}, not {game_hash}")
    digests = tuple(int(digest) for digest in message.type_digests)
    tag = game_tag(message.game_hash)
    held = HeldPolicy(message.policy_id, policy_from_message(message), tag, message.values_left_out, digests)
    if bool(digests) != (robot_type is not None):
        raise ValueError(f"policy {message.policy_id:08x} is for robots {'of' if digests else 'without'} a type")
    if robot_type is not None and (robot_type >= len(digests) or digests[robot_type] != held.own_digest):
        raise ValueError(f"policy {message.policy_id:08x} is not the one of this robot's type")
    return held


def _octets(content: bytes) -> array[int]:
    return array("B", content)


def truth_to_message(truth: Truth) -> FleetTruth:
    """The message about one closed tick."""
    actions = [FleetTruth.NO_ACTION if action is None else action for action in truth.local_actions]
    return FleetTruth(
        session=truth.session,
        tick=truth.tick,
        robot_id=np.array(truth.robot_ids, dtype=np.uint32),
        local_state=np.array(truth.local_states, dtype=np.uint16),
        local_action=np.array(actions, dtype=np.uint16),
        actions=np.minimum(truth.actions, 65535).astype(np.uint16),
        hidden_state=_optional(truth.hidden_state),
    )


def moves_to_message(moves: Moves) -> FleetTruth:
    """The message about one tick of a crowd."""
    message = FleetTruth(session=moves.tick.session, tick=moves.tick.tick, hidden_state=_optional(moves.hidden_state))
    n = len(moves.local_states)
    if n > MOST_LISTED:
        message.counts = np.asarray(moves.counts.ravel(), dtype=np.uint32)
        return message
    message.robot_id = np.arange(moves.first_id, moves.first_id + n, dtype=np.uint32)
    message.local_state, message.local_action = moves.local_states, moves.local_actions
    message.actions = np.ones(n, dtype=np.uint16)
    return message


def truth_from_message(message: FleetTruth) -> Truth:
    """The plain form of a received truth.

    Raises:
        ValueError: its arrays differ in length.
    """
    columns = (message.robot_id, message.local_state, message.local_action, message.actions)
    if len({len(column) for column in columns}) != 1:
        raise ValueError(f"truth of tick {message.tick} has arrays of different lengths")
    ids, states, actions, counts = (tuple(int(value) for value in column) for column in columns)
    moves = tuple(None if action == FleetTruth.NO_ACTION else action for action in actions)
    d = int(message.hidden_state[0]) if message.hidden_state else None
    return Truth(message.session, message.tick, ids, states, moves, counts, tuple(message.counts), d)


def _optional(value: int | None) -> list[int]:
    return [] if value is None else [value]


def floor_from_message(message: FloorTruth) -> FloorRow:
    """The plain form of what is said of a simulated floor.

    Raises:
        ValueError: its arrays differ in length.
    """
    places = zip(message.x, message.y, strict=True)
    return FloorRow(
        time=message.stamp.sec + 1e-9 * message.stamp.nanosec,
        factor=message.real_time_factor,
        contacts=message.contacts,
        places=dict(zip(message.robot_id, places, strict=True)),
        headings=dict(zip(message.robot_id, message.yaw, strict=True)),
    )


def status_from_message(message: CoordinatorStatus) -> StatusRow:
    """The fields of a received status that are recorded.

    Raises:
        ValueError: its arrays of reports differ in length.
    """
    return StatusRow(
        stamp=message.stamp.sec + 1e-9 * message.stamp.nanosec,
        session=message.session,
        tick=message.tick,
        policy_id=message.policy_id,
        global_state=message.global_state,
        global_action=message.global_action,
        asked=message.asked,
        heard=message.heard,
        rung=message.rung,
        report_bytes=message.report_bytes,
        latency=message.latency,
        live=message.live,
        sampling_error=message.sampling_error,
        estimate=tuple(float(share) for share in message.estimate),
        answers=tuple((int(i), int(s)) for i, s in zip(message.heard_id, message.heard_state, strict=True)),
        belief=tuple(float(share) for share in message.hidden_belief),
        returned=tuple(int(state) for state in message.returned_state),
        evidence=tuple(float(weight) for weight in message.hidden_evidence),
        operated=tuple(
            (int(robot_id), int(control), name)
            for robot_id, control, name in zip(
                message.operated_id, message.operated_control, message.operator_name, strict=True
            )
        ),
    )


def operated_from_message(control: int, operator: str) -> Operated | None:
    """What an operator has a robot do, by a received message; None: it acts by its policy.

    Raises:
        AltmarlError: the control is unknown, or the operator's name is none.
    """
    if control == Control.BY_POLICY:
        return None
    if control not in {each.value for each in Control}:
        raise AltmarlError(f"control {control} is unknown")
    return Operated(Control(control), check_operator(operator))


def operated_by_robot(message: CoordinatorStatus) -> dict[int, Operated]:
    """What operators have robots do, by a received status; entries that are damaged are left out."""
    found: dict[int, Operated] = {}
    for robot_id, control, name in zip(message.operated_id, message.operated_control, message.operator_name, strict=False):
        try:
            operated = operated_from_message(int(control), name)
        except AltmarlError:
            continue
        if operated is not None:
            found[int(robot_id)] = operated
    return found


def configuration_to_message(configuration: Configuration, stamp: object) -> FleetConfiguration:
    """The latched form of a session's configuration."""
    known = configuration.handover
    return FleetConfiguration(
        stamp=stamp,
        session=configuration.session,
        tick=configuration.tick,
        game_name=configuration.game_name,
        game_hash=configuration.game_hash,
        policy_hash=configuration.policy_hash,
        policy_id=configuration.policy_id,
        parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in configuration.parameters.items()],
        estimate=np.array(known.estimate, dtype=np.float32),
        sampling_error=known.sampling_error,
        estimated_in=known.estimated_in or 0,
        hidden_belief=np.array(known.belief, dtype=np.float32),
    )


def configuration_from_message(message: FleetConfiguration) -> Configuration:
    """The plain form of a session's configuration."""
    estimate, belief = (tuple(float(share) for share in shares) for shares in (message.estimate, message.hidden_belief))
    handover = Handover(
        estimated_in=message.estimated_in, estimate=estimate, sampling_error=message.sampling_error, belief=belief
    )
    parameters = {parameter.name: parameter_value_to_python(parameter.value) for parameter in message.parameters}
    return Configuration(
        message.session,
        message.tick,
        message.game_name,
        message.game_hash,
        message.policy_hash,
        message.policy_id,
        parameters,
        handover if estimate else Handover(),
    )
