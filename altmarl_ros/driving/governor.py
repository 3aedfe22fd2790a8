"""Decides on every velocity command before it goes to the base: whether the robot may move, how fast, and why not.

Whatever the inputs are, a command is finite, within the base's speeds, and differs from the one before by no more than
acceleration and braking allow over the time between them. Reasons that halt ramp it down to rest; the others bar some
directions and speeds:

- Obstacles. With s the free path of the motion (`protective_field`), the outer, warning field scales the speed to one that
  comes to rest within s - margin by the *ordinary* deceleration. If even *braking* could not stop in time, the inner,
  protective field is violated and the robot brakes to rest. Both fields grow with speed, as ISO 3691-4 requires of trucks.
  Turning in place needs only that nothing is within the outline and a small margin.
- Directions that the scan does not cover are barred.
- The border of the allowed area limits the outward speed in the same way; outside, only motion inwards is allowed.

Data that are not fresh do not count (`sensor_health`). A clock that goes back, leaps or stands makes every age doubtful: the
robot rests until a new pose and a new tick have come.

Braking with b from speed v takes v / b seconds and v^2 / (2 b) metres, at every period of the control loop that
`GovernorSettings` accepts and however late a step is: a halting reason that lasts so long finds the robot at rest. Where the
clock does not say how much time passed, a step counts one period. This is no certified safety function; see
`protective_field`.
"""

from __future__ import annotations

import math

from altmarl_ros.driving.governor_types import Border, Command, GovernorSettings, Inputs, OnSilence, Reason, State, by_severity
from altmarl_ros.driving.limits import LONGEST_STEP, Limits
from altmarl_ros.driving.planar import STILL, Velocity
from altmarl_ros.driving.protective_field import ProtectiveField, field_speed, nearest, safe_speed
from altmarl_ros.driving.scan import Scan
from altmarl_ros.driving.sensor_health import sensor_reasons

_LONGEST_GAP = 1.0  # s between steps, beyond which the clock is taken to have jumped
_AT_REST = 0.02  # m/s and rad/s, of a measured velocity
_CREEP = 0.01  # m/s, slower is not worth a motion
_RETURN_SPEED = 0.1  # m/s, highest back into the allowed area
_LOOKOUT = math.pi / 3  # to either side of the motion, where the scan has to cover all directions
_WIDEST_GAP = 0.2  # rad between rays there


