"""Puts the policies of all types of robots together again, for a process that simulates robots of all types."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from altmarl_ros.policies import LocalPolicy
from altmarl_ros.protocol.held_policies import POLICIES_KEPT, HeldPolicy


class PolicyParts:
    """Collects the policies of each type until those of one id and one list of digests are complete."""

    def __init__(self, types: int) -> None:
        self._types = types
        self._parts: OrderedDict[tuple[int, tuple[int, ...]], dict[int, HeldPolicy]] = OrderedDict()

    def add(self, robot_type: int, held: HeldPolicy) -> HeldPolicy | None:
        """Add the policy of a type; returns the policy of all types, over types and places, once all of them have come."""
        key = (held.policy_id, held.type_digests)
        parts = self._parts.setdefault(key, {})
        parts[robot_type] = held
        self._parts.move_to_end(key)
        while len(self._parts) > POLICIES_KEPT:
            self._parts.popitem(last=False)
        if len(parts) < self._types:
            return None
        ordered = [parts[t] for t in range(self._types)]
        values = [part.policy.action_values for part in ordered]
        known = [each for each in values if each is not None]
        whole = LocalPolicy(
            np.concatenate([part.policy.probabilities for part in ordered]),
            np.concatenate(known) if len(known) == self._types else None,
        )
        left_out = max(part.left_out for part in ordered)
        return HeldPolicy(held.policy_id, whole, held.game_tag, left_out, held.type_digests)
