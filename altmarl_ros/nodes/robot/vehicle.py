"""The body of a physical robot: turns a tick's action into a goal, and the goal into a motion that is safe.

    pose (in a game of work with errand, load and battery) -> local state s_l
    action a_l -> goal zone -> the robot's own slot there -> drive -> governor -> base

The control loop goes by the steady clock, with `use_sim_time` by the simulation's. While that stands still, or when a step
fails, whatever the cause, the base is brought to rest. A killed process sends nothing: the base's driver must stop by its
own timeout when commands cease.
"""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Mapping

import numpy as np
from rclpy.timer import Timer

from altmarl_ros.arrays import FloatArray
from altmarl_ros.driving import STILL, Pose
from altmarl_ros.driving.coordinator_watch import CoordinatorWatch
from altmarl_ros.driving.freshness import NEVER, is_fresh
from altmarl_ros.driving.goal_selection import GoalSelector
from altmarl_ros.driving.governor import Governor
from altmarl_ros.driving.governor_types import Command, OnSilence, Reason, State, by_severity
from altmarl_ros.driving.local_planner import Goal
from altmarl_ros.driving.sensor_health import sensor_reasons
from altmarl_ros.driving.work_state import WorkState
from altmarl_ros.errors import AltmarlError
from altmarl_ros.monitoring.drive_health import drive_finding, is_blocked
from altmarl_ros.monitoring.health import Finding
from altmarl_ros.monitoring.tick_expectation import Standing, TickExpectation
from altmarl_ros.msg import DriveState
from altmarl_ros.nodes.common import qos
from altmarl_ros.nodes.common.endpoints import Endpoints
from altmarl_ros.nodes.common.guarded import GuardedNode
from altmarl_ros.nodes.robot import conversions
from altmarl_ros.nodes.robot.complaints import Complaints
from altmarl_ros.nodes.robot.drive import Base
from altmarl_ros.nodes.robot.drives import make_drive
from altmarl_ros.nodes.robot.emergency_stop import RELEASE, offer_stop
from altmarl_ros.nodes.robot.parameters import DriveSettings, drive_settings
from altmarl_ros.nodes.robot.pose_source import Fix
from altmarl_ros.nodes.robot.sensors import Sensors
from altmarl_ros.nodes.robot.shared_resources import VehicleResources
from altmarl_ros.nodes.robot.work_listener import WorkListener, work_settings
from altmarl_ros.protocol.agent import Answer
from altmarl_ros.protocol.messages import Tick

_REPEAT = 0.5  # s between two states that are alike
_THROTTLE = 5.0  # s
_BRAKE_STEP = 0.05  # s
_LONGEST_BRAKING = 2.0  # s
_NO_POINTS: FloatArray = np.empty((0, 2))