class Governor:
    """Governs the velocity commands of one robot.

    Attributes:
        limits: of the base; may be replaced at any time.
        settings: timeouts and margins; may be replaced at any time.
        emergency_stopped: whether the robot's own emergency stop is latched.
    """

    def __init__(self, limits: Limits, settings: GovernorSettings) -> None:
        self.limits, self.settings = limits, settings
        self.emergency_stopped = False
        self._velocity = STILL  # as commanded last
        self._clock = _Clock()

    def emergency_stop(self) -> None:
        """Latch the robot's own emergency stop."""
        self.emergency_stopped = True

    def release_emergency_stop(self) -> None:
        """Release the robot's own emergency stop."""
        self.emergency_stopped = False

    def step(self, now: float, inputs: Inputs) -> Command:
        """Return the command for time `now` [s], by the caller's monotonic clock; never raises, whatever the numbers are."""
        dt = self._clock.advance(now, inputs, self.settings.period)
        reasons = self._halting(now, inputs)
        if reasons or inputs.wanted is None:
            emergency = Reason.EMERGENCY_STOP in reasons or Reason.FLEET_STOP in reasons
            velocity = self.limits.ramp(self._velocity, STILL, dt, emergency=emergency)
            state = State.STOPPING
        else:
            wanted = self.limits.clip(inputs.wanted)
            velocity, barred = self._restrained(wanted, now, dt, inputs)
            reasons += barred
            state = State.SLOWING if barred else State.MOVING
            if inputs.drive_problem is not None:
                reasons.append(inputs.drive_problem)
        self._velocity = velocity
        if velocity.is_zero and not _moves(inputs.measured):
            state = State.STOPPED
        return Command(velocity, state, by_severity(reasons))

    def brake(self, dt: float, reason: Reason) -> Command:
        """Return the command that brakes for `dt` [s], whatever the inputs are, such as when the node is deactivated."""
        self._velocity = self.limits.ramp(self._velocity, STILL, dt)
        return Command(self._velocity, State.STOPPED if self._velocity.is_zero else State.STOPPING, (reason,))

    def begin_from_rest(self) -> None:
        """Begin anew: the base was brought to rest without this governor."""
        self._velocity = STILL

    def _halting(self, now: float, inputs: Inputs) -> list[Reason]:
        s = self.settings
        found = {
            Reason.EMERGENCY_STOP: self.emergency_stopped,
            Reason.FLEET_STOP: inputs.fleet_stop,
            Reason.CLOCK_JUMPED: self._clock.doubtful,
            Reason.TICK_SILENT: inputs.coordinator_silent and s.on_silence is OnSilence.HOLD,
            Reason.NO_POLICY: not inputs.has_policy,
            Reason.COMMAND_INVALID: inputs.wanted is not None and not inputs.wanted.is_finite,
        }
        reasons = [reason for reason, holds in found.items() if holds] + sensor_reasons(now, inputs, s)
        problem = inputs.drive_problem
        return reasons if problem is None or problem.only_tells else [*reasons, problem]

    def _restrained(self, wanted: Velocity, now: float, dt: float, inputs: Inputs) -> tuple[Velocity, list[Reason]]:
        """Return the next velocity on the way to `wanted`, and what bars it."""
        ahead = self.limits.ramp(self._velocity, wanted, dt)
        most, barred = math.inf, []
        if inputs.border is not None:
            most, reason = self._border(ahead, inputs.border)
            barred += [reason] if reason else []
        if inputs.scan is not None:
            speed, found = self._field(ahead, inputs.scan, now - inputs.scan_arrived, inputs.measured)
            most = min(most, speed)
            barred += found
        scale = min(1.0, most / ahead.speed) if ahead.speed > 0.0 else 1.0
        turn = ahead.yaw
        if turn != 0.0 and scale * ahead.speed < _CREEP and inputs.scan is not None and self._cramped(inputs.scan):
            turn = 0.0
            barred.append(Reason.OBSTACLE)
        if not barred:
            return ahead, []
        if scale * wanted.speed < _CREEP < wanted.speed:
            scale = 0.0
        slower = Velocity(scale * ahead.x, scale * ahead.y, turn)
        return self.limits.ramp(self._velocity, slower, dt), list(dict.fromkeys(barred))

    def _cramped(self, scan: Scan) -> bool:
        """Return whether there is no room to turn in place."""
        return nearest(scan.points) < self.settings.radius + self.settings.turning_margin

    def _field(self, motion: Velocity, scan: Scan, age: float, measured: Velocity | None) -> tuple[float, list[Reason]]:
        """Return the highest speed [m/s] along a motion for what the laser sees, and what bars more."""
        s = self.settings
        if motion.speed == 0.0:
            return math.inf, []
        protective_field = ProtectiveField(
            outline=s.radius + s.side_margin,
            margin=s.margin,
            reach=scan.range_max,
            reaction=s.reaction_time + age,
            braking=self.limits.braking,
            approach=s.approach_speed,
        )
        warning_field = protective_field._replace(braking=self.limits.acceleration)
        comfortable = field_speed(scan.points, motion, warning_field)
        protective = field_speed(scan.points, motion, protective_field)
        present = max(self._velocity.speed, measured.speed if measured else 0.0)
        reasons = []
        if present > protective < motion.speed or comfortable < min(_CREEP, motion.speed):
            reasons.append(Reason.OBSTACLE)
        elif motion.speed > comfortable:
            reasons.append(Reason.OBSTACLE_NEAR)
        if not scan.covers(math.atan2(motion.y, motion.x), _LOOKOUT, _WIDEST_GAP):
            reasons.append(Reason.BLIND)
        barred = Reason.OBSTACLE in reasons or Reason.BLIND in reasons
        return 0.0 if barred else comfortable, reasons

    def _border(self, motion: Velocity, border: Border) -> tuple[float, Reason | None]:
        """Return the highest speed [m/s] along a motion for the allowed area, and what bars more."""
        if not (math.isfinite(border.distance) and math.isfinite(border.inward)):
            return 0.0, Reason.LEFT_AREA
        inward = motion.x * math.cos(border.inward) + motion.y * math.sin(border.inward)
        if border.distance < 0.0:
            return (_RETURN_SPEED if inward > 0.0 else 0.0), Reason.LEFT_AREA
        outward = safe_speed(border.distance, self.settings.reaction_time, self.limits.acceleration)
        if -inward <= outward:
            return math.inf, None
        return motion.speed * outward / -inward, Reason.BORDER_NEAR


class _Clock:
    """Measures the time between steps, and notices when the clock jumps."""

    def __init__(self) -> None:
        self._now: float | None = None
        self._jumped = math.nan  # when; NaN: all is well
        self._old: tuple[float, float] = (math.nan, math.nan)  # arrivals of before the jump

    @property
    def doubtful(self) -> bool:
        """Whether a new pose and a new tick are still awaited after a jump."""
        return not math.isnan(self._jumped)

    def advance(self, now: float, inputs: Inputs, period: float) -> float:
        """Return the time since the last step that counts [s]: before the first none, and `period` where it is unknown."""
        arrivals = (inputs.pose_arrived, inputs.tick_arrived)
        before, self._now = self._now, now if math.isfinite(now) else None
        elapsed = math.nan if before is None or self._now is None else now - before
        known = 0.0 < elapsed <= _LONGEST_GAP
        begins = before is None and self._now is not None
        if inputs.clock_jumped or not (known or begins):
            self._jumped, self._old = (now if self._now is not None else math.inf), arrivals
        elif self._jumped == math.inf:
            self._jumped = now
        elif all(new != old and self._jumped <= new <= now for new, old in zip(arrivals, self._old, strict=True)):
            self._jumped = math.nan
        if known:
            return elapsed
        if elapsed > _LONGEST_GAP:
            return LONGEST_STEP
        return 0.0 if begins and not self.doubtful else period


def _moves(measured: Velocity | None) -> bool:
    return measured is not None and (measured.speed > _AT_REST or abs(measured.yaw) > _AT_REST)
