"""Searches for a pair of policies from which neither side gains by any response that is tried.

A best response answers what it is told about the other side, and where information is missing it is no best response: G-LEARN
for k reports takes them to be the same robots at every tick, L-LEARN takes the coordinator's behaviour as it was seen. So
alternating them ends where their own answers gain no more, although other policies would. This search tries more answers,
and from several starts:

    for each start, the one that earns most first, while there is time:
        repeat   try the responses of both sides, one after the other; keep one that gains
        until    no response of either side gains beyond the error of its comparison
    keep the best pair of all

How pairs are compared, and which responses are tried, is an `Arena`'s: exactly for teams that can be enumerated, and otherwise
by episodes with common random numbers, of which there are more as long as a comparison is undecided (`sampled_gain`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Generic, Iterable, Iterator, Protocol, TypeVar

import numpy as np

from altmarl_ros.arrays import FloatArray
from altmarl_ros.errors import AltmarlError

PairT = TypeVar("PairT")

SIDES = ("global", "local")
"""Who responds: the coordinator, or all robots."""


@dataclass(frozen=True)
class Gain:
    """How much more one pair earns than another.

    Attributes:
        mean: difference of the team's discounted rewards.
        error: its standard error; 0 if it is exact.
    """

    mean: float
    error: float = 0.0

    def certain(self, confidence: float) -> bool:
        """Whether the gain is above 0 by `confidence` of its errors."""
        return self.mean > confidence * self.error


class Arena(Protocol[PairT]):
    """Makes responses to pairs, and compares pairs."""

    def responses(self, side: str, held: PairT) -> Iterable[PairT]:
        """Make pairs in which one side, of SIDES, plays otherwise than in `held`; the likeliest to gain come first."""

    def gain(self, candidate: PairT, held: PairT, confidence: float) -> Gain:
        """Compare two pairs, by more and more episodes while the difference is within `confidence` of its errors."""


@dataclass(frozen=True)
class SearchResult(Generic[PairT]):
    """What a search found.

    Attributes:
        pair: the best pair.
        closed: whether all responses of both sides to that pair were tried and none gained; false if time ran out before.
        starts: number of starts that were compared.
        tried: number of comparisons.
        kept: number of responses that gained.
    """

    pair: PairT
    closed: bool
    starts: int
    tried: int
    kept: int


class Search(Generic[PairT]):
    """A search with a limit of time.

    Attributes:
        tried: number of comparisons so far.
        kept: number of responses so far that gained.
    """

    def __init__(
        self,
        arena: Arena[PairT],
        seconds: float,
        *,
        confidence: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        on_kept: Callable[[PairT, Gain], None] | None = None,
    ) -> None:
        """Begin; the time runs from now on.

        Args:
            arena: makes and compares pairs.
            seconds: time after which no further response is tried; one that is under way ends later.
            confidence: errors by which a response must gain to be kept.
            clock: the time [s].
            on_kept: called with every pair that is kept and its gain; may raise to end the search.

        Raises:
            AltmarlError: the time or the confidence is negative.
        """
        for name, value in (("seconds", seconds), ("confidence", confidence)):
            if not value >= 0.0:
                raise AltmarlError(f"{name} is {value}, must not be negative")
        self._arena, self._confidence, self._on_kept = arena, confidence, on_kept
        self._clock, self._end = clock, clock() + seconds
        self.tried = self.kept = 0

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self._clock() >= self._end

    def run(self, starts: Iterable[PairT]) -> SearchResult[PairT]:
        """Climb from the starts, the best one first, and return the best pair; from one of them there is at least one step.

        Raises:
            AltmarlError: there is no start.
        """
        drawn = list(self._drawn(starts))
        if not drawn:
            raise AltmarlError("a search for responses needs a pair to start from")
        order = sorted(drawn, key=lambda start: -self._arena.gain(start, drawn[0], self._confidence).mean)
        best, closed = self.climb(order[0])
        for start in order[1:]:
            if self.over:
                break
            pair, at_end = self.climb(start)
            if self._arena.gain(pair, best, self._confidence).mean > 0.0:
                best, closed = pair, at_end
        return SearchResult(best, closed, len(drawn), self.tried, self.kept)

    def _drawn(self, starts: Iterable[PairT]) -> Iterator[PairT]:
        for start in starts:
            yield start
            if self.over:
                return

    def climb(self, held: PairT) -> tuple[PairT, bool]:
        """Keep responses that gain until none does; the second result is false if time ran out before."""
        waiting = list(SIDES)
        while waiting:
            better = self._response(waiting[0], held)
            if better is not None:
                held, waiting = better, [waiting[0], *(side for side in SIDES if side != waiting[0])]
            elif self.over:
                return held, False
            else:
                del waiting[0]
        return held, True

    def _response(self, side: str, held: PairT) -> PairT | None:
        for candidate in self._arena.responses(side, held):
            if self.over and self.tried:
                return None
            self.tried += 1
            gain = self._arena.gain(candidate, held, self._confidence)
            if gain.certain(self._confidence):
                self.kept += 1
                if self._on_kept:
                    self._on_kept(candidate, gain)
                return candidate
        return None


class SampledArena(Generic[PairT]):
    """Compares pairs by episodes with common random numbers, which come in blocks.

    Block b has its own starts and random numbers, the same for every pair; see `sampled_gain`.
    """

    def __init__(
        self,
        play: Callable[[PairT, int], FloatArray],
        propose: Callable[[str, PairT], Iterable[PairT]],
        *,
        most_blocks: int = 8,
        worth: float = 0.0,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Make an arena.

        Args:
            play: returns the discounted rewards of a pair in the episodes of a block [runs].
            propose: returns the responses of a side, of SIDES, to a pair.
            most_blocks: blocks of one comparison at most.
            worth: share of the reward below which a gain is not looked for.
            over: whether the time is used up; a comparison that is undecided then stays so.
        """
        self._play, self._propose, self._over = play, propose, over
        self._most, self._worth = most_blocks, worth

    def responses(self, side: str, held: PairT) -> Iterable[PairT]:
        """See Arena."""
        return self._propose(side, held)

    def gain(self, candidate: PairT, held: PairT, confidence: float) -> Gain:
        """See Arena."""
        return sampled_gain(
            lambda block: self._play(candidate, block),
            lambda block: self._play(held, block),
            confidence=confidence,
            most_blocks=self._most,
            worth=self._worth,
            over=self._over,
        )


