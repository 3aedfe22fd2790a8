"""The local policies that the robots of one process hold: the few latest that their coordinator announced."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from altmarl_ros.policies import LocalPolicy

POLICIES_KEPT = 4
"""Number of policies held at a time. A tick may still name an earlier one than the last announced."""


@dataclass(frozen=True)
class HeldPolicy:
    """A local policy as the coordinator announced it.

    Attributes:
        policy_id: the name by which ticks ask for it.
        policy: pi_l.
        game_tag: tag of the game that it is for, which reports repeat.
        values_on_request: whether its action values were left out, and are sent when a robot asks for them.
    """

    policy_id: int
    policy: LocalPolicy
    game_tag: int
    values_on_request: bool = False


class HeldPolicies:
    """Keeps the latest `POLICIES_KEPT` policies, one store for all robots of a process."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, HeldPolicy] = OrderedDict()

    def __contains__(self, policy_id: int) -> bool:
        return policy_id in self._held

    def get(self, policy_id: int) -> HeldPolicy | None:
        """Return the policy of this id, None if it is not held."""
        return self._held.get(policy_id)

    def hold(self, held: HeldPolicy) -> None:
        """Hold a policy as the latest one, in place of an earlier one of the same id; drop the oldest beyond the limit."""
        self._held[held.policy_id] = held
        self._held.move_to_end(held.policy_id)
        while len(self._held) > POLICIES_KEPT:
            self._held.popitem(last=False)
