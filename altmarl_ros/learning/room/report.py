"""Says what limited room did to a trained pair: what slots are worth, and how often robots are held back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from altmarl_ros.games.room import Room
from altmarl_ros.learning.long_run import LongRun
from altmarl_ros.learning.room.programme import RoomSolution

_MOST_SHOWN = 3  # places
_WORTH = 1e-3  # share of the reward per tick below which a slot is worth nothing for n slots together
_OVER = 1e-4  # share of the fleet that is rounding


@dataclass(frozen=True)
class RoomReport:
    """What limited room did to a pair, by place where nothing else is said.

    Attributes:
        places: names.
        limits: robots that fit.
        slot_value: team reward per tick that one more slot is worth.
        overflow: share of the fleet that is expected above the room because the robots' motion leaves them no choice.
        programme: team reward per tick in the programme, in which the room limits a mean.
        reward: team reward per tick in the world that holds robots back.
        held: share of robot-ticks in which a robot is held back there.
        exact: whether the programme was solved exactly; else overflow may come from that, too.
    """

    places: tuple[str, ...]
    limits: tuple[int, ...]
    slot_value: tuple[float, ...]
    overflow: tuple[float, ...]
    programme: float
    reward: float
    held: float
    exact: bool = True

    @classmethod
    def of(cls, room: Room, solution: RoomSolution, long_run: LongRun, n: int) -> RoomReport:
        """Put together the solution for a pair's coordinator and what the pair does in the long run."""
        return cls(
            places=room.places.names,
            limits=tuple(room.limits(n).tolist()),
            slot_value=tuple(solution.slot_value(n).tolist()),
            overflow=tuple(solution.overflow.sum(axis=0).tolist()),
            programme=solution.reward,
            reward=long_run.reward,
            held=long_run.held,
            exact=solution.exact,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """Say it in plain words."""
        lines = [
            f"room: robots are held back at full places in {100 * self.held:.1f} % of robot-ticks; in the long run the team "
            f"earns {self.reward:.3f} a tick, {self._share()} of {self.programme:.3f}, as if room limited only the mean",
            f"room: {self._prices()}",
        ]
        over = [(name, share) for name, share in zip(self.places, self.overflow, strict=True) if share > _OVER]
        if over:
            listed = ", ".join(f"{name} ({100 * share:.1f} % of the fleet too many)" for name, share in over[:_MOST_SHOWN])
            lines.append(
                f"room: the robots' motion does not let them keep to the room, whatever they do, at {listed}"
                if self.exact
                else f"room: found by prices that are not exact, under which too many robots are expected at {listed}"
            )
        return lines

    def _share(self) -> str:
        return f"{100 * self.reward / self.programme:.1f} %" if self.programme > 0 else "in place"

    def _prices(self) -> str:
        order = np.argsort(self.slot_value)[::-1][:_MOST_SHOWN]
        least = _WORTH * max(abs(self.programme), abs(self.reward)) / max(1, sum(self.limits))
        dear = [f"{self.slot_value[p]:.2g} a tick at {self.places[p]}" for p in order if self.slot_value[p] > least]
        return f"one more slot is worth {', '.join(dear)}" if dear else "one more slot would be worth nothing anywhere"