def sampled_gain(
    candidate: Callable[[int], FloatArray],
    held: Callable[[int], FloatArray],
    *,
    confidence: float,
    most_blocks: int,
    worth: float = 0.0,
    over: Callable[[], bool] = lambda: False,
) -> Gain:
    """Compare two pairs in one block of episodes, and in twice as many as before while the comparison is undecided.

    Args:
        candidate: returns the discounted rewards of one pair in the episodes of a block [runs].
        held: returns those of the other pair in the same episodes.
        confidence: errors by which one must be better than the other for the comparison to be decided.
        most_blocks: blocks at most.
        worth: share of the reward; the comparison is decided as well where the candidate gains less by `confidence` errors.
        over: whether to stop with what there is.
    """
    differences: list[FloatArray] = []
    rewards: list[FloatArray] = []
    while True:
        for block in range(len(differences), max(1, min(2 * len(differences), most_blocks))):
            rewards.append(held(block))
            differences.append(candidate(block) - rewards[-1])
        difference = np.concatenate(differences)
        error = float(difference.std(ddof=1)) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
        gain, margin = Gain(float(difference.mean()), float(error)), confidence * float(error)
        nothing = gain.mean + margin < worth * abs(float(np.concatenate(rewards).mean()))
        if abs(gain.mean) > margin or nothing or not difference.any() or len(differences) >= most_blocks or over():
            return gain
