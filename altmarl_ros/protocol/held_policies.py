"""The local policies that the robots of one process hold: the few latest that their coordinator announced."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Sequence

from altmarl_ros.games.robot_types import RobotTypes
from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.messages import Tick

POLICIES_KEPT = 4
"""Number of policies held at a time. A tick may still name an earlier one than the last announced."""


@dataclass(frozen=True)
class HeldPolicy:
    """A local policy as the coordinator announced it.

    Attributes:
        policy_id: the name by which ticks ask for it.
        policy: pi_l.
        game_tag: tag of the game that it is for, which reports repeat.
        left_out: digest of its action values where they were left out, and are sent when a robot asks for them; else 0.
        type_digests: of the policies of all types of robots, of which this is one; empty in a game without types.
    """

    policy_id: int
    policy: LocalPolicy
    game_tag: int
    left_out: int = 0
    type_digests: tuple[int, ...] = ()

    @cached_property
    def digest(self) -> int:
        """The digest by which ticks name it: of all types' policies, or its own; see `own_digest`."""
        return digest_of_types(self.type_digests) if self.type_digests else self.own_digest

    @cached_property
    def own_digest(self) -> int:
        """See `digest_of`; the same whether its action values were left out or not."""
        return _digest(self.policy, self.left_out or values_digest(self.policy))


def digest_of(policy: LocalPolicy) -> int:
    """64 bits of a hash over a local policy, by which ticks tell it from another one that somebody announces under its id."""
    return _digest(policy, values_digest(policy))


def digest_of_types(digests: Sequence[int]) -> int:
    """64 bits of a hash over the digests of all types' policies, in the order of the types."""
    return _hash(*(digest.to_bytes(8, "big") for digest in digests))


def policies_by_type(policy: LocalPolicy, types: RobotTypes) -> list[LocalPolicy]:
    """The policy of each type of robots, over places, in the policy of a fleet with types."""
    Q = policy.action_values
    blocks = [types.block(t) for t in range(len(types))]
    return [LocalPolicy(policy.probabilities[block], None if Q is None else Q[block]) for block in blocks]


def fleet_digest(policy: LocalPolicy, types: RobotTypes | None) -> int:
    """The digest by which ticks name the robots' policy of a fleet, with types or without."""
    if types is None:
        return digest_of(policy)
    return digest_of_types([digest_of(each) for each in policies_by_type(policy, types)])


def policy_topic(prefix: str, robot_type: int | None) -> str:
    """The topic on which the policy of robots is told, or of those of a type, by its number."""
    return f"{prefix}/policy" if robot_type is None else f"{prefix}/policy/type_{robot_type}"


def values_digest(policy: LocalPolicy) -> int:
    """64 bits of a hash over a policy's action values; 0: it has none."""
    return 0 if policy.action_values is None else _hash(policy.action_values.tobytes())


def _digest(policy: LocalPolicy, of_values: int) -> int:
    p = policy.probabilities
    return _hash(repr(p.shape).encode(), p.tobytes(), of_values.to_bytes(8, "big"))


def _hash(*parts: bytes) -> int:
    hashed = blake2b(digest_size=8)
    for part in parts:
        hashed.update(part)
    return int.from_bytes(hashed.digest(), "big") or 1


class HeldPolicies:
    """Keeps the latest `POLICIES_KEPT` policies, one store for all robots of a process.

    Anybody can announce a policy. Robots act by the one whose digest their coordinator's tick names, and that one stays,
    however many others are announced after it.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[int, int], HeldPolicy] = OrderedDict()  # by id and digest
        self._used: tuple[int, int] | None = None  # by the last tick that found its policy

    def __contains__(self, policy_id: int) -> bool:
        return self.get(policy_id) is not None

    def get(self, policy_id: int) -> HeldPolicy | None:
        """Return the latest policy of this id, None if none is held."""
        return next((held for held in reversed(self._held.values()) if held.policy_id == policy_id), None)

    def find(self, tick: Tick) -> HeldPolicy | None:
        """Return the policy that a followed tick names, None if it is not held."""
        if not tick.policy_digest:
            return self.get(tick.policy_id)
        key = (tick.policy_id, tick.policy_digest)
        held = self._held.get(key)
        if held is not None:
            self._used = key
        return held

    def hold(self, held: HeldPolicy) -> None:
        """Hold a policy as the latest one; drop the oldest that is not in use beyond the limit.

        Action values that are held already stay where the same policy comes again without them.
        """
        key = (held.policy_id, held.digest)
        if not held.left_out or key not in self._held:
            self._held[key] = held
        self._held.move_to_end(key)
        while len(self._held) > POLICIES_KEPT:
            del self._held[next(key for key in self._held if key != self._used)]
