"""Limits of a base: speeds, accelerations and braking.

Every axis (forward, lateral, yaw) is limited on its own. Between two commands dt apart, the magnitude of an axis may grow
by `acceleration` dt and shrink by `braking` dt; a change of sign first brakes to zero and then accelerates for the rest of
dt. Braking counts all of dt, so that from speed v with b it takes v / b seconds and v^2 / (2 b) metres however late a
command comes; a gain counts `LONGEST_STEP` at most, so that a robot never leaps after a pause.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from altmarl_ros.driving.planar import STILL, Velocity
from altmarl_ros.errors import AltmarlError

LONGEST_STEP = 0.2
"""Longest time for which one command gains speed, and longest period of a control loop [s]."""

_SLOWEST = 1e-12  # m/s and rad/s; slower is rest, so that nothing divides by a speed that is nearly none


@dataclass(frozen=True)
class Limits:
    """Limits of one base.

    Attributes:
        forward: highest speed ahead [m/s].
        backward: highest speed astern [m/s]; 0: the base never reverses.
        lateral: highest speed to either side [m/s]; 0: a differential base.
        turn: highest turn rate [rad/s].
        acceleration: highest gain of linear speed, per axis [m/s^2].
        braking: highest loss of linear speed, per axis [m/s^2]; at least `acceleration`.
        angular_acceleration: highest gain and loss of the turn rate [rad/s^2].
        emergency_braking: `braking` in an emergency stop [m/s^2]; default: `braking`. Turning stops faster by the same factor.

    Raises:
        AltmarlError: naming the attribute and its rule.
    """

    forward: float = 0.5
    backward: float = 0.2
    lateral: float = 0.0
    turn: float = 1.5
    acceleration: float = 0.8
    braking: float = 1.0
    angular_acceleration: float = 4.0
    emergency_braking: float | None = None

    def __post_init__(self) -> None:
        for name in ("forward", "turn", "acceleration", "braking", "angular_acceleration"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise AltmarlError(f"limits: {name} is {getattr(self, name)}, must be positive")
        for name in ("backward", "lateral"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise AltmarlError(f"limits: {name} is {getattr(self, name)}, must not be negative")
        if self.braking < self.acceleration:
            raise AltmarlError(f"limits: braking is {self.braking}, must be at least acceleration = {self.acceleration}")
        if self.emergency_braking is not None and not self.braking <= self.emergency_braking < math.inf:
            raise AltmarlError(
                f"limits: emergency_braking is {self.emergency_braking}, must be at least braking = {self.braking}"
            )

    @property
    def is_omnidirectional(self) -> bool:
        """Whether the base can move sideways."""
        return self.lateral > 0.0

    @property
    def emergency(self) -> float:
        """Braking in an emergency stop [m/s^2]."""
        return self.braking if self.emergency_braking is None else self.emergency_braking

    def clip(self, velocity: Velocity) -> Velocity:
        """Return the velocity with every axis within its highest speed; zero if it is not finite."""
        if not velocity.is_finite:
            return STILL
        return Velocity(
            min(max(velocity.x, -self.backward), self.forward),
            min(max(velocity.y, -self.lateral), self.lateral),
            min(max(velocity.yaw, -self.turn), self.turn),
        )

    def ramp(self, present: Velocity, wanted: Velocity, dt: float, *, emergency: bool = False) -> Velocity:
        """Return the velocity that follows `dt` [s] after `present` on the way to `wanted`; both must be finite."""
        factor = self.emergency / self.braking if emergency else 1.0
        gaining = min(dt, LONGEST_STEP)
        gain, loss = self.acceleration * gaining, self.braking * factor * dt
        turn_gain, turn_loss = self.angular_acceleration * gaining, self.angular_acceleration * factor * dt
        return Velocity(
            _ramp(present.x, wanted.x, gain, loss),
            _ramp(present.y, wanted.y, gain, loss),
            _ramp(present.yaw, wanted.yaw, turn_gain, turn_loss),
        )


def _ramp(present: float, wanted: float, gain: float, loss: float) -> float:
    """Change one axis by at most `gain` away from zero and by at most `loss` towards it."""
    if present < 0.0:
        return -_ramp(-present, -wanted, gain, loss)
    if wanted >= present:
        after = min(wanted, present + gain)
    elif wanted >= 0.0 or loss <= present:
        after = max(wanted, present - loss)
    else:
        after = max(wanted, -gain * (1.0 - present / loss))
    return after if abs(after) >= _SLOWEST else 0.0
