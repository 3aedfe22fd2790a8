"""What a base may do: speeds, accelerations, braking.

Every axis (forward, lateral, yaw) is limited on its own. Between two commands dt apart, an axis may gain
`acceleration` dt and lose `braking` dt of its magnitude; a change of sign brakes to zero first and spends what is left
of dt on gaining. Braking from speed v takes v / b seconds and v^2 / (2 b) metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from altmarl_ros.driving.planar import STILL, Velocity
from altmarl_ros.errors import AltmarlError


@dataclass(frozen=True)
class Limits:
    """Of one base.

    Attributes:
        forward: highest speed ahead [m/s].
        backward: highest speed astern [m/s]; 0: never.
        lateral: highest speed to either side [m/s]; 0: a differential base.
        turn: highest turn rate [rad/s].
        acceleration: by which linear speed is gained, per axis [m/s^2].
        braking: by which linear speed is lost, per axis [m/s^2]; at least `acceleration`.
        angular_acceleration: by which the turn rate is gained and lost [rad/s^2].
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
        """Whether the base moves sideways."""
        return self.lateral > 0.0

    @property
    def emergency(self) -> float:
        """Braking in an emergency stop [m/s^2]."""
        return self.braking if self.emergency_braking is None else self.emergency_braking

    def clip(self, velocity: Velocity) -> Velocity:
        """The velocity with every axis within its speed; at rest if it is not finite."""
        if not velocity.is_finite:
            return STILL
        return Velocity(
            min(max(velocity.x, -self.backward), self.forward),
            min(max(velocity.y, -self.lateral), self.lateral),
            min(max(velocity.yaw, -self.turn), self.turn),
        )

    def ramp(self, present: Velocity, wanted: Velocity, dt: float, *, emergency: bool = False) -> Velocity:
        """What comes `dt` [s] after `present` on the way to `wanted`, both finite."""
        factor = self.emergency / self.braking if emergency else 1.0
        gain, loss = self.acceleration * dt, self.braking * factor * dt
        turn = self.angular_acceleration * dt
        return Velocity(
            _ramp(present.x, wanted.x, gain, loss),
            _ramp(present.y, wanted.y, gain, loss),
            _ramp(present.yaw, wanted.yaw, turn, turn * factor),
        )


def _ramp(present: float, wanted: float, gain: float, loss: float) -> float:
    """One axis, by at most `gain` away from zero and `loss` towards it."""
    if present < 0.0:
        return -_ramp(-present, -wanted, gain, loss)
    if wanted >= present:
        return min(wanted, present + gain)
    if wanted >= 0.0 or loss <= present:
        return max(wanted, present - loss)
    left = 1.0 - present / loss
    return max(wanted, -gain * left)