class Vehicle:
    """Drives one robot to the goals that its actions name; see `body.Body`.

    Subscriptions: those of its sensors and its drive, and in a game of work those of `WorkListener`.
    Publishers: `drive.topic` (geometry_msgs/msg/Twist or TwistStamped), ~/drive (DriveState).
    Services: ~/emergency_stop (std_srvs/srv/SetBool), ~/release (std_srvs/srv/Trigger).
    """

    def __init__(
        self,
        node: GuardedNode,
        make: Endpoints,
        values: Mapping[str, Any],
        shared: VehicleResources,
        has_policy: Callable[[], bool],
    ) -> None:
        """Make the vehicle of one robot.

        Args:
            node: the robot's node.
            make: makes its endpoints.
            values: its parameters.
            shared: what the vehicles of the process share.
            has_policy: tells whether the robot holds the policy that the coordinator's ticks name.
        """
        self._node, self._id, self._clock = node, int(values["robot_id"]), shared.clock
        self._zones, self._fleet_stop, self._has_policy = shared.goal_map.zones, shared.fleet_stop, has_policy
        self._work: WorkState | None = None
        self._work_listener: WorkListener | None = None
        if shared.goal_map.workplace is not None:
            self._work = WorkState(shared.goal_map.workplace, self._zones, work_settings(values))
            self._work_listener = WorkListener(node, make, values, shared.clock, self._work, changed=self._note_state)
        self._selector = GoalSelector(shared.goal_map, self._id, None if self._work is None else self._set_out)
        self._coordinator = CoordinatorWatch()
        settings = drive_settings(values)
        self._governor = Governor(settings.limits, settings.governor)
        self._sensors = Sensors(node, make, values, self._clock, self._on_fix, transforms=shared.transforms)
        self._drive = make_drive(node, make, values, self._clock)
        self._base = Base(node, make, values, self._clock) if values["drive.kind"] != "none" else None
        self._complaints = Complaints(node, self._sensors, self._base, self._drive, self._work_listener)
        self._publisher = make.publisher(DriveState, "~/drive", qos.latched_qos())
        stop, release = self._governor.emergency_stop, self._governor.release_emergency_stop
        offer_stop(node, stop, release, str(values[RELEASE.name]))
        self._clock.when_stopped(self._on_clock_stopped)
        self._changed: Callable[[], None] | None = None
        self._timer: Timer | None = None
        self._idle = self._clock.start_timer(_REPEAT, self._say_what_is_missing)
        self._zone: int | None = None
        self._state: int | None = None  # local state when it changed last
        self._acted: tuple[Tick, int, int] | None = None  # tick, s_l, a_l
        self._command = Command()
        self._patience = settings.patience
        self._entered: float | None = None  # when it was diagnosed first, since a simulated clock may begin late
        self._blocked_since: float | None = None
        self._jumps = self._clock.jumps
        self._resting = self._held = False
        self._published: tuple[object, ...] = ()
        self._published_at = NEVER

    @property
    def local_state(self) -> int | None:
        """See Body: the zone that the robot is in, by a fresh pose; in a game of work its place, load and battery."""
        fix, now = self._sensors.fix, self._clock.now()
        if fix is None or not is_fresh(now, fix.arrived, self._governor.settings.pose_timeout):
            return None
        return self._zone if self._work is None else self._work.local_state(now)

    @property
    def emergency_stopped(self) -> bool:
        """Whether the robot's own emergency stop is pressed."""
        return self._governor.emergency_stopped

    def press_emergency_stop(self) -> None:
        """Press the robot's own emergency stop."""
        self._governor.emergency_stop()

    def adjust(self, settings: DriveSettings) -> None:
        """Drive by other limits, timeouts and margins from now on."""
        self._governor.limits, self._governor.settings = settings.limits, settings.governor
        self._drive.adjust(settings)
        self._patience = settings.patience

    def enter(self, changed: Callable[[], None]) -> None:
        """See Body."""
        self._changed = changed
        self._command = Command()
        self._entered = self._blocked_since = None
        self._timer = self._clock.start_timer(self._governor.settings.period, self._step_safely)

    def tick_received(self, now: float) -> None:
        """See Body."""
        self._coordinator.tick_received(now)

    def writers_changed(self, alive: int, not_alive: int) -> None:
        """Note how many writers of ticks are alive, and how many are not."""
        self._coordinator.writers_changed(alive, not_alive)

    def act(self, answer: Answer) -> None:
        """See Body: select the goal to which the action leads, and after it the policy."""
        state, fix = self._zone if self._work is None else self.local_state, self._sensors.fix
        if state is None or fix is None:
            return
        action, s_g = answer.local_action, answer.tick.global_state
        if self._selector.act(state, action, fix.pose, global_state=s_g, policy=answer.policy):
            self._acted = (answer.tick, state, action)

    def hold(self) -> None:
        """See Body."""
        self._selector.clear()
        self._held = True

    def send(self, zone: str) -> str:
        """See Body."""
        index, fix = self._zones.find(zone), self._sensors.fix
        if fix is None or not fix.pose.is_finite:
            raise AltmarlError("its pose is not known, so there is no way to anywhere")
        if not self._selector.send(index, fix.pose):
            raise AltmarlError(f"there is no way from ({fix.pose.x:.1f}, {fix.pose.y:.1f}) to {zone!r}")
        self._held = False
        return self._zones.floor.plan.names[index]

    def release(self) -> None:
        """See Body."""
        self._selector.clear()
        self._held = False

    @property
    def at_rest(self) -> bool:
        """See Body."""
        return self._command.velocity.is_zero

    @property
    def standing(self) -> str:
        """See Body."""
        return ", ".join(reason.value for reason in self._command.reasons if reason.halts and reason is not Reason.HELD)

    def leave(self) -> None:
        """See Body."""
        self._changed = None
        if self._timer is not None:
            self._clock.end_timer(self._timer)
            self._timer = None
        braked = time.monotonic()
        end, step = braked + _LONGEST_BRAKING, _BRAKE_STEP
        while not self.brake(step) and time.monotonic() < end:
            time.sleep(_BRAKE_STEP)
            now = time.monotonic()
            step, braked = now - braked, now  # a busy machine sleeps longer
        self._selector.clear()
        self._acted, self._held = None, False
        self._drive.rest()
        self._stop(Reason.NOT_ACTIVE)

    def brake(self, dt: float) -> bool:
        """See Body."""
        command = self._governor.brake(dt, Reason.NOT_ACTIVE)
        self._send(command)
        return command.velocity.is_zero

    def drain(self, timeout: float) -> None:
        """See Body."""
        if self._base is not None:
            self._base.drain(timeout)

    def close(self) -> None:
        """See Body."""
        self._clock.end_timer(self._idle)
        self._drive.close()

    def finding(self, expected: TickExpectation, operated: str = "") -> Finding:
        """See Body."""
        now, period, timeout = self._clock.now(), expected.period, self._governor.settings.tick_timeout
        fix = self._sensors.fix
        self._entered = now if self._entered is None else self._entered
        standing = expected.standing(now)
        if self._coordinator.lost and standing in (Standing.PAUSED, Standing.HEARD):
            standing = Standing.SILENT  # the middleware knows before a tick is due
        advice = f"its timeout.tick, {timeout:g} s, is below the coordinator's tick.period, {period or 0.0:g} s"
        return drive_finding(
            self._id,
            self._command,
            standing=standing,
            starting=now - self._entered < expected.grace,
            blocked=0.0 if self._blocked_since is None else now - self._blocked_since,
            patience=self._patience,
            advice=advice if period is not None and timeout < period else "",
            pose_age=now - fix.arrived + fix.delay if fix else math.inf,
            tick_age=now - self._coordinator.tick_arrived,
            emergency_stop=self._governor.emergency_stopped or self._fleet_stop.pressed,
            zone="unknown" if self._zone is None else self._zones.floor.plan.names[self._zone],
            operated=operated,
            crowded=self._selector.crowded,
            charge=math.nan if self._work is None else self._work.charge,
        )

    def _on_fix(self, fix: Fix) -> None:
        self._zone = self._zones.locate(fix.pose.x, fix.pose.y, self._zone)
        if self._work is not None:
            self._work.moved(fix.pose, self._zone, at_rest=self._command.velocity.is_zero)
        self._note_state()

    def _set_out(self, pose: Pose, chain: list[int], goal: Goal) -> None:
        if self._work is not None:
            self._work.set_out(pose, chain, goal)

    def _note_state(self) -> None:
        """Call back if the local state has changed, which a tick may wait for."""
        state = self._zone if self._work is None else self.local_state
        if state != self._state:
            self._state = state
            if self._changed is not None:
                self._changed()

    def _on_clock_stopped(self) -> None:
        if self._timer is not None:
            self._stop(*self._command.reasons)

    def _step_safely(self) -> None:
        try:
            self._step()
        except Exception as error:  # a robot that moves must be stopped whatever went wrong
            self._node.get_logger().error(
                f"stops, since its control failed: {type(error).__name__}: {error}", throttle_duration_sec=_THROTTLE
            )
            self._send(self._governor.brake(self._governor.settings.period, Reason.CONTROL_FAILED))
        self._complaints.note(self._command.reasons)

    def _step(self) -> None:
        """Take one control step: from what is known to the next velocity of the base."""
        self._sensors.poll()  # before the time is taken: what is found now must not come from the future
        now = self._clock.now()
        silent = self._coordinator.is_silent(now, self._governor.settings.tick_timeout)
        self._update_goal(silent)
        fix, goal, scan = self._sensors.fix, self._selector.goal, self._sensors.scan
        wanted = None
        if fix is None or goal is None or self._resting:
            self._drive.rest()
        else:
            points = scan.points if scan is not None else _NO_POINTS
            if self._selector.avoid_taken_slot(now, fix.pose, points):
                goal = self._selector.goal or goal
            wanted = self._drive.steer(now, fix.pose, goal, self._command.velocity, points)
        jumped, self._jumps = self._clock.jumps != self._jumps, self._clock.jumps
        inputs = self._sensors.inputs(
            wanted=wanted,
            tick_arrived=self._coordinator.tick_arrived,
            coordinator_silent=silent,
            border=self._zones.border(fix.pose) if fix and fix.pose.is_finite else None,
            has_policy=self._has_policy(),
            driver_problem=self._base.problem if self._base is not None else None,
            fleet_stop=self._fleet_stop.pressed,
            clock_jumped=jumped,
            work_problems=self._work.problems(now) if self._work is not None else (),
            drive_problem=Reason.HELD if self._held else self._drive.problem,
        )
        self._send(self._governor.step(now, inputs))

    def _say_what_is_missing(self) -> None:
        """Publish what the robot lacks to drive while it is not active, so that it can be seen before it is switched on."""
        if self._timer is not None:
            return
        try:
            self._command = Command(STILL, State.STOPPED, by_severity([Reason.NOT_ACTIVE, *self._find_missing()]))
        except Exception as error:  # it stands, and the next time may be better
            self._node.get_logger().error(f"{type(error).__name__}: {error}", throttle_duration_sec=_THROTTLE)
        self._publish(self._command)
        self._complaints.note(self._command.reasons)

    def _find_missing(self) -> list[Reason]:
        """Return what the robot lacks to drive."""
        self._sensors.poll()
        self._drive.rest()
        now = self._clock.now()
        inputs = self._sensors.inputs(
            driver_problem=self._base.problem if self._base is not None else None,
            work_problems=self._work.problems(now) if self._work is not None else (),
        )
        found = sensor_reasons(now, inputs, self._governor.settings)
        return found if self._drive.problem is None else [*found, self._drive.problem]

    def _update_goal(self, silent: bool) -> None:
        """Park if the coordinator is silent and the robot is told to, and find the way again after something halted it."""
        fix = self._sensors.fix
        was_resting, self._resting = self._resting, _is_halted(self._command)
        if fix is None:
            return
        if silent and self._governor.settings.on_silence is OnSilence.PARK:
            self._selector.park(self._zone, fix.pose)
        if was_resting and not self._resting:
            self._selector.plan_again(fix.pose)

    def _stop(self, *reasons: Reason) -> None:
        """Command zero at once."""
        self._governor.begin_from_rest()
        self._send(Command(STILL, State.STOPPED, reasons))

    def _send(self, command: Command) -> None:
        """Send a command to the base, and publish what the robot does if that has changed or was not told for a while."""
        self._command = command
        if self._base is not None:
            self._base.command(command.velocity)
        self._publish(command)

    def _publish(self, command: Command) -> None:
        now, selector = self._clock.now(), self._selector
        if not is_blocked(command):
            self._blocked_since = None
        elif self._blocked_since is None:
            self._blocked_since = now
        acted = self._acted if selector.from_action else None
        state = (command.state, command.reasons, self._zone, selector.goal, acted, self._drive.arrived)
        if state != self._published or not is_fresh(now, self._published_at, _REPEAT):
            self._published, self._published_at = state, now
            self._publisher.publish(self._state_message(command, acted))

    def _state_message(self, command: Command, acted: tuple[Tick, int, int] | None) -> DriveState:
        def code(number: int | None) -> int:
            return DriveState.UNKNOWN if number is None else number

        tick, local_state, local_action = acted or (None, None, None)
        goal = self._selector.goal
        return conversions.drive_to_message(
            command,
            self._clock.stamp(),
            robot_id=self._id,
            session=tick.session if tick else 0,
            tick=tick.tick if tick else 0,
            local_state=code(local_state),
            local_action=code(local_action),
            zone=code(self._zone),
            goal_zone=code(self._selector.zone),
            goal_x=goal.x if goal else math.nan,
            goal_y=goal.y if goal else math.nan,
            arrived=self._drive.arrived,
        )


def _is_halted(command: Command) -> bool:
    """Return whether something else than the drive itself bars all motion, so that the drive has to rest."""
    return any(reason.halts and not reason.from_navigator for reason in command.reasons)
